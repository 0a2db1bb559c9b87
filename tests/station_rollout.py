"""Models on the station's page, as tests/station.py plays them: a bundle is given, a rollout written and started, watched, and taken back by one button."""

import subprocess

from page import DESK, NARROW, PHONE, wait_for
from selenium.webdriver.common.keys import Keys

BOARD = "arm64"


def pack(program, folder):
    """A key in the folder, and a bundle that it has signed."""
    bundle = folder / "bear-7.bwm"
    for words in [["key", folder / "park", "--no-password"], ["pack", "--secret-key", folder / "park.key", "--version", "7", "--out", bundle]]:
        subprocess.run([program, "models", *words], check=True, stdout=subprocess.DEVNULL)
    return bundle


def tell(park, camera, bundle=None, seen=None, **more):
    """What a camera says of its models; `seen`: looks in infrared light, by who saw a bear."""
    running = {"name": "bearwatch-nano", "sha256": "00" * 32, "version": None, "bundle": None}
    models = {"running": running, "previous": None, "challenger": None, "trial": None, "download": None, "newest": 0, "board": BOARD, "fixed": None, "event": ""}
    if seen:
        counts = dict(zip(["both", "only_running", "only_challenger", "neither"], seen))
        none = dict.fromkeys(counts, 0)
        latency = lambda p95: {"p50": p95 * 0.8, "p95": p95}
        comparison = {"looks": sum(seen), "frames": sum(seen), "passed_over": 0, "card": {"day": none, "dusk": none, "infrared": counts}, "equal_rate": None,
                      "running_ms": latency(310), "challenger_ms": latency(322), "sampled": 0}
        models["challenger"] = {"version": 7, "bundle": bundle, "name": "bearwatch-nano", "sha256": "11" * 32, "course": "shadow", "reason": "", "comparison": comparison}
    park.publish(camera, "models", park.message(camera, "models", **(models | more)), "--retain")


def asked(browser, path, body=None):
    """What the station answers to whoever is signed in on that page."""
    return browser.run("""const [path, body] = arguments;
        const headers = { "Session-Key": localStorage["session-key"], "Content-Type": "application/json" };
        return fetch(path, body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers }).then((answer) => answer.json());""", path, body)


def disagree(park, browser, camera, boot, picture, stamp):
    """A picture on which the new model alone sees a bear, and what a person says of it: there is one."""
    seq = park.numbers[camera, "snapshot"] = park.numbers.get((camera, "snapshot"), -1) + 1
    values = {"alert": "", "captured": stamp, "boot": boot, "seq": str(seq), "audit": "challenger", "probability": "1", "stands_s": "0", "watched_s": "0", "number": "1",
              "mode": "armed", "regime": "infrared", "model": "00" * 32, "threshold": "0.4000", "size": "640x360", "clock_synced": "true", "simulated": "false",
              "detections": "[]", "challenger": asked(browser, "api/models")["bundles"][0]["model"], "challenger_threshold": "0.4000",
              "challenger_detections": '[{"class":"bear","score":0.71,"bbox":[200,120,90,70]}]'}
    options = [word for name, value in values.items() for word in ["-D", "publish", "user-property", name, value]]
    park.publish(camera, "snapshot", picture.read_bytes(), *options)
    sees(browser, "wait for people: 1.")
    browser.says("rollouts", "Review them")

    def judged():
        task = asked(browser, "api/review/next", {"page": "one"})["task"]
        says = {"things": [{"class": "bear", "bbox": [0.3, 0.3, 0.2, 0.3]}], "blind": True}
        return task and asked(browser, f"api/review/{task['key']}/label", says)["why"] == "challenger"

    wait_for("the picture in the review", judged)
    sees(browser, "Disagreements that people have judged (1)")


def sees(browser, text):
    browser.says("rollouts", text)


def begins(park, browser):
    """Gives the bundle, writes a rollout, and starts it."""
    browser.id("to-models").click()
    browser.says("model-cameras", "as the program carries it")
    browser.id("give-file").send_keys(str(park.bundle))
    browser.all("#give-form button")[0].click()
    browser.says("models-said", "version 7")
    browser.says("bundles", "version 7")
    browser.all("#plan summary")[0].click()
    assert "creek/north" in browser.id("plan-shadow").get_attribute("value")


def a_model_is_rolled_out_watched_and_taken_back(park, axe, out, *picture):
    """`picture`: of which camera and life, the file, and when it was taken."""
    for camera in ["north", "south"]:
        tell(park, camera)
    tell(park, "ridge", fixed="[model] path names the model that runs")
    browser = park.desk(DESK)
    browser.on_duty(park.url, "Maria")
    begins(park, browser)
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-models-plan.png")
    browser.all("#plan-form button.main")[0].click()
    sees(browser, "nothing is sent yet")
    start = lambda: browser.all("#rollouts button.main")[0]
    start().click()
    assert "Press once more" in start().text
    start().click()
    sees(browser, "Ring 1 of")
    # Both see what comes by, but for one hour in which the new one is blind.
    sha256 = subprocess.run(["sha256sum", park.bundle], capture_output=True, text=True, check=True).stdout.split()[0]
    for camera, seen in [("north", [120, 6, 2, 2100]), ("south", [0, 90, 0, 1800])]:
        tell(park, camera, sha256, seen)
    sees(browser, "4,118 looks")
    sees(browser, "over 2 hours with bears")
    sees(browser, "Only before")
    disagree(park, browser, *picture)
    browser.all("#rollouts [data-models=pictures]")[0].click()
    wait_for("the picture", lambda: browser.run("return document.querySelector('.disagreements img')?.naturalWidth"))
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-models.png")
    phone = park.desk(PHONE, touch=True)
    phone.on_duty(park.url + "#models", "Rolf")
    sees(phone, "over 2 hours with bears")
    assert not phone.all("#rollouts button"), "who looks moves nothing"
    assert not phone.id("models-give").is_displayed()
    for summary in filter(lambda one: one.is_displayed(), phone.all("#models summary")):
        summary.click()
    phone.says("model-cameras", "names the model that runs")
    assert not phone.faults(axe), phone.faults(axe)
    phone.screenshot(out / "phone-models.png")
    phone.resize(NARROW)
    assert not phone.faults(axe), phone.faults(axe)
    # One button, by keyboard.
    browser.tab_to(lambda element: element.text.startswith("Stop, and take it back"))
    browser.keys(Keys.ENTER)
    sees(browser, "Taken back")
    sees(phone, "Taken back")
    browser.screenshot(out / "desk-models-stopped.png")
    assert not browser.faults(axe), browser.faults(axe)
    for one in [browser, phone]:
        one.end()
