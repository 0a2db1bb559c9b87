//! Drills: a bear is drawn into the live picture of the real daemon, and the broker has an alert on it, or the camera says that a real one
//! might not be told of.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

#[path = "support/desk.rs"]
mod desk;
mod support;

use std::path::Path;
use std::process::{Child, Output, Stdio};
use std::time::Duration;

use bearwatch::capture::pixels::encode_jpeg;
use bearwatch::capture::settings::SceneSettings;
use bearwatch::capture::simulated::Scene;
use bearwatch::perceive::frame::Picture;
use bearwatch::system::clock::Stopwatch;
use desk::Desk;
use serde_json::{Value, json};
use support::daemon::{Home, Listener, Post};
use support::orders::{ACCEPT, audit, command, started, topic};
use support::{Broker, bearwatch, wait_for};

/// A campsite by day to which no bear comes.
const QUIET: &str =
    "source = \"simulated\"\nfps = 5\n[capture.scene]\nseed = 5\ndarkness_end = 0.0\nbears = 0\n";

/// With the thresholds that a camera has in the field, unlike [`Home::new`].
fn home(url: &str, source: &str) -> Home {
    let home = Home::new(url, source);
    let config = std::fs::read_to_string(home.path("bearwatch.toml")).unwrap();
    let usual = config
        .replace("bear_threshold = 0.01\n", "")
        .replace("false_alarms_per_day = 1000\nmin_visible_s = 0\n", "");
    assert!(usual.len() < config.len());
    std::fs::write(home.path("bearwatch.toml"), usual).unwrap();
    home
}

