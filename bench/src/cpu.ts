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
