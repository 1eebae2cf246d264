/** Which address a request counts for, and what each address has taken up: bounded, however many addresses knock. */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** How the address of a client is found. */
export interface AddressRules {
  /** Proxies in front of this server whose `X-Forwarded-For` is believed; 0 believes nobody. */
  readonly trustedProxies: number;
  /** Names the client itself, in place of all else; undefined for one that is not counted. */
  readonly clientAddress: ((request: IncomingMessage) => string | undefined) | undefined;
}

/** What one address has taken up. */
export interface Account {
  readonly address: string;
  /** When its bucket of handshakes is full again. */
  handshakes: number;
  sessions: number;
  connections: number;
}

/** Accounts that are kept at a time. Addresses beyond them share one. */
const MOST_ACCOUNTS = 100_000;
/** Longest name that `clientAddress` may give; the rest is cut off. */
const LONGEST_NAME = 255;
/** Groups of an IPv6 address that name a network: one customer has a whole /64. */
const NETWORK_GROUPS = 4;

/**
 * The address a request counts for: an IPv4 address, the /64 of an IPv6 address, or what `clientAddress` says. Undefined
 * is not counted: a Unix socket, or this machine itself, be it a tool on it or a proxy nobody has told us of.
 */
export function addressOf(request: IncomingMessage, rules: AddressRules): string | undefined {
  if (rules.clientAddress) return rules.clientAddress(request)?.slice(0, LONGEST_NAME);
  const own = networkOf(request.socket.remoteAddress);
  const network = forwarded(request, rules.trustedProxies) ?? own;
  return network === undefined || isLoopback(network) ? undefined : network;
}

/** What the outermost trusted proxy saw. Everything left of it was written by those nobody trusts. */
function forwarded(request: IncomingMessage, hops: number): string | undefined {
  const header = request.headers['x-forwarded-for'];
  if (hops === 0 || header === undefined) return undefined;
  const seen = String(header).split(',');
  return networkOf(withoutPort((seen.at(-hops) ?? seen[0] ?? '').trim()));
}

/** Some proxies write the port, too. */
function withoutPort(text: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
}

/** An IPv4 address as it is, an IPv6 address as the first four groups of it; undefined for what is neither. */
export function networkOf(address: string | undefined): string | undefined {
  if (address === undefined) return undefined;
  const version = isIP(address);
  if (version === 4) return address;
  if (version === 0) return undefined;
  const plain = address.replace(/%.*$/, '').toLowerCase();
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(plain);
  if (mapped) return mapped[1];
  if (plain === '::1') return plain;
  const [head = '', tail] = plain.replace(/\d+\.\d+\.\d+\.\d+$/, '0:0').split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  const network = all.slice(0, NETWORK_GROUPS).map((group) => Number.parseInt(group, 16).toString(16));
  return `${network.join(':')}::/64`;
}

function isLoopback(network: string): boolean {
  return network === '::1' || network.startsWith('127.');
}

/** The accounts of all addresses that have something, or had it a moment ago. */
export class Addresses {
  readonly #accounts: Map<string, Account> = new Map();
  readonly #most: number;
  readonly #shared: Account = { address: 'others', handshakes: 0, sessions: 0, connections: 0 };

  constructor(most: number = MOST_ACCOUNTS) {
    this.#most = most;
  }

  get size(): number {
    return this.#accounts.size;
  }

  /** The account of an address, if it has one; the common one when it could have no other. */
  find(address: string): Account | undefined {
    return this.#accounts.get(address) ?? (this.#accounts.size >= this.#most ? this.#shared : undefined);
  }

  /** The account of an address; the common one when there are too many. */
  open(address: string): Account {
    const known = this.find(address);
    if (known) return known;
    const account: Account = { address, handshakes: 0, sessions: 0, connections: 0 };
    this.#accounts.set(address, account);
    return account;
  }

  /** Forgets the accounts that have nothing, and whose bucket is full. */
  sweep(now: number): void {
    for (const account of this.#accounts.values()) {
      if (account.sessions === 0 && account.connections === 0 && account.handshakes <= now)
        this.#accounts.delete(account.address);
    }
  }
}
