// The line to the station: questions and answers, and the stream of events with its pulse.

const PATIENCE_MS = 30000;
// The station's pulse comes every two seconds: a line that is still for longer is dead, whatever the network says.
const PULSE_MS = 7000, RETRY_MS = 2000;

export class Refused extends Error {}

export function line({ t, left }) {
  let key = "";

  async function ask(path, options = {}) {
    const headers = { "Session-Key": key, ...options.headers };
    const answer = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS), ...options, headers });
    if (answer.ok) return answer;
    const refused = new Refused((await answer.json().catch(() => ({}))).reason ?? answer.statusText);
    if (answer.status === 401 && path !== "api/login") left(refused.message);
    throw refused;
  }

  // Says something that changes something.
  const say = (path, what) => ask(path, { method: "POST", body: JSON.stringify(what), headers: { "Content-Type": "application/json" } });

  // Hears until told to stop; `event(name, data)` for each, `still(since)` while nothing comes, `again()` when it is heard anew.
  function hear({ event, still, again }) {
    let over = false, heard = Date.now(), abort = null;
    const watch = setInterval(() => {
      if (Date.now() - heard < PULSE_MS) return;
      still(heard);
      abort?.abort();
    }, 1000);
    (async () => {
      while (!over) {
        abort = new AbortController();
        try {
          const answer = await ask("api/events", { signal: abort.signal });
          heard = Date.now();
          again();
          await read(answer.body, (name, data) => {
            heard = Date.now();
            if (!over) event(name, data);
          });
        } catch { /* Tried again; the watch says so when it lasts. */ }
        await new Promise((done) => setTimeout(done, RETRY_MS));
      }
    })();
    return () => {
      over = true;
      clearInterval(watch);
      abort?.abort();
    };
  }

  return { ask, say, hear, use: (half) => { key = half; }, reason: (error) => (error instanceof Refused ? error.message : t("door.silent")) };
}

async function read(body, event) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) {
      const field = (name) => part.split("\n").find((row) => row.startsWith(name + ": "))?.slice(name.length + 2);
      if (field("event")) event(field("event"), JSON.parse(field("data") ?? "null"));
    }
  }
}
