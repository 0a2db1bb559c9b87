//! `bearwatch watch` as a ranger's desk meets it: a real Mosquitto, messages by hand and by the daemon, junk, and everything that
//! goes away.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

#[path = "support/drawn.rs"]
mod drawn;
mod support;
#[path = "support/desk.rs"]
mod support_desk;

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use bearwatch::capture::pixels::encode_jpeg;
use bearwatch::perceive::frame::Picture;
use rustix::process::Signal;
use serde_json::json;
use support::{ANONYMOUS, Broker, bearwatch, wait_for};
use support_desk::{Desk, LIMIT, Wire, alert, snapshot_options, status};

const ALERT: &str = "bearwatch/v1/creek/north/alert";
const SNAPSHOT: &str = "bearwatch/v1/creek/north/snapshot";
const STATUS: &str = "bearwatch/v1/creek/north/status";

#[test]
fn every_step_of_an_alert_is_a_line_and_the_bell_rings_for_the_news() {
    let broker = Broker::start();
    let desk = Desk::at(&broker, &[]);
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    broker.publish(ALERT, &alert(1, "b1-1", "updated", json!({ "simulated": true, "drill": true })));
    broker.publish(ALERT, &alert(2, "b1-1", "closed", json!({ "late": true })));
    desk.expect("BEAR closed");
    let (code, lines) = desk.end(Signal::INT);
    assert_eq!(code, 0, "Ctrl-C is no failure");
    let line = |text: &str| lines.iter().find(|line| line.contains(text)).unwrap().clone();
    let opened = line("BEAR opened");
    assert!(opened.starts_with('\x07') && opened.contains("creek/north"), "{opened:?}");
    assert!(opened.contains("score 0.93 · infrared · 412 ms") && !opened.contains("LATE"), "{opened:?}");
    assert!(line("DRILL, NO BEAR updated").contains("creek/north"), "{lines:#?}");
    assert!(line("BEAR closed").contains("LATE: taken 2026-11-25"), "{}", line("BEAR closed"));
    assert_eq!(lines.iter().filter(|line| line.contains('\x07')).count(), 1, "{lines:#?}");
    assert!(!lines.concat().contains('\x1b'), "colours are for terminals");
    assert!(lines.last().unwrap().contains("3 messages of 1 cameras heard"), "{lines:#?}");
}

#[test]
fn programs_get_each_message_as_it_was_sent_and_no_bell() {
    let broker = Broker::start();
    let desk = Desk::at(&broker, &["--json"]);
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({ "from_a_newer_daemon": [1, 2] })));
    broker.publish(ALERT, b"{");
    let line = desk.expect_kind("alert");
    assert_eq!(
        (&line["site"], &line["camera"], &line["retained"]),
        (&json!("creek"), &json!("north"), &json!(false))
    );
    assert_eq!(line["message"]["from_a_newer_daemon"], json!([1, 2]));
    assert_eq!(desk.expect_kind("unreadable")["topic"], ALERT);
    let (code, lines) = desk.end(Signal::TERM);
    assert_eq!(code, 0);
    assert!(lines.iter().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()), "{lines:#?}");
    assert!(!lines.concat().contains('\x07'));
}

#[test]
fn snapshots_become_whole_files_named_by_time_camera_and_alert() {
    let (broker, folder) = (Broker::start(), tempfile::tempdir().unwrap());
    let album = folder.path().join("pictures");
    let desk = Desk::at(&broker, &["--save", album.to_str().unwrap()]);
    let jpeg = encode_jpeg(&Picture::new(64, 48), 80, u32::MAX).unwrap();
    broker.publish_with(SNAPSHOT, &jpeg, &snapshot_options("b1-1", "4"));
    broker.publish_with(SNAPSHOT, &jpeg, &snapshot_options("../../b1", "5"));
    desk.expect("_005.jpg");
    let mut names: Vec<_> =
        fs::read_dir(&album).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(
        names,
        ["20261125T021406.500Z_creek_north_b1-1_004.jpg", "20261125T021406.500Z_creek_north_b1_005.jpg"]
    );
    assert!(names.iter().all(|name| fs::read(album.join(name)).unwrap() == jpeg));
    // The folder goes away: that is said, and the alerts go on.
    fs::remove_dir_all(&album).unwrap();
    broker.publish_with(SNAPSHOT, &jpeg, &snapshot_options("b1-1", "6"));
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    desk.expect("BEAR opened");
    let (code, lines) = desk.end(Signal::INT);
    assert_eq!(code, 74, "a picture could not be saved");
    assert!(lines.last().unwrap().contains("1 pictures NOT saved"), "{lines:#?}");
}

