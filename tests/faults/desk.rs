//! Whoever hears the daemon: mosquitto_sub, with the moment at which each message came.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use bearwatch::system::clock::{Clock, Stopwatch};
use serde_json::Value;

use crate::support::daemon::{Post, SOON};
use crate::support::{Broker, wait_for};

/// A message by what no two of them share: the life of the daemon and the number on its topic.
pub type Name = (String, u64);

/// When a message came, seconds of the desk's clock, and what it was.
#[derive(Clone, Debug)]
pub struct Heard {
    pub at_s: f64,
    pub body: Value,
    pub late: bool,
}

/// What was heard.
pub struct Desk {
    child: Child,
    incoming: Receiver<(f64, Post)>,
    /// Of the broker's log: subscriptions so far.
    id: String,
    pub clock: Clock,
    /// Each alert as it came first.
    pub alerts: BTreeMap<Name, Heard>,
    /// The names of alerts in the order in which they came first.
    pub order: Vec<Name>,
    /// Numbers of pictures.
    pub pictures: BTreeMap<Name, Heard>,
    /// Messages that came again.
    pub doubled: u64,
    /// By life, when alerts were first heard opened.
    opened: HashMap<String, f64>,
    /// Pictures that came before their alert.
    pub pictures_too_early: u64,
    pub telemetry: Vec<Heard>,
    pub status: Option<Value>,
}

impl Desk {
    pub fn start(broker: &Broker) -> Desk {
        let id = format!("desk-{}", broker.log().len());
        let mut child = Command::new("mosquitto_sub")
            .args(["-V", "5", "-h", "127.0.0.1", "-p", &broker.port.to_string(), "-q", "1", "-i", &id])
            .args(["-t", "bearwatch/v1/+/+/+", "-F", "%t\t%r\t%P\t%x"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("mosquitto_sub does not run: apt-get install mosquitto-clients");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, incoming) = sync_channel(100_000);
        let clock = Clock::start();
        std::thread::spawn(move || {
            let stamped = |line: String| (clock.uptime().as_secs_f64(), Post::read(&line));
            lines.map_while(Result::ok).all(|line| sender.send(stamped(line)).is_ok())
        });
        let desk = Desk {
            child,
            incoming,
            id,
            clock,
            alerts: BTreeMap::new(),
            order: Vec::new(),
            pictures: BTreeMap::new(),
            doubled: 0,
            opened: HashMap::new(),
            pictures_too_early: 0,
            telemetry: Vec::new(),
            status: None,
        };
        desk.wait_subscribed(broker, 1);
        desk
    }

    /// How often it has subscribed.
    pub fn subscriptions(&self, broker: &Broker) -> usize {
        broker.log().matches(&format!("Sending SUBACK to {}", self.id)).count()
    }

    pub fn wait_subscribed(&self, broker: &Broker, times: usize) {
        let there = wait_for(SOON, || self.subscriptions(broker) >= times);
        assert!(there, "the desk does not listen: {}", broker.log());
    }

    /// Takes in what has come.
    pub fn listen(&mut self) {
        while let Ok((at_s, post)) = self.incoming.try_recv() {
            self.take(at_s, &post);
        }
    }

    fn take(&mut self, at_s: f64, post: &Post) {
        let late = post.properties.get("late").is_some_and(|late| late == "true");
        let property = |name: &str| post.properties.get(name).cloned().unwrap_or_default();
        let name = || (property("boot"), property("seq").parse().unwrap());
        let heard = |body| Heard { at_s, body, late };
        match post.kind.as_str() {
            "alert" => {
                let body = post.json();
                assert_eq!(body["late"], late, "property and body differ: {body}");
                if body["state"] == "opened" {
                    self.opened.entry(body["id"].as_str().unwrap().into()).or_insert(at_s);
                }
                match self.alerts.entry(name()) {
                    Entry::Occupied(_) => self.doubled += 1,
                    Entry::Vacant(first) => {
                        first.insert(heard(body));
                        self.order.push(name());
                    }
                }
            }
            "snapshot" => {
                let alert = property("alert");
                self.pictures_too_early += u64::from(!alert.is_empty() && !self.opened.contains_key(&alert));
                let again = self.pictures.insert(name(), heard(Value::String(alert))).is_some();
                self.doubled += u64::from(again);
            }
            "telemetry" => self.telemetry.push(heard(post.json())),
            "status" => self.status = Some(post.json()),
            _ => {}
        }
    }

    /// Listens until `enough`, or tells that it was not.
    pub fn until(&mut self, limit: std::time::Duration, enough: impl Fn(&Desk) -> bool) -> bool {
        let watch = Stopwatch::start();
        loop {
            self.listen();
            if enough(self) {
                return true;
            }
            if watch.elapsed() > limit {
                return false;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
