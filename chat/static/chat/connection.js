// One conversation's socket: hello, heart-beat, and back-off until it is there again.
// It knows frames only by the few types that the line itself needs; what they mean is for others.

const FIRST_WAIT = 500; // ms before the first new try; doubles up to LONGEST_WAIT
const LONGEST_WAIT = 15_000;
const HEARTBEAT = 25_000; // ms between pings on a quiet line
const PONG_WITHIN = 8_000; // ms until a silent line counts as dead
const LOOK_WITHIN = 3_000; // the same, when the browser says that the network changed
const FORBIDDEN = 4403;

/**
 * Events: `state` (detail "connecting", "online", "waiting" or "forbidden"), `frame` (detail: a
 * server frame), `caught-up` once after every hello, when the snapshot is complete.
 */
export class Connection extends EventTarget {
  #url;
  #token;
  #cursor;
  #socket = null;
  #state = "closed";
  #tries = 0;
  #retryTimer;
  #beatTimer;
  #pongTimer;
  #ears = new AbortController();

  /** `cursor` is a function: the last `rev` that the client has seen. */
  constructor(url, token, cursor) {
    super();
    this.#url = url;
    this.#token = token;
    this.#cursor = cursor;
    const { signal } = this.#ears;
    addEventListener("online", () => this.#look(), { signal });
    addEventListener("offline", () => this.#look(), { signal });
    document.addEventListener("visibilitychange", () => document.hidden || this.#look(), { signal });
  }

  get state() {
    return this.#state;
  }

  open() {
    clearTimeout(this.#retryTimer);
    this.#drop();
    if (this.#state !== "waiting") this.#become("connecting"); // it waits until it is back
    const socket = new WebSocket(this.#url);
    this.#socket = socket;
    socket.onopen = () => this.#greet();
    socket.onmessage = (event) => socket === this.#socket && this.#hear(JSON.parse(event.data));
    socket.onclose = (event) => socket === this.#socket && this.#lost(event.code);
    this.#expectPong(PONG_WITHIN); // a handshake that hangs is a dead line, too
  }

  /** Send now, or say that it cannot be: false. Nothing is kept here. */
  send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  close() {
    this.#ears.abort();
    clearTimeout(this.#retryTimer);
    this.#drop();
    this.#become("closed");
  }

  #greet() {
    this.send({ type: "hello", token: this.#token, rev: this.#cursor() });
    this.#ping(PONG_WITHIN); // its answer marks the end of the snapshot
  }

  #hear(frame) {
    if (frame.type === "pong") this.#pong();
    else this.dispatchEvent(new CustomEvent("frame", { detail: frame }));
  }

  #pong() {
    clearTimeout(this.#pongTimer);
    clearTimeout(this.#beatTimer);
    this.#beatTimer = setTimeout(() => this.#ping(PONG_WITHIN), HEARTBEAT);
    if (this.#state === "online") return;
    this.#tries = 0;
    this.#become("online");
    this.dispatchEvent(new Event("caught-up"));
  }

  #ping(within) {
    if (this.send({ type: "ping" })) this.#expectPong(within);
  }

  #expectPong(within) {
    clearTimeout(this.#pongTimer);
    this.#pongTimer = setTimeout(() => this.#lost(), within);
  }

  /** The network or the tab changed: try at once, or find out whether the line still lives. */
  #look() {
    if (this.#state === "waiting") this.open();
    else if (this.#state === "online") this.#ping(LOOK_WITHIN);
  }

  #lost(code) {
    this.#drop();
    if (code === FORBIDDEN) {
      this.#become("forbidden");
      return;
    }
    const longest = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.#tries++);
    // Spread out, so that a restarted server is not met by everybody at once.
    this.#retryTimer = setTimeout(() => this.open(), longest * (0.5 + Math.random() / 2));
    this.#become("waiting");
  }

  #drop() {
    clearTimeout(this.#pongTimer);
    clearTimeout(this.#beatTimer);
    const socket = this.#socket;
    this.#socket = null; // its late events are no longer heard
    socket?.close();
  }

  #become(state) {
    if (state === this.#state) return;
    this.#state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: state }));
  }
}
