//! One question to a camera over the broker, and its answer.

use std::cell::RefCell;
use std::time::Duration;

use anyhow::anyhow;

use crate::cli::exit::{Exit, Failure, OrExit};
use crate::cli::say::plain;
use crate::control::request::{Request, Signer};
use crate::control::signing::nonce;
use crate::publish::PublishError;
use crate::publish::drill::{Course, DrillMessage};
use crate::publish::message::{BootId, State, StatusMessage};
use crate::publish::models::{ModelsMessage, Piece};
use crate::publish::reply::AnswerMessage;
use crate::publish::settings::{Settings, Site};
use crate::publish::subscriber::{Body, Heard, Subscriber};
use crate::system::clock::{Clock, Stopwatch};
use crate::system::stop::Stop;

const TICK: Duration = Duration::from_millis(50);
/// What the broker keeps of the camera follows the subscription at once; so long it is waited for.
const RETAINED: Duration = Duration::from_secs(2);

/// No camera is given more time for a drill (drill.within_s), and some for its broker.
const LONGEST_DRILL: Duration = Duration::from_secs(660);

/// A camera asks at least so often for a piece that it lacks.
const LONGEST_SILENCE: Duration = Duration::from_secs(330);

/// A connection to a camera's topics.
pub struct Conversation<'a> {
    subscriber: Subscriber,
    site: Site,
    limit: Duration,
    watch: Stopwatch,
    stop: &'a Stop,
    clock: Clock,
    /// What the camera told of its models last.
    models: RefCell<Option<Box<ModelsMessage>>>,
}

