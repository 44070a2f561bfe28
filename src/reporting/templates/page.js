"use strict";
// The page works without this script, which adds copy buttons and marks the current section in the table of contents.
for (const button of document.querySelectorAll("button[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = button.parentElement.querySelector("pre");
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch { // no permission, or an old browser
      getSelection().selectAllChildren(text);
      document.execCommand("copy");
    }
    button.textContent = "Copied";
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}
const entries = new Map();
for (const link of document.querySelectorAll(".toc a")) entries.set(link.hash.slice(1), link);
const visible = new Set();
const observer = new IntersectionObserver((changes) => {
  for (const change of changes) visible[change.isIntersecting ? "add" : "delete"](change.target);
  const first = [...entries.keys()].find((id) => visible.has(document.getElementById(id)));
  if (!first) return;
  for (const [id, link] of entries) {
    if (id === first) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }
}, { rootMargin: "0px 0px -60% 0px" });
for (const id of entries.keys()) observer.observe(document.getElementById(id));
