"""A plan of the site on the station's page, as tests/station.py plays it: given by an administrator, filled by mouse, finger and keyboard, read by everybody."""

import struct
import zlib

from page import DESK, NARROW, PHONE, wait_for
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.interaction import POINTER_TOUCH
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.keys import Keys

SIZE = (900, 600)


def drawn(path, tint=0):
    """A meadow, a creek through it and a road: a PNG by hand."""
    width, height = SIZE

    def colour(x, y):
        if abs(y - 300 - 90 * ((x / 450 - 1) ** 3 - x / 450 + 1)) < 14:
            return (110, 160, 215)
        if abs(x - 620 + y // 4) < 6:
            return (240, 225, 180)
        return (190 - tint, 214, 170 - tint) if (x // 60 + y // 60) % 2 else (198 - tint, 220, 178 - tint)

    rows = b"".join(b"\0" + bytes(part for x in range(width) for part in colour(x, y)) for y in range(height))
    chunk = lambda kind, body: struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return path


def mark(browser, camera):
    return wait_for(f"the mark of {camera}", lambda: next(iter(browser.all(f"[data-mark='creek/{camera}']")), None))


def label(browser, camera):
    return mark(browser, camera).get_attribute("aria-label")


def places(browser):
    """What the station has kept."""
    told = browser.run("""return fetch("api/plans", { headers: { "Session-Key": localStorage["session-key"] } }).then((answer) => answer.json())""")
    return {camera: at for plan in told["plans"] for camera, at in plan["places"].items()}


def stands(browser, camera, x, y):
    near = lambda at: at and abs(at[0] - x) < 0.012 and abs(at[1] - y) < 0.012
    wait_for(f"{camera} at {x}, {y}", lambda: near(places(browser).get(camera)))


def spot(browser, x, y):
    """Pixels of the window."""
    browser.run("document.getElementById('map-picture').scrollIntoView({block: 'center'})")
    left, top, width, height = browser.run("const b = document.getElementById('map-picture').getBoundingClientRect(); return [b.x, b.y, b.width, b.height]")
    return round(left + x * width), round(top + y * height)


def touches(browser, x, y, to=None, finger=True):
    pointer = ActionBuilder(browser.driver, mouse=PointerInput(POINTER_TOUCH if finger else "mouse", "one"), duration=60)
    pointer.pointer_action.move_to_location(*spot(browser, x, y)).pointer_down()
    if to:
        pointer.pointer_action.move_to_location(*spot(browser, *to))
    pointer.pointer_action.pointer_up()
    pointer.perform()


def gives(browser, picture, site="creek"):
    if not browser.id("map-form").is_displayed():
        browser.id("map-change-title").click()
    # The site is proposed once the form is open.
    wait_for("the site", lambda: browser.id("map-for").get_attribute("value"))
    browser.id("map-for").clear()
    browser.id("map-for").send_keys(site)
    browser.id("map-file").send_keys(str(picture))
    browser.all("#map-form button.main")[0].click()


def pictured(browser):
    wait_for("the picture", lambda: browser.run("return document.getElementById('map-picture').naturalWidth"))


def a_plan_is_given_and_cameras_are_put_on_it(park, axe, out):
    viewer = park.desk(PHONE, touch=True)
    viewer.on_duty(park.url + "#fleet")
    wait_for("the fleet", lambda: viewer.all("#cameras .camera"))
    assert not viewer.id("map").is_displayed(), "without a plan the fleet is as it was"
    browser = park.desk(DESK)
    browser.on_duty(park.url + "#fleet", "Maria")
    wait_for("the offer", lambda: browser.id("map-change").is_displayed())
    assert browser.id("map").text == "Add a plan of a site", browser.id("map").text
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-plan-none.png")
    junk = park.folder / "junk.png"
    junk.write_text("this is no picture")
    gives(browser, junk)
    browser.says("map-said", "Not done: this is neither JPEG nor PNG")
    assert not browser.faults(axe), browser.faults(axe)
    gives(browser, drawn(park.folder / "creek.png"))
    browser.says("map-said", "The plan of creek is kept")
    pictured(browser)
    assert "Not on the plan yet" in browser.id("map-off").text and mark(browser, "north").is_displayed()
    # By mouse: a camera, then its place; then it is drawn to another one.
    browser.id("map-arrange").click()
    mark(browser, "north").click()
    browser.says("map-chosen", "Chosen: creek/north")
    touches(browser, 0.3, 0.4, finger=False)
    stands(browser, "north", 0.3, 0.4)
    touches(browser, 0.3, 0.4, to=(0.55, 0.3), finger=False)
    stands(browser, "north", 0.55, 0.3)
    # By keyboard alone.
    browser.tab_to(lambda element: element.get_attribute("data-mark") == "creek/south")
    browser.keys(Keys.ENTER, *[Keys.ARROW_RIGHT] * 4)
    focused = browser.driver.switch_to.active_element
    assert focused.get_attribute("data-mark") == "creek/south", "the focus goes along"
    ActionChains(browser.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN).key_up(Keys.SHIFT).perform()
    stands(browser, "south", 0.53, 0.65)
    browser.says("map-said", "Kept: creek/south, 53 % from the left and 65 % from the top.")
    browser.keys(Keys.DELETE)
    wait_for("it is off", lambda: "south" not in places(browser))
    browser.keys(Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    stands(browser, "south", 0.49, 0.5)
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-plan-arranging.png")
    browser.end()
    # By finger, with a picture that is another one.
    phone = park.desk(PHONE, touch=True)
    phone.on_duty(park.url + "#fleet", "Maria")
    pictured(phone)
    gives(phone, drawn(park.folder / "autumn.png", tint=30))
    phone.says("map-said", "The plan of creek is kept")
    assert set(places(phone)) == {"north", "south"}, "cameras stay where they were"
    pictured(phone)
    phone.id("map-arrange").click()
    mark(phone, "ridge").click()
    touches(phone, 0.8, 0.8)
    stands(phone, "ridge", 0.8, 0.8)
    touches(phone, 0.8, 0.8, to=(0.75, 0.7))
    stands(phone, "ridge", 0.75, 0.7)
    assert not phone.faults(axe), phone.faults(axe)
    phone.screenshot(out / "phone-plan-arranging.png")
    phone.end()
    the_plan_is_read_by_everybody(park, viewer, axe, out)


def the_plan_is_read_by_everybody(park, viewer, axe, out):
    pictured(viewer)
    wait_for("every mark", lambda: len(viewer.all("#map-marks .mark")) == 3)
    assert not viewer.id("map-tools").is_displayed() and not viewer.id("map-change").is_displayed(), "who looks changes nothing"
    park.status("ridge", "degraded", "half of the picture is covered by a web or a leaf: wipe the lens")
    wait_for("its trouble", lambda: label(viewer, "ridge").startswith("creek/ridge: Trouble"))
    looks = {camera: viewer.run("return arguments[0].firstChild.textContent", mark(viewer, camera)) for camera in ["south", "ridge"]}
    assert looks["ridge"] == "▲" and looks["south"] != "▲", f"not by colour alone: {looks}"
    number = park.alert("south", 71)
    wait_for("the alert", lambda: "Alert waits" in label(viewer, "south") and "Alert" in mark(viewer, "south").text)
    assert not viewer.faults(axe), viewer.faults(axe)
    viewer.screenshot(out / "phone-plan.png")
    viewer.resize(NARROW)
    assert not viewer.faults(axe), viewer.faults(axe)
    viewer.screenshot(out / "narrow-plan.png")
    # A mark leads to the camera's entry, also while something else is looked for.
    viewer.id("find").send_keys("north")
    viewer.run("arguments[0].scrollIntoView({block: 'center'})", mark(viewer, "south"))
    mark(viewer, "south").click()
    at_entry = lambda browser, camera: wait_for("the entry", lambda: browser.run("const a = document.activeElement; return a.dataset.camera === arguments[0] && a.dataset.kind === 'more'", f"creek/{camera}"))
    at_entry(viewer, "south")
    viewer.id("find").clear()
    viewer.end()
    light = park.desk(DESK, light=True)
    light.on_duty(park.url + "#fleet", "Rita")
    pictured(light)
    light.tab_to(lambda element: element.get_attribute("data-mark") == "creek/ridge")
    light.keys(Keys.ENTER)
    at_entry(light, "ridge")
    light.all("#cameras summary")[0].click()
    light.says("cameras", "Clock")
    assert not light.faults(axe), light.faults(axe)
    light.screenshot(out / "desk-plan.png")
    park.publish("south", "ack", park.message("south", "ack", alert=number, alert_boot=number[:16], verdict="not-bear", by="Anna", signed=False, note=None, waited_s=3.0))
    wait_for("no alert any more", lambda: "Alert waits" not in label(light, "south"))
    light.end()


def a_plan_is_removed_and_several_sites_have_one_each(park, axe, out):
    browser = park.desk(DESK)
    browser.on_duty(park.url + "#fleet", "Maria")
    pictured(browser)
    assert not browser.id("map-sites").is_displayed()
    gives(browser, drawn(park.folder / "lake.png", tint=50), "new-lake")
    browser.says("map-title", "Plan of new-lake")
    assert browser.id("map-site").is_displayed() and browser.id("map-site").get_attribute("value") == "new-lake"
    pictured(browser)
    assert not browser.faults(axe), browser.faults(axe)
    browser.screenshot(out / "desk-plan-sites.png")
    browser.id("map-change-title").click()
    remove = browser.id("map-remove")
    remove.click()
    assert "Press once more" in remove.text
    remove.click()
    browser.says("map-title", "Plan of creek")
    browser.says("map-said", "The plan of new-lake is gone")
    assert set(places(browser)) == {"north", "south", "ridge"}
    assert not browser.faults(axe), browser.faults(axe)
    browser.end()
