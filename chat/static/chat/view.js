// The list of messages on the page, kept equal to the transcript with as little change as it takes.

import * as make from "./messages.js";
import { isRunning } from "./transcript.js";

const NEAR_END = 80; // px from the end that still count as reading along

export class LogView {
  #list;
  #scroller;
  #jump;
  #shown = new Map(); // key -> {stamp, node}
  #following = true; // new messages scroll into view

  constructor(list, scroller, jump) {
    this.#list = list;
    this.#scroller = scroller;
    this.#jump = jump;
    scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    jump.addEventListener("click", () => this.follow());
    new ResizeObserver(() => this.#following && this.follow()).observe(scroller);
  }

  /** `facts` as in messages.js, and {greeting, typing, starters (a function to pick one) or null} */
  render(transcript, facts) {
    const first = this.#shown.size === 0;
    if (first) this.#list.replaceChildren(); // what the server drew
    const next = new Map();
    let place = this.#list.firstChild;
    for (const item of items(transcript, facts)) {
      const old = this.#shown.get(item.key)?.node;
      const node = this.#node(item, first);
      if (old === place) place = node; // it may have been replaced where it stands
      next.set(item.key, { stamp: item.stamp, node });
      if (node === place) place = place.nextSibling;
      else this.#list.insertBefore(node, place);
    }
    for (const [key, { node }] of this.#shown) if (!next.has(key)) node.remove();
    this.#shown = next;
    if (this.#following) this.follow();
    else this.#scrolled();
  }

  /** Go to the newest message and stay there. */
  follow() {
    this.#following = true;
    this.#jump.hidden = true;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
  }

  #node(item, first) {
    const shown = this.#shown.get(item.key);
    if (shown && same(shown.stamp, item.stamp)) return shown.node;
    if (shown && item.grow?.(shown.node)) return shown.node;
    const node = item.make();
    if (!shown && !first) node.classList.add("fresh");
    shown?.node.replaceWith(node);
    return node;
  }

  #scrolled() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    this.#following = scrollHeight - scrollTop - clientHeight < NEAR_END;
    this.#jump.hidden = this.#following;
  }
}

/** What the list holds, in order: {key, stamp (what it shows), make, grow}. */
function* items(transcript, facts) {
  yield item("greeting", [facts.greeting, facts.words], () =>
    make.greetingItem(facts.greeting, facts),
  );
  yield* rows(transcript, facts);
  for (const each of transcript.unsent) {
    const stamp = [each, facts.words, facts.online];
    yield item(`by ${each.client_id}`, stamp, () => make.unsentItem(each, facts));
  }
  if (facts.typing) yield item("typing", [facts.words], () => make.typingItem(facts.words));
  if (facts.starters) {
    yield item("starters", [facts.words], () => make.startersItem(facts.words, facts.starters));
  }
}

function* rows(transcript, facts) {
  const running = transcript.running;
  const lines = [...transcript.lines];
  let day = "";
  for (const row of transcript.ordered) {
    yield* linesBefore(row.seq, lines, facts);
    if (isRunning(row) && row !== running) continue; // it waits its turn
    const dayOfRow = new Date(row.created).toDateString();
    if (dayOfRow !== day) yield dayItem((day = dayOfRow), facts);
    yield rowItem(row, facts);
  }
  yield* linesBefore(Infinity, lines, facts);
}

function* linesBefore(seq, lines, { words }) {
  while (lines.length && lines[0].after < seq) {
    const line = lines.shift();
    const name = `line${line.status[0].toUpperCase()}${line.status.slice(1)}`;
    yield item(line, [words], () => make.lineItem(words(name)));
  }
}

function rowItem(row, facts) {
  const key = row.client_id ? `by ${row.client_id}` : row.seq;
  const retryable = facts.retryable === row.seq && facts.online;
  const made = item(key, [row, retryable, facts.words, facts.bot], () => make.rowItem(row, facts));
  made.grow = (node) => make.grow(node, row);
  return made;
}

function dayItem(day, { words, locale }) {
  const yesterday = new Date();
  yesterday.setDate(yesterday.getDate() - 1);
  const names = {
    [yesterday.toDateString()]: words("yesterday"),
    [new Date().toDateString()]: words("today"),
  };
  const text = names[day] ?? new Date(day).toLocaleDateString(locale, { dateStyle: "full" });
  return item(`day ${day}`, [text], () => make.dayItem(text));
}

function item(key, stamp, make) {
  return { key, stamp, make };
}

function same(one, other) {
  return one.every((value, index) => Object.is(value, other[index]));
}