#[test]
fn junk_is_named_and_does_no_harm() {
    let broker = Broker::start();
    let desk = Desk::at(&broker, &[]);
    let deep = "[".repeat(100_000);
    let junk: [(&str, &[u8]); 8] = [
        (ALERT, b""),
        (ALERT, &[0xff, 0x00, 0x1b]),
        ("bearwatch/v1/creek/north/telemetry", deep.as_bytes()),
        (STATUS, br#"{"v":1,"state":"dancing"}"#),
        (SNAPSHOT, b"no picture"),
        ("bearwatch/v1/creek/north/other", b"{}"),
        ("bearwatch/v1/../Etc/alert", b"{}"),
        ("bearwatch/v1/a/\u{202e}b/status", b"{}"),
    ];
    for (topic, payload) in junk {
        broker.publish(topic, payload);
    }
    broker.publish(
        "bearwatch/v1/creek/east/status",
        &status(0, "degraded", "\u{1b}[2J\u{7}gone\r\nFAKE\u{202e}"),
    );
    let line = desk.expect("creek/east");
    assert!(line.contains("gone") && line.contains("FAKE"), "{line:?}");
    let (code, lines) = desk.end(Signal::INT);
    assert_eq!(code, 0);
    let told = lines.iter().filter(|line| line.contains("unreadable message on")).count();
    assert_eq!(told, 7, "a topic each: {lines:#?}");
    assert!(
        lines.iter().all(|line| !line.contains(|c: char| c.is_control() || c == '\u{202e}')),
        "{lines:#?}"
    );
}

#[test]
fn numbers_that_are_missing_or_come_twice_are_told() {
    let broker = Broker::start();
    let desk = Desk::at(&broker, &["--verify"]);
    broker.publish(ALERT, &alert(7, "b1-1", "opened", json!({})));
    for seq in [8, 11, 10, 10, 15, 14, 12, 13] {
        broker.publish(ALERT, &alert(seq, "b1-1", "updated", json!({})));
    }
    desk.expect("came again");
    assert!(desk.expect("MISSING").contains("alert numbers 9 to 10"), "{:#?}", desk.lines());
    desk.expect("alert numbers 12 to 14, missing before, have all come after all");
    assert!(!desk.lines().iter().any(|line| line.contains("number 10, missing")), "{:#?}", desk.lines());
    let (code, lines) = desk.end(Signal::INT);
    assert_eq!(code, 65);
    let last = lines.last().unwrap();
    assert!(
        last.contains("1 alerts or pictures are MISSING") && last.contains("1 messages came twice"),
        "{last}"
    );
}

#[test]
fn a_camera_that_says_nothing_is_named_and_greeted_when_it_is_back() {
    let broker = Broker::start();
    broker.publish_with(STATUS, &status(0, "online", "YUYV 640×480"), &["--retain"]);
    let desk = Desk::at(&broker, &["--silence", "1"]);
    assert!(desk.expect("online: YUYV").contains("so since"), "what the broker kept speaks of the past");
    assert!(desk.expect("SILENT").contains("creek/north"));
    broker.publish(STATUS, &status(1, "online", "YUYV 640×480"));
    desk.expect("heard again after");
}

#[test]
fn a_broker_that_is_away_comes_and_goes_is_waited_for() {
    let mut broker = Broker::start();
    broker.kill();
    let desk = Desk::start(&["--broker", &broker.url]);
    assert!(desk.expect("NOT CONNECTED").contains("refused"), "{:#?}", desk.lines());
    broker.start_again();
    desk.expect("connected");
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    desk.expect("BEAR opened");
    broker.kill();
    let lost = |desk: &Desk| desk.lines().iter().filter(|line| line.contains("NOT CONNECTED")).count();
    assert!(wait_for(LIMIT, || lost(&desk) >= 2));
    broker.start_again();
    desk.expect("connected again");
    broker.publish(ALERT, &alert(0, "b1-2", "opened", json!({})));
    assert!(wait_for(LIMIT, || desk.lines().iter().filter(|line| line.contains("BEAR opened")).count() == 2));
    assert_eq!(desk.end(Signal::TERM).0, 0);
}

#[test]
fn what_cameras_send_while_the_desk_is_cut_off_follows_when_it_is_back() {
    let broker = Broker::start();
    let wire = Wire::to(&broker);
    let desk = Desk::start(&["--broker", &wire.url, "--verify"]);
    desk.expect("connected");
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    desk.expect("BEAR opened");
    wire.cut();
    desk.expect("NOT CONNECTED");
    broker.publish(ALERT, &alert(1, "b1-1", "updated", json!({})));
    broker.publish(ALERT, &alert(2, "b1-1", "closed", json!({})));
    std::thread::sleep(Duration::from_millis(300));
    assert!(!desk.lines().concat().contains("BEAR updated"), "the wire was not cut");
    wire.mend();
    desk.expect("BEAR updated");
    desk.expect("BEAR closed");
    let (code, lines) = desk.end(Signal::INT);
    assert_eq!(code, 0, "{lines:#?}");
    assert!(lines.last().unwrap().contains("nothing is missing of 3"), "{lines:#?}");
    assert!(
        wait_for(LIMIT, || broker.log().matches("Received DISCONNECT").count() > 0),
        "it left without a word"
    );
    assert!(broker.log().contains("Received UNSUBSCRIBE"), "the broker would go on keeping messages for it");
}

#[test]
fn a_broker_that_refuses_us_ends_the_watch_and_the_right_password_opens() {
    let folder = tempfile::tempdir().unwrap();
    let (users, right, wrong) =
        (folder.path().join("users"), folder.path().join("right"), folder.path().join("wrong"));
    let made =
        Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&users).args(["ranger", "secret"]).status();
    assert!(made.expect("mosquitto_passwd does not run: apt-get install mosquitto").success());
    fs::write(&right, "secret\n").unwrap();
    fs::write(&wrong, "guess\n").unwrap();
    let broker = Broker::with_config(&format!("allow_anonymous false\npassword_file {}", users.display()));
    let words = ["--broker", &broker.url, "--user", "ranger", "--password-file"];
    let (code, errors) = Desk::start(&[&words[..], &[wrong.to_str().unwrap()]].concat()).ended();
    assert_eq!(code, 69);
    assert!(errors.contains("refused us") && errors.contains("password"), "{errors}");
    assert!(!errors.contains("guess"), "the password is shown: {errors}");
    let config = folder.path().join("bearwatch.toml");
    let text = format!(
        "[site]\nname = \"creek\"\ncamera = \"north\"\n[capture]\nsource = \"simulated\"\n[publish]\nbroker = \"{}\"\n\
         user = \"ranger\"\npassword_file = \"{}\"\n",
        broker.url,
        right.display()
    );
    fs::write(&config, text).unwrap();
    let desk = Desk::start(&["--config", config.to_str().unwrap(), "--seconds", "3"]);
    desk.expect("connected");
    assert_eq!(desk.ended().0, 0, "--seconds ends it");
}

