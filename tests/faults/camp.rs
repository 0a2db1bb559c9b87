//! A camera, a broker, the network between them and a desk; and the rounds that they go through. A round: things work, a fault strikes,
//! bears go on walking, the fault ends, and then everything that was told must have arrived, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bearwatch::system::clock::Stopwatch;
use rand_pcg::Pcg64;
use serde_json::Value;
use tempfile::TempDir;

use crate::desk::{Desk, Heard, Name};
use crate::machine::{LoopDisk, Namespace};
use crate::report::{Report, Round};
#[cfg(feature = "station")]
use crate::stations::Stations;
use crate::store::committed;
use crate::support::Broker;
use crate::support::daemon::{Daemon, Home, SOON};
use crate::wire::Wire;

/// Every step that is told is written down before it is committed to the outbox where somebody is to acknowledge it: that is the truth to
/// which the desk's alerts are held. Nobody is called twice within these tests.
const LADDER: &str = "acknowledge.ladder=[\"86400 duty\"]";
/// Longest time from the end of a fault until all has arrived.
pub const ARRIVES: Duration = Duration::from_secs(75);
/// A message is late from this age on, seconds, and what a busy machine and a slow network may add until it is seen.
const LATE_S: f64 = 10.0;
const SLACK_S: f64 = 20.0;

/// What a fault did.
pub struct Effect {
    pub happened: bool,
    pub words: String,
    /// Whether the time from the end of the fault until all has arrived is that of the daemon's recovery.
    pub recovers: bool,
}

impl Effect {
    pub fn new(happened: bool, words: String) -> Effect {
        Effect { happened, words, recovers: true }
    }

    /// What follows the end of the fault is not ours alone (a broker that refuses is asked again after half a minute).
    pub fn not_timed(self) -> Effect {
        Effect { recovers: false, ..self }
    }
}

/// How a daemon is started with these settings.
pub type Start = Box<dyn Fn(&Home, &[&str]) -> Daemon>;

/// What a camp consists of beside what all have.
pub struct Site {
    pub broker: Broker,
    /// Where the broker speaks TLS, for a daemon that does; the desk does not.
    pub encrypted: Option<u16>,
    /// How the daemon reaches the wire; `PORT` stands for its port.
    pub url: String,
    pub sets: Vec<String>,
    pub start: Start,
    /// What the strikes need to know of it, and what is to be there as long as it.
    pub ground: Ground,
}

/// What the daemon stands on.
#[derive(Default)]
pub struct Ground {
    pub namespace: Option<Namespace>,
    /// Made once there is a folder for the store.
    pub disk: Option<LoopDisk>,
    pub wants_disk: bool,
    /// Those that keep what is told.
    #[cfg(feature = "station")]
    pub stations: Option<Stations>,
    /// Certificates, and what the broker keeps.
    pub folder: Option<TempDir>,
}

/// All that a fault may strike. Dropped from the top.
pub struct Camp {
    pub daemon: Daemon,
    pub desk: Desk,
    pub ground: Ground,
    pub home: Home,
    pub wire: Wire,
    pub broker: Broker,
    sets: Vec<String>,
    start: Start,
    /// What was decided in lives that were killed before it was committed.
    never_told: BTreeSet<Name>,
    checked: usize,
}

impl Camp {
    /// A daemon that watches bears, with the settings of the tests and the site's.
    pub fn new(site: Site) -> Camp {
        let Site { broker, encrypted, url, sets, start, mut ground } = site;
        let wire = Wire::to(encrypted.unwrap_or(broker.port), encrypted.is_some());
        let desk = Desk::start(&broker);
        let home = Home::with_bear(&url.replace("PORT", &wire.port.to_string()), 4, true);
        ground.disk =
            ground.wants_disk.then(|| LoopDisk::mount(&home.path("disk"), &home.store(), &home.path("kept")));
        let usual = [
            LADDER,
            "publish.keep_alive_s=5",
            "publish.snapshot_px=160",
            "alert.cooldown_s=0",
            "alert.close_after_s=2",
        ];
        let sets: Vec<String> = usual.iter().map(|set| (*set).to_owned()).chain(sets).collect();
        let daemon = start(&home, &sets.iter().map(String::as_str).collect::<Vec<_>>());
        let never_told = BTreeSet::new();
        let mut camp = Camp { daemon, desk, ground, home, wire, broker, sets, start, never_told, checked: 0 };
        let alive = camp.desk.until(SOON, |desk| !desk.alerts.is_empty());
        assert!(alive, "no alert at all: {}", camp.daemon.log());
        camp
    }

