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
from station_notify import who_else_is_told_stands_at_the_alert
from station_plan import a_plan_is_given_and_cameras_are_put_on_it, a_plan_is_removed_and_several_sites_have_one_each
from station_review import NOTHING, SURE, pictures_are_reviewed_by_keyboard_alone, publish_sample, the_report_is_read_and_printed, two_review_at_once_one_of_them_by_finger
from station_trial import a_trial_is_stopped_on_a_telephone_and_its_result_printed, a_trial_is_written_by_keyboard_alone
from station_rollout import a_model_is_rolled_out_watched_and_taken_back, pack

PASSWORD = "correct horse battery"
PEOPLE = {"Anna": "ranger", "Maria": "administrator", "Vera": "viewer", "Rita": "reviewer", "Rolf": "reviewer"}
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

    #: Of the station.
    options = []

    def __init__(self, program, folder):
        self.program, self.folder, self.broker_port, self.port = program, folder, free_port(), free_port()
        (folder / "conf").write_text(f"user root\nlistener {self.broker_port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n")
        self.numbers, self.bundle = {}, pack(program, folder)
        self.start_broker()
        for name, role in PEOPLE.items():
            self.account("add", name, "--role", role)
        self.start()

    def account(self, *words, password=PASSWORD):
        command = [self.program, "station", "account", *words, "--database", self.folder / "station.db"]
        subprocess.run(command, input=password + "\n", text=True, check=True, stdout=subprocess.DEVNULL)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def start_broker(self):
        self.broker = subprocess.Popen(["mosquitto", "-c", str(self.folder / "conf")], stderr=subprocess.DEVNULL)

    def start(self):
        self.log = open(self.folder / "log", "a", encoding="utf-8")
        self.station = subprocess.Popen(
            [self.program, "station", "--broker", f"mqtt://127.0.0.1:{self.broker_port}", "--database", self.folder / "station.db",
             "--listen", f"127.0.0.1:{self.port}", "--silence", "20", "--trusted-key", self.folder / "park.pub", *self.options], stdout=subprocess.DEVNULL, stderr=self.log)

    def publish(self, camera, kind, payload, *options, source="-s"):
        subprocess.run(["mosquitto_pub", "-V", "5", "-p", str(self.broker_port), "-q", "1", "-t", f"bearwatch/v1/creek/{camera}/{kind}", source, *options],
                       input=payload, check=True)

    def message(self, camera, kind, **more):
        seq = self.numbers[camera, kind] = self.numbers.get((camera, kind), -1) + 1
        envelope = {"v": 1, "boot": BOOTS[camera], "seq": seq, "uptime_ms": 60_000, "time": stamp(), "clock_synced": True, "late": False}
        return json.dumps(envelope | more).encode()

    def status(self, camera, state, reason):
        self.publish(camera, "status", self.message(camera, "status", state=state, reason=reason, version="0.1.0"), "--retain")

    def alive(self):
        for camera in ["north", "south"]:
            self.status(camera, "online", "camera 0")

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

    def sample(self, camera, number, detections, ago_s):
        publish_sample(self, camera, number, detections, ago_s, PICTURE, BOOTS[camera], stamp)

    def desk(self, size, **options):
        return Desk(size, **options)

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
        """Whoever hears the next message on a topic, once the broker has agreed."""
        ears = subprocess.Popen(["stdbuf", "-oL", "mosquitto_sub", "-d", "-V", "5", "-p", str(self.broker_port), "-t", topic, "-C", "1", "-W", "60"],
                                stdout=subprocess.PIPE, text=True)
        while "Subscribed" not in (line := ears.stdout.readline()):
            assert line, "the broker does not agree"
        return ears

    def heard(self, ears):
        """What that was, between what mosquitto_sub says of itself."""
        (payload,) = [line for line in ears.stdout if line.startswith("{")]
        return json.loads(payload)

    def answers(self, camera, word, act):
        """Carries out the next command of this word, as a camera does: `act` does what the person does; what the camera said is told by its answer."""
        ears = self.hears(f"bearwatch/v1/creek/{camera}/set/{word}")
        act()
        command = self.heard(ears)
        common = {"command": word, "id": command["id"], "by": command["by"], "signed": False, "audit": {"seq": 7, "sha256": "00" * 32}}
        if command.get("for_s", 0) > 7200:
            refusal = f"{command['for_s']} s is longer than the 7200 s that command.longest_s allows"
            told = common | {"verdict": "refused", "reason": refusal, "until": None, "until_uptime_ms": None}
        else:
            until = stamp(-command.get("for_s", 0))
            told = common | {"verdict": "applied", "reason": f"disarmed until {until}", "until": until, "until_uptime_ms": 3_600_000}
            state = {"mode": "disarmed", "until": until, "until_uptime_ms": 3_600_000, "by": command["by"], "bear_threshold": None, "log": "usual",
                     "signed_only": False, "audit": common["audit"]}
            self.publish(camera, "state", self.message(camera, "state", **state), "--retain")
        self.publish(camera, "answer", self.message(camera, "answer", **told))
        return command

    def end(self):
        self.station.send_signal(signal.SIGTERM)
        code = self.station.wait(20)
        self.broker.terminate()
        self.broker.wait(10)
        return code


