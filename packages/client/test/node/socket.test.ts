import { nodePlatform } from '@cometd-ts/client/node';
import { expect, test } from 'vitest';
import { listen, talk } from './surroundings.ts';

const unanswered = (): void => undefined;

test('A WebSocket carries text both ways, header fields with Origin, and the subprotocol', async () => {
  const { host, upgrades } = await listen(unanswered);
  const platform = nodePlatform({ headers: { Origin: 'http://shop.test', 'X-Who': 'platform' }, proxy: false });
  const how = { headers: { 'x-who': 'request' }, protocol: 'bayeux' };
  const { received, code, errors } = await talk(platform, `ws://${host}/cometd`, ['ä€😀', 'zwei'], how);
  expect(received).toEqual(['ä€😀', 'zwei']);
  expect(code).toBe(1000);
  expect(errors).toEqual([]);
  expect(upgrades[0]?.headers).toMatchObject({
    origin: 'http://shop.test',
    'x-who': 'request',
    'sec-websocket-protocol': 'bayeux',
  });
});

test('Compression is offered only when asked for', async () => {
  const { host, upgrades } = await listen(unanswered);
  await talk(nodePlatform({ proxy: false }), `ws://${host}/`, ['one']);
  await talk(nodePlatform({ proxy: false, perMessageDeflate: true }), `ws://${host}/`, ['one']);
  expect(upgrades[0]?.headers['sec-websocket-extensions']).toBeUndefined();
  expect(upgrades[1]?.headers['sec-websocket-extensions']).toMatch(/^permessage-deflate/);
});

test('A message of the most bytes arrives; a longer one ends the WebSocket with an error', async () => {
  const { host } = await listen(unanswered);
  const platform = nodePlatform({ proxy: false, maxPayload: 100 });
  expect((await talk(platform, `ws://${host}/`, ['x'.repeat(100)])).received).toHaveLength(1);
  const { received, errors } = await talk(platform, `ws://${host}/`, ['x'.repeat(101)]);
  expect(received).toEqual([]);
  expect(errors[0]?.message).toMatch(/Max payload size exceeded/);
});

test('A refused upgrade is an error that has the status, and then the end', async () => {
  const { host, server } = await listen(unanswered);
  server.removeAllListeners('upgrade');
  server.on('upgrade', (_request, socket) => socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n'));
  const { errors, code } = await talk(nodePlatform({ proxy: false }), `ws://${host}/`, []);
  expect(errors).toMatchObject([{ httpCode: 401, message: 'The server refused the WebSocket with status 401' }]);
  expect(code).toBe(1006);
});

test('No server is an error, and then the end', async () => {
  const { errors, code } = await talk(nodePlatform({ proxy: false }), 'ws://127.0.0.1:1/', []);
  expect(errors).toHaveLength(1);
  expect(errors[0]?.message).toMatch(/ECONNREFUSED/);
  expect(code).toBe(1006);
});

test('Closing before it is open is the end, and the server is never asked', async () => {
  const { host, connections } = await listen(unanswered);
  const socket = nodePlatform({ proxy: false }).openWebSocket(`ws://${host}/`, null, {});
  expect(() => socket.send('early')).toThrow('The WebSocket is not open');
  const events: string[] = [];
  const closed = new Promise<void>((resolve) => {
    socket.onerror = () => events.push('error');
    socket.onclose = ({ code }: { code: number }) => {
      events.push(`close ${code}`);
      resolve();
    };
  });
  socket.close();
  socket.close();
  expect(events).toEqual([]);
  await closed;
  expect(events).toEqual(['error', 'close 1006']);
  expect(connections()).toBe(0);
});

test('A WebSocket that the server closes tells its code, and one that is cut tells 1006', async () => {
  const closing = await listen(unanswered, { welcome: (socket) => socket.close(4321, 'bye') });
  const cutting = await listen(unanswered, { welcome: (socket) => socket.terminate() });
  const platform = nodePlatform({ proxy: false });
  expect((await talk(platform, `ws://${closing.host}/`, [], { expect: 1 })).code).toBe(4321);
  expect((await talk(platform, `ws://${cutting.host}/`, [], { expect: 1 })).code).toBe(1006);
});
