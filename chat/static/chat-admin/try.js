// The try-it panel: sends the page's form as it stands and shows what the model made of it.

const WITH_A_PANEL = [200, 400, 503];

async function answer(panel, form) {
  const response = await fetch(panel.dataset.try, { method: "POST", body: new FormData(form) });
  if (!WITH_A_PANEL.includes(response.status)) throw new Error(`status ${response.status}`);
  return response.text();
}

async function ask(panel, button) {
  const result = panel.querySelector(".desk-tried");
  button.disabled = true;
  result.textContent = "The model is reading …";
  try {
    result.innerHTML = await answer(panel, document.getElementById("task_form"));
  } catch (error) {
    result.textContent = `This did not work (${error.message}). Load the page again.`;
  } finally {
    button.disabled = false;
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-try] button");
  if (button) ask(button.closest("[data-try]"), button);
});
