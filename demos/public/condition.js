/** How the line is, for everybody to see: every status of the client in plain words, with the seconds to the next try. */
import { nextTry, stateText } from './words.js';

const showBackFor = 4_000;
const showGapFor = 10_000;

/** Why the client has ended, for people. Whoever wants to know more finds it in the console. */
export function endOf({ error }) {
  if (error?.status === 403) return 'The server does not let us in any more.';
  if (error && error.code !== 'closed') return 'The server refused to go on.';
  return 'The server has ended the conversation.';
}

export class Condition {
  #parts;
  #tell;
  #state = 'connecting';
  #wasUp = false;
  #interrupted = false;
  #settling;
  #counting;

  /**
   * @param parts elements: { state, text, next } in the house, { door, doorNext } before it, { end, why } for the end
   * @param tell says a line in the conversation, in a tone
   */
  constructor(parts, tell) {
    this.#parts = parts;
    this.#tell = tell;
  }

  /** @param {import('/lib/client.js').Status} status */
  show(status) {
    this.#calm();
    switch (status.type) {
      case 'connecting':
        return this.#be('connecting');
      case 'connected':
        return this.#connected(status);
      case 'degraded':
        return this.#be(navigator.onLine ? 'slow' : 'offline');
      case 'unconnected':
        this.#lost();
        this.#be(this.#wasUp ? 'lost' : 'silent');
        return this.#count(status.nextTry);
      case 're-handshaking':
        if (this.#state !== 'forgotten') this.#be(this.#wasUp ? 'rejoining' : 'connecting');
        return;
      case 'session-lost':
        this.#lost();
        return this.#be('forgotten');
      case 'terminated':
        return this.end(endOf(status));
    }
  }

  /** It goes on only if somebody wishes so. */
  end(why) {
    this.#calm();
    this.#interrupted = true;
    this.#be('ended');
    this.#parts.end.hidden = false;
    this.#parts.why.textContent = why;
  }

  /** Nothing to show any more: we have left. */
  reset() {
    this.#calm();
    this.#wasUp = false;
    this.#interrupted = false;
    this.#be('connecting');
  }

  #calm() {
    clearTimeout(this.#settling);
    clearInterval(this.#counting);
    const { next, doorNext, end, why } = this.#parts;
    next.textContent = '';
    doorNext.textContent = '';
    why.textContent = '';
    end.hidden = true;
  }

  #connected({ gap }) {
    const back = this.#wasUp && this.#interrupted;
    this.#wasUp = true;
    this.#interrupted = false;
    if (!back) return this.#be('connected');
    this.#be(gap ? 'gap' : 'back');
    const missed = gap ? ' The last messages of the room are here; private ones may be missing.' : '';
    this.#tell(`The connection is back.${missed}`, 'back');
    this.#settling = setTimeout(() => this.#be('connected'), gap ? showGapFor : showBackFor);
  }

  #lost() {
    if (this.#wasUp && !this.#interrupted) this.#tell('The connection is lost. Trying again until it is back.', 'lost');
    this.#interrupted = true;
  }

  #count(ms) {
    const until = performance.now() + ms;
    const tick = () => {
      const left = Math.ceil((until - performance.now()) / 1000);
      if (left <= 0) clearInterval(this.#counting);
      const text = nextTry(left);
      this.#parts.next.textContent = text;
      if (!this.#wasUp) this.#parts.doorNext.textContent = `: ${text}.`;
    };
    this.#counting = setInterval(tick, 250);
    tick();
  }

  #be(state) {
    this.#state = state;
    const { state: badge, text, door } = this.#parts;
    badge.dataset.state = state;
    text.textContent = stateText[state];
    door.textContent = this.#wasUp || state === 'connecting' ? '' : stateText[state];
  }
}
