use serde_json::json;

use super::*;

const SILENCE: Duration = Duration::from_secs(30);

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn desk() -> Desk {
    let mut desk = Desk::new(SILENCE);
    desk.hear(&Heard::Connected, at(0));
    desk
}

fn envelope(boot: &str) -> serde_json::Value {
    json!({ "v": 1, "boot": boot, "seq": 0, "uptime_ms": 0, "time": "2026-11-25T02:14:07.000Z",
            "clock_synced": true, "late": false })
}

fn with(mut message: serde_json::Value, more: serde_json::Value) -> serde_json::Value {
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message
}

fn received(body: Body, retained: bool) -> Heard {
    let site = Site { name: "creek".into(), camera: "north".into() };
    Heard::Message(Box::new(Received { site, retained, body, json: serde_json::Value::Null }))
}

fn status(boot: &str, state: &str, reason: &str, retained: bool) -> Heard {
    let more = json!({ "state": state, "reason": reason, "version": "1" });
    received(Body::Status(serde_json::from_value(with(envelope(boot), more)).unwrap()), retained)
}

fn telemetry(boot: &str, interval_s: f64) -> Heard {
    let more = json!({ "interval_s": interval_s, "stages": {}, "scores": {}, "regime": null, "scene": null,
        "frames": { "seen": 0, "dropped": 0, "bad": 0, "inferred": 0, "deadline_misses": 0, "reopens": 0 },
        "messages": { "waiting": 0, "acknowledged": 0, "refused": 0, "lost_telemetry": 0, "lost_snapshots": 0, "lost_alerts": 0 },
        "temperature_c": null, "memory_mb": null });
    received(Body::Telemetry(serde_json::from_value(with(envelope(boot), more)).unwrap()), false)
}

fn alert(id: &str, state: &str) -> Heard {
    let more = json!({ "id": id, "state": state, "class": "bear", "score": 0.9, "evidence": 5.0, "bbox": [1, 2, 3, 4],
        "frame": { "width": 640, "height": 360 }, "regime": "day", "model": { "name": "m", "sha256": "0" },
        "captured": "2026-11-25T02:14:07.000Z", "latency_ms": 100, "simulated": false, "drill": false });
    received(Body::Alert(serde_json::from_value(with(envelope("b"), more)).unwrap()), false)
}

#[test]
fn a_camera_that_falls_silent_is_named_once_and_greeted_when_it_is_back() {
    let mut desk = desk();
    desk.hear(&telemetry("b", 1.0), at(5));
    assert!(desk.look(at(34)).is_empty());
    assert!(
        matches!(&desk.look(at(35))[..], [Notice::Silent { place, time }] if place == "creek/north" && *time == SILENCE)
    );
    assert!(desk.look(at(40)).is_empty());
    assert_eq!(desk.roll_call().silent, ["creek/north"]);
    let notices = desk.hear(&telemetry("b", 1.0), at(65));
    assert!(matches!(&notices[..], [Notice::Back { time, .. }] if *time == at(60)));
    assert_eq!(desk.roll_call().watching, ["creek/north"]);
}

#[test]
fn a_camera_that_speaks_rarely_is_given_its_own_time() {
    let mut desk = desk();
    desk.hear(&telemetry("b", 60.0), at(0));
    assert!(desk.look(at(200)).is_empty());
    assert!(matches!(&desk.look(at(210))[..], [Notice::Silent { .. }]));
}

#[test]
fn what_the_broker_kept_is_no_sign_of_life() {
    let mut desk = desk();
    let notices = desk.hear(&status("b", "online", "YUYV", true), at(1));
    assert!(matches!(&notices[..], [Notice::Status { retained: true, .. }]));
    assert!(
        matches!(&desk.look(at(31))[..], [Notice::Silent { .. }]),
        "online, says the broker, but nobody speaks"
    );
    assert!(
        desk.hear(&status("b", "online", "YUYV", true), at(32)).is_empty(),
        "nor does it end the silence"
    );
    assert!(matches!(&desk.hear(&status("b", "online", "YUYV", false), at(33))[..], [Notice::Back { .. }]));
}

