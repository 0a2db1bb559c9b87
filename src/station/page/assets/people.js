// One's own account; for administrators all accounts, and what people did.

const ROLES = ["viewer", "ranger", "reviewer", "administrator"];
const EVENTS = ["start", "login", "login-failed", "logout", "account", "word", "command", "accepted", "removed", "bundle", "rollout", "plan"];

export function people({ $, t, element, write, clock, whole, wire, may, me, out }) {
  let oldest = Infinity;
  const role = (name) => (ROLES.includes(name) ? t("role." + name) : name);
  const options = (chosen) => ROLES.map((name) => element("option", { value: name, selected: name === chosen }, role(name)));
  $("add-role").append(...options("ranger"));

  async function shown(is) {
    if (!is) return;
    const { name, role: mine, ends_ms } = me();
    write("me", t("me.who", { name, role: role(mine) }));
    write("me-ends", ends_ms ? t("me.ends", { time: clock(ends_ms) }) : "");
    for (const id of ["accounts-part", "audit-part"]) $(id).hidden = !may("administer");
    if (may("administer")) await Promise.all([list(), audit()]);
  }

  function forget() {
    for (const id of ["accounts", "audit"]) $(id).replaceChildren();
    for (const id of ["accounts-said", "own-said"]) write(id, "");
    for (const form of ["own-form", "add-form"]) $(form).reset();
  }

  // ---- accounts -------------------------------------------------------------------------------------------------------------------

  async function list() {
    try {
      const { accounts } = await (await wire.ask("api/accounts")).json();
      $("accounts").replaceChildren(...accounts.map(account));
    } catch (error) {
      failed(error);
    }
  }

  function account({ name, role: has, sessions, seen_ms }) {
    const head = t("accounts.one", { name, role: role(has) });
    const seen = sessions ? t("accounts.seen", { n: whole(sessions), time: clock(seen_ms) }) : t("accounts.unseen");
    const roles = element("select", { "aria-label": t("accounts.new.role", { name }) }, ...options(has));
    const password = element("input", { type: "password", autocomplete: "new-password", "aria-label": t("accounts.new.password", { name }), placeholder: t("me.new"), required: true });
    const form = (input, text, wish) => {
      const made = element("form", { class: "row" }, input, element("button", {}, text));
      made.onsubmit = (event) => {
        event.preventDefault();
        change(name, wish());
      };
      return made;
    };
    const remove = element("button", { type: "button" }, t("accounts.remove", { name }));
    remove.onclick = () => {
      if (remove.dataset.sure) return change(name, { remove: true });
      remove.dataset.sure = "yes";
      remove.textContent = t("accounts.remove.sure", { name });
    };
    return element("li", { class: "account" }, element("details", {}, element("summary", {}, head, " ", element("span", { class: "hint" }, seen)),
      form(roles, t("accounts.set.role"), () => ({ role: roles.value })),
      form(password, t("accounts.set.password"), () => ({ password: password.value })),
      remove));
  }

  async function change(name, wish) {
    await tried(`api/accounts/${encodeURIComponent(name)}`, wish, name);
  }

  $("add-form").onsubmit = async (event) => {
    event.preventDefault();
    const wish = { name: $("add-name").value, role: $("add-role").value, password: $("add-password").value };
    if (await tried("api/accounts", wish, wish.name)) {
      $("add-form").reset();
      $("add-role").value = "ranger";
      $("add").open = false;
    }
  };

  async function tried(path, wish, what) {
    try {
      await wire.say(path, wish);
      write("accounts-said", t("accounts.done", { what }));
      $("accounts-said").className = "good";
      await Promise.all([list(), audit()]);
      return true;
    } catch (error) {
      failed(error);
      return false;
    }
  }

  function failed(error) {
    write("accounts-said", t("accounts.failed", { reason: wire.reason(error) }));
    $("accounts-said").className = "mistake";
  }

  $("own-form").onsubmit = async (event) => {
    event.preventDefault();
    try {
      await wire.say("api/me/password", { old: $("own-old").value, new: $("own-new").value });
      out(t("door.out", { reason: t("me.changed") }));
    } catch (error) {
      write("own-said", t("accounts.failed", { reason: wire.reason(error) }));
      $("own-said").className = "mistake";
    }
  };

  // ---- what people did --------------------------------------------------------------------------------------------------------------

  function row({ seq, time, event, who = "", command = "", payload = "", reason = "" }) {
    const did = EVENTS.includes(event) ? t("event." + event) : event;
    const what = [`${who} ${did}`.trim(), command, payload === "{}" ? "" : payload, reason].filter(Boolean).join(" · ");
    return element("li", {}, t("audit.line", { seq: whole(seq), time: clock(Date.parse(time)), what }));
  }

  async function audit(before = "") {
    try {
      const { lines, chain } = await (await wire.ask(`api/audit${before && `?before=${before}`}`)).json();
      if (chain) {
        const { first, last, faults } = chain;
        write("audit-chain", faults.length ? t("audit.broken", { faults: faults.join("; ") }) : t("audit.whole", { first: whole(first), last: whole(last) }));
        $("audit-chain").className = faults.length ? "mistake" : "good";
        $("audit").replaceChildren();
        oldest = Infinity;
      }
      $("audit").append(...lines.map(row));
      oldest = Math.min(oldest, ...lines.map((line) => line.seq));
      $("audit-more").hidden = !lines.length || oldest <= 1;
    } catch (error) {
      write("audit-chain", wire.reason(error));
      $("audit-chain").className = "mistake";
    }
  }
  $("audit-more").onclick = () => audit(oldest);

  return { shown, forget };
}
