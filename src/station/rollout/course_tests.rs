use super::*;
use crate::publish::models::{ChallengerMessage, Comparison, DownloadMessage, ModelStand};
use crate::station::rollout::verdict::Stop;

fn ring(act: Act, cameras: &[&str]) -> Ring {
    Ring { act, cameras: cameras.iter().map(|name| (*name).to_owned()).collect() }
}

fn rings() -> Vec<Ring> {
    vec![ring(Act::Shadow, &["a/1", "a/2"]), ring(Act::Decide, &["a/1"]), ring(Act::Decide, &["a/2", "b/1"])]
}

fn bundle() -> Bundle {
    Bundle { sha256: "ab".into(), version: 7, model: "cd".into(), bytes: 9, boards: vec!["arm64".into()] }
}

fn told() -> ModelsDraft {
    ModelsDraft { board: "arm64".into(), newest: 6, ..ModelsDraft::default() }
}

fn challenger(course: Course, looks: Option<u64>) -> ModelsDraft {
    let comparison = looks.map(|looks| Comparison { looks, ..Comparison::default() });
    let one = ChallengerMessage {
        bundle: "ab".into(),
        course,
        reason: "so".into(),
        comparison,
        ..Default::default()
    };
    ModelsDraft { challenger: Some(one), ..told() }
}

fn runs() -> ModelsDraft {
    ModelsDraft { running: ModelStand { bundle: Some("ab".into()), ..Default::default() }, ..told() }
}

const STOP: Verdict = Verdict::Stop(Stop::Unshown { days: 1.0 });

#[test]
fn a_ring_follows_the_other_when_a_person_says_so_or_by_itself() {
    let open = Verdict::Open { lacks: Vec::new() };
    let (one, two) = (Stage::Watching { ring: 1 }, Stage::Watching { ring: 2 });
    assert_eq!(Stage::Written.after(&Event::Start, 3, false), Ok(Stage::Watching { ring: 0 }));
    assert_eq!(one.after(&Event::Judged(&Verdict::Pass), 3, false), Ok(Stage::Ready { ring: 1 }));
    assert_eq!(one.after(&Event::Judged(&Verdict::Pass), 3, true), Ok(two));
    assert_eq!(Stage::Ready { ring: 1 }.after(&Event::Next, 3, false), Ok(two));
    assert_eq!(Stage::Ready { ring: 2 }.after(&Event::Next, 3, false), Ok(Stage::Done));
    assert_eq!(Stage::Ready { ring: 1 }.after(&Event::Judged(&open), 3, false), Ok(one));
    assert_eq!(one.after(&Event::Judged(&open), 3, false), Ok(one));
    for (stage, event) in
        [(one, Event::Next), (one, Event::Start), (Stage::Done, Event::Next), (Stage::Written, Event::Next)]
    {
        assert!(stage.after(&event, 3, false).is_err(), "{stage:?} {event:?}");
    }
}

#[test]
fn it_is_stopped_at_every_step_and_for_good() {
    for stage in [Stage::Written, Stage::Watching { ring: 0 }, Stage::Ready { ring: 1 }, Stage::Done] {
        assert_eq!(stage.after(&Event::Stop, 3, true), Ok(Stage::Stopped));
        if stage.ring().is_some() {
            assert_eq!(stage.after(&Event::Judged(&STOP), 3, true), Ok(Stage::Stopped));
        }
    }
    for event in [Event::Start, Event::Next, Event::Stop] {
        assert!(Stage::Stopped.after(&event, 3, true).is_err());
    }
    assert_eq!(Stage::Stopped.after(&Event::Judged(&Verdict::Pass), 3, true), Ok(Stage::Stopped));
}

#[test]
fn each_camera_is_where_its_ring_is() {
    let at = |stage| ["a/1", "a/2", "b/1", "c/1"].map(|camera| wanted(&rings(), stage, camera));
    use Want::*;
    assert_eq!(at(Stage::Written), [Nothing; 4]);
    assert_eq!(at(Stage::Watching { ring: 0 }), [Shadow, Shadow, Nothing, Nothing]);
    assert_eq!(at(Stage::Ready { ring: 1 }), [Decide, Shadow, Nothing, Nothing]);
    assert_eq!(at(Stage::Watching { ring: 2 }), [Decide, Decide, Decide, Nothing]);
    assert_eq!(at(Stage::Done), [Decide, Decide, Decide, Nothing]);
    assert_eq!(at(Stage::Stopped), [Undone; 4]);
    assert_eq!(wanted(&rings()[..1], Stage::Done, "a/1"), Undone, "nobody compares any more");
}

