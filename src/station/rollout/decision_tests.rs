use super::*;
use crate::station::rollout::hour::{Judged, Looks, Part};

fn hour(camera: i64, light: Regime, running: u64, challenger: u64) -> Hour {
    let both = running.min(challenger);
    let looks =
        Looks { both, only_running: running - both, only_challenger: challenger - both, neither: 900 };
    Hour { camera, light, part: Part::Beside, looks, judged: Judged::default(), slow: Some(false) }
}

fn ring() -> Ring {
    Ring { days: 10.0, cameras: 5, ..Ring::default() }
}

/// So many hours with a bear and without at each of five cameras, day and night in turns.
fn alike(with: usize, without: usize, challenger: u64) -> Vec<Hour> {
    let light = |n: usize| if n.is_multiple_of(2) { Regime::Day } else { Regime::Infrared };
    let of_camera = |camera: i64| {
        let bears = (0..with).map(move |n| hour(camera, light(n), 50, challenger));
        bears.chain((0..without).map(move |n| hour(camera, light(n), 0, 0)))
    };
    (0..5).flat_map(of_camera).collect()
}

fn verdict(hours: &[Hour]) -> Verdict {
    judge(&Criteria::default(), &ring(), hours).verdict
}

fn stopped(hours: &[Hour]) -> Stop {
    match verdict(hours) {
        Verdict::Stop(stop) => stop,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_sees_the_same_passes_once_enough_was_watched() {
    assert_eq!(verdict(&alike(20, 100, 49)), Verdict::Pass);
    let Verdict::Open { lacks } = verdict(&alike(4, 30, 49)) else { panic!() };
    let of = |lack: &Lack| match lack {
        Lack::Hours { question, light, more } => Some((*question, *light, more.is_some())),
        _ => None,
    };
    let asked: Vec<_> = lacks.iter().filter_map(of).collect();
    assert!(asked.contains(&(Question::Missed, None, true)), "{lacks:?}");
    assert!(asked.contains(&(Question::Missed, Some(Regime::Infrared), true)), "{lacks:?}");
    assert!(asked.contains(&(Question::Invented, None, true)), "{lacks:?}");
    let Verdict::Open { lacks } = verdict(&[]) else { panic!() };
    assert!(lacks.contains(&Lack::Looks { more: 20_000 }), "nothing was watched: {lacks:?}");
}

#[test]
fn what_misses_bears_is_stopped_be_it_in_one_light_or_at_one_camera() {
    assert!(matches!(stopped(&alike(4, 30, 10)), Stop::Missed(Beyond { hours: 20, .. })));
    let mut night = alike(24, 30, 50);
    night.iter_mut().filter(|hour| hour.light == Regime::Infrared && hour.looks.both > 0).take(9).for_each(
        |hour| {
            hour.looks.only_running = std::mem::take(&mut hour.looks.both);
        },
    );
    assert!(matches!(verdict(&night), Verdict::Open { .. }), "9 of 120");
    let mut one = alike(12, 30, 50);
    one.iter_mut().filter(|hour| hour.camera == 3).for_each(|hour| {
        hour.looks.only_running = std::mem::take(&mut hour.looks.both);
    });
    assert!(matches!(stopped(&one), Stop::Missed(_)), "the camera's own");
}

#[test]
fn what_sees_bears_alone_is_stopped_unless_people_confirm_them() {
    let mut hours = alike(20, 100, 50);
    hours.extend((0..60).map(|n| hour(n % 5, Regime::Day, 0, 20)));
    assert!(matches!(stopped(&hours), Stop::Invented(_)));
    let found = Judged { found: 1, ..Judged::default() };
    hours.iter_mut().filter(|hour| hour.looks.only_challenger > 0).for_each(|hour| hour.judged = found);
    assert_eq!(verdict(&hours), Verdict::Pass, "it is the better one");
    let invented = Judged { invented: 1, ..Judged::default() };
    let mut judged = alike(20, 100, 50);
    judged.extend((0..24).map(|n| Hour { judged: invented, ..hour(n % 5, Regime::Day, 0, 20) }));
    assert!(matches!(stopped(&judged), Stop::Wrong(Beyond { hours: 24, .. })));
}

#[test]
fn people_are_waited_for_as_long_as_there_is_something_to_judge() {
    let criteria = Criteria::default();
    let hours = alike(20, 100, 50);
    let waits = Ring { unjudged: 4, ..ring() };
    let lacks = |ring: &Ring| match judge(&criteria, ring, &hours).verdict {
        Verdict::Open { lacks } => lacks,
        other => panic!("{other:?}"),
    };
    assert_eq!(lacks(&waits), [Lack::Judged { more: 4 }]);
    assert_eq!(lacks(&Ring { unjudged: 400, ..ring() }), [Lack::Judged { more: 10 }]);
    assert_eq!(lacks(&Ring { days: 1.0, ..ring() }), [Lack::Days { more: 4.0 }]);
}

#[test]
fn slow_ill_and_unproven_ones_are_stopped() {
    let mut slow = alike(1, 6, 50);
    slow.iter_mut().for_each(|hour| hour.slow = Some(true));
    assert!(matches!(stopped(&slow), Stop::Slow(_)));
    let judged = |ring: &Ring| judge(&Criteria::default(), ring, &alike(20, 100, 50)).verdict;
    let unwell = Ring { unwell: Some("creek/north: it crashed".into()), ..ring() };
    assert!(matches!(judged(&unwell), Verdict::Stop(Stop::Unwell { .. })));
    let late = Ring { days: 70.0, unjudged: 1, ..ring() };
    assert!(matches!(judged(&late), Verdict::Stop(Stop::Unshown { .. })));
    assert_eq!(judged(&Ring { days: 70.0, ..ring() }), Verdict::Pass);
}

#[test]
fn where_it_decides_its_false_alarms_count() {
    let canary = Ring { decides: true, ..ring() };
    let with = |extra: &mut dyn Iterator<Item = Hour>| {
        let hours: Vec<Hour> = alike(20, 100, 50).into_iter().chain(extra).collect();
        judge(&Criteria::default(), &canary, &hours).verdict
    };
    let decides = |false_alarm| Hour {
        part: Part::Decides { false_alarm },
        looks: Looks::default(),
        ..hour(1, Regime::Day, 0, 0)
    };
    assert!(matches!(with(&mut std::iter::empty()), Verdict::Open { .. }), "it has decided nothing yet");
    assert_eq!(with(&mut (0..120).map(|_| decides(false))), Verdict::Pass);
    assert!(matches!(with(&mut (0..60).map(|n| decides(n % 2 == 0))), Verdict::Stop(Stop::Invented(_))));
}

#[test]
fn one_camera_alone_does_not_carry_it() {
    let mut hours: Vec<Hour> = (0..200).map(|_| hour(1, Regime::Day, 50, 50)).collect();
    hours.extend([2, 3].map(|camera| hour(camera, Regime::Day, 50, 50)));
    hours.extend((0..800).map(|n| hour(n % 5, Regime::Day, 0, 0)));
    assert!(matches!(verdict(&hours), Verdict::Open { .. }));
}
