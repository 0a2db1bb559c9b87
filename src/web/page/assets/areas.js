// Areas of the picture, drawn with finger, mouse and keyboard. Places are fractions of the picture, as the configuration has them.

const SVG = "http://www.w3.org/2000/svg";
const KINDS = ["privacy", "watch", "guard"];
// One press of an arrow key, and with shift, fractions of the picture.
const STEP = 0.01, FINE = 0.002;
// Where corners go that nobody touched the picture for.
const FIRST = [[0.35, 0.35], [0.65, 0.35], [0.65, 0.65]];
// Pixels on the screen: what a finger hits, and what is seen of it.
const GRIP = 22, DOT = 8;

const clamp = (value) => Math.min(1, Math.max(0, Math.round(value * 1000) / 1000));
const percent = (value) => Math.round(value * 1000) / 10;

// "tents: 0,0.6 0.3,0.6 0.3,1" as an area, and back.
function read(kind, text) {
  const at = text.lastIndexOf(":");
  const corners = text.slice(at + 1).trim().split(/\s+/).map((pair) => pair.split(",").map(Number));
  return { kind, name: at < 0 ? "" : text.slice(0, at), corners };
}
function written({ name, corners }) {
  const places = corners.map(([x, y]) => `${x},${y}`).join(" ");
  const called = name.replace(/\s+/g, " ").trim();
  return called ? `${called}: ${places}` : places;
}

