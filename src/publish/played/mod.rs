//! Cameras that are played: connections, topics and messages as a daemon's, without camera, detector and disk. Some thousand of them share one
//! thread, for `bearwatch swarm`.
//!
//! What the broker has not acknowledged waits in memory and is sent again after a reconnect, as from a daemon's outbox.

use std::iter::Peekable;
use std::pin::pin;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::select;
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::address::{Address, Login};
use super::backoff::Backoff;
use super::certificates::Certificates;
use super::delivery::{Delivery, Key, Lane, Parcel, Verdict};
use super::message::{Envelope, Kind, StatusMessage, command_topic};
use super::mqtt::{self, Connection, Happening, Options, Outgoings, Trouble};
use super::settings::{Settings, Site};
use super::{Draft, Health, PublishError, State, TelemetryDraft, tls};
use crate::system::clock::{Clock, Stopwatch};
use crate::system::metrics::Metrics;
use crate::system::stop::Stop;

pub mod rival;
mod voice;

use rival::Rival;
use voice::Voice;

/// Longest time until a camera looks around.
const TICK: Duration = Duration::from_millis(250);
/// Longest pause before a connection is tried again.
const CAP: Duration = Duration::from_secs(4);
/// Telemetry that is older speaks of no present any more and is not sent.
const FRESH: Duration = Duration::from_secs(2);
/// A connection is cut so long after the last telemetry, which nobody acknowledges: it must not be lost by that.
const UNDER_WAY: Duration = Duration::from_millis(500);
/// What the broker has not acknowledged so long after the end is given up. A machine that runs broker and cameras may be far behind.
const GRACE: Duration = Duration::from_secs(60);
/// How its last will begins, by which its death is known.
pub const DEATH: &str = "connection lost";

/// What a camera does, and when.
pub struct Cue {
    /// By the clock that all cameras share.
    pub at: Duration,
    /// What.
    pub what: Act,
}

/// What a camera does.
pub enum Act {
    /// It says something.
    Say(Box<Draft>),
    /// It tells what it measured so long ago, as after a time without connection.
    Remember {
        /// How long ago.
        ago: Duration,
        /// What it measured.
        draft: Box<TelemetryDraft>,
    },
    /// Its connection breaks without a goodbye; it comes back.
    Cut,
}

/// One camera.
pub struct Part {
    /// Who it is.
    pub site: Site,
    /// When it connects first.
    pub begins: Duration,
    /// What it does, in order of time; then it says goodbye.
    pub cues: Box<dyn Iterator<Item = Cue> + Send>,
    /// Its models, where it tells of them.
    pub rival: Option<Rival>,
}

/// What became of a camera and its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happened {
    /// The broker let it in.
    Connected,
    /// The connection could not be made, or broke.
    Broken {
        /// Whether it was made before.
        was_up: bool,
        /// What happened and what to do.
        why: String,
        /// The broker refuses it.
        refused: bool,
    },
    /// It broke the connection itself.
    Cut,
    /// A message was made and is about to go out.
    Said {
        /// On which topic.
        kind: Kind,
        /// Its number there.
        seq: u64,
        /// Of its payload.
        bytes: usize,
    },
    /// The broker took a message, or refused it.
    Acknowledged {
        /// Whether it did.
        taken: bool,
    },
    /// It is gone; so many messages were never acknowledged.
    Left(usize),
}

/// Hears of each camera, by its place in the list.
pub type Tell = Arc<dyn Fn(usize, Happened) + Send + Sync>;

/// Plays all cameras on a thread of their own until each has done what it had to, or `stop` is raised. `metrics` stand in their telemetry.
///
/// # Errors
/// Only mistakes of configuration: the address, or files that cannot be read.
pub fn start(
    settings: &Settings,
    parts: Vec<Part>,
    (clock, metrics, stop): (Clock, Arc<Metrics>, Stop),
    tell: Tell,
) -> Result<JoinHandle<()>, PublishError> {
    let address = Address::parse(&settings.broker)?;
    let login = Login::read(settings)?;
    let tls = address.tls.then(|| tls::client_config(settings, &Certificates::default())).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let company = Arc::new(Company {
        address,
        login,
        tls,
        keep_alive_s: settings.keep_alive_s,
        clock,
        metrics,
        stop,
        tell,
    });
    let thread = std::thread::Builder::new().name("play".into()).spawn(move || {
        let all = LocalSet::new();
        for (number, part) in parts.into_iter().enumerate() {
            all.spawn_local(Player::new(company.clone(), number, part).run());
        }
        runtime.block_on(all);
    })?;
    Ok(thread)
}