class Desk(Browser):
    """Somebody on duty."""

    def enter(self, url, name="Anna", password=PASSWORD):
        self.driver.get(url)
        wait_for("the door", lambda: self.id("door").is_displayed())
        self.id("name").clear()
        self.id("name").send_keys(name, Keys.TAB)
        self.keys(password, Keys.ENTER)

    def on_duty(self, url, name="Anna"):
        self.enter(url, name)
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
    browser.enter(park.url, password="not this one at all")
    browser.says("door-mistake", "name or password is wrong")
    assert browser.driver.switch_to.active_element.get_attribute("id") == "password"
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "phone-door.png")
    # What is in the form goes nowhere but into one request.
    assert "horse" not in browser.driver.current_url
    browser.end()


def an_alert_is_taken_on_a_telephone(park, axe, out):
    browser = Desk(PHONE, touch=True)
    browser.on_duty(park.url)
    assert browser.id("waiting-none").is_displayed()
    park.alive()
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
    browser.card(1).find_element("css selector", "button.not-bear").click()
    browser.says("dealt", "Anna said")
    command = park.heard(heard)
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


def a_camera_is_told_something_by_a_ranger(park, axe, out):
    browser = Desk(PHONE, touch=True)
    browser.on_duty(park.url + "#fleet")
    button = lambda camera="north": wait_for("its button", lambda: next(iter(browser.all(f"[data-kind=orders][data-camera='creek/{camera}']")), None))
    browser.run("arguments[0].scrollIntoView({block: 'center'})", button())
    button().click()
    wait_for("the dialog", lambda: browser.id("orders").is_displayed())
    assert not browser.id("orders-judge").is_displayed(), "what changes how a camera judges is for administrators"
    browser.says("orders-told", "Nothing was told to it")
    assert not browser.faults(axe), browser.faults(axe)
    choice = lambda seconds: browser.run("document.getElementById('mute-for').value = arguments[0]", seconds)
    mute = lambda: browser.all("form[data-word=disarm] button")[0].click()
    choice("28800")
    park.answers("north", "disarm", mute)
    browser.says("orders-told", "refused: 28800 s is longer than")
    choice("3600")
    command = park.answers("north", "disarm", mute)
    assert (command["for_s"], command["by"]) == (3600, "Anna"), command
    browser.says("orders-told", "done: disarmed until")
    browser.says("orders-mode", "by order of Anna")
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "phone-orders.png")
    browser.keys(Keys.ESCAPE)
    wait_for("it closes", lambda: not browser.id("orders").is_displayed())
    wait_for("the focus is back", lambda: browser.driver.switch_to.active_element.get_attribute("data-camera") == "creek/north")
    browser.says("cameras", "disarm for 60 minutes, by Anna")
    assert not browser.faults(axe), browser.faults(axe)
    browser.end()


