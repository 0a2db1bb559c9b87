//! Cameras of a rollout, spoken for by hand, and what is told to them.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Broker, wait_for};
use crate::support_desk::status;
use crate::support_station::LIMIT;

/// What goes to cameras: topic and payload, pieces in hexadecimal digits.
pub struct Heard {
    children: Vec<Child>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Heard {
    pub fn start(broker: &Broker) -> Heard {
        let mut heard = Heard { children: Vec::new(), lines: Arc::default() };
        for (word, format) in [("model", "%t %p"), ("piece", "%t %P %x")] {
            let topic = format!("bearwatch/v1/+/+/set/{word}");
            let mut child = Command::new("mosquitto_sub")
                .args([
                    "-V",
                    "5",
                    "-p",
                    &broker.port.to_string(),
                    "-q",
                    "1",
                    "-F",
                    format,
                    "-t",
                    &topic,
                    "-t",
                    "test/hello",
                ])
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines();
            let sink = heard.lines.clone();
            std::thread::spawn(move || {
                lines.map_while(Result::ok).for_each(|line| sink.lock().unwrap().push(line))
            });
            heard.children.push(child);
        }
        let hears = wait_for(LIMIT, || {
            broker.publish("test/hello", b"hello");
            let lines = heard.lines.lock().unwrap();
            ["test/hello hello", "test/hello  68656c6c6f"]
                .iter()
                .all(|hello| lines.iter().any(|line| line == hello))
        });
        assert!(hears, "mosquitto_sub hears nothing: {:?}", heard.lines.lock().unwrap());
        heard
    }

    /// The first line of this beginning that holds `text`; waits for it.
    pub fn expect(&self, beginning: &str, text: &str) -> String {
        let find = || {
            let lines = self.lines.lock().unwrap();
            lines.iter().find(|line| line.starts_with(beginning) && line.contains(text)).cloned()
        };
        assert!(
            wait_for(LIMIT, || find().is_some()),
            "{beginning} … {text}: {:.400?}",
            self.lines.lock().unwrap()
        );
        find().unwrap()
    }

    pub fn count(&self, text: &str) -> usize {
        self.lines.lock().unwrap().iter().filter(|line| line.contains(text)).count()
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The life of a camera.
pub fn boot(camera: &str) -> String {
    format!("{camera:0>16}")
}

/// Cameras that are told by hand.
pub struct Park<'a> {
    pub broker: &'a Broker,
    pub seq: u64,
}

impl Park<'_> {
    pub fn says(&mut self, camera: &str, more: Value) {
        let boot = boot(camera);
        self.seq += 1;
        let mut message = json!({ "v": 1, "boot": boot, "seq": self.seq, "uptime_ms": 60_000, "time": "2026-11-25T02:14:07.000Z",
            "clock_synced": true, "late": false, "running": { "name": "bear", "sha256": "00".repeat(32), "version": null, "bundle": null },
            "previous": null, "challenger": null, "trial": null, "download": null, "newest": 6, "board": "arm64", "fixed": null, "event": "" });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let topic = format!("bearwatch/v1/creek/{camera}/models");
        self.broker.publish_with(&topic, message.to_string().as_bytes(), &["--retain"]);
    }

    pub fn lives(&mut self, camera: &str) {
        let text = String::from_utf8(status(self.seq, "online", "camera")).unwrap();
        let boot = boot(camera);
        let topic = format!("bearwatch/v1/creek/{camera}/status");
        self.broker.publish_with(&topic, text.replace("00000000000000b1", &boot).as_bytes(), &["--retain"]);
    }

    /// The challenger looks on: so many looks that both have at a bear, and that only the running model has.
    pub fn looks_on(&mut self, camera: &str, bundle: &str, both: u64, only_running: u64) {
        let none = json!({ "both": 0, "only_running": 0, "only_challenger": 0, "neither": 0 });
        let night =
            json!({ "both": both, "only_running": only_running, "only_challenger": 0, "neither": 900 });
        let comparison = json!({ "looks": 900 + both + only_running, "frames": 900, "passed_over": 0, "sampled": 0, "equal_rate": null,
            "card": { "day": none, "dusk": none, "infrared": night },
            "running_ms": { "p50": 20.0, "p95": 30.0 }, "challenger_ms": { "p50": 20.0, "p95": 30.0 } });
        let challenger = json!({ "version": 7, "bundle": bundle, "name": "bear", "sha256": "11".repeat(32), "course": "shadow", "reason": "",
            "comparison": comparison });
        self.says(camera, json!({ "challenger": challenger }));
    }
}
