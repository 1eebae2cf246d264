/** WebSocket whose other end is the test. */
import { type Message, replyTo } from './message.ts';
import { jobsDone } from './virtual-clock.ts';

type Handler = ((event: Record<string, unknown>) => void) | null;

export class FakeWebSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;

  readonly url: string;
  readonly protocol: string | undefined;
  /** How many arguments the constructor was given. */
  readonly argumentCount: number;
  readyState: number = FakeWebSocket.CONNECTING;
  onopen: Handler = null;
  onmessage: Handler = null;
  onclose: Handler = null;
  onerror: Handler = null;
  /** What the client wrote, one entry per frame. */
  readonly frames: Message[][] = [];
  readonly texts: string[] = [];
  /** How the client closed its end. */
  closed: { code: number | undefined; reason: string | undefined } | null = null;
  #taken = new Set<Message>();

  constructor(sockets: FakeWebSocket[], args: readonly string[]) {
    this.url = args[0] as string;
    this.protocol = args[1];
    this.argumentCount = args.length;
    sockets.push(this);
  }

  send(text: string): void {
    if (this.readyState !== FakeWebSocket.OPEN) throw new Error('the socket is not open');
    this.texts.push(text);
    this.frames.push(JSON.parse(text) as Message[]);
  }

  close(code?: number, reason?: string): void {
    if (this.readyState >= FakeWebSocket.CLOSING) return;
    this.readyState = FakeWebSocket.CLOSING;
    this.closed = { code, reason };
  }

  /** The oldest message on a channel that was not taken yet. */
  take(channel: string): Message {
    const message = this.frames.flat().find((one) => one.channel === channel && !this.#taken.has(one));
    if (!message) throw new Error(`no ${channel} in ${JSON.stringify(this.frames)}`);
    this.#taken.add(message);
    return message;
  }

  async open(): Promise<void> {
    this.readyState = FakeWebSocket.OPEN;
    this.onopen?.({ type: 'open' });
    await jobsDone();
  }

  async say(...messages: Message[]): Promise<void> {
    await this.write(JSON.stringify(messages));
  }

  async write(text: string): Promise<void> {
    this.onmessage?.({ type: 'message', data: text });
    await jobsDone();
  }

  /** Agrees with the oldest message on a channel that was not answered yet. */
  async reply(channel: string, fields: Message = {}): Promise<Message> {
    const message = this.take(channel);
    await this.say(replyTo(message, fields));
    return message;
  }

  /** The other end closes, or confirms that it is closed. */
  async end(code = 1000, reason = ''): Promise<void> {
    this.readyState = FakeWebSocket.CLOSED;
    this.onclose?.({ type: 'close', code, reason, wasClean: code === 1000 });
    await jobsDone();
  }

  /** The connection breaks: error first, then close 1006, as in browsers. */
  async break(): Promise<void> {
    this.readyState = FakeWebSocket.CLOSED;
    this.onerror?.({ type: 'error' });
    this.onclose?.({ type: 'close', code: 1006, reason: '', wasClean: false });
    await jobsDone();
  }
}
