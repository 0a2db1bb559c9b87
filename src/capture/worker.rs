//! Keeps frames coming, whatever the source does. Two threads: a reader that calls the source, and a supervisor, which no camera
//! can hold up.
//!
//! The supervisor watches how long the reader has been without a frame. Past the deadline it asks the stream to end, and the reader
//! opens the source anew with growing pauses. A reader that does not come back even then is stuck in a driver: opening the
//! device again in another thread would hang as well, so the ring is closed and the daemon ends with what it has, to be
//! started afresh.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::SyncSender;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::history::{History, Recorder};
use super::light::Light;
use super::pace::Backoff;
use super::ring::{FrameSender, RingCloser};
use super::settings::Settings;
use super::watch::{Verdict, Watch};
use super::{CaptureError, Event, Next, Source, Stream};
use crate::perceive::frame::{Frame, Stamp};
use crate::system::clock::{Clock, Stopwatch};
use crate::system::metrics::{Metrics, count};
use crate::system::pulse::Pulse;
use crate::system::seldom::Seldom;
use crate::system::stop::Stop;

/// How often the supervisor looks, and shows life.
const TICK: Duration = Duration::from_millis(100);
/// How long a reader that was asked to end may take before it counts as stuck.
const GRACE: Duration = Duration::from_secs(2);

/// Everything that capturing needs.
pub struct Job {
    /// Where frames come from.
    pub source: Box<dyn Source>,
    /// Deadlines.
    pub settings: Settings,
    /// Where frames go.
    pub sender: FrameSender,
    /// Keeps the last seconds, where wanted.
    pub history: Option<History>,
    /// Stamps the frames.
    pub clock: Clock,
    /// Shows that this stage lives; a camera that is away does not stop it.
    pub pulse: Pulse,
    /// Counts.
    pub metrics: Arc<Metrics>,
    /// How frames came out, from whoever measures it.
    pub light: Light,
    /// Ends it.
    pub stop: Stop,
    /// Tells the health of the source; only transitions. Read it: what does not fit is logged and lost.
    pub events: SyncSender<Event>,
}

/// Captures until the source ends, the flag is raised, or going on is of no use. The ring is closed when it returns.
///
/// # Errors
/// [`CaptureError::Hopeless`] and [`CaptureError::Missing`] as the source gives them, [`CaptureError::Stuck`] where a call does
/// not return, whose thread is left behind, or where a driver does not let go.
pub fn run(job: Job) -> Result<(), CaptureError> {
    let watch = Arc::new(Watch::new(job.clock, Duration::from_secs_f64(job.settings.stall_s.max(0.1))));
    let source_name = job.source.name();
    let supervisor = Supervisor {
        source_name: source_name.clone(),
        watch: Arc::clone(&watch),
        closer: job.sender.closer(),
        metrics: Arc::clone(&job.metrics),
        pulse: job.pulse,
        stop: job.stop.clone(),
        events: job.events.clone(),
    };
    let reader = Reader {
        source: job.source,
        source_name,
        sender: job.sender,
        recorder: job.history.map(Recorder::new),
        clock: job.clock,
        metrics: job.metrics,
        light: job.light,
        stop: job.stop,
        events: job.events,
        watch,
        frame: Frame::empty(),
        sequence: 0,
        lost_because: None,
        bad: None,
        seldom: Seldom::default(),
    };
    let thread = thread::Builder::new().name("camera".to_owned()).spawn(move || reader.run());
    match thread {
        Ok(thread) => supervisor.watch(thread),
        Err(error) => Err(supervisor.stuck(format!("no thread for it: {error}"))),
    }
}

struct Supervisor {
    source_name: String,
    watch: Arc<Watch>,
    closer: RingCloser,
    metrics: Arc<Metrics>,
    pulse: Pulse,
    stop: Stop,
    events: SyncSender<Event>,
}

impl Supervisor {
    fn watch(&self, reader: JoinHandle<Result<(), CaptureError>>) -> Result<(), CaptureError> {
        loop {
            if reader.is_finished() {
                return reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            }
            if self.stop.sleep(TICK) {
                return self.leave(reader);
            }
            self.pulse.beat();
            match self.watch.look(GRACE) {
                Verdict::Well => {}
                Verdict::Late => self.watch.interrupt(),
                Verdict::Stuck(silent) => {
                    self.close();
                    let error =
                        self.stuck(format!("a call has not returned for {:.0} s", silent.as_secs_f64()));
                    tell(&self.events, Event::Lost { why: error.to_string() });
                    return Err(error);
                }
            }
        }
    }

