//! A subscriber beside the demo: what it heard is what a ranger would have.

use std::thread::JoinHandle;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, bail};

use crate::evaluate::PixelBox;
use crate::publish::message::{AlertMessage, parse_rfc3339};
use crate::publish::settings::Settings;
use crate::publish::subscriber::{self, Body, Subscriber};
use crate::system::clock::{Clock, Stopwatch};
use crate::system::stop::Stop;

/// How long the broker may take to let the witness in.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long messages may be on their way when the daemon has ended.
const LAST_MESSAGES: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(50);

/// An alert as it arrived.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When its first frame was taken, seconds from the start of the scene.
    pub opened_s: f64,
    /// When its last frame was taken.
    pub closed_s: f64,
    /// Its box when it opened, pixels.
    pub bbox: PixelBox,
    /// From the capture of the frame to our hearing of it.
    pub latency_ms: f64,
}

/// Listens on a thread of its own, so that the time of arrival is known.
pub struct Witness {
    stop: Stop,
    thread: JoinHandle<Vec<Arrival>>,
}

struct Arrival {
    message: AlertMessage,
    uptime_s: f64,
    unix_ms: i64,
}

impl Witness {
    /// Listens to every alert of the broker; returns when nothing is missed any more.
    ///
    /// # Errors
    /// Where the broker cannot be reached or does not let us listen.
    pub fn start(settings: &Settings, clock: Clock) -> anyhow::Result<Witness> {
        let subscriber = Subscriber::start(settings, "bearwatch/v1/+/+/alert")?;
        connected(&subscriber)?;
        let stop = Stop::default();
        let until = stop.clone();
        let thread = std::thread::Builder::new()
            .name("witness".into())
            .spawn(move || listen(&subscriber, clock, &until))
            .context("thread of the witness")?;
        Ok(Witness { stop, thread })
    }

    /// Ends listening: the alerts in the order in which they opened; `begun_s` is the uptime at which the scene began.
    pub fn heard(self, begun_s: f64) -> Vec<Heard> {
        std::thread::sleep(LAST_MESSAGES);
        self.stop.raise();
        let arrivals = self.thread.join().unwrap_or_default();
        arrivals.iter().filter(|a| a.message.state == "opened").map(|a| told(a, &arrivals, begun_s)).collect()
    }
}

fn connected(subscriber: &Subscriber) -> anyhow::Result<()> {
    let watch = Stopwatch::start();
    let mut why = String::from("the broker does not answer");
    while watch.elapsed() < CONNECT_LIMIT {
        match subscriber.next(TICK) {
            Some(subscriber::Heard::Connected) => return Ok(()),
            Some(subscriber::Heard::Lost { why: trouble, .. }) => why = trouble,
            _ => {}
        }
    }
    bail!("{why}")
}

fn listen(subscriber: &Subscriber, clock: Clock, stop: &Stop) -> Vec<Arrival> {
    let mut arrivals = Vec::new();
    while !stop.is_raised() {
        if let Some(subscriber::Heard::Message(received)) = subscriber.next(TICK)
            && let Body::Alert(message) = received.body
        {
            arrivals.push(Arrival {
                message,
                uptime_s: clock.uptime().as_secs_f64(),
                unix_ms: clock.unix_ms(),
            });
        }
    }
    arrivals
}

fn told(opened: &Arrival, arrivals: &[Arrival], begun_s: f64) -> Heard {
    let end = arrivals.iter().rev().find(|a| a.message.id == opened.message.id).unwrap_or(opened);
    let [x, y, w, h] = opened.message.bbox.map(f64::from);
    Heard {
        opened_s: opened.captured_s() - begun_s,
        closed_s: end.captured_s() - begun_s,
        bbox: PixelBox::new([x, y, w, h]),
        latency_ms: opened.latency_ms(),
    }
}

impl Arrival {
    /// By the wall clock, which both ends share here.
    fn latency_ms(&self) -> f64 {
        let captured = parse_rfc3339(&self.message.captured).and_then(|t| t.duration_since(UNIX_EPOCH).ok());
        captured.map_or(0.0, |captured| self.unix_ms as f64 - captured.as_secs_f64() * 1e3)
    }

    /// Uptime at which the frame was taken.
    fn captured_s(&self) -> f64 {
        self.uptime_s - self.latency_ms() / 1e3
    }
}
