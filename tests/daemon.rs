//! The daemon from outside: the real program, a real Mosquitto, the real model, pictures that the simulator drew.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be set up is a failure"
)]

#[path = "support/processes.rs"]
mod processes;
mod support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use bearwatch::capture::jpeg;
use processes::left_behind;
use rustix::process::Signal;
use serde_json::Value;
use support::daemon::{Home, Listener, Post, SOON};
use support::{Broker, wait_for};

const ENVELOPE: [&str; 7] = ["v", "boot", "seq", "uptime_ms", "time", "clock_synced", "late"];

fn keys(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn with_envelope<'a>(own: &[&'a str]) -> BTreeSet<&'a str> {
    ENVELOPE.iter().chain(own).copied().collect()
}

/// What stands in every JSON message, and the same in the user properties of every message.
fn check_envelope(post: &Post) {
    assert_eq!(post.properties["late"], "false", "{post:?}");
    if post.kind == "snapshot" {
        return;
    }
    let message = post.json();
    assert_eq!((&message["v"], &message["late"]), (&1.into(), &false.into()));
    assert_eq!(message["boot"], post.properties["boot"].as_str());
    assert_eq!(message["seq"].to_string(), post.properties["seq"]);
    assert!(humantime::parse_rfc3339(message["time"].as_str().unwrap()).is_ok(), "{message}");
    assert!(message["uptime_ms"].is_u64() && message["clock_synced"].is_boolean(), "{message}");
}

fn check_alert(alert: &Value) {
    let own = [
        "id",
        "state",
        "class",
        "severity",
        "score",
        "evidence",
        "bbox",
        "frame",
        "regime",
        "model",
        "captured",
        "latency_ms",
        "simulated",
        "drill",
        "open",
    ];
    assert_eq!(keys(alert), with_envelope(&own));
    assert_eq!((&alert["class"], &alert["severity"]), (&"bear".into(), &"normal".into()));
    assert_eq!((&alert["frame"]["width"], &alert["frame"]["height"]), (&640.into(), &360.into()));
    let bbox: Vec<f64> = serde_json::from_value(alert["bbox"].clone()).unwrap();
    let [x, y, w, h] = bbox[..] else { panic!("{bbox:?}") };
    assert!(x >= 0.0 && y >= 0.0 && w > 1.0 && x + w <= 640.5 && y + h <= 360.5, "not in pixels: {bbox:?}");
    assert!((0.0..=1.0).contains(&alert["score"].as_f64().unwrap()));
    assert!(["day", "dusk", "infrared"].contains(&alert["regime"].as_str().unwrap()));
    assert_eq!(keys(&alert["model"]), BTreeSet::from(["name", "sha256"]));
    assert!(humantime::parse_rfc3339(alert["captured"].as_str().unwrap()).is_ok());
    assert!(alert["latency_ms"].as_u64().unwrap() < 10_000);
}

/// A snapshot is a JPEG that says which alert it belongs to, and the telemetry counts every frame.
#[test]
fn a_bear_in_a_folder_of_pictures_is_told_to_the_letter_of_the_contract() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 5, false);
    let pictures = home.pictures();
    // One whose header is good and whose end is missing, and one that is none.
    let whole = std::fs::read(pictures.join("024.jpg")).unwrap();
    std::fs::write(pictures.join("012b.jpg"), &whole[..whole.len() / 2]).unwrap();
    std::fs::write(pictures.join("013b.jpg"), b"not a picture").unwrap();
    let mut daemon = home.start(&["capture.lens_degrees=62"]);
    assert_eq!(daemon.ends_within(SOON), 0, "{}", daemon.log());
    desk.hears_state("offline", "stopped");
    desk.posts.iter().for_each(check_envelope);
    check_alerts(&desk);
    check_snapshots(&desk);
    check_status(&desk);
    check_telemetry(&desk, 27, 2);
    let mut late_desk = Listener::start(&broker);
    let kept = late_desk.hears("status", |_| true);
    assert!(kept.retained && kept.json()["state"] == "offline");
    late_desk.hears("models", |post| post.retained);
    assert_eq!(late_desk.posts.len(), 2, "only these two are kept by the broker");
}

