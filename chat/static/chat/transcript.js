// What the client knows of one conversation: pure state, pieced together from frames.
// Rows are replaced, never changed in place, so a view can tell by identity what to draw again.

const RUNNING = ["queued", "streaming"];
const RETRYABLE = ["stopped", "interrupted", "failed"];

export class Transcript {
  rows = new Map(); // seq -> {seq, rev, role, text, state, attempt, created, sentiment, ...}
  unsent = []; // the visitor's messages that no row stands for yet
  lines = []; // changes of status worth a line: {after: seq, status}
  rev = 0;
  status = "bot";
  bot = null;
  greeting = null;
  loading = false; // the model is not there yet
  #promised = null; // {rev, status} of a `ready` whose snapshot is still coming in

  apply(frame) {
    this[`_${frame.type}`]?.(frame);
  }

  /** The snapshot that `ready` announced has come in whole. */
  caughtUp() {
    if (!this.#promised) return;
    const { rev, status } = this.#promised;
    this.#seen(rev);
    this._status({ status });
  }

  get ordered() {
    return [...this.rows.values()].sort((a, b) => a.seq - b.seq);
  }

  get isEmpty() {
    return this.rows.size === 0 && this.unsent.length === 0;
  }

  /** The reply that is being written now; those queued behind it wait their turn. */
  get running() {
    return this.ordered.find(isRunning) ?? null;
  }

  get retryable() {
    const last = this.ordered.findLast((row) => row.role === "assistant");
    const allowed = last && this.status !== "human" && RETRYABLE.includes(last.state);
    return allowed ? last : null;
  }

  // The visitor's own messages on their way ----------------------------------------------------

  /** Keep a message until its row comes; `client_id` makes sending it again harmless. */
  add(client_id, text, created) {
    this.unsent = [...this.unsent, { client_id, text, created, refused: null }];
  }

  /** Take back a message that the server did not store; returns its text. */
  remove(client_id) {
    const item = this.unsent.find((each) => each.client_id === client_id);
    this.unsent = this.unsent.filter((each) => each !== item);
    return item?.text ?? "";
  }

  refuse(client_id, code) {
    this.unsent = this.unsent.map((item) =>
      item.client_id === client_id ? { ...item, refused: code } : item,
    );
  }

  // Server frames ------------------------------------------------------------------------------

  _ready({ rev, status, bot, greeting, model }) {
    if (rev < this.rev) {
      // The server knows less than we do, so it is another history: take its own from the start.
      this.rows = new Map();
      this.lines = [];
      this.rev = 0;
    }
    this.#promised = { rev, status };
    this.bot = bot;
    this.greeting = greeting;
    this.loading = model === null;
  }

  _message(frame) {
    const { type, ...row } = frame;
    if (row.client_id !== null) this.remove(row.client_id);
    const known = this.rows.get(row.seq);
    const older = known && (row.attempt < known.attempt || row.rev < known.rev);
    if (!older) this.rows.set(row.seq, { ...row, sentiment: row.sentiment ?? known?.sentiment });
    this.#seen(row.rev);
  }

  _delta({ seq, attempt, text }) {
    const row = this.rows.get(seq);
    if (!row || row.attempt !== attempt || !isRunning(row)) return;
    this.loading = false;
    this.rows.set(seq, { ...row, state: "streaming", text: row.text + text });
  }

  _done({ seq, rev, attempt, state, text }) {
    const row = this.rows.get(seq);
    if (row && attempt >= row.attempt) this.rows.set(seq, { ...row, rev, attempt, state, text });
    this.#seen(rev);
  }

  _sentiment({ seq, rev, label, confidence, score, scores }) {
    const row = this.rows.get(seq);
    if (row) this.rows.set(seq, { ...row, rev, sentiment: { label, confidence, score, scores } });
    this.#seen(rev);
  }

  /** A failed reply says so itself; any other error about a reply stands with its row. */
  _error({ code, seq }) {
    const row = this.rows.get(seq);
    if (row && code !== "internal") this.rows.set(seq, { ...row, trouble: code });
  }

  _status({ status }) {
    this.#promised &&= { ...this.#promised, status };
    const before = this.status;
    if (status === before) return;
    this.status = status;
    if (before === "closed" && status === "bot") return; // the message that reopened it says so
    const after = Math.max(0, ...this.rows.keys());
    this.lines = [...this.lines, { after, status }];
  }

  #seen(rev) {
    this.rev = Math.max(this.rev, rev);
  }
}

export function isRunning(row) {
  return RUNNING.includes(row.state);
}
