use super::*;
use crate::perceive::geometry::Rect;
use crate::perceive::liveness::Impairment;
use crate::perceive::model::Class;
use crate::perceive::observation::{Alert, AlertId, Regime, Severity};
use crate::publish::reply::{AckDraft, Judgement};
use proptest::prelude::*;

fn boot(name: &str) -> BootId {
    BootId(name.into())
}

/// Number 7 of boot "one", made 5 s after its start.
fn envelope() -> Envelope {
    Envelope {
        v: 1,
        boot: boot("one"),
        seq: 7,
        uptime_ms: 5_000,
        time: "2026-06-01T22:00:05.000Z".into(),
        clock_synced: true,
        late: false,
    }
}

fn captured() -> Stamp {
    Stamp { uptime_ms: 4_800, unix_ms: 1_780_351_204_800, synchronised: true }
}

fn draft(state: AlertState) -> AlertDraft {
    let alert = Alert {
        id: AlertId(3),
        state,
        class: Class::Bear,
        severity: Severity::Normal,
        score: 0.75,
        evidence: 8.5,
        bbox: Rect { x: 0.25, y: 0.5, w: 0.5, h: 0.75 },
        captured: captured(),
    };
    AlertDraft {
        alert,
        regime: Regime::Infrared,
        frame: (640, 360),
        model: ("nano".into(), "ab12".into()),
        inferred_at_uptime_ms: 4_950,
        simulated: true,
        drill: false,
        open: 1,
        audience: Audience::default(),
    }
}

fn alert(state: AlertState) -> Record {
    Record::alert(envelope(), &draft(state)).unwrap()
}

fn site() -> Site {
    Site { name: "camp".into(), camera: "north".into() }
}

fn property<'a>(message: &'a Message, name: &str) -> Option<&'a str> {
    message.properties.iter().find(|p| p.0 == name).map(|p| p.1.as_str())
}

#[test]
fn a_record_comes_back_as_it_was() {
    let record = alert(AlertState::Opened);
    assert_eq!(Record::decode(&record.encode().unwrap()), Some(record));
    let picture =
        Record::snapshot(&envelope(), Subject::Alert(AlertId(3)), captured(), vec![0xFF, 0xD8, 0, 1, 2]);
    assert_eq!(Record::decode(&picture.encode().unwrap()), Some(picture));
}

#[test]
fn an_alert_says_on_the_wire_what_the_contract_says() {
    let message = alert(AlertState::Opened).into_message(Lane::Alerts, &site(), &boot("one"), 6_000);
    assert_eq!(message.topic, "bearwatch/v1/camp/north/alert");
    assert_eq!(
        (message.content_type.as_str(), message.retain, message.acknowledged),
        ("application/json", false, true)
    );
    assert_eq!(property(&message, "late"), Some("false"));
    assert_eq!((property(&message, "boot"), property(&message, "seq")), (Some("one"), Some("7")));
    let told: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
    let wanted = serde_json::json!({
        "v": 1, "boot": "one", "seq": 7, "uptime_ms": 5000, "time": "2026-06-01T22:00:05.000Z", "clock_synced": true, "late": false,
        "id": "one-3", "state": "opened", "class": "bear", "severity": "normal", "score": 0.75, "evidence": 8.5,
        "bbox": [160.0, 180.0, 320.0, 180.0], "frame": {"width": 640, "height": 360}, "regime": "infrared",
        "model": {"name": "nano", "sha256": "ab12"}, "captured": "2026-06-01T22:00:04.800Z", "latency_ms": 150, "open": 1,
        "simulated": true, "drill": false,
    });
    assert_eq!(told, wanted, "the box is cut off at the frame's edge");
}

#[test]
fn a_picture_of_an_impairment_names_it_and_no_alert() {
    let subject = Subject::Impairment(Impairment::Obstructed);
    let picture = Record::snapshot(&envelope(), subject, captured(), vec![0xFF, 0xD8]);
    let picture = Record::decode(&picture.encode().unwrap()).unwrap();
    let message = picture.into_message(Lane::Snapshots, &site(), &boot("one"), 6_000);
    assert_eq!(
        (property(&message, "alert"), property(&message, "impairment")),
        (Some(""), Some("obstructed"))
    );
}

