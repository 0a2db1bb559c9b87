// Alerts: a card each, with what led to it and what was said of it; a bell for what is news; a letter for what it was.

const VERDICTS = [["bear", "b"], ["not-bear", "n"], ["unsure", "u"]];
// Cards of what was dealt with that are kept on the page.
const MOST = 200;
// The newest that a page begins with; behind them stand those that wait.
const FIRST = 40;
// While something waits the bell rings again after this, milliseconds.
const AGAIN_MS = 15000;

export function desk({ $, t, element, write, clock, whole, span, now, wire, may, outside }) {
  const known = new Map(), cards = new Map(), urls = new Map();
  let chosen = "", oldest = Infinity, audio = null, rangAt = 0;

  const place = (alert) => `${alert.site}/${alert.camera}`;
  const head = (alert) => t("alert.head", { class: t("class." + alert.class), camera: place(alert) });
  const waits = (alert) => !alert.ack && !alert.word;
  // Real ones before exercises, new ones before old ones.
  const order = (a, b) => a.drill - b.drill || b.heard_ms - a.heard_ms;

  // ---- what is shown --------------------------------------------------------------------------------------------------------------

  function all(alerts, waiting) {
    alerts.forEach((alert) => known.set(alert.id, alert));
    draw();
    const hidden = waiting - [...known.values()].filter(waits).length;
    write("waiting-more", hidden > 0 ? t("waiting.more", { n: whole(hidden) }) : "");
  }

  // Where "earlier ones" begin: those that wait are there whatever their age.
  function first(alerts) {
    oldest = Math.min(oldest, ...alerts.slice(0, FIRST).map((alert) => alert.heard_ms));
  }

  function changed(alert, rings) {
    const before = known.get(alert.id);
    known.set(alert.id, alert);
    if (!before) write("said", t("alert.new", { head: head(alert) }));
    draw();
    if (rings && waits(alert)) bell(alert);
  }

  function draw() {
    [...known.values()].filter((alert) => !waits(alert)).sort((a, b) => b.heard_ms - a.heard_ms).slice(MOST).forEach((alert) => drop(alert.id));
    const waiting = [...known.values()].filter(waits).sort(order);
    const dealt = [...known.values()].filter((alert) => !waits(alert)).sort((a, b) => b.heard_ms - a.heard_ms);
    // Who was chosen stays so until it is dealt with: a key is for what was on the screen.
    if (!waiting.some((alert) => alert.id === chosen)) chosen = waiting[0]?.id ?? "";
    place_all("waiting", waiting);
    place_all("dealt", dealt);
    $("waiting-none").hidden = waiting.length > 0;
    $("dealt-none").hidden = dealt.length > 0;
    write("count", waiting.length ? `(${whole(waiting.length)})` : "");
    document.title = (waiting.length ? `(${waiting.length}) ` : "") + t("title");
    mark();
  }

  // What has the focus is never taken out of the page.
  function place_all(id, alerts) {
    alerts.forEach((alert, at) => {
      const made = card(alert), here = $(id).children[at];
      if (here !== made) $(id).insertBefore(made, here ?? null);
    });
    while ($(id).children.length > alerts.length) $(id).lastElementChild.remove();
  }

  function drop(id) {
    known.delete(id);
    cards.get(id)?.made.remove();
    cards.delete(id);
  }

  function forget() {
    [...known.keys()].forEach(drop);
    urls.forEach((url) => URL.revokeObjectURL(url));
    urls.clear();
    oldest = Infinity;
    write("said", "");
  }

  function mark() {
    for (const [id, { made, hint }] of cards) {
      made.classList.toggle("chosen", id === chosen);
      hint.textContent = id === chosen && keys() && may("speak") ? t("alert.chosen") : "";
    }
  }

  // ---- a card ---------------------------------------------------------------------------------------------------------------------

  function card(alert) {
    const text = JSON.stringify(alert), old = cards.get(alert.id);
    if (old?.text === text) return old.made;
    const made = old?.made ?? element("article", { "aria-labelledby": "head-" + alert.id });
    const focus = made.contains(document.activeElement) ? document.activeElement.dataset.key : null;
    const hint = element("p", { class: "hint for-keys" });
    const shown = old?.shown ?? { id: null };
    made.className = ["alert", alert.severity, alert.drill ? "drill" : "", waits(alert) ? "waits" : "dealt"].join(" ");
    made.replaceChildren(
      element("h3", { id: "head-" + alert.id }, head(alert)),
      element("p", { class: "badges" }, ...badges(alert)),
      when(alert),
      gallery(alert, shown),
      ...told(alert).map((row) => element("p", { class: row.bad ? "mistake" : "" }, row.text)),
      ...outside.steps(alert),
      may("speak") ? say(alert) : "",
      hint,
      steps(alert, old),
      outside.record(alert, old?.made.querySelector(".told")?.open),
    );
    made.onfocusin = () => {
      if (waits(known.get(alert.id) ?? alert)) chosen = alert.id;
      mark();
    };
    cards.set(alert.id, { made, text, hint, shown });
    if (focus) made.querySelector(`[data-key="${focus}"]`)?.focus();
    return made;
  }

  function badges(alert) {
    const badge = (is, text, kind) => (is ? [element("strong", { class: "badge " + kind }, text)] : []);
    return [
      ...badge(alert.drill, t("alert.drill"), "drill"), ...badge(alert.simulated && !alert.drill, t("alert.simulated"), "drill"),
      ...badge(alert.late, t("alert.late"), "late"), ...badge(alert.severity === "high", t("alert.high"), "high"),
      ...badge(alert.severity === "low", t("alert.low"), "low"),
    ];
  }

  function when(alert) {
    const ago = element("span", { "data-since": alert.heard_ms });
    const seen = alert.captured_ms !== null && alert.clock === "set" ? clock(alert.captured_ms) : "–";
    const facts = { state: t("state." + alert.state), seen, score: whole(alert.score * 100), regime: t("regime." + alert.regime), latency: whole(alert.latency_ms) };
    return element("p", {}, t("alert.state", facts), " · ", t("alert.heard", { time: clock(alert.heard_ms) }), ", ", ago);
  }

  function told(alert) {
    const rows = [];
    if (alert.late && alert.captured_ms !== null && alert.clock === "set") {
      const ago = span((alert.heard_ms - alert.captured_ms) / 1000);
      rows.push({ bad: true, text: t("alert.late.taken", { time: clock(alert.captured_ms), ago }) });
    }
    if (alert.clock === "unset") rows.push({ bad: true, text: t("alert.clock.unset") });
    if (alert.clock === "ahead") rows.push({ bad: true, text: t("alert.clock.ahead") });
    if (alert.escalation) rows.push({ bad: true, text: t("alert.escalation", alert.escalation) });
    const { ack, word } = alert;
    if (ack) rows.push({ text: t("alert.acked", { by: ack.by, time: clock(ack.at_ms), verdict: t("verdict." + ack.verdict) }) });
    // Once its camera has told of a word, that says it all.
    if (word && !(ack && word.fate === "heard" && ack.verdict === word.verdict)) {
      const fate = t("fate." + word.fate, { tries: whole(word.tries), reason: word.reason });
      rows.push({ text: t("alert.word", { by: word.by, time: clock(word.at_ms), verdict: t("verdict." + word.verdict), fate }) });
    }
    return rows;
  }

  function steps(alert, old) {
    const row = (step) => step.escalation
      ? t("alert.step.level", { time: clock(step.heard_ms), level: step.escalation.level })
      : t("alert.step", { time: clock(step.heard_ms), state: t("state." + step.state), score: whole(step.score * 100) });
    const open = old?.made.querySelector("details")?.open;
    return element("details", { open: open ?? false }, element("summary", { "data-key": "steps" }, t("alert.steps")),
      element("ul", {}, ...alert.steps.map((step) => element("li", {}, row(step)))));
  }

  // ---- pictures -------------------------------------------------------------------------------------------------------------------

  // The newest picture large, unless another one was chosen; all of them below in the order of time.
  function gallery(alert, shown) {
    const all = alert.pictures;
    if (!all.length) return element("p", { class: "hint" }, t("alert.picture.none"));
    const at = Math.max(0, all.findIndex((picture) => picture.id === shown.id));
    const current = shown.id === null ? all.length - 1 : at;
    const large = element("img", { alt: caption(all, current), class: "large" });
    const under = element("p", { class: "hint" }, caption(all, current));
    load(all[current].id, large, under);
    const thumbs = all.map((picture, n) => {
      const image = element("img", { alt: "" });
      load(picture.id, image, under);
      const button = element("button", { type: "button", "data-key": "picture-" + picture.id, "aria-label": caption(all, n), "aria-pressed": String(n === current) }, image);
      button.onclick = () => {
        shown.id = picture.id;
        cards.get(alert.id).text = "";
        card(known.get(alert.id));
        mark();
        ago();
      };
      return button;
    });
    const strip = all.length > 1 ? element("div", { class: "strip", role: "group", "aria-label": t("alert.pictures", { camera: place(alert) }) }, ...thumbs) : "";
    if (strip) requestAnimationFrame(() => { strip.scrollLeft = thumbs[current].offsetLeft - strip.offsetLeft; });
    return element("div", { class: "gallery" }, large, under, strip);
  }

  function caption(all, n) {
    const values = { n: whole(n + 1), all: whole(all.length) };
    const { captured_ms } = all[n];
    return captured_ms === null ? t("alert.picture.unknown", values) : t("alert.picture", { ...values, time: clock(captured_ms) });
  }

  async function load(id, image, under) {
    if (urls.has(id)) return void (image.src = urls.get(id));
    try {
      const blob = await (await wire.ask(`api/pictures/${id}`)).blob();
      if (!urls.has(id)) urls.set(id, URL.createObjectURL(blob));
      image.src = urls.get(id);
      for (const [old, url] of [...urls].slice(0, Math.max(0, urls.size - 8 * MOST))) {
        URL.revokeObjectURL(url);
        urls.delete(old);
      }
    } catch (error) {
      under.textContent = t("alert.picture.gone", { reason: wire.reason(error) });
    }
  }

  // ---- what was it? ---------------------------------------------------------------------------------------------------------------

  function say(alert) {
    const button = ([verdict, key]) => {
      const made = element("button", { type: "button", class: verdict, "data-key": verdict }, t("verdict." + verdict), element("kbd", { "aria-hidden": "true" }, key));
      made.onclick = () => word(alert.id, verdict);
      return made;
    };
    return element("div", { class: "row say", role: "group", "aria-label": t("alert.say") }, ...VERDICTS.map(button));
  }

  async function word(id, verdict) {
    const alert = known.get(id);
    if (!alert) return;
    try {
      await wire.say(`api/alerts/${encodeURIComponent(id)}/word`, { verdict });
      write("said", t("alert.kept", { verdict: t("verdict." + verdict), head: head(alert) }));
      $("said").className = "good";
    } catch (error) {
      write("said", t("alert.failed", { reason: wire.reason(error) }));
      $("said").className = "mistake";
    }
  }

  const keys = () => $("keys").getAttribute("aria-pressed") === "true";
  const flip = (button) => button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
  $("keys").onclick = () => {
    flip($("keys"));
    mark();
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select");
    if (typing || event.ctrlKey || event.altKey || event.metaKey || event.repeat || !keys() || $("inside").hidden || $("desk").hidden) return;
    const verdict = VERDICTS.find(([, key]) => key === event.key.toLowerCase());
    if (!verdict || !chosen || !may("speak")) return;
    event.preventDefault();
    const id = chosen;
    // The next one is chosen when this one is dealt with.
    word(id, verdict[0]);
  });

  $("more").onclick = async () => {
    try {
      const told = await (await wire.ask(`api/desk?before=${oldest}`)).json();
      if (!told.alerts.length) write("said", t("more.none"));
      oldest = Math.min(oldest, ...told.alerts.map((alert) => alert.heard_ms));
      all(told.alerts, told.waiting);
    } catch (error) {
      write("said", wire.reason(error));
    }
  };

  // ---- the bell -------------------------------------------------------------------------------------------------------------------

  // Browsers let a page sound only after somebody has touched it.
  $("sound").onclick = () => {
    flip($("sound"));
    audio ??= new AudioContext();
    if (loud()) tone(880, 0.15);
  };
  const loud = () => $("sound").getAttribute("aria-pressed") === "true";

  function tone(hertz, seconds, after = 0) {
    if (!loud() || !audio) return;
    audio.resume();
    const begin = audio.currentTime + after, source = audio.createOscillator(), gain = audio.createGain();
    source.frequency.value = hertz;
    gain.gain.setValueAtTime(0.4, begin);
    gain.gain.exponentialRampToValueAtTime(0.001, begin + seconds);
    source.connect(gain).connect(audio.destination);
    source.start(begin);
    source.stop(begin + seconds);
  }

  function bell(alert) {
    rangAt = Date.now();
    if (alert.drill) return tone(523, 0.3);
    [0, 0.35, 0.7].forEach((after) => tone(alert.severity === "high" ? 1175 : 880, 0.3, after));
  }

  // The page has gone deaf: another sound than that of an alert.
  const sad = () => [0, 0.5].forEach((after) => tone(220, 0.45, after));

  function ago() {
    for (const span_ of document.querySelectorAll("[data-since]")) {
      const text = t("alert.ago", { ago: span((now() - Number(span_.dataset.since)) / 1000) });
      if (span_.textContent !== text) span_.textContent = text;
    }
  }
  setInterval(() => {
    ago();
    const calls = [...known.values()].find((alert) => waits(alert) && !alert.drill && alert.severity !== "low");
    if (calls && Date.now() - rangAt > AGAIN_MS) bell(calls);
  }, 1000);

  return { all: (alerts, waiting) => { first(alerts); all(alerts, waiting); ago(); }, changed: (alert, rings) => { changed(alert, rings); ago(); }, forget, sad };
}
