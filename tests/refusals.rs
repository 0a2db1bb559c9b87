//! Commands that are not carried out: each is told with the reason, and none does harm.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

mod support;

use std::process::Command;

use serde_json::{Value, json};
use support::daemon::{Home, Listener};
use support::orders::{ACCEPT, answer, audit, command, started, topic};
use support::{ANONYMOUS, Broker, bearwatch};

const SIMULATED: &str = "source = \"simulated\"\nfps = 5\n";

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

/// The rules of the documentation, held by a real broker.
#[test]
fn the_access_rules_of_the_documentation_let_everybody_do_their_own_and_nothing_else() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/messages.md")).unwrap();
    let rules = page.split("```").find(|block| block.contains("user yellow-creek-north")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(file("rules"), rules).unwrap();
    for (i, user) in ["yellow-creek-north", "desk", "chief"].into_iter().enumerate() {
        let create: &[&str] = if i == 0 { &["-b", "-c"] } else { &["-b"] };
        let made =
            Command::new("mosquitto_passwd").args(create).args([&file("users"), user, "salmon"]).status();
        assert!(made.unwrap().success());
    }
    std::fs::write(file("password"), "salmon\n").unwrap();
    let rules = format!("password_file {}\nacl_file {}", file("users"), file("rules"));
    let broker = Broker::with_config(&rules);
    let mut all = Listener::with(&broker, &["-u", "chief", "-P", "salmon"]);
    let home = Home::new(&broker.url, SIMULATED);
    let password = format!("publish.password_file={}", file("password"));
    let sets = [ACCEPT, "publish.user=yellow-creek-north", &password, "acknowledge.ladder=[\"1 duty\"]"];
    let mut daemon = started(&home, &mut all, &sets);
    let by = |user: &str, words: &[&str]| {
        command(&broker, &[words, &["--user", user, "--password-file", &file("password")]].concat())
    };
    all.hears_state("online", "SIMULATED");
    assert_eq!(by("desk", &["snapshot"]).0, 0);
    all.hears("snapshot", |_| true);
    let (code, _, err) = by("desk", &["disarm", "--for", "60s"]);
    assert!(code == 69 && err.contains("does not let us command"), "{err}");
    assert_eq!(by("chief", &["disarm", "--for", "60s"]).0, 0);
    assert_eq!(by("yellow-creek-north", &["arm"]).0, 69, "a stolen camera commands nobody, not even itself");
    all.hears_state("degraded", "DISARMED");
    assert_eq!(daemon.stop(), 0);
    all.hears_state("offline", "stopped");
}
