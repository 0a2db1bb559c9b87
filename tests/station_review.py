"""Review and report of the station's page, as tests/station.py plays them: by keyboard alone, by finger, and printed."""

import base64
import json
import sqlite3

from page import DESK, NARROW, PHONE, wait_for
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.interaction import POINTER_TOUCH
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.keys import Keys

MODEL = "ab" * 32
#: A picture of the sample has the size of docs/demo.jpg.
SURE, NOTHING = [{"class": "bear", "score": 0.83, "bbox": [200, 120, 90, 70]}], []


def publish_sample(park, camera, number, detections, ago_s, picture, boot, stamp):
    seq = park.numbers[camera, "snapshot"] = park.numbers.get((camera, "snapshot"), -1) + 1
    values = {"alert": "", "captured": stamp(ago_s), "boot": boot, "seq": str(seq), "audit": "random", "probability": "1.157e-3", "stands_s": "0.500",
              "watched_s": "3600.0", "number": str(number), "mode": "armed", "regime": "infrared", "model": MODEL, "threshold": "0.4000", "size": "640x360",
              "clock_synced": "true", "simulated": "false", "detections": json.dumps(detections, separators=(",", ":"))}
    options = [word for name, value in values.items() for word in ["-D", "publish", "user-property", name, value]]
    park.publish(camera, "snapshot", picture.read_bytes(), *options)


def labels(park):
    with sqlite3.connect(f"file:{park.folder / 'station.db'}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT labelled_by, verdict, things, blind FROM label ORDER BY id").fetchall()
    return [(by, verdict, json.loads(things), bool(blind)) for by, verdict, things, blind in rows]


def shown(browser):
    wait_for("a picture", lambda: browser.run("return document.getElementById('shown').naturalWidth") and browser.id("review-work").is_displayed())


def untold(browser):
    """Nothing of the model's is anywhere on the page."""
    assert not browser.id("revealed").is_displayed() and not browser.all("#drawn .model")
    assert "83 %" not in browser.id("review").text and not browser.id("reveals").text


def drag(browser, begin, end):
    """A finger from one place of the picture to another, in parts of it."""
    browser.run("document.getElementById('stage').scrollIntoView({block: 'center'})")
    left, top, width, height = browser.run("const r = document.getElementById('drawn').getBoundingClientRect(); return [r.x, r.y, r.width, r.height]")
    at = lambda place: (round(left + place[0] * width), round(top + place[1] * height))
    finger = ActionBuilder(browser.driver, mouse=PointerInput(POINTER_TOUCH, "finger"), duration=50)
    finger.pointer_action.move_to_location(*at(begin)).pointer_down().move_to_location(*at(end)).pointer_up()
    finger.perform()


def pictures_are_reviewed_by_keyboard_alone(park, axe, out):
    browser = park.desk(DESK)
    browser.on_duty(park.url, "Rita")
    browser.tab_to(lambda element: element.get_attribute("id") == "to-review")
    browser.keys(Keys.ENTER)
    shown(browser)
    focus = lambda: browser.driver.switch_to.active_element.get_attribute("id")
    wait_for("the focus on the picture", lambda: focus() == "stage")
    untold(browser)
    browser.keys(Keys.ENTER)
    browser.says("review-said", "Say what is there first")
    browser.keys("b")
    browser.says("things", "not drawn yet")
    ActionChains(browser.driver).send_keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT).key_down(Keys.SHIFT).send_keys(Keys.ARROW_DOWN).key_up(Keys.SHIFT).perform()
    assert "not drawn" not in browser.id("things").text
    browser.keys("p")
    browser.keys("x")
    browser.keys("a")
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-review.png")
    browser.keys(Keys.ENTER)
    wait_for("what the model said", lambda: browser.id("revealed").is_displayed())
    browser.says("reveals", "random sample")
    ((by, verdict, things, blind),) = labels(park)
    assert (by, verdict, blind) == ("Rita", "bear", True), labels(park)
    assert [thing["class"] for thing in things] == ["bear", "animal"], things
    assert things[0]["bbox"] == [0.33, 0.35, 0.3, 0.32] and things[1]["bbox"] is None, things
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-revealed.png")
    # Whoever changes their mind says so again.
    browser.keys(Keys.BACKSPACE)
    wait_for("the picture again", lambda: not browser.id("revealed").is_displayed())
    browser.keys("n")
    wait_for("a second word", lambda: len(labels(park)) == 2)
    wait_for("the next button", lambda: focus() == "review-next")
    first = browser.id("review-where").text
    browser.keys(Keys.ENTER)
    wait_for("another picture", lambda: browser.id("review-where").text != first and not browser.id("revealed").is_displayed())
    browser.keys("c")
    wait_for("what cannot be told", lambda: labels(park)[-1][1] == "cannot-tell")
    browser.end()


