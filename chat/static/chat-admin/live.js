// A page of the desk stays true while it is open: alerts appear as they are raised, and lists are
// read again when something changed. The socket only says that; what is shown comes from the page.
{
  const MOST_ALERTS = 4;
  const SOON = 300; // ms from a change to reading again: what belongs together comes together
  const GAP = 2000; // ms between two readings
  const CHANGES = ["message", "done", "sentiment", "status", "alert"];
  const LISTS = "[data-live][id], #changelist"; // the second is any list of the admin
  let lastRead = 0;
  let due = null;

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

  /** Whether somebody works in this list just now: it must not move under their hands. */
  const inUse = (list) => list.contains(document.activeElement) || list.querySelector("tr input:checked");

  async function readAgain() {
    lastRead = Date.now();
    due = null;
    const lists = [...document.querySelectorAll(LISTS)].filter((list) => list.id && !inUse(list));
    if (!lists.length) return;
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return; // logged out meanwhile
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const list of lists) {
      const now = fresh.getElementById(list.id);
      if (!now || inUse(list)) continue;
      list.replaceWith(now);
      connectActions(now);
    }
  }

  /** The admin's script for ticking rows knows the rows that were there when the page was opened. */
  function connectActions(list) {
    const rows = list.querySelectorAll("tr input.action-select");
    if (rows.length) window.Actions(rows, { parent: list });
  }

  function changed() {
    due ??= setTimeout(readAgain, Math.max(SOON, lastRead + GAP - Date.now()));
  }

  function listen(wait = 1000) {
    const scheme = location.protocol === "https:" ? "wss" : "ws";
    const socket = new WebSocket(`${scheme}://${location.host}/ws/staff/`);
    socket.onopen = () => { wait = 1000; };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      if (frame.type === "alert" && frame.rule) tell(frame);
      if (CHANGES.includes(frame.type)) changed();
    };
    socket.onclose = () => setTimeout(() => listen(Math.min(2 * wait, 60_000)), wait);
  }

  const start = () => { document.body.append(box); listen(); };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
}
