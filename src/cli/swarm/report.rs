//! The figures of a run.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use serde::Serialize;

use super::SwarmArgs;
use super::account::{Account, Lane};
use crate::cli::output::command;
use crate::publish::message::Kind;
use crate::system::clock::Clock;
use crate::system::vitals::memory_mb;

/// What cameras say of themselves.
const KINDS: [Kind; 5] = [Kind::Alert, Kind::Snapshot, Kind::Telemetry, Kind::Status, Kind::State];

/// What is told.
#[derive(Debug, Serialize)]
pub struct Report {
    cameras: u32,
    /// Cameras that the broker let in.
    connected: usize,
    /// Until all of them were, seconds; null where some never were.
    all_connected_s: Option<f64>,
    seconds: f64,
    seed: u64,
    /// By topic.
    topics: BTreeMap<&'static str, Topic>,
    /// All topics together.
    said: u64,
    heard: u64,
    missing: u64,
    doubled: u64,
    /// Heard, and said by no camera.
    strange: u64,
    unreadable: u64,
    unacknowledged: u64,
    refused: u64,
    /// Heard, while anything was.
    messages_per_s: f64,
    payload_mb_per_s: f64,
    latency_ms: Option<Latency>,
    cuts: u64,
    /// Connections that broke otherwise, or could not be made.
    broken: u64,
    wills: Wills,
    receiver_lost: u64,
    memory_mb: Option<f32>,
    version: &'static str,
    command: String,
}

#[derive(Debug, Serialize)]
struct Topic {
    said: u64,
    heard: u64,
    missing: u64,
    payload_bytes: u64,
    latency_ms: Option<Latency>,
}

/// Last wills.
#[derive(Debug, Serialize)]
struct Wills {
    due: u64,
    heard: u64,
}

/// From when a message was made until the receiver had it.
#[derive(Clone, Copy, Debug, Serialize)]
struct Latency {
    p50: f64,
    p95: f64,
    p99: f64,
    max: f64,
}

impl Report {
    /// The figures of an account that is closed.
    pub fn new(args: &SwarmArgs, account: &Account, clock: Clock) -> Report {
        let topics: BTreeMap<&str, Topic> =
            KINDS.iter().filter_map(|&kind| Some((kind.name(), Topic::new(account, kind)?))).collect();
        let sum = |count: fn(&Topic) -> u64| topics.values().map(count).sum::<u64>();
        let (said, heard, missing) = (sum(|t| t.said), sum(|t| t.heard), sum(|t| t.missing));
        let payload = sum(|t| t.payload_bytes);
        let span = account.span.map(|(first, last)| (last - first).as_secs_f64());
        let span_s = span.filter(|span| *span > 0.0).unwrap_or(clock.uptime().as_secs_f64());
        Report {
            cameras: args.cameras,
            connected: account.connected(),
            all_connected_s: account.all_at.map(|at| at.as_secs_f64()),
            seconds: args.seconds,
            seed: args.seed,
            said,
            heard,
            missing,
            doubled: account.doubled,
            strange: account.strange,
            unreadable: account.unreadable,
            unacknowledged: account.unacknowledged,
            refused: account.refusals,
            messages_per_s: heard as f64 / span_s,
            payload_mb_per_s: payload as f64 / 1e6 / span_s,
            latency_ms: Latency::of_all(KINDS.iter().filter_map(|&kind| account.lane(kind))),
            cuts: account.cuts,
            broken: account.broken,
            wills: Wills { due: account.deaths, heard: account.wills },
            receiver_lost: account.receiver_lost,
            topics,
            memory_mb: memory_mb(),
            version: env!("CARGO_PKG_VERSION"),
            command: command(),
        }
    }

    /// Whether all cameras were let in and all that they said was heard, their deaths too.
    pub fn is_whole(&self) -> bool {
        let none = [self.missing, self.unacknowledged, self.refused, self.unreadable, self.strange];
        none.iter().all(|count| *count == 0)
            && self.connected == self.cameras as usize
            && self.wills.heard >= self.wills.due
    }

    /// For people.
    pub fn words(&self) -> String {
        let Report {
            cameras, connected, said, heard, missing, doubled, unacknowledged, cuts, broken, ..
        } = self;
        let mut text = format!(
            "{connected} of {cameras} cameras connected{}\n",
            self.all_connected_s.map_or(String::new(), |s| format!(", the last after {s:.1} s"))
        );
        text += &format!(
            "{:<10}{:>9}{:>9}{:>9}{:>10}{:>10}{:>10}{:>10}\n",
            "topic", "said", "heard", "missing", "p50 ms", "p95 ms", "p99 ms", "max ms"
        );
        for (name, topic) in &self.topics {
            let l = topic.latency_ms;
            let ms = |of: fn(Latency) -> f64| l.map_or("–".into(), |l| format!("{:.1}", of(l)));
            text += &format!(
                "{name:<10}{:>9}{:>9}{:>9}{:>10}{:>10}{:>10}{:>10}\n",
                topic.said,
                topic.heard,
                topic.missing,
                ms(|l| l.p50),
                ms(|l| l.p95),
                ms(|l| l.p99),
                ms(|l| l.max)
            );
        }
        text += &format!(
            "{:.0} messages and {:.2} MB a second; {cuts} connections cut, {broken} broken otherwise, {} of {} last wills heard\n",
            self.messages_per_s, self.payload_mb_per_s, self.wills.heard, self.wills.due
        );
        let verdict = if self.is_whole() { "nothing is missing" } else { "NOT WHOLE" };
        text + &format!(
            "{verdict}: {said} said, {heard} heard, {missing} missing, {doubled} heard again, {unacknowledged} never acknowledged\n"
        )
    }
}

impl Topic {
    fn new(account: &Account, kind: Kind) -> Option<Topic> {
        let Lane { said, bytes, heard, .. } = account.lane(kind)?;
        Some(Topic {
            said: *said,
            heard: *heard,
            missing: account.missing(kind),
            payload_bytes: *bytes,
            latency_ms: Latency::of_all(account.lane(kind).into_iter()),
        })
    }
}

impl Latency {
    fn of_all<'a>(lanes: impl Iterator<Item = &'a Lane>) -> Option<Latency> {
        let mut all: Option<Histogram<u64>> = None;
        for lane in lanes {
            match &mut all {
                None => all = Some(lane.latency.clone()),
                Some(all) => all.add(&lane.latency).ok()?,
            }
        }
        let all = all.filter(|all| !all.is_empty())?;
        let ms = |q| all.value_at_quantile(q) as f64 / 1e3;
        Some(Latency { p50: ms(0.5), p95: ms(0.95), p99: ms(0.99), max: all.max() as f64 / 1e3 })
    }
}
