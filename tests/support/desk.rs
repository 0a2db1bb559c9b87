//! A running `bearwatch watch` whose lines can be waited for, and messages by the contract, written by hand.

#![allow(dead_code, reason = "every test program uses a part")]

use std::io::{BufRead, BufReader};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::{Broker, bearwatch, wait_for};

/// How long anything may take in a test on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(20);

/// The program.
pub struct Desk {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Desk {
    /// Starts it and waits until it listens.
    pub fn at(broker: &Broker, arguments: &[&str]) -> Desk {
        let desk = Desk::start(&[&["--broker", &broker.url], arguments].concat());
        desk.expect("connected");
        desk
    }

    /// Starts it.
    pub fn start(arguments: &[&str]) -> Desk {
        let mut child = bearwatch()
            .arg("watch")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (sink, out) = (lines.clone(), child.stdout.take().unwrap());
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(out).lines() {
                sink.lock().unwrap().push(line.unwrap());
            }
        });
        Desk { child, lines, reader: Some(reader) }
    }

    /// What it said so far.
    pub fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// The first line that holds `text`; waits for it.
    pub fn expect(&self, text: &str) -> String {
        let find = || self.lines().into_iter().find(|line| line.contains(text));
        assert!(wait_for(LIMIT, || find().is_some()), "{text:?} is not among {:#?}", self.lines());
        find().unwrap()
    }

    /// The first JSON line of a kind; waits for it.
    pub fn expect_kind(&self, kind: &str) -> Value {
        serde_json::from_str(&self.expect(&format!("{{\"kind\":\"{kind}\""))).unwrap()
    }

    /// Waits until it ends by itself: exit code and stderr.
    pub fn ended(mut self) -> (i32, String) {
        assert!(
            wait_for(LIMIT, || self.child.try_wait().unwrap().is_some()),
            "it does not end: {:?}",
            self.lines()
        );
        self.reader.take().unwrap().join().unwrap();
        let mut errors = String::new();
        std::io::Read::read_to_string(&mut self.child.stderr.take().unwrap(), &mut errors).unwrap();
        (self.child.wait().unwrap().code().unwrap(), errors)
    }

    /// Asks it to end: exit code and every line.
    pub fn end(mut self, signal: Signal) -> (i32, Vec<String>) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        assert!(wait_for(LIMIT, || self.child.try_wait().unwrap().is_some()), "it does not end");
        self.reader.take().unwrap().join().unwrap();
        (self.child.wait().unwrap().code().unwrap(), self.lines())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A wire to a broker that can be cut and mended. Its thread ends with the test program.
pub struct Wire {
    /// Where its near end is.
    pub url: String,
    whole: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<TcpStream>>>,
}

impl Wire {
    /// Whole at first.
    pub fn to(broker: &Broker) -> Wire {
        let near = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("mqtt://{}", near.local_addr().unwrap());
        let wire = Wire { url, whole: Arc::new(AtomicBool::new(true)), ends: Arc::default() };
        let (whole, ends, port) = (wire.whole.clone(), wire.ends.clone(), broker.port);
        std::thread::spawn(move || {
            for client in near.incoming() {
                // While it is cut a connection is taken and dropped at once.
                if whole.load(Ordering::SeqCst) {
                    let (client, far) = (client.unwrap(), TcpStream::connect(("127.0.0.1", port)).unwrap());
                    ends.lock().unwrap().extend([client.try_clone().unwrap(), far.try_clone().unwrap()]);
                    pump(client.try_clone().unwrap(), far.try_clone().unwrap());
                    pump(far, client);
                }
            }
        });
        wire
    }

    /// Nothing goes through any more.
    pub fn cut(&self) {
        self.whole.store(false, Ordering::SeqCst);
        for end in self.ends.lock().unwrap().drain(..) {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// New connections go through again.
    pub fn mend(&self) {
        self.whole.store(true, Ordering::SeqCst);
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream) {
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}

fn envelope(seq: u64) -> Value {
    json!({ "v": 1, "boot": "00000000000000b1", "seq": seq, "uptime_ms": 60_000, "time": "2026-11-25T02:14:07.000Z",
            "clock_synced": true, "late": false })
}

fn with(mut message: Value, more: Value) -> Vec<u8> {
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message.to_string().into_bytes()
}

/// A step of an alert.
pub fn alert(seq: u64, id: &str, state: &str, more: Value) -> Vec<u8> {
    let mut message = envelope(seq);
    let step = json!({ "id": id, "state": state, "class": "bear", "severity": "normal", "score": 0.931, "evidence": 7.5,
        "bbox": [10.0, 20.0, 30.0, 40.0], "frame": { "width": 640, "height": 360 }, "regime": "infrared",
        "model": { "name": "m", "sha256": "00".repeat(32) }, "captured": "2026-11-25T02:14:06.500Z", "latency_ms": 412,
        "simulated": false, "drill": false, "open": 1 });
    message.as_object_mut().unwrap().extend(step.as_object().unwrap().clone());
    with(message, more)
}

/// A status.
pub fn status(seq: u64, state: &str, reason: &str) -> Vec<u8> {
    with(envelope(seq), json!({ "state": state, "reason": reason, "version": "0.1.0" }))
}

/// The options of mosquitto_pub that make a picture a snapshot of `alert`.
pub fn snapshot_options<'a>(alert: &'a str, seq: &'a str) -> Vec<&'a str> {
    let mut options = Vec::new();
    for (name, value) in [
        ("alert", alert),
        ("captured", "2026-11-25T02:14:06.500Z"),
        ("boot", "00000000000000b1"),
        ("seq", seq),
    ] {
        options.extend(["-D", "publish", "user-property", name, value]);
    }
    options
}
