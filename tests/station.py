#!/usr/bin/python3
"""station.py PROGRAM AXE OUT: the station's page in a headless Chromium, as a ranger on duty uses it: on a telephone, by keyboard alone, while broker and
station go away. Station and Mosquitto are real; what cameras say is published by mosquitto_pub. AXE is axe.min.js of axe-core; screenshots go to OUT."""

import json
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

from page import DESK, NARROW, PHONE, Browser, free_port, wait_for
from selenium.webdriver.common.keys import Keys

TOKEN = "correct-horse-battery"
PICTURE = pathlib.Path(__file__).parent.parent / "docs" / "demo.jpg"
MOST_BYTES = 150_000
BOOTS = {"north": "00000000000000b1", "south": "00000000000000b2", "ridge": "00000000000000b3"}


def stamp(ago_s=0.0):
    at = time.time() - ago_s
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) + f".{int(at % 1 * 1000):03d}Z"


STAGES = {name: None for name in ["decode", "prepare", "perceive", "publish"]}
STAGES |= {"inference": {"p50_ms": 310, "p95_ms": 345, "p99_ms": 402, "count": 50}, "capture_to_puback": {"p50_ms": 480, "p95_ms": 620, "p99_ms": 700, "count": 3}}
#: Of a board that is well.
TELEMETRY = {"interval_s": 5, "stages": STAGES, "frames": {"seen": 100, "dropped": 50, "bad": 0, "inferred": 50, "deadline_misses": 1, "reopens": 0},
             "messages": {"waiting": 0, "acknowledged": 20, "refused": 0, "lost_telemetry": 0, "lost_snapshots": 0, "lost_alerts": 0}, "scores": {},
             "regime": "infrared", "scene": None, "temperature_c": 61.5, "memory_mb": 108.3}


class Park:
    """A broker, the station, and cameras that are spoken for."""

    def __init__(self, program, folder):
        self.program, self.folder, self.broker_port, self.port = program, folder, free_port(), free_port()
        (folder / "token").write_text(TOKEN + "\n")
        (folder / "conf").write_text(f"user root\nlistener {self.broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n")
        self.numbers = {}
        self.start_broker()
        self.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def start_broker(self):
        self.broker = subprocess.Popen(["mosquitto", "-c", str(self.folder / "conf")], stderr=subprocess.DEVNULL)

    def start(self):
        self.log = open(self.folder / "log", "a", encoding="utf-8")
        self.station = subprocess.Popen(
            [self.program, "station", "--broker", f"mqtt://127.0.0.1:{self.broker_port}", "--database", self.folder / "station.db",
             "--token-file", self.folder / "token", "--listen", f"127.0.0.1:{self.port}", "--silence", "20"], stdout=subprocess.DEVNULL, stderr=self.log)

    def publish(self, camera, kind, payload, *options, source="-s"):
        subprocess.run(["mosquitto_pub", "-V", "5", "-p", str(self.broker_port), "-q", "1", "-t", f"bearwatch/v1/creek/{camera}/{kind}", source, *options],
                       input=payload, check=True)

    def message(self, camera, kind, **more):
        seq = self.numbers[camera, kind] = self.numbers.get((camera, kind), -1) + 1
        envelope = {"v": 1, "boot": BOOTS[camera], "seq": seq, "uptime_ms": 60_000, "time": stamp(), "clock_synced": True, "late": False}
        return json.dumps(envelope | more).encode()

    def status(self, camera, state, reason):
        self.publish(camera, "status", self.message(camera, "status", state=state, reason=reason, version="0.1.0"), "--retain")

    def alert(self, camera, number, state="opened", ago_s=0.4, **more):
        alert = {"id": f"{BOOTS[camera]}-{number}", "state": state, "class": "bear", "severity": "normal", "score": 0.931, "evidence": 7.5,
                 "bbox": [10, 20, 30, 40], "frame": {"width": 640, "height": 360}, "regime": "infrared", "model": {"name": "m", "sha256": "00" * 32},
                 "captured": stamp(ago_s), "latency_ms": 412, "simulated": False, "drill": False, "open": 1}
        self.publish(camera, "alert", self.message(camera, "alert", **(alert | more)))
        return alert["id"]

    def picture(self, camera, number, ago_s=0.0):
        seq = self.numbers[camera, "snapshot"] = self.numbers.get((camera, "snapshot"), -1) + 1
        values = {"alert": f"{BOOTS[camera]}-{number}", "captured": stamp(ago_s), "boot": BOOTS[camera], "seq": str(seq)}
        options = [word for name, value in values.items() for word in ["-D", "publish", "user-property", name, value]]
        self.publish(camera, "snapshot", PICTURE.read_bytes(), *options)

    def telemetry(self, camera, **more):
        self.publish(camera, "telemetry", self.message(camera, "telemetry", **(TELEMETRY | more)))

    def past(self, camera, days, failed):
        """Days of what pictures and finds were like, the infrared lamp having failed some days ago; as after a time without connection."""
        rng, sums, lines = random.Random(7), {name: [0] * 16 for name in ["score", "height", "luma", "sharpness", "motion"]}, []
        for ago in range(days, 0, -1):
            dark = 1.6 if ago <= failed else 0.0
            for name, place, count in [("luma", 4.6 - dark, 3000), ("sharpness", 8.4, 3000), ("motion", 5.3, 3000), ("score", 9.9 - 2 * dark, 12), ("height", 8.7, 12)]:
                self.spread(sums[name], place + rng.gauss(0, 0.15), count)
            drift = {"model": "00" * 32, "regimes": {"infrared": {"watched_s": 30_000 * (days - ago + 1), **sums}}}
            told = json.loads(self.message(camera, "telemetry", **TELEMETRY, drift=drift)) | {"uptime_ms": 86_400_000 * (days - ago + 1), "time": stamp(ago * 86_400), "late": True}
            lines.append(json.dumps(told))
        self.publish(camera, "telemetry", "\n".join(lines).encode(), source="-l")

    @staticmethod
    def spread(bins, place, count):
        """Around a place: as much in both bins beside its own as is left of it."""
        for step, share in [(-1, 0.25), (0, 0.5), (1, 0.25)]:
            bins[min(max(int(place + step), 0), 15)] += round(share * count * (1 - place % 1))
            bins[min(max(int(place + step) + 1, 0), 15)] += round(share * count * (place % 1))

    def hears(self, topic):
        """The next message on a topic."""
        return subprocess.Popen(["mosquitto_sub", "-V", "5", "-p", str(self.broker_port), "-t", topic, "-C", "1", "-W", "40"], stdout=subprocess.PIPE, text=True)

    def end(self):
        self.station.send_signal(signal.SIGTERM)
        code = self.station.wait(20)
        self.broker.terminate()
        self.broker.wait(10)
        return code


