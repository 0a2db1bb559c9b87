// The aiming page. The next picture and the next state are asked for when the last have come, so that a slow link sets the pace.

import { editor } from "./areas.js";

const $ = (id) => document.getElementById(id);
const texts = JSON.parse($("texts").textContent);
const lang = document.documentElement.lang;
// Longer sides of pictures, pixels.
const SIDES = [240, 320, 480, 640, 960];
const STATE_MS = 2000, RETRY_MS = 3000, PATIENCE_MS = 30000;
// A picture that takes longer than this is made smaller, one that is sooner there larger, milliseconds.
const SLOW_MS = 2500, FAST_MS = 900;

// In this tab alone, and gone with it.
let token = sessionStorage.getItem("token") || "", visit = 0, told = null, step = 1, url = "", drilled = "";

function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
function element(name, attributes = {}) {
  const made = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  return made;
}
// Only where it differs: what stands in a live region is read out when it is written.
function write(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}
const whole = (number) => Math.round(number).toLocaleString(lang);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

class Refused extends Error {}
const reason = (error) => (error instanceof Refused ? error.message : t("door.silent"));

async function api(path, options = {}) {
  const headers = { Authorization: `Bearer ${token}`, ...options.headers };
  const answer = await fetch(path, { ...options, headers, cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) });
  if (answer.status === 401 || answer.status === 429) {
    const refused = new Refused((await answer.json()).reason);
    if (answer.status === 401) leave(t("door.refused", { reason: refused.message }));
    throw refused;
  }
  return answer;
}

const areas = editor({ $, t, api, reason, element });

// ---- the door ---------------------------------------------------------------------------------------------------------------------

$("enter").onsubmit = async (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  write("door-mistake", "");
  try {
    await enter();
    $("token").value = "";
    $("main").focus();
  } catch (error) {
    write("door-mistake", t("door.refused", { reason: reason(error) }));
    $("token").focus();
  }
};

async function enter() {
  const answer = await api("api/state");
  sessionStorage.setItem("token", token);
  show(await answer.json());
  $("door").hidden = true;
  $("inside").hidden = $("leave").hidden = false;
  await areas.load();
  visit += 1;
  watch(visit);
  look(visit);
}

function leave(why = "") {
  visit += 1;
  token = "";
  sessionStorage.removeItem("token");
  $("picture").removeAttribute("src");
  $("door").hidden = false;
  $("inside").hidden = $("leave").hidden = true;
  write("door-mistake", why);
  $("token").focus();
}
$("leave").onclick = () => leave();

// Nothing is asked for while nobody looks.
const seen = () => document.hidden ? new Promise((done) => document.addEventListener("visibilitychange", done, { once: true })) : null;

// ---- how it is --------------------------------------------------------------------------------------------------------------------

async function watch(mine) {
  while (mine === visit) {
    await seen();
    try {
      const answer = await api("api/state");
      if (mine !== visit) return;
      show(await answer.json());
      write("lost", "");
    } catch {
      if (mine === visit) write("lost", t("health.lost"));
    }
    await pause(STATE_MS);
  }
}

function show(state) {
  told = state;
  write("camera", `${state.site}/${state.camera}`);
  write("foot", t("foot", state));
  write("health", t("health." + state.health.state));
  $("health").className = state.health.state === "online" ? "good" : "bad";
  write("reason", state.health.reason);
  write("broker", state.health.broker);
  write("regime", state.regime ? t("regime." + state.regime) : "–");
  if (state.frame) areas.resize(...state.frame);
  reach(state);
  times(state.times);
  things(state.seen);
  drill(state.drill);
  alerts(state);
}

function reach({ reach: told, regime }) {
  const known = told.reach;
  const light = (of) => known ? t("reach." + of, { far: whole(known.close[of].m) }) : "";
  const now = regime === "infrared" ? "infrared" : "day";
  write("reach", known ? light(now) : t("reach." + told.missing));
  write("reach-other", light(now === "day" ? "infrared" : "day"));
  write("reach-how", known ? t("reach.how", {
    bear: told.bear_m.toLocaleString(lang), lens: told.lens_degrees.toLocaleString(lang),
    day: whole(known.whole.day.m), night: whole(known.whole.infrared.m),
  }) : "");
}

function times({ budget_ms, p50_ms, p95_ms }) {
  const known = p95_ms !== null;
  write("times", known ? t("times.told", { p50: whole(p50_ms), p95: whole(p95_ms), budget: whole(budget_ms) }) : "–");
  write("over", known && p95_ms > budget_ms ? t("times.over") : "");
}

