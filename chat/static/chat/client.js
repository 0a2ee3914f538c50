// One visitor's chat: opens the conversation, keeps its transcript in step, and sends what the
// visitor does. Knows nothing of the page; a view listens to its events.

import { Connection } from "./connection.js";
import { openConversation, Refusal } from "./opening.js";
import { exclusively, storage } from "./storage.js";
import { isRunning, Transcript } from "./transcript.js";

const TYPING_EVERY = 3_000; // ms between two `typing` frames
const TYPING_LASTS = 5_000; // ms that somebody else's `typing` is shown
const OPEN_AGAIN = 3_000; // ms between tries to open a conversation without a network

/**
 * Events: `change` (draw again), `said` (detail: a row that somebody else finished just now),
 * `refused` (detail {client_id, code}: a message that was not stored), `trouble` (detail: an error
 * code that belongs to no row and no message), `forgotten` (the stored conversation is no longer ours).
 */
export class Client extends EventTarget {
  transcript = new Transcript();
  state = "idle"; // connecting, online, waiting
  typing = false; // a person of the team is
  language = "en";
  #api;
  #connection = null;
  #conversation = null;
  #opening = false;
  #opened = null; // id of a conversation that this page opened
  #typingSent = 0;
  #typingTimer;

  constructor(api) {
    super();
    this.#api = api;
    storage.onConversation((conversation) => this.#follow(conversation));
  }

  /** Take up what the last page left: its conversation, and messages that it could not send. */
  resume() {
    this.transcript.unsent = storage.unsent;
    if (storage.conversation) this.#connect(storage.conversation);
    else if (this.transcript.unsent.length) this.#begin();
  }

  // What a visitor does --------------------------------------------------------------------------

  send(text) {
    const item = { client_id: randomId(), text, created: new Date().toISOString() };
    this.transcript.add(item.client_id, item.text, item.created);
    this.#deliver(item);
  }

  sendAgain(client_id) {
    const text = this.transcript.remove(client_id);
    if (text) this.send(text);
  }

  /** Take a refused message back; returns its text. */
  takeBack(client_id) {
    const text = this.transcript.remove(client_id);
    this.#changed();
    return text;
  }

  stop() {
    const running = this.transcript.running;
    if (running) this.#connection?.send({ type: "stop", seq: running.seq });
  }

  retry(seq) {
    this.#connection?.send({ type: "retry", seq });
  }

  /** Say that the visitor writes, now and then. */
  writing() {
    const now = Date.now();
    if (this.state !== "online" || now - this.#typingSent < TYPING_EVERY) return;
    this.#typingSent = now;
    this.#connection.send({ type: "typing" });
  }

  end() {
    this.stop();
    return this.#connection?.send({ type: "end" }) ?? false;
  }

  /** Leave this conversation; the next message opens a new one. */
  startAfresh() {
    if (this.#conversation && this.transcript.status !== "closed") this.end();
    storage.conversation = null;
    this.#leave([]);
  }

  // Conversations --------------------------------------------------------------------------------

  async #begin() {
    if (this.#opening) return;
    this.#opening = true;
    if (this.state !== "waiting") this.#become("connecting");
    try {
      // Two new tabs that write at once share the conversation that the first of them opens.
      const conversation = await exclusively(() => storage.conversation ?? this.#open());
      if (!this.#connection) this.#connect(conversation); // else another tab was followed already
    } catch (error) {
      this.#cannotOpen(error);
    } finally {
      this.#opening = false;
    }
  }

  async #open() {
    const conversation = await openConversation(this.#api, this.language);
    this.#opened = conversation.id;
    storage.conversation = conversation;
    return conversation;
  }

  #cannotOpen(error) {
    if (error instanceof Refusal) {
      this.#become("idle");
      this.#refuseAll(error.code);
    } else {
      this.#become("waiting"); // no network: the messages wait for it
      setTimeout(() => this.state === "waiting" && !this.#connection && this.#begin(), OPEN_AGAIN);
    }
  }

  #connect(conversation) {
    this.#conversation = conversation;
    const url = new URL(conversation.ws, location.href);
    url.protocol = url.protocol.replace("http", "ws");
    const connection = new Connection(url, conversation.token, () => this.transcript.rev);
    this.#connection = connection;
    connection.addEventListener("frame", ({ detail }) => this.#hear(detail));
    connection.addEventListener("state", ({ detail }) => this.#lineIs(detail));
    connection.addEventListener("caught-up", () => this.#caughtUp());
    connection.open();
  }

  #caughtUp() {
    this.transcript.caughtUp();
    for (const item of this.transcript.unsent) {
      if (!item.refused) this.#connection.send(messageFrame(item));
    }
    this.#changed();
  }

  #lineIs(state) {
    if (state === "forbidden") this.#forget();
    else if (state !== "closed") this.#become(state);
  }

  /** The token opens nothing any more: a new conversation takes what is not sent yet. */
  #forget() {
    const mine = this.#conversation.id === this.#opened; // opened just now, and refused even so
    const unsent = this.transcript.unsent;
    if (storage.conversation?.id === this.#conversation.id) storage.conversation = null;
    this.#leave(unsent);
    this.dispatchEvent(new Event("forgotten"));
    if (mine) this.#refuseAll("internal");
    else if (unsent.length) this.#begin();
  }

  /** Another tab moved on to another conversation, or to none. */
  #follow(conversation) {
    if (conversation?.id === this.#conversation?.id) return;
    this.#leave(this.transcript.unsent);
    if (conversation) this.#connect(conversation);
    else if (this.transcript.unsent.length) this.#begin();
  }

  #leave(unsent) {
    this.#connection?.close();
    this.#connection = this.#conversation = null;
    this.transcript = new Transcript();
    this.transcript.unsent = unsent;
    this.typing = false;
    this.#become("idle");
  }

  // Frames ---------------------------------------------------------------------------------------

  #deliver(item) {
    if (this.state === "online") this.#connection.send(messageFrame(item));
    else if (!this.#connection) this.#begin();
    this.#changed(); // elsewhere it goes out as soon as the line is back
  }

  #hear(frame) {
    const before = this.transcript.rows.get(frame.seq);
    this.transcript.apply(frame);
    if (frame.type === "error") this.#refused(frame);
    else if (frame.type === "typing") this.#showTyping(true);
    else this.#tell(frame, before);
    this.#changed();
  }

  #refused({ code, client_id, seq }) {
    if (code === "forbidden") return; // the close code says the same
    if (client_id !== null) {
      this.transcript.refuse(client_id, code);
      this.dispatchEvent(new CustomEvent("refused", { detail: { client_id, code } }));
    } else if (seq === null) {
      this.dispatchEvent(new CustomEvent("trouble", { detail: code }));
    }
  }

  #refuseAll(code) {
    for (const { client_id } of this.transcript.unsent) {
      this.#refused({ code, client_id, seq: null });
    }
    this.#changed();
  }

  /** Tell of what others have just finished, but not of what a snapshot repeats. */
  #tell({ type, seq }, before) {
    const row = this.transcript.rows.get(seq);
    if (type === "sentiment" || !row || row.role === "visitor" || isRunning(row)) return;
    const wasRunning = before && isRunning(before);
    if (!wasRunning && (before || this.state !== "online")) return;
    if (row.role === "agent") this.#showTyping(false);
    this.dispatchEvent(new CustomEvent("said", { detail: row }));
  }

  #showTyping(typing) {
    clearTimeout(this.#typingTimer);
    this.typing = typing;
    if (typing) this.#typingTimer = setTimeout(() => this.#typingEnded(), TYPING_LASTS);
  }

  #typingEnded() {
    this.typing = false;
    this.#changed();
  }

  #become(state) {
    this.state = state;
    this.#changed();
  }

  #changed() {
    storage.unsent = this.transcript.unsent;
    this.dispatchEvent(new Event("change"));
  }
}

function messageFrame({ client_id, text }) {
  return { type: "message", client_id, text };
}

/** 128 random bits; crypto.randomUUID is missing on plain http pages. */
function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