#[test]
fn a_camera_is_told_what_it_lacks_and_nothing_twice() {
    let need = |want, told: &ModelsDraft| need(want, Some(told), &bundle());
    let tell = |word| Need::Tell { word };
    assert_eq!(need(Want::Shadow, &told()), tell(Do::Shadow));
    assert_eq!(need(Want::Decide, &told()), tell(Do::Shadow), "it is fetched and checked first");
    let on_its_way = DownloadMessage { bundle: "ab".into(), have: 4, of: 9, version: 7, want: None };
    let fetches = ModelsDraft { download: Some(on_its_way), ..told() };
    assert_eq!(need(Want::Shadow, &fetches), Need::Wait { have: Some(4) });
    assert_eq!(need(Want::Shadow, &challenger(Course::Checking, None)), Need::Wait { have: None });
    assert_eq!(need(Want::Shadow, &challenger(Course::Shadow, Some(9))), Need::Settled);
    assert_eq!(need(Want::Decide, &challenger(Course::Shadow, Some(9))), tell(Do::Promote));
    assert_eq!((need(Want::Decide, &runs()), need(Want::Shadow, &runs())), (Need::Settled, Need::Settled));
    assert_eq!(need(Want::Undone, &runs()), tell(Do::Revert));
    let refused = challenger(Course::Refused, None);
    for other in [&fetches, &challenger(Course::Shadow, None), &challenger(Course::Checking, None), &refused]
    {
        assert_eq!(need(Want::Undone, other), tell(Do::Stop));
    }
    assert_eq!(need(Want::Undone, &told()), Need::Settled);
    assert_eq!(super::need(Want::Shadow, None, &bundle()), Need::Silent);
    assert_eq!(super::need(Want::Nothing, None, &bundle()), Need::Settled);
}

#[test]
fn who_cannot_take_part_says_why() {
    let reason = |told: &ModelsDraft| match need(Want::Shadow, Some(told), &bundle()) {
        Need::Out { reason } => reason,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        reason(&ModelsDraft { fixed: Some("the administrator's".into()), ..told() }),
        "the administrator's"
    );
    assert!(
        reason(&ModelsDraft { board: "armhf".into(), ..told() }).contains("made for arm64, this is armhf")
    );
    assert!(reason(&ModelsDraft { newest: 7, ..told() }).contains("version 7 has run"));
    assert_eq!(reason(&challenger(Course::Refused, None)), "so");
}

#[test]
fn one_that_did_not_bear_up_ends_it_and_one_that_cannot_take_it_does_not() {
    let sites = ["1", "2", "3"].map(|camera| Site { name: "a".into(), camera: camera.into() });
    let ends = |want, all: [&ModelsDraft; 3]| {
        let places = sites.iter().zip(all).map(|(site, told)| Place { site, want, told: Some(told) });
        unwell(&places.collect::<Vec<_>>(), &bundle())
    };
    let (well, refused) = (challenger(Course::Shadow, Some(9)), challenger(Course::Refused, None));
    assert_eq!(ends(Want::Shadow, [&well, &well, &refused]), None);
    assert_eq!(ends(Want::Shadow, [&well, &refused, &refused]).unwrap(), "a/2: so, and 1 more cameras");
    let ill = challenger(Course::Refused, Some(9));
    assert_eq!(ends(Want::Shadow, [&well, &well, &ill]).unwrap(), "a/3: so");
    assert!(ends(Want::Decide, [&well, &well, &refused]).is_some());
    assert_eq!(ends(Want::Undone, [&ill, &ill, &ill]), None, "it is being taken back");
    let site = &sites[0];
    let alone = Place { site, want: Want::Shadow, told: Some(&refused) };
    assert!(unwell(&[alone], &bundle()).is_some(), "there is no other");
}

#[test]
fn rings_begin_in_shadow_and_never_go_back_to_it() {
    assert_eq!(objection(&rings()), None);
    let wrong = |rings: &[Ring]| objection(rings).unwrap();
    assert!(wrong(&[]).contains("1 to 8"));
    assert!(wrong(&rings()[1..]).contains("first ring"));
    assert!(wrong(&[rings(), vec![ring(Act::Shadow, &["a/1"])]].concat()).contains("none in shadow"));
    assert!(wrong(&[ring(Act::Shadow, &[])]).contains("no camera"));
    assert!(wrong(&[ring(Act::Shadow, &["a"])]).contains("site/camera"));
}
