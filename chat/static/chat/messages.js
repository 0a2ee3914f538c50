// One list item of the transcript at a time: messages, changes of status, days, what is coming.

import { renderMarkdown } from "./markdown.js";
import { isRunning } from "./transcript.js";

const CLEARLY = 0.2; // |score| from which a mood is coloured

/** `facts`: {words, bot, locale, online, retryable (seq or null), act: {retry, sendAgain, discard}} */
export function rowItem(row, facts) {
  if (row.role === "system") return lineItem(row.text);
  const out = message(row.role, speaker(row, facts));
  const body = out.lastChild;
  if (row.text || isRunning(row)) body.append(bubble(row, facts));
  body.append(rowMeta(row, facts));
  out.dataset.seq = row.seq;
  out.dataset.state = row.state;
  return out;
}

export function greetingItem(text, facts) {
  const out = message("assistant", `${facts.bot} (${facts.words("ai")})`);
  out.classList.add("greeting");
  out.lastChild.append(element("div", "bubble plain", text));
  return out;
}

export function unsentItem(item, { words, online, act, max }) {
  const out = message("visitor", words("you"));
  out.classList.add("unsent");
  const meta = element("div", "meta");
  if (item.refused) {
    out.classList.add("refused");
    const again = button("small", words("sendAgain"), () => act.sendAgain(item.client_id));
    const discard = button("small", words("discard"), () => act.discard(item.client_id));
    meta.append(element("span", "bad", words(`errors.${item.refused}`, { max })), again, discard);
  } else {
    meta.append(words(online ? "sending" : "waitingForLine"));
  }
  out.lastChild.append(element("div", "bubble plain", item.text), meta);
  return out;
}

/** Somebody of the team writes. */
export function typingItem(words) {
  const out = message("agent", words("agentSays"));
  out.lastChild.append(element("div", "bubble", dots(words("agentWriting"))));
  return out;
}

export function startersItem(words, pick) {
  const out = element("li", "starters");
  out.append(...words("starters").map((text) => button("", text, () => pick(text))));
  return out;
}

export function lineItem(text) {
  return element("li", "line-item", text);
}

export function dayItem(text) {
  return element("li", "day", text);
}

/** Let a running reply grow in place; false if the item has to be made anew. */
export function grow(item, row) {
  const plain = item.querySelector(".bubble.plain");
  if (!plain || row.state !== "streaming" || item.dataset.state !== "streaming") return false;
  plain.textContent = row.text;
  return true;
}

function speaker({ role }, { words, bot }) {
  if (role === "visitor") return words("you");
  return role === "agent" ? words("agentSays") : `${bot} (${words("ai")})`;
}

function message(role, who) {
  const out = element("li", `message ${role}`);
  if (role !== "visitor") {
    const avatar = element("span", role === "agent" ? "avatar person" : "avatar");
    avatar.ariaHidden = "true";
    out.append(avatar);
  }
  out.append(element("div", "body", element("span", "hidden", `${who}: `)));
  if (role === "agent") out.lastChild.append(element("div", "name", who));
  return out;
}

function bubble(row, { words, bot }) {
  if (!row.text) return element("div", "bubble", dots(words("writing", { bot })));
  const finished = row.role !== "visitor" && !isRunning(row);
  if (finished) return element("div", "bubble", renderMarkdown(row.text));
  return element("div", "bubble plain", row.text);
}

function rowMeta(row, facts) {
  const { words, locale, retryable, online, act } = facts;
  const meta = element("div", "meta");
  if (isRunning(row)) return meta;
  if (row.sentiment) meta.append(mood(row.sentiment, words));
  if (row.state !== "done") meta.append(element("span", "", words(row.state)));
  meta.append(time(row.created, locale));
  if (row.trouble) meta.append(element("span", "bad", words(`errors.${row.trouble}`)));
  if (retryable === row.seq && online) {
    meta.append(button("small", words("retry"), () => act.retry(row.seq)));
  }
  return meta;
}

function mood({ label, score, confidence }, words) {
  const tone = score > CLEARLY ? "up" : score < -CLEARLY ? "down" : "";
  const out = element("span", `mood ${tone}`, words(label));
  if (confidence !== null) out.title = `${Math.round(confidence * 100)} %`;
  return out;
}

function time(created, locale) {
  const at = new Date(created);
  const out = element("time", "", at.toLocaleTimeString(locale, { timeStyle: "short" }));
  out.dateTime = created;
  out.title = at.toLocaleString(locale, { dateStyle: "full", timeStyle: "short" });
  return out;
}

function dots(label) {
  const out = element("span", "dots");
  for (let index = 0; index < 3; index++) out.append(element("i", ""));
  out.append(element("span", "hidden", label));
  return out;
}

function button(className, text, act) {
  const out = element("button", className, text);
  out.type = "button";
  out.addEventListener("click", act);
  return out;
}

function element(name, className, ...children) {
  const out = document.createElement(name);
  if (className) out.className = className;
  out.append(...children);
  return out;
}
