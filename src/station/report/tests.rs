use std::collections::HashMap;

use super::html::{Drawing, document, lines};
use super::*;
use crate::perceive::model::Class;
use crate::publish::Audience;
use crate::station::review::Thing;

/// 2026-11-23T00:00:00Z, a Monday.
const MONDAY_MS: i64 = 1_795_392_000_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn week() -> Wanted {
    let period = Period { from_ms: MONDAY_MS, to_ms: MONDAY_MS + 7 * DAY_MS };
    Wanted { period, zone: TimeZone::UTC, simulated: false, audience: Audience::Everybody }
}

fn told(id: i64, at_ms: i64, said: Option<Judgement>) -> Told {
    Told {
        id: format!("b1-{id}"),
        camera: 0,
        heard_ms: at_ms + 800,
        captured_ms: Some(at_ms),
        ended_ms: Some(at_ms + 60_000),
        clock_set: true,
        late: false,
        drill: false,
        simulated: false,
        audience: Audience::Everybody,
        regime: "infrared".into(),
        said,
    }
}

fn label(seen: Seen) -> Label {
    let things = if seen == Seen::Bear {
        vec![Thing { class: Class::Bear, bbox: Some([0.1, 0.1, 0.2, 0.2]) }]
    } else {
        Vec::new()
    };
    Label { id: 1, by: "anna".into(), at_ms: 0, seen, things, blind: true }
}

fn sampled(number: i64, at_ms: i64, score: f32, seen: Option<Seen>) -> Sampled {
    Sampled {
        key: format!("1.b1.{number}"),
        camera: 0,
        boot: "b1".into(),
        number,
        captured_ms: Some(at_ms),
        heard_ms: at_ms,
        probability: 0.001,
        room: 1.0,
        stands_s: 0.5,
        mode: "armed".into(),
        regime: "infrared".into(),
        model: "ab".into(),
        threshold: 0.4,
        size: (640, 360),
        simulated: false,
        detections: vec![Sighting { class: Class::Bear, score, bbox: [64.0, 36.0, 128.0, 72.0] }],
        label: seen.map(label),
        another: false,
        twice: Vec::new(),
    }
}

/// A week of one camera that was heard but for a day, with eight visits of bears, of which two were not told of.
fn evidence() -> Evidence {
    let visit = |n: i64| MONDAY_MS + n * 20 * HOUR_MS + 2 * HOUR_MS;
    let mut evidence = Evidence {
        cameras: vec![Camera { name: "creek/north".into(), first_ms: MONDAY_MS - DAY_MS }],
        heard: (0..7 * 288)
            .filter(|at| at / 288 != 3)
            .map(|at| Heard { camera: 0, at_ms: MONDAY_MS + at * 300_000, live: true })
            .collect(),
        ..Evidence::default()
    };
    for n in 0..8 {
        let found = n != 2 && n != 5;
        if found {
            evidence.alerts.push(told(n, visit(n), Some(Judgement::Bear)));
        }
        evidence.samples.push(sampled(
            n + 1,
            visit(n) + 20_000,
            if found { 0.9 } else { 0.05 },
            Some(Seen::Bear),
        ));
    }
    evidence
        .samples
        .extend((9..209).map(|n| sampled(n, MONDAY_MS + n * HOUR_MS / 2, 0.0, Some(Seen::Nothing))));
    evidence.alerts.push(told(20, MONDAY_MS + 30 * HOUR_MS, Some(Judgement::NotBear)));
    evidence.alerts.push(told(21, MONDAY_MS + 31 * HOUR_MS, None));
    evidence
        .alerts
        .push(Told { drill: true, ..told(22, MONDAY_MS + 32 * HOUR_MS, Some(Judgement::NotBear)) });
    evidence.alerts.push(told(23, MONDAY_MS - HOUR_MS, Some(Judgement::Bear)));
    evidence
}

#[test]
fn a_week_is_told_with_what_was_missed() {
    let report = Report::of(&evidence(), &week());
    let Recall::Known { value, low, high, bears: 8, visits: 8, .. } = report.missed.told else {
        panic!("{:?}", report.missed)
    };
    assert!((value - 0.75).abs() < 1e-9 && low > 0.3 && high < 0.95, "{low} {high}");
    let Recall::Known { value: seen, .. } = report.missed.seen else { panic!() };
    assert!((seen - 0.75).abs() < 1e-9);
    assert_eq!((report.outcome.bears, report.outcome.open, report.outcome.bears_before), (6, 1, Some(1)));
    assert_eq!((report.false_alarms.all.count, report.false_alarms.unsaid), (1, 1));
    // Six days less five minutes, and the gap at both sides of the missing day.
    assert!(
        (report.watch.watched_h - 143.8).abs() < 0.2 && (report.watch.silent_h - 24.2).abs() < 0.2,
        "{:?}",
        report.watch
    );
    assert_eq!(report.latency.p50_ms, Some(800.0));
    assert_eq!((report.confusion.pictures[0], report.confusion.pictures[3][3]), ([6, 0, 0, 2], 200));
    assert!(report.worst.len() == 2 && report.worst[0].seen == Seen::Bear);
    // 208 pictures, each for half a second at a probability of a thousandth.
    assert!((report.sample.hours - 208.0 * 500.0 / 3600.0).abs() < 1e-6);
}

