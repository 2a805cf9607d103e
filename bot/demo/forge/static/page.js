"use strict";
// Keep the page in step with the forge: when the state has changed, fetch it and swap <main>.
// What somebody has typed, opened or selected stays.

const ago = (seconds) => {
  if (seconds < 10) return "just now";
  if (seconds < 60) return `${Math.floor(seconds)} seconds ago`;
  for (const [size, name] of [[60, "minute"], [3600, "hour"], [86400, "day"]].reverse()) {
    const count = Math.floor(seconds / size);
    if (count >= 1) return count < 31 ? `${count} ${name}${count > 1 ? "s" : ""} ago` : null;
  }
  return null;
};

const tellTimes = () => {
  for (const time of document.querySelectorAll("time[datetime]")) {
    const seconds = (Date.now() - new Date(time.dateTime)) / 1000;
    time.textContent = (seconds > -5 && ago(seconds)) || time.title;
  }
};

const keyed = (root) => {
  const seen = new Map();
  const name = (key) => {
    seen.set(key, (seen.get(key) ?? 0) + 1);
    return `${key}/${seen.get(key)}`;
  };
  const fields = new Map(), folds = new Map();
  for (const field of root.querySelectorAll("textarea, input:not([type=hidden]):not([disabled])"))
    fields.set(name(`${field.form?.action} ${field.name} ${field.type === "radio" ? field.value : ""}`), field);
  for (const fold of root.querySelectorAll("details")) {
    const within = fold.closest("[id]")?.id ?? "";
    folds.set(name(`${within} ${fold.dataset.key ?? fold.querySelector("summary")?.textContent}`), fold);
  }
  return { fields, folds };
};

const keep = (from, to) => {
  const old = keyed(from), fresh = keyed(to);
  for (const [key, field] of fresh.fields) {
    const before = old.fields.get(key);
    if (!before) continue;
    if (field.type === "radio" || field.type === "checkbox") field.checked = before.checked;
    else field.value = before.value;
    if (before === document.activeElement)
      queueMicrotask(() => {
        field.focus({ preventScroll: true });
        field.setSelectionRange?.(before.selectionStart, before.selectionEnd);
      });
  }
  for (const [key, fold] of fresh.folds) {
    const before = old.folds.get(key);
    if (before) fold.open = before.open;
  }
};

let version = document.body.dataset.version;
const follow = async () => {
  try {
    const now = await (await fetch("/-/version")).text();
    if (now !== version && !getSelection()?.toString()) {
      const text = await (await fetch(location.href)).text();
      const page = new DOMParser().parseFromString(text, "text/html");
      const main = document.getElementById("main"), fresh = page.getElementById("main");
      keep(main, fresh);
      main.replaceWith(fresh);
      document.title = page.title;
      version = page.body.dataset.version;
      tellTimes();
    }
  } catch {
    // The forge is away for a moment; the next round tries again.
  }
  setTimeout(follow, document.hidden ? 5000 : 1000);
};

tellTimes();
setInterval(tellTimes, 10000);
setTimeout(follow, 1000);
