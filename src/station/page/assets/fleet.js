// The fleet: every camera, those that need a person first. Asked for anew while somebody looks.

import { drift } from "./drift.js";

const EVERY_MS = 4000;
// Cameras that are drawn; the others are found by their name.
const MOST = 100;

export function fleet({ $, t, element, write, lines, clock, whole, span, wire, may, orders }) {
  let looks = false, told = null, url = "", plan = null;
  const open = new Set(), shifts = drift({ t, element, whole, wire, may, changed: look });

  async function look() {
    try {
      told = await (await wire.ask("api/fleet")).json();
      orders.told(told);
      draw();
      await plans();
    } catch (error) {
      write("fleet-count", t("fleet.lost", { reason: wire.reason(error) }));
    }
  }

  // Few parks have given one: it comes where there is one, or somebody may give one.
  async function plans() {
    if (!told.plans.length && !may("administer") && !plan) return;
    plan ??= import("./map.js").then((script) => script.map({ $, t, element, write, wire, may, lead, changed: look }));
    const drawn = await plan;
    if (told) drawn.draw(told);
  }

  // To the entry of a camera, also where the list is cut or something else was looked for.
  function lead(name) {
    const entry = () => [...$("cameras").querySelectorAll("summary")].find((one) => one.dataset.camera === name && one.dataset.kind === "more");
    if (!entry()) {
      $("find").value = name;
      draw();
    }
    entry()?.closest("li").scrollIntoView({ block: "center" });
    entry()?.focus({ preventScroll: true });
  }

  function draw() {
    const wanted = $("find").value.trim().toLowerCase();
    const all = told.cameras, found = all.filter((one) => `${one.site}/${one.camera}`.includes(wanted)).slice(0, MOST);
    const need = all.filter((one) => one.needs.length).length;
    write("fleet-count", t("fleet.count", { shown: whole(found.length), all: whole(all.length), need: whole(need) }));
    const focus = document.activeElement?.dataset?.camera;
    const kind = document.activeElement?.dataset?.kind;
    $("cameras").replaceChildren(...found.map(camera));
    if (focus) [...$("cameras").querySelectorAll("[data-camera]")].find((one) => one.dataset.camera === focus && one.dataset.kind === kind)?.focus();
    lines("refused", told.refusals.length ? told.refusals.map(refusal) : [t("refused.none")]);
  }

  const refusal = (one) => t("refused.one", { ...one, times: whole(one.times), time: clock(one.last_ms), bytes: whole(one.bytes) });

  function camera(one) {
    const name = `${one.site}/${one.camera}`;
    const needs = element("ul", { class: "needs" }, ...one.needs.map((need) => element("li", {}, t("need." + need))));
    const head = element("h3", {}, name, " ", element("span", { class: one.presence === "online" ? "good" : "bad" }, t("presence." + one.presence)));
    const facts = element("dl", {}, ...rows(one).flatMap(([key, value]) => (value ? [element("div", {}, element("dt", {}, key), element("dd", {}, value))] : [])));
    const summary = element("summary", { "data-camera": name, "data-kind": "more" }, t("fact.more", { camera: name }));
    const more = element("details", { open: open.has(name) }, summary, facts);
    more.ontoggle = () => (more.open ? open.add(name) : open.delete(name));
    return element("li", { class: "camera " + one.presence }, head, one.needs.length ? needs : "", brief(one), ...orders.of(name), shifts.panel(one, told.shifts.filter((shift) => shift.site === one.site && shift.camera === one.camera)), more, picture(one, name));
  }

  // What is worth a look without opening anything.
  function brief(one) {
    const { figures } = one;
    const words = [one.reason && one.presence !== "online" ? one.reason : "", heard(one)];
    if (figures?.temperature_c != null) words.push(t("fact.temperature", { c: whole(figures.temperature_c) }));
    if (figures?.waiting) words.push(t("fact.messages.told", figures));
    return element("p", { class: "hint" }, words.filter(Boolean).join(" · "));
  }

  const heard = (one) => `${t("fact.heard")} ${one.silent_s === null ? t("fact.heard.never") : t("fact.heard.ago", { time: span(one.silent_s) })}`;

  function rows(one) {
    const { figures: f, drill } = one;
    const board = f && [
      f.temperature_c != null && t("fact.temperature", { c: whole(f.temperature_c) }),
      f.memory_mb != null && t("fact.memory", { mb: whole(f.memory_mb) }),
      f.written_mb_a_day != null && t("fact.written", { mb: whole(f.written_mb_a_day) }),
      f.effort && f.effort !== "full" && t("fact.effort", { effort: f.effort }),
      f.strain,
    ].filter(Boolean).join(", ");
    return [
      [t("fact.reason"), one.reason],
      [t("fact.heard"), one.silent_s === null ? t("fact.heard.never") : t("fact.heard.ago", { time: span(one.silent_s) })],
      [t("fact.mode"), one.mode && orders.mode(one)],
      [t("fact.latency"), f?.inference_p95_ms != null && t("fact.latency.told", { ms: whole(f.inference_p95_ms), slow: f.slow == null ? "–" : whole(f.slow * 100) })],
      [t("fact.puback"), f?.puback_p95_ms != null && t("fact.ms", { ms: whole(f.puback_p95_ms) })],
      [t("fact.board"), board],
      [t("fact.light"), f?.regime && t("regime." + f.regime)],
      [t("fact.reach"), f && (f.reach ? t("fact.reach.told", { day: whole(f.reach.day_m), infrared: whole(f.reach.infrared_m) }) : t("fact.reach.none"))],
      [t("fact.messages"), f && t("fact.messages.told", { waiting: whole(f.waiting), lost: whole(f.lost), refused: whole(f.refused) })],
      [t("fact.drill"), drill ? t("fact.drill.told", { course: t("course." + drill.course), time: clock(Date.parse(drill.began)), reason: drill.reason }) : t("fact.drill.none")],
      [t("fact.clock"), f && (f.clock_synced ? t("fact.clock.set") : t("need.clock-unset"))],
      [t("fact.version"), one.version],
    ];
  }

  // What a camera sees that cannot see; fetched when somebody asks for it.
  function picture(one, name) {
    if (one.state !== "degraded") return "";
    const button = element("button", { type: "button", "data-camera": name, "data-kind": "picture" }, t("fact.picture"));
    button.onclick = async () => {
      const { picture: found } = await (await wire.ask(`api/cameras/${one.site}/${one.camera}/picture`)).json();
      if (!found) return void button.replaceWith(element("p", { class: "hint" }, t("fact.picture.none")));
      const blob = await (await wire.ask(`api/pictures/${found.id}`)).blob();
      URL.revokeObjectURL(url);
      url = URL.createObjectURL(blob);
      button.replaceWith(element("img", { class: "large", src: url, alt: t("fact.picture.alt", { camera: name, time: clock(found.captured_ms) }) }));
    };
    return button;
  }

  $("find").oninput = () => told && draw();
  setInterval(() => looks && !document.hidden && look(), EVERY_MS);

  return {
    shown: (is) => { looks = is; if (is) look(); },
    changed: () => looks && look(),
    forget: () => {
      told = null;
      plan?.then((drawn) => drawn.forget());
    },
  };
}
