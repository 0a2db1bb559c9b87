//! `bearwatch watch`: the ranger's duty desk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::command::SigningArgs;
use super::connection::{ConnectionArgs, level};
use super::exit::{Exit, Failure, OrExit, Outcome};
use super::say::{Paint, say, say_json};
use crate::publish::PublishError;
use crate::publish::subscriber::{Body, Heard, Received, Subscriber};
use crate::system::clock::Clock;
use crate::system::signals::raise_on_signal;
use crate::system::stop::Stop;

mod ack;
mod album;
mod alerts;
mod desk;
mod journal;
mod ledger;
mod words;

use ack::Keyboard;
use album::Album;
use desk::{Desk, Notice, place};
use ledger::Ledger;
use words::Words;

/// How often the desk looks around when nothing is heard.
const TICK: Duration = Duration::from_millis(100);
/// A broker that says nothing for 1.5 times this is taken for gone; people are waiting in front of the desk.
const KEEP_ALIVE_S: u16 = 10;
/// The bell rings at most this often.
const BELL_EVERY: Duration = Duration::from_secs(2);

/// Show alerts as they arrive, as a ranger's duty desk would see them, bell included.
///
/// One line a step of an alert, and one when a camera changes, falls silent or is heard again, when the connection is lost, and when
/// a message cannot be read. Times are local. Every ten minutes a roll call says who is watching: a quiet desk is not a dead one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch watch                                     everything on a broker of this machine
  bearwatch watch --config /etc/bearwatch.toml        broker, user and certificates of a daemon
  bearwatch watch --broker mqtts://park.example --site yellow-creek \\
                  --user ranger --password-file ~/.mqtt-password
  bearwatch watch --json --save pictures >> a.jsonl   one JSON line a message, pictures as files

The bell rings for every alert that is news, late ones too (a BEL character; --no-bell for files), and
not for one of quiet hours before it becomes more than that.
LATE marks what was sent long after it was taken, SIMULATION what the simulator drew,
DRILL, NO BEAR an exercise. A camera is SILENT when nothing was heard of it for --silence seconds (or 3.5 of its own
telemetry's intervals, if that is longer).

Pictures are named TIME_SITE_CAMERA_ALERT_NUMBER.jpg (time in UTC) and are never half-written.

With --json each line has \"kind\": alert, status, telemetry, state, answer, ack (with \"message\" as it was
sent), snapshot, unreadable; and what the desk notices: connected, lost, silent, back, nobody, roll_call,
gap, filled, doubled, end.

--ack acknowledges the newest alert that nobody has acknowledged, or with the end of an id behind the
letter an older one. The verdict is kept beside the camera's pictures. It needs acknowledge.ladder in
the camera's configuration, and with command.keys there --sign.

--share splits the messages among all programs that name the same group (a shared subscription of MQTT v5), for
those that store or forward: one message, one of them. Nobody is called silent then. What was given to one that
dies without a goodbye is lost after a minute, so end them by SIGTERM.

--verify follows the sequence numbers: a gap is a message that did not arrive here.

A broker that is away is said at once and tried again for ever; what it keeps meanwhile (alerts and
pictures, for a quarter of an hour) follows.

Exit codes: 0 ended by Ctrl-C, SIGTERM or --seconds · 64 usage · 65 --verify found alerts or
pictures missing · 69 the broker refuses us (password, certificate, access) before anything was
heard · 73 --save cannot be created · 74 a picture could not be saved, or stdout is closed ·
78 the configuration is wrong")]
pub struct WatchArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// Only this site
    #[arg(long, value_parser = level)]
    site: Option<String>,
    /// Only cameras of this name
    #[arg(long, value_parser = level)]
    camera: Option<String>,
    /// Write the pictures that come with alerts into this folder
    #[arg(long, value_name = "DIR")]
    save: Option<PathBuf>,
    /// One JSON line a message, for programs
    #[arg(long)]
    json: bool,
    /// Do not ring for new alerts
    #[arg(long)]
    no_bell: bool,
    /// Follow the sequence numbers and say what is missing or came twice
    #[arg(long)]
    verify: bool,
    /// A camera that is not heard for so long is named, seconds
    #[arg(long, value_name = "S", default_value_t = 45, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    silence: u64,
    /// Acknowledge alerts, by this name: b (bear), n (not a bear) or u (unsure) and Enter
    #[arg(long, value_name = "NAME")]
    ack: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
    /// Share the work with other programs of this group: each message goes to one of them. Needs --json: none of them sees the whole
    #[arg(long, value_name = "GROUP", value_parser = level, requires = "json", conflicts_with_all = ["verify", "ack"])]
    share: Option<String>,
    /// End by itself after so long
    #[arg(long, value_name = "S", value_parser = clap::value_parser!(u64).range(1..))]
    seconds: Option<u64>,
}