    /// Asks the reader to end, and goes without it where it does not.
    fn leave(&self, reader: JoinHandle<Result<(), CaptureError>>) -> Result<(), CaptureError> {
        let waited = Stopwatch::start();
        while !reader.is_finished() && waited.elapsed() < GRACE {
            self.watch.interrupt();
            thread::sleep(Duration::from_millis(5));
        }
        if reader.is_finished() {
            return reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        tracing::warn!("{}: did not let go in time and is left behind", self.source_name);
        self.close();
        Ok(())
    }

    /// In the place of a reader that cannot.
    fn close(&self) {
        self.metrics.counters.frames_dropped.store(self.closer.close(), Ordering::Relaxed);
    }

    fn stuck(&self, what: String) -> CaptureError {
        let remedy =
            "the daemon starts afresh; if it stays so, unplug the camera or restart the board".to_owned();
        CaptureError::Stuck { source_name: self.source_name.clone(), what, remedy }
    }
}

/// How an attempt came to a good end.
enum Finished {
    /// The source has no more.
    Ended,
    /// The daemon stops.
    Stopped,
}

struct Reader {
    source: Box<dyn Source>,
    source_name: String,
    sender: FrameSender,
    recorder: Option<Recorder>,
    clock: Clock,
    metrics: Arc<Metrics>,
    light: Light,
    stop: Stop,
    events: SyncSender<Event>,
    watch: Arc<Watch>,
    frame: Frame,
    sequence: u64,
    /// Why the source is away, as last told; `None` while it gives frames and before the first attempt.
    lost_because: Option<String>,
    /// What is wrong with the newest frame; `None` where it is good.
    bad: Option<String>,
    /// Lets lines on bad frames into the log.
    seldom: Seldom,
}

impl Reader {
    fn run(mut self) -> Result<(), CaptureError> {
        let mut backoff = Backoff::new();
        loop {
            let lived = Stopwatch::start();
            let outcome = self.attempt();
            self.watch.rest();
            match outcome {
                _ if self.stop.is_raised() => return Ok(()),
                Ok(Finished::Stopped) => return Ok(()),
                Ok(Finished::Ended) => {
                    tell(&self.events, Event::Ended);
                    return Ok(());
                }
                Err(
                    error @ (CaptureError::Hopeless { .. }
                    | CaptureError::Missing { .. }
                    | CaptureError::Stuck { .. }),
                ) => return Err(error),
                Err(error) => self.lost(error.to_string()),
            }
            if self.stop.sleep(backoff.pause(lived.elapsed())) {
                return Ok(());
            }
            count(&self.metrics.counters.capture_reopens);
        }
    }

    /// Opens the source and reads until something ends it.
    fn attempt(&mut self) -> Result<Finished, CaptureError> {
        let stop = self.watch.begin(&self.stop);
        self.bad = None;
        let mut stream = self.source.open(&stop)?;
        self.watch.opened(stream.patience());
        loop {
            match self.next(stream.as_mut(), &stop) {
                Ok(Next::Frame) => {
                    self.deliver(stream.as_ref());
                    if let Some(seen) = self.light.take() {
                        stream.steer(seen, self.clock.uptime_ms());
                    }
                }
                Ok(Next::End) if stop.is_raised() || self.stop.is_raised() => return self.asked_to_end(),
                Ok(Next::End) if self.source.is_live() => {
                    return Err(self.broken("came to an end".to_owned()));
                }
                Ok(Next::End) => return Ok(Finished::Ended),
                Err(CaptureError::BadFrame { source_name, what }) => {
                    self.bad(&source_name, what);
                    if stop.is_raised() {
                        return self.asked_to_end();
                    }
                }
                Err(error) => return Err(error),
            }
            // A camera that gives nothing but bad frames is as blind as one that gives none, and may be well when it is opened anew.
            if self.bad.is_none() || !self.source.is_live() {
                self.watch.progress();
            }
        }
    }

    /// The attempt was asked to end: by whoever ends the daemon, or for its silence.
    fn asked_to_end(&self) -> Result<Finished, CaptureError> {
        if self.stop.is_raised() { Ok(Finished::Stopped) } else { Err(self.stalled()) }
    }

    fn next(&mut self, stream: &mut dyn Stream, stop: &Stop) -> Result<Next, CaptureError> {
        self.frame.name.clear();
        self.frame.simulated = false;
        stream.next(&mut self.frame, stop)
    }

    fn deliver(&mut self, stream: &dyn Stream) {
        if self.lost_because.take().is_some() || self.sequence == 0 {
            let what = stream.describe();
            tracing::info!("{}: {what}", self.source_name);
            tell(&self.events, Event::Opened { what });
        }
        self.bad = None;
        self.frame.sequence = self.sequence;
        self.frame.stamp = stamp(&self.clock);
        self.sequence += 1;
        count(&self.metrics.counters.frames_seen);
        if let Some(recorder) = &mut self.recorder {
            recorder.take(&self.frame);
        }
        let frame = std::mem::replace(&mut self.frame, Frame::empty());
        self.frame = self.sender.send(frame);
        self.metrics.counters.frames_dropped.store(self.sender.lost(), Ordering::Relaxed);
        if let Some(recorder) = &mut self.recorder {
            recorder.keep();
        }
    }

    /// Counts it. The first of a row is logged, and rows that follow each other once in a while.
    fn bad(&mut self, source_name: &str, what: String) {
        count(&self.metrics.counters.frames_seen);
        count(&self.metrics.counters.frames_bad);
        if self.bad.is_none() && self.seldom.may(self.clock.uptime()) {
            tracing::warn!("{source_name}: {what}; passed over and counted, as further bad frames are");
        }
        self.bad = Some(what);
    }

    fn stalled(&self) -> CaptureError {
        let patience = self.watch.patience().as_secs_f64();
        let bad = self.bad.as_ref().map_or(String::new(), |what| format!(" that can be used: {what}"));
        self.broken(format!("gave no frame for {patience:.1} s{bad}"))
    }

    fn broken(&self, what: String) -> CaptureError {
        CaptureError::Broken { source_name: self.source_name.clone(), what }
    }

    /// Tells when the source goes away, and when the reason changes.
    fn lost(&mut self, why: String) {
        if self.lost_because.as_ref() != Some(&why) {
            tracing::warn!("{why}; trying again with growing pauses");
            tell(&self.events, Event::Lost { why: why.clone() });
            self.lost_because = Some(why);
        }
    }
}

fn stamp(clock: &Clock) -> Stamp {
    Stamp { uptime_ms: clock.uptime_ms(), unix_ms: clock.unix_ms(), synchronised: clock.is_synchronised() }
}

/// Never waits: a reader of events that has gone must not stop the camera.
fn tell(events: &SyncSender<Event>, event: Event) {
    if let Err(error) = events.try_send(event) {
        tracing::debug!("nobody took an event of the camera: {error}");
    }
}
