//! Commands to the real daemon over a real Mosquitto, by our own program and by clients that are not ours.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

mod support;

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};
use support::daemon::{Daemon, Home, Listener, Post, SOON};
use support::{ANONYMOUS, Broker, bearwatch, wait_for};

const BASE: &str = "bearwatch/v1/yellow-creek/north";
const ACCEPT: &str = "command.accept=true";
const SIMULATED: &str = "source = \"simulated\"\nfps = 5\n";

fn topic(word: &str) -> String {
    format!("{BASE}/set/{word}")
}

/// `bearwatch command` with the camera's address; exit code, stdout, stderr.
fn command(broker: &Broker, arguments: &[&str]) -> (i32, String, String) {
    let place = ["--broker", &broker.url, "--site", "yellow-creek", "--camera", "north"];
    let Output { status, stdout, stderr } =
        bearwatch().arg("command").args(arguments).args(place).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The answer to the command that was sent with this id.
fn answer(desk: &mut Listener, id: &str) -> Value {
    desk.hears("answer", |post| post.json()["id"] == id).json()
}

/// The lines of the audit log.
fn audit(home: &Home) -> Vec<Value> {
    let text = std::fs::read_to_string(home.store().join("audit.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn overrides(home: &Home) -> String {
    std::fs::read_to_string(home.store().join("overrides.toml")).unwrap_or_default()
}

fn started(home: &Home, desk: &mut Listener, sets: &[&str]) -> Daemon {
    let at = desk.posts.len();
    let daemon = home.start(sets);
    desk.until("a birth", |posts| {
        let born = |post: &Post| post.kind == "status" && post.json()["state"] != "offline";
        posts[at..].iter().any(|post| born(post) && !post.retained)
    });
    daemon
}

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

// ---- what is refused ---------------------------------------------------------------------------------------------------------

#[test]
fn every_refused_command_is_published_as_refused_with_the_reason_and_stands_in_the_audit_log() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[ACCEPT, "command.longest_s=3600"]);
    let refused = [
        ("disarm", r#"{"v":1,"id":"1"}"#, "nothing is ordered for ever"),
        (
            "disarm",
            r#"{"v":1,"id":"2","for_s":3601}"#,
            "longer than the 3600 s that command.longest_s allows",
        ),
        ("disarm", r#"{"v":1,"id":"3","for_s":60,"until":"later"}"#, "the field \"until\" is not known here"),
        ("reboot", r#"{"v":1,"id":"4"}"#, "no such command"),
        ("arm", r#"{"v":1,"id":"5","boot":"00"}"#, "another life of the daemon"),
        ("arm", r#"{"v":7,"id":"6"}"#, "\"v\" must be 1"),
    ];
    for (i, (word, payload, why)) in refused.into_iter().enumerate() {
        broker.publish(&topic(word), payload.as_bytes());
        let told = answer(&mut desk, &(i + 1).to_string());
        assert_eq!((&told["verdict"], &told["command"]), (&json!("refused"), &json!(word)));
        assert!(told["reason"].as_str().unwrap().contains(why), "{told}");
    }
    broker.publish(&topic("arm"), &[0xff, 0x00]);
    let junk = desk.hears("answer", |post| post.json()["id"].is_null()).json();
    assert!(junk["reason"].as_str().unwrap().starts_with("not JSON"), "{junk}");
    broker.publish(&topic("arm"), &[b' '; 10_000]);
    desk.hears("answer", |post| post.json()["reason"] == "larger than 4096 bytes");
    assert_eq!(audit(&home).iter().filter(|line| line["verdict"] == "refused").count(), 8);
    desk.hears_state("online", "SIMULATED");
    assert_eq!(daemon.stop(), 0);
}

/// It would be carried out again at every start.
#[test]
fn a_retained_command_is_refused() {
    let broker = Broker::start();
    broker.publish_with(&topic("disarm"), br#"{"v":1,"for_s":600,"id":"r"}"#, &["--retain"]);
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = home.start(&[ACCEPT]);
    let told = answer(&mut desk, "r");
    assert!(told["reason"].as_str().unwrap().contains("retained"), "{told}");
    desk.hears_state("online", "SIMULATED");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_camera_that_takes_no_commands_listens_to_none() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[]);
    let (code, _, err) = command(&broker, &["disarm", "--for", "60s", "--timeout", "2"]);
    assert_eq!(code, 69);
    assert!(err.contains("does not answer") && err.contains("command.accept = true"), "{err}");
    desk.hears_state("online", "SIMULATED");
    assert_eq!(daemon.stop(), 0);
    assert!(desk.of("state").is_empty() && desk.of("answer").is_empty());
    assert!(!home.store().join("audit.jsonl").exists());
    let (code, _, err) = command(&broker, &["arm", "--timeout", "5"]);
    assert_eq!(code, 69);
    assert!(err.contains("is offline since") && err.contains("not kept for it"), "{err}");
}

#[test]
fn a_flood_of_junk_neither_holds_up_the_camera_nor_fills_its_disk() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    let lines = "x".repeat(900) + "\n";
    let (port, to) = (broker.port.to_string(), topic("disarm"));
    let mut flood = Command::new("mosquitto_pub")
        .args(["-V", "5", "-h", "127.0.0.1", "-p", &port, "-q", "0", "-l", "-t", &to])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = flood.stdin.take().unwrap();
    std::io::Write::write_all(&mut pipe, lines.repeat(4_000).as_bytes()).unwrap();
    drop(pipe);
    assert!(flood.wait().unwrap().success());
    let told = desk.hears("answer", |post| post.json()["command"] == "several").json();
    assert!(told["reason"].as_str().unwrap().contains("came faster than they could be looked at"), "{told}");
    let at = desk.posts.len();
    desk.until("alerts go on", |posts| posts[at..].iter().any(|post| post.kind == "alert"));
    assert!(desk.of("answer").len() < 60, "{} answers", desk.of("answer").len());
    assert!(audit(&home).len() < 60);
    assert_eq!(daemon.stop(), 0, "{}", daemon.log());
}

// ---- answers -----------------------------------------------------------------------------------------------------------------

#[test]
fn who_asks_by_mqtt_v5_is_answered_where_it_wants_and_not_in_a_camera_s_name() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    let ask = |response: &str, wait: &str| {
        let port = broker.port.to_string();
        let output = Command::new("mosquitto_rr")
            .args(["-V", "5", "-h", "127.0.0.1", "-p", &port, "-t", &topic("arm"), "-e", response])
            .args([
                "-m",
                r#"{"v":1,"id":"rr"}"#,
                "-D",
                "publish",
                "correlation-data",
                "c-7",
                "-W",
                wait,
                "-F",
                "%D %p",
            ])
            .output()
            .expect("mosquitto_rr does not run: apt-get install mosquitto-clients");
        String::from_utf8(output.stdout).unwrap()
    };
    let told = ask("desk/7/answers", "20");
    let (correlation, body) = told.trim().split_once(' ').unwrap();
    assert_eq!(correlation, "c-7");
    assert_eq!(serde_json::from_str::<Value>(body).unwrap()["verdict"], "applied");
    assert_eq!(answer(&mut desk, "rr")["verdict"], "applied", "everybody else hears of it");
    assert_eq!(ask("bearwatch/v1/yellow-creek/south/alert", "2"), "", "an answer in the place of an alert");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_broker_that_forbids_commands_is_told_from_a_camera_that_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::write(&rules, "topic readwrite #\ntopic deny bearwatch/v1/+/+/set/#\n").unwrap();
    let broker = Broker::with_config(&format!("{ANONYMOUS}acl_file {}", rules.display()));
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    let (code, _, err) = command(&broker, &["disarm", "--for", "60s"]);
    assert_eq!(code, 69);
    assert!(err.contains("does not let us command yellow-creek/north (NotAuthorized)"), "{err}");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn what_the_program_cannot_ask_is_told_with_its_code() {
    let broker = Broker::start();
    assert_eq!(command(&broker, &["disarm"]).0, 64);
    assert_eq!(command(&broker, &["threshold", "2"]).0, 64);
    let (code, _, err) = command(&broker, &["arm", "--timeout", "5"]);
    assert!(code == 69 && err.contains("nothing is known of a camera yellow-creek/north"), "{code} {err}");
    let output = bearwatch().args(["command", "arm", "--broker", &broker.url]).output().unwrap();
    assert_eq!(output.status.code(), Some(64));
    let output = bearwatch()
        .args([
            "command",
            "arm",
            "--broker",
            "mqtt://127.0.0.1:1",
            "--site",
            "a",
            "--camera",
            "b",
            "--timeout",
            "1",
        ])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(69));
}
