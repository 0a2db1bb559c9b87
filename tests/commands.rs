//! Commands to the real daemon over a real Mosquitto, by our own program and by clients that are not ours.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

#[path = "commands/field.rs"]
mod field;
#[path = "commands/modes.rs"]
mod modes;
mod support;

use std::path::PathBuf;

use serde_json::{Value, json};
use support::daemon::{Home, Listener, Post, SOON};
use support::orders::{ACCEPT, audit, command, overrides, started};
use support::{Broker, bearwatch, wait_for};

const SIMULATED: &str = "source = \"simulated\"\nfps = 5\n";

// ---- arm, disarm, shadow -----------------------------------------------------------------------------------------------------

#[test]
fn a_disarmed_camera_tells_nobody_says_so_and_is_armed_again_by_itself() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    desk.hears("state", |post| post.json()["mode"] == "armed");
    let (code, out, err) = command(&broker, &["disarm", "--for", "6s", "--by", "bert"]);
    assert_eq!(code, 0, "{out}{err}");
    assert!(out.starts_with("applied: disarmed until "), "{out}");
    let status = desk.hears_state("degraded", "DISARMED until ");
    assert!(status["reason"].as_str().unwrap().contains("by bert: nobody is told of bears"), "{status}");
    let state = desk.hears("state", |post| post.json()["mode"] == "disarmed").json();
    assert_eq!((&state["by"], &state["signed_only"]), (&json!("bert"), &json!(false)));
    assert!(state["until_uptime_ms"].as_u64().unwrap() > 0, "{state}");
    assert!(overrides(&home).contains("alerts = \"disarmed\""), "{}", overrides(&home));
    let at = desk.posts.len();
    desk.until("the mode to run out", |posts| {
        posts[at..].iter().any(|post| post.kind == "state" && post.json()["mode"] == "armed")
    });
    let opened = |post: &Post| post.kind == "alert" && post.json()["state"] == "opened";
    let armed_again = desk.posts.iter().rposition(|post| post.kind == "state").unwrap();
    assert!(!desk.posts[at..armed_again].iter().any(opened), "told although disarmed");
    assert!(desk.posts[at..armed_again].iter().any(|post| post.kind == "telemetry"), "telemetry goes on");
    desk.until("alerts again", |posts| posts[armed_again..].iter().any(opened));
    desk.hears_state("online", "");
    assert!(!overrides(&home).contains("disarmed"), "{}", overrides(&home));
    assert!(audit(&home).iter().any(|line| line["event"] == "expired"));
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_mode_outlives_a_power_cut_and_no_longer_than_ordered() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    assert_eq!(command(&broker, &["disarm", "--for", "2h", "--by", "bert"]).0, 0);
    daemon.kill();
    // A daemon that takes no commands any more still knows what was ordered.
    for sets in [&[ACCEPT][..], &[]] {
        let mut daemon = home.start(sets);
        let at = desk.posts.len();
        desk.until("DISARMED", |posts| {
            let told = |post: &Post| post.json()["reason"].as_str().unwrap().contains("DISARMED");
            posts[at..].iter().any(|post| post.kind == "status" && told(post))
        });
        daemon.kill();
    }
    let left = overrides(&home).lines().find_map(|line| line.strip_prefix("left_s = ")?.parse::<u64>().ok());
    assert!(left.unwrap() <= 7_200, "{}", overrides(&home));
    let checked = bearwatch().args(["check", "--config"]).arg(home.path("bearwatch.toml")).output().unwrap();
    let checked = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.contains("mode.alerts = \"disarmed\""), "{checked}");
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    let (code, out, _) = command(&broker, &["arm"]);
    assert_eq!((code, out.trim()), (0, "applied: armed: alerts are told"));
    desk.hears_state("online", "SIMULATED");
    assert_eq!(overrides(&home), "");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn shadow_mode_keeps_on_the_device_what_would_have_been_told() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let overrides = "[mode]\nalerts = \"shadow\"\nby = \"anna\"\nleft_s = 3000\n";
    std::fs::create_dir_all(home.store()).unwrap();
    std::fs::write(home.store().join("overrides.toml"), overrides).unwrap();
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    desk.hears_state("degraded", "SHADOW MODE");
    let review = home.store().join("review");
    let kept = |ending: &str| -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(&review) else { return Vec::new() };
        entries.map(|e| e.unwrap().path()).filter(|p| p.to_string_lossy().ends_with(ending)).collect()
    };
    assert!(wait_for(SOON, || !kept(".jsonl").is_empty() && kept(".jpg").len() > 1), "{}", daemon.log());
    let steps = std::fs::read_to_string(&kept(".jsonl")[0]).unwrap();
    let first: Value = serde_json::from_str(steps.lines().next().unwrap()).unwrap();
    assert_eq!((&first["state"], &first["class"]), (&json!("opened"), &json!("bear")));
    let picture = std::fs::read(&kept(".jpg")[0]).unwrap();
    assert!(bearwatch::capture::jpeg::header(&picture).is_some());
    // An exercise goes through all the same.
    assert_eq!(command(&broker, &["test"]).0, 0);
    desk.hears("alert", |post| post.json()["drill"] == true);
    assert_eq!(daemon.stop(), 0);
    assert!(desk.alerts().iter().all(|alert| alert["drill"] == true), "{:?}", desk.alerts());
}

