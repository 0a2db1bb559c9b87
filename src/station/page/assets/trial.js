// Trials: written down before they begin, watched while they run, and their result, drawn by the station and printed by the browser.

const EVERY_MS = 5000;
const CRITERIA = [["recall_least", 0.01], ["false_alarms_most", 1], ["told_within_s", 1], ["silence_most_h", 1]];

export function trials({ $, t, element, write, clock, whole, now, wire, may }) {
  let looks = false, drawn = "", timer = null;
  const stopping = new Map();

  const local = (ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60000).toISOString().slice(0, 16);
  const date = (ms) => new Date(ms).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short", hourCycle: "h23" });

  async function look() {
    try {
      const told = await (await wire.ask("api/trials")).json();
      const text = JSON.stringify([told.trials, told.cameras]);
      if (text !== drawn) draw(told);
      drawn = text;
    } catch (error) {
      write("trials-said", t("trials.lost", { reason: wire.reason(error) }));
    }
  }

  function draw({ trials, cameras }) {
    const focus = document.activeElement?.dataset?.trial, kind = document.activeElement?.dataset?.kind;
    $("trial-list").replaceChildren(...(trials.length ? trials.map(one) : [element("li", {}, t("trials.none"))]));
    if (focus) [...$("trial-list").querySelectorAll("[data-trial]")].find((made) => made.dataset.trial === focus && made.dataset.kind === kind)?.focus();
    const picked = new Set([...$("trial-cameras").querySelectorAll("input:checked")].map((box) => box.value));
    $("trial-cameras").replaceChildren(...cameras.map((name) =>
      element("label", { class: "check" }, element("input", { type: "checkbox", value: name, checked: picked.has(name) }), name)));
  }

  // ---- one trial ------------------------------------------------------------------------------------------------------------------

  function one(trial) {
    const { plan, phase, stopped } = trial;
    const place = { mode: t("mode.name." + plan.mode), from: date(plan.begin_ms), to: date(plan.end_ms) };
    const asked = CRITERIA.filter(([name]) => plan.criteria[name] !== null).map(([name, unit]) =>
      element("li", {}, t("trials.asked." + name, { value: (plan.criteria[name] / unit).toLocaleString(document.documentElement.lang, { maximumFractionDigits: 3 }) })));
    const begun = phase !== "written" && phase !== "withdrawn";
    return element("li", { class: "trial" },
      element("h3", {}, plan.name, " ", element("span", { class: phase === "running" ? "good" : "" }, t("trials.phase." + phase))),
      element("p", {}, t("trials.when", place)),
      stopped ? element("p", { class: "mistake" }, t("trials.stopped", { by: stopped.by, time: date(stopped.at_ms), reason: stopped.reason })) : "",
      trial.is_as_written ? "" : element("p", { class: "mistake" }, t("trials.changed")),
      element("ul", { class: "criteria" }, ...asked),
      element("ul", {}, ...trial.members.map((member) => camera(member, phase))),
      element("p", { class: "hint" }, t("trials.written", { by: trial.written_by, time: date(trial.written_ms), sha256: trial.sha256.slice(0, 12) })),
      element("div", { class: "row" }, begun ? result(trial) : ""),
      may("administer") && ["running", "written"].includes(phase) ? stop(trial) : "");
  }

  function camera(member, phase) {
    const bad = (member.part === "waits" && phase === "running") || member.part === "leaves" || member.part === "elsewhere";
    const words = [t("trials.part." + member.part)];
    if (member.part === "waits" && member.presence !== "online" && member.presence !== "degraded") words.push(t("trials.absent"));
    if (member.part === "in") words.push(member.until ? t("trials.until", { time: date(Date.parse(member.until)) }) : t("trials.until.unset"));
    if (member.joined_ms !== null) words.push(t("trials.joined", { time: date(member.joined_ms) }));
    if (member.reason) words.push(t("trials.refused", { reason: member.reason }));
    return element("li", { class: bad ? "bad" : "" }, `${member.camera}: ${words.join(" · ")}`);
  }

  function result(trial) {
    const button = element("button", { type: "button", "data-trial": trial.id, "data-kind": "result" }, t("trials.result", { name: trial.plan.name }));
    button.onclick = () => show(trial.id);
    return button;
  }

  async function show(id) {
    write("trials-said", t("trials.making"));
    try {
      const asked = new URLSearchParams({ zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
      if ($("trial-simulated").checked) asked.set("simulated", "1");
      const html = await (await wire.ask(`api/trials/${id}/result?${asked}`)).text();
      const made = new DOMParser().parseFromString(html, "text/html");
      $("trial-out").replaceChildren(...made.body.childNodes);
      $("trial-print").hidden = false;
      write("trials-said", "");
      $("trial-out").focus();
    } catch (error) {
      write("trials-said", t("trials.lost", { reason: wire.reason(error) }));
    }
  }

  function stop(trial) {
    const label = trial.phase === "running" ? t("trials.stop", { name: trial.plan.name }) : t("trials.withdraw", { name: trial.plan.name });
    const field = element("input", { id: `why-${trial.id}`, maxlength: 300, required: true, autocomplete: "off", value: stopping.get(trial.id) ?? "" });
    field.oninput = () => stopping.set(trial.id, field.value);
    const form = element("form", {}, element("label", { for: `why-${trial.id}` }, t("trials.why")), field,
      element("button", {}, label));
    form.onsubmit = async (event) => {
      event.preventDefault();
      try {
        await wire.say(`api/trials/${trial.id}/stop`, { reason: field.value });
        stopping.delete(trial.id);
        said(t("trials.is-stopped", { name: trial.plan.name }), true);
        look();
      } catch (error) {
        said(t("trials.failed", { reason: wire.reason(error) }), false);
      }
    };
    const summary = element("summary", { "data-trial": trial.id, "data-kind": "stop" }, label);
    return element("details", { open: stopping.has(trial.id) }, summary, form);
  }

  // ---- a new one ------------------------------------------------------------------------------------------------------------------

  function said(text, good) {
    write("trials-said", text);
    $("trials-said").className = good ? "good" : "mistake";
  }

  $("trial-form").onsubmit = async (event) => {
    event.preventDefault();
    const criteria = Object.fromEntries(CRITERIA.map(([name, unit]) => {
      const typed = $("trial-" + name).value;
      return [name, typed === "" ? null : Number(typed) * unit];
    }));
    const begin = $("trial-begin").value;
    const trial = {
      name: $("trial-name").value.trim(), mode: $("trial-mode").value, criteria,
      begin_ms: begin ? new Date(begin).getTime() : null, end_ms: new Date($("trial-end").value).getTime(),
      cameras: [...$("trial-cameras").querySelectorAll("input:checked")].map((box) => box.value),
    };
    try {
      await wire.say("api/trials", trial);
      said(t("trials.kept", { name: trial.name }), true);
      $("trial-form").reset();
      $("trial-new").open = false;
      look();
    } catch (error) {
      said(t("trials.failed", { reason: wire.reason(error) }), false);
    }
    $("trials-said").scrollIntoView({ block: "nearest" });
  };
  $("trial-print").onclick = () => print();

  return {
    shown: (is) => {
      looks = is;
      clearInterval(timer);
      if (!is) return;
      $("trial-new").hidden = !may("administer");
      if (!$("trial-end").value) $("trial-end").value = local(now() + 14 * 86400e3);
      look();
      timer = setInterval(look, EVERY_MS);
    },
    changed: () => looks && look(),
    forget: () => {
      drawn = "";
      $("trial-list").replaceChildren();
      $("trial-out").replaceChildren();
      $("trial-print").hidden = true;
    },
  };
}
