use super::*;

/// A governor with a limit of 80 °C that sees ten frames a second.
struct Watch {
    governor: Governor,
    now_ms: u64,
}

impl Watch {
    fn new() -> Watch {
        Watch { governor: Governor::new(80.0), now_ms: 0 }
    }

    fn feel(&mut self, seconds: f64, board: Board) -> Level {
        for _ in 0..(seconds * 10.0) as u32 {
            self.governor.observe(board, false, self.now_ms);
            self.now_ms += 100;
        }
        self.governor.effort().level
    }

    fn heat(&mut self, seconds: f64, degrees: f32) -> Level {
        self.feel(seconds, at(degrees))
    }
}

fn at(degrees: f32) -> Board {
    Board { temperature_c: Some(degrees), throttled: None }
}

#[test]
fn heat_takes_away_step_by_step_and_coolness_gives_back_step_by_step() {
    let mut watch = Watch::new();
    assert_eq!(watch.heat(600.0, 79.9), Level::Full);
    assert_eq!(watch.heat(0.1, 80.0), Level::Half, "at once");
    assert_eq!(watch.heat(14.9, 95.0), Level::Half, "the step needs time to show");
    assert_eq!(watch.heat(0.1, 95.0), Level::Quarter);
    assert_eq!(watch.heat(3600.0, 95.0), Level::Quarter, "it never stops to look");
    assert_eq!(watch.heat(3600.0, 76.0), Level::Quarter, "not hot, not cool: it stays as it is");
    assert_eq!(watch.heat(20.0, 75.0), Level::Quarter);
    assert_eq!(watch.heat(0.1, 75.0), Level::Half);
    assert_eq!(watch.heat(19.9, 75.0), Level::Half);
    assert_eq!(watch.governor.effort().strain, Some(Strain::Hot), "why it is not at its full effort yet");
    assert_eq!(watch.heat(0.2, 75.0), Level::Full);
    assert_eq!(watch.governor.effort(), Effort::default());
}

#[test]
fn coolness_must_last_and_a_spike_ends_it() {
    let mut watch = Watch::new();
    watch.heat(1.0, 82.0);
    for _ in 0..20 {
        assert_eq!(watch.heat(19.0, 70.0), Level::Half);
        watch.heat(0.1, 76.0);
    }
    assert_eq!(watch.heat(20.1, 70.0), Level::Full);
}

/// Newton's law of cooling: a processor in a box in the sun that stands half of the work, and not all of it.
#[test]
fn a_board_that_stands_no_more_is_asked_less_and_less_often() {
    let mut watch = Watch::new();
    let (mut degrees, mut changes, mut level) = (60.0, Vec::new(), Level::Full);
    for second in 0..24 * 3600 {
        let rest = 50.0 + 45.0 * watch.governor.effort().level.share() as f32;
        degrees += (rest - degrees) / 90.0;
        assert!(degrees < 82.0, "{degrees} after {second} s");
        let now = watch.heat(1.0, degrees);
        if now != level {
            changes.push(second);
        }
        level = now;
    }
    let (first, last) =
        (changes.iter().filter(|&&s| s < 3600).count(), changes.iter().filter(|&&s| s >= 23 * 3600).count());
    assert!(first >= 4 && last <= 8, "{changes:?}");
}

#[test]
fn what_the_system_tells_counts_at_any_temperature() {
    for (throttle, strain) in [(Throttle::Heat, Strain::Throttled), (Throttle::Voltage, Strain::Undervolted)]
    {
        let mut watch = Watch::new();
        let board = Board { throttled: Some(throttle), ..at(40.0) };
        assert_eq!(watch.feel(0.1, board), Level::Half);
        assert_eq!(watch.governor.effort().strain, Some(strain));
        assert_eq!(watch.feel(15.0, board), Level::Quarter);
        assert_eq!(watch.heat(41.0, 40.0), Level::Full);
    }
}

#[test]
fn a_board_that_tells_nothing_works_in_full() {
    let mut watch = Watch::new();
    assert_eq!(watch.feel(600.0, Board::default()), Level::Full);
    assert_eq!(watch.governor.effort(), Effort::default());
    watch.heat(1.0, 90.0);
    assert_eq!(
        watch.feel(21.0, Board::default()),
        Level::Full,
        "the sensor fell silent: nothing speaks for heat"
    );
    let nonsense = at(f32::NAN);
    assert_eq!(watch.feel(60.0, nonsense), Level::Full);
}

#[test]
fn the_reason_follows_what_is_worst_now() {
    let mut watch = Watch::new();
    watch.heat(40.0, 85.0);
    assert_eq!(watch.governor.effort().strain, Some(Strain::Hot));
    watch.feel(1.0, Board { throttled: Some(Throttle::Heat), ..at(86.0) });
    let effort = watch.governor.effort();
    assert_eq!((effort.level, effort.strain), (Level::Quarter, Some(Strain::Throttled)));
}

#[test]
fn half_the_effort_is_half_the_regions_and_a_rest_as_long_as_the_look() {
    let mut watch = Watch::new();
    assert_eq!((watch.governor.regions(7), watch.governor.effort().rest_ms(140.0)), (7, 0.0));
    watch.heat(0.1, 90.0);
    assert_eq!((watch.governor.regions(7), watch.governor.effort().rest_ms(140.0)), (3, 140.0));
    assert_eq!(watch.governor.regions(1), 1, "one at least");
    watch.heat(20.0, 90.0);
    assert_eq!((watch.governor.regions(7), watch.governor.effort().rest_ms(140.0)), (1, 420.0));
    assert_eq!(watch.governor.effort().rest_ms(5000.0), 2000.0, "a bear that walks by is still seen");
}

/// Share of looks that come late, one of so many; whether the board then counts as too slow.
fn busy(governor: &mut Governor, now_ms: &mut u64, one_of: u64) -> bool {
    for frame in 0..410 {
        governor.observe(Board::default(), frame % one_of == 0, *now_ms);
        *now_ms += 100;
    }
    governor.effort().strain == Some(Strain::Busy)
}

#[test]
fn a_board_that_does_not_keep_up_is_told_with_hysteresis_and_keeps_its_effort() {
    let (mut governor, mut now_ms) = (Governor::new(80.0), 0);
    assert!(!busy(&mut governor, &mut now_ms, 5) && busy(&mut governor, &mut now_ms, 3));
    assert!(busy(&mut governor, &mut now_ms, 10) && !busy(&mut governor, &mut now_ms, 40));
    assert_eq!(governor.effort().level, Level::Full);
    let sentence = Effort { level: Level::Full, strain: Some(Strain::Busy) }.sentence().unwrap();
    assert!(sentence.contains("perceive.budget_ms") && !sentence.contains("until then"), "{sentence}");
}

#[test]
fn a_few_frames_make_no_judgement() {
    let mut governor = Governor::new(80.0);
    (0..9).for_each(|frame| governor.observe(Board::default(), true, frame * 10_000));
    assert_eq!(governor.effort().strain, None);
}

#[test]
fn every_effort_but_the_full_one_has_its_sentence() {
    assert_eq!(Effort::default().sentence(), None);
    for strain in [Strain::Hot, Strain::Throttled, Strain::Undervolted] {
        for (level, words) in [(Level::Half, "half of the time"), (Level::Quarter, "a quarter of the time")] {
            let sentence = Effort { level, strain: Some(strain) }.sentence().unwrap();
            assert!(sentence.contains(": please ") && sentence.contains(words), "{sentence}");
        }
    }
}
