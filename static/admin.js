"use strict";

// Django admin gives the search icons of its choosers an aria-label, but no role that allows one.
// Its own scripts create the icons during the load event, before this listener runs.

addEventListener("load", () => {
  for (const icon of document.querySelectorAll(".help-tooltip[aria-label]")) icon.setAttribute("role", "img");
});

// A table that is wider than its place has a hint above it.

for (const hint of document.querySelectorAll(".scroll-hint")) {
  const place = hint.parentElement.querySelector(".results, .inline-group");
  new ResizeObserver(() => { hint.hidden = place.scrollWidth <= place.clientWidth; }).observe(place);
}
