"""Looks and behaviour of a report's page; all colours have a light and a dark form."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --ink: #1b1f24; --soft: #57606a; --line: #d0d7de;
  --panel: #f6f8fa; --link: #0060a0; --wrong: #b04a00; --wrong-paper: #fff1e5;
  --fault-paper: #fff8c5; --shine: 1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12161c; --ink: #e6edf3; --soft: #9aa5b1; --line: #363d47;
    --panel: #1b2129; --link: #6cb6ff; --wrong: #ffb077; --wrong-paper: #40260f;
    --fault-paper: #3a3108; --shine: .9;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body {
  margin: 0 auto; padding: 1.5rem 1rem 3rem; max-width: 52rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
    "Liberation Sans", sans-serif;
  overflow-wrap: break-word;
}
h1, h2, h3 { line-height: 1.25; }
h1 { margin: 0 0 .3rem; font-size: 1.9rem; }
h2 { margin: 0 0 .8rem; padding-top: .6rem; font-size: 1.4rem;
  border-top: 2px solid var(--line); }
h3 { margin: 1.6rem 0 .4rem; font-size: 1.08rem; }
section { margin-top: 2.6rem; scroll-margin-top: 1rem; }
article + article { margin-top: 2.4rem; border-top: 1px solid var(--line); }
a { color: var(--link); }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.over, footer, .tiles dt, caption, figcaption, .name { color: var(--soft); }
.over { margin: 0; letter-spacing: .04em; }
.skip, .unseen {
  position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap;
}
.skip:focus { position: static; width: auto; height: auto; clip-path: none; }
nav ul { display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; margin: 1rem 0 0;
  padding: 0; list-style: none; }
.tiles { display: grid; gap: .7rem; margin: 1.2rem 0 0;
  grid-template-columns: repeat(auto-fill, minmax(8.6rem, 1fr)); }
.tiles div { padding: .6rem .8rem; border: 1px solid var(--line);
  border-radius: .5rem; background: var(--panel); }
.tiles dt { font-size: .85rem; }
.tiles dd { margin: 0; font-size: 1.3rem; font-weight: 600;
  font-variant-numeric: tabular-nums; }
#missing { padding: 0 1rem .4rem; border: 2px solid var(--wrong);
  border-radius: .5rem; background: var(--fault-paper); }
#missing h2 { border: 0; margin-bottom: .3rem; }
.fault { padding-left: .8rem; border-left: 4px solid var(--wrong); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem;
  font-variant-numeric: tabular-nums; }
caption { padding-bottom: .4rem; text-align: left; font-size: .88rem; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--line);
  text-align: left; vertical-align: top; }
th:first-child { padding-left: .2rem; }
tbody th { font-weight: 500; white-space: nowrap; }
thead th { border-bottom-width: 2px; vertical-align: bottom; }
.number { text-align: right; }
figure { margin: 1.2rem 0 2rem; }
figcaption { max-width: 44rem; margin-top: .4rem; font-size: .9rem; }
.frame { position: relative; width: fit-content; min-width: 34rem; }
.frame img { display: block; max-width: 100%; height: auto; background: #fff;
  border-radius: .3rem; filter: brightness(var(--shine)); }
.frame[data-time] img { cursor: pointer; }
.playhead { position: absolute; top: 0; bottom: 0; width: 2px; margin-left: -1px;
  background: #b0004e; pointer-events: none; }
audio { display: block; width: 100%; max-width: 30rem; margin: .8rem 0; }
.worst { padding-left: 1.6rem; }
.worst > li { margin-bottom: 1.1rem; }
.name { margin: 0 0 .1rem; font-size: .9rem; }
.name b { color: var(--ink); }
.alignment { display: flex; flex-wrap: wrap; gap: .35rem .3rem;
  font: .92rem/1.4 ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; }
.column { display: inline-flex; flex-direction: column; align-items: center;
  padding: .05rem .3rem; border-radius: .25rem; }
.who { align-items: flex-start; padding-left: 0; color: var(--soft);
  font-family: system-ui, sans-serif; font-size: .8rem; line-height: 1.61; }
.heard { color: var(--soft); }
.S, .D, .I { background: var(--wrong-paper); outline: 1px solid var(--wrong); }
.S .heard, .I .heard { color: var(--wrong); font-weight: 700; }
.D .said { text-decoration: line-through 2px var(--wrong); }
.column abbr { color: var(--wrong); font-size: .75rem; font-weight: 700;
  text-decoration: none; }
details { margin: .8rem 0; }
summary { cursor: pointer; color: var(--link); }
pre { padding: .8rem; overflow-x: auto; border: 1px solid var(--line);
  border-radius: .4rem; background: var(--panel); font-size: .8rem; line-height: 1.4; }
footer { margin-top: 3rem; font-size: .85rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
@media print {
  :root { --paper: #fff; --ink: #000; --soft: #444; --line: #bbb; --panel: #fff;
    --link: #000; --wrong: #8a3a00; --wrong-paper: #fff; --fault-paper: #fff;
    --shine: 1; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav, audio, details, .skip { display: none; }
  .scroll { overflow: visible; }
  .frame { min-width: 0; }
  .frame img { max-height: 23cm; width: auto; }
  h2, h3, caption, .alignment { break-after: avoid; }
  figure, tr, .worst > li, .tiles div { break-inside: avoid; }
}
"""
"""Of the whole page. The figures stay on white paper, dimmed a little in the dark."""

SCRIPT = """
// Only what has to scroll is a stop of the tab key.
const stops = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  }
});
document.querySelectorAll(".scroll").forEach((region) => stops.observe(region));

// A mark moves over the figures in time with the sound; a click there moves both.
for (const article of document.querySelectorAll("article")) {
  const audio = article.querySelector("audio");
  const frames = [...article.querySelectorAll(".frame[data-time]")];
  if (!audio || !frames.length) continue;
  const marks = frames.map((frame) => {
    const [left, right, start, end] = frame.dataset.time.split(" ").map(Number);
    const mark = document.createElement("span");
    mark.className = "playhead";
    mark.hidden = true;
    frame.append(mark);
    frame.addEventListener("click", (event) => {
      const box = frame.getBoundingClientRect();
      const share = ((event.clientX - box.left) / box.width - left) / (right - left);
      if (share < 0 || share > 1) return;
      audio.currentTime = start + share * (end - start);
      follow();
    });
    return { mark, left, right, start, end };
  });
  function follow() {
    const now = audio.currentTime;
    for (const { mark, left, right, start, end } of marks) {
      mark.hidden = now <= 0 || now < start || now > end;
      const share = (now - start) / (end - start);
      mark.style.left = 100 * (left + share * (right - left)) + "%";
    }
    if (!audio.paused) requestAnimationFrame(follow);
  }
  audio.addEventListener("play", follow);
  audio.addEventListener("seeked", follow);
}
"""
"""What the page does beyond showing; without it nothing is lost."""
