// What is told to cameras, and what they answer: a dialog for one camera, and a line beside it in the fleet.

const FOR_S = [900, 1800, 3600, 7200, 14400, 28800];
// Lines beside a camera, and in its dialog.
const BESIDE = 2, INSIDE = 12;

export function orders({ $, t, element, write, clock, span, wire, may }) {
  let cameras = new Map(), commands = [], open = "", url = "", shown = 0;

  const place = (one) => `${one.site}/${one.camera}`;
  for (const select of document.querySelectorAll("#orders .for")) {
    select.append(...FOR_S.map((seconds) => element("option", { value: seconds, selected: seconds === 3600 }, span(seconds))));
  }

  function told(fleet) {
    cameras = new Map(fleet.cameras.map((one) => [place(one), one]));
    commands = fleet.commands;
    if (open) draw();
  }

  const mine = (name) => commands.filter((one) => place(one) === name);
  const score = (bear) => (bear === null || bear === undefined ? t("orders.threshold.usual") : Number(bear).toFixed(2));

  function what({ word, fields }) {
    const key = word === "model" ? word + "." + fields.do : word;
    return t("did." + key, { time: span(fields.for_s ?? 0), score: score(fields.bear) });
  }

  function row(one) {
    const fate = t("told." + one.fate, { reason: one.reason ?? "" });
    const bad = ["refused", "unsent", "unanswered"].includes(one.fate);
    return element("li", { class: bad ? "mistake" : "" }, t("orders.one", { what: what(one), by: one.by, time: clock(one.asked_ms), fate }));
  }

  // What stands beside a camera in the fleet.
  function of(name) {
    const lately = mine(name).slice(0, BESIDE);
    const list = lately.length ? element("ul", { class: "hint" }, ...lately.map(row)) : "";
    if (!may("order")) return [list];
    const button = element("button", { type: "button", "data-camera": name, "data-kind": "orders" }, t("orders.open", { camera: name }));
    button.onclick = () => begin(name);
    return [list, button];
  }

  function mode(one) {
    const words = t("mode." + one.mode);
    return one.until ? t("orders.mode.until", { mode: words, time: clock(Date.parse(one.until)), by: one.ordered_by }) : words;
  }

  // ---- the dialog -----------------------------------------------------------------------------------------------------------------

  function begin(name) {
    [open, shown] = [name, 0];
    $("orders-picture").replaceChildren();
    write("orders-title", t("orders.title", { camera: name }));
    write("orders-said", "");
    $("orders-judge").hidden = !may("administer");
    draw();
    $("orders").showModal();
  }

  function draw() {
    const one = cameras.get(open);
    if (!one) return;
    write("orders-mode", one.mode ? t("orders.mode", { mode: mode(one) }) : "");
    $("orders-mode").className = one.mode && one.mode !== "armed" ? "bad" : "good";
    write("threshold-now", t("orders.threshold.now", { score: score(one.bear_threshold) }));
    const lately = mine(open).slice(0, INSIDE);
    const text = JSON.stringify(lately);
    if ($("orders-told").dataset.text !== text) {
      $("orders-told").dataset.text = text;
      $("orders-told").replaceChildren(...(lately.length ? lately.map(row) : [element("li", {}, t("orders.none"))]));
    }
    const picture = lately.find((command) => command.picture)?.picture;
    if (picture && picture !== shown) show(picture);
  }

  async function show(picture) {
    shown = picture;
    const blob = await (await wire.ask(`api/pictures/${picture}`)).blob();
    URL.revokeObjectURL(url);
    url = URL.createObjectURL(blob);
    $("orders-picture").replaceChildren(element("img", { class: "large", src: url, alt: t("orders.picture", { camera: open }) }));
  }

  async function say(wish) {
    try {
      await wire.say(`api/cameras/${open}/command`, wish);
      const { word, ...fields } = wish;
      write("orders-said", t("orders.kept", { what: what({ word, fields }) }));
      $("orders-said").className = "good";
    } catch (error) {
      write("orders-said", t("orders.failed", { reason: wire.reason(error) }));
      $("orders-said").className = "mistake";
    }
  }

  for (const button of document.querySelectorAll("#orders button[data-word]")) {
    button.onclick = () => say({ word: button.dataset.word });
  }
  for (const form of document.querySelectorAll("#orders form")) {
    form.onsubmit = (event) => {
      event.preventDefault();
      const { word } = form.dataset;
      const typed = $("threshold").value;
      say(word === "threshold" ? { word, bear: typed === "" ? null : Number(typed) } : { word, for_s: Number(form.querySelector("select").value) });
    };
  }
  const close = () => $("orders").close();
  $("orders-close").onclick = close;
  $("orders").onclose = () => {
    const name = open;
    open = "";
    [...document.querySelectorAll("[data-kind=orders]")].find((one) => one.dataset.camera === name)?.focus();
  };

  return { told, of, mode, close };
}
