use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};

use super::*;
use crate::capture::history::Recorder;
use crate::capture::ring::ring;
use crate::infer::bundle::Bundle;
use crate::perceive::frame::PixelFormat;
use crate::perceive::geometry::Rect;
use crate::perceive::governor::Level;
use crate::perceive::model::Class;
use crate::perceive::observation::{AlertId, Severity};
use crate::perceive::settings::Settings;
use crate::perceive::zone::Polygon;
use crate::publish::Subject;
use crate::system::hours::Hours;

/// A worker with the embedded model, and the end of its queue of drafts.
pub(super) fn worker(queue: usize, history: Option<History>) -> (Worker, Receiver<Draft>) {
    let bundle = Bundle::open(None).unwrap();
    let engine = Engine::load(&bundle).unwrap();
    let perception = Perception::new(engine.spec().clone(), Settings::default());
    let clock = Clock::start();
    let (drafts, received) = sync_channel(queue);
    let metrics = Arc::new(Metrics::default());
    let (sight, board, pulse) = (Arc::default(), Arc::default(), Pulse::new(clock));
    let ((_, orders), light) = (sync_channel(1), Light::default());
    let links = Links { drafts, orders, history, sight, light, board, port: None, metrics, clock, pulse };
    let snapshots = SnapshotSettings {
        max_side: 100,
        quality: 70,
        from_history: 3,
        people: People::Shown,
        place: "camp north".into(),
        audit: AuditSettings::default(),
    };
    let quiet = Quiet::new(Hours::default());
    (Worker::new(engine, perception, bundle.id, snapshots, 2, quiet, links), received)
}

fn frame(width: u32, height: u32, uptime_ms: u64) -> Frame {
    let data = (0..width * height * 3).map(|i| (i % 200) as u8).collect();
    let stamp = Stamp { uptime_ms, unix_ms: 1_780_000_000_000, synchronised: true };
    Frame { format: PixelFormat::Rgb, width, height, data, stamp, simulated: true, ..Frame::empty() }
}

fn torn(uptime_ms: u64) -> Frame {
    Frame { format: PixelFormat::Jpeg, data: vec![0xFF, 0xD8, 1, 2, 3], ..frame(64, 48, uptime_ms) }
}

