use serde_json::json;

use super::*;
use crate::publish::Message;
use crate::station::judge::judge;

const SECOND: Duration = Duration::from_secs(1);

fn entry(camera: &str, kind: &str, retain: bool, more: &serde_json::Value) -> Entry {
    let mut message = json!({ "v": 1, "boot": "b1", "seq": 0, "uptime_ms": 1, "time": "2026-11-25T02:14:07.000Z",
        "clock_synced": true, "late": false });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let message = Message::json(
        format!("bearwatch/v1/creek/{camera}/{kind}"),
        message.to_string().into_bytes(),
        Vec::new(),
    );
    judge(Message { retain, ..message }, 1_000_000).unwrap()
}

fn status(camera: &str, state: &str, boot: &str) -> Entry {
    entry(
        camera,
        "status",
        false,
        &json!({ "state": state, "reason": "because", "version": "0.1.0", "boot": boot }),
    )
}

fn fleet() -> Fleet {
    let mut fleet = Fleet::new(Vec::new(), 45 * SECOND);
    fleet.connected(SECOND);
    fleet
}

fn presence(fleet: &Fleet, camera: &str, now: Duration) -> Presence {
    fleet.views(now, 1_000_000).into_iter().find(|view| view.camera == camera).unwrap().presence
}

#[test]
fn a_camera_that_is_not_heard_is_silent_and_one_that_said_goodbye_is_off() {
    let mut fleet = fleet();
    fleet.hear(&status("north", "online", "b1"), 2 * SECOND);
    fleet.hear(&status("south", "offline", "b2"), 2 * SECOND);
    assert_eq!(presence(&fleet, "north", 46 * SECOND), Presence::Online);
    assert_eq!(presence(&fleet, "north", 47 * SECOND), Presence::Silent);
    assert_eq!(presence(&fleet, "south", 47 * SECOND), Presence::Offline);
    let call = fleet.roll_call(247 * SECOND, 1_245_000);
    assert_eq!((call.online, call.silent, call.offline, call.first[0].camera.as_str()), (0, 1, 1, "north"));
    assert_eq!(call.first[0].silent_s, Some(245));
}

#[test]
fn who_is_deaf_says_nothing_of_others_and_then_gives_them_time() {
    let mut fleet = fleet();
    fleet.hear(&status("north", "online", "b1"), 2 * SECOND);
    fleet.lost();
    assert_eq!(presence(&fleet, "north", 500 * SECOND), Presence::Unknown);
    fleet.connected(500 * SECOND);
    assert_eq!(presence(&fleet, "north", 520 * SECOND), Presence::Online);
    assert_eq!(presence(&fleet, "north", 545 * SECOND), Presence::Silent);
}

#[test]
fn what_the_broker_had_kept_is_no_sign_of_life() {
    let mut fleet = fleet();
    let kept = entry("north", "status", true, &json!({ "state": "online", "reason": "", "version": "1" }));
    fleet.hear(&kept, 2 * SECOND);
    let view = &fleet.views(10 * SECOND, 1_000_000)[0];
    assert_eq!((view.presence, view.silent_s, view.heard_ms), (Presence::Online, None, 0));
    assert_eq!(presence(&fleet, "north", 46 * SECOND), Presence::Silent);
}

#[test]
fn the_will_of_an_earlier_life_buries_nobody() {
    let mut fleet = fleet();
    fleet.hear(&status("north", "online", "b1"), 2 * SECOND);
    fleet.hear(&status("north", "online", "b2"), 3 * SECOND);
    fleet.hear(&status("north", "offline", "b1"), 4 * SECOND);
    assert_eq!(presence(&fleet, "north", 5 * SECOND), Presence::Online);
    fleet.hear(&status("north", "offline", "b2"), 6 * SECOND);
    assert_eq!(presence(&fleet, "north", 7 * SECOND), Presence::Offline);
}

#[test]
fn who_needs_a_person_stands_first() {
    let mut fleet = fleet();
    fleet.hear(&status("a-well", "online", "b1"), 60 * SECOND);
    fleet.hear(&status("b-degraded", "degraded", "b2"), 60 * SECOND);
    fleet.hear(&status("c-silent", "online", "b3"), 2 * SECOND);
    fleet.hear(&status("d-offline", "offline", "b4"), 60 * SECOND);
    let views = fleet.views(61 * SECOND, 1_000_000);
    let names: Vec<&str> = views.iter().map(|view| view.camera.as_str()).collect();
    assert_eq!(names, ["c-silent", "d-offline", "b-degraded", "a-well"]);
    assert_eq!(views[1].needs, [Need::Offline]);
}

#[test]
fn a_stranger_who_invents_cameras_fills_no_memory() {
    let mut fleet = fleet();
    for number in 0..MOST {
        fleet.cameras.insert(("x".into(), number.to_string()), Camera::default());
    }
    let site = |camera: &str| Site { name: "x".into(), camera: camera.into() };
    assert!(fleet.admits(&site("7")).is_ok() && fleet.admits(&site("new")).is_err());
}
