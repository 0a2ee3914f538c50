// A page of the desk stays true while it is open: alerts appear as they are raised, and what it
// shows is read again when something changed. The socket only says that; what is shown comes from
// the page. How a piece of it is renewed: renew.js.
{
  const MOST_ALERTS = 4;
  const SOON = 200; // ms from a change to reading again: what belongs together comes together
  const GAP = 500; // ms between two readings, at least
  const SHARE = 2; // a page that takes long is read again after so many times what it took
  const CHANGES = ["message", "done", "sentiment", "status", "alert", "changed"];
  const PIECES = "[data-live][id], #changelist"; // the second is any list of the admin
  let quietUntil = 0;
  let due = null;
  let skipped = false; // something was in use when it should have been renewed

  const box = document.createElement("div");
  box.className = "live-alerts";
  box.setAttribute("role", "status");
  box.setAttribute("aria-label", "Alerts");

  const make = (tag, text, more = {}) => Object.assign(document.createElement(tag), { textContent: text, ...more });

  function tell({ conversation, seq, rule, reason }) {
    const alert = make("div", "", { className: "live-alert" });
    const actions = make("p", "", { className: "actions" });
    actions.append(
      make("a", "Open the conversation", { href: `/dashboard/${conversation}/#message-${seq}` }),
      make("button", "Dismiss", { type: "button", onclick: () => alert.remove() }),
    );
    alert.append(make("p", `${rule}: ${reason}`), actions);
    box.prepend(alert);
    while (box.children.length > MOST_ALERTS) box.lastChild.remove();
  }

  /** The outermost pieces of the page: those inside others are renewed with them. */
  const pieces = () => [...document.querySelectorAll(PIECES)].filter(
    (piece) => piece.id && !piece.parentElement.closest(PIECES),
  );

  async function fetchPage() {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return null; // logged out meanwhile
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  }

  async function readAgain() {
    const began = Date.now();
    const page = pieces().length ? await fetchPage().catch(() => null) : null;
    quietUntil = Date.now() + Math.max(GAP, SHARE * (Date.now() - began));
    due = null;
    if (page) skipped = window.renewPage(pieces(), page);
  }

  function changed() {
    due ??= setTimeout(readAgain, Math.max(SOON, quietUntil - Date.now()));
  }

  /** A page about one conversation is not read again for the others. */
  function concerns({ conversation }) {
    const only = document.querySelector("[data-conversation]")?.dataset.conversation;
    return !only || only === conversation;
  }

  function hear(frame) {
    if (frame.type === "alert" && frame.rule) tell(frame);
    if (CHANGES.includes(frame.type) && concerns(frame)) changed();
  }

  function listen(wait = 1000, again = false) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/staff/`);
    socket.onopen = () => {
      wait = 1000;
      if (again) changed(); // whatever happened while nobody listened
    };
    socket.onmessage = ({ data }) => hear(JSON.parse(data));
    socket.onclose = () => setTimeout(() => listen(Math.min(2 * wait, 60_000), true), wait);
  }

  document.addEventListener("focusout", () => { if (skipped) changed(); });

  const start = () => { document.body.append(box); listen(); };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
}