#[test]
fn a_camera_that_is_offline_was_told_and_is_not_silent_too() {
    let mut desk = desk();
    desk.hear(&status("b", "offline", "stopped", true), at(1));
    assert!(desk.look(at(100)).is_empty());
    assert_eq!(desk.roll_call().offline, ["creek/north"]);
}

#[test]
fn only_changes_of_status_are_told_and_the_will_of_an_earlier_life_is_none() {
    let mut desk = desk();
    assert_eq!(desk.hear(&status("b1", "online", "", false), at(1)).len(), 1);
    assert_eq!(desk.hear(&status("b1", "online", "", false), at(2)).len(), 0);
    assert_eq!(desk.hear(&status("b1", "degraded", "unplugged", false), at(3)).len(), 1);
    assert_eq!(desk.hear(&status("b2", "online", "", false), at(4)).len(), 1);
    assert_eq!(desk.hear(&status("b1", "offline", "connection lost", false), at(5)).len(), 0);
    assert_eq!(desk.roll_call().watching, ["creek/north"]);
    assert_eq!(desk.hear(&status("b2", "offline", "connection lost", false), at(6)).len(), 1);
}

#[test]
fn who_is_deaf_does_not_call_others_silent() {
    let mut desk = desk();
    desk.hear(&telemetry("b", 1.0), at(5));
    let lost = Heard::Lost { why: "no route".into(), refused: false };
    assert_eq!(desk.hear(&lost, at(6)).len(), 1);
    assert_eq!(desk.hear(&lost, at(8)).len(), 0, "told once");
    assert!(desk.look(at(100)).is_empty());
    assert!(matches!(&desk.hear(&Heard::Connected, at(101))[..], [Notice::Connected { again: true }]));
    assert!(desk.look(at(130)).is_empty());
    assert!(matches!(&desk.look(at(131))[..], [Notice::Silent { .. }]));
}

#[test]
fn a_desk_that_hears_nobody_says_so() {
    let mut desk = desk();
    assert!(matches!(&desk.look(at(30))[..], [Notice::Nobody { .. }]));
    assert!(desk.look(at(31)).is_empty());
    assert!(
        matches!(&desk.look(at(600))[..], [Notice::RollCall(call)] if call.watching.is_empty() && call.connected)
    );
}

#[test]
fn an_alert_is_news_once_even_when_its_opening_was_missed() {
    let mut desk = desk();
    let mut first = |id: &str, state: &str| match &desk.hear(&alert(id, state), at(1))[..] {
        [Notice::Alert { first, .. }] => *first,
        other => panic!("{other:?}"),
    };
    assert!(first("b-1", "updated"), "we came late: it is news to us");
    assert!(!first("b-1", "updated") && !first("b-1", "closed"));
    assert!(first("b-2", "opened") && !first("b-2", "opened"), "doubled by QoS 1");
    assert!(!first("b-3", "closed"), "over before we heard of it");
}

#[test]
fn an_alert_of_quiet_hours_is_news_again_when_it_becomes_more() {
    let mut desk = desk();
    let mut first = |severity: &str, state: &str| {
        let Heard::Message(mut received) = alert("b-1", state) else { panic!() };
        let Body::Alert(message) = &mut received.body else { panic!() };
        message.severity = severity.into();
        match &desk.hear(&Heard::Message(received), at(1))[..] {
            [Notice::Alert { first, .. }] => *first,
            other => panic!("{other:?}"),
        }
    };
    assert!(first("low", "opened") && !first("low", "updated"));
    assert!(first("normal", "updated") && !first("low", "updated"), "the latter doubled by QoS 1");
    assert!(!first("high", "updated") && !first("high", "closed"));
}

#[test]
fn junk_is_told_at_the_first_tenth_and_hundredth() {
    let mut desk = desk();
    let junk = Heard::Unreadable { topic: "bearwatch/v1/a/b/alert".into(), reason: "no JSON".into() };
    let told: Vec<u64> = (1..=1000)
        .flat_map(|_| desk.hear(&junk, at(1)))
        .map(|notice| if let Notice::Unreadable { count, .. } = notice { count } else { 0 })
        .collect();
    assert_eq!(told, [1, 10, 100, 1000]);
}