#[test]
fn alerts_to_reviewers_are_counted_apart() {
    let mut evidence = Evidence {
        cameras: vec![Camera { name: "creek/north".into(), first_ms: 0 }],
        alerts: vec![
            told(1, MONDAY_MS, Some(Judgement::Bear)),
            told(2, MONDAY_MS + HOUR_MS, Some(Judgement::NotBear)),
        ],
        ..Evidence::default()
    };
    evidence.alerts[1].audience = Audience::Reviewers;
    let report = Report::of(&evidence, &week());
    assert_eq!((report.outcome.bears, report.false_alarms.alerts, report.false_alarms.all.count), (1, 1, 0));
    assert_eq!(report.apart, Apart { alerts: 1, bears: 0, none: 1 });
    let reviewers = Report::of(&evidence, &Wanted { audience: Audience::Reviewers, ..week() });
    assert_eq!((reviewers.false_alarms.all.count, reviewers.apart.alerts), (1, 1));
    assert!(evidence.only(&[]).alerts.is_empty());
}

#[test]
fn a_sample_that_is_too_small_says_so_on_the_first_page() {
    let few = Evidence { samples: evidence().samples.split_off(5), ..evidence() };
    let text = lines(&Report::of(&few, &week()));
    assert!(text.contains("no estimate, 3 pictures of a bear, 3 visits in the sample"), "{text}");
    let none = Evidence { samples: Vec::new(), ..evidence() };
    assert!(lines(&Report::of(&none, &week())).contains("no camera sends a random sample"));
    let nothing = lines(&Report::of(&Evidence::default(), &week()));
    assert!(nothing.contains("there is no rate"), "{nothing}");
}

#[test]
fn what_was_lost_or_not_looked_at_is_stood_for_by_what_was() {
    let mut evidence = evidence();
    // Every second one is lost, of the rest every second one was not looked at: sums over time stay.
    evidence.samples.retain(|sample| sample.number % 2 == 1);
    evidence
        .samples
        .iter_mut()
        .filter(|sample| sample.number % 4 == 3)
        .for_each(|sample| sample.label = None);
    let report = Report::of(&evidence, &week());
    let all = 208.0 * 500.0 / 3600.0;
    assert!((report.sample.hours - all).abs() < 0.02 * all, "{}", report.sample.hours);
    let labelled: f64 = report.confusion.hours.iter().flatten().sum();
    assert!((labelled - all).abs() < 0.02 * all, "{labelled}");
    assert_eq!((report.sample.came, report.sample.lost), (104, 103));
}

#[test]
fn disarmed_cameras_and_the_simulator_are_told_apart() {
    let mut evidence = evidence();
    evidence
        .samples
        .iter_mut()
        .filter(|sample| sample.number <= 4)
        .for_each(|sample| sample.mode = "disarmed".into());
    let report = Report::of(&evidence, &week());
    assert_eq!(report.missed.told, Recall::Unknown { bears: 4, visits: 4 }, "nobody was to be told");
    evidence.samples.iter_mut().for_each(|sample| sample.simulated = true);
    assert_eq!(Report::of(&evidence, &week()).sample.came, 0);
    assert_eq!(Report::of(&evidence, &Wanted { simulated: true, ..week() }).sample.came, 208);
}

#[test]
fn a_change_is_what_was_otherwise_before() {
    let first = |value: &str, at_ms| First { camera: 0, what: "version", value: value.into(), at_ms };
    let firsts = vec![first("0.2.0", MONDAY_MS + DAY_MS), first("0.1.0", MONDAY_MS - 20 * DAY_MS)];
    let changes = Report::of(&Evidence { firsts, ..evidence() }, &week()).changes;
    assert_eq!(
        (changes.len(), changes[0].before.as_deref(), changes[0].since.as_str()),
        (1, Some("0.1.0"), "0.2.0")
    );
}

#[test]
fn days_are_those_of_the_people() {
    let zone = TimeZone::get("Europe/Bratislava").unwrap();
    let period = Period::parse("2026-11-23", "2026-11-29", &zone, i64::MAX).unwrap();
    assert_eq!((period.from_ms, period.days()), (MONDAY_MS - HOUR_MS, 7.0));
    let last = Period::parse("", "", &TimeZone::UTC, MONDAY_MS + HOUR_MS).unwrap();
    assert_eq!((last.from_ms, last.to_ms), (MONDAY_MS - 6 * DAY_MS, MONDAY_MS + HOUR_MS));
    assert!(
        Period::parse("2026-11-29", "2026-11-23", &zone, i64::MAX)
            .unwrap_err()
            .contains("the first day comes first")
    );
    assert!(Period::parse("yesterday", "", &zone, 0).unwrap_err().contains("2026-11-23"));
}

#[test]
fn the_page_is_whole_and_shows_the_mistakes() {
    let report = Report::of(&evidence(), &week());
    let picture = |key: &str| {
        HashMap::from([("1.b1.3", "data:image/jpeg;base64,AA")]).get(key).map(ToString::to_string)
    };
    let html = document(&Drawing { report: &report, zone: &TimeZone::UTC, picture: &picture }).unwrap();
    for what in [
        "75 %",
        "<img src=\"data:image/jpeg;base64,AA\"",
        "data-key=\"1.b1.6\"",
        "23 November 2026",
        "creek/north",
    ] {
        assert!(html.contains(what), "{what}: {html}");
    }
    assert_eq!(html.matches("<section>").count(), html.matches("</section>").count());
}
