import { describe, expect, it } from 'vitest';
import { joinMetrics } from '../../src/workers/metrics.ts';

describe('metrics of several processes', () => {
  it('name each family once, and keep all samples', () => {
    const text = (worker: number, more = ''): string =>
      `# HELP a What\n# TYPE a gauge\na{worker="${worker}"} 1\n\n# HELP b_total That\n# TYPE b_total counter\nb_total{worker="${worker}"} 2\n${more}`;
    expect(joinMetrics([text(1), '', text(2, '\n# HELP c Only here\n# TYPE c gauge\nc{worker="2"} 3\n')])).toBe(
      [
        '# HELP a What\n# TYPE a gauge\na{worker="1"} 1\na{worker="2"} 1',
        '# HELP b_total That\n# TYPE b_total counter\nb_total{worker="1"} 2\nb_total{worker="2"} 2',
        '# HELP c Only here\n# TYPE c gauge\nc{worker="2"} 3\n',
      ].join('\n\n'),
    );
  });
});