export function editor({ $, t, api, reason, element }) {
  const overlay = $("overlay");
  let areas = [], kept = "", chosen = -1, tapping = false, height = 562.5, drag = null, mistakes = new Map();

  const area = () => areas[chosen];
  const called = (one) => one.name.trim() || t("areas.nameless");
  const wire = () => Object.fromEntries(KINDS.map((kind) => [kind, areas.filter((a) => a.kind === kind).map(written)]));
  const changed = () => JSON.stringify(wire()) !== kept;
  const say = (text) => { $("areas-said").textContent = text; };

  function take(told) {
    areas = KINDS.flatMap((kind) => told[kind].map((text) => read(kind, text)));
    kept = JSON.stringify(wire());
    mistakes.clear();
    choose(-1);
  }

  function choose(index, tap = false) {
    chosen = index;
    tapping = tap && index >= 0;
    show();
  }

  // ---- showing ------------------------------------------------------------------------------------------------------------------

  function show() {
    draw();
    list();
    edit();
    buttons();
  }

  // The focus stays on the corner that has it.
  function draw() {
    const held = [...overlay.querySelectorAll(".corner")].indexOf(document.activeElement);
    overlay.classList.toggle("tapping", tapping);
    overlay.replaceChildren(...areas.flatMap(drawn));
    if (held >= 0) handle(held)?.focus();
  }

  function drawn(one, index) {
    const polygon = shape("polygon", { class: `${one.kind}${index === chosen ? " chosen" : ""}`, points: points(one) });
    polygon.addEventListener("pointerdown", (event) => { if (!tapping) { event.stopPropagation(); choose(index); } });
    return index === chosen ? [polygon, ...one.corners.map((_, number) => corner(one, number))] : [polygon];
  }

  const points = (one) => one.corners.map(([x, y]) => `${x * 1000},${y * height}`).join(" ");

  function corner(one, number) {
    const unit = 1000 / (overlay.clientWidth || 1000);
    const group = shape("g", { class: "corner", tabindex: 0, role: "slider", "aria-valuemin": 0, "aria-valuemax": 100 });
    group.append(shape("circle", { class: "grip", r: GRIP * unit }), shape("circle", { class: "dot", r: DOT * unit }));
    place(group, one, number);
    group.addEventListener("keydown", (event) => key(event, number));
    group.addEventListener("pointerdown", (event) => { event.stopPropagation(); group.focus(); begin(event, number); });
    return group;
  }

  function place(group, one, number) {
    const [x, y] = one.corners[number];
    group.setAttribute("transform", `translate(${x * 1000} ${y * height})`);
    group.setAttribute("aria-label", t("corner.label", { number: number + 1, name: called(one) }));
    group.setAttribute("aria-valuenow", percent(x));
    group.setAttribute("aria-valuetext", t("corner.place", { x: percent(x), y: percent(y) }));
  }

  function shape(name, attributes) {
    const made = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    return made;
  }

  function list() {
    const rows = areas.map((one, index) => {
      const button = element("button", { class: one.kind, "aria-pressed": index === chosen });
      button.textContent = t("areas.one", { name: called(one), kind: t("kind." + one.kind), corners: one.corners.length });
      button.onclick = () => { choose(index === chosen ? -1 : index); focus(`#list li:nth-child(${index + 1}) button`); };
      const row = element("li");
      row.append(button);
      if (mistakes.has(one)) {
        const told = element("p", { class: "mistake", id: `mistake-${index}` });
        told.textContent = mistakes.get(one);
        button.setAttribute("aria-describedby", told.id);
        row.append(told);
      }
      return row;
    });
    if (!rows.length) rows.push(Object.assign(element("li", { class: "hint" }), { textContent: t("areas.none") }));
    $("list").replaceChildren(...rows);
  }

  function edit() {
    $("edit").hidden = chosen < 0;
    if (chosen < 0) return;
    $("name").value = area().name;
    $("kind").value = area().kind;
    $("tap").setAttribute("aria-pressed", tapping);
    $("corners").replaceChildren(...area().corners.map(numbers));
  }

  function numbers(_, number) {
    const row = element("li");
    ["x", "y"].forEach((axis, index) => {
      const id = `corner-${number}-${axis}`;
      const label = element("label", { for: id });
      label.textContent = axis === "x" ? t("corner.x", { number: number + 1 }) : t("corner.y", { number: number + 1 });
      const input = element("input", { id, type: "number", min: 0, max: 100, step: 0.1, value: percent(area().corners[number][index]) });
      input.oninput = () => { area().corners[number][index] = clamp(input.value / 100); moved(number); };
      const cell = element("div");
      cell.append(label, input);
      row.append(cell);
    });
    const button = element("button", { type: "button", "aria-label": t("corner.remove", { number: number + 1 }) });
    button.textContent = "×";
    button.onclick = () => { drop(number); focus("#add"); };
    row.append(button);
    return row;
  }

  function buttons() {
    const open = changed();
    $("save").disabled = $("undo").disabled = !open;
    const few = areas.find((one) => one.corners.length < 3);
    if (open && few) say(`${called(few)}: ${t("areas.few", { corners: few.corners.length })}`);
    else if (open) say(t("areas.unsaved"));
  }

  const focus = (selector) => document.querySelector(selector)?.focus();
  const handle = (number) => overlay.querySelectorAll(".corner")[number];

  // ---- changing -----------------------------------------------------------------------------------------------------------------

  // A corner was moved: nothing is made anew, so that finger and focus stay on it.
  function moved(number) {
    place(handle(number), area(), number);
    overlay.querySelector(".chosen").setAttribute("points", points(area()));
    ["x", "y"].forEach((axis, index) => {
      const input = $(`corner-${number}-${axis}`);
      if (input && input !== document.activeElement) input.value = percent(area().corners[number][index]);
    });
    buttons();
  }

  function key(event, number) {
    const by = event.shiftKey ? FINE : STEP;
    const ways = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, -by], ArrowDown: [0, by] };
    const way = ways[event.key];
    if (way) {
      area().corners[number] = area().corners[number].map((at, index) => clamp(at + way[index]));
      moved(number);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      drop(number);
      (handle(Math.max(0, number - 1)) || $("add")).focus();
    } else return;
    event.preventDefault();
  }

  function drop(number) {
    area().corners.splice(number, 1);
    show();
  }

  function at(event) {
    const box = overlay.getBoundingClientRect();
    return [clamp((event.clientX - box.left) / box.width), clamp((event.clientY - box.top) / box.height)];
  }

  // The finger stays on the corner until it is lifted, wherever it goes.
  function begin(event, number) {
    event.preventDefault();
    drag = { number, id: event.pointerId };
    overlay.setPointerCapture(event.pointerId);
  }
  overlay.addEventListener("pointermove", (event) => {
    if (drag?.id !== event.pointerId) return;
    area().corners[drag.number] = at(event);
    moved(drag.number);
  });
  const end = () => { drag = null; };
  overlay.addEventListener("pointerup", end);
  overlay.addEventListener("pointercancel", end);

  overlay.addEventListener("pointerdown", (event) => {
    if (!tapping || !event.isPrimary) return;
    area().corners.push(at(event));
    show();
    begin(event, area().corners.length - 1);
  });

  // Without a finger: in the middle first, then halfway on the longest side.
  function add() {
    const { corners } = area();
    if (corners.length < 3) corners.push([...FIRST[corners.length]]);
    else {
      const side = (i) => { const [a, b] = [corners[i], corners[(i + 1) % corners.length]]; return Math.hypot(a[0] - b[0], a[1] - b[1]); };
      const longest = corners.map((_, i) => i).reduce((best, i) => (side(i) > side(best) ? i : best));
      const [a, b] = [corners[longest], corners[(longest + 1) % corners.length]];
      corners.splice(longest + 1, 0, [clamp((a[0] + b[0]) / 2), clamp((a[1] + b[1]) / 2)]);
    }
    show();
  }

  // By the keyboard (no clicks are counted) the name comes first; a finger goes to the picture, and needs no keyboard on the screen before it.
  $("new").onclick = (event) => {
    areas.push({ kind: "guard", name: "", corners: [] });
    choose(areas.length - 1, true);
    $(event.detail ? "tap" : "name").focus({ preventScroll: true });
    $("stage").scrollIntoView({ block: "nearest" });
  };
  $("add").onclick = add;
  $("tap").onclick = () => choose(chosen, !tapping);
  $("remove").onclick = () => { areas.splice(chosen, 1); choose(-1); $("new").focus(); };
  $("name").oninput = () => { area().name = $("name").value; list(); buttons(); };
  $("kind").onchange = () => { area().kind = $("kind").value; show(); };
  $("undo").onclick = () => { take(JSON.parse(kept)); say(""); $("new").focus(); };
  $("save").onclick = save;

  async function save() {
    $("save").disabled = true;
    mistakes.clear();
    try {
      const answer = await api("api/areas", { method: "PUT", body: JSON.stringify(wire()), headers: { "Content-Type": "application/json" } });
      const told = await answer.json();
      if (answer.ok) {
        take(wire());
        say(t("areas.saved", told));
        return;
      }
      for (const { kind, index, what } of told.mistakes) mistakes.set(areas.filter((one) => one.kind === kind)[index], what);
      show();
      say(t("areas.refused", told));
    } catch (error) {
      show();
      say(t("areas.refused", { reason: reason(error) }));
    }
  }

  addEventListener("beforeunload", (event) => { if (changed()) event.preventDefault(); });
  addEventListener("resize", draw);

  return {
    // What the camera goes by, unless somebody is drawing.
    async load() { if (!kept || !changed()) take(await (await api("api/areas")).json()); },
    resize(width, tall) {
      const next = 1000 * tall / width;
      if (next === height) return;
      height = next;
      overlay.setAttribute("viewBox", `0 0 1000 ${height}`);
      $("stage").style.aspectRatio = `${width} / ${tall}`;
      draw();
    },
  };
}
