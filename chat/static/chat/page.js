// The chat page: joins the client to what is on the screen.

import { Client } from "./client.js";
import { Composer } from "./composer.js";
import { renderMarkdown } from "./markdown.js";
import { storage } from "./storage.js";
import { languageOf, pickLanguage, wordsOf } from "./strings.js";
import { LogView } from "./view.js";

const ANNOUNCED = 5; // finished replies that stay readable in the announcer
const byId = (id) => document.getElementById(id);
const page = byId("chat").dataset;
const enabled = page.enabled === "true";
const max = Number(page.maxText);

const client = new Client(page.api);
const view = new LogView(byId("log"), byId("scroller"), byId("jump"));
const composer = new Composer(byId("composer"), max, {
  send,
  stop: () => client.stop(),
  writing: () => client.writing(),
});
const act = { retry, sendAgain, discard };

let language = storage.language ?? pickLanguage(navigator.languages);
let words = wordsOf(language);
let news = null; // name of a one-off notice
let unavailable = !enabled;
let unread = 0;
let drawing = false;

client.language = language;
client.addEventListener("change", draw);
client.addEventListener("refused", ({ detail }) => refused(detail));
client.addEventListener("trouble", ({ detail }) => composer.complain(detail));
client.addEventListener("forgotten", () => tell("forgotten"));
client.addEventListener("said", ({ detail }) => said(detail));
byId("language").addEventListener("click", switchLanguage);
byId("new").addEventListener("click", startAfresh);
byId("end").addEventListener("click", end);
document.addEventListener("visibilitychange", () => document.hidden || read());
visualViewport?.addEventListener("resize", fitKeyboard);

speak();
client.resume();
draw();

// What the visitor does ----------------------------------------------------------------------------

function send(text) {
  news = null;
  unavailable = !enabled;
  view.follow();
  client.send(text);
}

// The button that calls one of these is about to go, and the focus must not go with it.

function start(text) {
  composer.focus();
  send(text);
}

function retry(seq) {
  composer.focus();
  client.retry(seq);
}

function sendAgain(id) {
  composer.focus();
  client.sendAgain(id);
}

function discard(id) {
  composer.focus();
  client.takeBack(id);
}

async function startAfresh() {
  if (!(await confirmed("newQuestion", "newExplained", "newChat"))) return;
  news = null;
  client.startAfresh();
  composer.focus();
}

async function end() {
  if (!(await confirmed("endQuestion", "endExplained", "endChat"))) return;
  composer.focus(); // what is written there opens the chat again
  client.end();
}

function confirmed(question, explained, yes) {
  const dialog = byId("confirm");
  byId("question").textContent = words(question);
  byId("explained").textContent = words(explained);
  byId("yes").textContent = words(yes);
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

function switchLanguage() {
  language = language === "en" ? "zh" : "en";
  words = wordsOf(language);
  storage.language = client.language = language;
  speak();
  draw();
}

// What the client reports --------------------------------------------------------------------------

/** A message was not stored: its text goes back to where it was typed, if there is room. */
function refused({ client_id, code }) {
  if (code === "unavailable") unavailable = true;
  if (!composer.isEmpty) return; // the bubble itself says why, and offers to send it again
  composer.putBack(client.takeBack(client_id));
  composer.complain(code);
}

function said(row) {
  const who = { agent: `${words("agentSays")}: `, assistant: `${bot()}: ` }[row.role] ?? "";
  const line = document.createElement("p");
  line.append(who, row.text ? renderMarkdown(row.text) : words(row.state));
  const log = byId("said");
  log.append(line);
  while (log.childElementCount > ANNOUNCED) log.firstChild.remove();
  if (document.hidden) title(++unread);
}

function read() {
  unread = 0;
  title();
}

function tell(name) {
  news = name;
  draw();
}

// Drawing ------------------------------------------------------------------------------------------

/** Draw once for all that changes within a frame. */
function draw() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => {
    drawing = false;
    drawLog();
    drawFrame();
  });
}

function drawLog() {
  const { transcript, state, typing } = client;
  view.render(transcript, {
    words,
    max,
    act,
    typing,
    bot: bot(),
    locale: locale(),
    greeting: greeting(),
    online: state === "online",
    retryable: transcript.retryable?.seq ?? null,
    starters: transcript.isEmpty && state === "idle" && enabled ? start : null,
  });
}

function drawFrame() {
  const { transcript, state } = client;
  const online = state === "online";
  const closed = transcript.status === "closed";
  const stoppable = online && transcript.running !== null;
  composer.render({ words, enabled, stoppable, closed });
  byId("bot").textContent = bot();
  write("note", words(`note${transcript.status[0].toUpperCase()}${transcript.status.slice(1)}`));
  write("line", state === "waiting" ? `${words("reconnecting")} ${words("reconnectingMore")}` : "");
  write("news", news ? words(news) : transcript.loading && stoppable ? words("loading") : "");
  byId("off").hidden = !unavailable;
  byId("new").hidden = transcript.isEmpty;
  byId("end").hidden = !online || closed || transcript.rows.size === 0;
}

/** Put everything that does not depend on the conversation into the language. */
function speak() {
  document.documentElement.lang = words("code");
  for (const node of document.querySelectorAll("[data-words]")) {
    node.textContent = words(node.dataset.words);
  }
  byId("language").hidden = false;
  byId("language").textContent = words("switchTo");
  byId("language").ariaLabel = words("switchLabel");
  byId("language").lang = language === "en" ? "zh-CN" : "en";
  byId("log").ariaLabel = words("conversation");
  byId("stop").ariaLabel = words("stopLabel");
  byId("text").ariaLabel = words("placeholder");
  byId("disclaimer").textContent = words("disclaimer", { bot: bot() });
  title();
}

function title(count = unread) {
  document.title = `${count ? `(${count}) ` : ""}${words("title", { bot: bot() })}`;
}

/** The visitor's own kind of the language: 16:30 for en-GB, 4:30 PM for en-US. */
function locale() {
  return navigator.languages.find((tag) => languageOf(tag) === language) ?? words("code");
}

function bot() {
  return client.transcript.bot ?? page.bot;
}

function greeting() {
  const own = language === "zh" && page.greetingZh ? page.greetingZh : page.greeting;
  return client.transcript.greeting ?? own;
}

function write(id, text) {
  const node = byId(id);
  if (node.textContent !== text) node.textContent = text; // else it would be read out again
}

/** Where an on-screen keyboard covers the page instead of shrinking it, make room for it. */
function fitKeyboard() {
  const covered = innerHeight - visualViewport.height > 80 && visualViewport.scale === 1;
  const root = document.documentElement.style;
  if (covered) root.setProperty("--height", `${visualViewport.height}px`);
  else root.removeProperty("--height");
  if (covered) scrollTo(0, 0);
}
