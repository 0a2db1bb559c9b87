// Review: one picture at a time. What is on it is said by key, finger or mouse; what the model said is shown after that, never before.

const CLASSES = [["bear", "b"], ["person", "p"], ["animal", "a"]];
const HOLD_MS = 60000;
// A box by keyboard: its first size, and how far an arrow moves it, in parts of the picture.
const FIRST = 0.3, STEP = 0.02;
// Smaller ones are slips of the finger.
const LEAST = 0.01;
// So near to a corner, pixels of the screen, it is the corner that is meant.
const CORNER_PX = 22;

export function review({ $, t, element, write, clock, whole, wire }) {
  const page = [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  let looks = false, task = null, things = [], chosen = -1, kind = "bear", told = null, drag = null, touched = 0, url = "", busy = false;

  const post = async (path, body) => (await wire.say(path, { page, ...body })).json();
  const fault = (error) => {
    write("review-said", t("review.failed", { reason: wire.reason(error) }));
    $("review-said").className = "mistake";
  };

  // ---- which picture --------------------------------------------------------------------------------------------------------------

  async function next() {
    if (busy) return;
    busy = true;
    try {
      task = (await post("api/review/next", {})).task;
      [things, chosen, told] = [[], -1, null];
      if (task) {
        const blob = await (await wire.ask(`api/pictures/${task.picture}`)).blob();
        URL.revokeObjectURL(url);
        url = URL.createObjectURL(blob);
        $("shown").src = url;
        $("shown").alt = t("review.picture", { camera: place(), time: when() });
      }
      draw();
      count();
      if (task) $("stage").focus({ preventScroll: true });
    } catch (error) {
      fault(error);
    }
    busy = false;
  }

  const place = () => `${task.site}/${task.camera}`;
  const when = () => clock(task.captured_ms ?? task.heard_ms);

  async function count() {
    const left = await (await wire.ask("api/review")).json();
    const numbers = Object.fromEntries(Object.entries(left).map(([key, value]) => [key, whole(value)]));
    write("review-left", t("review.left", numbers));
  }

  // ---- what is said ---------------------------------------------------------------------------------------------------------------

  async function say(cannot_tell) {
    if (!task || told || busy) return;
    busy = true;
    try {
      told = await post(`api/review/${task.key}/label`, { things, cannot_tell, blind: !task.marked });
      write("review-said", told.another ? t("review.kept.another") : t("review.kept"));
      $("review-said").className = "good";
      draw();
      $("review-next").focus({ preventScroll: true });
      count();
    } catch (error) {
      fault(error);
    }
    busy = false;
  }

  function save() {
    if (things.length) return say(false);
    write("review-said", t("review.empty"));
    $("review-said").className = "mistake";
  }

  function nothing() {
    things = [];
    say(false);
  }

  function add(name) {
    if (!task || told) return;
    kind = name;
    write("review-said", "");
    chosen = things.push({ class: name, bbox: null }) - 1;
    draw();
  }

  function remove(at) {
    things.splice(at, 1);
    chosen = Math.min(chosen, things.length - 1);
    draw();
    $("stage").focus({ preventScroll: true });
  }

  function change() {
    told = null;
    write("review-said", "");
    draw();
    $("stage").focus({ preventScroll: true });
  }

  // ---- boxes ----------------------------------------------------------------------------------------------------------------------

  const clamp = (value, least, most) => Math.min(Math.max(value, least), most);
  const rounded = (bbox) => bbox.map((side) => Math.round(side * 1e4) / 1e4);

  function fit([x, y, w, h]) {
    [w, h] = [clamp(w, LEAST, 1), clamp(h, LEAST, 1)];
    return rounded([clamp(x, 0, 1 - w), clamp(y, 0, 1 - h), w, h]);
  }

  function spot(event) {
    const area = $("drawn").getBoundingClientRect();
    return [clamp((event.clientX - area.left) / area.width, 0, 1), clamp((event.clientY - area.top) / area.height, 0, 1)];
  }

  // What the finger is on: a corner of a box, a box, or the picture.
  function under([x, y]) {
    const area = $("drawn").getBoundingClientRect();
    const order = things.map((_, at) => at).sort((a, b) => (b === chosen) - (a === chosen));
    for (const at of order.filter((at) => things[at].bbox)) {
      const [left, top, w, h] = things[at].bbox;
      for (const [cx, cy] of [[left, top], [left + w, top], [left, top + h], [left + w, top + h]]) {
        const near = Math.hypot((x - cx) * area.width, (y - cy) * area.height) <= Math.min(CORNER_PX, 0.35 * Math.min(w * area.width, h * area.height) + 6);
        if (near) return { at, from: [cx === left ? left + w : left, cy === top ? top + h : top] };
      }
      if (x >= left && x <= left + w && y >= top && y <= top + h) return { at, grip: [x - left, y - top] };
    }
    return null;
  }

  $("stage").onpointerdown = (event) => {
    if (!task || told || event.button) return;
    const at = spot(event), hit = under(at);
    if (hit) {
      chosen = hit.at;
      drag = hit;
    } else {
      drag = { from: at, fresh: true, at: -1 };
    }
    $("stage").setPointerCapture(event.pointerId);
    $("stage").focus({ preventScroll: true });
    event.preventDefault();
    draw();
  };
  $("stage").onpointermove = (event) => {
    if (!drag) return;
    const [x, y] = spot(event);
    if (drag.grip) {
      const [, , w, h] = things[drag.at].bbox;
      things[drag.at].bbox = fit([x - drag.grip[0], y - drag.grip[1], w, h]);
    } else {
      const [fx, fy] = drag.from;
      const bbox = [Math.min(x, fx), Math.min(y, fy), Math.abs(x - fx), Math.abs(y - fy)];
      if (bbox[2] < LEAST || bbox[3] < LEAST) return;
      // The thing that was named and not drawn yet, or a further one of its kind.
      if (drag.at < 0) drag.at = chosen >= 0 && !things[chosen].bbox ? chosen : things.push({ class: kind, bbox: null }) - 1;
      chosen = drag.at;
      things[drag.at].bbox = rounded(bbox);
    }
    draw();
  };
  $("stage").onpointerup = $("stage").onpointercancel = () => {
    drag = null;
    draw();
  };

  function arrow(dx, dy, grows) {
    if (chosen < 0 || told) return false;
    const thing = things[chosen];
    if (!thing.bbox) thing.bbox = [0.5 - FIRST / 2, 0.5 - FIRST / 2, FIRST, FIRST];
    else {
      const [x, y, w, h] = thing.bbox;
      thing.bbox = grows ? fit([x, y, clamp(w + dx, LEAST, 1 - x), clamp(h + dy, LEAST, 1 - y)]) : fit([x + dx, y + dy, w, h]);
    }
    draw();
    return true;
  }

  // ---- what is shown --------------------------------------------------------------------------------------------------------------

  function rect([x, y, w, h], name) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", "rect");
    const values = { x: x * 1000, y: y * 1000, width: w * 1000, height: h * 1000, class: name };
    Object.entries(values).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  }

  function draw() {
    touched = Date.now();
    $("review-work").hidden = !task;
    $("review-none").hidden = task !== null;
    if (!task) return;
    write("review-where", t("review.where", { camera: place(), time: when() }));
    write("review-marked", task.marked ? t("review.marked") : "");
    const boxes = things.map((thing, at) => thing.bbox && rect(thing.bbox, `${thing.class}${at === chosen && !told ? " chosen" : ""}`)).filter(Boolean);
    const [width, height] = told?.size ?? [1, 1];
    const model = (told?.detections ?? []).map((one) => rect([one.bbox[0] / width, one.bbox[1] / height, one.bbox[2] / width, one.bbox[3] / height], "model"));
    $("drawn").replaceChildren(...boxes, ...model);
    list();
    $("review-say").hidden = told !== null;
    $("revealed").hidden = told === null;
    if (told) reveal();
  }

  function list() {
    const focus = document.activeElement?.dataset?.thing;
    const row = (thing, at) => {
      const name = { n: whole(at + 1), class: t("seen." + thing.class) };
      const pick = element("button", { type: "button", "data-thing": String(at), "aria-pressed": String(at === chosen) }, thing.bbox ? t("review.thing", name) : t("review.thing.bare", name));
      pick.onclick = () => { chosen = at; draw(); };
      pick.onfocus = () => { if (chosen !== at) { chosen = at; draw(); } };
      const away = element("button", { type: "button", "aria-label": t("review.remove.one", name) }, t("review.remove"));
      away.onclick = () => remove(at);
      return element("li", { class: "row" }, pick, told ? "" : away);
    };
    $("things").replaceChildren(...things.map(row));
    if (focus) $("things").querySelector(`[data-thing="${focus}"]`)?.focus();
    $("things-none").hidden = things.length > 0 || told !== null;
  }

  function reveal() {
    const rows = [t("why." + told.why)];
    if (told.detections) {
      const seen = told.detections.map((one) => t("review.model.one", { class: t("seen." + one.class), score: whole(one.score * 100) }));
      rows.push(seen.length ? t("review.model", { seen: seen.join(", "), threshold: whole(told.threshold * 100) }) : t("review.model.none"));
    }
    if (told.alert_score !== null) rows.push(t("review.alert", { score: whole(told.alert_score * 100) }));
    for (const other of told.others) rows.push(t("review.other", { by: other.by, seen: t("seen." + other.seen) }));
    $("reveals").replaceChildren(...rows.map((row) => element("li", {}, row)));
  }

  // ---- keys and buttons -----------------------------------------------------------------------------------------------------------

  const button = ([name, key]) => {
    const made = element("button", { type: "button", class: name, "data-key": name }, t("seen." + name), element("kbd", { "aria-hidden": "true" }, key));
    made.onclick = () => {
      add(name);
      $("stage").focus({ preventScroll: true });
    };
    return made;
  };
  $("classes").replaceChildren(...CLASSES.map(button));
  $("review-save").onclick = save;
  $("review-nothing").onclick = nothing;
  $("review-unclear").onclick = () => { things = []; say(true); };
  $("review-next").onclick = next;
  $("review-change").onclick = change;
  $("review-again").onclick = next;

  const ARROWS = { ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP] };
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, summary");
    if (!looks || typing || event.ctrlKey || event.altKey || event.metaKey || !task) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key, pressed = event.target.closest?.("button, a");
    let done = true;
    if (ARROWS[key]) done = arrow(...ARROWS[key], event.shiftKey);
    else if (key === "Enter" && !pressed && !event.repeat) told ? next() : save();
    else if (key === "Backspace" && told) change();
    else if ((key === "Delete" || key === "Backspace" || key === "x") && !told && chosen >= 0) remove(chosen);
    else if (event.repeat || told) done = false;
    else if (key === "n") nothing();
    else if (key === "c") $("review-unclear").click();
    else {
      const known = CLASSES.find(([, letter]) => letter === key);
      if (known) add(known[0]);
      done = Boolean(known);
    }
    if (done) event.preventDefault();
  });

  setInterval(() => {
    if (looks && task && !told && Date.now() - touched < HOLD_MS) post(`api/review/${task.key}/hold`, {}).catch(() => {});
  }, HOLD_MS / 2);

  return {
    shown: (is) => {
      looks = is;
      if (is && !task) next();
    },
    forget: () => {
      [task, things, told] = [null, [], null];
      $("shown").removeAttribute("src");
    },
  };
}
