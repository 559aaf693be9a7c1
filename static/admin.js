"use strict";

// What the pages of the admin lack for screen readers. Django's choosers give their search icons a
// name, but no role that may have one. They are made when the page is loaded, before this is heard.

addEventListener("load", () => {
  for (const icon of document.querySelectorAll(".help-tooltip[aria-label]")) icon.setAttribute("role", "img");
});
