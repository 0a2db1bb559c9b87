//! Quiet hours from the file to the ranger: what an administrator may write, what `check` says of it, and what a desk hears.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be set up is a failure"
)]

mod support;

use std::process::Command;

use bearwatch::config::Config;
use serde_json::Value;
use support::daemon::{Home, Listener, SOON, is_root};
use support::{Broker, bearwatch};

/// Quiet all day: the wall clock of the machine that runs the tests is what it is.
const ALWAYS: [&str; 2] = ["alert.quiet=[\"00:00-24:00\"]", "alert.time_zone=Europe/Bratislava"];

/// Mistakes of `[alert]` with these lines, the first of which is line 5.
fn mistakes(lines: &str) -> Vec<String> {
    let text = format!("[site]\nname = \"creek\"\ncamera = \"north\"\n[alert]\n{lines}\n");
    let errors = Config::parse(&text, "bearwatch.toml", &[]).unwrap_err();
    errors.mistakes.iter().map(ToString::to_string).collect()
}

fn synchronised() -> bool {
    bearwatch::system::clock::Clock::start().is_synchronised()
}

#[test]
fn every_slip_is_told_with_line_and_remedy() {
    let told = mistakes("quiet = [\n  \"22:00-06:00\",\n  \"8-17\",\n  \"12:00-12:00\",\n]");
    let expected = [
        "bearwatch.toml:5: alert.quiet: \"8-17\" holds \"8\", which is no time of day from 00:00 to 24:00; write HH:MM-HH:MM, as \
         22:00-06:00",
        "bearwatch.toml:5: alert.quiet: \"12:00-12:00\" has no length (the whole day is 00:00-24:00); write HH:MM-HH:MM, as 22:00-06:00",
        "bearwatch.toml:5: alert.quiet: is given without time_zone; add time_zone = \"Europe/Bratislava\", or where the site is, to \
         [alert]",
    ];
    assert_eq!(told, expected);
    let told = mistakes("quiet = [\"22:00-06:00\"]\ntime_zone = \"Europe/Bratislawa\"");
    assert_eq!(
        told,
        [
            "bearwatch.toml:6: alert.time_zone: \"Europe/Bratislawa\" is no time zone known here; did you mean \"Europe/Bratislava\"?"
        ]
    );
    let told = mistakes("time_zone = \"the park's own\"\nquiet = \"22:00-06:00\"");
    assert!(
        told[0].contains("time_zone: \"the park's own\" is no time zone known here; give a name"),
        "{told:?}"
    );
    assert!(told[1].contains("6: alert.quiet: \"22:00-06:00\" is not a list of hours"), "{told:?}");
}

#[test]
fn hours_and_zone_are_read_and_may_be_changed_at_run_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bearwatch.toml");
    let store = folder.path().display().to_string();
    let text = "[site]\nname = \"creek\"\ncamera = \"north\"\n[alert]\ntime_zone = \"Europe/Bratislava\"\nquiet = [\"12:00-13:00\"]\n";
    std::fs::write(&file, format!("{text}[store]\npath = {store:?}\n")).unwrap();
    assert_eq!(Config::load(&file, &[]).unwrap().quiet.to_string(), "12:00-13:00 Europe/Bratislava");
    std::fs::write(folder.path().join("overrides.toml"), "[alert]\nquiet = [\"22:00-06:00\"]\n").unwrap();
    assert_eq!(Config::load(&file, &[]).unwrap().quiet.to_string(), "22:00-06:00 Europe/Bratislava");
    std::fs::write(folder.path().join("overrides.toml"), "[alert]\nquiet = [\"22\"]\nupdate_s = 7\n")
        .unwrap();
    let config = Config::load(&file, &[]).unwrap();
    assert_eq!(
        (config.quiet.to_string().as_str(), config.perceive.update_s),
        ("12:00-13:00 Europe/Bratislava", 7.0)
    );
    assert_eq!(config.overrides.refused.len(), 1);
}

#[test]
fn check_says_whether_they_are_now_or_that_the_clock_keeps_them_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bearwatch.toml");
    let store = folder.path().join("store");
    let text = format!(
        "[site]\nname = \"creek\"\ncamera = \"north\"\n[capture]\nsource = \"simulated\"\n[publish]\nbroker = \"mqtt://127.0.0.1:1\"\n\
         [store]\npath = {store:?}\n"
    );
    std::fs::write(&file, text).unwrap();
    let sets = ALWAYS.iter().flat_map(|set| ["--set", set]);
    let output = bearwatch().args(["check", "--json", "--config"]).arg(&file).args(sets).output().unwrap();
    let findings = String::from_utf8(output.stdout).unwrap();
    let findings: Vec<Value> = findings.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let clock = findings.iter().find(|finding| finding["subject"] == "clock").unwrap();
    let text = |key: &str| clock[key].as_str().unwrap();
    match synchronised() {
        true => assert!(text("what").contains("quiet hours 00:00-24:00 Europe/Bratislava, now"), "{clock}"),
        false => assert!(text("remedy").contains("alert.quiet demotes nothing"), "{clock}"),
    }
}

/// Severities of the alerts that a daemon sends with these hours, and its log.
fn severities(sets: &[&str], change: impl FnOnce(&mut Command)) -> (Vec<String>, String) {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 5, false);
    let mut daemon = home.start_with(sets, change);
    assert_eq!(daemon.ends_within(SOON), 0, "{}", daemon.log());
    desk.hears_state("offline", "stopped");
    let severity = |alert: Value| alert["severity"].as_str().unwrap().to_owned();
    let told: Vec<String> = desk.alerts().into_iter().map(severity).collect();
    assert!(!told.is_empty(), "{}", daemon.log());
    (told, daemon.log())
}

/// As on a board whose clock is set: the mark of systemd-timesyncd, in a mount namespace of the daemon's own.
fn with_set_clock(command: &mut Command) {
    let script = "mount -t tmpfs tmpfs /run && mkdir -p /run/systemd/timesync && : >/run/systemd/timesync/synchronized && exec \"$@\"";
    let mut inside = Command::new("unshare");
    inside.args(["--mount", "sh", "-c", script, "sh"]).arg(command.get_program()).args(command.get_args());
    inside.env("NO_COLOR", "1");
    *command = inside;
}

#[test]
fn a_bear_in_quiet_hours_is_told_as_low() {
    if !is_root() {
        return;
    }
    let (told, log) = severities(&ALWAYS, with_set_clock);
    assert!(told.iter().all(|severity| severity == "low"), "{told:?}");
    assert_eq!(log.matches("quiet hours (00:00-24:00 Europe/Bratislava) begin").count(), 1, "{log}");
    let guarded = [ALWAYS[0], ALWAYS[1], "alert.guard=[\"0,0 1,0 1,1 0,1\"]"];
    let (told, _) = severities(&guarded, with_set_clock);
    assert!(told.iter().all(|severity| severity == "high"), "{told:?}");
}

#[test]
fn a_clock_that_is_not_set_demotes_nothing_and_the_log_says_so_once() {
    if synchronised() {
        println!("not run: the clock of this machine is synchronised");
        return;
    }
    let (told, log) = severities(&ALWAYS, |_| {});
    assert!(told.iter().all(|severity| severity == "normal"), "{told:?}");
    assert_eq!(log.matches("alert.quiet demotes nothing").count(), 1, "{log}");
}
