//! From a site's broker to a central one, by the shipped configuration of a bridge: two real Mosquittos, a wire between them that can be cut.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be set up is a failure"
)]

#[path = "support/desk.rs"]
mod desk;
mod support;

use std::io::Write;
use std::process::{Command, Stdio};

use desk::Wire;
use serde_json::Value;
use support::daemon::{Home, Listener, Post, SOON};
use support::{ANONYMOUS, Broker, bearwatch, wait_for};

/// More than Mosquitto keeps by default for a client that is away.
const MANY: usize = 1_500;

/// A central broker, a site's broker that is bridged to it, and the wire between them.
fn brokers() -> (Broker, Wire, Broker) {
    let central = Broker::start();
    let wire = Wire::to(&central);
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/mosquitto-bridge/site.conf");
    let config = std::fs::read_to_string(shipped).unwrap();
    let config = config
        .replace("central.example:8883", wire.url.trim_start_matches("mqtt://"))
        .replace("restart_timeout 2 30", "restart_timeout 1 2");
    let site = Broker::with_config(&format!("{ANONYMOUS}{config}"));
    (central, wire, site)
}

fn numbers(posts: &[Post]) -> Vec<u64> {
    let alerts = posts.iter().filter(|post| post.kind == "alert");
    alerts.map(|post| post.properties["seq"].parse().unwrap()).collect()
}

/// Whether the bridge is up, as the central broker tells it.
fn link(posts: &[Post]) -> Option<String> {
    let last = posts.iter().rev().find(|post| post.kind == "bearwatch/link/yellow-creek");
    last.map(|post| String::from_utf8(post.payload.clone()).unwrap())
}

#[test]
fn alerts_of_an_outage_arrive_in_order_and_commands_of_an_outage_do_not() {
    let (central, wire, site) = brokers();
    let mut centre = Listener::with(&central, &["-t", "bearwatch/link/#"]);
    centre.until("the bridge", |posts| link(posts).as_deref() == Some("1"));
    let home = Home::with_bear(&site.url, 5, true);
    let mut daemon = home.start(&["command.accept=true"]);
    centre.hears("snapshot", |post| {
        post.payload.starts_with(&[0xff, 0xd8]) && !post.properties["alert"].is_empty()
    });
    centre.hears("telemetry", |_| true);
    let mut at_site = Listener::start(&site);

    wire.cut();
    let heard = numbers(&centre.posts).len();
    let during = at_site.until("alerts of the outage", |posts| numbers(posts).len() >= 6);
    let last = *numbers(during).last().unwrap();
    central.publish("bearwatch/v1/yellow-creek/north/set/test", br#"{"v":1,"id":"stale","by":"a test"}"#);
    centre.until("the link's last will", |posts| link(posts).as_deref() == Some("0"));
    wire.mend();

    centre.until("all of them", |posts| numbers(posts).contains(&last));
    let mut all = numbers(&centre.posts);
    assert!(all.len() > heard);
    all.dedup();
    assert_eq!(all, (0..=*all.last().unwrap()).collect::<Vec<_>>(), "in order and without a gap");
    central.publish("bearwatch/v1/yellow-creek/north/set/snapshot", br#"{"v":1,"id":"fresh","by":"a test"}"#);
    let answer: Value = centre.hears("answer", |post| post.json()["id"] == "fresh").json();
    assert_eq!(answer["verdict"], "applied", "{answer}");
    assert!(
        centre.of("answer").iter().all(|post| post.json()["id"] != "stale"),
        "a command was kept over the outage"
    );
    assert_eq!(daemon.stop(), 0);
    centre.hears_state("offline", "stopped");
}

#[test]
fn more_messages_than_mosquitto_keeps_by_default_wait_for_the_link() {
    let (central, wire, site) = brokers();
    let mut centre = Listener::with(&central, &["-t", "bearwatch/link/#"]).taking_anything();
    centre.until("the bridge", |posts| link(posts).as_deref() == Some("1"));
    wire.cut();
    centre.until("the link's last will", |posts| link(posts).as_deref() == Some("0"));
    let mut child = Command::new("mosquitto_pub")
        .args(["-V", "5", "-h", "127.0.0.1", "-p", &site.port.to_string(), "-q", "1", "-l"])
        .args(["-t", "bearwatch/v1/yellow-creek/north/alert"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("mosquitto_pub does not run: apt-get install mosquitto-clients");
    let mut lines = child.stdin.take().unwrap();
    (0..MANY).for_each(|number| writeln!(lines, "{number}").unwrap());
    drop(lines);
    assert!(child.wait().unwrap().success());
    wire.mend();
    let alerts = |posts: &[Post]| -> Vec<usize> {
        let payloads = posts.iter().filter(|post| post.kind == "alert").map(|post| post.payload.clone());
        payloads.map(|payload| String::from_utf8(payload).unwrap().parse().unwrap()).collect()
    };
    assert!(wait_for(SOON, || centre_has(&mut centre, MANY)), "{} arrived", alerts(&centre.posts).len());
    let mut all = alerts(&centre.posts);
    all.dedup();
    assert_eq!(all, (0..MANY).collect::<Vec<_>>());
}

fn centre_has(centre: &mut Listener, many: usize) -> bool {
    centre.until("anything", |posts| !posts.is_empty()).iter().filter(|post| post.kind == "alert").count()
        >= many
}
