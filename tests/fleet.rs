//! Many cameras and many consumers: the swarm against a real Mosquitto, and watchers that share the work.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be set up is a failure"
)]

#[path = "support/desk.rs"]
mod desk;
mod support;

use std::collections::BTreeMap;
use std::process::Output;

use desk::{Desk, alert};
use rustix::process::Signal;
use serde_json::{Value, json};
use support::daemon::Listener;
use support::{ANONYMOUS, Broker, bearwatch, wait_for};

fn swarm(broker: &Broker, more: &[&str]) -> Output {
    bearwatch().args(["swarm", "--broker", &broker.url, "--json", "-"]).args(more).output().unwrap()
}

fn report(output: &Output) -> Value {
    let errors = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"))
}

/// Fifty cameras for some seconds, many bears, connections that break: everything arrives, last wills too.
#[test]
fn nothing_that_a_swarm_says_is_missing() {
    let broker = Broker::start();
    let mut listener = Listener::start(&broker);
    let rates = ["--telemetry-s", "2", "--bears-per-hour", "360", "--cuts-per-hour", "240"];
    let played = ["--cameras", "50", "--seconds", "8", "--seed", "5"];
    let output = swarm(&broker, &[&played[..], &rates[..]].concat());
    let report = report(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(
        (&report["connected"], &report["missing"], &report["strange"]),
        (&50.into(), &0.into(), &0.into())
    );
    let said = |topic: &str| report["topics"][topic]["said"].as_u64().unwrap();
    assert!(said("telemetry") >= 50 && said("alert") >= 40 && said("snapshot") >= 80, "{report:#}");
    assert!(report["cuts"].as_u64().unwrap() >= 5, "no connection was cut: {report:#}");
    assert_eq!(report["wills"]["due"], report["wills"]["heard"]);
    assert!(report["latency_ms"]["p50"].as_f64().unwrap() > 0.0);
    // A subscriber that is not ours heard the same, each number once at least.
    let all = listener.until("all alerts", |posts| {
        posts.iter().filter(|p| p.kind.ends_with("/alert")).count() as u64 >= said("alert")
    });
    let mut rows: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
    for post in all.iter().filter(|post| post.kind.ends_with("/alert")) {
        let row = rows.entry((&post.kind, &post.properties["boot"])).or_default();
        row.push(post.properties["seq"].parse().unwrap());
    }
    for (camera, mut numbers) in rows {
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>(), "{camera:?}");
    }
    let sites: std::collections::BTreeSet<String> =
        listener.posts.iter().map(|post| post.kind.split('/').nth(2).unwrap().to_owned()).collect();
    assert_eq!(sites.len(), 5, "ten cameras a site: {sites:?}");
}

/// A broker that takes pictures and passes none on is found out. (Not by a limit to what it takes: Mosquitto breaks the connection of whoever
/// sends more, and telemetry on its way is lost with it.)
#[test]
fn what_a_broker_drops_is_told_as_missing() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    let passed_on =
        ["alert", "telemetry", "status", "state"].map(|kind| format!("topic bearwatch/v1/+/+/{kind}"));
    let taken = "topic write bearwatch/v1/+/+/snapshot\n";
    std::fs::write(&rules, passed_on.join("\n") + "\n" + taken).unwrap();
    let broker = Broker::with_config(&format!("{ANONYMOUS}acl_file {}", rules.display()));
    let output = swarm(
        &broker,
        &["--cameras", "5", "--seconds", "4", "--bears-per-hour", "3000", "--telemetry-s", "1"],
    );
    let report = report(&output);
    assert_eq!(output.status.code(), Some(65), "{report:#}");
    let topic = |name: &str| (&report["topics"][name]["said"], &report["topics"][name]["missing"]);
    let (said, missing) = topic("snapshot");
    assert!(said == missing && said.as_u64().unwrap() > 0, "{report:#}");
    for kind in ["alert", "telemetry", "status", "state"] {
        assert!(topic(kind).0.as_u64().unwrap() > 0 && topic(kind).1 == 0, "{kind}: {report:#}");
    }
    assert_eq!((&report["refused"], &report["broken"]), (&0.into(), &0.into()));
}

#[test]
fn a_broker_that_is_away_or_too_few_files_are_told_before_anything_is_played() {
    let away =
        bearwatch().args(["swarm", "--broker", "mqtt://127.0.0.1:1", "--cameras", "2"]).output().unwrap();
    assert_eq!(away.status.code(), Some(69), "{}", String::from_utf8_lossy(&away.stderr));
    let program = bearwatch();
    let script = format!("ulimit -n 100; exec {} swarm --cameras 90", program.get_program().display());
    let few = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    let errors = String::from_utf8_lossy(&few.stderr);
    assert!(few.status.code() == Some(75) && errors.contains("ulimit -Hn 154"), "{errors}");
}

#[test]
fn watchers_of_a_group_share_the_messages_and_none_gets_one_twice() {
    const MANY: u64 = 40;
    let broker = Broker::start();
    let pair = [(); 2].map(|()| Desk::at(&broker, &["--json", "--share", "archive"]));
    let other = Desk::at(&broker, &["--json", "--share", "mirror"]);
    for seq in 0..MANY {
        let message = alert(seq, &format!("00000000000000b1-{seq}"), "opened", json!({}));
        broker.publish("bearwatch/v1/yellow-creek/north/alert", &message);
    }
    let heard =
        |desk: &Desk| desk.lines().iter().filter(|line| line.contains("\"kind\":\"alert\"")).count() as u64;
    assert!(wait_for(desk::LIMIT, || heard(&other) == MANY), "another group hears all: {}", heard(&other));
    assert!(wait_for(desk::LIMIT, || pair.iter().map(heard).sum::<u64>() >= MANY));
    let counts = pair.each_ref().map(heard);
    assert_eq!(counts.iter().sum::<u64>(), MANY, "{counts:?}");
    assert!(counts.iter().all(|&count| count >= MANY / 5), "one does it all: {counts:?}");
    let [first, second] = pair;
    // The one that goes leaves its work to the other.
    assert_eq!(first.end(Signal::TERM).0, 0);
    let before = heard(&second);
    for seq in MANY..MANY + 5 {
        let message = alert(seq, &format!("00000000000000b1-{seq}"), "opened", json!({}));
        broker.publish("bearwatch/v1/yellow-creek/north/alert", &message);
    }
    assert!(wait_for(desk::LIMIT, || heard(&second) == before + 5), "{:?}", second.lines());
    let refused = bearwatch().args(["watch", "--share", "archive", "--json", "--verify"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(64), "numbers of a part of the messages prove nothing");
}
