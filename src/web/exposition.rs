//! What stands on `/metrics`: read when somebody asks, from where telemetry takes it too. Nothing is counted here.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::{Registry, Unit};

use super::series::{Labels, Series};
use crate::infer::bundle::ModelName;
use crate::infer::sight::Sight;
use crate::perceive::governor::{Level, Strain};
use crate::perceive::histogram::BUCKETS;
use crate::perceive::model::Class;
use crate::perceive::observation::{AlertState, Regime, Severity};
use crate::publish::settings::Site;
use crate::publish::{Health, State};
use crate::system::clock::Clock;
use crate::system::metrics::{BySort, Metrics, Sort, Stage};
use crate::system::pulse::Pulse;
use crate::system::vitals::Vitals;

/// Lower bounds of the telemetry's buckets of scores, as labels.
const SCORES_FROM: [&str; BUCKETS] = ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"];

/// Everything that is looked at when somebody asks.
#[derive(Clone, Debug)]
pub struct View {
    /// Stand on every series.
    pub site: Site,
    /// The model in use.
    pub model: ModelName,
    /// Counters and latencies.
    pub metrics: Arc<Metrics>,
    /// What the detector saw last.
    pub sight: Arc<Mutex<Sight>>,
    /// The daemon's own word on how it is.
    pub health: Arc<Mutex<Health>>,
    /// Signs of life of the stages.
    pub pulses: Vec<(&'static str, Pulse)>,
    /// Clock of the process.
    pub clock: Clock,
    /// Where the kernel tells of the board.
    pub sysfs: PathBuf,
    /// Folder of the outbox.
    pub store: PathBuf,
    /// What a frame may take, milliseconds.
    pub budget_ms: f64,
}

/// The page: every series is called `bearwatch_…` and bears site and camera.
pub fn registry(view: View) -> Registry {
    let label = |name, value: &str| (Cow::Borrowed(name), Cow::Owned(value.to_owned()));
    let labels = [label("site", &view.site.name), label("camera", &view.site.camera)];
    let mut registry = Registry::with_prefix_and_labels("bearwatch", labels.into_iter());
    registry.register_collector(Box::new(view));
    registry
}

impl Collector for View {
    fn encode(&self, encoder: DescriptorEncoder) -> fmt::Result {
        let mut series = Series::new(encoder);
        let sight = self.sight.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.who(&mut series)?;
        self.health(&mut series)?;
        self.frames(&mut series, &sight)?;
        self.seen(&mut series, &sight)?;
        self.latencies(&mut series)?;
        self.messages(&mut series)?;
        self.outbox(&mut series)?;
        self.board(&mut series, &sight)
    }
}

impl View {
    fn who(&self, series: &mut Series) -> fmt::Result {
        let fit = |c: char| if c == '"' || c == '\\' || c.is_control() { '_' } else { c };
        let name: String = self.model.name.chars().map(fit).collect();
        let model: Labels = vec![("name", name.as_str()), ("sha256", self.model.sha256.as_str())];
        series.gauges("model_info", "Name and SHA-256 of the model in use", None, [(model, 1.0)])?;
        let version: Labels = vec![("version", env!("CARGO_PKG_VERSION"))];
        series.gauges("build_info", "Version of the daemon", None, [(version, 1.0)])?;
        let uptime = self.clock.uptime().as_secs_f64();
        series.gauge("uptime", "Since the start of the daemon", Some(Unit::Seconds), uptime)?;
        let synchronised = f64::from(u8::from(self.clock.is_synchronised()));
        series.gauge("clock_synchronised", "1 where the wall clock can be trusted", None, synchronised)
    }

