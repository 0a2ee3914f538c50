// Where the visitor writes: sends on Enter, grows with its text, counts near the limit, and says
// in words what was wrong with the text it holds.

import { storage } from "./storage.js";

const NEAR_LIMIT = 0.9;

export class Composer {
  #form;
  #text;
  #send;
  #stop;
  #count;
  #problem;
  #max;
  #act;
  #words = (name) => name;
  #enabled = false;
  #trouble = null; // name of what is wrong

  /** `act`: {send(text), stop(), writing()} */
  constructor(form, max, act) {
    this.#form = form;
    this.#max = max;
    this.#act = act;
    const part = (name) => form.querySelector(`#${name}`);
    [this.#text, this.#send, this.#stop] = ["text", "send", "stop"].map(part);
    [this.#count, this.#problem] = ["count", "problem"].map(part);
    form.addEventListener("submit", (event) => this.#submit(event));
    this.#text.addEventListener("keydown", (event) => this.#key(event));
    this.#text.addEventListener("input", () => this.#typed());
    this.#stop.addEventListener("click", () => this.#stopped());
    addEventListener("resize", () => this.#fit());
    this.#put(this.#text.value || storage.draft);
  }

  /** `stoppable`: a reply runs and the line is there. */
  render({ words, enabled, stoppable, closed }) {
    this.#words = words;
    this.#enabled = enabled;
    this.#text.disabled = !enabled;
    this.#text.placeholder = words(closed ? "placeholderClosed" : "placeholder");
    this.#stop.hidden = !stoppable;
    this.#draw();
  }

  focus() {
    this.#text.focus();
  }

  get isEmpty() {
    return !this.#text.value.trim();
  }

  /** Give a text that was not sent back to the visitor. */
  putBack(text) {
    this.#put(text);
    this.focus();
  }

  /** Say what is wrong, by its error code; it stands until the visitor changes something. */
  complain(code) {
    this.#trouble = code;
    this.#draw();
  }

  #submit(event) {
    event.preventDefault();
    const text = clean(this.#text.value);
    if (!text || !this.#enabled) return;
    if (length(text) > this.#max) {
      this.complain("too_long");
      return;
    }
    this.#put("");
    this.focus();
    this.#act.send(text);
  }

  #key(event) {
    // While an input method composes, Enter chooses its words and Escape leaves them; 229 is Safari's
    // way to say so.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Escape" && !this.#stop.hidden) this.#act.stop();
    if (event.key !== "Enter" || event.shiftKey) return;
    event.preventDefault();
    this.#form.requestSubmit();
  }

  #typed() {
    this.#trouble = null;
    storage.draft = this.#text.value;
    this.#fit();
    this.#draw();
    if (!this.isEmpty) this.#act.writing();
  }

  #stopped() {
    this.focus(); // the button is about to go
    this.#act.stop();
  }

  #put(text) {
    this.#text.value = text;
    this.#trouble = null;
    storage.draft = text;
    this.#fit();
    this.#draw();
  }

  #draw() {
    const used = length(clean(this.#text.value));
    const over = used > this.#max;
    this.#send.disabled = !this.#enabled || this.isEmpty;
    this.#form.classList.toggle("wrong", over || this.#trouble !== null);
    this.#text.ariaInvalid = String(over);
    show(this.#problem, this.#trouble ? this.#words(`errors.${this.#trouble}`, this.#limit) : "");
    show(this.#count, used > this.#max * NEAR_LIMIT ? this.#left(used) : "");
  }

  get #limit() {
    return { max: this.#max.toLocaleString(this.#words("code")) };
  }

  #left(used) {
    const left = this.#max - used;
    return this.#words(left < 0 ? "over" : "left", { count: Math.abs(left) });
  }

  #fit() {
    this.#text.style.height = "auto";
    this.#text.style.height = `${this.#text.scrollHeight}px`;
  }
}

/** As the server wants it: no NUL, no half surrogate pair, no blanks around. */
function clean(text) {
  return (text.toWellFormed?.() ?? text).replaceAll("\0", "").trim();
}

/** Characters as the server counts them: code points. */
function length(text) {
  return [...text].length;
}

function show(node, text) {
  if (node.textContent !== text) node.textContent = text; // else it would be read out again
}
