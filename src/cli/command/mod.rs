//! `bearwatch command`: tells a camera what to do, and what it answers.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde_json::json;

use super::connection::{Connection, ConnectionArgs, level};
use super::exit::{Exit, Failure, OrExit, Outcome};
use super::say::{plain, say, say_json};
use crate::control::request::{Request, Signer};
use crate::control::signing::SigningKey;
use crate::publish::drill::{Course, DrillMessage};
use crate::publish::reply::{AnswerMessage, Judgement, Verdict};
use crate::publish::settings::Site;
use crate::system::log::Level;
use crate::system::signals::raise_on_signal;
use crate::system::stop::Stop;

mod conversation;
mod key;
mod model;

use conversation::Conversation;

/// Longest sentence of a stranger.
const SENTENCE: usize = 300;

/// Tell a camera what to do: arm, disarm, shadow, test, drill, snapshot, threshold, log, ack, model. Prints what it answers.
///
/// The camera takes commands where its configuration has `command.accept = true`; where that has `command.keys` they must be signed.
/// Nothing is ordered for ever: what tells nobody of bears ends by itself.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch command key ~/anna.pem                     a new key pair; prints the line for command.keys
  bearwatch command disarm --for 2h --site creek --camera north --sign ~/anna.pem
  bearwatch command arm --config /etc/bearwatch.toml   broker and camera of a daemon's configuration
  bearwatch command drill --site creek --camera north  waits for what comes of it
  bearwatch command snapshot --site creek --camera north --broker mqtts://park.example
  bearwatch command threshold 0.7 …                    `usual` for that of the file or the model
  bearwatch command model shadow NAME-7.bwm …          sends the bundle, too, as the camera asks for it
  bearwatch command model promote NAME-7.bwm …         and `model revert …` takes it back

A command is not kept for a camera that is away: it is given now or not at all.

Exit codes: 0 applied, and for a drill: passed · 64 usage · 65 the camera refuses it · 69 no
broker, no answer of the camera, or the drill has failed · 75 the drill was broken off · 73 the key exists already or cannot be written · 74 stdout is closed · 78 the
configuration, or a key, is wrong")]
pub struct CommandArgs {
    #[command(flatten)]
    connection: ConnectionArgs,
    /// The camera's site
    #[arg(long, value_parser = level, global = true)]
    site: Option<String>,
    /// The camera
    #[arg(long, value_parser = level, global = true)]
    camera: Option<String>,
    #[command(flatten)]
    signing: SigningArgs,
    /// Who you are, for the audit log of a camera that takes unsigned commands
    #[arg(long, value_name = "NAME", global = true)]
    by: Option<String>,
    /// How long to wait for broker and answer
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600), global = true)]
    timeout: u64,
    /// Print the answer as it came, as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

/// Options of who signs.
#[derive(Debug, Args)]
pub struct SigningArgs {
    /// Sign with the private key in this PEM file
    #[arg(long, value_name = "FILE", global = true)]
    sign: Option<PathBuf>,
    /// The key's name in command.keys [default: the file's name]
    #[arg(long = "as", value_name = "NAME", value_parser = level, global = true)]
    name: Option<String>,
}

impl SigningArgs {
    /// Who signs; nobody where no key is given.
    ///
    /// # Errors
    /// 78 where the file holds no key, 64 where it has no name.
    pub fn signer(&self) -> Result<Option<Signer>, Failure> {
        let Some(file) = &self.sign else { return Ok(None) };
        let key = SigningKey::read(file).or_exit(Exit::Config)?;
        let name = key::name(file, self.name.as_deref())?;
        Ok(Some(Signer { key, name }))
    }
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Tell of bears again
    Arm,
    /// Tell nobody of bears, for a time
    Disarm(For),
    /// Tell nobody, but keep on the device what would have been told, for a time
    Shadow(For),
    /// Send an alert marked as drill the whole way
    Test,
    /// Draw a bear into the picture, which must come out as an alert; waits for what comes of it
    Drill,
    /// Send a picture of just now
    Snapshot,
    /// Count as bear what scores so much
    Threshold {
        /// A score from 0 to 1, or `usual`
        #[arg(value_parser = score)]
        bear: Score,
    },
    /// Log more or less, for a time
    Log {
        /// How much
        level: Level,
        #[command(flatten)]
        time: For,
    },
    /// Acknowledge an alert
    Ack {
        /// Its id
        alert: String,
        /// What it was
        #[arg(long)]
        verdict: Judgement,
        /// What else there is to say
        #[arg(long)]
        note: Option<String>,
    },
    /// Another model: fetch and try out, run, take back
    Model(model::ModelArgs),
    /// Make a key pair for signing, and print the line for command.keys
    Key {
        /// Where the private key goes; its name is that of the file
        file: PathBuf,
    },
}

