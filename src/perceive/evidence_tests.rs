use super::*;
use proptest::prelude::*;

fn scales() -> Scales {
    Scales::new(&ModelSpec::small(), &Settings::default())
}

fn bear(score: f32) -> Scores {
    [score, 0.0, 0.0]
}

/// Evidence for a bear after `seconds` of the same scores at `fps`.
fn after(scores: Scores, seconds: f32, fps: f32) -> f32 {
    let (scales, mut evidence) = (scales(), Evidence::default());
    evidence.seen(&scales, &scores, None);
    for _ in 0..(seconds * fps) as u32 {
        evidence.seen(&scales, &scores, Some(1.0 / fps));
    }
    evidence.of(Class::Bear)
}

#[test]
fn the_decision_follows_from_the_stated_rate() {
    let decision = |false_alarms_per_day| {
        Scales::new(&ModelSpec::small(), &Settings { false_alarms_per_day, ..Settings::default() }).decision()
    };
    assert!((decision(0.1) - 1000f32.ln()).abs() < 1e-4);
    assert!(decision(0.01) > decision(0.1));
    assert_eq!(decision(1e9), 4.0, "never so low that a single look decides");
    assert!(decision(0.0).is_finite());
}

#[test]
fn a_sure_bear_is_believed_within_a_second_and_no_single_look_is_enough() {
    let decision = scales().decision();
    assert!(after(bear(0.95), 0.0, 5.0) < decision / 2.0);
    for fps in [2.0, 5.0, 15.0, 30.0] {
        assert!(after(bear(0.95), 1.2, fps) > decision, "at {fps} fps: {}", after(bear(0.95), 1.2, fps));
    }
}

#[test]
fn more_frames_a_second_prove_no_more() {
    for score in [0.3, 0.5, 0.9] {
        let slow = after(bear(score), 4.0, 2.5);
        for fps in [5.0, 15.0, 60.0] {
            let fast = after(bear(score), 4.0, fps);
            assert!(
                (fast - slow).abs() <= 0.02 * slow + 0.01,
                "score {score}, {fps} fps: {fast}, 2.5 fps: {slow}"
            );
        }
    }
}

#[test]
fn the_operating_point_divides_what_is_believed_in_the_end() {
    let decision = scales().decision();
    for fps in [0.5, 2.0, 5.0, 15.0, 60.0] {
        assert!(after(bear(0.39), 600.0, fps) < decision, "below at {fps} fps");
        assert!(after(bear(0.42), 600.0, fps) > decision, "above at {fps} fps");
    }
}

#[test]
fn every_stated_rate_leaves_sure_bears_above_the_decision() {
    for rate in [0.0, 1e-6, 0.01, 0.1, 1.0, 100.0] {
        let settings = Settings { false_alarms_per_day: rate, ..Settings::default() };
        let scales = Scales::new(&ModelSpec::small(), &settings);
        let mut evidence = Evidence::default();
        (0..40).for_each(|_| evidence.seen(&scales, &bear(1.0), Some(0.5)));
        assert!(evidence.of(Class::Bear) > scales.decision(), "{rate} a day");
    }
}

#[test]
fn misses_take_away_and_never_below_nothing() {
    let scales = scales();
    let mut evidence = Evidence::default();
    evidence.seen(&scales, &bear(0.9), None);
    let before = evidence.of(Class::Bear);
    evidence.missed(0.5);
    assert!(evidence.of(Class::Bear) < before - 1.0);
    (0..20).for_each(|_| evidence.missed(0.5));
    assert_eq!(evidence, Evidence::default());
    assert_eq!(evidence.leader(), None);
}

#[test]
fn what_looks_more_like_a_dog_is_a_dog() {
    let scales = scales();
    for (bear, animal) in [(0.5, 0.6), (0.9, 0.95), (0.97, 0.999), (0.6, 0.9)] {
        let mut dog = Evidence::default();
        (0..60).for_each(|_| dog.seen(&scales, &[bear, 0.0, animal], Some(0.2)));
        assert_eq!(dog.leader(), Some(Class::Animal), "bear {bear}, animal {animal}");
        let mut ours = Evidence::default();
        (0..60).for_each(|_| ours.seen(&scales, &[animal, 0.0, bear], Some(0.2)));
        assert_eq!(ours.leader(), Some(Class::Bear), "bear {animal}, animal {bear}");
    }
    assert!(after([0.5, 0.0, 0.99], 60.0, 5.0) == 0.0);
}

