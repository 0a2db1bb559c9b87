//! `bearwatch station`: keeps what cameras tell, and shows it to the people on duty.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::command::SigningArgs;
use super::connection::{ConnectionArgs, Own, level};
use super::exit::{Exit, Failure, OrExit, Outcome};
use crate::publish::PublishError;
use crate::station::notify::settings::Settings as NotifySettings;
use crate::station::people::Lifetime;
use crate::station::{self, Address, Public, Retention, Settings, StationError, StoreError};
use crate::system::signals::raise_on_signal;
use crate::system::stop::Stop;
use crate::web::door::{Door, Token};

mod account;
mod audit;
mod model;
mod moving;
mod notify;
mod report;

/// A broker that says nothing for 1.5 times this is taken for gone; people are waiting in front of the desk.
const KEEP_ALIVE_S: u16 = 10;
/// How long the broker keeps what we miss. Cameras let their alerts lie with it for a day.
const MEMORY_S: u32 = 7 * 86_400;

/// Keep what the cameras of a broker tell, and show it: duty desk and fleet, as a web page.
///
/// Runs on a server, not on a camera's board. Alerts, pictures, acknowledgements, states and a history of telemetry are kept in a database; a message is
/// acknowledged to the broker only when it is there, so that nothing is lost over a crash. What people say of an alert goes back to its camera.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  bearwatch station account add anna --role administrator    who may look; asks for a password
  bearwatch station                                    broker on this machine, page at http://127.0.0.1:8470/
  bearwatch station --database /var/lib/bearwatch-station/station.db --public https://bears.example \\
                    --broker mqtts://park.example --user station --password-file ~/.mqtt-password --sign station.pem
  bearwatch station audit                              whether the log of what people did is as it was written

People have accounts with roles. From another machine: by an SSH tunnel (ssh -L 8470:127.0.0.1:8470 server), or through a web
server with TLS in front of it, whose address --public names. --beyond-loopback listens for others without TLS: passwords then
go over the network in clear.

Broker: a station that is away is remembered there for a week; let it keep enough for that (Mosquitto: max_queued_messages,
persistence). With access rules the station reads bearwatch/v1/+/+/+ and writes bearwatch/v1/+/+/set/+.

See docs/operations.md for systemd, backups, and what to do when something is wrong.

Exit codes: 0 ended by Ctrl-C or SIGTERM · 64 usage · 74 the database cannot be read or written · 75 another station has it
open, or this --instance, or the machine has no thread · 78 the configuration, the token, or the database (newer, damaged) is wrong"
)]
pub struct StationArgs {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    connection: Own<ConnectionArgs>,
    #[command(flatten)]
    signing: Own<SigningArgs>,
    /// File of the database, made where there is none; its folder must have room for --most-gb. Or postgres://USER@HOST/DATABASE?password-file=FILE
    #[arg(long, value_name = "FILE|URL", default_value = "bearwatch-station.db")]
    database: Address,
    /// One of several stations on one database of PostgreSQL: its name there, always the same
    #[arg(long, value_name = "NAME", value_parser = level)]
    instance: Option<String>,
    /// Share the pictures that come among the instances: each goes to one of them, all else to all
    #[arg(long, requires = "instance")]
    share: bool,
    /// Where the page is, a number with a port
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8470")]
    listen: SocketAddr,
    /// Listen where other machines reach it, without TLS: behind a firewall or a web server with TLS alone
    #[arg(long)]
    beyond_loopback: bool,
    /// Where people find the page, behind a web server with TLS: https://bears.example
    #[arg(long, value_name = "URL", value_parser = origin)]
    public: Option<String>,
    /// Who has signed in is asked again after so many hours
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=720))]
    session_hours: u64,
    /// And when none of his pages was open for so many minutes
    #[arg(long, value_name = "MIN", default_value_t = 60, value_parser = clap::value_parser!(u64).range(5..=43_200))]
    idle_minutes: u64,
    /// A way in for programs: a file that holds a token alone, a line of 12 letters, digits and signs or more. Who shows it may do what a ranger may
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Whose signatures on bundles of models count: the .pub file that minisign has written; may be given several times
    #[arg(long = "trusted-key", value_name = "FILE")]
    trusted_keys: Vec<PathBuf>,
    /// Only this site
    #[arg(long, value_parser = level)]
    site: Option<String>,
    /// A camera that is not heard for so long is told as not heard, seconds; or 3.5 of its telemetry's intervals where that is longer
    #[arg(long, value_name = "S", default_value_t = 45, value_parser = clap::value_parser!(u64).range(5..=86_400))]
    silence: u64,
    /// Whom to tell of alerts outside the page: a file of channels and rules; see `station notify check`
    #[arg(long, value_name = "FILE")]
    notify: Option<PathBuf>,
    /// Keep alerts, and what was said of them, for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep_alerts: u32,
    /// Keep pictures for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep_pictures: u32,
    /// Keep what people labelled, with its pictures, for so many days; as long as alerts where not given
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep_labels: Option<u32>,
    /// Keep what is known of the random sample, without its pictures, for so many days; as long as alerts where not given
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep_samples: Option<u32>,
    /// Keep what was told outside, and what came of it, for so many days; as long as alerts where not given
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep_notices: Option<u32>,
    /// Keep the history of telemetry, and messages that were not believed, for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep_telemetry: u32,
    /// Keep lines of the audit log for so many days
    #[arg(long, value_name = "DAYS", default_value_t = 730, value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep_audit: u32,
    /// Most room for the data, gigabytes: beyond it the oldest pictures go before their time
    #[arg(long, value_name = "GB", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    most_gb: u32,
}

