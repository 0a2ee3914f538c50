// Rows of labels: add, remove, move. The order on the page is the order that is sent.

function move(row, direction) {
  const other = direction === "up" ? row.previousElementSibling : row.nextElementSibling;
  if (!other) return;
  if (direction === "up") other.before(row);
  else other.after(row);
}

function add(labels) {
  const body = labels.querySelector("tbody");
  body.append(labels.querySelector("template").content.cloneNode(true));
  body.lastElementChild.querySelector("input").focus();
}

function press(labels, button) {
  const row = button.closest("tr");
  if ("add" in button.dataset) add(labels);
  else if ("remove" in button.dataset) row.remove();
  else if (button.dataset.move) {
    move(row, button.dataset.move);
    button.focus();
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-labels] button");
  if (button) press(button.closest("[data-labels]"), button);
});
