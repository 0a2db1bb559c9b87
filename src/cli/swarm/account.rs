//! What was said against what was heard, message by message. PURE.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use hdrhistogram::Histogram;

use super::site;
use crate::publish::message::Kind;
use crate::publish::played::{DEATH, Happened};
use crate::publish::subscriber::{Body, Heard, Received};

/// Names a message: camera, topic, number. A played camera has one life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Id {
    camera: u32,
    kind: Kind,
    seq: u64,
}

/// What was said on one topic of all cameras, and what became of it.
#[derive(Debug)]
pub struct Lane {
    /// Messages that were made.
    pub said: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Those that were heard, each once.
    pub heard: u64,
    /// From when it was made until it was heard, microseconds.
    pub latency: Histogram<u64>,
}

/// The account of a run.
#[derive(Debug)]
pub struct Account {
    cameras: HashMap<(String, String), u32>,
    /// Said and not heard yet.
    open: HashMap<Id, Duration>,
    closed: HashSet<Id>,
    lanes: HashMap<Kind, Lane>,
    connected: HashSet<usize>,
    refused: Option<String>,
    /// Times that a camera was let in.
    pub connections: u64,
    /// When the last camera was let in for the first time.
    pub all_at: Option<Duration>,
    /// Connections that were cut as planned.
    pub cuts: u64,
    /// Connections that broke otherwise, or could not be made.
    pub broken: u64,
    /// Last wills that must come: of connections that were cut or broke.
    pub deaths: u64,
    /// Last wills that came.
    pub wills: u64,
    /// Messages that came more than once.
    pub doubled: u64,
    /// Messages of ours that nobody said.
    pub strange: u64,
    /// What could not be read.
    pub unreadable: u64,
    /// Times that the receiver lost its connection.
    pub receiver_lost: u64,
    /// Messages that the broker took.
    pub taken: u64,
    /// Messages that it refused.
    pub refusals: u64,
    /// Messages that were never acknowledged.
    pub unacknowledged: u64,
    /// Of the first and the last that was heard.
    pub span: Option<(Duration, Duration)>,
}

impl Account {
    /// For cameras that have said nothing.
    pub fn new(seed: u64, cameras: u32) -> Account {
        let place = |number| {
            let site = site(seed, number);
            ((site.name, site.camera), number)
        };
        Account {
            cameras: (0..cameras).map(place).collect(),
            open: HashMap::new(),
            closed: HashSet::new(),
            lanes: HashMap::new(),
            connected: HashSet::new(),
            refused: None,
            connections: 0,
            all_at: None,
            cuts: 0,
            broken: 0,
            deaths: 0,
            wills: 0,
            doubled: 0,
            strange: 0,
            unreadable: 0,
            receiver_lost: 0,
            taken: 0,
            refusals: 0,
            unacknowledged: 0,
            span: None,
        }
    }

    /// Enters what became of a camera.
    pub fn happened(&mut self, camera: usize, happened: Happened, now: Duration) {
        match happened {
            Happened::Connected => {
                self.connections += 1;
                if self.connected.insert(camera) && self.connected.len() == self.cameras.len() {
                    self.all_at = Some(now);
                }
            }
            Happened::Broken { was_up, why, .. } => {
                self.broken += 1;
                self.deaths += u64::from(was_up);
                self.refused = Some(why);
            }
            Happened::Cut => {
                self.cuts += 1;
                self.deaths += 1;
            }
            Happened::Said { kind, seq, bytes } => {
                let lane = self.lanes.entry(kind).or_insert_with(Lane::new);
                lane.said += 1;
                lane.bytes += bytes as u64;
                self.open.insert(Id { camera: camera as u32, kind, seq }, now);
            }
            Happened::Acknowledged { taken: true } => self.taken += 1,
            Happened::Acknowledged { taken: false } => self.refusals += 1,
            Happened::Left(waiting) => self.unacknowledged += waiting as u64,
        }
    }

    /// Enters what the receiver heard.
    pub fn hear(&mut self, heard: &Heard, now: Duration) {
        match heard {
            Heard::Message(received) => self.message(received, now),
            Heard::Unreadable { .. } => self.unreadable += 1,
            Heard::Lost { .. } => self.receiver_lost += 1,
            Heard::Connected | Heard::Refused { .. } => {}
        }
    }

