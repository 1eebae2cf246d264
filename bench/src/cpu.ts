/** Reads how long a process and a CPU were busy, from the counters of the Linux kernel. */
import { readdirSync, readFileSync } from 'node:fs';

/** The kernel's clock tick, in which /proc/stat counts. */
const TICK_NS = 10_000_000;

/** Time on the CPU of all threads of a process in ns, or `undefined` where the kernel does not tell. */
export function processTime(pid: number): number | undefined {
  try {
    let total = 0;
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      total += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ', 1)[0]);
    }
    return total;
  } catch {
    return undefined;
  }
}

/** The same for a process and all that it has started, and those have started. */
export function familyTime(pid: number): number | undefined {
  return familyOf(pid).reduce<number | undefined>((sum, one) => {
    const time = processTime(one);
    // Who ended meanwhile is left out.
    return time === undefined ? sum : (sum ?? 0) + time;
  }, undefined);
}

/** Resident bytes of a process and all below it, or `undefined` where the kernel does not tell. */
export function familyMemory(pid: number): number | undefined {
  let total = 0;
  for (const one of familyOf(pid)) {
    try {
      const resident = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${one}/status`, 'latin1'))?.[1];
      total += Number(resident ?? 0) * 1_024;
    } catch {
      return undefined;
    }
  }
  return total;
}

function familyOf(pid: number): number[] {
  const family = [pid];
  try {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      const children = readFileSync(`/proc/${pid}/task/${task}/children`, 'latin1').trim();
      if (children !== '') family.push(...children.split(' ').flatMap((child) => familyOf(Number(child))));
    }
  } catch {
    // It has ended, or there is no /proc: then there is nothing below it that could be measured.
    return family;
  }
  return family;
}

/** Time one CPU was busy in ns, with what a hypervisor took away; or `undefined` where the kernel does not tell. */
export function busyTime(cpu: number): number | undefined {
  try {
    const line = new RegExp(`^cpu${cpu} (.*)$`, 'm').exec(readFileSync('/proc/stat', 'latin1'))?.[1];
    if (line === undefined) return undefined;
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(' ').map(Number);
    return (user + nice + system + irq + softirq + steal) * TICK_NS;
  } catch {
    return undefined;
  }
}
