//! A board that becomes hot and cools down, from the kernel's files to what rangers hear.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be set up is a failure"
)]

mod support;

use std::path::Path;

use serde_json::Value;
use support::Broker;
use support::daemon::{Home, Listener, Post};

/// What the kernel would say, in files of our own.
fn put(sysfs: &Path, file: &str, text: &str) {
    let path = sysfs.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    // A reader sees the old or the new, as with the kernel's own files.
    std::fs::write(path.with_extension("new"), text).unwrap();
    std::fs::rename(path.with_extension("new"), path).unwrap();
}

fn heat(home: &Home, thousandths: &str) {
    put(&home.sysfs(), "class/thermal/thermal_zone0/temp", thousandths);
}

fn tells(level: &'static str, strain: Value) -> impl Fn(&Post) -> bool {
    move |post| post.json()["effort"] == level && post.json()["strain"] == strain
}

/// Looks a second in the interval of the next telemetry.
fn looks(desk: &mut Listener, level: &'static str) -> f64 {
    desk.posts.clear();
    let told = desk.hears("telemetry", |post| post.json()["effort"] == level).json();
    told["stages"]["inference"]["count"].as_f64().unwrap_or(0.0) / told["interval_s"].as_f64().unwrap()
}

#[test]
fn a_hot_board_does_less_says_so_and_does_all_again_when_it_is_cool() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    // More frames than can be looked at, so that it works all the time.
    let home = Home::new(&broker.url, "source = \"simulated\"\nfps = 120\n[capture.scene]\nbears = 0\n");
    heat(&home, "48312\n");
    let mut daemon = home.start(&["publish.telemetry_s=2", "board.hot_c=70"]);
    desk.hears_state("online", "SIMULATED");
    let cool = desk.hears("telemetry", tells("full", Value::Null)).json();
    assert_eq!(cool["temperature_c"].as_f64().unwrap().round(), 48.0, "{cool}");
    let full = looks(&mut desk, "full");
    heat(&home, "71000\n");
    let status = desk.hears_state("degraded", "the processor is hot");
    assert!(status["reason"].as_str().unwrap().contains("half of the time"), "{status}");
    desk.hears("telemetry", tells("half", "hot".into()));
    let half = looks(&mut desk, "half");
    assert!(half < 0.75 * full, "{half} looks a second at half of the effort, {full} at all of it");
    heat(&home, "60000\n");
    desk.posts.clear();
    desk.hears("telemetry", tells("full", Value::Null));
    desk.hears_state("online", "SIMULATED");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_weak_power_supply_is_told_with_the_remedy() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, "source = \"simulated\"\nfps = 5\n");
    put(&home.sysfs(), "devices/platform/soc/soc:firmware/get_throttled", "50005\n");
    let mut daemon = home.start(&[]);
    desk.hears_state("degraded", "please give it a stronger power supply");
    desk.hears("telemetry", tells("half", "undervolted".into()));
    assert_eq!(daemon.stop(), 0);
}