    /// As the retained status says it: what delivery suffers from makes the daemon's own word worse.
    fn health(&self, series: &mut Series) -> fmt::Result {
        let mut health = self.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let c = &self.metrics.counters;
        let worse =
            [("outbox", &c.outbox_trouble), ("refused", &c.refusing), ("certificate", &c.certificate_ending)];
        let worse = worse.into_iter().find(|(_, trouble)| read(trouble) > 0);
        if let Some((cause, _)) = worse.filter(|_| health.state == State::Online) {
            (health.state, health.cause) = (State::Degraded, cause);
        }
        let states = [State::Online, State::Degraded].map(State::name);
        let now = Some(health.state.name());
        series.one_of("health", "State of the camera, as on the status topic", "state", &states, now)?;
        let cause: Labels = vec![("cause", health.cause)];
        series.gauges("health_cause", "Why it is so, in a word", None, [(cause, 1.0)])?;
        let silent =
            self.pulses.iter().map(|(stage, pulse)| (vec![("stage", *stage)], pulse.age().as_secs_f64()));
        series.gauges("stage_silence", "Since the last sign of life of a stage", Some(Unit::Seconds), silent)
    }

    fn frames(&self, series: &mut Series, sight: &Sight) -> fmt::Result {
        let c = &self.metrics.counters;
        series.counter("frames_seen", "Frames that the source delivered", read(&c.frames_seen))?;
        series.counter("frames_dropped", "Frames that gave way to newer ones", read(&c.frames_dropped))?;
        series.counter("frames_bad", "Frames that could not be used", read(&c.frames_bad))?;
        series.counter("frames_inferred", "Frames that the model looked at", read(&c.frames_inferred))?;
        series.counter(
            "deadline_misses",
            "Frames that took longer than the budget",
            read(&c.deadline_misses),
        )?;
        series.counter(
            "capture_reopenings",
            "Times that the source was opened anew",
            read(&c.capture_reopens),
        )?;
        let help =
            "Since the capture of the last frame that the model saw, or since the start where there was none";
        let last = sight.last.map_or(0, |stamp| stamp.uptime_ms);
        series.gauge("last_frame_age", help, Some(Unit::Seconds), self.age_s(last))?;
        series.gauge(
            "budget",
            "What a frame may take from capture to decision",
            Some(Unit::Seconds),
            self.budget_ms / 1e3,
        )
    }

    fn seen(&self, series: &mut Series, sight: &Sight) -> fmt::Result {
        let detections = Class::ALL.into_iter().flat_map(|class| {
            let counts = sight.histograms.of(class).iter();
            counts
                .zip(SCORES_FROM)
                .map(move |(count, from)| (vec![("class", class.name()), ("score_from", from)], *count))
        });
        let help =
            "Detections of the model by class and tenth of the score; most are below the operating point";
        series.counters("detections", help, detections)?;
        let told = &self.metrics.counters.alerts;
        let mut alerts = Vec::new();
        for (drill, steps) in ["false", "true"].iter().zip(told) {
            for state in [AlertState::Opened, AlertState::Updated, AlertState::Closed] {
                for severity in [Severity::Low, Severity::Normal, Severity::High] {
                    let labels =
                        vec![("state", state.name()), ("severity", severity.name()), ("drill", *drill)];
                    alerts.push((labels, read(&steps[state as usize][severity as usize])));
                }
            }
        }
        series.counters("alerts", "Steps of alerts that were told", alerts)?;
        let ghosts = sight.ghosts.len() as f64;
        series.gauge("ghosts", "Things that stand still and look like a bear", None, ghosts)?;
        let regimes = [Regime::Day, Regime::Dusk, Regime::Infrared].map(Regime::name);
        series.one_of(
            "regime",
            "Light of the newest frame",
            "regime",
            &regimes,
            sight.regime.map(Regime::name),
        )
    }

    fn latencies(&self, series: &mut Series) -> fmt::Result {
        let m = &self.metrics;
        let stages = Stage::ALL.into_iter().filter(|&stage| stage != Stage::CaptureToPuback);
        let stages = stages.map(|stage| (vec![("stage", stage.name())], m.since_start(stage)));
        series.histograms("stage", "What each stage took for a frame (publish: for an alert)", stages)?;
        let help = "What the model took for one region of a frame";
        series.histograms("look", help, [(Vec::new(), m.looks())])?;
        let help = "From the capture of a frame to the broker's acknowledgement of its alert";
        series.histograms("capture_to_puback", help, [(Vec::new(), m.since_start(Stage::CaptureToPuback))])
    }

