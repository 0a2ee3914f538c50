// Keeps a piece of the page up to date while something in it is marked as running.

const EVERY_MS = 1500;

async function refresh(piece) {
  const response = await fetch(piece.dataset.poll);
  if (!response.ok) return; // logged out, or the server is gone: what stands there stays
  piece.innerHTML = await response.text();
  watch(piece);
}

function watch(piece) {
  if (piece.querySelector("[data-running]")) setTimeout(() => refresh(piece), EVERY_MS);
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-poll]").forEach(watch);
});
