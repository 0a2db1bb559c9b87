// A plan of the site: a picture with a mark for each camera, and for administrators the way to give it and to put cameras on it. Fetched when a site has one.

// A sign for each look: colour alone tells nobody at night, or who does not see it.
const SIGNS = { online: "●", needs: "◆", degraded: "▲", silent: "✖", offline: "■", unknown: "?" };
// Arrow keys move a camera so far, shares of the picture; with Shift further.
const STEP = 0.01, FAR = 0.05;
// A camera that is moved by keys is kept once it has stood still so long, milliseconds.
const STILL_MS = 800;
// A finger that has not gone farther has only touched, pixels.
const TOUCH = 6;
// A picture may go over a slow link.
const PATIENCE_MS = 600e3;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

export function map({ $, t, element, write, wire, may, lead, changed }) {
  let told = null, site = "", chosen = "", shown = "", url = "", drag = null, dragged = false;
  const marks = new Map(), moved = new Map(), waits = new Map();

  const name = (one) => `${one.site}/${one.camera}`;
  const plan = () => told?.plans.find((one) => one.site === site);
  const arranging = () => $("map-arrange").getAttribute("aria-pressed") === "true";
  const at = (camera) => (moved.has(camera) ? moved.get(camera).at : plan()?.places[camera.slice(site.length + 1)]) ?? null;
  const bounded = (share) => Math.min(1, Math.max(0, Math.round(share * 1000) / 1000));
  const percent = (share) => Math.round(share * 100);

  function said(text, good) {
    write("map-said", text);
    $("map-said").className = good ? "good" : "mistake";
  }

  const legend = Object.entries(SIGNS).map(([look, sign]) => `${sign} ${look === "needs" ? t("map.needs") : t("presence." + look)}`);
  write("map-legend", legend.join(" · "));
  write("map-change-title", t("map.add"));

  // ---- what is shown --------------------------------------------------------------------------------------------------------------

  function draw(fleet) {
    told = fleet;
    if (!plan()) site = told.plans[0]?.site ?? "";
    waits.clear();
    told.waiting.forEach((one) => waits.set(name(one), one.drill ? "drill" : "alert"));
    $("map").hidden = !site && !may("administer");
    $("map").classList.toggle("bare", !site);
    for (const id of ["map-title", "map-shown", "map-remove"]) $(id).hidden = !site;
    for (const id of ["map-change", "map-tools"]) $(id).hidden = !may("administer");
    $("map-tools").hidden ||= !site;
    if (!site) return forget();
    write("map-title", t("map.title", { site }));
    write("map-change-title", t("map.change"));
    if (!$("map-remove").dataset.sure) write("map-remove", t("map.remove", { site }));
    sites();
    const cameras = told.cameras.filter((one) => one.site === site);
    for (const [known, made] of marks) if (!cameras.some((one) => name(one) === known)) [made.remove(), marks.delete(known)];
    cameras.forEach(mark);
    $("map-off").hidden = cameras.every((one) => at(name(one)));
    const { sha256, width, height } = plan();
    if (shown !== sha256) picture(sha256, width, height);
    tools();
  }

  function sites() {
    const options = told.plans.map((one) => [one.site, told.waiting.some((other) => other.site === one.site && !other.drill) ? t("map.site.waits", one) : one.site]);
    const text = JSON.stringify(options);
    $("map-sites").hidden = options.length < 2;
    if ($("map-site").dataset.text !== text) $("map-site").replaceChildren(...options.map(([value, words]) => element("option", { value }, words)));
    $("map-site").dataset.text = text;
    $("map-site").value = site;
  }

  async function picture(sha256, width, height) {
    const image = $("map-picture"), from = site;
    shown = sha256;
    image.removeAttribute("src");
    // Room for it before it is there: marks stand where they will stand.
    [image.width, image.height, image.alt] = [width, height, t("map.title", { site })];
    try {
      const blob = await (await wire.ask(`api/plans/${from}/picture/${sha256}`, { signal: AbortSignal.timeout(PATIENCE_MS) })).blob();
      if (shown !== sha256) return;
      URL.revokeObjectURL(url);
      url = URL.createObjectURL(blob);
      image.src = url;
    } catch (error) {
      if (shown === sha256) shown = "";
      said(t("map.lost", { reason: wire.reason(error) }));
    }
  }

  // One button a camera, on the picture or beside it: what has the focus is never made anew.
  function mark(one) {
    const camera = name(one), place = at(camera), waiting = waits.get(camera);
    const look = one.presence === "online" && one.needs.length ? "needs" : one.presence;
    const made = marks.get(camera) ?? button(camera);
    const more = one.needs.filter((need) => need !== one.presence).slice(0, 1);
    const words = [t("presence." + one.presence), ...more.map((need) => t("need." + need))];
    // What is to be seen on it stands in its name as it is seen.
    const label = `${camera}${waiting ? " " + t("map.waits." + waiting) : ""}: ${words.join(", ")}`;
    const text = JSON.stringify([label, look, waiting, place]);
    const own = made.parentElement, home = place ? $("map-marks") : $("map-beside");
    if (own.parentElement !== home) {
      const focus = made === document.activeElement;
      home.append(own);
      if (focus) made.focus({ preventScroll: true });
    }
    made.setAttribute("aria-pressed", String(camera === chosen));
    if (!arranging()) made.removeAttribute("aria-pressed");
    if (made.dataset.text === text) return;
    made.dataset.text = text;
    made.className = ["mark", look, { alert: "rings", drill: "drill" }[waiting] ?? ""].join(" ");
    made.setAttribute("aria-label", label);
    made.title = label;
    made.replaceChildren(element("span", { "aria-hidden": "true" }, SIGNS[look]), one.camera + " ", ...(waiting ? [element("strong", {}, t("map.short." + waiting))] : []));
    [own.style.left, own.style.top] = place ? [place[0] * 100 + "%", place[1] * 100 + "%"] : ["", ""];
    // At the right edge the name stands to the left of its place.
    own.classList.toggle("left", place?.[0] > 0.6);
  }

  function button(camera) {
    const made = element("button", { type: "button", "data-mark": camera });
    element("li").append(made);
    made.onclick = () => {
      if (dragged) return;
      if (arranging()) choose(camera);
      else lead(camera);
    };
    // It returns nothing: "false" would take Enter from the button.
    made.onkeydown = (event) => {
      if (arranging()) key(event, camera);
    };
    made.onpointerdown = (event) => {
      dragged = false;
      if (!arranging() || !at(camera) || event.button) return;
      drag = { camera, from: [event.clientX, event.clientY] };
      made.setPointerCapture(event.pointerId);
    };
    made.onpointermove = (event) => {
      if (drag?.camera !== camera) return;
      dragged ||= Math.hypot(event.clientX - drag.from[0], event.clientY - drag.from[1]) > TOUCH;
      if (dragged) move(camera, spot(event));
    };
    made.onpointerup = () => {
      const done = drag?.camera === camera && dragged;
      drag = null;
      if (!done) return;
      choose(camera);
      keep(camera);
    };
    made.onpointercancel = () => {
      drag = null;
      moved.delete(camera);
      redraw();
    };
    marks.set(camera, made);
    return made;
  }

  // ---- putting cameras on it ------------------------------------------------------------------------------------------------------

  const redraw = () => told && draw(told);

  function spot(event) {
    const box = $("map-picture").getBoundingClientRect();
    return [bounded((event.clientX - box.x) / box.width), bounded((event.clientY - box.y) / box.height)];
  }

  function choose(camera) {
    chosen = camera;
    redraw();
  }

  function tools() {
    const placed = chosen.startsWith(site + "/") && at(chosen);
    $("map-stage").classList.toggle("arranging", arranging());
    $("map-how").hidden = !arranging();
    write("map-chosen", arranging() ? (chosen ? t("map.chosen", { camera: chosen }) : t("map.choose")) : "");
    $("map-lift").hidden = !arranging() || !placed;
    write("map-lift", t("map.lift", { camera: chosen }));
  }

  function key(event, camera) {
    const way = ARROWS[event.key];
    if (way) {
      const far = event.shiftKey ? FAR : STEP, [x, y] = at(camera) ?? [0.5, 0.5];
      chosen = camera;
      move(camera, at(camera) ? [bounded(x + way[0] * far), bounded(y + way[1] * far)] : [x, y]);
      const now = moved.get(camera);
      setTimeout(() => moved.get(camera) === now && keep(camera), STILL_MS);
    } else if (event.key === "Delete" && at(camera)) {
      lift(camera);
    } else return;
    event.preventDefault();
  }

  // Shown at once; kept by the station after that.
  function move(camera, place) {
    moved.set(camera, { at: place, site, sha256: plan().sha256 });
    redraw();
  }

  function lift(camera) {
    move(camera, null);
    keep(camera);
  }

  async function keep(camera) {
    const now = moved.get(camera), [x, y] = now.at ?? [];
    try {
      await wire.say(`api/plans/${now.site}/cameras/${camera.slice(now.site.length + 1)}`, { sha256: now.sha256, at: now.at });
      said(now.at ? t("map.kept", { camera, x: percent(x), y: percent(y) }) : t("map.lifted", { camera }), true);
    } catch (error) {
      said(t("map.failed", { reason: wire.reason(error) }));
    }
    await changed();
    // What was moved on meanwhile is not put back.
    if (moved.get(camera) !== now) return;
    moved.delete(camera);
    redraw();
  }

  $("map-arrange").onclick = () => {
    $("map-arrange").setAttribute("aria-pressed", String(!arranging()));
    choose("");
  };
  $("map-stage").onclick = (event) => {
    if (!arranging() || !chosen.startsWith(site + "/") || event.target.closest("[data-mark]")) return;
    move(chosen, spot(event));
    keep(chosen);
  };
  $("map-lift").onclick = () => {
    lift(chosen);
    marks.get(chosen)?.focus();
  };
  $("map-site").onchange = () => {
    [site, chosen] = [$("map-site").value, ""];
    write("map-said", "");
    unsure();
    redraw();
  };

  // ---- its picture ----------------------------------------------------------------------------------------------------------------

  $("map-change").ontoggle = () => {
    const sites = [...new Set(told.cameras.map((one) => one.site))];
    $("map-known").replaceChildren(...sites.map((value) => element("option", { value })));
    $("map-for").value ||= site || sites[0] || "";
  };

  const base64 = (file) => new Promise((done, lost) => {
    const reader = new FileReader();
    reader.onload = () => done(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => lost(reader.error);
    reader.readAsDataURL(file);
  });

  async function change(of, what, words) {
    try {
      const options = { method: "POST", body: JSON.stringify(what), headers: { "Content-Type": "application/json" }, signal: AbortSignal.timeout(PATIENCE_MS) };
      await wire.ask(`api/plans/${of}`, options);
      said(words, true);
      site = of;
      $("map-form").reset();
      $("map-change").open = false;
    } catch (error) {
      said(t("map.failed", { reason: wire.reason(error) }));
    }
    await changed();
  }

  $("map-form").onsubmit = async (event) => {
    event.preventDefault();
    const of = $("map-for").value.trim(), instead_of = told.plans.find((one) => one.site === of)?.sha256 ?? null;
    said(t("map.sending"), true);
    await change(of, { give: { picture: await base64($("map-file").files[0]), instead_of } }, t("map.given", { site: of }));
  };

  function unsure() {
    delete $("map-remove").dataset.sure;
  }
  $("map-remove").onclick = () => {
    const button = $("map-remove");
    if (!button.dataset.sure) {
      button.dataset.sure = "yes";
      return write("map-remove", t("map.remove.sure", { site }));
    }
    unsure();
    change(site, { remove: { sha256: plan().sha256 } }, t("map.removed", { site }));
  };

  // Nothing of it stays with a browser that nobody is signed in at.
  function forget() {
    [shown, chosen, drag] = ["", "", null];
    URL.revokeObjectURL(url);
    $("map-picture").removeAttribute("src");
    for (const [, made] of marks) made.parentElement.remove();
    marks.clear();
    moved.clear();
    write("map-change-title", t("map.add"));
  }

  return { draw, forget };
}
