// Models: which camera runs what, bundles, and rollouts with what speaks for and against them. Fetched when somebody opens it.

const EVERY_MS = 5000;
// Criteria that are shares stand in percent on the page.
const FIELDS = [
  ["days", 1], ["most_days", 1], ["looks", 1], ["missed.pass", 100], ["missed.stop", 100], ["invented.pass", 100], ["invented.stop", 100], ["judged", 1], ["wrong", 100], ["slower", 1],
];
// Cameras that are proposed for shadow, and as canaries of these.
const SHADOW = 12, CANARIES = 3;
const LIGHTS = ["day", "dusk", "infrared"];

export function models({ $, t, element, write, clock, whole, span, wire, may }) {
  let looks = false, told = null, drawn = "", urls = new Map();
  const open = new Set();
  const lang = document.documentElement.lang;
  const percent = (share) => (share * 100).toLocaleString(lang, { maximumFractionDigits: share < 0.1 ? 1 : 0 });
  const said = (text, good) => {
    write("models-said", text);
    $("models-said").className = good ? "good" : "mistake";
  };

  async function look() {
    try {
      told = await (await wire.ask("api/models")).json();
      draw();
    } catch (error) {
      said(t("models.failed", { reason: wire.reason(error) }));
    }
  }

  function draw() {
    // Only what differs: nobody loses the place where he reads.
    const { now_ms, ...rest } = told, text = JSON.stringify(rest);
    if (text === drawn) return;
    drawn = text;
    const focus = document.activeElement?.dataset?.models;
    const [first, ...others] = told.rollouts;
    $("rollouts").replaceChildren(first ? card(first) : element("p", {}, t("models.none")));
    if (others.length) $("rollouts").append(folded("earlier", t("models.earlier", { n: whole(others.length) }), ...others.map((one) => element("div", { class: "camera" }, ...head(one), ...buttons(one)))));
    $("model-cameras").replaceChildren(...groups());
    $("bundles").replaceChildren(...(told.bundles.length ? told.bundles.map(bundle) : [element("li", {}, t("models.bundles.none"))]));
    $("models-give").hidden = !may("administer");
    write("models-key", told.trusted ? "" : t("models.untrusted"));
    $("give-form").hidden = !told.trusted;
    plan();
    if (focus) [...$("models").querySelectorAll("[data-models]")].find((one) => one.dataset.models === focus)?.focus();
  }

  function folded(name, title, ...children) {
    const made = element("details", { open: open.has(name) }, element("summary", { "data-models": name }, title), ...children);
    made.ontoggle = () => (made.open ? open.add(name) : open.delete(name));
    return made;
  }

  // ---- a rollout --------------------------------------------------------------------------------------------------------------------

  function head(one) {
    const { stage, ring, rings } = one, act = rings[ring]?.act;
    const words = { name: one.name, version: whole(one.version), ring: whole((ring ?? 0) + 1), rings: whole(rings.length), act: act ? t("act." + act) : "", time: clock(one.since_ms), by: one.moved_by, reason: one.reason };
    return [element("h3", {}, t("models.one", words)), element("p", { class: stage === "stopped" ? "bad" : stage === "written" ? "" : "good" }, t("stage." + stage, words))];
  }

  function card(one) {
    const body = [...head(one)];
    if (one.known && one.stage !== "stopped" && one.stage !== "done") body.push(...verdict(one));
    body.push(...buttons(one));
    if (one.known) body.push(...readings(one), table(one), ...pictures(one));
    body.push(folded("rings", t("models.rings"), ...one.rings.map((ring, i) => element("p", {}, t("models.ring", { n: whole(i + 1), act: t("act." + ring.act), cameras: ring.cameras.join(", ") })))));
    return element("div", { class: "alert " + (one.stage === "ready" ? "waits" : "") }, ...body);
  }

  // What the test says, in words.
  function verdict({ known }) {
    const { verdict: { is, lacks, ...stop }, looks: n } = known.judgement;
    const begins = t("judged." + is, { looks: whole(n), reason: stop.why ? t("why-stopped." + stop.why) : "" });
    const waits = known.unjudged ? [element("p", {}, t("models.unjudged", { n: whole(known.unjudged) }), " ", element("a", { href: "#review" }, t("models.review")))] : [];
    if (is !== "open") return [element("p", {}, begins), ...waits];
    return [element("p", {}, begins), element("ul", { class: "lacks" }, ...lacks.map((lack) => element("li", {}, lacking(lack)))), ...waits];
  }

  function lacking({ what, more, question, light }) {
    if (what === "days") return t("lack.days", { time: span(more * 86400) });
    if (what === "wrong") return t("lack.wrong");
    const name = what === "hours" ? question : what, words = { n: more == null ? "" : whole(more), light: light ? t("lack.light", { light: t("regime." + light.toLowerCase()) }) : "" };
    return more == null ? t("lack.never." + name, words) : t("lack." + name, words);
  }

  function readings({ known }) {
    const line = ({ question, hours, mean, pass, stop, against, towards }) => {
      const words = { hours: whole(hours), mean: mean == null ? "–" : percent(mean), pass: pass == null ? "" : percent(pass), stop: percent(stop), against: whole(100 * against), towards: towards == null ? "" : whole(100 * towards) };
      const shown = mean == null ? t("reading.none") : t("reading." + question, words);
      const limits = pass == null ? t("reading.stops", words) : t("reading.limits", words);
      const far = towards == null ? t("reading.against", words) : t("reading.both", words);
      return element("div", {}, element("dt", {}, t("question." + question)), element("dd", {}, shown, " ", element("span", { class: "hint" }, `${limits} ${far}`)));
    };
    return [element("dl", {}, ...known.judgement.readings.map(line)), element("p", { class: "hint" }, t("reading.rate", { stop: percent(told.false_stop), pass: percent(told.false_pass) }))];
  }

  function table({ known }) {
    const columns = ["both", "only_running", "only_challenger", "neither"];
    const compact = new Intl.NumberFormat(lang, { notation: "compact", maximumSignificantDigits: 3 });
    const row = (light) => element("tr", {}, element("th", { scope: "row" }, t("regime." + light)), ...columns.map((name) => element("td", {}, compact.format(known.lights[light][1][name]))));
    const header = element("tr", {}, element("th", { scope: "col" }, t("looks.light")), ...columns.map((name) => element("th", { scope: "col" }, t("looks." + name))));
    const rows = LIGHTS.filter((light) => known.lights[light]);
    if (!rows.length) return element("p", { class: "hint" }, t("looks.none"));
    return element("table", { class: "looks" }, element("caption", {}, t("looks.title")), element("thead", {}, header), element("tbody", {}, ...rows.map(row)));
  }

  function pictures({ known }) {
    if (!known.pictures.length) return [];
    const one = ({ key, camera, heard_ms, regime, saw, said: verdict }) => {
      const words = { camera, time: clock(heard_ms), light: t("regime." + regime), saw: t("saw." + saw), said: t("seen." + verdict) };
      const image = element("img", { alt: "", loading: "lazy" });
      fetched(key, image);
      return element("figure", {}, image, element("figcaption", {}, t("models.picture", words)));
    };
    return [folded("pictures", t("models.pictures", { n: whole(known.pictures.length) }), element("div", { class: "disagreements" }, ...known.pictures.map(one)))];
  }

  async function fetched(key, image) {
    try {
      if (!urls.has(key)) urls.set(key, URL.createObjectURL(await (await wire.ask(`api/review/${key}/picture`)).blob()));
      image.src = urls.get(key);
    } catch { image.remove(); /* Its words stay: pictures go before what was said of them. */ }
  }

  function buttons(one) {
    if (!may("administer")) return [];
    const steps = { written: ["start", "stop"], watching: ["stop"], ready: ["next", "stop"], done: ["stop"], stopped: [] }[one.stage];
    if (!steps.length) return [];
    const made = steps.map((step) => {
      const back = { written: "drop", done: "revert" }[one.stage] ?? "stop";
      const text = t("step." + (step === "stop" ? back : step));
      const button = element("button", { type: "button", "data-models": `${one.id}-${step}`, class: step === "stop" ? "" : "main" }, text);
      button.onclick = () => step === "stop" || button.dataset.sure ? go(one.id, step) : sure(button, text);
      return button;
    });
    return [element("div", { class: "row say" }, ...made)];
  }

  // What goes back goes at once; what goes on is asked twice.
  function sure(button, text) {
    button.dataset.sure = "yes";
    button.textContent = t("step.sure", { text });
  }

  async function go(id, step) {
    try {
      await wire.say(`api/rollouts/${id}`, { do: step });
      said(t("step.done." + step), true);
    } catch (error) {
      said(t("models.failed", { reason: wire.reason(error) }));
    }
    await look();
  }

  // ---- cameras ----------------------------------------------------------------------------------------------------------------------

  const model = ({ name, version }) => (version == null ? t("models.carried", { name }) : t("models.one", { name, version: whole(version) }));

  function groups() {
    const runs = new Map();
    for (const one of told.cameras) {
      const name = one.told ? model(one.told.running) : t("models.silent");
      runs.set(name, [...(runs.get(name) ?? []), one]);
    }
    return [...runs].map(([name, cameras]) => element("li", { class: "camera" }, folded("runs " + name, t("models.runs", { name, n: whole(cameras.length) }), element("ul", {}, ...cameras.map(camera)))));
  }

  function camera({ camera: name, presence, told: own, rollout }) {
    const words = [presence && presence !== "online" ? t("presence." + presence) : ""];
    if (own?.challenger) {
      const { challenger: { name: other, version, course, reason, comparison } } = own;
      words.push(t("course-of." + course, { name: version == null ? other ?? "" : t("models.one", { name: other ?? "", version: whole(version) }), reason }));
      const { running_ms: before, challenger_ms: after } = comparison ?? {};
      if (before && after) words.push(t("models.latency", { before: whole(before.p95), after: whole(after.p95) }));
    }
    if (own?.trial) words.push(t("models.trial", { time: span(own.trial.left_s) }));
    if (own?.download) words.push(t("models.download", { have: whole((100 * own.download.have) / own.download.of) }));
    if (own?.fixed) words.push(own.fixed);
    if (rollout) {
      const [, want, { need, word, reason }] = rollout;
      words.push(t("want." + want), need === "tell" ? t("need-of.tell", { word }) : need === "out" ? t("need-of.out", { reason }) : need === "silent" ? t("need-of.silent") : "");
    }
    return element("li", {}, name, " ", element("span", { class: rollout?.[2].need === "out" || presence === "silent" || presence === "offline" ? "bad" : "hint" }, words.filter(Boolean).join(" · ")));
  }

  // ---- bundles ----------------------------------------------------------------------------------------------------------------------

  function bundle({ name, version, boards, given_by, given_ms, sha256, bytes }) {
    return element("li", {}, t("models.bundle", { name, version: whole(version), boards: boards.join(", "), by: given_by, time: clock(given_ms), kb: whole(bytes / 1000), hash: sha256.slice(0, 12) }));
  }

  $("give-form").onsubmit = async (event) => {
    event.preventDefault();
    const file = $("give-file").files[0], bar = $("give-progress");
    // Browsers hash for pages that came over TLS, or from this very machine.
    if (!crypto.subtle) return said(t("models.insecure"));
    bar.hidden = false;
    try {
      const bytes = new Uint8Array(await file.arrayBuffer());
      const sha256 = [...new Uint8Array(await crypto.subtle.digest("SHA-256", bytes))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      // From where it was cut off, if it was.
      let { have } = await (await wire.say("api/models/have", { sha256 })).json(), given = null;
      if (have >= bytes.length) have = Math.floor((bytes.length - 1) / told.piece) * told.piece;
      while (have < bytes.length) {
        bar.value = have / bytes.length;
        const piece = bytes.subarray(have, have + told.piece);
        ({ have, given } = await (await wire.say("api/models/piece", { sha256, of: bytes.length, offset: have, bytes: btoa(String.fromCharCode(...piece)) })).json());
      }
      said(t("models.given", { name: given?.name ?? file.name, version: given ? whole(given.version) : "" }), true);
      $("give-form").reset();
      await look();
    } catch (error) {
      said(t("models.refused", { reason: wire.reason(error) }));
    }
    bar.hidden = true;
  };

  // ---- writing a rollout ------------------------------------------------------------------------------------------------------------

  const at = (from, path) => path.split(".").reduce((value, name) => value[name], from);

  // Once, and when bundles come: nobody's words are written over.
  function plan() {
    const choices = told.bundles.map((one) => element("option", { value: one.sha256 }, t("models.one", { name: one.name, version: whole(one.version) })));
    if ($("plan-bundle").options.length !== choices.length) $("plan-bundle").replaceChildren(...choices);
    $("plan").hidden = !told.bundles.length;
    if ($("plan-criteria").children.length) return;
    $("plan-criteria").append(...FIELDS.map(([path, factor]) => {
      const input = element("input", { id: "plan-" + path, type: "number", step: "any", min: "0", required: true, value: +(at(told.criteria, path) * factor).toFixed(4) });
      return element("div", {}, element("label", { for: "plan-" + path }, t("criteria." + path)), input);
    }));
    const able = told.cameras.filter((one) => one.told && !one.told.fixed).map((one) => one.camera);
    if (!able.length) return void $("plan-criteria").replaceChildren();
    const shadow = able.slice(0, SHADOW);
    $("plan-shadow").value = shadow.join("\n");
    $("plan-canary").value = shadow.slice(0, CANARIES).join("\n");
    $("plan-further").value = shadow.length < able.length ? shadow.join("\n") : "";
    $("plan-all").value = able.join("\n");
  }

  $("plan-form").onsubmit = async (event) => {
    event.preventDefault();
    const criteria = { missed: {}, invented: {}, by_itself: $("plan-by-itself").checked };
    for (const [path, factor] of FIELDS) {
      const [name, part] = path.split("."), value = +(+$("plan-" + path).value / factor).toFixed(6);
      if (part) criteria[name][part] = value;
      else criteria[name] = value;
    }
    const cameras = (id) => $(id).value.split(/\s+/).filter(Boolean);
    const rings = [["plan-shadow", "shadow"], ["plan-canary", "decide"], ["plan-further", "decide"], ["plan-all", "decide"]].map(([id, act]) => ({ act, cameras: cameras(id) }));
    try {
      await wire.say("api/rollouts", { bundle: $("plan-bundle").value, criteria, rings: rings.filter((ring) => ring.cameras.length) });
      said(t("plan.kept"), true);
      $("plan").open = false;
      await look();
      $("models-said").scrollIntoView({ block: "center" });
    } catch (error) {
      said(t("plan.refused", { reason: wire.reason(error) }));
    }
  };

  setInterval(() => looks && !document.hidden && look(), EVERY_MS);

  return {
    shown: (is) => { looks = is; if (is) look(); },
    changed: () => looks && look(),
    forget: () => {
      [looks, told, drawn] = [false, null, ""];
      for (const id of ["rollouts", "model-cameras", "bundles"]) $(id).replaceChildren();
      urls.forEach((url) => URL.revokeObjectURL(url));
      urls = new Map();
    },
  };
}