impl Action {
    fn request(&self, by: Option<String>) -> Request {
        let (word, fields) = match self {
            Action::Arm => ("arm", json!({})),
            Action::Disarm(time) => ("disarm", json!({ "for_s": time.time.as_secs() })),
            Action::Shadow(time) => ("shadow", json!({ "for_s": time.time.as_secs() })),
            Action::Test => ("test", json!({})),
            Action::Drill => ("drill", json!({})),
            Action::Snapshot => ("snapshot", json!({})),
            Action::Threshold { bear } => ("threshold", json!({ "bear": bear.0 })),
            Action::Log { level, time } => {
                ("log", json!({ "level": level.name(), "for_s": time.time.as_secs() }))
            }
            Action::Ack { alert, verdict, note } => {
                return Request::acknowledge(alert, *verdict, note.as_deref(), by);
            }
            Action::Model(model) => ("model", model.fields()),
            Action::Key { .. } => ("", json!({})),
        };
        Request::new(word, &fields, by)
    }
}

#[derive(Debug, Args)]
struct For {
    /// For how long: 30min, 2h
    #[arg(long = "for", value_name = "TIME", value_parser = humantime::parse_duration)]
    time: Duration,
}

/// A score, or none for the usual one.
#[derive(Clone, Copy, Debug)]
struct Score(Option<f32>);

fn score(text: &str) -> Result<Score, String> {
    if text == "usual" {
        return Ok(Score(None));
    }
    let score = text.parse().ok().filter(|score| (0.0..=1.0).contains(score));
    score.map(|score| Score(Some(score))).ok_or_else(|| "a score from 0 to 1, or `usual`".into())
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(mut args: CommandArgs) -> Outcome {
    if let Action::Key { file } = &args.action {
        return key::make(file, args.signing.name.as_deref());
    }
    if let Action::Model(model) = &mut args.action {
        model.read()?;
    }
    let connection = args.connection.load()?;
    let site = args.site(&connection)?;
    let request = args.action.request(args.by.clone());
    let signer = args.signing.signer()?;
    let stop = Stop::default();
    raise_on_signal(stop.clone()).or_exit(Exit::Bug)?;
    let limit = Duration::from_secs(args.timeout);
    let conversation = Conversation::begin(&connection.publish, site, limit, &stop)?;
    let answer = conversation.ask(&request, signer.as_ref())?;
    tell(&answer, args.json)?;
    if matches!(args.action, Action::Drill) && answer.verdict == Verdict::Applied {
        return tell_drill(&conversation.outcome(answer.audit.seq)?, args.json);
    }
    if let (Action::Model(model), Verdict::Applied) = (&args.action, answer.verdict) {
        model.serve(&conversation)?;
    }
    Ok(if answer.verdict == Verdict::Applied { Exit::Ok } else { Exit::BadData })
}

fn tell(answer: &AnswerMessage, json: bool) -> Result<(), Failure> {
    if json {
        return say_json(answer);
    }
    say(&format!("{}: {}", answer.verdict.name(), plain(&answer.reason, SENTENCE)))
}

fn tell_drill(drill: &DrillMessage, json: bool) -> Outcome {
    if json {
        say_json(drill)?;
    } else {
        say(&format!("drill {}: {}", drill.course.name(), plain(&drill.reason, SENTENCE)))?;
    }
    Ok(match drill.course {
        Course::Passed => Exit::Ok,
        Course::Failed => Exit::Unavailable,
        Course::BrokenOff | Course::Running => Exit::TryAgain,
    })
}

impl CommandArgs {
    fn site(&self, connection: &Connection) -> Result<Site, Failure> {
        let known = connection.site.as_ref();
        let name = self.site.clone().or(known.map(|site| site.name.clone()));
        let camera = self.camera.clone().or(known.map(|site| site.camera.clone()));
        match (name, camera) {
            (Some(name), Some(camera)) => Ok(Site { name, camera }),
            _ => {
                Err(Failure::new(Exit::Usage, anyhow!("which camera? give --site and --camera, or --config")))
            }
        }
    }
}