impl WatchArgs {
    fn keyboard(&self) -> Result<Option<Keyboard>, Failure> {
        let Some(by) = self.ack.clone() else { return Ok(None) };
        Keyboard::start(by, self.signing.signer()?).map(Some).or_exit(Exit::TryAgain)
    }

    fn filter(&self) -> String {
        let level = |name: &Option<String>| name.clone().unwrap_or_else(|| "+".into());
        let share = self.share.as_ref().map_or(String::new(), |group| format!("$share/{group}/"));
        format!("{share}bearwatch/v1/{}/{}/+", level(&self.site), level(&self.camera))
    }
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: WatchArgs) -> Outcome {
    let mut settings = args.connection.load()?.publish;
    settings.keep_alive_s = KEEP_ALIVE_S;
    let album = args.save.as_deref().map(Album::open).transpose().or_exit(Exit::CannotCreate)?;
    let keyboard = args.keyboard()?;
    let subscriber = Subscriber::start(&settings, &args.filter()).map_err(|error| {
        let exit = if matches!(error, PublishError::Thread(_)) { Exit::TryAgain } else { Exit::Config };
        Failure::new(exit, error)
    })?;
    let stop = Stop::default();
    raise_on_signal(stop.clone()).or_exit(Exit::Bug)?;
    let mut watch = Watch::new(args, album, keyboard);
    watch.greet(&settings.broker)?;
    while !stop.is_raised() && !watch.is_over() {
        if let Some(heard) = subscriber.next(TICK) {
            watch.hear(&heard)?;
        }
        watch.look_at_keys(&subscriber)?;
        watch.look()?;
    }
    watch.end()
}

struct Watch {
    args: WatchArgs,
    clock: Clock,
    words: Words,
    desk: Desk,
    ledger: Ledger,
    album: Option<Album>,
    keyboard: Option<Keyboard>,
    rang_at: Option<Duration>,
    messages: u64,
    alerts: u64,
    saved: u64,
    unsaved: u64,
}

impl Watch {
    fn new(args: WatchArgs, album: Option<Album>, keyboard: Option<Keyboard>) -> Watch {
        Watch {
            clock: Clock::start(),
            words: Words::new(Paint::of_stdout()),
            desk: Desk::new(Duration::from_secs(args.silence)),
            ledger: Ledger::default(),
            album,
            keyboard,
            rang_at: None,
            messages: 0,
            alerts: 0,
            saved: 0,
            unsaved: 0,
            args,
        }
    }

    fn greet(&self, broker: &str) -> Result<(), Failure> {
        if self.args.json {
            return Ok(());
        }
        let zone = self.words.zone(self.clock.unix_ms());
        let bell = if self.args.no_bell { "" } else { ", the bell rings for new alerts" };
        let filter = self.args.filter();
        self.desk_line(&format!(
            "listening to {filter} at {broker}; times are local ({zone}){bell}; Ctrl-C ends"
        ))
    }

    fn is_over(&self) -> bool {
        self.args.seconds.is_some_and(|limit| self.clock.uptime() >= Duration::from_secs(limit))
    }

    fn hear(&mut self, heard: &Heard) -> Result<(), Failure> {
        match heard {
            Heard::Lost { why, refused: true } if !self.desk.was_connected() => {
                return Err(Failure::new(Exit::Unavailable, anyhow::anyhow!("{why}")));
            }
            Heard::Message(received) => self.message(received)?,
            Heard::Unreadable { topic, reason } if self.args.json => {
                say_json(&journal::unreadable(topic, reason, self.clock.unix_ms()))?;
            }
            _ => {}
        }
        self.hear_for_keys(heard)?;
        let notices = self.desk.hear(heard, self.clock.uptime());
        self.tell(&notices)?;
        match heard {
            Heard::Message(received) if self.args.verify => self.verify(received),
            _ => Ok(()),
        }
    }

