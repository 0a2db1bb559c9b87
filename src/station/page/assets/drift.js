// What has shifted at a camera: in words, and as small charts of before and after.

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 320, HIGH = 84;

export function drift({ t, element, whole, wire, may, changed }) {
  const open = new Set(), known = new Map();

  const lang = document.documentElement.lang;
  const day = (ms) => new Date(ms).toLocaleDateString(lang, { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" });
  const number = (value, digits) => value.toLocaleString(lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });

  // A score as it is, visits as a number, what is a share of something in percent.
  function shown(feature, value) {
    if (feature === "score") return number(value, 2);
    if (feature === "visits") return number(value, value >= 0.05 && value < 10 ? 1 : 0);
    return number(value * 100, value < 0.1 ? 1 : 0);
  }

  function sentence(one) {
    const { feature, was, became } = one;
    const way = feature === "visits" && became < 0.1 ? "none" : became < was ? "less" : "more";
    const words = { light: t("drift.light." + one.regime), day: day(one.since_ms), was: shown(feature, was), became: shown(feature, became), part: whole((100 * became) / was) };
    return t("drift." + feature + "." + way, words);
  }

  // Below a camera's name; with the charts where somebody asks for them.
  function panel(one, shifts) {
    if (!shifts.length) return "";
    const name = `${one.site}/${one.camera}`;
    const lines = element("ul", {}, ...shifts.map((shift) => element("li", {}, sentence(shift))));
    const charts = element("div", {}, ...drawn(name));
    const summary = element("summary", { "data-camera": name, "data-kind": "drift" }, t("drift.charts", { camera: name }));
    const more = element("details", { open: open.has(name) }, summary, charts);
    more.ontoggle = () => {
      if (!more.open) return void open.delete(name);
      if (open.has(name)) return;
      open.add(name);
      fetched(one, name, charts);
    };
    return element("div", { class: "drift" }, lines, more);
  }

  async function fetched(one, name, charts) {
    try {
      known.set(name, { told: await (await wire.ask(`api/cameras/${one.site}/${one.camera}/drift`)).json() });
    } catch (error) {
      known.set(name, { lost: t("drift.lost", { reason: wire.reason(error) }) });
    }
    charts.replaceChildren(...drawn(name));
  }

  function drawn(name) {
    const { told, lost } = known.get(name) ?? {};
    if (lost) return [element("p", { class: "mistake" }, lost)];
    if (!told) return [];
    const accept = element("button", { type: "button", "data-camera": name, "data-kind": "accept" }, t("drift.accept"));
    accept.onclick = () => accepted(name, accept);
    const learning = told.known.filter(([, days]) => days < told.least);
    return [
      ...told.shifts.map(figure),
      element("p", { class: "hint" }, t("drift.legend")),
      element("p", { class: "hint" }, t("drift.rate", { rate: whole(told.stated * 100) })),
      ...learning.map(([light, days]) => element("p", { class: "hint" }, t("drift.learning", { light: t("drift.light." + light), days: whole(days), least: whole(told.least) }))),
      ...(may("speak") ? [element("p", { class: "hint" }, t("drift.accept.hint")), accept] : []),
    ];
  }

  async function accepted(name, button) {
    try {
      await wire.say(`api/cameras/${name}/drift`, {});
      open.delete(name);
      known.delete(name);
      await changed();
    } catch (error) {
      button.replaceWith(element("p", { class: "mistake", role: "alert" }, t("drift.lost", { reason: wire.reason(error) })));
    }
  }

  function figure(one) {
    const words = { what: t("drift.what." + one.feature), light: t("drift.light." + one.regime), day: day(one.since_ms), was: shown(one.feature, one.was), became: shown(one.feature, one.became), days: whole(one.days.length) };
    const parts = [course(one, t("drift.course.alt", words))];
    if (one.before) parts.push(bars(one, t("drift.bars.alt", words)));
    return element("figure", {}, element("figcaption", {}, t("drift.caption", words)), ...parts);
  }

  function svg(name, attributes, ...children) {
    const made = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.append(...children);
    return made;
  }

  // One dot a day; a line where the mean was, and one where it is.
  function course(one, label) {
    const values = one.days.map(([, value]) => value), first = one.days[0]?.[0] ?? 0, last = one.days.at(-1)?.[0] ?? 1;
    const top = Math.max(...values, one.was, one.became) * 1.05 || 1;
    const x = (ms) => 6 + ((ms - first) / Math.max(last - first, 1)) * (WIDE - 12), y = (value) => HIGH - 4 - (value / top) * (HIGH - 8);
    const mean = (from, to, value, name) => svg("line", { x1: from, x2: to, y1: y(value), y2: y(value), class: name });
    const since = (x(one.since_ms) + x(Math.max(one.since_ms - 864e5, first))) / 2;
    return svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": label, class: "chart" },
      svg("line", { x1: since, x2: since, y1: 0, y2: HIGH, class: "since" }),
      svg("line", { x1: 0, x2: WIDE, y1: HIGH - 1, y2: HIGH - 1, class: "axis" }),
      mean(6, since, one.was, "before"), mean(since, WIDE - 6, one.became, "after"),
      ...one.days.map(([ms, value]) => svg("circle", { cx: x(ms), cy: y(value), r: 3, class: ms < one.since_ms ? "before" : "after" })));
  }

  // Shares of the bins, before and since side by side; bins at either end in which nothing ever was are left out.
  function bars(one, label) {
    const share = (counts) => counts.map((count) => count / Math.max(counts.reduce((sum, n) => sum + n, 0), 1));
    const before = share(one.before), after = share(one.after);
    const used = before.map((value, i) => (value + after[i] > 0.002 ? i : -1)).filter((i) => i >= 0);
    const low = Math.max((used[0] ?? 0) - 1, 0), high = Math.min((used.at(-1) ?? 15) + 1, 15);
    const top = Math.max(...before, ...after, 1e-9), wide = (WIDE - 12) / (high - low + 1);
    const bar = (i, value, at, name) => svg("rect", { x: 6 + (i - low) * wide + at * wide * 0.42, y: HIGH - 1 - (value / top) * (HIGH - 8), width: wide * 0.42, height: (value / top) * (HIGH - 8), class: name });
    const all = [];
    for (let i = low; i <= high; i++) all.push(bar(i, before[i], 0, "before"), bar(i, after[i], 1, "after"));
    return svg("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": label, class: "chart" }, ...all, svg("line", { x1: 0, x2: WIDE, y1: HIGH - 1, y2: HIGH - 1, class: "axis" }));
  }

  return { panel };
}
