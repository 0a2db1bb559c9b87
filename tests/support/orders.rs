//! Commands to a daemon under test, and what is left of them on its disk.

use std::process::Output;

use serde_json::Value;

use super::daemon::{Daemon, Home, Listener, Post};
use super::{Broker, bearwatch};

pub const BASE: &str = "bearwatch/v1/yellow-creek/north";
pub const ACCEPT: &str = "command.accept=true";

pub fn topic(word: &str) -> String {
    format!("{BASE}/set/{word}")
}

/// `bearwatch command` with the camera's address; exit code, stdout, stderr.
pub fn command(broker: &Broker, arguments: &[&str]) -> (i32, String, String) {
    let place = ["--broker", &broker.url, "--site", "yellow-creek", "--camera", "north"];
    let Output { status, stdout, stderr } =
        bearwatch().arg("command").args(arguments).args(place).env("NO_COLOR", "1").output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap(), text(stdout), text(stderr))
}

/// The answer to the command that was sent with this id.
pub fn answer(desk: &mut Listener, id: &str) -> Value {
    desk.hears("answer", |post| post.json()["id"] == id).json()
}

/// The lines of the audit log.
pub fn audit(home: &Home) -> Vec<Value> {
    let text = std::fs::read_to_string(home.store().join("audit.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn overrides(home: &Home) -> String {
    std::fs::read_to_string(home.store().join("overrides.toml")).unwrap_or_default()
}

/// Waits for the birth of a daemon that was just started: nothing was heard since.
pub fn born(desk: &mut Listener, daemon: Daemon) -> Daemon {
    let at = desk.posts.len();
    let first = |post: &Post| post.kind == "status" && post.json()["seq"] == 0;
    let alive = |post: &Post| post.json()["state"] != "offline" && !post.retained;
    desk.until("a birth", |posts| posts[at..].iter().any(|post| first(post) && alive(post)));
    daemon
}

pub fn started(home: &Home, desk: &mut Listener, sets: &[&str]) -> Daemon {
    born(desk, home.start(sets))
}
