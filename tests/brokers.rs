//! Several brokers, and what a broker may say: against real Mosquittos as far as these say it, and a scripted one for the rest.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

#[path = "support/scripted.rs"]
mod scripted;
mod support;

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Duration;

use bearwatch::config::Config;
use scripted::Reaction::{Acknowledges, Disconnects, Keeps};
use scripted::{Published, Scripted};
use serde_json::Value;
use support::daemon::{Daemon, Home, Listener, Post, SOON};
use support::{Broker, wait_for};

const QUOTA_EXCEEDED: u8 = 0x97;
const SESSION_TAKEN_OVER: u8 = 0x8E;
const TOPIC_ALIAS_INVALID: u8 = 0x94;
const SERVER_MOVED: u8 = 0x9D;
const BANNED: u8 = 0x8A;

/// CONNACK's property of that name.
fn topic_alias_maximum(most: u16) -> Vec<u8> {
    [&[0x22], &most.to_be_bytes()[..]].concat()
}

fn receive_maximum(most: u16) -> Vec<u8> {
    [&[0x21], &most.to_be_bytes()[..]].concat()
}

fn fallback(urls: &[&str]) -> String {
    let urls: Vec<String> = urls.iter().map(|url| format!("\"{url}\"")).collect();
    format!("publish.fallback=[{}]", urls.join(","))
}

fn is_alert(message: &Published) -> bool {
    serde_json::from_slice::<Value>(&message.payload).is_ok_and(|body| body["class"] == "bear")
}

fn status_of(message: &Published) -> Option<Value> {
    let body: Value = serde_json::from_slice(&message.payload).ok()?;
    body.get("version").is_some().then_some(body)
}

fn wait(what: &str, daemon: &Daemon, done: impl Fn() -> bool) {
    assert!(wait_for(SOON, done), "not so: {what}; {}", daemon.log());
}

// ---- several brokers -----------------------------------------------------------------------------------------------------------