    fn message(&mut self, received: &Received, now: Duration) {
        let place = (received.site.name.clone(), received.site.camera.clone());
        let Some(&camera) = self.cameras.get(&place).filter(|_| !received.retained) else { return };
        if matches!(&received.body, Body::Status(status) if status.reason.starts_with(DEATH)) {
            self.wills += 1;
            return;
        }
        let seq = match &received.body {
            Body::Snapshot(snapshot) => snapshot.seq,
            other => other.envelope().map_or(0, |envelope| envelope.seq),
        };
        let id = Id { camera, kind: received.body.kind(), seq };
        let Some(said) = self.open.remove(&id) else {
            let known = self.closed.contains(&id);
            self.doubled += u64::from(known);
            self.strange += u64::from(!known);
            return;
        };
        self.closed.insert(id);
        self.span = Some((self.span.map_or(now, |(first, _)| first), now));
        if let Some(lane) = self.lanes.get_mut(&id.kind) {
            lane.heard += 1;
            lane.latency.saturating_record((now.saturating_sub(said).as_micros() as u64).max(1));
        }
    }

    /// Why no camera was let in yet; `None` where one was.
    pub fn nobody(&self) -> Option<&str> {
        self.connected.is_empty().then(|| self.refused.as_deref().unwrap_or("the broker lets no camera in"))
    }

    /// Cameras that were let in at least once.
    pub fn connected(&self) -> usize {
        self.connected.len()
    }

    /// Whether nothing more is to come.
    pub fn is_settled(&self) -> bool {
        self.open.is_empty() && self.wills >= self.deaths
    }

    /// Messages that were said and never heard, by topic.
    pub fn missing(&self, kind: Kind) -> u64 {
        self.open.keys().filter(|id| id.kind == kind).count() as u64
    }

    /// What was said on a topic.
    pub fn lane(&self, kind: Kind) -> Option<&Lane> {
        self.lanes.get(&kind)
    }
}

impl Lane {
    fn new() -> Lane {
        let latency =
            Histogram::new_with_bounds(1, 600_000_000, 3).unwrap_or_else(|_| unreachable!("constant bounds"));
        Lane { said: 0, bytes: 0, heard: 0, latency }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::settings::Site;
    use crate::publish::subscriber::Snapshot;

    fn heard(site: Site, seq: u64) -> Heard {
        let snapshot = Snapshot {
            alert: String::new(),
            impairment: None,
            request: None,
            marked: None,
            kept: None,
            audit: None,
            captured: String::new(),
            boot: crate::publish::message::BootId::new(),
            seq,
            late: false,
            jpeg: Vec::new(),
        };
        let body = Body::Snapshot(snapshot);
        Heard::Message(Box::new(Received { site, retained: false, body, json: serde_json::Value::Null }))
    }

    #[test]
    fn what_is_missing_doubled_or_strange_is_told_apart() {
        let mut account = Account::new(3, 20);
        let said = |seq| Happened::Said { kind: Kind::Snapshot, seq, bytes: 7 };
        let second = Duration::from_secs;
        (0..3).for_each(|seq| account.happened(11, said(seq), second(1)));
        for (number, seq) in [(11, 0), (11, 2), (11, 2), (12, 1), (11, 9)] {
            account.hear(&heard(site(3, number), seq), second(3));
        }
        account.hear(&heard(Site { name: "park".into(), camera: "c1".into() }, 1), second(3));
        assert_eq!((account.missing(Kind::Snapshot), account.missing(Kind::Alert)), (1, 0));
        assert_eq!((account.doubled, account.strange), (1, 2));
        assert!(!account.is_settled());
        account.hear(&heard(site(3, 11), 1), second(4));
        assert!(account.is_settled());
        let lane = account.lane(Kind::Snapshot).unwrap();
        assert_eq!((lane.said, lane.heard, lane.bytes), (3, 3, 21));
        assert!((2_990_000..=3_010_000).contains(&lane.latency.max()), "{}", lane.latency.max());
        assert_eq!(account.span, Some((second(3), second(4))));
    }

    #[test]
    fn a_death_without_its_last_will_is_not_settled() {
        let mut account = Account::new(3, 1);
        account.happened(0, Happened::Cut, Duration::ZERO);
        assert!(!account.is_settled());
        let why = "the connection broke".to_owned();
        account.happened(
            0,
            Happened::Broken { was_up: false, why: why.clone(), refused: false },
            Duration::ZERO,
        );
        assert_eq!((account.deaths, account.broken, account.nobody()), (1, 1, Some(why.as_str())));
    }
}