impl Conversation<'_> {
    /// Begins to listen to the camera.
    pub fn begin<'a>(
        settings: &Settings,
        site: Site,
        limit: Duration,
        stop: &'a Stop,
    ) -> Result<Conversation<'a>, Failure> {
        let filter = format!("bearwatch/v1/{}/{}/+", site.name, site.camera);
        let subscriber = Subscriber::start(settings, &filter).map_err(|error| {
            let exit = if matches!(error, PublishError::Thread(_)) { Exit::TryAgain } else { Exit::Config };
            Failure::new(exit, error)
        })?;
        let (watch, clock) = (Stopwatch::start(), Clock::start());
        Ok(Conversation { subscriber, site, limit, watch, stop, clock, models: RefCell::default() })
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// 69 where there is no broker, no such camera, or no answer.
    pub fn ask(&self, request: &Request, signer: Option<&Signer>) -> Result<AnswerMessage, Failure> {
        self.connected()?;
        let boot = self.boot()?;
        let id = nonce().or_exit(Exit::TryAgain)?;
        let message = request.message(&self.site, Some(&boot), &id, signer, self.clock.unix_ms());
        self.subscriber.send(message.or_exit(Exit::TryAgain)?);
        self.answer(&id, request.word)
    }

    /// Waits for what becomes of the drill that the command of this number began.
    ///
    /// # Errors
    /// 69 where it is not heard of in time.
    pub fn outcome(&self, request: u64) -> Result<DrillMessage, Failure> {
        let begun = self.watch.elapsed();
        while self.watch.elapsed() - begun < LONGEST_DRILL && !self.stop.is_raised() {
            match self.next() {
                Some(Heard::Message(received)) => match received.body {
                    Body::State(state) => {
                        let mine = |drill: &DrillMessage| {
                            drill.request == Some(request) && drill.course != Course::Running
                        };
                        if let Some(drill) = state.drill.filter(mine) {
                            return Ok(drill);
                        }
                    }
                    Body::Status(status) if status.state == State::Offline => return Err(self.away(&status)),
                    _ => {}
                },
                Some(Heard::Lost { why, .. }) => tracing::warn!("{why}; trying again"),
                _ => {}
            }
        }
        Err(unavailable(format!(
            "{} does not say how the drill went; …/state and …/status tell",
            self.place()
        )))
    }

    fn next(&self) -> Option<Heard> {
        let heard = self.subscriber.next(TICK);
        if let Some(Heard::Message(received)) = &heard
            && let Body::Models(models) = &received.body
        {
            *self.models.borrow_mut() = Some(models.clone());
        }
        heard
    }

    /// Sends the pieces of a bundle that the camera asks for, until it has all of it.
    ///
    /// # Errors
    /// 69 where the camera is not heard of for long, or asks for no more of it before it has all.
    pub fn serve(&self, bundle: &str, whole: &[u8]) -> Result<(), Failure> {
        let (mut sent, mut heard_at) = (None, self.watch.elapsed());
        while !self.stop.is_raised() {
            if let Some(models) = self.models.borrow_mut().take() {
                heard_at = self.watch.elapsed();
                let download = models.models.download.filter(|download| download.bundle == bundle);
                match (download, sent) {
                    (None, Some(_)) => return Ok(()),
                    (None, None) => {}
                    (Some(download), _) if download.want != sent => {
                        sent = download.want;
                        if let Some(piece) = Piece::wanted(&download, bundle, whole) {
                            self.subscriber.send(piece.message(&self.site));
                        }
                    }
                    (Some(_), _) => {}
                }
            }
            if self.watch.elapsed() - heard_at > LONGEST_SILENCE {
                return Err(unavailable(format!(
                    "{} asks for no more of the bundle; …/models says why",
                    self.place()
                )));
            }
            match self.next() {
                Some(Heard::Lost { why, .. }) => tracing::warn!("{why}; trying again"),
                Some(Heard::Refused { reason }) => {
                    return Err(unavailable(format!(
                        "the broker does not take pieces for {} ({reason}); check its access rules for …/set/piece",
                        self.place()
                    )));
                }
                _ => {}
            }
        }
        Err(unavailable("interrupted: the same command goes on where this one ended".into()))
    }

    fn connected(&self) -> Result<(), Failure> {
        let mut last = "no answer".to_owned();
        while self.goes_on() {
            match self.next() {
                Some(Heard::Connected) => return Ok(()),
                Some(Heard::Lost { why, refused: true }) => return Err(unavailable(why)),
                Some(Heard::Lost { why, .. }) => last = why,
                _ => {}
            }
        }
        Err(unavailable(last))
    }

    /// The camera's present life, as its retained status says.
    fn boot(&self) -> Result<BootId, Failure> {
        let begun = self.watch.elapsed();
        while self.goes_on() && self.watch.elapsed() - begun < RETAINED {
            let Some(Heard::Message(received)) = self.next() else { continue };
            match received.body {
                Body::Status(status) if status.state == State::Offline => return Err(self.away(&status)),
                Body::Status(status) => return Ok(status.envelope.boot),
                _ => {}
            }
        }
        Err(unavailable(format!("nothing is known of a camera {}; check --site and --camera", self.place())))
    }

    fn answer(&self, id: &str, word: &str) -> Result<AnswerMessage, Failure> {
        while self.goes_on() {
            match self.next() {
                Some(Heard::Message(received)) => match received.body {
                    Body::Answer(answer) if answer.id.as_deref() == Some(id) => return Ok(answer),
                    Body::Status(status) if status.state == State::Offline => return Err(self.away(&status)),
                    _ => {}
                },
                Some(Heard::Refused { reason }) => {
                    return Err(unavailable(format!(
                        "the broker does not let us command {} ({reason}); check its access rules for …/set/{word}",
                        self.place()
                    )));
                }
                Some(Heard::Lost { why, .. }) => {
                    return Err(unavailable(format!("{why}; it may have been carried out")));
                }
                _ => {}
            }
        }
        let place = self.place();
        Err(unavailable(format!(
            "{place} does not answer; does its configuration say command.accept = true, and may it read …/set/+ at the broker?"
        )))
    }

    fn away(&self, status: &StatusMessage) -> Failure {
        let (since, reason) = (plain(&status.envelope.time, 40), plain(&status.reason, super::SENTENCE));
        unavailable(format!(
            "{} is offline since {since} ({reason}); commands are not kept for it",
            self.place()
        ))
    }

    fn place(&self) -> String {
        format!("{}/{}", self.site.name, self.site.camera)
    }

    fn goes_on(&self) -> bool {
        self.watch.elapsed() < self.limit && !self.stop.is_raised()
    }
}

fn unavailable(text: String) -> Failure {
    Failure::new(Exit::Unavailable, anyhow!("{text}"))
}