def two_review_at_once_one_of_them_by_finger(park, axe, out):
    desk, phone = park.desk(DESK), park.desk(PHONE, touch=True)
    desk.on_duty(park.url, "Rita")
    phone.on_duty(park.url, "Rolf")
    for browser in [desk, phone]:
        browser.id("to-review").click()
        shown(browser)
    assert desk.id("review-where").text != phone.id("review-where").text, "nobody has what another has"
    untold(phone)
    phone.all("#classes .bear")[0].click()
    before = len(labels(park))
    drag(phone, (0.3, 0.3), (0.6, 0.7))
    phone.screenshot(out / "phone-review.png")
    assert not phone.faults(axe), phone.faults(axe)
    phone.id("review-save").click()
    wait_for("a word", lambda: len(labels(park)) > before)
    by, verdict, things, _ = labels(park)[-1]
    x, y, w, h = things[0]["bbox"]
    assert (by, verdict) == ("Rolf", "bear") and abs(x - 0.3) < 0.03 and abs(y - 0.3) < 0.03 and abs(w - 0.3) < 0.04 and abs(h - 0.4) < 0.04, things
    wait_for("what the model said", lambda: phone.id("revealed").is_displayed())
    phone.screenshot(out / "phone-revealed.png")
    phone.resize(NARROW)
    assert not phone.faults(axe), phone.faults(axe)
    phone.resize(PHONE)
    # What is said while the station is away stays on the page and is said again.
    park.station.kill()
    park.station.wait()
    desk.keys("b")
    desk.keys(Keys.ENTER)
    desk.says("review-said", "still stands here")
    assert "Bear" in desk.id("things").text
    before = len(labels(park))
    park.start()
    desk.id("stage").click()

    def said_again():
        if desk.id("review-save").is_displayed():
            desk.id("review-save").click()
        return len(labels(park)) > before

    wait_for("a word", said_again)
    assert labels(park)[-1][:2] == ("Rita", "bear"), labels(park)[-1]
    for browser in [desk, phone]:
        browser.driver.get_log("browser")  # Requests that failed were meant to.
        browser.end()


def the_report_is_read_and_printed(park, axe, out):
    browser = park.desk(DESK, light=True)
    browser.on_duty(park.url)
    browser.id("to-report").click()
    browser.tab_to(lambda element: element.text == "Show")
    browser.keys(Keys.ENTER)
    browser.says("report-out", "What was missed")
    text = browser.id("report-out").text
    assert "no estimate" in text and "in the sample: too few to say how many bears were missed" in text, text
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-report.png")
    paper = base64.b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert paper.startswith(b"%PDF") and len(paper) > 10_000, len(paper)
    (out / "report.pdf").write_bytes(paper)
    browser.end()
    phone = park.desk(PHONE, touch=True)
    phone.on_duty(park.url + "#report")
    phone.all("#report-form button.main")[0].click()
    phone.says("report-out", "What was missed")
    assert not phone.faults(axe), phone.faults(axe)
    phone.screenshot(out / "phone-report.png")
    phone.end()