#[test]
fn classes_are_compared_by_probability_not_by_their_operating_points() {
    // A demanding point for bears and a lax one for people, as a model card may have.
    let mut spec = ModelSpec::small();
    spec.classes[0].threshold = 0.9;
    spec.classes[1].threshold = 0.1;
    let scales = Scales::new(&spec, &Settings::default());
    let mut evidence = Evidence::default();
    (0..60).for_each(|_| evidence.seen(&scales, &[0.97, 0.5, 0.0], Some(0.2)));
    assert_eq!(evidence.leader(), Some(Class::Bear));
}

#[test]
fn a_class_that_the_model_lacks_is_never_believed() {
    let mut spec = ModelSpec::small();
    spec.classes.retain(|c| c.name == Class::Bear);
    let scales = Scales::new(&spec, &Settings::default());
    let mut evidence = Evidence::default();
    evidence.seen(&scales, &[0.9, 1.0, 1.0], None);
    assert_eq!(evidence.leader(), Some(Class::Bear));
    assert_eq!(evidence.of(Class::Person), 0.0);
}

#[test]
fn the_administrators_threshold_counts_for_bears_alone() {
    let settings = Settings { bear_threshold: Some(0.8), ..Settings::default() };
    let (own, card) = (Scales::new(&ModelSpec::small(), &settings), scales());
    assert!(own.look(Class::Bear, 0.7) < card.look(Class::Bear, 0.7));
    assert_eq!(own.look(Class::Person, 0.7), card.look(Class::Person, 0.7));
}

/// A model whose card says what looks at tracks prove: nothing at a score of ½, 2 nats at 0.73.
fn fitted() -> ModelSpec {
    let mut spec = ModelSpec::small();
    spec.classes[0].look = Some(LookRatio { slope: 2.0, intercept: 0.0 });
    spec
}

#[test]
fn what_the_card_says_of_looks_counts_whatever_the_operating_point() {
    let settings = Settings { false_alarms_per_day: 1.0, ..Settings::default() };
    for scales in [&Scales::new(&fitted(), &Settings::default()), &Scales::new(&fitted(), &settings)] {
        assert!(scales.look(Class::Bear, 0.5).unwrap().abs() < 1e-6);
        assert!((scales.look(Class::Bear, 0.7310586).unwrap() - 2.0).abs() < 1e-4);
    }
    // An operating point of the administrator's own moves it.
    let strict = Settings { bear_threshold: Some(0.6), ..Settings::default() };
    let moved = 2.0 * (logit(0.6) - logit(0.4));
    assert!((Scales::new(&fitted(), &strict).look(Class::Bear, 0.5).unwrap() + moved).abs() < 1e-4);
}

#[test]
fn a_look_that_hardly_finds_it_takes_less_than_one_that_does_not_find_it() {
    let scales = Scales::new(&fitted(), &Settings::default());
    let after = |last: &dyn Fn(&mut Evidence)| {
        let mut evidence = Evidence::default();
        (0..3).for_each(|_| evidence.seen(&scales, &bear(0.9), Some(0.5)));
        last(&mut evidence);
        evidence.of(Class::Bear)
    };
    let (faint, none) = (after(&|e| e.seen(&scales, &bear(0.01), Some(0.5))), after(&|e| e.missed(0.5)));
    assert!(faint > none + 0.3, "{faint} {none}");
    let fainter = after(&|e| e.seen(&scales, &bear(0.001), Some(0.5)));
    assert!((fainter - faint).abs() < 1e-6, "how faint says little");
}

proptest! {
    #[test]
    fn evidence_grows_with_the_score(
        looks in proptest::collection::vec((0.0f32..1.0, 0.0f32..1.0, proptest::array::uniform2(0.0f32..1.0), 0.01f32..3.0), 1..40)
    ) {
        let scales = scales();
        let (mut low, mut high) = (Evidence::default(), Evidence::default());
        for (a, b, [person, animal], since) in looks {
            low.seen(&scales, &[a.min(b), person, animal], Some(since));
            high.seen(&scales, &[a.max(b), person, animal], Some(since));
            prop_assert!(low.of(Class::Bear) <= high.of(Class::Bear) + 1e-5);
            prop_assert!(low.of(Class::Animal) >= high.of(Class::Animal) - 1e-5, "what speaks for a bear speaks against a dog");
        }
    }

    #[test]
    fn evidence_is_a_number_whatever_comes(
        looks in proptest::collection::vec((proptest::array::uniform3(any::<f32>()), any::<f32>(), any::<bool>()), 0..60)
    ) {
        let (scales, mut evidence) = (scales(), Evidence::default());
        for (scores, since, seen) in looks {
            if seen { evidence.seen(&scales, &scores, Some(since)) } else { evidence.missed(since) }
            for class in Class::ALL {
                prop_assert!((0.0..20.0).contains(&evidence.of(class)), "{:?}", evidence);
            }
        }
    }
}