class Desk(Browser):
    """Somebody on duty."""

    def enter(self, url, token=TOKEN, name="Anna"):
        self.driver.get(url)
        self.id("by").clear()
        self.id("by").send_keys(name)
        self.id("token").send_keys(token, Keys.ENTER)

    def on_duty(self, url):
        self.enter(url)
        wait_for("the page", lambda: self.id("inside").is_displayed())
        self.says("roll", "watching")

    def card(self, number, camera="north"):
        return wait_for(f"alert {number}", lambda: next(iter(self.all(f"article[aria-labelledby='head-{BOOTS[camera]}-{number}']")), None))

    def pictured(self, number, pictures, camera="north"):
        script = "return [...document.querySelectorAll(`article[aria-labelledby='head-${arguments[0]}'] img.large`)].filter((i) => i.naturalWidth > 0).length"
        wait_for("a large picture", lambda: self.run(script, f"{BOOTS[camera]}-{number}"))
        wait_for("the strip", lambda: len(self.card(number, camera).find_elements("css selector", ".strip button")) == pictures)

    def tab_to(self, is_it):
        for _ in range(120):
            if is_it(self.driver.switch_to.active_element):
                return
            self.keys(Keys.TAB)
        raise AssertionError("no way there by the keyboard")


def the_door_says_what_to_do(park, axe, out):
    browser = Desk(PHONE, touch=True)
    browser.enter(park.url, "not-this-token-at-all")
    browser.says("door-mistake", "--token-file")
    assert browser.driver.switch_to.active_element.get_attribute("id") == "token"
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "phone-door.png")
    browser.end()