/// What else there is to do with a station's database.
#[derive(Debug, Subcommand)]
enum Task {
    Account(account::AccountArgs),
    Audit(audit::AuditArgs),
    Notify(notify::NotifyArgs),
    Report(report::ReportArgs),
    Export(report::ExportArgs),
    Move(moving::MoveArgs),
    Model(model::ModelArgs),
}

/// Scheme and host, as browsers name an origin.
fn origin(text: &str) -> Result<String, String> {
    let wrong = "is no address as https://bears.example, without a path";
    let url = url::Url::parse(text).map_err(|_| wrong)?;
    let plain = url.path() == "/" && url.query().is_none() && url.username().is_empty();
    let web = matches!(url.scheme(), "https" | "http") && url.has_host();
    (plain && web).then(|| url.origin().ascii_serialization()).ok_or_else(|| wrong.into())
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: StationArgs) -> Outcome {
    match &args.task {
        Some(Task::Account(task)) => return account::run(task),
        Some(Task::Audit(task)) => return audit::run(task),
        Some(Task::Notify(task)) => return notify::run(task),
        Some(Task::Report(task)) => return report::report(task),
        Some(Task::Export(task)) => return report::export(task),
        Some(Task::Move(task)) => return moving::run(task),
        Some(Task::Model(task)) => return model::run(task),
        None => {}
    }
    let settings = args.settings()?;
    let stop = Stop::default();
    raise_on_signal(stop.clone()).or_exit(Exit::Bug)?;
    station::run(settings, &stop).map_err(|error| Failure::new(exit_of(&error), error))?;
    Ok(Exit::Ok)
}

impl StationArgs {
    fn settings(&self) -> Result<Settings, Failure> {
        if !self.listen.ip().is_loopback() && !self.beyond_loopback {
            let what =
                "can be reached from other machines, and passwords go over the network for everybody to read";
            let remedy = "listen at 127.0.0.1, or add --beyond-loopback where a firewall or a web server with TLS guards the port";
            return Err(Failure::new(Exit::Config, anyhow!("--listen {} {what}; {remedy}", self.listen)));
        }
        let mut publish = self.connection.0.load()?.publish;
        publish.keep_alive_s = KEEP_ALIVE_S;
        let token = self.token_file.as_ref().map(|file| Token::read("--token-file", file)).transpose();
        Ok(Settings {
            publish,
            site: self.site.clone(),
            instance: self.instance.clone().unwrap_or_default(),
            share: self.share,
            memory_s: MEMORY_S,
            database: self.database.clone(),
            retention: Retention {
                alerts_days: self.keep_alerts,
                pictures_days: self.keep_pictures,
                labels_days: self.keep_labels.unwrap_or(self.keep_alerts),
                samples_days: self.keep_samples.unwrap_or(self.keep_alerts),
                notices_days: self.keep_notices.unwrap_or(self.keep_alerts),
                telemetry_days: self.keep_telemetry,
                audit_days: self.keep_audit,
                most_bytes: i64::from(self.most_gb) * 1_000_000_000,
            },
            listen: self.listen,
            token: token.or_exit(Exit::Config)?.map(Door::new),
            lifetime: Lifetime {
                idle: Duration::from_secs(self.idle_minutes * 60),
                most: Duration::from_secs(self.session_hours * 3600),
            },
            public: self.public.clone().map(Public),
            signer: self.signing.0.signer()?,
            trusted_keys: (model::keys(&self.trusted_keys)?, self.trusted_keys.len()),
            silence: Duration::from_secs(self.silence),
            notify: self.notify.as_deref().map(NotifySettings::load).transpose().or_exit(Exit::Config)?,
        })
    }
}

/// A database that cannot be used.
fn of_store(error: &StoreError) -> Failure {
    Failure::new(exit_of_store(error), error.clone())
}

fn exit_of_store(error: &StoreError) -> Exit {
    match error {
        StoreError::InUse(_) => Exit::TryAgain,
        StoreError::Unfit { .. } => Exit::Config,
        StoreError::Away { .. } | StoreError::Data { .. } => Exit::Io,
    }
}

fn exit_of(error: &StationError) -> Exit {
    match error {
        StationError::Random => Exit::TryAgain,
        StationError::Store(error) => exit_of_store(error),
        StationError::Publish(PublishError::Address { .. } | PublishError::Credential { .. }) => Exit::Config,
        StationError::Publish(PublishError::InUse(_) | PublishError::Thread(_)) | StationError::Thread(_) => {
            Exit::TryAgain
        }
    }
}
