/**
 * Nodes that call out their URLs on the local network, as Java nodes do: each packet is the URL of its sender, nothing else.
 * Anybody on the network can call out: the digest of the secret goes to whatever URL is heard, unless `allow` says no. Book section 9.5.5.
 */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Discovery, Seeker } from './discovery.ts';

/** Times in ms; the defaults are those of Java nodes. */
export interface MulticastOptions {
  /** Which URLs may be gone to. There is no default: `() => true` trusts everybody on the network. */
  readonly allow: (url: string) => boolean;
  /** Address the receiver is bound to. Default all. */
  readonly bindAddress?: string;
  /** Default 239.255.0.1; may be IPv6. */
  readonly groupAddress?: string;
  /** Default 5577. */
  readonly groupPort?: number;
  /** Addresses of the interfaces to listen on. Default all that are not loopback. */
  readonly groupInterfaces?: readonly string[];
  /** Routers a packet may pass. Default 1: none. */
  readonly timeToLive?: number;
  /** Pause between two calls. Default 2000. */
  readonly advertiseInterval?: number;
  /** How long a node that was heard may take until it is reached. Default 2000. */
  readonly connectTimeout?: number;
  /** Longest packet, in bytes. Default 1400. */
  readonly maxTransmissionLength?: number;
}

/** Attempts under way at a time: a flood of false calls opens no flood of connections. */
const ATTEMPTS = 16;

export function multicastDiscovery(options: MulticastOptions): Discovery {
  if (typeof options?.allow !== 'function')
    throw new TypeError("The multicast discovery takes an option 'allow': a function that says which URLs are trusted");
  const { allow, bindAddress, groupAddress = '239.255.0.1', groupPort = 5577, timeToLive = 1 } = options;
  const { advertiseInterval = 2_000, connectTimeout = 2_000, maxTransmissionLength = 1_400 } = options;
  const type = isIPv6(groupAddress) ? 'udp6' : 'udp4';
  const interfaces = options.groupInterfaces ?? interfacesOf(type);
  const attempts = new Set<string>();
  let receiver: Socket | undefined;
  let sender: Socket | undefined;
  let timer: NodeJS.Timeout | undefined;

  const heard = (seeker: Seeker, packet: Buffer): void => {
    const url = packet.subarray(0, maxTransmissionLength).toString('utf8');
    if (url === seeker.url || attempts.has(url) || attempts.size >= ATTEMPTS) return;
    if (!URL.canParse(url) || seeker.knownComets.includes(url)) return;
    try {
      if (!allow(url)) return;
    } catch (error) {
      return seeker.failed(error);
    }
    attempts.add(url);
    seeker
      .attempt(url, connectTimeout)
      .catch((error: unknown) => seeker.failed(error))
      .finally(() => attempts.delete(url));
  };

  return {
    start: async (seeker) => {
      receiver = await bound(type, groupPort, bindAddress);
      const failures: unknown[] = [];
      for (const address of interfaces)
        try {
          receiver.addMembership(groupAddress, address);
        } catch (error) {
          failures.push(error);
        }
      if (failures.length === interfaces.length) {
        receiver.close();
        receiver = undefined;
        throw new Error(`No network interface takes part in the multicast group ${groupAddress}`, {
          cause: failures[0],
        });
      }
      receiver.on('error', (error) => seeker.failed(error));
      receiver.on('message', (packet) => heard(seeker, packet));
      const packet = Buffer.from(seeker.url, 'utf8');
      if (packet.length > maxTransmissionLength)
        return seeker.failed(
          new RangeError(`The URL ${seeker.url} is longer than maxTransmissionLength: it is not called out`),
        );
      sender = await bound(type, 0, undefined);
      sender.on('error', (error) => seeker.failed(error));
      sender.setMulticastTTL(timeToLive);
      const only = options.groupInterfaces?.[0];
      if (only !== undefined) sender.setMulticastInterface(only);
      const call = (): void =>
        sender?.send(packet, groupPort, groupAddress, (error) => {
          if (error) seeker.failed(error);
        });
      call();
      timer = setInterval(call, advertiseInterval);
      timer.unref();
    },
    stop: async () => {
      clearInterval(timer);
      await Promise.all([receiver, sender].map((socket) => socket && closed(socket)));
      receiver = undefined;
      sender = undefined;
    },
  };
}

function interfacesOf(type: 'udp4' | 'udp6'): string[] {
  const family = type === 'udp4' ? 'IPv4' : 'IPv6';
  return Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) =>
    addresses
      .filter((one) => one.family === family && !one.internal)
      .map(({ address }) => (type === 'udp4' ? address : `${address}%${name}`)),
  );
}

function bound(type: 'udp4' | 'udp6', port: number, address: string | undefined): Promise<Socket> {
  const socket = createSocket({ type, reuseAddr: true });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind({ port, ...(address !== undefined && { address }) }, () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.close(() => resolve()));
}
