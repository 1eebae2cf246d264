/** How the mesh is: each pair of links, and what that means for the whole. For status pages. */
import type { EngineStatus, LinkInfo, Member } from '../engine.ts';
import type { Link } from './link.ts';
import type { Membership } from './membership.ts';

interface Guest {
  readonly member: Member;
  readonly since: number;
}

export function linksOf(membership: Membership, links: Iterable<Link>, guests: Iterable<Guest>): LinkInfo[] {
  const infos: LinkInfo[] = [];
  const seen = new Set<string>();
  for (const link of links) {
    const id = membership.reached(link.number)?.id ?? link.member?.id ?? null;
    if (id !== null) seen.add(id);
    infos.push({
      url: link.member?.url ?? link.url,
      id,
      out: link.state,
      in: (id === null ? undefined : membership.stateOf(id)) ?? 'none',
      queued: link.queued,
      since: link.since,
      problem: link.hasFailed ? link.reason : '',
    });
  }
  for (const { member, since } of guests) {
    const state = seen.has(member.id) ? undefined : membership.stateOf(member.id);
    if (state) infos.push({ url: member.url, id: member.id, out: 'none', in: state, queued: 0, since, problem: '' });
  }
  return infos;
}

/** @param patience how long half a pair may be half, in ms */
export function statusOf(infos: readonly LinkInfo[], patience: number): EngineStatus {
  const problems: string[] = [];
  let whole = 0;
  for (const info of infos) {
    if (info.in === 'joined') whole++;
    const problem = problemOf(info, patience);
    if (problem !== '') problems.push(problem);
  }
  if (problems.length === 0) return { state: 'up', reason: '' };
  return { state: whole > 0 ? 'degraded' : 'down', reason: problems.sort().join('; ') };
}

function problemOf({ url, out, in: inward, since, problem }: LinkInfo, patience: number): string {
  if (problem !== '') return `${url} cannot be reached: ${problem}`;
  if (out === 'up' && inward === 'joined') return '';
  if (Date.now() - since < patience) return '';
  if (out === 'none') return `${url} has come here, and there is no link to it`;
  if (inward === 'none') return `${url} does not connect back: can it reach the URL of this node?`;
  return `${url} has not joined yet`;
}