/// A drill by the program, which waits for what comes of it.
fn drill(broker: &Broker) -> Child {
    bearwatch()
        .args(["command", "drill", "--broker", &broker.url, "--site", "yellow-creek", "--camera", "north"])
        .args(["--by", "anna"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Exit code and what it said.
fn ended(child: Child) -> (i32, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap() + &String::from_utf8(stderr).unwrap())
}

/// The drill of a state once it stands so.
fn hears_drill(desk: &mut Listener, course: &str) -> Value {
    desk.hears("state", |post| post.json()["drill"]["course"] == course).json()["drill"].clone()
}

#[test]
fn a_drawn_bear_is_told_from_the_lens_to_the_broker_and_as_what_it_is() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = home(&broker.url, QUIET);
    let mut daemon = started(&home, &mut desk, &[ACCEPT, "drill.within_s=90"]);
    desk.hears_state("online", "SIMULATED");
    let watch = Desk::at(&broker, &[]);
    let (code, said) = ended(drill(&broker));
    assert_eq!(code, 0, "{said} {}", daemon.log());
    assert!(
        said.contains("applied: a drill begins") && said.contains("drill passed: the broker had an alert"),
        "{said}"
    );
    let opened = desk.hears("alert", |post| post.json()["state"] == "opened").json();
    assert_eq!(
        (&opened["drill"], &opened["simulated"], &opened["class"]),
        (&json!(true), &json!(true), &json!("bear"))
    );
    assert!(
        opened["score"].as_f64().unwrap() > 0.2 && opened["evidence"].as_f64().unwrap() > 1.0,
        "{opened}"
    );
    assert!(opened["bbox"][2].as_f64().unwrap() > 20.0, "it was seen where it was drawn: {opened}");
    let id = opened["id"].as_str().unwrap();
    let picture = desk.hears("snapshot", |post| post.properties["alert"] == id);
    assert!(bearwatch::capture::jpeg::header(&picture.payload).is_some());
    desk.hears("alert", |post| post.json()["state"] == "closed" && post.json()["id"] == id);
    let passed = hears_drill(&mut desk, "passed");
    assert_eq!((&passed["alert"], passed["request"].as_u64()), (&opened["id"], Some(2)), "{passed}");
    assert!((0.1..90.0).contains(&passed["seconds"].as_f64().unwrap()), "{passed}");
    desk.hears("telemetry", |post| post.json()["drill"]["course"] == "passed");
    let ended =
        |line: &Value| line["event"] == "drill" && line["reason"].as_str().unwrap().starts_with("passed: ");
    assert!(audit(&home).iter().any(ended), "{:?}", audit(&home));
    watch.expect("DRILL, NO BEAR opened");
    assert_eq!(daemon.stop(), 0);
    assert!(desk.alerts().iter().all(|alert| alert["drill"] == true), "{:?}", desk.alerts());
    let worse = |post: &&Post| {
        post.kind == "status"
            && post.json()["state"] == "degraded"
            && post.json()["reason"].as_str().unwrap().contains("DRILL")
    };
    assert!(!desk.posts.iter().any(|post| worse(&post)));
}

#[test]
fn a_drill_that_fails_is_told_until_one_passes_and_over_a_power_cut() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = home(&broker.url, QUIET);
    // So high that nothing is a bear.
    let sets = [ACCEPT, "drill.within_s=10", "perceive.bear_threshold=0.99"];
    let mut daemon = started(&home, &mut desk, &sets);
    desk.hears_state("online", "SIMULATED");
    let (code, said) = ended(drill(&broker));
    assert_eq!(code, 69, "{said}");
    assert!(
        said.contains("drill failed: a bear was drawn into the picture for 10 s and was not told of"),
        "{said}"
    );
    let status = desk.hears_state("degraded", "DRILL FAILED at ");
    assert!(status["reason"].as_str().unwrap().contains("perceive.bear_threshold"), "{status}");
    assert!(desk.alerts().is_empty(), "{:?}", desk.alerts());
    daemon.kill();
    let at = desk.posts.len();
    let mut daemon = home.start(&[ACCEPT, "drill.within_s=90"]);
    let told = |post: &Post| {
        post.kind == "status" && post.json()["reason"].as_str().unwrap().contains("DRILL FAILED")
    };
    desk.until("the failure after the restart", |posts| {
        posts[at..].iter().any(|post| !post.retained && told(post))
    });
    let before = desk.posts.len();
    let (code, said) = ended(drill(&broker));
    assert_eq!(code, 0, "{said} {}", daemon.log());
    desk.until("online again", |posts| {
        posts[before..].iter().any(|post| post.kind == "status" && post.json()["state"] == "online")
    });
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_covered_lens_fails_the_drill_with_what_is_to_be_done() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("0.jpg"), encode_jpeg(&Picture::new(640, 360), 90, 640).unwrap())
        .unwrap();
    let source =
        format!("source = \"files\"\npath = \"{}\"\nfps = 5\nloop = true\n", folder.path().display());
    let home = home(&broker.url, &source);
    let mut daemon = started(&home, &mut desk, &[ACCEPT, "drill.within_s=15"]);
    let (code, said) = ended(drill(&broker));
    assert_eq!(code, 69, "{said}");
    assert!(said.contains("drill failed: the picture is black: the lens is covered"), "{said}");
    desk.hears_state("degraded", "DRILL FAILED at ");
    assert!(desk.alerts().is_empty(), "{:?}", desk.alerts());
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_camera_without_pictures_fails_the_drill() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home =
        home(&broker.url, "source = \"command\"\nformat = \"mjpeg\"\ncommand = [\"sleep\", \"600\"]\n");
    let mut daemon = started(&home, &mut desk, &[ACCEPT, "drill.within_s=10"]);
    let (code, said) = ended(drill(&broker));
    assert!(code == 69 && said.contains("had no picture to draw a bear into"), "{code} {said}");
    desk.hears_state("degraded", "DRILL FAILED at ");
    assert_eq!(daemon.stop(), 0);
}

