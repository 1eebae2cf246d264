/** The metrics of several processes as one text: each family once, with the samples of all. */

/** Puts texts of the Prometheus format together. Their samples must differ, by a label `worker`, say. */
export function joinMetrics(texts: readonly string[]): string {
  const families = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  for (const text of texts) {
    let family = { head: [] as string[], samples: [] as string[] };
    for (const line of text.split('\n')) {
      const [, kind, name = ''] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (kind === undefined) {
        if (line !== '') family.samples.push(line);
        continue;
      }
      const known = families.get(name);
      family = known ?? { head: [], samples: [] };
      if (!known) families.set(name, family);
      if (!family.head.some((other) => other.startsWith(`# ${kind} `))) family.head.push(line);
    }
  }
  return `${[...families.values()].map(({ head, samples }) => [...head, ...samples].join('\n')).join('\n\n')}\n`;
}
