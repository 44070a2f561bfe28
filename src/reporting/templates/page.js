"use strict";
// The page works without this script. It adds copy buttons, marks the current section in the contents, and plays points of maps.
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
// A table that is wider than its box says so above it, on phones and where a window is made narrower.
const boxes = new ResizeObserver((changes) => {
  for (const { target } of changes) {
    const note = target.previousElementSibling?.matches(".more-columns") ? target.previousElementSibling : null;
    const wide = target.scrollWidth > target.clientWidth + 4; // less is a border or a rounded pixel
    if (wide && !note) {
      const added = document.createElement("p");
      added.className = "more-columns";
      added.textContent = "more columns: scroll sideways →";
      target.before(added);
    } else if (!wide && note) note.remove();
  }
});
for (const box of document.querySelectorAll(".scroll")) boxes.observe(box);
// The map of clips: a click, or Enter, names a point and plays its sound; arrow keys go from point to point.
for (const map of document.querySelectorAll(".map")) {
  const picked = map.querySelector(".picked"), player = map.querySelector("audio");
  const choose = (point) => {
    picked.textContent = point.textContent + (point.dataset.sound ? "" : ". It has no sound here.");
    player.hidden = !point.dataset.sound;
    player.pause();
    if (point.dataset.sound) {
      player.src = point.dataset.sound;
      // AbortError: another point was chosen before this one began to play.
      player.play().catch((error) => {
        if (error.name !== "AbortError") picked.textContent = point.textContent + ". Its sound cannot be played.";
      });
    }
  };
  for (const drawing of map.querySelectorAll("svg[role=group]")) {
    const points = [...drawing.querySelectorAll("use")];
    points.forEach((point, k) => {
      point.setAttribute("role", "button");
      point.setAttribute("aria-label", point.textContent);
      point.setAttribute("tabindex", k ? "-1" : "0");
    });
    const point = (event) => event.target.closest("use");
    drawing.addEventListener("click", (event) => { if (point(event)) choose(point(event)); });
    drawing.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      const from = point(event);
      if (!from) return;
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        choose(from);
      } else if (step) {
        event.preventDefault();
        const to = points[(points.indexOf(from) + step + points.length) % points.length];
        from.setAttribute("tabindex", "-1");
        to.setAttribute("tabindex", "0");
        to.focus();
      }
    });
  }
  const genres = map.querySelector("select");
  genres.parentElement.hidden = false;
  genres.addEventListener("change", () => {
    map.classList.toggle("chosen", genres.value !== "");
    for (const point of map.querySelectorAll("use")) point.classList.toggle("of", point.dataset.genre === genres.value);
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
