//! `eval --events`: sequences are played, and the alerts are held against what was in sight.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use serde::Serialize;

use super::decide::Decide;
use super::play::{Haste, Look, Played, Player};
use super::report::Unreadable;
use super::sequences::{self, Sequence};
use crate::cli::exit::Failure;
use crate::cli::progress::bar;
use crate::evaluate::events;
use crate::infer::bundle::{Bundle, ModelName};
use crate::infer::engine::Engine;
use crate::perceive::settings::{RegionMode, Settings};

/// Everything that is known after the last sequence.
#[derive(Debug, Serialize)]
pub struct Report {
    /// What was judged.
    model: ModelName,
    /// Folder, as given.
    folder: String,
    #[serde(flatten)]
    figures: Figures,
    /// What became of the pictures.
    pictures: Pictures,
    /// Whether pictures that were taken while the model was busy were given up.
    realtime: bool,
    /// Milliseconds that one region was reckoned to take; null where time was measured.
    board_ms: Option<f64>,
    /// Who decided.
    decide: Decide,
    /// Milliseconds that one picture might take.
    budget_ms: f64,
    /// Parts of the pictures that the model looked at.
    regions: RegionMode,
    /// Each of them.
    sequences: Vec<OfSequence>,
    /// Pictures that could not be looked at.
    pub unreadable: Vec<Unreadable>,
    /// Version of bearwatch.
    version: &'static str,
    /// The command that was given.
    command: String,
}

/// Over all sequences.
#[derive(Debug, Serialize)]
struct Figures {
    /// Bears that came into sight.
    events: usize,
    /// Those that an alert told of.
    found: usize,
    /// From the first sight to the picture that decided.
    time_to_alert_s: TimeToAlert,
    /// Hours played.
    hours: f64,
    /// Alerts that told of no bear.
    false_alarms: u64,
    /// By the hours that were played.
    false_alarms_per_day: Rate,
    /// Pictures that took longer than the budget on this machine.
    deadline_misses: usize,
    /// Alerts that told of a bear once more.
    repeated: u64,
}

/// Null where no bear was found.
#[derive(Debug, Serialize)]
struct TimeToAlert {
    p50: Option<f64>,
    p95: Option<f64>,
}

/// Null where nothing was played.
#[derive(Debug, Serialize)]
struct Rate {
    value: Option<f64>,
    /// Exact one-sided 95 % bound.
    upper95: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Pictures {
    seen: usize,
    dropped: usize,
    inferred: usize,
}

#[derive(Debug, Serialize)]
struct OfSequence {
    sequence: String,
    events: usize,
    found: usize,
    false_alarms: u64,
    repeated: u64,
}

/// Plays every sequence of `folder`; the figures, and every look at what was followed.
///
/// # Errors
/// What is wrong with the data or the model.
pub fn play(
    folder: &Path,
    bundle: &Bundle,
    settings: Settings,
    haste: Haste,
    decide: Decide,
) -> Result<(Report, Vec<Look>), Failure> {
    let sequences = sequences::read(folder)?;
    let engine = Engine::load(bundle).map_err(super::model_failure)?;
    let Settings { regions, budget_ms, .. } = settings;
    let player = Player { engine: &engine, settings, haste, decide };
    let bar = bar(sequences.iter().map(|s| s.pictures.len()).sum(), "pictures");
    let mut played: Vec<Played> = sequences.iter().map(|sequence| player.play(sequence, &bar)).collect();
    bar.finish_and_clear();
    let alone = |(s, p): (&Sequence, &Played)| OfSequence::new(&s.name, &p.sequence);
    let looks = played.iter_mut().flat_map(|p| std::mem::take(&mut p.looks)).collect();
    let report = Report {
        model: bundle.id.clone(),
        folder: folder.display().to_string(),
        figures: Figures::of(&played),
        pictures: Pictures::of(&sequences, &played),
        realtime: haste == Haste::RealTime,
        board_ms: if let Haste::Board(region_ms) = haste { Some(region_ms) } else { None },
        decide,
        budget_ms,
        regions,
        sequences: sequences.iter().zip(&played).map(alone).collect(),
        unreadable: played.into_iter().flat_map(|p| p.unreadable).collect(),
        version: env!("CARGO_PKG_VERSION"),
        command: crate::cli::output::command(),
    };
    Ok((report, looks))
}

impl Figures {
    fn of(played: &[Played]) -> Figures {
        let judged: Vec<_> = played.iter().map(|p| p.sequence.clone()).collect();
        let total = events::Report::of(&judged);
        let (value, upper95) = total.false_alarms_per_day.unzip();
        let (p50, p95) = total.time_to_alert_s.unzip();
        Figures {
            events: total.events,
            found: total.found,
            time_to_alert_s: TimeToAlert { p50, p95 },
            hours: total.hours,
            false_alarms: total.false_alarms,
            false_alarms_per_day: Rate { value, upper95 },
            deadline_misses: played.iter().map(|p| p.deadline_misses).sum(),
            repeated: total.repeated,
        }
    }
}

impl Pictures {
    fn of(sequences: &[Sequence], played: &[Played]) -> Pictures {
        Pictures {
            seen: sequences.iter().map(|s| s.pictures.len()).sum(),
            dropped: played.iter().map(|p| p.dropped).sum(),
            inferred: played.iter().map(|p| p.inferred).sum(),
        }
    }
}

impl OfSequence {
    fn new(name: &str, sequence: &events::Sequence) -> OfSequence {
        let report = events::Report::of(std::slice::from_ref(sequence));
        OfSequence {
            sequence: name.to_owned(),
            events: report.events,
            found: report.found,
            false_alarms: report.false_alarms,
            repeated: report.repeated,
        }
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let hash = self.model.sha256.get(..12).unwrap_or(&self.model.sha256);
        writeln!(f, "{} ({hash}) on {}", self.model.name, self.folder)?;
        writeln!(
            f,
            "{} sequences, {:.2} hours\n\n{}",
            self.sequences.len(),
            self.figures.hours,
            self.figures
        )?;
        let Pictures { seen, dropped, inferred } = self.pictures;
        let late = self.figures.deadline_misses;
        writeln!(
            f,
            "pictures         {seen:>6} seen, {dropped} given up for newer ones, {inferred} looked at, {late} past the deadline"
        )?;
        writeln!(f, "\n{:<28}{:>8}{:>8}{:>8}{:>10}", "sequence", "bears", "found", "false", "repeated")?;
        for s in &self.sequences {
            let OfSequence { sequence, events, found, false_alarms, repeated } = s;
            writeln!(f, "{sequence:<28}{events:>8}{found:>8}{false_alarms:>8}{repeated:>10}")?;
        }
        Ok(())
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "bears in sight   {:>6}", self.events)?;
        writeln!(f, "found            {:>6}", self.found)?;
        if let TimeToAlert { p50: Some(p50), p95: Some(p95) } = self.time_to_alert_s {
            writeln!(f, "time to alert    {p50:>6.1} s median, {p95:.1} s at the 95th percentile")?;
        }
        write!(f, "false alarms     {:>6}", self.false_alarms)?;
        if let Rate { value: Some(value), upper95: Some(upper) } = self.false_alarms_per_day {
            write!(f, ": {value:.2} a day, no more than {upper:.2} with 95 % confidence")?;
        }
        write!(f, "\ntold once more   {:>6}", self.repeated)
    }
}
