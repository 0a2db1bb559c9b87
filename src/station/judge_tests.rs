use serde_json::{Value, json};

use super::*;

/// 2026-11-25T02:14:10Z
const NOW_MS: i64 = 1_795_572_850_000;

fn alert(more: &Value) -> Message {
    let mut message = json!({ "v": 1, "boot": "b1", "seq": 0, "uptime_ms": 60_000, "time": "2026-11-25T02:14:07.000Z",
        "clock_synced": true, "late": false, "id": "b1-1", "state": "opened", "class": "bear", "severity": "normal", "score": 0.9,
        "evidence": 7.5, "bbox": [10.0, 20.0, 30.0, 40.0], "frame": { "width": 640, "height": 360 }, "regime": "day",
        "model": { "name": "m", "sha256": "00" }, "captured": "2026-11-25T02:14:06.500Z", "latency_ms": 412, "simulated": false,
        "drill": false, "open": 1 });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    Message::json("bearwatch/v1/creek/north/alert".into(), message.to_string().into_bytes(), Vec::new())
}

fn refused(message: Message) -> String {
    judge(message, NOW_MS).unwrap_err().reason
}

#[test]
fn a_good_alert_is_believed_with_its_time() {
    assert_eq!(unix_ms("2026-11-25T02:14:10Z"), Some(NOW_MS));
    let entry = judge(alert(&json!({})), NOW_MS).unwrap();
    assert_eq!((entry.clock, entry.late, entry.captured_ms), (Worth::Set, false, Some(NOW_MS - 3_500)));
}

#[test]
fn a_bear_is_believed_whatever_the_clock_says_and_the_clock_is_not() {
    let judged = |more: Value| judge(alert(&more), NOW_MS).unwrap();
    let ahead = judged(json!({ "captured": "2031-01-01T00:00:00.000Z" }));
    assert_eq!((ahead.clock, ahead.late), (Worth::Ahead, false));
    assert_eq!(
        judged(json!({ "captured": "1970-01-01T00:00:00.000Z", "clock_synced": false })).clock,
        Worth::Unset
    );
    let old = judged(json!({ "captured": "2026-11-24T23:00:00.000Z" }));
    assert!(old.late, "an old one that does not say so is a replay, or late all the same");
    assert_eq!(judged(json!({ "captured": "yesterday" })).captured_ms, None);
}

#[test]
fn what_no_camera_says_is_refused_with_the_reason() {
    assert!(refused(alert(&json!({ "state": "dancing" }))).contains("state"));
    assert!(refused(alert(&json!({ "severity": "awful" }))).contains("severity"));
    assert!(refused(alert(&json!({ "score": 7 }))).contains("score"));
    assert!(refused(alert(&json!({ "id": "" }))).contains("no id"));
    assert!(refused(alert(&json!({ "id": "9".repeat(81) }))).contains("longer than 80"));
    assert!(refused(alert(&json!({ "v": 2 }))).contains("version 2"));
    assert!(refused(Message { retain: true, ..alert(&json!({})) }).contains("a replay"));
    assert!(refused(alert(&json!({ "more": "x".repeat(70_000) }))).contains("larger than"));
    let deep = Message { payload: "[".repeat(50_000).into_bytes(), ..alert(&json!({})) };
    assert!(refused(deep).contains("recursion"));
    let nowhere = Message { topic: "bearwatch/v1/../Etc/alert".into(), ..alert(&json!({})) };
    assert!(refused(nowhere).contains("not a topic"));
}

#[test]
fn little_is_kept_of_what_is_refused() {
    let payload = [&[0xff, 0x00, 0x1b][..], &[b'x'; 100_000]].concat();
    let refusal = judge(Message { payload, ..alert(&json!({})) }, NOW_MS).unwrap_err();
    assert_eq!((refusal.bytes, refusal.beginning.chars().count()), (100_003, BEGINNING));
}
