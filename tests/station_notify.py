"""What the station tells others, as the page shows it: at the alert on a telephone, and to an administrator. The services are real ones on the loopback: one that
takes what comes, one that refuses it, and a mail server that is not there."""

import http.server
import pathlib
import tempfile
import threading

from page import DESK, NARROW, free_port, wait_for

SMALL = (360, 740)
RULES = """
[channel.rangers]
kind = "webhook"
url = "{service}/rangers"

[channel.dispatch]
kind = "webhook"
url = "{service}/refuses"

[channel.chief]
kind = "email"
server = "smtp+plain://127.0.0.1:{closed}"
from = "bears@park.example"
to = ["chief@park.example"]

[[rule]]
channels = ["rangers", "dispatch"]
when = ["opened"]

[[rule]]
channels = ["chief"]
when = ["unacknowledged"]
after_min = 5
"""


class Service:
    """Takes what comes, but for what is sent to /refuses."""

    def __init__(self):
        self.got = []
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                service.got.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
                self.send_response(401 if self.path == "/refuses" else 204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def who_else_is_told_stands_at_the_alert(parks, program, axe, out):
    with tempfile.TemporaryDirectory() as folder:
        service, path = Service(), pathlib.Path(folder) / "notify.toml"
        path.write_text(RULES.format(service=service.url, closed=free_port()), encoding="utf-8")

        class Park(parks):
            options = ["--notify", path]

        park = Park(program, pathlib.Path(folder))
        try:
            wait_for("the broker", lambda: "the broker is heard" in (park.folder / "log").read_text())
            park.alive()
            at_the_alert(park, service, axe, out)
            for_an_administrator(park, axe, out)
        finally:
            code = park.end()
            service.server.shutdown()
    assert code == 0, code


def at_the_alert(park, service, axe, out):
    phone = park.desk(SMALL, touch=True)
    phone.on_duty(park.url)
    park.alert("north", 1)
    card = phone.card(1)
    wait_for("the service", lambda: any(path == "/rangers" for path, _ in service.got))
    wait_for("what came of it", lambda: "Told outside: 2 of 4 delivered" in card.text and "not delivered" in card.text)
    wait_for("the next step", lambda: "If nobody does: chief (e-mail) in 4 minutes" in card.text)
    assert "Nobody has said anything for" in card.text, card.text
    card.find_element("css selector", ".told summary").click()
    record = lambda: phone.card(1).find_element("css selector", ".told ul").text
    told = wait_for("the record", record)
    assert "rangers (webhook), opened: delivered at" in told and "dispatch (webhook), opened: not delivered: it answers 401" in told, told
    phone.says("trouble", "dispatch (webhook) is refused since")
    phone.run("arguments[0].scrollIntoView({block: 'start'})", card)
    phone.screenshot(out / "phone-told.png")
    assert not phone.faults(axe), phone.faults(axe)
    phone.resize(NARROW)
    assert not phone.faults(axe), phone.faults(axe)
    phone.resize(SMALL)
    # Who deals with it ends the escalation.
    card.find_element("css selector", "button.bear").click()
    wait_for("the end of the escalation", lambda: "If nobody does" not in phone.card(1).text and "Anna said at" in phone.card(1).text)
    assert "Nobody has said anything" not in phone.card(1).text
    phone.end()


def for_an_administrator(park, axe, out):
    desk = park.desk(DESK)
    desk.on_duty(park.url + "#people", "Maria")
    desk.says("channels", "dispatch (webhook): Refused since")
    desk.says("channels", "rangers (webhook): Got through last at")
    desk.says("notices", "creek/north: rangers (webhook), opened: delivered at")
    desk.run("document.getElementById('notices-part').scrollIntoView({block: 'start'})")
    desk.screenshot(out / "desk-notices.png")
    assert not desk.faults(axe), desk.faults(axe)
    desk.resize(SMALL)
    assert not desk.faults(axe), desk.faults(axe)
    desk.run("document.getElementById('notices-part').scrollIntoView({block: 'start'})")
    desk.screenshot(out / "phone-notices.png")
    desk.end()
