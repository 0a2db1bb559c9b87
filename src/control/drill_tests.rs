use super::*;
use crate::perceive::liveness::Impairment;
use crate::perceive::observation::{AlertId, DRILLS};
use crate::system::hours::{Hours, Stretch};
use jiff::tz::TimeZone;

/// 2027-01-15, 08:00 UTC.
const EIGHT_MS: i64 = 1_800_000_000_000;

fn at(uptime_s: u64) -> Now {
    Now { uptime: Duration::from_secs(uptime_s), unix_ms: EIGHT_MS + uptime_s as i64 * 1000, synced: true }
}

fn settings(every_h: u64) -> DrillSettings {
    let every = Duration::from_secs(every_h * 3600);
    DrillSettings { every, hours: Hours::default(), within: Duration::from_secs(60) }
}

fn drills(settings: DrillSettings, memory: &[u8], now: &Now) -> Drills {
    Drills::new(settings, &BootId("b1".into()), memory, now)
}

fn well() -> View {
    View { sees: true, heard: true, ..View::default() }
}

/// As seen by the detector; `decided`: an alert was opened.
fn played(number: u64, decided: bool) -> Option<Played> {
    let alert = decided.then_some(AlertId(DRILLS + 1));
    Some(Played { number, first_ms: Some(11_000), alert, ..Played::default() })
}

fn arrived() -> Option<Arrival> {
    Some(Arrival { alert: format!("b1-{}", DRILLS + 1), uptime_ms: 15_500 })
}

#[test]
fn a_drill_passes_when_the_broker_has_its_alert_and_not_before() {
    let mut drills = drills(settings(0), b"", &at(0));
    let number = drills.begin(Some(7), &at(10));
    assert_eq!(drills.last().unwrap().course, Course::Running);
    assert!(
        !drills.look(&View { played: played(number, true), ..well() }, &at(15)),
        "decided alone is not enough"
    );
    let other = Some(Arrival { alert: "b1-4".into(), uptime_ms: 15_000 });
    assert!(!drills.look(&View { played: played(number, true), arrival: other, ..well() }, &at(15)));
    assert!(drills.look(&View { played: played(number, true), arrival: arrived(), ..well() }, &at(16)));
    let last = drills.last().unwrap();
    assert_eq!((last.course, last.seconds, last.request), (Course::Passed, Some(4.5), Some(7)));
    assert_eq!(drills.warning(), None);
}

#[test]
fn a_drill_that_fails_says_which_link_did_not_hold_until_a_later_one_passes() {
    let mut drills = drills(settings(0), b"", &at(0));
    let cases = [
        (View { played: played(1, false), ..well() }, "was not told of"),
        (View { played: played(2, true), ..well() }, "the broker did not take the alert"),
        (
            View { played: Some(Played { number: 3, ..Played::default() }), ..View::default() },
            "had no picture",
        ),
        (well(), "did not take it up"),
    ];
    for (view, why) in cases {
        drills.begin(None, &at(100));
        assert!(!drills.look(&view, &at(159)));
        assert!(drills.look(&view, &at(160)));
        let warning = drills.warning().unwrap();
        assert!(
            warning.starts_with("DRILL FAILED at 2027-01-15T08:01:40") && warning.contains(why),
            "{warning}"
        );
    }
    let number = drills.begin(None, &at(200));
    assert!(drills.warning().is_some(), "while the next one is on");
    let bear = Some(Played { broken_off: true, ..played(number, false).unwrap() });
    assert!(drills.look(&View { played: bear, ..well() }, &at(201)));
    assert!(drills.warning().is_some(), "one that was broken off proves nothing");
    let number = drills.begin(None, &at(300));
    assert!(drills.look(&View { played: played(number, true), arrival: arrived(), ..well() }, &at(301)));
    assert_eq!(drills.warning(), None);
}

#[test]
fn a_lens_that_shows_little_fails_the_drill_although_the_drawn_bear_is_found() {
    let mut drills = drills(settings(0), b"", &at(0));
    let number = drills.begin(None, &at(10));
    let covered = Some(Played { impairment: Some(Impairment::Covered), ..played(number, true).unwrap() });
    assert!(drills.look(&View { played: covered, arrival: arrived(), ..well() }, &at(16)));
    assert!(drills.warning().unwrap().contains("one tone all over"), "{:?}", drills.warning());
}

#[test]
fn a_failure_outlives_a_restart_and_a_drill_that_was_on_does_not() {
    let mut before = drills(settings(0), b"", &at(0));
    before.begin(None, &at(0));
    assert!(before.look(&well(), &at(60)));
    before.begin(None, &at(70));
    let after = drills(settings(0), &before.to_json(), &at(80));
    assert_eq!(after.last().unwrap().course, Course::BrokenOff);
    assert!(after.warning().unwrap().contains("DRILL FAILED"));
    assert_eq!(drills(settings(0), b"{ torn", &at(0)).warning(), None);
}

#[test]
fn the_schedule_waits_for_a_moment_at_which_a_drill_can_tell_something() {
    let mut drills = drills(settings(24), b"", &at(0));
    assert!(!drills.is_due(&well(), &at(599)));
    assert!(drills.is_due(&well(), &at(600)), "none is known: ten minutes after the start");
    assert!(!drills.is_due(&View { bear: true, ..well() }, &at(600)));
    assert!(!drills.is_due(&View { heard: false, ..well() }, &at(600)));
    drills.begin(None, &at(600));
    assert!(!drills.is_due(&well(), &at(600 + 86_400)), "one is on");
    assert!(drills.look(&well(), &at(700)));
    assert!(!drills.is_due(&well(), &at(86_000)) && drills.is_due(&well(), &at(87_000)));
}

#[test]
fn a_restart_does_not_begin_the_schedule_anew_where_the_clock_can_be_trusted() {
    let mut before = drills(settings(24), b"", &at(0));
    before.begin(None, &at(600));
    assert!(before.look(&well(), &at(700)));
    let again = Now { unix_ms: EIGHT_MS + 3_600_000, ..at(0) };
    let later = |hours: u64| Now { unix_ms: again.unix_ms + hours as i64 * 3_600_000, ..at(hours * 3600) };
    let mut after = drills(settings(24), &before.to_json(), &again);
    assert!(!after.is_due(&well(), &later(22)) && after.is_due(&well(), &later(24)));
    // The clock is set an hour after the start.
    let unset = Now { unix_ms: 0, synced: false, ..at(0) };
    let mut after = drills(settings(24), &before.to_json(), &unset);
    assert!(!after.is_due(&well(), &later(1)), "the last one was two hours ago");
    assert!(
        drills(settings(24), &before.to_json(), &unset).is_due(&well(), &Now { synced: false, ..later(1) })
    );
    assert!(!drills(settings(0), &before.to_json(), &again).is_due(&well(), &later(100)), "off");
}

#[test]
fn a_drill_is_given_in_its_hours_where_the_clock_is_known() {
    let hours = Hours::new(TimeZone::UTC, vec![Stretch::parse("09:00-10:00").unwrap()]);
    let mut drills = drills(DrillSettings { hours, ..settings(24) }, b"", &at(0));
    assert!(!drills.is_due(&well(), &at(1200)), "08:20");
    assert!(drills.is_due(&well(), &at(4200)), "09:10");
    assert!(drills.is_due(&well(), &Now { synced: false, ..at(1200) }));
}
