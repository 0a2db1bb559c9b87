use super::*;
use crate::publish::message::Audience;
use crate::station::alert::Alert;

const NOW: i64 = 1_795_572_850_000;

fn topic(cause: Cause, change: impl Fn(&mut Subject)) -> Topic {
    let alert = Alert {
        id: "b1-1".into(),
        heard_ms: NOW,
        changed_ms: NOW,
        captured_ms: Some(NOW),
        clock: "set".into(),
        state: "opened".into(),
        class: "bear".into(),
        severity: "normal".into(),
        score: 0.931,
        regime: "infrared".into(),
        latency_ms: 400,
        late: false,
        drill: false,
        simulated: false,
        escalation: None,
        audience: Audience::Everybody,
    };
    let (site, camera) = ("pine-lake".into(), "north".into());
    let mut subject = Subject {
        alert,
        site,
        camera,
        since_ms: NOW,
        word: None,
        mode: String::new(),
        picture: None,
        looks: 1,
    };
    change(&mut subject);
    Topic { cause, subject }
}

fn said(topics: Vec<Topic>, now_ms: i64) -> Message {
    let sign = Sign { station: "s1".into(), link: None };
    Voice { zone: TimeZone::UTC, sign }.message(7, topics, now_ms)
}

#[test]
fn an_alert_is_told_in_a_line_and_its_facts() {
    let message = said(vec![topic(Cause::Opened, |_| {})], NOW);
    assert_eq!((message.key.as_str(), message.title.as_str()), ("s1-7", "Bear at pine-lake/north"));
    assert_eq!(message.text, "93 % sure · normal · night, infrared · seen 02:14:10, heard 02:14:10");
    assert_eq!(message.urgency, Urgency::Urgent);
    let high = said(vec![topic(Cause::Worse(Severity::High), |one| one.alert.severity = "high".into())], NOW);
    assert_eq!(
        (high.title.as_str(), high.urgency),
        ("Bear at pine-lake/north: worse, where people are", Urgency::Alarm)
    );
    let waits = said(vec![topic(Cause::Unacknowledged(5), |_| {})], NOW + 300_000);
    assert_eq!(waits.title, "Bear at pine-lake/north: nobody has said anything for 5 min");
    assert_eq!(waits.urgency, Urgency::Alarm);
}

#[test]
fn what_is_late_an_exercise_or_of_an_unset_clock_says_so_and_is_less_loud() {
    let late =
        said(vec![topic(Cause::Opened, |one| one.alert.severity = "high".into())], NOW + 3 * 3_600_000);
    assert_eq!(
        (late.title.as_str(), late.urgency),
        ("LATE, 3 h ago: Bear at pine-lake/north", Urgency::Urgent)
    );
    assert!(late.text.contains("This was 3 h ago."), "{}", late.text);
    let drill = said(vec![topic(Cause::Opened, |one| one.alert.drill = true)], NOW);
    assert_eq!((drill.title.as_str(), drill.urgency), ("DRILL: Bear at pine-lake/north", Urgency::Usual));
    let unset = said(vec![topic(Cause::Opened, |one| one.alert.clock = "unset".into())], NOW);
    assert!(unset.text.contains("seen –") && unset.text.contains("clock is not set"), "{}", unset.text);
}

#[test]
fn many_are_counted_by_site_the_most_urgent_first() {
    let mut topics: Vec<Topic> = (0..23).map(|_| topic(Cause::Opened, |_| {})).collect();
    topics.push(topic(Cause::Unacknowledged(5), |one| one.site = "creek".into()));
    let message = said(topics, NOW);
    assert_eq!(message.title, "24 more: 23 at pine-lake, 1 at creek");
    let lines: Vec<&str> = message.text.lines().collect();
    assert!(lines[0].contains("creek/north: nobody has said anything"), "{lines:?}");
    assert_eq!((lines.len(), lines[12]), (13, "and 12 others: see the duty desk."));
    assert_eq!((message.urgency, message.thread), (Urgency::Alarm, None));
}
