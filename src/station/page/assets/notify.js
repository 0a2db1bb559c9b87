// Who else was told of an alert, who is next if nobody says anything, and for administrators how the ways out are.

const KINDS = ["ntfy", "webhook", "email", "earthranger"];

export function notify({ $, t, element, write, clock, whole, span, now, wire, may }) {
  let oldest = Infinity, open = false;
  const kind = (name) => (KINDS.includes(name) ? t("channel." + name) : name);
  const cause = ({ cause, detail }) => t("cause." + cause, { detail });

  // ---- at an alert ------------------------------------------------------------------------------------------------------------------

  // What came of one, in words.
  function fate({ fate, tries, ended_ms, tried_ms, outcome, trying, gathered }) {
    const values = { n: whole(tries), time: clock(ended_ms ?? tried_ms ?? now()), outcome: outcome ?? t("outside.unknown") };
    if (fate === "delivered") return t(gathered ? "outside.delivered.gathered" : "outside.delivered", values) + (tries > 1 ? " " + t("outside.tries", values) : "");
    if (fate === "refused" || fate === "expired") return t("outside." + fate, values);
    if (fate === "needless") return t("outside.needless");
    if (trying) return t("outside.trying", values);
    return tries ? t("outside.again", values) : t("outside.queued");
  }
  const lost = ({ fate, tries, trying }) => fate === "refused" || fate === "expired" || (fate === "queued" && tries > 0 && !trying);
  const line = (notice) => t("outside.line", { channel: notice.channel, kind: kind(notice.kind), cause: cause(notice), fate: fate(notice) });

  // Nobody has said anything for so long, and who is next.
  function steps(alert) {
    if (alert.ack || alert.word) return [];
    const rows = [element("p", { class: "waits-for", "data-from": alert.heard_ms })];
    const next = alert.told.ahead.filter((step) => step.at_ms === alert.told.ahead[0].at_ms).map((step) => t("channel.who", { channel: step.channel, kind: kind(step.kind) }));
    if (next.length) rows.push(element("p", { class: "next-step", "data-until": alert.told.ahead[0].at_ms, "data-who": next.join(", ") }));
    rows.forEach(tick);
    return rows;
  }

  function record(alert, isOpen) {
    const { notices } = alert.told;
    if (!notices.length) return "";
    const delivered = notices.filter(({ fate }) => fate === "delivered").length, failed = notices.filter(lost).length;
    const head = t("outside.head", { n: whole(delivered), all: whole(notices.length) }) + (failed ? " · " + t("outside.head.failed", { n: whole(failed) }) : "");
    const rows = notices.map((notice) => element("li", { class: lost(notice) ? "mistake" : "" }, line(notice)));
    return element("details", { class: "told", open: isOpen ?? false }, element("summary", { "data-key": "told", class: failed ? "mistake" : "" }, head), element("ul", {}, ...rows));
  }

  function tick(row) {
    const { from, until, who } = row.dataset;
    const left = (Number(until) - now()) / 1000;
    const text = from ? t("outside.waits", { time: span((now() - Number(from)) / 1000) })
      : left > 0 ? t("outside.next", { who, time: span(left) }) : t("outside.next.now", { who });
    if (row.textContent !== text) row.textContent = text;
  }
  setInterval(() => document.querySelectorAll(".waits-for, .next-step").forEach(tick), 1000);

  // ---- the ways out -----------------------------------------------------------------------------------------------------------------

  function health({ success_ms, failing_ms, fault, reason, queued, given_up }) {
    const words = [];
    if (failing_ms) words.push(t("channel." + fault, { time: clock(failing_ms), reason }));
    if (failing_ms && queued) words.push(t("channel.again"));
    words.push(success_ms ? t("channel.success", { time: clock(success_ms) }) : t("channel.never"));
    if (queued) words.push(t("channel.queued", { n: whole(queued) }));
    if (given_up) words.push(t("channel.given-up", { n: whole(given_up) }));
    return words.join(" ");
  }

  // What stands on top of every page, whoever looks.
  const troubles = (channels) => channels.map((one) => {
    const values = { channel: one.name, kind: kind(one.kind), n: whole(one.given_up), time: clock(one.failing_ms ?? now()), reason: one.reason };
    return one.failing_ms ? t("trouble.channel." + one.fault, values) : t("trouble.channel.given-up", values);
  });

  async function list(before = "") {
    try {
      const { channels, notices } = await (await wire.ask(`api/notices${before && `?before=${before}`}`)).json();
      if (!before) {
        $("channels").replaceChildren(...channels.map((one) => element("li", { class: one.failing_ms ? "mistake" : "" },
          element("strong", {}, t("channel.name", { channel: one.name, kind: kind(one.kind) })), " ", health(one))));
        $("channels-none").hidden = channels.length > 0;
        $("notices").replaceChildren();
        oldest = Infinity;
      }
      const row = (notice) => element("li", { class: lost(notice) ? "mistake" : "" }, t("outside.at", { time: clock(notice.made_ms), place: notice.place || "–", line: line(notice) }));
      $("notices").append(...notices.map(row));
      $("notices-none").hidden = $("notices").children.length > 0;
      oldest = Math.min(oldest, ...notices.map((notice) => notice.id));
      $("notices-more").hidden = notices.length < 100;
      write("notices-said", "");
    } catch (error) {
      write("notices-said", wire.reason(error));
    }
  }
  $("notices-more").onclick = () => list(oldest);

  async function shown(is) {
    open = is && may("administer");
    $("notices-part").hidden = !open;
    if (open) await list();
  }
  const changed = () => open && oldest !== Infinity && document.activeElement?.id !== "notices-more" ? list() : null;
  function forget() {
    open = false;
    for (const id of ["channels", "notices"]) $(id).replaceChildren();
  }

  return { steps, record, troubles, shown, changed, forget };
}