function lines(id, items, none) {
  const list = items.length ? items : [none];
  const text = list.join("\n");
  if ($(id).dataset.text === text) return;
  $(id).dataset.text = text;
  $(id).replaceChildren(...list.map((line) => Object.assign(element("li"), { textContent: line })));
}

function things(found) {
  const line = ({ class: kind, score, x, y }) =>
    t("seen.one", { class: t("class." + kind), score: whole(score * 100), x: whole(x * 100), y: whole(y * 100) });
  lines("seen", found.slice(0, 5).map(line), t("seen.none"));
}

function drill(last) {
  $("drill").disabled = last?.course === "running";
  // Why there is none stays to be read until something happens.
  const now = last ? last.course + last.began : "none";
  if (now === drilled) return;
  drilled = now;
  if (!last) return write("drill-said", t("drill.none"));
  write("course", t("course." + last.course));
  write("drill-said", t("drill.at", { time: clock(last.began), reason: last.reason }));
}

const clock = (time) => new Date(time).toLocaleTimeString(lang, { hourCycle: "h23" });

function ago(ms) {
  const format = new Intl.RelativeTimeFormat(lang);
  const minutes = Math.round(ms / 60000);
  if (minutes < 1) return format.format(-Math.round(ms / 1000), "second");
  return minutes < 120 ? format.format(-minutes, "minute") : format.format(-Math.round(minutes / 60), "hour");
}

function alerts(state) {
  const severity = { high: t("severity.high"), low: t("severity.low") };
  const line = (alert) => [
    t("alerts.one", { class: t("class." + alert.class), score: alert.score.toFixed(2), state: t("state." + alert.state) }),
    alert.drill ? t("alerts.drill") : severity[alert.severity],
    `${ago(state.uptime_ms - alert.opened_uptime_ms)} (${clock(alert.opened)})`,
    t("fate." + alert.fate),
    alert.acknowledged && t("alerts.acknowledged", { by: alert.acknowledged.by, verdict: t("verdict." + alert.acknowledged.verdict) }),
  ].filter(Boolean).join(" · ");
  lines("alerts", state.alerts.map(line), t("alerts.none"));
  write("clock", state.clock_synced ? "" : t("clock.unset"));
}

$("drill").onclick = async () => {
  $("drill").disabled = true;
  try {
    const answer = await api("api/drill", { method: "POST" });
    const said = await answer.json();
    if (answer.ok) {
      write("course", t("course.running"));
      write("drill-said", "");
      return;
    }
    write("course", "");
    write("drill-said", t("drill.refused", said));
  } catch (error) {
    write("drill-said", t("drill.refused", { reason: reason(error) }));
  }
  $("drill").disabled = false;
};

// ---- what it sees -----------------------------------------------------------------------------------------------------------------

$("pause").onclick = () => $("pause").setAttribute("aria-pressed", $("pause").getAttribute("aria-pressed") !== "true");
const paused = () => $("pause").getAttribute("aria-pressed") === "true";

async function look(mine) {
  while (mine === visit) {
    await seen();
    if (paused()) {
      await pause(300);
      continue;
    }
    try {
      await picture(mine);
    } catch (error) {
      if (mine === visit) write("caption", t("view.none", { reason: reason(error) }));
      await pause(RETRY_MS);
    }
  }
}

async function picture(mine) {
  const side = Number($("size").value) || SIDES[step];
  const begun = performance.now();
  const answer = await api(`api/picture?side=${side}`);
  if (!answer.ok) throw new Refused((await answer.json()).reason);
  const blob = await answer.blob();
  if (mine !== visit) return;
  fit(performance.now() - begun);
  const age = Number(answer.headers.get("picture-age-ms")) / 1000;
  const next = URL.createObjectURL(blob);
  $("picture").src = next;
  $("picture").alt = t("view.alt", told);
  await $("picture").decode();
  URL.revokeObjectURL(url);
  url = next;
  const { naturalWidth: width, naturalHeight: height } = $("picture");
  write("caption", t("view.age", { seconds: age.toLocaleString(lang, { maximumFractionDigits: 1 }), width, height, kilobytes: whole(blob.size / 1000) }));
}

// As large as the link carries and the screen shows.
function fit(took) {
  const most = $("stage").clientWidth * Math.min(devicePixelRatio, 2);
  if (took > SLOW_MS) step = Math.max(0, step - 1);
  else if (took < FAST_MS && SIDES[step] < most) step = Math.min(SIDES.length - 1, step + 1);
}

if (token) enter().catch((error) => write("door-mistake", t("door.refused", { reason: reason(error) })));
