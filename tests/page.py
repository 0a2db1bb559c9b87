#!/usr/bin/python3
"""page.py PROGRAM AXE OUT: the aiming page in a headless Chromium, as a technician uses it: by touch on a telephone, by keyboard alone, over a slow
link. The daemon, its camera (a drawn campsite) and Mosquitto are real. AXE is axe.min.js of axe-core; screenshots go to the folder OUT.

Driven by Debian's chromium-driver and python3-selenium: both come from the release that Chromium comes from, and keep its pace."""

import base64
import json
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.interaction import POINTER_TOUCH
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

TOKEN = "correct-horse-battery"
SOON_S = 40
PHONE, DESK, NARROW = (390, 844), (1280, 900), (320, 640)


def wait_for(what, done, limit_s=SOON_S):
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        found = done()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"never came: {what}")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Camera:
    """A daemon with a page, and its broker."""

    def __init__(self, program, folder):
        self.folder, self.broker_port, self.port = folder, free_port(), free_port()
        self.program, self.config = program, folder / "bearwatch.toml"
        (folder / "token").write_text(TOKEN + "\n")
        self.config.write_text(f"""
[site]
name = "yellow-creek"
camera = "north"
[capture]
source = "simulated"
width = 1280
height = 720
fps = 5
lens_degrees = 62
[capture.scene]
seed = 5
darkness_end = 0.0
duration_s = 3600
bears = 0
[publish]
broker = "mqtt://127.0.0.1:{self.broker_port}"
[drill]
within_s = 90
[store]
path = "{folder / 'store'}"
[page]
listen = "127.0.0.1:{self.port}"
token_file = "{folder / 'token'}"
""")
        self.broker = subprocess.Popen(["mosquitto", "-p", str(self.broker_port)], stderr=subprocess.DEVNULL)
        with open(folder / "log", "w", encoding="utf-8") as log:
            self.daemon = subprocess.Popen([program, "run", "--config", self.config], stdout=subprocess.DEVNULL, stderr=log)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def ask(self, path):
        request = urllib.request.Request(self.url + path, headers={"Authorization": f"Bearer {TOKEN}"})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except (urllib.error.URLError, ConnectionError):
            return None

    def audit(self):
        return [json.loads(line) for line in (self.folder / "store" / "audit.jsonl").read_text().splitlines()]

    def end(self):
        self.daemon.send_signal(signal.SIGTERM)
        code = self.daemon.wait(20)
        self.broker.terminate()
        self.broker.wait(10)
        return code