fn alert(state: AlertState) -> Alert {
    Alert {
        id: AlertId(1),
        state,
        class: Class::Bear,
        severity: Severity::Normal,
        score: 0.8,
        evidence: 7.5,
        bbox: Rect { x: 0.2, y: 0.2, w: 0.4, h: 0.4 },
        captured: Stamp::default(),
    }
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn sight(worker: &Worker) -> Sight {
    worker.links.sight.lock().unwrap().clone()
}

#[test]
fn a_frame_goes_through_the_model_and_leaves_its_measures() {
    let (mut worker, _drafts) = worker(4, None);
    worker.frame(&frame(320, 180, 40));
    let seen = sight(&worker);
    assert_eq!(seen.last.map(|s| s.uptime_ms), Some(40));
    assert!(seen.scene.luma > 0.2 && seen.fault.is_none() && seen.regime.is_some());
    assert_eq!(read(&worker.links.metrics.counters.frames_inferred), 1);
    for stage in [Stage::Decode, Stage::Prepare, Stage::Inference, Stage::Perceive] {
        assert_eq!(worker.links.metrics.quantiles(stage).map(|q| q.count), Some(1), "{stage:?}");
    }
}

#[test]
fn what_a_frame_waits_while_the_board_rests_is_no_miss() {
    let (mut worker, _drafts) = worker(4, None);
    let taken = Stamp { uptime_ms: worker.links.clock.uptime_ms(), ..Stamp::default() };
    worker.rest(Duration::from_millis(300));
    assert!(worker.age_ms(taken) < 250.0, "{}", worker.age_ms(taken));
    *worker.links.board.lock().unwrap() = Board { temperature_c: Some(90.0), throttled: None };
    let rest = worker.frame(&frame(320, 180, worker.links.clock.uptime_ms()));
    assert!(rest > Duration::ZERO && sight(&worker).effort.level == Level::Half, "{rest:?}");
}

#[test]
fn a_torn_frame_is_counted_and_told_until_a_good_one_comes() {
    let (mut worker, _drafts) = worker(4, None);
    worker.frame(&torn(10));
    worker.frame(&torn(20));
    let counters = &worker.links.metrics.counters;
    assert_eq!((read(&counters.frames_bad), read(&counters.frames_inferred)), (2, 0));
    assert!(sight(&worker).fault.is_some() && sight(&worker).last.is_none());
    worker.frame(&frame(64, 48, 30));
    assert!(sight(&worker).fault.is_none());
    assert_eq!(sight(&worker).last.map(|s| s.uptime_ms), Some(30));
}

#[test]
fn as_many_regions_as_there_are_lanes_run_side_by_side_and_tell_the_same() {
    let (worker, _drafts) = worker(4, None);
    let input = &worker.engine.spec().input;
    let numbers = 3 * (input.width * input.height) as usize;
    let dim = |by: usize| (0..numbers).map(|i| (i % by) as u8).collect::<Vec<u8>>();
    let mut lanes = [dim(200), dim(50)].map(|input| Lane { input, output: Vec::new() });
    run_lanes(&worker.engine, &mut lanes).unwrap();
    for lane in &lanes {
        let mut alone = Vec::new();
        worker.engine.run(&lane.input, &mut alone).unwrap();
        assert_eq!(alone, lane.output);
    }
    assert_ne!(lanes[0].output, lanes[1].output);
    let mut wrong = [Lane::default(), Lane { input: vec![0; 5], output: Vec::new() }];
    assert!(run_lanes(&worker.engine, &mut wrong).is_err(), "no panic, an error");
    assert!(run_lanes(&worker.engine, &mut []).is_ok());
}

#[test]
fn an_alert_leaves_with_frame_model_and_the_word_simulated() {
    let (mut worker, drafts) = worker(4, None);
    worker.frame(&frame(320, 180, 40));
    worker.send_alert(alert(AlertState::Opened), Regime::Dusk, false);
    let Ok(Draft::Alert(draft)) = drafts.try_recv() else { panic!("no alert") };
    assert_eq!(
        (draft.frame, draft.regime, draft.simulated, draft.drill),
        ((320, 180), Regime::Dusk, true, false)
    );
    assert_eq!(draft.model.1, Bundle::open(None).unwrap().id.sha256);
}

fn pictures(drafts: &Receiver<Draft>) -> Vec<(u64, Vec<u8>)> {
    let picture = |draft| match draft {
        Draft::Snapshot {
            captured,
            jpeg,
            subject: Subject::Alert(AlertId(1)) | Subject::Before(AlertId(1)),
        } => (captured.uptime_ms, jpeg),
        other => panic!("{other:?}"),
    };
    drafts.try_iter().map(picture).collect()
}

#[test]
fn an_opened_alert_brings_its_moment_and_what_led_to_it() {
    let history = History::new(10.0, 1 << 20);
    let mut recorder = Recorder::new(history.clone());
    for uptime_ms in [1000, 2000, 3000] {
        recorder.take(&frame(320, 180, uptime_ms));
        recorder.keep();
    }
    let (mut worker, drafts) = worker(8, Some(history));
    worker.frame(&frame(320, 180, 4000));
    let now = Stamp { uptime_ms: 4000, ..Stamp::default() };
    worker.send_snapshots(alert(AlertState::Opened), now);
    let sent = pictures(&drafts);
    assert_eq!(sent.iter().map(|s| s.0).collect::<Vec<_>>(), [4000, 1000, 2000, 3000]);
    let moment = image::load_from_memory(&sent[0].1).unwrap();
    assert_eq!((moment.width(), moment.height()), (100, 56), "no larger than wanted");
    worker.send_snapshots(alert(AlertState::Updated), now);
    assert_eq!(pictures(&drafts).len(), 1, "what led to it is sent once");
}

/// Mean level of the left and of the right half of a JPEG.
fn halves(jpeg: &[u8]) -> [f32; 2] {
    let frame = Frame { format: PixelFormat::Jpeg, data: jpeg.to_vec(), ..Frame::empty() };
    let mut picture = Picture::default();
    to_picture(&frame, &mut picture).unwrap();
    let row = picture.width as usize * 3;
    let mean = |from: usize, to: usize| {
        let levels =
            picture.data.chunks_exact(row).flat_map(|line| line[from..to].iter().map(|&b| f32::from(b)));
        levels.sum::<f32>() / (picture.height as usize * (to - from)) as f32
    };
    [mean(0, row / 2), mean(row / 2, row)]
}

#[test]
fn what_is_not_to_be_seen_leaves_in_no_picture() {
    let mut grey = Picture::new(640, 480);
    grey.data.fill(160);
    let frame = Frame {
        format: PixelFormat::Rgb,
        width: 640,
        height: 480,
        data: grey.data.clone(),
        ..Frame::empty()
    };
    let history = History::new(8.0, 1_000_000);
    let mut recorder = Recorder::new(history.clone());
    recorder.take(&frame);
    recorder.keep();
    let (mut worker, drafts) = worker(8, Some(history));
    let privacy = vec![Polygon::parse("0,0 0.5,0 0.5,1 0,1").unwrap()];
    let settings = Settings { privacy, ..Settings::default() };
    worker.perception = Perception::new(worker.engine.spec().clone(), settings);
    worker.frame(&frame);
    let seen = worker.links.light.take().unwrap();
    assert!((seen.luma - 160.0 / 255.0).abs() < 0.02, "a camera is not steered by what we blacken: {seen:?}");
    worker.send_snapshots(alert(AlertState::Opened), Stamp { uptime_ms: 1000, ..Stamp::default() });
    let pictures: Vec<[f32; 2]> = drafts
        .try_iter()
        .filter_map(|draft| if let Draft::Snapshot { jpeg, .. } = draft { Some(halves(&jpeg)) } else { None })
        .collect();
    assert_eq!(pictures.len(), 2, "the moment and what led to it");
    for [left, right] in pictures {
        assert!(left < 25.0 && right > 90.0, "{left} {right}");
    }
}

#[test]
fn a_full_queue_costs_pictures_and_they_are_counted() {
    let (mut worker, drafts) = worker(1, None);
    worker.frame(&frame(64, 48, 40));
    for _ in 0..3 {
        worker.send_snapshots(alert(AlertState::Updated), Stamp::default());
    }
    assert_eq!((pictures(&drafts).len(), read(&worker.links.metrics.counters.lost_snapshots)), (1, 2));
}

#[test]
fn the_caption_says_where_when_and_that_it_is_a_simulation() {
    let (mut worker, _drafts) = worker(1, None);
    let stamp = Stamp { unix_ms: 1_780_351_204_800, ..Stamp::default() };
    assert_eq!(worker.caption_of(stamp), "camp north  2026-06-01T22:00:04Z");
    worker.simulated = true;
    assert_eq!(worker.caption_of(stamp), "camp north  2026-06-01T22:00:04Z  SIMULATION");
    let before_1970 = Stamp { unix_ms: -5, ..Stamp::default() };
    assert!(worker.caption_of(before_1970).contains("1970-01-01T00:00:00Z"));
}

#[test]
fn it_works_off_what_is_in_the_ring_and_ends_when_that_is_closed() {
    let (worker, drafts) = worker(4, None);
    let (metrics, sight) = (worker.links.metrics.clone(), worker.links.sight.clone());
    let (mut sender, receiver) = ring(2);
    for uptime_ms in [10, 20, 30] {
        sender.send(frame(64, 48, uptime_ms));
    }
    drop(sender);
    worker.run(receiver);
    assert_eq!(read(&metrics.counters.frames_inferred), 2, "the oldest gave way");
    assert_eq!(sight.lock().unwrap().last.map(|s| s.uptime_ms), Some(30));
    assert!(drafts.try_recv().is_err(), "no bear, nothing to say");
}

#[test]
fn a_frame_of_the_sample_leaves_as_the_camera_saw_it_with_what_the_model_saw_beside_it() {
    let (mut worker, drafts) = worker(8, None);
    // So many that each is chosen.
    let all = AuditSettings { per_day: 1e9, suspected_per_hour: 0.0, most_mb_a_day: 1e9 };
    worker.audit = Audit::new(all, 1);
    let bright = |uptime_ms| Frame { data: vec![200; 320 * 180 * 3], ..frame(320, 180, uptime_ms) };
    worker.frame(&bright(40));
    worker.frame(&bright(540));
    let sent: Vec<Draft> = drafts.try_iter().collect();
    let [Draft::Audit(draft)] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(
        (draft.captured.uptime_ms, draft.chosen.stands_s, draft.size, draft.simulated),
        (540, 0.5, (100, 56), true)
    );
    assert_eq!(draft.threshold, worker.engine.spec().threshold(Class::Bear));
    // No caption: the last rows are of the picture.
    let shown = Frame { format: PixelFormat::Jpeg, data: draft.jpeg.clone(), ..Frame::empty() };
    let mut picture = Picture::default();
    to_picture(&shown, &mut picture).unwrap();
    assert!((0..100).all(|x| picture.pixel(x, 54)[0] > 150), "something is drawn on it");
    // A drawn bear is no sample of anything.
    worker.begin_drill(1);
    worker.frame(&bright(1040));
    assert!(drafts.try_iter().all(|draft| !matches!(draft, Draft::Audit(_))));
}