#[test]
fn what_cannot_be_begun_is_told_with_its_code() {
    let code = |arguments: &[&str]| Desk::start(arguments).ended();
    assert_eq!(code(&["--site", "A B"]).0, 64);
    assert_eq!(code(&["--cert-file", "x.pem"]).0, 64);
    assert_eq!(code(&["--save", "/proc/pictures"]).0, 73);
    assert_eq!(code(&["--config", "/nowhere.toml"]).0, 78);
    let (exit, errors) = code(&["--broker", "mqtt://ranger:secret@h"]);
    assert!(exit == 78 && errors.contains("password_file") && !errors.contains("secret"), "{exit} {errors}");
    let (exit, errors) = code(&["--user", "r", "--password-file", "/nowhere"]);
    assert!(exit == 78 && errors.contains("/nowhere"), "{exit} {errors}");
}

/// The daemon; killed when dropped.
struct Daemon(Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The daemon on pictures of a drawn bear, over and over. It is to believe whatever resembles a bear: what the model is worth
/// is measured elsewhere.
fn daemon(folder: &Path, broker: &Broker) -> Daemon {
    let pictures = folder.join("pictures");
    fs::create_dir_all(&pictures).unwrap();
    fs::write(pictures.join("bear.jpg"), encode_jpeg(&drawn::bear().0, 90, u32::MAX).unwrap()).unwrap();
    let config = folder.join("bearwatch.toml");
    let text = format!(
        "[site]\nname = \"creek\"\ncamera = \"north\"\n[capture]\nsource = \"files\"\npath = {pictures:?}\nfps = 5\nloop = true\n\
         [perceive]\nbear_threshold = 0.05\n[alert]\nfalse_alarms_per_day = 1000\n[publish]\nbroker = \"{}\"\ntelemetry_s = 0.5\n[store]\npath = {:?}\n",
        broker.url,
        folder.join("store")
    );
    fs::write(&config, text).unwrap();
    Daemon(bearwatch().args(["run", "--config"]).arg(&config).spawn().unwrap())
}

#[test]
fn the_daemon_is_seen_to_come_to_alert_to_fall_silent_and_to_die() {
    let (broker, folder) = (Broker::with_config(ANONYMOUS), tempfile::tempdir().unwrap());
    let album = folder.path().join("album");
    let desk = Desk::at(&broker, &["--silence", "4", "--verify", "--save", album.to_str().unwrap()]);
    let daemon = daemon(folder.path(), &broker);
    desk.expect("online");
    assert!(desk.expect("BEAR opened").starts_with('\x07'));
    desk.expect("picture /");
    let saved = fs::read_dir(&album).unwrap().next().unwrap().unwrap().path();
    assert!(bearwatch::capture::pixels::read_picture(&saved).unwrap().width > 0, "{}", saved.display());
    let signal =
        |signal| rustix::process::kill_process(rustix::process::Pid::from_child(&daemon.0), signal).unwrap();
    signal(Signal::STOP);
    desk.expect("SILENT");
    signal(Signal::CONT);
    desk.expect("heard again after");
    drop(daemon);
    assert!(desk.expect("OFFLINE").contains("connection lost"), "the last will");
    std::thread::sleep(Duration::from_millis(100));
    let (code, lines) = desk.end(Signal::INT);
    assert_eq!(code, 0, "{lines:#?}");
    assert!(lines.last().unwrap().contains("nothing is missing"), "{lines:#?}");
}
