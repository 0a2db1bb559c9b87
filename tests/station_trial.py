"""Trials on the station's page, as tests/station.py plays them: written by keyboard, watched and stopped on a telephone, the result printed."""

import base64
import json
import sqlite3
import time

from page import DESK, NARROW, PHONE, wait_for
from selenium.webdriver.common.keys import Keys

NAME = "Spring, north alone"


def state(park, camera, mode, trial=None, until=None):
    """What a camera says of its orders."""
    on = trial and {"trial": trial, "mode": mode, "until": until, "until_uptime_ms": 1_209_600_000}
    told = park.message(camera, "state", mode=mode, until=until, until_uptime_ms=None, by="Maria" if trial else "", usual="armed", trial=on, bear_threshold=None,
                        log="usual", signed_only=False, drill=None, audit={"seq": 0, "sha256": ""})
    park.publish(camera, "state", told, "--retain")


def plan(park):
    with sqlite3.connect(f"file:{park.folder / 'station.db'}?mode=ro", uri=True) as database:
        ((text, sha256),) = database.execute("SELECT plan, sha256 FROM trial").fetchall()
    return json.loads(text), sha256


def a_trial_is_written_by_keyboard_alone(park, axe, out):
    browser = park.desk(DESK)
    browser.on_duty(park.url + "#trials", "Maria")
    browser.says("trial-list", "No trial was written yet")
    browser.tab_to(lambda element: element.text == "Write a trial")
    browser.keys(Keys.ENTER)
    browser.tab_to(lambda element: element.get_attribute("id") == "trial-name")
    browser.keys(NAME)
    browser.tab_to(lambda element: element.get_attribute("value") == "creek/north" and element.get_attribute("type") == "checkbox")
    browser.keys(Keys.SPACE)
    for field, value in [("recall_least", "80"), ("false_alarms_most", "0.2"), ("told_within_s", "10"), ("silence_most_h", "1")]:
        browser.tab_to(lambda element: element.get_attribute("id") == "trial-" + field)
        browser.keys(value)
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-trial-form.png")
    browser.tab_to(lambda element: element.text == "Write it down")
    browser.keys(Keys.ENTER)
    browser.says("trials-said", "Written down")
    written, sha256 = plan(park)
    assert (written["mode"], written["cameras"]) == ("assist", ["creek/north"]), written
    assert written["criteria"] == {"recall_least": 0.8, "false_alarms_most": 0.2, "told_within_s": 10.0, "silence_most_h": 1.0}, written
    assert abs(written["end_ms"] - written["begin_ms"] - 14 * 86400e3) < 3600e3 * 2, written
    browser.says("trial-list", sha256[:12])
    browser.says("trial-list", "not yet")
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(written["end_ms"] / 1e3))
    state(park, "north", "assist", NAME, until)
    browser.says("trial-list", "ends by itself on")
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-trials.png")
    # What was typed stays while the list is drawn anew.
    browser.tab_to(lambda element: element.text == f"End {NAME} early")
    browser.keys(Keys.ENTER)
    browser.tab_to(lambda element: (element.get_attribute("id") or "").startswith("why-"))
    browser.keys("snow on")
    state(park, "north", "assist", NAME)
    browser.says("trial-list", "its clock is not set")
    assert browser.all("#trial-list input")[0].get_attribute("value") == "snow on"
    browser.end()


def a_trial_is_stopped_on_a_telephone_and_its_result_printed(park, axe, out):
    phone = park.desk(PHONE, touch=True)
    phone.on_duty(park.url + "#trials", "Maria")
    phone.says("trial-list", NAME)
    phone.all("#trial-list summary")[0].click()
    field = phone.all("#trial-list input")[0]
    field.send_keys("snow on the lens")
    assert not phone.faults(axe), phone.faults(axe)
    phone.screenshot(out / "phone-trials.png")
    phone.resize(NARROW)
    assert not phone.faults(axe), phone.faults(axe)
    phone.resize(PHONE)
    phone.all("#trial-list form button")[0].click()
    phone.says("trials-said", "Ended")
    phone.says("trial-list", "it is told to leave when it is heard")
    state(park, "north", "armed")
    phone.says("trial-list", "does not take part")
    next(button for button in phone.all("#trial-list button") if "Result of" in button.text).click()
    phone.says("trial-out", "What it had to show")
    assert not phone.faults(axe), phone.faults(axe)
    phone.screenshot(out / "phone-trial-result.png")
    phone.end()
    browser = park.desk(DESK, light=True)
    browser.on_duty(park.url + "#trials", "Rita")
    browser.says("trial-list", NAME)
    assert not browser.id("trial-new").is_displayed() and not browser.all("#trial-list form"), "whoever looks changes nothing"
    browser.tab_to(lambda element: element.text == f"Result of {NAME}")
    browser.keys(Keys.ENTER)
    browser.says("trial-out", "snow on the lens")
    text = browser.id("trial-out").text
    assert "Not enough data" in text and "Nine of ten alerts are told within 10 s" in text, text
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-trial-result.png")
    paper = base64.b64decode(browser.driver.execute_cdp_cmd("Page.printToPDF", {})["data"])
    assert paper.startswith(b"%PDF") and len(paper) > 8_000, len(paper)
    (out / "trial.pdf").write_bytes(paper)
    browser.end()
