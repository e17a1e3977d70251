// Reordering of [data-order] lists: drag a [data-handle] with any pointer, or focus it and press the arrow keys.
// The order is the order of the items in the document, so a form around the list submits it as it stands.
// After every settled move the list sends "order:changed" with the keys of its items, for whoever wants to save at once.

const EDGE = 64; // pixels from the screen's edge within which a drag scrolls

export function startOrdering(root) {
  root.addEventListener("keydown", (event) => {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const handle = event.target.closest?.("[data-handle]");
    if (!step || !handle) return;
    event.preventDefault();
    const item = itemOf(handle);
    if (move(item, indexOf(item) + step)) {
      handle.focus();
      settle(item);
    }
  });
  root.addEventListener("pointerdown", (event) => {
    const handle = event.target.closest?.("[data-handle]");
    if (handle && event.button === 0) drag(itemOf(handle), handle, event);
  });
}

function drag(item, handle, down) {
  down.preventDefault();
  handle.focus();
  const before = keys(item.parentElement).join();
  item.classList.add("n-moving");
  const follow = (event) => {
    if (event.pointerId !== down.pointerId) return;
    const others = items(item.parentElement).filter((other) => other !== item);
    const place = others.findIndex((other) => event.clientY < middle(other));
    move(item, place === -1 ? others.length : place);
    // A list longer than the screen goes on beyond its edge.
    const beyond = Math.min(0, event.clientY - EDGE) + Math.max(0, event.clientY - (window.innerHeight - EDGE));
    window.scrollBy(0, beyond / 3);
  };
  const stop = (event) => {
    if (event.pointerId !== down.pointerId) return;
    item.classList.remove("n-moving");
    for (const name of ["pointermove", "pointerup", "pointercancel"]) document.removeEventListener(name, name === "pointermove" ? follow : stop);
    if (keys(item.parentElement).join() !== before) settle(item);
  };
  // On the document and not by pointer capture, which is lost when the captured element moves in the tree.
  document.addEventListener("pointermove", follow);
  document.addEventListener("pointerup", stop);
  document.addEventListener("pointercancel", stop);
}

function move(item, place) {
  const list = item.parentElement;
  const others = items(list).filter((other) => other !== item);
  if (place < 0 || place > others.length || place === indexOf(item)) return false;
  list.insertBefore(item, others[place] ?? null);
  return true;
}

function settle(item) {
  const list = item.parentElement;
  const status = document.getElementById(list.dataset.status);
  if (status) {
    status.textContent = list.dataset.moved
      .replace("{name}", item.dataset.name)
      .replace("{place}", String(indexOf(item) + 1))
      .replace("{total}", String(items(list).length));
  }
  list.dispatchEvent(new CustomEvent("order:changed", { bubbles: true, detail: { keys: keys(list) } }));
}

const itemOf = (handle) => handle.closest("[data-key]");
const items = (list) => [...list.children].filter((child) => child.dataset.key !== undefined);
const indexOf = (item) => items(item.parentElement).indexOf(item);
const keys = (list) => items(list).map((item) => item.dataset.key);
const middle = (element) => {
  const box = element.getBoundingClientRect();
  return box.top + box.height / 2;
};