    /// Who hears a part of the messages cannot tell who is silent.
    fn look(&mut self) -> Result<(), Failure> {
        if self.args.share.is_some() {
            return Ok(());
        }
        let notices = self.desk.look(self.clock.uptime());
        self.tell(&notices)
    }

    fn message(&mut self, received: &Received) -> Result<(), Failure> {
        self.messages += 1;
        self.alerts += u64::from(matches!(received.body, Body::Alert(_)));
        let saved = self.save(received)?;
        if self.args.json {
            say_json(&journal::message(received, saved.as_deref(), self.clock.unix_ms()))?;
        } else if let (Some(path), Body::Snapshot(_)) = (&saved, &received.body) {
            self.say(&place(&received.site), &format!("picture {}", path.display()))?;
        }
        Ok(())
    }

    /// A full disk does not end the watch: it is told, once, and the alerts go on.
    fn save(&mut self, received: &Received) -> Result<Option<PathBuf>, Failure> {
        let (Some(album), Body::Snapshot(snapshot)) = (&self.album, &received.body) else { return Ok(None) };
        match album.save(&received.site, snapshot) {
            Ok(path) => {
                self.saved += 1;
                Ok(Some(path))
            }
            Err(error) => {
                self.unsaved += 1;
                if self.unsaved == 1 {
                    tracing::error!("{error:#}; further ones are counted");
                }
                Ok(None)
            }
        }
    }

    fn tell(&mut self, notices: &[Notice]) -> Result<(), Failure> {
        let unix_ms = self.clock.unix_ms();
        for notice in notices {
            match journal::notice(notice, unix_ms) {
                Some(line) if self.args.json => say_json(&line)?,
                _ if self.args.json => {}
                _ => say(&(self.bell(notice).to_owned() + &self.words.notice(notice, unix_ms)))?,
            }
        }
        Ok(())
    }

    /// Not for every line of a burst: a bell that does not end is switched off.
    fn bell(&mut self, notice: &Notice) -> &'static str {
        let now = self.clock.uptime();
        let rests = self.rang_at.is_some_and(|at| now - at < BELL_EVERY);
        let rings = matches!(notice, Notice::Alert { first: true, message, .. } if !message.is_quiet() && !message.is_for_reviewers());
        if self.args.no_bell || rests || !rings {
            return "";
        }
        self.rang_at = Some(now);
        "\x07"
    }

    fn verify(&mut self, received: &Received) -> Result<(), Failure> {
        let place = place(&received.site);
        let now = self.clock.uptime();
        let listening_ms = (now - self.desk.connected_at().unwrap_or(now)).as_millis() as u64;
        let Some(finding) = self.ledger.enter(&place, received, listening_ms) else { return Ok(()) };
        if self.args.json {
            return say_json(&journal::finding(finding, received, self.clock.unix_ms()));
        }
        self.say(&place, &self.words.finding(finding, received.body.kind()))
    }

    fn end(&self) -> Outcome {
        let sums = self.args.verify.then(|| self.ledger.sums());
        if self.args.json {
            say_json(&journal::end(sums, self.clock.unix_ms()))?;
        } else {
            self.last_words()?;
            sums.map_or(Ok(()), |sums| self.desk_line(&self.words.sums(sums)))?;
        }
        Ok(match sums {
            _ if self.unsaved > 0 => Exit::Io,
            Some(sums) if sums.missing > 0 => Exit::BadData,
            _ => Exit::Ok,
        })
    }

    fn last_words(&self) -> Result<(), Failure> {
        let Watch { messages, alerts, saved, unsaved, .. } = self;
        let folder = self.args.save.as_deref().map(Path::display);
        let pictures = folder.map_or(String::new(), |folder| format!(", {saved} pictures saved in {folder}"));
        let lost = if *unsaved > 0 { format!(", {unsaved} pictures NOT saved") } else { String::new() };
        let cameras = self.desk.cameras();
        self.desk_line(&format!(
            "ended; {messages} messages of {cameras} cameras heard, {alerts} of them steps of alerts{pictures}{lost}"
        ))
    }

    fn desk_line(&self, text: &str) -> Result<(), Failure> {
        self.say("desk", text)
    }

    fn say(&self, place: &str, text: &str) -> Result<(), Failure> {
        say(&self.words.line(self.clock.unix_ms(), place, text))
    }
}