    /// Steps of alerts that were told so far, from what stays on the device for review.
    pub fn told(&self) -> BTreeMap<Name, Value> {
        told_in(&self.home.store())
    }

    /// Waits until so many further steps were told, be the desk reached or not.
    pub fn wait_told(&self, more: usize) {
        let before = self.told().len();
        let watch = Stopwatch::start();
        while self.told().len() < before + more {
            assert!(watch.elapsed() < SOON, "nothing is told any more: {}", self.daemon.log());
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Ends the daemon as a power cut would end its process, and starts it again. Tells how many messages waited in its store.
    pub fn kill(&mut self) -> usize {
        self.daemon.kill();
        self.desk.listen();
        let committed = committed(&self.home.store());
        let arrived: BTreeSet<Name> = self.desk.alerts.keys().cloned().collect();
        // What the broker has acknowledged may still be on its way to the desk, but only before what is known.
        let last = committed.iter().chain(&arrived).fold(BTreeMap::new(), |mut last, (boot, seq)| {
            let highest = last.entry(boot.clone()).or_insert(*seq);
            *highest = (*seq).max(*highest);
            last
        });
        let beyond = |(boot, seq): &Name| last.get(boot).is_none_or(|last| seq > last);
        let on_disk: Vec<Name> = self.told().into_keys().filter(|name| beyond(name)).collect();
        self.never_told.extend(on_disk);
        self.start();
        committed.len()
    }

    pub fn start(&mut self) {
        self.daemon = (self.start)(&self.home, &self.sets.iter().map(String::as_str).collect::<Vec<_>>());
    }

    /// The broker ends at once and comes back; the daemon is let in when the desk listens again. Tells how long it was away.
    pub fn restart_broker(&mut self, meanwhile: impl FnOnce(&mut Camp)) -> Duration {
        let watch = Stopwatch::start();
        self.wire.close();
        self.broker.kill();
        meanwhile(self);
        let before = self.desk.subscriptions(&self.broker);
        self.broker.start_again();
        self.desk.wait_subscribed(&self.broker, before + 1);
        self.wire.open();
        watch.elapsed()
    }

    /// One round.
    pub fn round(&mut self, fault: &'static str, rng: &mut Pcg64, strike: Strike, report: &mut Report) {
        let at = self.desk.alerts.len();
        let works = self.desk.until(ARRIVES, |desk| desk.alerts.len() > at);
        assert!(works, "{fault}: no alert before it: {}", self.daemon.log());
        let before = (self.desk.alerts.len(), self.desk.doubled);
        let effect = strike(self, rng);
        let over = Stopwatch::start();
        let told = self.told();
        let missing = self.arrive(&told);
        let (unfiled, made_up) = self.filed(&told);
        let recovery = over.elapsed();
        let (phantom, disordered) = self.check_new();
        report.add(Round {
            fault,
            effect: effect.words,
            happened: effect.happened,
            alerts: self.desk.alerts.len() - before.0,
            lost: missing.len() + unfiled.len() + self.gaps(),
            phantom: phantom + made_up,
            disordered,
            doubled: self.desk.doubled - before.1,
            recovery: effect.recovers.then_some(recovery),
        });
        let log = || self.daemon.log().lines().rev().take(12).collect::<Vec<_>>().join("\n");
        assert!(missing.is_empty(), "{fault}: {missing:?} never arrived:\n{}", log());
        assert!(unfiled.is_empty(), "{fault}: {unfiled:?} is with no station");
        assert!(!self.daemon.log().contains("panicked"), "{fault}: {}", self.daemon.log());
    }

    /// Waits for all that was told; what has not come in time.
    fn arrive(&mut self, told: &BTreeMap<Name, Value>) -> Vec<Name> {
        let wanted: Vec<&Name> = told.keys().filter(|name| !self.never_told.contains(name)).collect();
        self.desk.until(ARRIVES, |desk| wanted.iter().all(|name| desk.alerts.contains_key(name)));
        wanted.into_iter().filter(|name| !self.desk.alerts.contains_key(name)).cloned().collect()
    }

    /// Of what was told, what the stations do not have, and how much they have that nobody told.
    fn filed(&mut self, told: &BTreeMap<Name, Value>) -> (Vec<Name>, usize) {
        #[cfg(feature = "station")]
        if let Some(stations) = &mut self.ground.stations {
            // Of what came after that, too, nobody knows here: it is told again.
            let wanted: Vec<Name> =
                told.keys().filter(|name| !self.never_told.contains(name)).cloned().collect();
            return stations.held_to(&wanted, &|| told_in(&self.home.store()));
        }
        let _ = told;
        (Vec::new(), 0)
    }

    /// Holds what came in since the last time to the truth. Tells how many alerts nobody had told, and how many overtook an older one
    /// of their life.
    fn check_new(&mut self) -> (usize, usize) {
        let (told, born) = (self.told(), self.born());
        let present = born.iter().max_by(|a, b| a.1.total_cmp(b.1)).map(|(boot, _)| boot.clone()).unwrap();
        let (mut phantom, mut disordered) = (0, 0);
        let mut newest: BTreeMap<&str, u64> = BTreeMap::new();
        for name in &self.desk.order[self.checked..] {
            let heard = &self.desk.alerts[name];
            let mut as_told = heard.body.clone();
            as_told["late"] = false.into();
            phantom += usize::from(told.get(name) != Some(&as_told));
            check_lateness(heard, heard.at_s - born[&name.0], name.0 == present);
            let newest = newest.entry(&name.0).or_default();
            disordered += usize::from(name.1 < *newest);
            *newest = name.1.max(*newest);
        }
        self.checked = self.desk.order.len();
        (phantom, disordered)
    }

    /// When each life began, by the desk's clock: the file of an alert is made with its first step.
    fn born(&self) -> BTreeMap<String, f64> {
        let mut born: BTreeMap<String, f64> = BTreeMap::new();
        for file in files(&self.home.store().join("review")) {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            let Some(first) = text.lines().next().and_then(|line| serde_json::from_str::<Value>(line).ok())
            else {
                continue;
            };
            let made = std::fs::metadata(&file)
                .unwrap()
                .created()
                .expect("a file system that knows when files were made");
            let made_ms = made.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as f64;
            let ago_s = (self.desk.clock.unix_ms() as f64 - made_ms) / 1e3;
            let began_s =
                self.desk.clock.uptime().as_secs_f64() - ago_s - first["uptime_ms"].as_f64().unwrap() / 1e3;
            let known = born.entry(first["boot"].as_str().unwrap().into()).or_insert(began_s);
            *known = known.min(began_s);
        }
        born
    }

    /// Numbers that are missing between others of the same life.
    fn gaps(&self) -> usize {
        let mut by_life: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        self.desk.alerts.keys().for_each(|(boot, seq)| {
            by_life.entry(boot).or_default().insert(*seq);
        });
        let missing = |seqs: &BTreeSet<u64>| seqs.last().map_or(0, |last| last + 1) as usize - seqs.len();
        by_life.values().map(missing).sum()
    }
}

/// Marked as late where it is old, and only there. `life_s` is how old its life was when it came.
fn check_lateness(heard: &Heard, life_s: f64, is_present: bool) {
    let age_s = life_s - heard.body["uptime_ms"].as_f64().unwrap() / 1e3;
    if !heard.late {
        assert!(age_s < LATE_S + SLACK_S, "{age_s} s old and not marked as late: {}", heard.body);
    } else if is_present {
        assert!(age_s > LATE_S - 1.0, "{age_s} s old and marked as late: {}", heard.body);
    }
}

/// Strikes, lasts, ends; tells what it did.
pub type Strike = fn(&mut Camp, &mut Pcg64) -> Effect;

fn told_in(store: &Path) -> BTreeMap<Name, Value> {
    let mut told = BTreeMap::new();
    for file in files(&store.join("review")) {
        if file.extension().is_some_and(|ending| ending == "jsonl") {
            // A line that is being written is read the next time.
            let text = std::fs::read_to_string(file).unwrap_or_default();
            let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            told.extend(lines.map(|line| (name(&line), line)));
        }
    }
    told
}

fn name(alert: &Value) -> Name {
    (alert["boot"].as_str().unwrap().into(), alert["seq"].as_u64().unwrap())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