#[test]
fn a_camera_goes_to_the_next_broker_and_back_to_the_preferred_one_and_nothing_is_missing() {
    let (mut first, second) = (Broker::start(), Broker::start());
    let (mut at_first, mut at_second) = (Listener::start(&first), Listener::start(&second));
    let home = Home::with_bear(&first.url, 4, true);
    let mut daemon = home.start(&[&fallback(&[&second.url]), "publish.look_back_s=5"]);
    at_first.hears("alert", |_| true);
    assert!(at_second.posts.is_empty(), "it speaks to one broker at a time");
    first.kill();
    at_second.hears_state("online", "");
    at_second.hears("alert", |_| true);
    daemon.says("which is not the preferred one");
    let before = at_first.alerts();
    drop(at_first);
    first.start_again();
    let mut at_first = Listener::start(&first);
    at_first.hears_state("online", "");
    at_first.hears("alert", |_| true);
    at_second.hears_state("offline", "goes back to its preferred broker, mqtt://127.0.0.1:");
    assert_eq!(daemon.stop(), 0, "{}", daemon.log());
    at_first.hears_state("offline", "stopped");
    at_second.until("what was sent last", |_| true);
    let told = [before, at_first.alerts(), at_second.alerts()].concat();
    let numbers: BTreeSet<u64> = told.iter().map(|alert| alert["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers.iter().copied().collect::<Vec<_>>(), (0..numbers.len() as u64).collect::<Vec<_>>());
}

#[test]
fn a_camera_whose_preferred_broker_is_away_from_the_start_does_not_wait_for_it() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new("mqtt://127.0.0.1:1", "source = \"simulated\"\nfps = 2\n");
    let mut daemon = home.start(&[&fallback(&["mqtt://127.0.0.1:2", &broker.url])]);
    desk.hears_state("online", "SIMULATED");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_broker_that_bans_us_is_left_for_the_next_and_told() {
    let (banning, broker) = (Scripted::refusing(BANNED), Broker::start());
    let mut desk = Listener::start(&broker);
    let home = Home::new(&banning.url, "source = \"simulated\"\nfps = 2\n");
    let mut daemon = home.start(&[&fallback(&[&broker.url])]);
    desk.hears_state("online", "SIMULATED");
    daemon.says("refused us (Banned); it has banned this camera; ask whoever runs the broker");
    assert_eq!(banning.connections(), 1);
    assert_eq!(daemon.stop(), 0);
}

// ---- a broker that sends us away -------------------------------------------------------------------------------------------------

#[test]
fn a_broker_that_has_moved_is_followed_to_where_the_configuration_allows() {
    let (middle, broker) = (Scripted::refusing(BANNED), Broker::start());
    let mut desk = Listener::start(&broker);
    let to = format!("127.0.0.1:{}", broker.port);
    let moved = Scripted::start(&[], move |_| Disconnects(SERVER_MOVED, Some(to.clone())));
    let home = Home::with_bear(&moved.url, 4, true);
    let mut daemon = home.start(&[&fallback(&[&middle.url, &broker.url])]);
    desk.hears("alert", |post| post.json()["state"] == "opened");
    daemon.says("the broker has moved to 127.0.0.1:");
    daemon.says("please write that into publish.broker");
    assert_eq!(middle.connections(), 0, "it was told where to go");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_broker_that_sends_us_to_a_stranger_is_not_obeyed() {
    let (stranger, broker) = (Broker::start(), Broker::start());
    let mut desk = Listener::start(&broker);
    let to = format!("127.0.0.1:{}", stranger.port);
    let moved = Scripted::start(&[], move |_| Disconnects(SERVER_MOVED, Some(to.clone())));
    let home = Home::with_bear(&moved.url, 4, true);
    let mut daemon = home.start(&[&fallback(&[&broker.url])]);
    desk.hears("alert", |_| true);
    daemon.says("which is not configured, and so not trusted");
    assert_eq!(daemon.stop(), 0);
    assert!(!stranger.log().contains("bearwatch-yellow-creek"), "{}", stranger.log());
}

#[test]
fn two_cameras_of_one_name_are_told_and_no_alert_is_lost() {
    let broker = Scripted::start(&[], |message| match message.connection {
        0 if is_alert(message) => Disconnects(SESSION_TAKEN_OVER, None),
        _ => Acknowledges(0),
    });
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon = home.start(&[]);
    daemon.says("(SessionTakenOver); another client has the same name: is there a second daemon with this site and camera?");
    let again = |message: &Published| message.connection > 0 && is_alert(message);
    wait("the alert comes again", &daemon, || broker.published().iter().any(again));
    assert_eq!(daemon.stop(), 0);
}

// ---- what becomes of messages ------------------------------------------------------------------------------------------------

#[test]
fn a_broker_without_room_is_given_a_rest_and_then_everything() {
    let full = std::sync::atomic::AtomicUsize::new(0);
    let broker = Scripted::start(&[], move |message| {
        let first = is_alert(message) && full.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        Acknowledges(if first { QUOTA_EXCEEDED } else { 0 })
    });
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon = home.start(&["publish.telemetry_s=3600"]);
    daemon.says("(QuotaExceeded)");
    let degraded = |message: &Published| {
        status_of(message).is_some_and(|status| {
            status["state"] == "degraded"
                && status["reason"].as_str().unwrap().contains("its quota for this camera is used up")
        })
    };
    wait("the status tells", &daemon, || broker.published().iter().any(degraded));
    // In flight when the broker said so: the others of its burst; then nothing until the rest is over.
    let numbers = || -> Vec<u64> {
        let all = broker.published();
        all.iter()
            .filter(|m| is_alert(m))
            .map(|m| serde_json::from_slice::<Value>(&m.payload).unwrap()["seq"].as_u64().unwrap())
            .collect()
    };
    wait("the refused one is offered again", &daemon, || {
        numbers().iter().filter(|&&seq| seq == 0).count() == 2
    });
    let online_again = || {
        let all = broker.published();
        let bad = all.iter().position(degraded).unwrap();
        all[bad..].iter().any(|m| status_of(m).is_some_and(|status| status["state"] == "online"))
    };
    wait("all is well again", &daemon, online_again);
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn no_more_is_on_its_way_than_the_broker_allows() {
    let broker = Scripted::start(&receive_maximum(3), |_| Keeps);
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon = home.start(&["publish.telemetry_s=3600"]);
    let on_their_way = || broker.published().iter().filter(|message| message.packet != 0).count();
    wait("three messages", &daemon, || on_their_way() == 3);
    // Alerts go on being raised meanwhile, and wait.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(on_their_way(), 3, "{:?}", broker.kinds(0));
    daemon.kill();
}

#[test]
fn topics_are_named_once_where_the_broker_allows_and_no_more_than_it_allows() {
    let broker = Scripted::start(&topic_alias_maximum(2), |_| Acknowledges(0));
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon = home.start(&[]);
    let of = |kind: &str| broker.kinds(0).iter().filter(|known| *known == kind).count();
    wait("messages of every kind", &daemon, || {
        of("telemetry") >= 3 && of("alert") >= 3 && of("snapshot") >= 3
    });
    assert_eq!(daemon.stop(), 0);
    let published = broker.published();
    let (named, nameless): (Vec<&Published>, Vec<&Published>) =
        published.iter().partition(|message| !message.topic.is_empty());
    assert!(published.iter().all(|message| message.alias.is_none_or(|alias| alias <= 2)));
    assert_eq!(named.iter().filter(|message| message.alias.is_some()).count(), 2, "each alias is given once");
    assert!(nameless.len() >= 2 && nameless.iter().all(|message| message.alias.is_some()));
    assert!(published.iter().all(|message| !message.content_type.is_empty()
        && message.properties.starts_with(&["boot".into(), "seq".into(), "late".into()])));
}

#[test]
fn a_broker_that_takes_no_alias_after_all_gets_none_any_more() {
    let broker = Scripted::start(&topic_alias_maximum(10), |message| {
        if message.topic.is_empty() { Disconnects(TOPIC_ALIAS_INVALID, None) } else { Acknowledges(0) }
    });
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon = home.start(&[]);
    daemon.says("it takes no topic aliases after all");
    let later =
        || broker.published().into_iter().filter(|message| message.connection > 0).collect::<Vec<_>>();
    wait("messages on the next connection", &daemon, || {
        later().iter().filter(|message| is_alert(message)).count() >= 2
    });
    assert!(later().iter().all(|message| message.alias.is_none() && !message.topic.is_empty()));
    assert_eq!(daemon.stop(), 0);
}

/// Mosquitto takes aliases and hands on what they stand for.
#[test]
fn a_real_broker_understands_the_aliases_and_is_told_how_long_each_message_is_of_use() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let port = broker.port.to_string();
    let expiry = Command::new("mosquitto_sub")
        .args([
            "-V",
            "5",
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-q",
            "1",
            "-t",
            "bearwatch/v1/+/+/+",
            "-F",
            "%t %E %C",
            "-W",
            "20",
        ])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut daemon = home.start(&[]);
    desk.hears("telemetry", |_| true);
    desk.until("several alerts", |posts| {
        posts.iter().filter(|post: &&Post| post.kind == "alert").count() > 3
    });
    desk.hears("snapshot", |_| true);
    assert_eq!(daemon.stop(), 0);
    let said = String::from_utf8(expiry.wait_with_output().unwrap().stdout).unwrap();
    let of = |kind: &str| {
        said.lines()
            .find(|line| line.contains(&format!("/north/{kind} ")))
            .unwrap_or_else(|| panic!("no {kind}: {said}"))
    };
    let seconds = |kind: &str| of(kind).split(' ').nth(1).unwrap().parse::<u32>().unwrap();
    assert!((86_000..=86_400).contains(&seconds("alert")), "{said}");
    assert!((21_000..=21_600).contains(&seconds("snapshot")), "{said}");
    assert!((3_500..=3_600).contains(&seconds("telemetry")), "{said}");
    // A status is true until the next one.
    assert!(of("status").split(' ').nth(1).unwrap().parse::<u32>().is_err(), "{}", of("status"));
    assert!(of("snapshot").ends_with("image/jpeg") && of("alert").ends_with("application/json"), "{said}");
}

#[test]
fn of_several_brokers_the_wrong_one_is_named_and_not_shown() {
    let site = "[site]\nname = \"creek\"\ncamera = \"north\"\n";
    let text = format!(
        "{site}[capture]\nsource = \"simulated\"\n[publish]\nfallback = [\"mqtt://b\", \"mqtt://me:hunter2@c\", \"d e\"]\n"
    );
    let errors = Config::parse(&text, "bearwatch.toml", &[]).unwrap_err();
    let told: Vec<String> = errors.mistakes.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(
        told[0].contains("publish.fallback: entry 2 holds a password; write the password"),
        "{}",
        told[0]
    );
    assert!(
        told[1].contains("publish.fallback: entry 3 is not an address; write it as mqtt://"),
        "{}",
        told[1]
    );
    assert!(!told.concat().contains("hunter2"));
}