/// What all cameras share.
struct Company {
    address: Address,
    login: Option<Login>,
    tls: Option<Arc<rustls::ClientConfig>>,
    keep_alive_s: u16,
    clock: Clock,
    metrics: Arc<Metrics>,
    stop: Stop,
    tell: Tell,
}

/// How a connection came to a good end.
enum End {
    Cut,
    Done,
}

/// One connection.
struct Line {
    outgoings: Outgoings,
    delivery: Delivery,
    up: bool,
    /// Largest packet that the broker takes, bytes: one that is larger would break the connection each time.
    largest: Option<u32>,
    birth: Option<Envelope>,
}

struct Player {
    company: Arc<Company>,
    voice: Voice,
    begins: Duration,
    cues: Peekable<Box<dyn Iterator<Item = Cue> + Send>>,
    rival: Option<Rival>,
    over: Option<Stopwatch>,
    farewell: bool,
}

impl Player {
    fn new(company: Arc<Company>, number: usize, part: Part) -> Player {
        Player {
            voice: Voice::new(company.clone(), number, part.site),
            company,
            begins: part.begins,
            cues: part.cues.peekable(),
            rival: part.rival,
            over: None,
            farewell: false,
        }
    }

    fn tell(&self, happened: Happened) {
        self.voice.tell(happened);
    }

    async fn run(mut self) {
        sleep(self.begins.saturating_sub(self.company.clock.uptime())).await;
        let mut backoff = Backoff::new();
        while !self.is_late() {
            let mut up = false;
            match self.connection(&mut up).await {
                Ok(End::Done) => break,
                Ok(End::Cut) => self.tell(Happened::Cut),
                Err(Trouble { text: why, refused, .. }) => {
                    self.tell(Happened::Broken { was_up: up, why, refused });
                }
            }
            if up {
                backoff.reset();
            }
            sleep(backoff.pause(CAP)).await;
        }
        self.tell(Happened::Left(self.voice.waiting()));
    }

    /// Whether there is nothing more to do but to be rid of what waits.
    fn is_over(&mut self) -> bool {
        let over = self.company.stop.is_raised() || self.cues.peek().is_none();
        if over {
            self.over.get_or_insert_with(Stopwatch::start);
        }
        over
    }

    fn is_late(&mut self) -> bool {
        self.is_over() && self.over.is_some_and(|since| since.elapsed() > GRACE)
    }

    async fn connection(&mut self, up: &mut bool) -> Result<End, Trouble> {
        let birth = self.voice.envelope(Kind::Status);
        let (outgoings, mut connection) = mqtt::connect(self.options(&birth));
        let delivery = Delivery::new(mqtt::WINDOW);
        let mut line = Line { outgoings, delivery, up: false, largest: None, birth: Some(birth) };
        let ended = self.drive(&mut connection, &mut line).await;
        *up = line.up;
        if line.birth.is_some() {
            self.voice.take_back(Kind::Status);
        }
        ended
    }

    async fn drive(&mut self, connection: &mut Connection, line: &mut Line) -> Result<End, Trouble> {
        loop {
            let happening = {
                let mut next = pin!(connection.next());
                loop {
                    if self.act(line) {
                        return Ok(End::Cut);
                    }
                    if self.is_late() {
                        return Ok(End::Done);
                    }
                    select! {
                        happening = &mut next => break happening?,
                        () = sleep(self.pause()) => {}
                    }
                }
            };
            if matches!(happening, Happening::Left) {
                return Ok(End::Done);
            }
            let limits = connection.limits();
            line.delivery.set_window(limits.window);
            line.largest = limits.largest;
            self.happened(happening, line);
        }
    }

    /// Until there is something to do.
    fn pause(&mut self) -> Duration {
        let now = self.company.clock.uptime();
        let due = self.cues.peek().map_or(TICK, |cue| cue.at.saturating_sub(now));
        due.clamp(Duration::from_millis(5), TICK)
    }