// ---- test, snapshot, threshold, log ------------------------------------------------------------------------------------------

#[test]
fn a_test_alert_goes_the_whole_way_and_says_what_it_is() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[ACCEPT, "perceive.bear_threshold=0.99"]);
    desk.hears_state("online", "SIMULATED");
    assert_eq!(command(&broker, &["test"]).0, 0);
    let closed = desk.hears("alert", |post| post.json()["state"] == "closed").json();
    let opened = desk.hears("alert", |post| post.json()["state"] == "opened").json();
    assert_eq!(
        (&opened["id"], &opened["drill"], &closed["drill"]),
        (&closed["id"], &json!(true), &json!(true))
    );
    assert_eq!((&opened["score"], &opened["bbox"]), (&json!(0.0), &json!([0.0, 0.0, 0.0, 0.0])));
    let picture = desk.hears("snapshot", |post| post.properties["alert"] == opened["id"].as_str().unwrap());
    assert!(bearwatch::capture::jpeg::header(&picture.payload).is_some());
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_picture_of_now_comes_with_the_number_of_its_command() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    desk.hears_state("online", "SIMULATED");
    let (code, out, err) = command(&broker, &["snapshot", "--json"]);
    assert_eq!(code, 0, "{err}");
    let answer: Value = serde_json::from_str(&out).unwrap();
    let number = answer["audit"]["seq"].to_string();
    let picture = desk.hears("snapshot", |post| post.properties.get("request") == Some(&number));
    assert_eq!(picture.properties["alert"], "");
    assert!(bearwatch::capture::jpeg::header(&picture.payload).is_some());
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn without_a_picture_none_is_promised() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home =
        Home::new(&broker.url, "source = \"command\"\nformat = \"mjpeg\"\ncommand = [\"sleep\", \"600\"]\n");
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    let (code, out, _) = command(&broker, &["snapshot"]);
    assert_eq!(code, 65);
    assert!(out.starts_with("refused: the camera gives no picture just now"), "{out}");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_threshold_within_the_limits_is_in_force_at_once_and_after_a_restart() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let config = std::fs::read_to_string(home.path("bearwatch.toml")).unwrap();
    let sets = [ACCEPT, "command.threshold_min=0.02"];
    // So high that the drawn bear is none.
    std::fs::write(
        home.path("bearwatch.toml"),
        config.replace("bear_threshold = 0.01", "bear_threshold = 0.99"),
    )
    .unwrap();
    let mut daemon = started(&home, &mut desk, &sets);
    let (code, out, _) = command(&broker, &["threshold", "0.96"]);
    assert_eq!(
        (code, out.trim()),
        (65, "refused: 0.96 is not from 0.02 to 0.95, as command.threshold_min and threshold_max allow")
    );
    assert!(desk.of("alert").is_empty(), "the drawn bear counts at 0.99");
    let (code, out, _) = command(&broker, &["threshold", "0.02"]);
    assert_eq!((code, out.trim()), (0, "applied: a bear counts from a score of 0.02"));
    desk.hears("alert", |_| true);
    assert!(overrides(&home).contains("bear_threshold = 0.02"), "{}", overrides(&home));
    assert_eq!(daemon.stop(), 0);
    let mut daemon = started(&home, &mut desk, &sets);
    let kept = |post: &Post| (post.json()["bear_threshold"].as_f64().unwrap_or(1.0) - 0.02).abs() < 1e-6;
    desk.hears("state", kept);
    let (code, out, _) = command(&broker, &["threshold", "usual"]);
    assert_eq!((code, out.trim()), (0, "applied: a bear counts from the usual score"));
    assert_eq!(overrides(&home), "");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn the_log_says_more_for_a_time() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    assert_eq!(command(&broker, &["log", "error", "--for", "3s"]).0, 0);
    desk.hears("state", |post| post.json()["log"].as_str().unwrap().starts_with("error until "));
    let quiet = daemon.log();
    assert_eq!(command(&broker, &["disarm", "--for", "60s"]).0, 0);
    assert_eq!(daemon.log(), quiet, "the log was to hold errors alone");
    daemon.says("the log is as usual again");
    assert_eq!(daemon.stop(), 0);
}
