// Once a second: fetch the sections, replace those that have changed. They come ready-made and escaped.
const at = document.getElementById("at");
const shown = new Map();
let failures = 0;

async function refresh() {
  const answer = await fetch("/live.json", { signal: AbortSignal.timeout(5000) });
  if (answer.status === 401) return location.reload();
  if (!answer.ok) throw new Error((await answer.json()).error);
  const live = await answer.json();
  if (!document.getElementById("traffic")) return location.reload();
  for (const [name, html] of Object.entries(live.sections)) {
    if (shown.get(name) !== html) document.getElementById(name).innerHTML = html;
    shown.set(name, html);
  }
  at.textContent = live.at;
}

async function tick() {
  try {
    if (!document.hidden) await refresh();
    failures = 0;
  } catch (error) {
    failures += 1;
    at.textContent = `no answer: ${error.message}`;
  }
  document.body.classList.toggle("stale", failures > 1);
  at.classList.toggle("bad", failures > 1);
  setTimeout(tick, 1000);
}

document.addEventListener("visibilitychange", () => document.hidden || refresh().catch(() => {}));
tick();
