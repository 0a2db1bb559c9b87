//! The audit log of the real daemon: what was answered stands in it whatever happened meanwhile, and who changes it is found out.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

mod support;

use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};
use support::daemon::{Home, Listener, SOON, is_root};
use support::orders::{ACCEPT, started, topic};
use support::{Broker, bearwatch, wait_for};

const SIMULATED: &str = "source = \"simulated\"\nfps = 5\n";

fn send(broker: &Broker, word: &str, payload: &str) {
    broker.publish(&topic(word), payload.as_bytes());
}

fn log(home: &Home) -> PathBuf {
    home.store().join("audit.jsonl")
}

fn lines(home: &Home) -> Vec<String> {
    std::fs::read_to_string(log(home)).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Exit code of `check`, and what it says of the log.
fn check(home: &Home) -> (i32, String) {
    let output = bearwatch().args(["check", "--config"]).arg(home.path("bearwatch.toml")).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("audit ")).unwrap_or_default().to_owned();
    (output.status.code().unwrap(), line)
}

#[test]
fn whatever_was_answered_stands_in_the_log_after_every_power_cut() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    for round in 0..8 {
        let mut daemon = started(&home, &mut desk, &[ACCEPT]);
        let before = lines(&home).len();
        for i in 0..6 {
            send(&broker, "log", &format!(r#"{{"v":1,"level":"info","for_s":60,"id":"{round}-{i}"}}"#));
        }
        // The cut comes at another step of the work each time: after the first line, after so many answers, and some milliseconds.
        assert!(wait_for(SOON, || lines(&home).len() > before), "{}", daemon.log());
        for i in 0..round.min(6) {
            desk.hears("answer", |post| post.json()["id"] == format!("{round}-{i}"));
        }
        std::thread::sleep(Duration::from_millis(7 * round));
        daemon.kill();
    }
    std::thread::sleep(Duration::from_millis(300));
    desk.until("the end", |_| true);
    let lines = lines(&home);
    let hash = |line: &str| Sha256::digest(line).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let answers = desk.of("answer");
    assert!(answers.len() >= 27, "{} answers", answers.len());
    for answer in answers {
        let answer = answer.json();
        let line = &lines[answer["audit"]["seq"].as_u64().unwrap() as usize - 1];
        assert_eq!(answer["audit"]["sha256"], hash(line), "{line}");
        assert!(line.contains(answer["id"].as_str().unwrap()), "{line}");
    }
    let (code, told) = check(&home);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("ok") && told.contains("none changed since"), "{told}");
    let boots: std::collections::BTreeSet<String> =
        lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["boot"].to_string()).collect();
    assert_eq!(boots.len(), 8);
}

#[test]
fn who_changes_the_log_is_found_out_by_check() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    for by in ["anna", "bert", "carl"] {
        send(&broker, "disarm", &format!(r#"{{"v":1,"for_s":60,"by":"{by}","id":"{by}"}}"#));
    }
    desk.hears("answer", |post| post.json()["id"] == "carl");
    assert_eq!(daemon.stop(), 0);
    assert_eq!(check(&home).0, 0);
    let whole = lines(&home);
    let write = |lines: &[&str]| std::fs::write(log(&home), lines.join("\n") + "\n").unwrap();
    let changed = whole[2].replace("bert", "nina");
    write(&[&whole[0], &whole[1], &changed, &whole[3]]);
    let (code, told) = check(&home);
    assert_eq!(code, 65);
    assert!(told.contains("FAIL") && told.contains("audit.jsonl:4: line 4 does not follow"), "{told}");
    write(&[&whole[0], &whole[1], &whole[3]]);
    let (code, told) = check(&home);
    assert!(code == 65 && told.contains("lines were taken out or put in"), "{told}");
    // What was cut off at the end shows against any answer that was kept.
    write(&[&whole[0], &whole[1]]);
    let (code, told) = check(&home);
    assert!(code == 0 && told.contains("2 lines, 1 to 2"), "{told}");
    let kept = desk.of("answer").last().unwrap().json();
    assert_eq!(kept["audit"]["seq"], 4);
}

/// A disk of its own that takes nothing any more.
struct Full(PathBuf);

impl Full {
    fn fill(home: &Home) -> Full {
        let folder = home.store();
        std::fs::create_dir_all(&folder).unwrap();
        let mounted = std::process::Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
            .arg(&folder)
            .status()
            .unwrap();
        assert!(mounted.success());
        Full(folder)
    }

    fn is_full(&self) {
        let filler = std::fs::File::create(self.0.join("filler")).unwrap();
        let zeros = [0u8; 4096];
        while std::io::Write::write(&mut &filler, &zeros).is_ok_and(|written| written > 0) {}
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn what_cannot_be_written_down_is_not_done_but_arming_is() {
    if !is_root() {
        return;
    }
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let disk = Full::fill(&home);
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    send(&broker, "disarm", r#"{"v":1,"for_s":600,"id":"before"}"#);
    desk.hears_state("degraded", "DISARMED");
    disk.is_full();
    // The last page of the log may hold some lines more.
    let mut answer = Value::Null;
    for i in 0..25 {
        send(&broker, "shadow", &format!(r#"{{"v":1,"for_s":600,"id":"s{i}"}}"#));
        answer = desk.hears("answer", |post| post.json()["id"] == format!("s{i}")).json();
        if answer["reason"].as_str().unwrap().contains("audit log") {
            break;
        }
    }
    assert!(
        answer["reason"].as_str().unwrap().contains("it cannot be written into the audit log"),
        "{answer}"
    );
    send(&broker, "arm", r#"{"v":1,"id":"arm"}"#);
    let answer = desk.hears("answer", |post| post.json()["id"] == "arm").json();
    assert_eq!(answer["verdict"], "applied", "{answer}");
    let last = desk.of("state").last().unwrap().json();
    let armed = desk.hears("state", |post| {
        post.json()["mode"] == "armed" && post.json()["seq"].as_u64() >= last["seq"].as_u64()
    });
    assert!(armed.json()["until"].is_null());
    daemon.says("only arm and ack are possible until it can be written");
    assert_eq!(daemon.stop(), 0);
    drop(disk);
}
