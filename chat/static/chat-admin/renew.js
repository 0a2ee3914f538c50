// Puts what a page says now in place of what it said, piece by piece: what somebody works in does
// not move, and what they read stays where it is on the screen.
{
  const PART = "[data-live][id]";

  const ids = (pieces) => pieces.map((piece) => piece.id).join();

  /** Whether somebody works in this piece just now: it must not move under their hands. */
  const inUse = (piece) => piece.contains(document.activeElement) || piece.querySelector("tr input:checked");

  /** The admin's script for ticking rows knows the rows that were there when the page was opened. */
  function connectActions(list) {
    const rows = list.querySelectorAll("tr input.action-select");
    if (rows.length) window.Actions(rows, { parent: list });
  }

  /** What `list` holds, item by item: an item keeps its element, so focus and selections stay. */
  function mergeItems(list, fresh, added) {
    const gone = new Map([...list.children].map((item) => [item.id, item]));
    [...fresh.children].forEach((now, place) => {
      const item = gone.get(now.id);
      gone.delete(now.id);
      if (!item) {
        list.insertBefore(now, list.children[place] ?? null);
        added.push(now.id);
      } else if (!item.isEqualNode(now)) {
        item.className = now.className;
        item.replaceChildren(...now.childNodes);
      }
    });
    gone.forEach((item) => item.remove());
  }

  /** Renew one piece; false if it is in use and had to wait. */
  function renew(piece, now, added) {
    if (piece.isEqualNode(now)) return true;
    const parts = [...piece.querySelectorAll(PART)];
    const fresh = [...now.querySelectorAll(PART)];
    if (parts.length && ids(parts) === ids(fresh)) {
      return parts.map((part, i) => renew(part, fresh[i], added)).every(Boolean);
    }
    if (piece.dataset.live === "items" && now.dataset.live === "items") {
      mergeItems(piece, now, added);
    } else if (inUse(piece)) return false;
    else {
      piece.replaceWith(now);
      connectActions(now);
    }
    return true;
  }

  /** The first item that is on the screen of somebody who has scrolled, and where. */
  function reading() {
    if (!window.scrollY) return null;
    const items = [...document.querySelectorAll("[data-live=items] > *")];
    const item = items.find((each) => each.getBoundingClientRect().bottom > 0);
    return item && { item, top: item.getBoundingClientRect().top };
  }

  /**
   * Renew these pieces from a page that was read again; true if any was in use and had to wait.
   * Then the document hears `renewed`, with the ids of the items that were added.
   */
  window.renewPage = (pieces, page) => {
    const place = reading();
    const added = [];
    const done = pieces.map((piece) => {
      const now = page.getElementById(piece.id);
      return now ? renew(piece, now, added) : true;
    });
    if (place?.item.isConnected) {
      window.scrollBy({ top: place.item.getBoundingClientRect().top - place.top, behavior: "instant" });
    }
    document.dispatchEvent(new CustomEvent("renewed", { detail: { added } }));
    return !done.every(Boolean);
  };
}
