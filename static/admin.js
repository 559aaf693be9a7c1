"use strict";

// Django admin gives the search icons of its choosers an aria-label, but no role that allows one.
// Its own scripts create the icons during the load event, before this listener runs.

addEventListener("load", () => {
  for (const icon of document.querySelectorAll(".help-tooltip[aria-label]")) icon.setAttribute("role", "img");
});