    /// Does what is due and hands over what there is room for; `true` where the connection is to be cut.
    fn act(&mut self, line: &mut Line) -> bool {
        if !line.up {
            return false;
        }
        let now = self.company.clock.uptime();
        while !self.company.stop.is_raised() && self.cues.peek().is_some_and(|cue| cue.at <= now) {
            let quiet = line.delivery.is_idle() && self.voice.waiting() == 0;
            let is_cut = self.cues.peek().is_some_and(|cue| matches!(cue.what, Act::Cut));
            if is_cut && !(quiet && now.saturating_sub(self.voice.telemetry_at) > UNDER_WAY) {
                break;
            }
            match self.cues.next() {
                Some(Cue { what: Act::Say(draft), at }) => self.say(*draft, at, now, line),
                Some(Cue { what: Act::Remember { ago, draft }, .. }) => self.voice.remember(ago, &draft),
                Some(Cue { what: Act::Cut, .. }) => return true,
                None => {}
            }
        }
        if let Some(models) = self.rival.as_mut().and_then(|rival| rival.news(now)) {
            self.voice.models(models);
        }
        self.feed(line);
        if self.is_over() && self.voice.waiting() == 0 {
            self.leave(line);
        }
        false
    }

    /// The last status; the connection ends when it is acknowledged.
    fn leave(&mut self, line: &Line) {
        if self.farewell {
            line.outgoings.disconnect();
            return;
        }
        self.farewell = true;
        self.voice.status(State::Offline, "stopped", None);
    }

    fn happened(&mut self, happening: Happening, line: &mut Line) {
        match happening {
            Happening::Connected { .. } => {
                line.up = true;
                line.outgoings.subscribe(&command_topic(&self.voice.site, "+"));
                let birth = line.birth.take();
                self.voice.status(State::Online, "played by bearwatch swarm", birth);
                self.tell(Happened::Connected);
            }
            Happening::Sent(packet) => line.delivery.sent(packet),
            Happening::Acknowledged { packet, outcome } => {
                let verdict = line.delivery.acknowledged(packet, outcome.is_ok());
                if let Verdict::Delivered(Parcel::Stored(key)) | Verdict::Refused(Parcel::Stored(key)) =
                    verdict
                {
                    self.voice.is_done_with(key.number);
                    self.tell(Happened::Acknowledged { taken: outcome.is_ok() });
                }
            }
            Happening::Received { message, .. } => {
                if let Some(rival) = &mut self.rival {
                    rival.hear(&message, &mut self.voice, self.company.clock.uptime());
                }
            }
            Happening::Subscribed(_) | Happening::Left => {}
        }
    }

    /// Telemetry speaks of the present: it goes out at once or not at all. The rest waits for its acknowledgement.
    fn say(&mut self, draft: Draft, at: Duration, now: Duration, line: &mut Line) {
        match draft {
            Draft::Telemetry(telemetry) if now.saturating_sub(at) <= FRESH => {
                self.voice.telemetry(&telemetry, now, &mut line.outgoings);
            }
            Draft::Telemetry(_) => {}
            other => self.voice.say(other),
        }
    }

    fn feed(&mut self, line: &mut Line) {
        let uptime_ms = self.company.clock.uptime_ms();
        while line.delivery.room() > 0 {
            let after = line.delivery.reached(Lane::Alerts) + 1;
            let Some((number, message)) = self.voice.next(after, uptime_ms) else { return };
            if line.largest.is_some_and(|largest| message.packet_bytes() > largest as usize) {
                self.voice.is_done_with(number);
                self.tell(Happened::Acknowledged { taken: false });
                continue;
            }
            if !line.outgoings.publish(message) {
                return;
            }
            line.delivery.submitted(Parcel::Stored(Key { lane: Lane::Alerts, number }));
        }
    }

    fn options(&self, birth: &Envelope) -> Options {
        let reason = format!("{DEATH}: no power, no network, or the daemon died");
        let will =
            StatusMessage::new(birth.clone(), &Health { state: State::Offline, reason, cause: "lost" });
        Options {
            client_id: format!("bearwatch-{}-{}", self.voice.site.name, self.voice.site.camera),
            address: self.company.address.clone(),
            login: self.company.login.clone(),
            tls: self.company.tls.clone(),
            keep_alive_s: self.company.keep_alive_s,
            will: Some(self.voice.json(Kind::Status, birth.seq, &will)),
            memory_s: 0,
            largest: mqtt::COMMANDS,
            custody: None,
        }
    }
}
