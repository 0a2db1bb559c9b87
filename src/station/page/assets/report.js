// The report of a week: asked for by its days, drawn by the station, printed by the browser.

export function report({ $, t, write, now, wire }) {
  const day = (ms) => new Date(ms - new Date(ms).getTimezoneOffset() * 60000).toISOString().slice(0, 10);
  const urls = [];

  async function make() {
    write("report-said", t("report.making"));
    try {
      const asked = new URLSearchParams({ from: $("report-from").value, to: $("report-to").value, zone: Intl.DateTimeFormat().resolvedOptions().timeZone });
      if ($("report-simulated").checked) asked.set("simulated", "1");
      const html = await (await wire.ask(`api/report?${asked}`)).text();
      const made = new DOMParser().parseFromString(html, "text/html");
      $("report-out").replaceChildren(...made.body.childNodes);
      write("report-said", "");
      $("report-print").hidden = false;
      urls.splice(0).forEach((url) => URL.revokeObjectURL(url));
      for (const image of $("report-out").querySelectorAll("img[data-key]")) picture(image);
    } catch (error) {
      write("report-said", t("report.failed", { reason: wire.reason(error) }));
    }
  }

  async function picture(image) {
    try {
      const blob = await (await wire.ask(`api/review/${image.dataset.key}/picture`)).blob();
      image.src = URL.createObjectURL(blob);
      urls.push(image.src);
    } catch { /* Its words stay in its place: pictures go before what was said of them. */ }
  }

  $("report-form").onsubmit = (event) => {
    event.preventDefault();
    make();
  };
  $("report-print").onclick = () => print();

  return {
    shown: (is) => {
      if (!is || $("report-to").value) return;
      $("report-to").value = day(now());
      $("report-from").value = day(now() - 6 * 86400e3);
    },
    forget: () => $("report-out").replaceChildren(),
  };
}