def accounts_are_kept_by_an_administrator(park, axe, out):
    browser = Desk(DESK)
    browser.on_duty(park.url, "Maria")
    browser.id("to-people").click()
    wait_for("accounts", lambda: len(browser.all("#accounts .account")) == len(PEOPLE))
    browser.says("audit-chain", "Whole: lines 1 to")
    browser.says("audit", "Anna told a camera · disarm creek/north")
    assert not browser.faults(axe), browser.faults(axe)
    browser.all("#add summary")[0].click()
    browser.id("add-name").send_keys("Ben", Keys.TAB, Keys.TAB)
    browser.keys("short", Keys.ENTER)
    browser.says("accounts-said", "needs 12 or more")
    browser.id("add-password").clear()
    browser.id("add-password").send_keys(PASSWORD, Keys.ENTER)
    browser.says("accounts", "Ben: ranger")
    browser.says("audit", "Maria changed an account · add Ben")
    browser.all("#accounts summary")[1].click()
    browser.screenshot(out / "desk-accounts.png")
    assert not browser.faults(axe), browser.faults(axe)
    # To remove one takes two presses; the last administrator stays.
    remove = browser.all("#accounts .account")[2].find_element("css selector", "details > button")
    browser.all("#accounts summary")[2].click()
    remove.click()
    assert "Press once more" in remove.text
    remove.click()
    browser.says("accounts-said", "the last administrator")
    phone = Desk(PHONE, touch=True)
    phone.on_duty(park.url + "#people", "Vera")
    phone.says("me", "Vera: viewer")
    assert not phone.id("accounts-part").is_displayed() and not phone.id("audit-part").is_displayed()
    assert not phone.faults(axe), phone.faults(axe)
    phone.screenshot(out / "phone-account.png")
    assert not phone.all("#desk .say button[data-key]") and not phone.all("[data-kind=orders]"), "a viewer looks"
    phone.end()
    browser.end()


def a_session_that_ends_is_told(park, axe, out):
    browser = Desk(PHONE, touch=True)
    browser.on_duty(park.url, "Vera")
    park.account("password", "Vera", password="another horse altogether")
    browser.says("door-mistake", "You are signed out, and see and hear no alerts")
    assert browser.id("door").is_displayed() and not browser.id("inside").is_displayed()
    assert browser.driver.title.startswith("Signed out"), browser.driver.title
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "phone-signed-out.png")
    browser.enter(park.url, "Vera", "another horse altogether")
    wait_for("the page", lambda: browser.id("inside").is_displayed())
    # A new tab of the same browser needs no second sign-in.
    browser.driver.switch_to.new_window("tab")
    browser.driver.get(park.url)
    wait_for("the page", lambda: browser.id("inside").is_displayed())
    browser.id("leave").click()
    wait_for("the door", lambda: browser.id("door").is_displayed())
    assert browser.id("door-mistake").text == "", "who leaves is told nothing"
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
            park.alive()
            the_door_says_what_to_do(park, source, out)
            size, shown_s = an_alert_is_taken_on_a_telephone(park, source, out)
            park.status("ridge", "degraded", "half of the picture is covered by a web or a leaf: wipe the lens")
            alerts_are_marked_and_taken_by_keyboard_alone(park, source, out)
            the_fleet_shows_who_needs_somebody(park, source, out)
            a_camera_is_told_something_by_a_ranger(park, source, out)
            accounts_are_kept_by_an_administrator(park, source, out)
            a_session_that_ends_is_told(park, source, out)
            for number in range(1, 7):
                park.sample("south", number, SURE if number % 2 else NOTHING, 3600 * number)
            pictures_are_reviewed_by_keyboard_alone(park, source, out)
            two_review_at_once_one_of_them_by_finger(park, source, out)
            the_report_is_read_and_printed(park, source, out)
            a_trial_is_written_by_keyboard_alone(park, source, out)
            a_trial_is_stopped_on_a_telephone_and_its_result_printed(park, source, out)
            park.status("north", "online", "camera 0")
            a_shift_is_told_with_its_charts_until_it_is_accepted(park, source, out)
            a_model_is_rolled_out_watched_and_taken_back(park, source, out, "north", BOOTS["north"], PICTURE, stamp())
            a_plan_is_given_and_cameras_are_put_on_it(park, source, out)
            a_plan_is_removed_and_several_sites_have_one_each(park, source, out)
            silence_never_looks_like_all_quiet(park, source, out)
        except Exception:
            print((park.folder / "log").read_text(encoding="utf-8")[-3000:], file=sys.stderr)
            raise
        finally:
            code = park.end()
    assert code == 0, code
    who_else_is_told_stands_at_the_alert(Park, program, source, out)
    print(f"station: {size / 1000:.0f} kB of page; an alert was on the screen {shown_s * 1000:.0f} ms after mosquitto_pub was started; axe-core finds nothing; screenshots in {out}")
    print("15 passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
