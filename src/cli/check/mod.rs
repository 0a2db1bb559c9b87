//! `bearwatch check`: is everything as it should be, and what is to be done where it is not?

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::exit::{Exit, Failure, OrExit, Outcome};
use super::say::{Paint, plain, say, say_json};
use crate::config::Config;
use crate::config::mistake::{ConfigErrors, Mistake};
use crate::system::hours::Hours;
use crate::system::signals::raise_on_signal;
use crate::system::stop::Stop;

mod board;
mod broker;
mod camera;
mod commands;
mod model;
mod page;

/// Longest sentence that is shown; brokers and cameras send what they like.
const SENTENCE: usize = 400;

/// Say whether configuration, camera, model, broker, disk, board and clock are as they should be, and what to do where they are not.
///
/// One line a subject. Takes real pictures from the camera, runs the model once, and really connects to the broker (under another
/// name than the daemon, which may go on running; a camera serves one program at a time, though). No subject takes longer than ten
/// seconds.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch check --config /etc/bearwatch.toml
  sudo -u bearwatch bearwatch check       as the daemon's own user: who may read, write and open
  bearwatch check --set capture.device=/dev/video2 --json

Verdicts: ok · warning: it runs, but look at it · FAIL: it does not work so · unchecked: something
before it failed. With --json one line a subject: {\"subject\",\"verdict\",\"what\",\"remedy\"}. A
configuration with several mistakes has a line for each.

Whether the broker lets us publish shows only in `run`: nothing is sent here.

Exit code: 0 where nothing fails, else that of the first failure: 65 the audit log of commands was
changed · 66 the pictures do not exist · 69 camera or broker · 73 the store cannot be created ·
74 it cannot be written or read · 75 interrupted · 78 configuration or model")]
pub struct CheckArgs {
    /// Configuration file (TOML)
    #[arg(long, value_name = "FILE", default_value = "/etc/bearwatch.toml")]
    config: PathBuf,
    /// Overrides one key of the file, as for `run`
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Say whether the configuration is right, and touch nothing else: neither camera, model, broker nor disk
    #[arg(long)]
    config_only: bool,
    /// One JSON line a subject
    #[arg(long)]
    json: bool,
}

/// What was found of one subject.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    subject: &'static str,
    verdict: Verdict,
    /// What is.
    what: String,
    /// What to do; empty where nothing is to be done.
    remedy: String,
    #[serde(skip)]
    exit: Exit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Ok,
    Warning,
    Fail,
    Unchecked,
}

impl Finding {
    fn ok(subject: &'static str, what: impl Into<String>) -> Finding {
        let (what, remedy) = (what.into(), String::new());
        Finding { subject, verdict: Verdict::Ok, what, remedy, exit: Exit::Ok }
    }

    fn warning(subject: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Finding {
        let (what, remedy) = (what.into(), remedy.into());
        Finding { subject, verdict: Verdict::Warning, what, remedy, exit: Exit::Ok }
    }

    fn fail(
        subject: &'static str,
        exit: Exit,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Finding {
        let (what, remedy) = (what.into(), remedy.into());
        Finding { subject, verdict: Verdict::Fail, what, remedy, exit }
    }

    /// For errors that say themselves what to do, after a semicolon.
    fn failed(subject: &'static str, exit: Exit, error: &dyn std::error::Error) -> Finding {
        let text = error.to_string();
        let (what, remedy) = text.rsplit_once("; ").unwrap_or((&text, ""));
        Finding::fail(subject, exit, what, remedy)
    }

    fn unchecked(subject: &'static str) -> Finding {
        let (what, remedy) = ("the configuration comes first".into(), String::new());
        Finding { subject, verdict: Verdict::Unchecked, what, remedy, exit: Exit::Ok }
    }

    fn line(&self, paint: Paint) -> String {
        let Finding { subject, what, remedy, .. } = self;
        let verdict = match self.verdict {
            Verdict::Ok => paint.good("ok       "),
            Verdict::Warning => paint.warn("warning  "),
            Verdict::Fail => paint.bad("FAIL     "),
            Verdict::Unchecked => paint.faint("unchecked"),
        };
        let remedy = if remedy.is_empty() { String::new() } else { format!("; {}", plain(remedy, SENTENCE)) };
        format!("{subject:<9} {verdict} {}{remedy}", plain(what, SENTENCE))
    }
}

/// Runs the command.
///
/// # Errors
/// 74 where stdout is closed; what the subjects say is no error but the exit code.
pub fn run(args: CheckArgs) -> Outcome {
    let stop = Stop::default();
    raise_on_signal(stop.clone()).or_exit(Exit::Bug)?;
    let mut report = Report { json: args.json, paint: Paint::of_stdout(), exit: Exit::Ok };
    match Config::load(&args.config, &args.set) {
        Err(errors) => {
            errors_of_config(&errors).into_iter().try_for_each(|finding| report.add(&finding))?;
            if !args.config_only {
                unchecked(&mut report)?;
            }
        }
        Ok(config) => subjects(&args, &config, &stop, &mut report)?,
    }
    Ok(if stop.is_raised() { Exit::TryAgain } else { report.exit })
}

/// What comes after a configuration that cannot be used.
fn unchecked(report: &mut Report) -> Result<(), Failure> {
    let mut subjects = ["camera", "model", "broker", "disk"].into_iter();
    subjects.try_for_each(|subject| report.add(&Finding::unchecked(subject)))?;
    report.add(&board::clock(&Hours::default()))
}

/// In the order in which a frame meets them, each told as soon as it is known.
fn subjects(args: &CheckArgs, config: &Config, stop: &Stop, report: &mut Report) -> Result<(), Failure> {
    let crate::publish::settings::Site { name, camera } = &config.site;
    let file = args.config.display();
    report.add(&Finding::ok("config", format!("{file}: site {name}, camera {camera}")))?;
    if args.config_only {
        return Ok(());
    }
    let slow: [&dyn Fn() -> Vec<Finding>; 3] =
        [&|| vec![camera::check(&config.capture.source, stop)], &|| vec![model::check(config)], &|| {
            broker::check(&config.publish, stop)
        }];
    for check in slow {
        if stop.is_raised() {
            return Ok(());
        }
        check().iter().try_for_each(|finding| report.add(finding))?;
    }
    report.add(&board::disk(&config.publish.store))?;
    report.add(&board::board(config))?;
    report.add(&board::clock(&config.quiet))?;
    report.add(&board::overrides(config))?;
    let on_demand =
        [commands::taken(config), commands::audit(&config.publish.store.path), page::check(config)];
    on_demand.iter().flatten().try_for_each(|finding| report.add(finding))
}

struct Report {
    json: bool,
    paint: Paint,
    exit: Exit,
}

impl Report {
    fn add(&mut self, finding: &Finding) -> Result<(), Failure> {
        if self.exit == Exit::Ok {
            self.exit = finding.exit;
        }
        if self.json { say_json(finding) } else { say(&finding.line(self.paint)) }
    }
}

/// A line a mistake: each names its line in the file and its remedy.
fn errors_of_config(errors: &ConfigErrors) -> Vec<Finding> {
    let told = |mistake: &Mistake| {
        let separator = if mistake.key.is_empty() { "" } else { ": " };
        let what = format!("{}: {}{separator}{}", mistake.origin, mistake.key, mistake.what);
        Finding::fail("config", Exit::Config, what, &mistake.remedy)
    };
    errors.mistakes.iter().map(told).collect()
}
