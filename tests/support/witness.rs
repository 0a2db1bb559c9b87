//! Somebody else who listens to the broker of a station.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::bearwatch;

/// What somebody else heard on a broker: life and number, by kind.
pub struct Witness {
    child: Child,
    heard: std::thread::JoinHandle<Vec<Value>>,
}

impl Witness {
    pub fn start(broker: &str) -> Witness {
        let mut child =
            bearwatch().args(["watch", "--json", "--broker", broker]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.next().unwrap().unwrap().contains("connected"));
        let heard = std::thread::spawn(move || {
            lines.map_while(Result::ok).filter_map(|line| serde_json::from_str(&line).ok()).collect()
        });
        Witness { child, heard }
    }

    pub fn end(self) -> Vec<Value> {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        let heard = self.heard.join().unwrap();
        let mut child = self.child;
        child.wait().unwrap();
        heard
    }
}

/// Life and number of the messages of a kind.
pub fn numbers(heard: &[Value], kind: &str) -> BTreeSet<(String, i64)> {
    let of_kind = heard.iter().filter(|line| line["kind"] == kind);
    let number = |line: &Value| {
        let message = if kind == "snapshot" { line } else { &line["message"] };
        (message["boot"].as_str().unwrap().to_owned(), message["seq"].as_i64().unwrap())
    };
    of_kind.map(number).collect()
}
