// The station's page: the door, who is watching, what is wrong with the station itself, and which of its two pages is shown.

import { desk } from "./desk.js";
import { fleet } from "./fleet.js";
import { line } from "./line.js";
import { notify } from "./notify.js";
import { orders } from "./orders.js";
import { people } from "./people.js";
import { report } from "./report.js";
import { review } from "./review.js";
import { trials } from "./trial.js";

const $ = (id) => document.getElementById(id);
const texts = JSON.parse($("texts").textContent);
// So long before a session ends it is said.
const WARN_MS = 15 * 60e3;
const lang = document.documentElement.lang;

// One half of a session; the other is a cookie that scripts do not see, and neither is of any use alone.
let key = localStorage.getItem("session-key") || "", me = null, deaf = null, hangUp = null, pulse = null, ahead = 0;

function t(key, values = {}) {
  return (texts[key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  Object.entries(attributes).forEach(([key, value]) => (value === null || value === false) || made.setAttribute(key, value === true ? "" : value));
  made.append(...children.filter((child) => child !== null && child !== ""));
  return made;
}
// Only where it differs: what stands in a live region is read out when it is written.
function write(id, text) {
  if ($(id).textContent !== text) $(id).textContent = text;
}
function lines(id, items) {
  const text = items.join("\n");
  if ($(id).dataset.text === text) return;
  $(id).dataset.text = text;
  $(id).replaceChildren(...items.map((item) => element("li", {}, item)));
}
const now = () => Date.now() + ahead;
const clock = (ms) => {
  const time = new Date(ms), days = Math.abs(now() - ms) > 12 * 3600e3;
  return time.toLocaleString(lang, { hourCycle: "h23", timeStyle: "medium", ...(days ? { dateStyle: "medium" } : {}) });
};
const whole = (number) => Math.round(number).toLocaleString(lang);
function span(seconds) {
  const unit = (n, unit) => new Intl.NumberFormat(lang, { style: "unit", unit, unitDisplay: "long" }).format(Math.floor(n));
  if (seconds < 120) return unit(Math.max(0, seconds), "second");
  if (seconds < 7200) return unit(seconds / 60, "minute");
  return seconds < 172800 ? unit(seconds / 3600, "hour") : unit(seconds / 86400, "day");
}

const wire = line({ t, left: (why) => key && leave(t("door.out", { reason: why })) });
const may = (right) => me?.rights.includes(right) ?? false;
const tools = { $, t, element, write, lines, clock, whole, span, now, wire, may };
const told = orders(tools), outside = notify(tools), alerts = desk({ ...tools, outside }), cameras = fleet({ ...tools, orders: told });
const accounts = people({ ...tools, me: () => me, out: (why) => leave(why) });
const pictures = review(tools), week = report(tools), tried = trials(tools);
// Few open it, and it is not small: it comes when somebody does.
let park = null;
async function models(is) {
  if (is) park ??= (await import("./models.js")).models(tools);
  park?.shown(is && location.hash === "#models" && !$("inside").hidden);
}

// ---- the door ---------------------------------------------------------------------------------------------------------------------

$("name").value = localStorage.getItem("name") || "";
$("enter").onsubmit = async (event) => {
  event.preventDefault();
  write("door-mistake", "");
  try {
    const name = $("name").value.trim();
    const { key: half } = await (await wire.say("api/login", { name, password: $("password").value })).json();
    [key, me] = [half, null];
    localStorage.setItem("session-key", key);
    localStorage.setItem("name", name);
    await enter();
    $("password").value = "";
    $("main").focus();
  } catch (error) {
    write("door-mistake", t("door.refused", { reason: wire.reason(error) }));
    $("password").focus();
  }
};

async function enter() {
  wire.use(key);
  me = await (await wire.ask("api/me")).json();
  await refresh();
  for (const id of ["inside", "nav", "tools"]) $(id).hidden = false;
  $("door").hidden = true;
  $("keys").hidden = !may("speak");
  $("to-review").hidden = !may("label");
  show();
  hangUp?.();
  hangUp = wire.hear({
    event: (name, data) => {
      if (name === "pulse") feel(data);
      if (name === "alert") alerts.changed(data.alert, data.rings);
      if (name === "commands" || name === "plans") cameras.changed();
      if (name === "notices") outside.changed();
      if (name === "trials") tried.changed();
      if (name === "rollouts") park?.changed();
      if (name === "anew") refresh().catch(() => {});
    },
    still: (since) => {
      if (deaf === null) alerts.sad();
      deaf = since;
      troubles();
      roll();
    },
    again: () => {
      deaf = null;
      refresh().catch(() => {});
    },
  });
}

async function refresh() {
  const told = await (await wire.ask("api/desk")).json();
  write("foot", t("foot", told));
  feel(told.pulse);
  alerts.all(told.alerts, told.waiting);
}

// Whoever is on duty must notice it: nothing is seen or heard any more.
function leave(why = "") {
  if (why && hangUp) alerts.sad();
  hangUp?.();
  [hangUp, me, key] = [null, null, ""];
  wire.use("");
  localStorage.removeItem("session-key");
  for (const id of ["inside", "nav", "tools"]) $(id).hidden = true;
  $("door").hidden = false;
  alerts.forget();
  accounts.forget();
  outside.forget();
  cameras.shown(false);
  cameras.forget();
  told.close();
  pictures.forget();
  week.forget();
  tried.shown(false);
  tried.forget();
  park?.forget();
  document.title = t("title.out");
  write("door-mistake", why);
  $("password").value = "";
  $($("name").value ? "password" : "name").focus();
}
$("leave").onclick = async () => {
  // Whatever is under way is refused from now on, which is no news to whoever leaves.
  key = "";
  hangUp?.();
  hangUp = null;
  await wire.say("api/logout", {}).catch(() => {});
  leave();
};

// ---- which page -------------------------------------------------------------------------------------------------------------------

function show() {
  const pages = ["desk", "fleet", "review", "report", "trials", "models", "people"], inside = !$("inside").hidden;
  const which = pages.find((id) => location.hash === "#" + id) ?? "desk";
  for (const id of pages) {
    $(id).hidden = id !== which;
    if (id === which) $("to-" + id).setAttribute("aria-current", "page");
    else $("to-" + id).removeAttribute("aria-current");
  }
  $("inside").dataset.page = which;
  cameras.shown(which === "fleet" && inside);
  pictures.shown(which === "review" && inside);
  week.shown(which === "report" && inside);
  tried.shown(which === "trials" && inside);
  models(which === "models" && inside);
  accounts.shown(which === "people" && inside);
  outside.shown(which === "people" && inside);
}
addEventListener("hashchange", show);

// ---- who is watching, and what is wrong -------------------------------------------------------------------------------------------

function feel(told) {
  pulse = told;
  ahead = told.now_ms - Date.now();
  deaf = null;
  troubles();
  roll();
}

function troubles() {
  const said = [];
  if (deaf !== null) said.push(t("trouble.stream", { time: clock(deaf + ahead) }));
  if (me?.ends_ms && me.ends_ms - now() < WARN_MS) said.push(t("trouble.ends", { time: clock(me.ends_ms) }));
  const { link, trouble, gaps } = pulse.standing;
  if (!link.connected) said.push(link.since_ms ? t("trouble.link", { time: clock(link.since_ms), why: link.why }) : t("trouble.link.first", link));
  if (trouble) said.push(t("trouble.store", { time: clock(trouble.since_ms), why: trouble.why }));
  for (const gap of gaps) said.push(t("trouble.gap", { from: clock(gap.from_ms), to: clock(gap.to_ms) }));
  const { online, degraded, silent, offline, unknown } = pulse.call;
  if (link.connected && online + degraded + silent + offline + unknown === 0) said.push(t("trouble.nobody"));
  said.push(...outside.troubles(pulse.standing.channels));
  lines("trouble", said);
}

function roll() {
  const { call, standing } = pulse;
  // What was true before must not look as if it were now.
  if (deaf !== null) {
    write("roll", t("roll.old", { time: clock(deaf + ahead) }));
    $("roll").className = "bad";
    return;
  }
  const n = whole(call.online);
  const words = [call.online === 1 ? t("roll.online.one", { n }) : t("roll.online", { n })];
  if (call.unknown) words.splice(0, 1, t("roll.unknown", { n: whole(call.unknown) }));
  if (call.silent) words.push(t("roll.silent", { n: whole(call.silent) }));
  if (call.offline) words.push(t("roll.offline", { n: whole(call.offline) }));
  if (call.degraded) words.push(t("roll.degraded", { n: whole(call.degraded) }));
  write("roll", words.join(" · "));
  $("roll").className = call.silent + call.offline + call.degraded + call.unknown ? "bad" : "good";
  const absent = call.first.map((one) => {
    const camera = `${one.site}/${one.camera}`;
    if (one.presence !== "silent") return t("absent." + one.presence, { camera, reason: one.reason });
    return one.silent_s === null ? t("absent.silent.ever", { camera }) : t("absent.silent", { camera, time: span(one.silent_s) });
  });
  const all = call.silent + call.offline + call.degraded;
  if (all > call.first.length) absent.push(t("absent.more", { n: whole(all - call.first.length) }));
  lines("absent", absent);
  const { believed, refused, dropped } = standing.counts;
  write("felt", t("roll.felt", { time: clock(pulse.now_ms), believed: whole(believed), refused: whole(refused), dropped: whole(dropped) }));
}

if (key) enter().catch((error) => key && write("door-mistake", t("door.refused", { reason: wire.reason(error) })));
