/** The words of the cluster as Java nodes write them: channels, fields, ids. Book section 9.5; the same since CometD 3.1.8. */

/** The list of known nodes, published by one node to another. */
export const OORT_CLOUD = '/oort/cloud';
/** Where a node tells another that it has joined. */
export const OORT_SERVICE = '/service/oort';
/** Presence of users, and messages to users nobody is known to have. */
export const SETI_ALL = '/seti/all';

/** Name of a node as part of a channel: all but letters and digits become `_`, runs of them one. Two URLs that differ only there collide. */
export function setiId(url: string): string {
  return url.replace(/[^A-Za-z0-9]+/g, '_');
}

/** Where one node hears of users: what is sent to them, and who is present elsewhere. */
export function setiChannel(url: string): string {
  return `/seti/${setiId(url)}`;
}

/** Broadcasts of an object. */
export function objectChannel(name: string): string {
  return `/oort/objects/${name}`;
}

/** Messages about an object from one node to another. */
export function objectServiceChannel(name: string): string {
  return `/service/oort/objects/${name}`;
}

/** Requests to whichever node feels responsible. */
export function serviceBroadcastChannel(name: string): string {
  return `/oort/service/${name}`;
}

/** Requests to one node. */
export function serviceChannel(name: string): string {
  return `/service/oort/service/${name}`;
}

/** Answers. */
export function serviceResultChannel(name: string): string {
  return `/service/oort/service/${name}/result`;
}