def an_alert_is_taken_on_a_telephone(park, axe, out):
    browser = Desk(PHONE, touch=True)
    browser.on_duty(park.url)
    assert browser.id("waiting-none").is_displayed()
    browser.says("roll", "2 cameras are watching")
    size = browser.run("return performance.getEntries().filter((e) => e.name.startsWith(location.origin) && !e.name.includes('/api/')).reduce((sum, e) => sum + (e.encodedBodySize || 0), 0)")
    assert 10_000 < size <= MOST_BYTES, size
    browser.id("sound").click()
    assert browser.id("sound").get_attribute("aria-pressed") == "true"
    begun = time.monotonic()
    park.alert("north", 1, severity="high")
    browser.card(1)
    shown_s = time.monotonic() - begun
    for ago_s in [3, 2, 1, 0]:
        park.picture("north", 1, ago_s)
    browser.pictured(1, 4)
    browser.screenshot(out / "phone-alert.png")
    assert not browser.faults(axe), browser.faults(axe)
    heard = park.hears("bearwatch/v1/creek/north/set/ack")
    time.sleep(0.5)
    browser.card(1).find_element("css selector", "button.not-bear").click()
    browser.says("dealt", "Anna said")
    command = json.loads(heard.communicate(timeout=40)[0])
    assert (command["alert"], command["verdict"], command["by"]) == (f"{BOOTS['north']}-1", "not-bear", "Anna"), command
    browser.says("dealt", "it has not answered yet")
    assert browser.id("waiting-none").is_displayed()
    # The camera tells everybody that it knows.
    park.publish("north", "ack", park.message("north", "ack", alert=f"{BOOTS['north']}-1", alert_boot=BOOTS["north"], verdict="not-bear", by="Anna", signed=False, note=None, waited_s=3.0))
    browser.says("dealt", "Anna acknowledged it")
    assert "has not answered" not in browser.id("dealt").text
    browser.resize(NARROW)
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "narrow.png")
    browser.end()
    return size, shown_s


def alerts_are_marked_and_taken_by_keyboard_alone(park, axe, out):
    browser = Desk(DESK, light=True)
    browser.on_duty(park.url)
    park.alert("south", 1, ago_s=7200, late=True)
    park.alert("north", 2, drill=True, simulated=True)
    park.alert("north", 3, escalation={"level": "headquarters", "step": 1, "of": 2, "after_s": 60})
    for number in [2, 3]:
        park.picture("north", number, 1)
        park.picture("north", number)
    late, drill, climbed = browser.card(1, "south"), browser.card(2), browser.card(3)
    wait_for("the mark of a late one", lambda: "Late" in late.text and "before it came in" in late.text)
    assert "Drill, no bear" in drill.text and "Simulation" not in drill.text, drill.text
    assert "it went to headquarters, step 1 of 2" in climbed.text, climbed.text
    browser.pictured(3, 2)
    # Real ones before exercises, the newest first; what is chosen stays so when another one comes.
    order = [article.get_attribute("aria-labelledby") for article in browser.all("#waiting article")]
    assert order == [f"head-{BOOTS['north']}-3", f"head-{BOOTS['south']}-1", f"head-{BOOTS['north']}-2"], order
    (chosen,) = browser.all("article.chosen")
    browser.screenshot(out / "desk-alerts.png")
    assert not browser.faults(axe), browser.faults(axe)
    before = chosen.get_attribute("aria-labelledby")
    park.alert("north", 4)
    browser.card(4)
    (chosen,) = browser.all("article.chosen")
    assert chosen.get_attribute("aria-labelledby") == before, "a key is for what was on the screen"
    browser.keys("b")
    browser.says("dealt", "Anna said")
    assert f"head-{before[5:]}" in [article.get_attribute("aria-labelledby") for article in browser.all("#dealt article")]
    # By Tab and Enter, where single keys are switched off.
    browser.tab_to(lambda element: element.get_attribute("id") == "keys")
    browser.keys(Keys.ENTER)
    waiting = len(browser.all("#waiting article"))
    browser.keys("b")
    time.sleep(1)
    assert len(browser.all("#waiting article")) == waiting, "keys are off"
    browser.tab_to(lambda element: element.get_attribute("data-key") == "unsure")
    browser.keys(Keys.ENTER)
    wait_for("one less", lambda: len(browser.all("#waiting article")) == waiting - 1)
    browser.tab_to(lambda element: (element.get_attribute("data-key") or "").startswith("picture-"))
    browser.keys(Keys.ENTER)
    assert (browser.driver.switch_to.active_element.get_attribute("data-key") or "").startswith("picture-"), "the focus stays"
    browser.end()


def the_fleet_shows_who_needs_somebody(park, axe, out):
    park.telemetry("north")
    park.telemetry("south", temperature_c=86.0, strain="hot", effort="half")
    park.publish("ridge", "status", b"{")
    park.publish("south", "alert", park.message("north", "alert", id="x-1"))
    browser = Desk(DESK)
    browser.on_duty(park.url)
    browser.id("to-fleet").click()
    wait_for("the fleet", lambda: len(browser.all("#cameras .camera")) == 3)
    first = lambda: browser.all("#cameras h3")[0].text
    assert first().startswith("creek/ridge"), first()
    browser.says("cameras", "covered by a web")
    browser.says("cameras", "The board is hot")
    browser.says("refused", "×")
    browser.all("#cameras summary")[1].click()
    wait_for("figures", lambda: "p95 345 ms" in browser.id("cameras").text)
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-fleet.png")
    # What was opened stays open when the figures come anew, and the focus where it was.
    time.sleep(5)
    assert "p95 345 ms" in browser.id("cameras").text
    browser.id("find").send_keys("south")
    wait_for("one camera", lambda: len(browser.all("#cameras .camera")) == 1)
    phone = Desk(PHONE, touch=True)
    phone.on_duty(park.url + "#fleet")
    wait_for("the fleet", lambda: len(phone.all("#cameras .camera")) == 3)
    assert not phone.faults(axe), phone.faults(axe)
    phone.screenshot(out / "phone-fleet.png")
    phone.end()
    browser.end()