/// Pictures of a campsite, five a second: nobody for `empty` seconds, then a bear.
fn draw_visit(folder: &Path, empty: f64, seconds: f64) {
    let settings = |bears| SceneSettings {
        seed: 5,
        darkness_start: 0.0,
        darkness_end: 0.0,
        duration_s: 40.0,
        bears,
        ..SceneSettings::default()
    };
    let mut picture = Picture::default();
    let (mut nobody, mut bear) = (Scene::new(&settings(0)), Scene::new(&settings(2)));
    let enters = bear
        .visits()
        .iter()
        .find(|visit| visit.class == bearwatch::perceive::model::Class::Bear)
        .unwrap()
        .enters_s;
    for i in 0..((empty + seconds) * 5.0) as u32 {
        let time_s = f64::from(i) / 5.0;
        // At the end of the empty scene, when its passer-by has gone.
        if time_s < empty {
            nobody.draw(39.0 + time_s / 10.0, &mut picture)
        } else {
            bear.draw(enters + time_s - empty, &mut picture)
        };
        std::fs::write(folder.join(format!("{i:03}.jpg")), encode_jpeg(&picture, 90, 640).unwrap()).unwrap();
    }
}

#[test]
fn a_real_bear_is_told_as_ever_while_a_drill_is_on() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let folder = tempfile::tempdir().unwrap();
    draw_visit(folder.path(), 4.0, 10.0);
    let source =
        format!("source = \"files\"\npath = \"{}\"\nfps = 5\nloop = true\n", folder.path().display());
    let home = home(&broker.url, &source);
    let sets = [ACCEPT, "drill.within_s=60", "alert.close_after_s=0.5", "alert.cooldown_s=0"];
    let mut daemon = started(&home, &mut desk, &sets);
    let state = |post: &Post, state: &str| post.kind == "alert" && post.json()["state"] == state;
    desk.until("a visit", |posts| posts.iter().any(|post| state(post, "opened")));
    // Not while it is there: the drawn one could stand before it.
    let (code, out, _) = command(&broker, &["drill"]);
    assert!(code == 65 && out.contains("something that may be a bear is in sight"), "{code} {out}");
    let at = desk.posts.len();
    desk.until("it has gone", |posts| posts[at..].iter().any(|post| state(post, "closed")));
    let at = desk.posts.len();
    let began = Stopwatch::start();
    let mut asked = 0;
    let mut running = false;
    assert!(wait_for(Duration::from_secs(10), || {
        asked += 1;
        broker.publish(&topic("drill"), format!(r#"{{"v":1,"id":"d{asked}"}}"#).as_bytes());
        desk.until("an answer", |posts| {
            posts[at..].iter().any(|post| post.kind == "answer" && post.json()["id"] == format!("d{asked}"))
        });
        running = desk
            .of("answer")
            .iter()
            .any(|post| post.json()["verdict"] == "applied" && post.json()["command"] == "drill");
        running
    }));
    desk.until("the real bear", |posts| {
        posts[at..].iter().any(|post| state(post, "opened") && post.json()["drill"] == false)
    });
    assert!(began.elapsed() < Duration::from_secs(14), "told on its next visit only: {:?}", began.elapsed());
    let real = desk
        .alerts()
        .into_iter()
        .rfind(|alert| alert["drill"] == false && alert["state"] == "opened")
        .unwrap();
    assert_eq!(real["simulated"], false, "{real}");
    let over = |post: &Post| {
        let course = &post.json()["drill"]["course"];
        course == "broken-off" || course == "passed"
    };
    desk.until("the end of the drill", |posts| {
        posts[at..].iter().any(|post| post.kind == "state" && over(post))
    });
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn drills_are_given_by_the_schedule_without_any_command() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = home(&broker.url, QUIET);
    let mut daemon = started(&home, &mut desk, &["drill.every_h=0.001", "drill.within_s=90"]);
    let passed = hears_drill(&mut desk, "passed");
    assert!(passed["request"].is_null() && passed["seconds"].as_f64().unwrap() < 90.0, "{passed}");
    assert!(desk.of("answer").is_empty());
    // Nobody commands a camera that takes no commands.
    assert_eq!(command(&broker, &["drill", "--timeout", "2"]).0, 69);
    assert_eq!(daemon.stop(), 0);
    let kept: Value =
        serde_json::from_slice(&std::fs::read(home.store().join("drill.json")).unwrap()).unwrap();
    assert_ne!(kept["last"], Value::Null);
    assert!(audit(&home).iter().any(|line| line["reason"] == "begins by the schedule"));
}
