// Keeps a piece of the page up to date while something in it is marked as running.

const EVERY_MS = 1500;

async function refresh(piece) {
  try {
    const response = await fetch(piece.dataset.poll);
    // Logged out (which leads to the login page), or refused: what stands there stays.
    if (!response.ok || response.redirected) return;
    piece.innerHTML = await response.text();
  } catch {
    // The network is away, and may come back: what stands there is asked for again.
  }
  watch(piece);
}

function watch(piece) {
  if (piece.querySelector("[data-running]")) setTimeout(() => refresh(piece), EVERY_MS);
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("[data-poll]").forEach(watch);
});
