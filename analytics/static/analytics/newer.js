// Says that messages came while somebody reads further up: the page does not move by itself.

const sign = document.getElementById("newer");
const waiting = new Set();

const unread = () => [...waiting].map((id) => document.getElementById(id)).filter(
  (item) => item && item.getBoundingClientRect().top > innerHeight,
);

function show() {
  const items = unread();
  waiting.clear();
  items.forEach((item) => waiting.add(item.id));
  const text = items.length && `${items.length} new message${items.length > 1 ? "s" : ""} below`;
  if (sign.textContent === (text || "")) return; // a screen reader would read it again
  sign.replaceChildren();
  if (!items.length) return;
  const link = document.createElement("a");
  Object.assign(link, { href: `#${items[0].id}`, textContent: text });
  sign.append(link);
}

document.addEventListener("renewed", ({ detail }) => {
  detail.added.forEach((id) => waiting.add(id));
  show();
});
document.addEventListener("scroll", () => { if (waiting.size) show(); }, { passive: true });