#[test]
fn a_snapshot_names_its_alert_and_its_moment() {
    let jpeg = vec![0xFF, 0xD8, 9];
    let picture = Record::snapshot(&envelope(), Subject::Alert(AlertId(3)), captured(), jpeg.clone());
    let message = picture.into_message(Lane::Snapshots, &site(), &boot("one"), 6_000);
    assert_eq!(
        (message.topic.as_str(), message.content_type.as_str()),
        ("bearwatch/v1/camp/north/snapshot", "image/jpeg")
    );
    assert_eq!(message.payload, jpeg);
    assert_eq!(property(&message, "alert"), Some("one-3"));
    assert_eq!(property(&message, "captured"), Some("2026-06-01T22:00:04.800Z"));
}

#[test]
fn what_waited_or_comes_from_an_earlier_boot_is_marked_as_late() {
    let late = |now: &str, uptime_ms| {
        let message = alert(AlertState::Opened).into_message(Lane::Alerts, &site(), &boot(now), uptime_ms);
        let told: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!(property(&message, "late"), Some(told["late"].to_string().as_str()), "both places agree");
        assert_eq!(
            (told["seq"].as_u64(), told["boot"].as_str()),
            (Some(7), Some("one")),
            "still the same message"
        );
        told["late"].as_bool().unwrap()
    };
    assert!(!late("one", 5_000));
    assert!(!late("one", 15_000), "ten seconds are not late");
    assert!(late("one", 15_001));
    assert!(late("two", 1), "another boot, whatever its uptime");
    let picture = Record::snapshot(&envelope(), Subject::Alert(AlertId(3)), captured(), vec![1, 2, 3]);
    let message = picture.into_message(Lane::Snapshots, &site(), &boot("two"), 1);
    assert_eq!((property(&message, "late"), message.payload.as_slice()), (Some("true"), &[1u8, 2, 3][..]));
}

#[test]
fn only_fresh_alerts_of_this_boot_tell_a_latency() {
    assert_eq!(alert(AlertState::Opened).captured_uptime_ms(&boot("one")), Some(4_800));
    assert_eq!(alert(AlertState::Updated).captured_uptime_ms(&boot("one")), Some(4_800));
    assert_eq!(
        alert(AlertState::Closed).captured_uptime_ms(&boot("one")),
        None,
        "it speaks of a frame long gone"
    );
    assert_eq!(alert(AlertState::Opened).captured_uptime_ms(&boot("two")), None);
    let picture = Record::snapshot(&envelope(), Subject::Alert(AlertId(3)), captured(), vec![]);
    assert_eq!(picture.captured_uptime_ms(&boot("one")), None);
}

#[test]
fn an_alert_that_another_version_wrote_goes_out_as_it_is() {
    let mut record = alert(AlertState::Opened);
    record.body = br#"{"v":2,"what":"we do not know"}"#.to_vec();
    let message = record.clone().into_message(Lane::Alerts, &site(), &boot("two"), 1);
    assert_eq!(message.payload, record.body);
    assert_eq!(property(&message, "late"), Some("true"));
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Some(record) = Record::decode(&bytes) {
            prop_assert_eq!(Record::decode(&record.encode().unwrap()), Some(record));
        }
    }

    #[test]
    fn a_cut_off_record_is_refused_or_has_a_shorter_body(keep in 0usize..400) {
        let record = alert(AlertState::Opened);
        let bytes = record.encode().unwrap();
        let cut = &bytes[..keep.min(bytes.len())];
        if let Some(found) = Record::decode(cut) {
            prop_assert_eq!(&found.header, &record.header);
            prop_assert!(record.body.starts_with(&found.body));
        }
    }
}

#[test]
fn what_speaks_of_an_alert_goes_to_its_own_topic_and_is_marked_when_it_is_late() {
    let draft = AckDraft {
        alert: "one-3".into(),
        verdict: Judgement::NotBear,
        by: "anna".into(),
        signed: true,
        note: None,
    };
    let body = AckMessage::new(envelope(), &draft, Some(1_500));
    let record = Record::other(&envelope(), Some("ack".into()), "one-3", &body).unwrap();
    let record = Record::decode(&record.encode().unwrap()).unwrap();
    assert_eq!(record.captured_uptime_ms(&boot("one")), None, "its way is no latency");
    for (by, late) in [("one", false), ("two", true)] {
        let message = record.clone().into_message(Lane::Alerts, &site(), &boot(by), 6_000);
        assert_eq!(message.topic, "bearwatch/v1/camp/north/ack");
        assert_eq!(property(&message, "late"), Some(late.to_string().as_str()));
        let read: AckMessage = serde_json::from_slice(&message.payload).unwrap();
        assert_eq!((read.envelope.late, read.alert_boot.0.as_str(), read.waited_s), (late, "one", Some(1.5)));
        assert_eq!(read.verdict, Judgement::NotBear);
    }
}