fn check_alerts(desk: &Listener) {
    let alerts = desk.alerts();
    alerts.iter().for_each(check_alert);
    let ids: BTreeSet<&str> = alerts.iter().map(|alert| alert["id"].as_str().unwrap()).collect();
    assert!(!ids.is_empty(), "no alert");
    for id in ids {
        let life: Vec<&str> =
            alerts.iter().filter(|a| a["id"] == id).map(|a| a["state"].as_str().unwrap()).collect();
        assert_eq!((life[0], life[life.len() - 1]), ("opened", "closed"), "{life:?}");
        assert!(life[1..life.len() - 1].iter().all(|state| *state == "updated"), "{life:?}");
    }
    let numbers: Vec<u64> = alerts.iter().map(|alert| alert["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..alerts.len() as u64).collect::<Vec<_>>(), "in order and without a gap");
}

fn check_snapshots(desk: &Listener) {
    let opened = desk.alerts().into_iter().find(|alert| alert["state"] == "opened").unwrap();
    let id = opened["id"].as_str().unwrap();
    let shown: Vec<&Post> =
        desk.of("snapshot").into_iter().filter(|post| post.properties["alert"] == id).collect();
    assert!(shown.len() >= 3, "the moment and what led to it; but {} pictures", shown.len());
    for post in &shown {
        let header = jpeg::header(&post.payload).expect("no JPEG");
        assert_eq!((header.width, header.height), (640, 360));
    }
    let captured = |post: &&Post| post.properties["captured"].clone();
    assert!(shown.iter().any(|post| captured(post) == opened["captured"].as_str().unwrap()));
    let before = shown.iter().filter(|post| captured(post).as_str() < opened["captured"].as_str().unwrap());
    assert!(before.count() >= 1, "nothing of what led to it");
}

fn check_status(desk: &Listener) {
    let statuses: Vec<Value> = desk.of("status").iter().map(|post| post.json()).collect();
    for status in &statuses {
        assert_eq!(keys(status), with_envelope(&["state", "reason", "version"]));
        assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    }
    let states: Vec<&str> = statuses.iter().map(|status| status["state"].as_str().unwrap()).collect();
    assert!(states.contains(&"online"), "{states:?}");
    assert_eq!(states.last(), Some(&"offline"));
}

fn check_telemetry(desk: &Listener, pictures: u64, broken: u64) {
    let last = desk.of("telemetry").last().unwrap().json();
    let own = [
        "interval_s",
        "health",
        "stages",
        "frames",
        "messages",
        "scores",
        "drift",
        "ghosts",
        "certificates",
        "reach",
        "regime",
        "scene",
        "effort",
        "strain",
        "drill",
        "temperature_c",
        "memory_mb",
        "written",
        "field",
    ];
    assert_eq!(keys(&last), with_envelope(&own));
    let stages = ["capture_to_puback", "decode", "inference", "perceive", "prepare", "publish"];
    assert_eq!(keys(&last["stages"]), BTreeSet::from(stages));
    let frames = |name: &str| last["frames"][name].as_u64().unwrap();
    assert_eq!(frames("seen"), pictures, "{last}");
    assert_eq!(frames("bad") + frames("dropped") + frames("inferred"), pictures, "{last}");
    assert!((1..=broken).contains(&frames("bad")), "{last}");
    assert!(last["scores"]["bear"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).sum::<u64>() > 0);
    let (model, lights) = (&last["drift"]["model"], last["drift"]["regimes"].as_object().unwrap());
    assert_eq!(model.as_str().unwrap().len(), 64, "the last one tells of drift: {last}");
    let frames = lights
        .values()
        .flat_map(|light| light["luma"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()));
    assert!(frames.sum::<u64>() > 0, "{last}");
    let reach = |light: &str| last["reach"][light].as_f64().unwrap();
    assert!(reach("day_m") > reach("infrared_m") && reach("infrared_m") > 1.0, "{last}");
    assert!(last["memory_mb"].as_f64().unwrap() > 1.0);
    assert!(last["written"]["mb"].as_f64().unwrap() > 0.0, "{last}");
    assert_eq!(last["messages"]["lost_alerts"], 0);
}

const SIMULATED: &str = "source = \"simulated\"\nfps = 2\n";

#[test]
fn a_camera_that_stands_still_is_told_with_a_picture() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 1, true);
    let pictures: Vec<PathBuf> =
        std::fs::read_dir(home.pictures()).unwrap().map(|file| file.unwrap().path()).collect();
    pictures[1..].iter().for_each(|picture| std::fs::remove_file(picture).unwrap());
    let mut daemon = home.start(&[]);
    let status = desk.hears_state("degraded", "stands still to the last pixel").clone();
    assert!(status["reason"].as_str().unwrap().contains("please switch it off and on"), "{status}");
    let picture = desk.hears("snapshot", |post| post.properties["alert"].is_empty()).clone();
    assert_eq!(picture.properties["impairment"], "frozen");
    assert!(picture.payload.starts_with(&[0xFF, 0xD8]));
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_daemon_that_dies_is_told_by_the_last_will_of_its_own_birth() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = home.start(&[]);
    let birth = desk.hears("status", |_| true).json();
    desk.hears_state("online", "");
    daemon.kill();
    let will = desk.hears_state("offline", "connection lost");
    assert_eq!((&will["boot"], &will["seq"]), (&birth["boot"], &birth["seq"]));
    let mut late_desk = Listener::start(&broker);
    assert!(late_desk.hears("status", |post| post.json() == will).retained);
}

