"use strict";

// What the pages do better with a script. All of them work without one.

for (const field of document.querySelectorAll("input[type=password]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet reveal";
  button.setAttribute("aria-pressed", "false");
  button.setAttribute("aria-controls", field.id);
  button.textContent = "Show the password";
  button.addEventListener("click", () => {
    const shown = field.type === "password";
    field.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
  });
  // A shown password must not stay in what the browser remembers of text fields.
  field.form.addEventListener("submit", () => { field.type = "password"; });
  field.after(button);
}