class Browser:
    """Chromium on the page, as large as a device."""

    def __init__(self, size, touch=False, light=False):
        options = webdriver.ChromeOptions()
        options.binary_location = "/usr/bin/chromium"
        for argument in ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"]:
            options.add_argument(argument)
        # Nothing outside this machine is asked for anything.
        options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        self.size, self.touch = size, touch
        self.resize(size)
        self.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": touch})
        features = [{"name": "prefers-color-scheme", "value": "light" if light else "dark"}, {"name": "prefers-reduced-motion", "value": "reduce"}]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})

    def resize(self, size):
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 2 if self.touch else 1, "mobile": self.touch}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def id(self, name):
        return self.driver.find_element(By.ID, name)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def says(self, name, text, limit_s=SOON_S):
        return wait_for(f"{name}: {text}", lambda: text in self.run("return document.getElementById(arguments[0]).textContent", name), limit_s)

    def enter(self, url, token=TOKEN):
        self.driver.get(url)
        self.id("token").send_keys(token, Keys.ENTER)

    def pictured(self):
        wait_for("a picture", lambda: self.run("return document.getElementById('picture').naturalWidth") > 0)

    def keys(self, *keys):
        chain = ActionChains(self.driver)
        for key in keys:
            chain.send_keys(key)
        chain.perform()

    def tap(self, x, y, to=None):
        """Touches the picture at fractions of its size, and draws the finger on."""
        self.run("document.getElementById('stage').scrollIntoView({block: 'nearest'})")
        box = self.run("const b = document.getElementById('overlay').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]")
        at = lambda place: (round(box[0] + place[0] * box[2]), round(box[1] + place[1] * box[3]))
        finger = ActionBuilder(self.driver, mouse=PointerInput(POINTER_TOUCH, "finger"), duration=50)
        finger.pointer_action.move_to_location(*at((x, y))).pointer_down()
        if to:
            finger.pointer_action.move_to_location(*at(to))
        finger.pointer_action.pointer_up()
        finger.perform()

    def screenshot(self, path):
        """The whole page, however long."""
        shot = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "format": "png"})
        path.write_bytes(base64.b64decode(shot["data"]))

    def faults(self, axe):
        """What axe-core finds against WCAG 2.2 AA and good practice, and whatever is wider than the screen."""
        self.run(axe)
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        found = self.driver.execute_async_script(
            "const done = arguments[1]; axe.run(document, {runOnly: arguments[0]}).then((r) => done([r.violations, r.passes.length]))", tags)
        assert found[1] > 20, f"axe-core looked at nothing: {found[1]} rules"
        told = [f"{v['id']}: {v['help']}: {[n['html'][:120] for n in v['nodes']]}" for v in found[0]]
        wide = self.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return told + ([f"the page is {wide} px wider than the screen"] if wide > 0 else [])

    def complaints(self):
        """Errors in the browser's console: scripts, styles and whatever the policy refused. Refusals by the camera are what is tested."""
        return [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE" and "responded with a status of 4" not in line["message"]]

    def end(self):
        said = self.complaints()
        self.driver.quit()
        assert not said, said


def a_wrong_token_says_what_to_do(camera, axe, out):
    browser = Browser(PHONE, touch=True)
    browser.enter(camera.url, "not-this-token")
    browser.says("door-mistake", "page.token_file")
    assert browser.driver.switch_to.active_element.get_attribute("id") == "token"
    assert not browser.faults(axe), browser.faults(axe)
    assert "token" not in browser.driver.current_url
    browser.screenshot(out / "phone-door.png")
    browser.end()


def areas_are_drawn_by_touch(camera, axe, out):
    browser = Browser(PHONE, touch=True)
    browser.enter(camera.url)
    browser.pictured()
    browser.says("health", "All is well")
    browser.says("reach", "By day a bear is seen up to")
    browser.says("times", "The budget is 500 ms")
    browser.id("new").click()
    browser.id("name").send_keys("tents")
    # The last corner is put down beside its place and drawn there.
    for place in [(0.1, 0.7), (0.5, 0.7), (0.5, 0.95)]:
        browser.tap(*place)
    browser.tap(0.2, 0.8, to=(0.1, 0.95))
    assert len(browser.all("#overlay .corner")) == 4
    browser.screenshot(out / "phone-drawing.png")
    assert not browser.faults(axe), browser.faults(axe)
    browser.id("save").click()
    browser.says("areas-said", "Saved and in force")
    (told,) = camera.ask("api/areas")["guard"]
    name, corners = told.split(": ")
    corners = [tuple(map(float, pair.split(","))) for pair in corners.split(" ")]
    wanted = [(0.1, 0.7), (0.5, 0.7), (0.5, 0.95), (0.1, 0.95)]
    # The tab knows the token until somebody leaves.
    browser.driver.refresh()
    browser.pictured()
    browser.id("leave").click()
    assert browser.id("token").is_displayed() and not browser.run("return sessionStorage.length || document.getElementById('picture').src")
    assert name == "tents" and all(abs(a - b) < 0.01 for c, w in zip(corners, wanted, strict=True) for a, b in zip(c, w)), told
    browser.end()


def areas_are_drawn_by_keyboard_alone(camera, axe, out):
    browser = Browser(DESK, light=True)
    browser.driver.get(camera.url)
    focused = lambda: browser.driver.switch_to.active_element

    def tab_to(name):
        for _ in range(80):
            if focused().get_attribute("id") == name:
                return
            browser.keys(Keys.TAB)
        raise AssertionError(f"no way to {name} by the keyboard")

    tab_to("token")
    browser.keys(TOKEN, Keys.ENTER)
    browser.pictured()
    tab_to("new")
    browser.keys(Keys.ENTER)
    assert focused().get_attribute("id") == "name"
    browser.keys("neighbour's window")
    tab_to("kind")
    Select(browser.id("kind")).select_by_value("privacy")
    tab_to("add")
    # Three corners in the middle, and one on the longest side.
    browser.keys(*[Keys.ENTER] * 4)
    corners = browser.all("#overlay .corner")
    assert len(corners) == 4
    while focused().get_attribute("class") != "corner":
        ActionChains(browser.driver).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()
    before = focused().get_attribute("aria-valuetext")
    browser.keys(*[Keys.ARROW_LEFT] * 5, *[Keys.ARROW_UP] * 3)
    assert focused().get_attribute("aria-valuetext") != before
    assert focused().get_attribute("aria-label").startswith("Corner 4 of neighbour's window")
    # Crossed on purpose: the mistake stands beside the area, and nothing is saved.
    browser.run("const set = (id, v) => { const e = document.getElementById(id); e.value = v; e.dispatchEvent(new Event('input')); };"
                "set('corner-0-x', 35); set('corner-0-y', 35); set('corner-1-x', 65); set('corner-1-y', 65);"
                "set('corner-2-x', 65); set('corner-2-y', 35); set('corner-3-x', 35); set('corner-3-y', 65);")
    tab_to("save")
    browser.keys(Keys.ENTER)
    browser.says("areas-said", "Not saved")
    (mistake,) = browser.all("#list .mistake")
    assert "crosses itself" in mistake.text, mistake.text
    assert mistake.get_attribute("id") in [b.get_attribute("aria-describedby") for b in browser.all("#list button")]
    assert not camera.ask("api/areas")["privacy"]
    # A telephone that is turned round says nothing anew.
    browser.resize((1000, 800))
    browser.resize(DESK)
    browser.says("areas-said", "Not saved")
    browser.screenshot(out / "desk-mistake.png")
    browser.run("const set = (id, v) => { const e = document.getElementById(id); e.value = v; e.dispatchEvent(new Event('input')); };"
                "set('corner-1-y', 35); set('corner-2-y', 65);")
    tab_to("save")
    browser.keys(Keys.ENTER)
    browser.says("areas-said", "1 area is blackened")
    assert camera.ask("api/areas")["privacy"] == ["neighbour's window: 0.35,0.35 0.65,0.35 0.65,0.65 0.35,0.65"]
    # Black on the next picture, as everywhere.
    black = ("const c = document.createElement('canvas'); const i = document.getElementById('picture'); c.width = i.naturalWidth;"
             "c.height = i.naturalHeight; const g = c.getContext('2d'); g.drawImage(i, 0, 0);"
             "return [...g.getImageData(c.width / 2, c.height / 2, 1, 1).data]")
    wait_for("a black area", lambda: max(browser.run(black)[:3]) < 30)
    browser.run("window.scrollTo(0, 0)")
    browser.screenshot(out / "desk-light.png")
    assert not browser.faults(axe), browser.faults(axe)
    # And away again, so that the drill's bear has all of the picture.
    next(b for b in browser.all("#list button") if "window" in b.text).click()
    tab_to("remove")
    browser.keys(Keys.ENTER)
    tab_to("save")
    browser.keys(Keys.ENTER)
    browser.says("areas-said", "0 areas are blackened")
    browser.end()


def a_drill_is_given(camera, axe, out):
    browser = Browser(DESK)
    browser.enter(camera.url)
    browser.pictured()
    browser.says("drill-said", "None was given yet")
    browser.id("drill").click()
    browser.says("course", "Drill is on")
    wait_for("the drawn bear", lambda: "Bear" in browser.id("seen").text)
    browser.screenshot(out / "desk-drill.png")
    phone = Browser(PHONE, touch=True)
    phone.enter(camera.url)
    phone.pictured()
    wait_for("the bear on the telephone", lambda: "Bear" in phone.id("seen").text or "passed" in phone.id("course").text)
    phone.screenshot(out / "phone.png")
    browser.says("course", "Drill passed", 100)
    browser.says("drill-said", "the broker had an alert on the drawn bear")
    wait_for("the alert", lambda: "drill, no bear" in browser.id("alerts").text and "the broker has it" in browser.id("alerts").text)
    assert not browser.faults(axe), browser.faults(axe)
    phone.resize(NARROW)
    assert not phone.faults(axe), phone.faults(axe)
    phone.screenshot(out / "narrow.png")
    phone.end()
    browser.end()


def a_slow_link_gets_smaller_pictures(camera):
    browser = Browser(PHONE, touch=True)
    browser.enter(camera.url)
    width = lambda: browser.run("return document.getElementById('picture').naturalWidth")
    wait_for("large pictures over a good link", lambda: width() >= 480)
    # Two bars in the woods: 64 kbit/s, and 600 ms for each way.
    slow = {"offline": False, "latency": 600, "downloadThroughput": 8000, "uploadThroughput": 8000}
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
    wait_for("smaller pictures", lambda: width() <= 320)
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**slow, "offline": True})
    browser.says("lost", "No connection")
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**slow, "offline": False, "latency": 0, "downloadThroughput": -1})
    wait_for("the camera again", lambda: not browser.id("lost").text)
    browser.driver.get_log("browser")  # Requests that failed were meant to.
    browser.end()


def main(program, axe, out):
    out.mkdir(parents=True, exist_ok=True)
    source = axe.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder:
        camera = Camera(program, pathlib.Path(folder))
        try:
            wait_for("the page", lambda: (camera.ask("api/state") or {}).get("frame"))
            a_wrong_token_says_what_to_do(camera, source, out)
            areas_are_drawn_by_touch(camera, source, out)
            areas_are_drawn_by_keyboard_alone(camera, source, out)
            a_drill_is_given(camera, source, out)
            a_slow_link_gets_smaller_pictures(camera)
            by_page = [line["command"] for line in camera.audit() if line.get("who") == "page"]
            assert by_page.count("drill") == 1 and by_page.count("areas") == 4, by_page
            camera.daemon.poll() is None or sys.exit("the daemon has ended")
        except Exception:
            print((camera.folder / "log").read_text(encoding="utf-8")[-3000:], file=sys.stderr)
            raise
        finally:
            code = camera.end()
    assert code == 0, code
    print(f"page: drawn by touch and by keyboard, drill given, axe-core finds nothing; screenshots in {out}")
    print("5 passed, 0 failed")


if __name__ == "__main__":
    main(sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
