//! `bearwatch station notify`: whether the file of notifications is right, and whether a channel gets through.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::{Args, Subcommand};

use crate::cli::exit::{Exit, Failure, OrExit, Outcome};
use crate::cli::say::say;
use crate::publish::message::BootId;
use crate::station::notify::channel::Outcome as Sent;
use crate::station::notify::rule::When;
use crate::station::notify::settings::Settings;
use crate::station::notify::test;
use crate::system::clock::Clock;

/// Who is told of alerts outside the page: check the file, or send a test.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch station notify check /etc/bearwatch-station/notify.toml
  bearwatch station notify test rangers --notify /etc/bearwatch-station/notify.toml

deploy/notify.toml is an example with every key. A station takes the file by --notify, and reads it when it is started.

Exit codes: 0 right, or delivered · 64 usage · 69 the service does not answer · 78 the file is wrong, or the service refuses us")]
pub struct NotifyArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Read a file with the secrets that it names, and say what it does
    Check {
        /// The file
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Send a test by one channel, and say what came back
    Test {
        /// Its name in the file
        channel: String,
        /// The file
        #[arg(long, value_name = "FILE")]
        notify: PathBuf,
    },
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: &NotifyArgs) -> Outcome {
    match &args.action {
        Action::Check { file } => check(&Settings::load(file).or_exit(Exit::Config)?),
        Action::Test { channel, notify } => send(&Settings::load(notify).or_exit(Exit::Config)?, channel),
    }
}

fn check(settings: &Settings) -> Outcome {
    for (name, channel) in &settings.channels {
        let (kind, hours) = (channel.to.kind(), channel.expire_ms / 3_600_000);
        let rate =
            channel.most_a_minute.map_or_else(String::new, |most| format!(", at most {most} a minute"));
        let tries =
            if hours > 1 { format!("{hours} h") } else { format!("{} min", channel.expire_ms / 60_000) };
        say(&format!("channel {name}: {kind} to {}{rate}, tried for {tries}", channel.to.address()))?;
        if settings.rules.iter().all(|rule| !rule.channels.contains(name)) {
            say(&format!(
                "channel {name}: no rule names it; it is told only what another one could not deliver"
            ))?;
        }
    }
    for (number, rule) in (1..).zip(&settings.rules) {
        let when: Vec<String> = rule.when.iter().map(|when| of(*when, rule.after_min)).collect();
        let places: Vec<String> = rule.sites.iter().chain(&rule.cameras).cloned().collect();
        let places = if places.is_empty() { "every camera".into() } else { places.join(", ") };
        let hours = if rule.hours.are_none() { String::new() } else { format!(", {}", rule.hours) };
        let least = rule.least.name();
        say(&format!(
            "rule {number}: {} → {}; {places}, severity {least} or above{hours}",
            when.join(", "),
            rule.channels.join(", ")
        ))?;
    }
    Ok(Exit::Ok)
}

fn of(when: When, after_min: Option<i64>) -> String {
    match (when, after_min) {
        (When::Unacknowledged, Some(minutes)) => format!("unacknowledged for {minutes} min"),
        (when, _) => format!("{when:?}").to_lowercase(),
    }
}

fn send(settings: &Settings, name: &str) -> Outcome {
    let Some(channel) = settings.channels.get(name) else {
        let known: Vec<&str> = settings.channels.keys().map(String::as_str).collect();
        let error = anyhow!("there is no channel {name} in that file; it has {}", known.join(", "));
        return Err(Failure::new(Exit::Usage, error));
    };
    match test(channel, Clock::start().unix_ms(), &format!("test-{}", BootId::new().0)) {
        Sent::Delivered { answer, .. } => {
            say(&format!("{name}: delivered to {}: {answer}", channel.to.address()))?;
            Ok(Exit::Ok)
        }
        Sent::Passing { why, .. } => Err(Failure::new(Exit::Unavailable, anyhow!("{name}: {why}"))),
        Sent::Configuration { why } => Err(Failure::new(Exit::Config, anyhow!("{name}: {why}"))),
    }
}