    fn messages(&self, series: &mut Series) -> fmt::Result {
        let c = &self.metrics.counters;
        let handed = "Messages that were handed to the connection; what is sent again counts again";
        series.counters("messages_published", handed, by_sort(&c.published, &Sort::ALL))?;
        series.counters(
            "messages_acknowledged",
            "Messages that the broker acknowledged",
            by_sort(&c.acknowledged, &Sort::ALL),
        )?;
        series.counters(
            "messages_refused",
            "Messages that the broker refused",
            by_sort(&c.refused, &Sort::ALL),
        )?;
        let lost = [
            ("alert", &c.lost_alerts),
            ("snapshot", &c.lost_snapshots),
            ("telemetry", &c.lost_telemetry),
            ("audit", &c.lost_audits),
            ("command", &c.lost_commands),
        ];
        let lost = lost.map(|(kind, counter)| (vec![("kind", kind)], read(counter)));
        series.counters("messages_lost", "Messages that nobody will get", lost)?;
        series.counter("broker_connections", "Times that the broker let us in", read(&c.connections))?;
        let help = "Attempts to connect that failed, and connections that broke";
        series.counter("broker_connection_failures", help, read(&c.connection_failures))?;
        let connected = read(&c.connected) as f64;
        series.gauge("broker_connected", "1 while the broker hears us", None, connected)?;
        let help = "Since the broker's last acknowledgement, or since the start where there was none";
        series.gauge(
            "last_acknowledgement_age",
            help,
            Some(Unit::Seconds),
            self.age_s(read(&c.last_acknowledged_ms)),
        )
    }

    fn outbox(&self, series: &mut Series) -> fmt::Result {
        let c = &self.metrics.counters;
        let stored = &Sort::ALL[..2];
        let gauges = |counts| by_sort(counts, stored).map(|(labels, count)| (labels, count as f64));
        series.gauges("outbox_messages", "Messages that wait for the broker", None, gauges(&c.waiting))?;
        series.gauges(
            "outbox",
            "Size of what waits for the broker",
            Some(Unit::Bytes),
            gauges(&c.waiting_bytes),
        )?;
        let history = read(c.waiting.of(Sort::Telemetry)) as f64;
        let help = "Telemetry of a time without connection that waits; nobody waits for it";
        series.gauge("outbox_history_messages", help, None, history)?;
        let trouble = read(&c.outbox_trouble) as f64;
        series.gauge("outbox_trouble", "1 while the outbox cannot be used or was damaged", None, trouble)
    }

    fn board(&self, series: &mut Series, sight: &Sight) -> fmt::Result {
        let vitals = Vitals::read(&self.sysfs, &self.store);
        let megabytes = |mb: f64| mb * 1e6;
        let temperature = vitals.temperature_c.map(f64::from);
        series.gauge("temperature", "Of the processor", Some(Unit::Celsius), temperature)?;
        let memory = vitals.memory_mb.map(f64::from).map(megabytes);
        series.gauge("resident_memory", "Memory of the daemon that is in RAM", Some(Unit::Bytes), memory)?;
        let free = vitals.disk_free_mb.map(megabytes);
        series.gauge("disk_free", "Room where the outbox stands", Some(Unit::Bytes), free)?;
        series.gauge(
            "load",
            "Processes that wait for a core, mean of a minute",
            None,
            vitals.load.map(f64::from),
        )?;
        let levels = [Level::Full, Level::Half, Level::Quarter].map(Level::name);
        let now = Some(sight.effort.level.name());
        series.one_of("effort", "Share of the time that may be worked", "effort", &levels, now)?;
        let strains = [Strain::Hot, Strain::Throttled, Strain::Undervolted, Strain::Busy].map(Strain::name);
        series.one_of(
            "strain",
            "What the board suffers from",
            "strain",
            &strains,
            sight.effort.strain.map(Strain::name),
        )
    }

    /// Seconds since an uptime.
    fn age_s(&self, uptime_ms: u64) -> f64 {
        self.clock.uptime_ms().saturating_sub(uptime_ms) as f64 / 1e3
    }
}

fn by_sort<'a>(counts: &'a BySort, sorts: &'a [Sort]) -> impl Iterator<Item = (Labels<'static>, u64)> + 'a {
    sorts.iter().map(|&sort| (vec![("kind", sort.name())], read(counts.of(sort))))
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