#[test]
fn asked_to_end_it_says_so_and_ends_well() {
    let broker = Broker::start();
    for signal in [Signal::TERM, Signal::INT] {
        let mut desk = Listener::start(&broker);
        let home = Home::new(&broker.url, SIMULATED);
        let mut daemon = home.start(&[]);
        desk.hears_state("online", "SIMULATED");
        daemon.signal(signal);
        assert_eq!(daemon.ends_within(Duration::from_secs(5)), 0, "{}", daemon.log());
        desk.hears_state("offline", "stopped");
    }
}

/// Messages that nobody takes must not hold it up: they are on disk.
#[test]
fn asked_to_end_with_the_broker_away_it_ends_soon_and_says_what_waits() {
    let home = Home::with_bear("mqtt://127.0.0.1:1", 4, true);
    let mut daemon = home.start(&[]);
    daemon.says("online");
    let alert_waits = || {
        std::fs::read(home.store().join("outbox.journal")).is_ok_and(|bytes| bytes.starts_with(b"bwalert"))
    };
    assert!(wait_for(SOON, alert_waits), "nothing came into the outbox: {}", daemon.log());
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ends_within(Duration::from_secs(5)), 0, "{}", daemon.log());
    daemon.says("messages wait in the store; the next start sends them");
}

#[test]
fn a_source_that_hangs_does_not_hold_up_the_end_and_is_not_left_behind() {
    let broker = Broker::start();
    for signal in [Signal::TERM, Signal::INT] {
        let home = Home::new(&broker.url, "source = \"command\"\nformat = \"mjpeg\"\n");
        let script =
            format!("trap '' TERM; echo $$ > {}; sleep 600 & sleep 600", home.path("group").display());
        let command = format!("capture.command=[\"sh\", \"-c\", \"{script}\"]");
        let mut daemon = home.start(&[&command]);
        assert!(wait_for(SOON, || !group(&home).is_empty()), "{}", daemon.log());
        daemon.signal(signal);
        assert_eq!(daemon.ends_within(Duration::from_secs(5)), 0, "{}", daemon.log());
        assert_eq!(left_behind(&group(&home)), [""; 0]);
    }
}

fn group(home: &Home) -> String {
    std::fs::read_to_string(home.path("group")).unwrap_or_default().trim().to_owned()
}

#[test]
fn a_second_daemon_on_the_same_store_is_refused_with_the_remedy() {
    let home = Home::new("mqtt://127.0.0.1:1", SIMULATED);
    let mut first = home.start(&[]);
    first.says("online");
    let mut second = home.start(&[]);
    assert_eq!(second.ends_within(SOON), 75);
    second.says("in use by another bearwatch; stop it, or give this one another [store] path");
    assert_eq!(first.stop(), 0);
}
