use super::*;
use crate::perceive::model::Class;
use crate::publish::message::{BootId, Envelope, FrameSize, ModelName};

const SECOND: Duration = Duration::from_secs(1);

fn message(id: &str, state: &str, drill: bool) -> AlertMessage {
    let envelope = Envelope {
        v: 1,
        boot: BootId("b1".into()),
        seq: 0,
        uptime_ms: 0,
        time: String::new(),
        clock_synced: true,
        late: false,
    };
    AlertMessage {
        envelope,
        id: id.into(),
        state: state.into(),
        class: Class::Bear,
        severity: "normal".into(),
        score: 0.9,
        evidence: 8.0,
        bbox: [0.0; 4],
        frame: FrameSize { width: 640, height: 360 },
        regime: "day".into(),
        model: ModelName { name: "m".into(), sha256: "00".into() },
        captured: String::new(),
        latency_ms: 0,
        simulated: false,
        drill,
        open: 0,
        audience: crate::publish::Audience::Everybody,
        escalation: None,
    }
}

fn ladder() -> Ladder {
    let rung = |after_s, level: &str| Rung { after_s, level: level.into() };
    Ladder::new(vec![rung(60, "duty"), rung(180, "chief")])
}

/// Who is reached, by level, when so much time passes.
fn levels(ladder: &mut Ladder, seconds: u32) -> Vec<String> {
    ladder
        .wait(seconds * SECOND)
        .into_iter()
        .map(|m| format!("{} {}", m.id, m.escalation.unwrap().level))
        .collect()
}

#[test]
fn an_alert_that_nobody_acknowledges_climbs_step_by_step_also_when_it_is_closed() {
    let mut ladder = ladder();
    assert!(ladder.told(&message("b1-1", "opened", false)));
    assert!(levels(&mut ladder, 59).is_empty());
    assert!(!ladder.told(&message("b1-1", "opened", false)), "nothing new to write down");
    assert!(!ladder.told(&message("b1-1", "closed", false)));
    let due = ladder.wait(SECOND);
    let escalation = due[0].escalation.clone().unwrap();
    assert_eq!((due.len(), due[0].state.as_str()), (1, "closed"));
    assert_eq!(
        (escalation.level.as_str(), escalation.step, escalation.of, escalation.after_s),
        ("duty", 1, 2, 60)
    );
    assert!(levels(&mut ladder, 119).is_empty());
    assert_eq!(levels(&mut ladder, 1), ["b1-1 chief"]);
    assert!(levels(&mut ladder, 100_000).is_empty());
    assert!(ladder.knows("b1-1"), "it may still be acknowledged");
    assert_eq!(ladder.acknowledge("b1-1"), Some(100_180_000));
    assert_eq!(ladder.acknowledge("b1-1"), None);
}

#[test]
fn an_acknowledgement_stops_it_and_may_be_corrected() {
    let mut ladder = ladder();
    ladder.told(&message("b1-1", "opened", false));
    ladder.told(&message("b1-2", "opened", false));
    ladder.wait(30 * SECOND);
    assert_eq!(ladder.acknowledge("b1-1"), Some(30_000));
    assert_eq!(levels(&mut ladder, 1000), ["b1-2 duty", "b1-2 chief"]);
    assert!(!ladder.told(&message("b1-1", "updated", false)), "it does not begin again");
    assert!(levels(&mut ladder, 1000).is_empty());
    assert!(ladder.knows("b1-1") && !ladder.knows("b1-3"));
    assert_eq!(ladder.acknowledge("b1-1"), None);
}

#[test]
fn what_waits_outlives_a_restart() {
    let mut before = ladder();
    before.told(&message("b1-1", "opened", false));
    before.told(&message("b1-2", "opened", false));
    before.wait(70 * SECOND);
    before.acknowledge("b1-2");
    let mut after = Ladder::restored(ladder().rungs, &before.to_json()).unwrap();
    assert!(after.knows("b1-2"));
    assert_eq!(levels(&mut after, 110), ["b1-1 chief"]);
    assert!(Ladder::restored(Vec::new(), b"junk").is_err());
}

#[test]
fn an_exercise_waits_for_a_ranger_and_wakes_nobody_else() {
    let mut ladder = ladder();
    ladder.told(&message("b1-1000000001", "opened", true));
    assert!(levels(&mut ladder, 1000).is_empty());
    assert_eq!(ladder.acknowledge("b1-1000000001"), Some(1_000_000));
}

#[test]
fn without_rungs_nobody_is_asked_and_room_is_bounded() {
    let mut none = Ladder::new(Vec::new());
    assert!(!none.told(&message("b1-1", "opened", false)) && !none.knows("b1-1"));
    let mut ladder = ladder();
    (0..600).for_each(|i| assert!(ladder.told(&message(&format!("b1-{i}"), "opened", false))));
    assert!(!ladder.knows("b1-499") && ladder.knows("b1-500") && ladder.knows("b1-599"));
    levels(&mut ladder, 1000);
    assert!(!ladder.knows("b1-535") && ladder.knows("b1-536"), "those at the top are fewer");
    assert!(ladder.to_json().len() < 64 * 60, "little is written when nobody is on the way");
}
