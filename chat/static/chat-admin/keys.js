// Keys of the review desk, so that nobody needs the mouse between two messages. What each key does
// is written on the page; with a modifier, or while something is typed or chosen, a key is a key.

const typing = "input, textarea, select, [contenteditable]";

let sent = false; // one decision a page: another would come on top of it while the next page loads

function decide(form, verdict, label) {
  if (label !== undefined) form.elements.label.value = label;
  form.elements.then.value = "next";
  form.querySelector(`button[value=${verdict}]`).click();
}

function press(key) {
  if (sent) return;
  const form = document.getElementById("decision");
  const next = document.querySelector("#next-message, #result_list tbody tr th a");
  if (key === "n") next?.click();
  if (!form) return;
  if (key === "c") decide(form, "confirmed");
  if (key === "d") decide(form, "dismissed");
  if (/^[1-9]$/.test(key)) {
    const choice = form.elements.label.options[Number(key)]; // the first option is empty
    if (choice) decide(form, "corrected", choice.value);
  }
}

document.addEventListener("submit", (event) => {
  if (event.target.id !== "decision") return;
  if (sent) event.preventDefault();
  sent = true;
});

window.addEventListener("pageshow", (event) => {
  if (event.persisted) sent = false; // the page as it was left, on the way back to it
});

document.addEventListener("keydown", (event) => {
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (plain && !event.target.closest(typing)) press(event.key.toLowerCase());
});
