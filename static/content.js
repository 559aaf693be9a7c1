"use strict";

// Adds a button that shows the password to each password field. All pages work without a script.

const template = document.getElementById("show-password");

for (const field of document.querySelectorAll("input[type=password]")) {
  const button = template.content.firstElementChild.cloneNode(true);
  button.setAttribute("aria-controls", field.id);
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    [button.textContent, button.dataset.other] = [button.dataset.other, button.textContent];
  });
  // Browsers remember what people type into text fields, so the password is hidden before it is sent.
  field.form.addEventListener("submit", () => { field.type = "password"; });
  field.after(button);
}
