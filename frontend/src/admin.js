// What the admin needs beyond HTML: partial updates with their forgery token, menus that close, steps that can be reordered.
import htmx from "htmx.org";
import { startOrdering } from "./order.js";

// Chromium reports a violation for the style element that htmx would add; the rules for it are in shell.css.
// The meta element in the page's head turns it off before this script runs, and so does eval.
window.htmx = htmx;

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector("meta[name=csrf-token]");
  if (token) event.detail.headers["X-CSRFToken"] = token.content;
});

// An error page that comes back for a partial request is told in words where the person looks, never swallowed.
document.addEventListener("htmx:responseError", () => announce("failed"));
document.addEventListener("htmx:sendError", () => announce("offline"));

function announce(which) {
  const place = document.getElementById("notes");
  const template = document.getElementById(`note-${which}`);
  if (place && template) place.replaceChildren(template.content.cloneNode(true));
}

// A <details> menu opens without a script; closing it by Escape or by a click elsewhere is what people expect of a menu.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.n-menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll("details.n-menu[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

// Destructive forms ask once; the question is in the page's language because it comes from the page.
document.addEventListener("submit", (event) => {
  const question = event.target.dataset?.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
});

// A password can be looked at before it is sent.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-reveals]");
  if (!button) return;
  const field = document.getElementById(button.dataset.reveals);
  const shown = field.type === "password";
  field.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
  field.focus();
});

startOrdering(document);
