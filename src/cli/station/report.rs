//! `bearwatch station report` and `export`: what stands in a station's database, for people and for training.

use std::fmt::Write;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use jiff::tz::TimeZone;

use super::of_store;
use crate::cli::exit::{Exit, Failure, OrExit, Outcome};
use crate::cli::output;
use crate::cli::say::say;
use crate::publish::Audience;
use crate::station::report::{Period, Wanted};
use crate::station::{self, Address, ExportError};
use crate::system::clock::Clock;

/// What a week was like: bears, what was missed, false alarms, silence, what changed.
///
/// May be asked for while the station runs. What was missed is estimated from the random sample that cameras send with [audit] per_day, as far as people
/// have looked at it on the station's page; where that is too little to say something, it says that.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bearwatch station report --database /var/lib/bearwatch-station/station.db --from 2026-11-23 --to 2026-11-29 --html week.html --json week.json

Exit codes: 0 · 64 usage · 73 or 74 a file cannot be written or the database cannot be read · 78 the database is none of a station, or of another version")]
pub struct ReportArgs {
    /// File of the station's database
    #[arg(long, value_name = "FILE", default_value = "bearwatch-station.db")]
    database: Address,
    /// First day, as 2026-11-23; a week ago where not given
    #[arg(long, value_name = "DAY")]
    from: Option<String>,
    /// Last day, which belongs to it; today where not given
    #[arg(long, value_name = "DAY")]
    to: Option<String>,
    /// Whose days and hours, a name of the IANA database; those of this machine where not given
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// Write it as a page without anything beside it, to read and to print
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the figures as JSON; "-" for standard output
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Count what the simulator drew, too
    #[arg(long)]
    simulated: bool,
}

/// Writes labelled pictures as COCO data sets, which training/ and `bearwatch eval` take.
///
/// DIR/train and DIR/val hold images/ and annotations.json; every fifth day of a camera goes to val. DIR/doubts.json lists the pictures on which the model
/// contradicts people most. Pictures on which the model's box is drawn, those with things that nobody drew, and those that wait for a second opinion are
/// left out, and counted.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  bearwatch station export --database station.db labels-2026 && bearwatch eval labels-2026/val --json val.json

Exit codes: 0 · 64 usage · 73 the folder cannot be made · 74 the database cannot be read · 78 it is none of a station, or of another version")]
pub struct ExportArgs {
    /// File of the station's database
    #[arg(long, value_name = "FILE", default_value = "bearwatch-station.db")]
    database: Address,
    /// Whose days, a name of the IANA database; those of this machine where not given
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<String>,
    /// With what the simulator drew
    #[arg(long)]
    simulated: bool,
    /// Folder, not there yet
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn report(args: &ReportArgs) -> Outcome {
    let zone = zone(args.time_zone.as_deref())?;
    let (from, to) = (args.from.as_deref().unwrap_or_default(), args.to.as_deref().unwrap_or_default());
    let period = Period::parse(from, to, &zone, Clock::start().unix_ms())
        .map_err(|reason| Failure::new(Exit::Usage, anyhow!(reason)))?;
    let wanted = Wanted { period, zone, simulated: args.simulated, audience: Audience::Everybody };
    let made = station::report_of(&args.database, &wanted).map_err(|error| of_store(&error))?;
    if let Some(path) = &args.json {
        output::write_json(path, &made.report)?;
    }
    if let Some(path) = &args.html {
        output::write_text(path, &made.html)?;
    }
    if args.json.is_none() && args.html.is_none() {
        say(&made.text)?;
    }
    Ok(Exit::Ok)
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn export(args: &ExportArgs) -> Outcome {
    let zone = zone(args.time_zone.as_deref())?;
    let exported = station::export(&args.database, &args.folder, &zone, args.simulated);
    let done = exported.map_err(|error| match error {
        ExportError::Store(error) => of_store(&error),
        folder @ ExportError::Folder { .. } => Failure::new(Exit::CannotCreate, folder),
    })?;
    let mut text = format!(
        "{}: {} pictures for training, {} for evaluation, {} boxes",
        args.folder.display(),
        done.train,
        done.val,
        done.boxes
    );
    for (count, why) in [
        (done.cannot_tell, "the picture does not tell"),
        (done.another, "another person is still to look"),
        (done.without_box, "something on it has no box"),
        (done.marked, "the model's box is drawn on it"),
        (done.simulated, "drawn by the simulator (--simulated)"),
    ] {
        if count > 0 {
            write!(text, "\nleft out: {count}, {why}").or_exit(Exit::Bug)?;
        }
    }
    say(&text)?;
    Ok(Exit::Ok)
}

fn zone(name: Option<&str>) -> Result<TimeZone, Failure> {
    let Some(name) = name else { return Ok(TimeZone::system()) };
    TimeZone::get(name).map_err(|error| {
        Failure::new(
            Exit::Usage,
            anyhow!("--time-zone {name}: {error}; give a name of the IANA database, as Europe/Bratislava"),
        )
    })
}