def a_shift_is_told_with_its_charts_until_it_is_accepted(park, axe, out):
    park.past("south", 50, 3)
    browser = Desk(DESK, light=True)
    browser.on_duty(park.url + "#fleet")
    browser.says("cameras", "The picture by infrared light is darker since")
    browser.says("cameras", "Something has shifted")
    browser.all(".drift summary")[0].click()
    wait_for("charts", lambda: len(browser.all(".drift svg")) >= 2)
    label = browser.all(".drift svg")[0].get_attribute("aria-label")
    assert "by infrared light on each of" in label, label
    assert not browser.faults(axe), browser.faults(axe)
    browser.run("document.querySelector('.drift').scrollIntoView()")
    browser.screenshot(out / "desk-drift.png")
    # Charts stay open, and the focus where it was, when the fleet is drawn anew.
    time.sleep(5)
    assert len(browser.all(".drift svg")) >= 2
    phone = Desk(PHONE, touch=True)
    phone.on_duty(park.url + "#fleet")
    phone.says("cameras", "The picture by infrared light is darker since")
    phone.all(".drift summary")[0].click()
    wait_for("charts", lambda: len(phone.all(".drift svg")) >= 2)
    phone.run("document.querySelector('.drift').scrollIntoView()")
    assert not phone.faults(axe), phone.faults(axe)
    phone.screenshot(out / "phone-drift.png")
    phone.end()
    browser.tab_to(lambda element: element.get_attribute("data-kind") == "accept")
    browser.keys(Keys.ENTER)
    wait_for("that nothing is told any more", lambda: not browser.all(".drift") and "Something has shifted" not in browser.id("cameras").text)
    browser.end()


def silence_never_looks_like_all_quiet(park, axe, out):
    browser = Desk(PHONE, touch=True)
    browser.on_duty(park.url)
    browser.says("absent", "has not been seen for", 60)
    browser.screenshot(out / "phone-silent.png")
    park.broker.kill()
    park.broker.wait()
    browser.says("trouble", "does not hear the broker")
    browser.says("roll", "nothing is known")
    browser.screenshot(out / "phone-deaf.png")
    assert not browser.faults(axe), browser.faults(axe)
    park.station.kill()
    park.station.wait()
    browser.says("trouble", "This page hears nothing from the station")
    browser.says("roll", "Not known since")
    browser.screenshot(out / "phone-lost.png")
    assert not browser.faults(axe), browser.faults(axe)
    park.start_broker()
    park.start()
    wait_for("the station again", lambda: "This page hears nothing" not in browser.id("trouble").text)
    # A broker without memory may have lost something: that is said, and stays.
    browser.says("trouble", "may be missing here")
    park.alert("north", 9)
    browser.card(9)
    browser.driver.get_log("browser")  # Requests that failed were meant to.
    browser.end()


def main(program, axe, out):
    out.mkdir(parents=True, exist_ok=True)
    source = axe.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        park = Park(program, pathlib.Path(folder))
        try:
            wait_for("the station", lambda: "station at http" in (park.folder / "log").read_text())
            wait_for("the broker", lambda: "the broker is heard" in (park.folder / "log").read_text())
            park.status("north", "online", "camera 0")
            park.status("south", "online", "camera 0")
            the_door_says_what_to_do(park, source, out)
            size, shown_s = an_alert_is_taken_on_a_telephone(park, source, out)
            park.status("ridge", "degraded", "half of the picture is covered by a web or a leaf: wipe the lens")
            alerts_are_marked_and_taken_by_keyboard_alone(park, source, out)
            the_fleet_shows_who_needs_somebody(park, source, out)
            a_shift_is_told_with_its_charts_until_it_is_accepted(park, source, out)
            silence_never_looks_like_all_quiet(park, source, out)
        except Exception:
            print((park.folder / "log").read_text(encoding="utf-8")[-3000:], file=sys.stderr)
            raise
        finally:
            code = park.end()
    assert code == 0, code
    print(f"station: {size / 1000:.0f} kB of page; an alert was on the screen {shown_s * 1000:.0f} ms after mosquitto_pub was started; axe-core finds nothing; screenshots in {out}")
    print("6 passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
