//! Sequences go through the core of the daemon, with the time that their pictures were taken at.

use std::collections::HashMap;
use std::path::Path;

use indicatif::ProgressBar;

use super::report::Unreadable;
use super::sequences::Sequence;
use crate::capture::pixels::read_picture;
use crate::evaluate::PixelBox;
use crate::evaluate::events::{self, Raised};
use crate::infer::engine::Engine;
use crate::perceive::frame::{Picture, Stamp};
use crate::perceive::observation::{Alert, AlertId, AlertState, Observation};
use crate::perceive::perception::{Perception, Spent};
use crate::perceive::settings::Settings;
use crate::system::clock::Stopwatch;

/// What happens to pictures that were taken while the model was busy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// Each is looked at, however long that takes.
    EveryPicture,
    /// The newest wins, the others are given up, as in the daemon on a machine of this speed.
    RealTime,
}

/// The detector of one daemon.
pub struct Player<'a> {
    /// The model.
    pub engine: &'a Engine,
    /// Of the core.
    pub settings: Settings,
    /// What is given up.
    pub haste: Haste,
}

/// What came of one sequence.
#[derive(Default)]
pub struct Played {
    /// Its alerts beside its events.
    pub sequence: events::Sequence,
    /// Pictures that the model saw.
    pub inferred: usize,
    /// Pictures that gave way to newer ones.
    pub dropped: usize,
    /// Pictures that took longer than the budget.
    pub deadline_misses: usize,
    /// Pictures that could not be looked at.
    pub unreadable: Vec<Unreadable>,
    /// Index of the open alerts.
    open: HashMap<AlertId, usize>,
}

impl Player<'_> {
    /// Plays one sequence from the first picture to the last, as a camera that was just switched on. `bar` counts pictures.
    pub fn play(&self, sequence: &Sequence, bar: &ProgressBar) -> Played {
        let mut perception = Perception::new(self.engine.spec().clone(), self.settings.clone());
        let mut played = Played::of(sequence);
        let (mut at, mut free_s) = (0, 0.0f64);
        while at < sequence.pictures.len() {
            let taken_s = at as f64 / sequence.fps;
            let begun_s = taken_s.max(free_s);
            let watch = Stopwatch::start();
            match self.look(&mut perception, &sequence.pictures[at], taken_s, begun_s - taken_s) {
                Ok((observation, size)) => played.take(&observation, size, sequence, at),
                Err(error) => played.unreadable.push(Unreadable { file: told(sequence, at), error }),
            }
            let next = match self.haste {
                Haste::EveryPicture => at + 1,
                Haste::RealTime => {
                    free_s = begun_s + watch.elapsed().as_secs_f64();
                    newest(free_s, sequence.fps).clamp(at + 1, sequence.pictures.len())
                }
            };
            played.dropped += next - at - 1;
            bar.inc((next - at) as u64);
            at = next;
        }
        played
    }

    /// One picture, `waited_s` after it was taken: what it meant, and its size.
    fn look(
        &self,
        perception: &mut Perception,
        path: &Path,
        taken_s: f64,
        waited_s: f64,
    ) -> Result<(Observation, (u32, u32)), String> {
        let whole = Stopwatch::start();
        let picture = read_picture(path).map_err(|error| error.to_string())?;
        let looked = Stopwatch::start();
        let uptime_ms = (taken_s * 1e3).round() as u64;
        let stamp = Stamp { uptime_ms, unix_ms: uptime_ms as i64, synchronised: false };
        let regions = self.infer(perception, &picture, stamp)?;
        let per_region_ms = looked.elapsed_ms() / regions.max(1) as f64;
        let total_ms = waited_s * 1e3 + whole.elapsed_ms();
        let observation = perception.finish(Spent { total_ms, per_region_ms });
        Ok((observation, (picture.width, picture.height)))
    }

    /// The number of regions that were looked at.
    fn infer(&self, perception: &mut Perception, picture: &Picture, stamp: Stamp) -> Result<usize, String> {
        let (mut input, mut output) = (Vec::new(), Vec::new());
        let regions = perception.begin(picture, stamp);
        for &region in &regions {
            perception.fill(picture, region, &mut input);
            self.engine.run(&input, &mut output).map_err(|error| error.to_string())?;
            perception.read(region, &output);
        }
        Ok(regions.len())
    }
}

impl Played {
    fn of(sequence: &Sequence) -> Played {
        let (length_s, events) = (sequence.length_s(), sequence.events.clone());
        let sequence = events::Sequence { length_s, events, alerts: Vec::new() };
        Played { sequence, ..Played::default() }
    }

    fn take(&mut self, observation: &Observation, size: (u32, u32), sequence: &Sequence, at: usize) {
        self.inferred += 1;
        self.deadline_misses += usize::from(observation.deadline_missed);
        for alert in &observation.alerts {
            match alert.state {
                AlertState::Opened => {
                    self.open.insert(alert.id, self.sequence.alerts.len());
                    self.sequence.alerts.push(self.raised(alert, size, sequence.bears_on(at)));
                }
                AlertState::Updated => {}
                AlertState::Closed => {
                    if let Some(index) = self.open.remove(&alert.id) {
                        self.sequence.alerts[index].closed_s = alert.captured.uptime_ms as f64 / 1e3;
                    }
                }
            }
        }
    }

    /// Open until it is closed: to the end of the sequence at most.
    fn raised(&self, alert: &Alert, (width, height): (u32, u32), bears: Option<Vec<PixelBox>>) -> Raised {
        Raised {
            opened_s: alert.captured.uptime_ms as f64 / 1e3,
            closed_s: self.sequence.length_s,
            bbox: PixelBox::new(alert.bbox.to_pixels(width, height).map(f64::from)),
            bears,
        }
    }
}

/// The picture that a camera has just taken at a time.
fn newest(at_s: f64, fps: f64) -> usize {
    (at_s * fps) as usize
}

fn told(sequence: &Sequence, at: usize) -> String {
    let file = sequence.pictures[at].file_name().unwrap_or_default();
    format!("{}/{}", sequence.name, file.to_string_lossy())
}
