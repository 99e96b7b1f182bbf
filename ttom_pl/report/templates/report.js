"use strict";
// Boxes follow their video; videos play while they are on the screen.
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const play = document.getElementById("play");
const players = [];

function boxAt(boxes, share) {
  const at = share * (boxes.length - 1), low = Math.floor(at), high = Math.ceil(at), part = at - low;
  const a = boxes[low], b = boxes[high];
  if (!a || !b) return part <= 0.5 ? a : b;
  return a.map((side, i) => side + part * (b[i] - side));
}

function draw(player, time) {
  const video = player.querySelector("video"), frames = Number(player.dataset.frames);
  const frame = video.duration ? Math.min(frames - 1, Math.floor(time / video.duration * frames + 0.01)) : 0;
  for (const path of player.querySelectorAll("path.box")) {
    const box = boxAt(path.boxes ??= JSON.parse(path.dataset.boxes), frames > 1 ? frame / (frames - 1) : 0);
    path.setAttribute("d", box ? `M${box[0]} ${box[1]}H${box[2]}V${box[3]}H${box[0]}Z` : "");
  }
}

function follow(player) {
  const video = player.querySelector("video");
  if (video.requestVideoFrameCallback) {
    video.requestVideoFrameCallback((now, shown) => { draw(player, shown.mediaTime); follow(player); });
  } else {
    video.addEventListener("timeupdate", () => draw(player, video.currentTime));
  }
}

const start = video => video.play().catch(() => {});
const seen = new IntersectionObserver(changes => {
  for (const { target, isIntersecting } of changes) {
    target.visible = isIntersecting;
    if (isIntersecting && play.checked) start(target); else target.pause();
  }
});
play.checked = !still;
function take(player) {
  const video = player.querySelector("video");
  players.push(player);
  player.addEventListener("click", () => video.paused ? start(video) : video.pause());
  draw(player, 0);
  follow(player);
  seen.observe(video);
}
document.querySelectorAll(".player").forEach(take);

// Most cards of a long run are scripts beside the page, which call this as they come near the screen.
function card(id, html) {
  const body = document.getElementById(id).querySelector(".body");
  body.outerHTML = html;
  document.getElementById(id).querySelectorAll(".player").forEach(take);
}
const near = new IntersectionObserver(changes => {
  for (const { target, isIntersecting } of changes) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    const script = document.createElement("script");
    script.src = target.dataset.src;
    document.body.append(script);
  }
}, { rootMargin: "1500px" });
document.querySelectorAll("[data-src]").forEach(article => near.observe(article));

play.addEventListener("change", () => {
  for (const player of players) {
    const video = player.querySelector("video");
    if (play.checked && video.visible) start(video); else video.pause();
  }
});

document.getElementById("boxes").addEventListener("change", event => {
  document.body.classList.toggle("bare", !event.target.checked);
});

const find = document.getElementById("find"), which = document.getElementById("which");
function filter() {
  const text = find.value.toLowerCase();
  let shown = 0;
  for (const card of document.querySelectorAll(".card")) {
    const fits = card.dataset.text.toLowerCase().includes(text) && ["", card.dataset.memory].includes(which?.value ?? "");
    card.hidden = !fits;
    shown += fits;
  }
  document.getElementById("shown").textContent = shown;
}
find.addEventListener("input", filter);
which?.addEventListener("change", filter);
addEventListener("hashchange", () => {
  const target = document.getElementById(location.hash.slice(1));
  if (target?.hidden) { find.value = ""; if (which) which.value = ""; filter(); target.scrollIntoView(); }
  const around = target?.closest("details");
  if (around && !around.open) { around.open = true; target.scrollIntoView(); }
});
