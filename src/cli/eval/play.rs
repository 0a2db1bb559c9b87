//! Sequences go through the core of the daemon, with the time that their pictures were taken at.

use std::collections::HashMap;
use std::path::Path;

use indicatif::ProgressBar;
use serde::Serialize;

use super::decide::{ByScore, Decide, Step};
use super::report::Unreadable;
use super::sequences::Sequence;
use crate::capture::pixels::read_picture;
use crate::evaluate::PixelBox;
use crate::evaluate::events::{self, Raised};
use crate::infer::engine::{Engine, RunError};
use crate::perceive::frame::{Picture, Stamp};
use crate::perceive::geometry::Rect;
use crate::perceive::model::Class;
use crate::perceive::observation::{AlertId, AlertState, Observation};
use crate::perceive::perception::{Perception, Spent};
use crate::perceive::settings::Settings;
use crate::system::clock::Stopwatch;

/// What happens to pictures that were taken while the model was busy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Haste {
    /// Each is looked at, however long that takes.
    EveryPicture,
    /// The newest wins, the others are given up, as in the daemon on a machine of this speed.
    RealTime,
    /// Likewise, on a board where one region takes so many milliseconds: time is reckoned, not measured.
    Board(f64),
}

/// The detector of one daemon.
pub struct Player<'a> {
    /// The model.
    pub engine: &'a Engine,
    /// Of the core.
    pub settings: Settings,
    /// What is given up.
    pub haste: Haste,
    /// Who decides.
    pub decide: Decide,
}

/// One look at something that was followed: what evidence is made of.
#[derive(Clone, Debug, Serialize)]
pub struct Look {
    sequence: String,
    track: u64,
    time_s: f64,
    /// Score of a bear; null where it was looked for in vain.
    score: Option<f32>,
    /// Whether it lies on a bear; null where nobody said, or nothing was found.
    on_bear: Option<bool>,
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
    /// Every look at what was followed.
    pub looks: Vec<Look>,
    /// Index of the open alerts.
    open: HashMap<AlertId, usize>,
}

impl Player<'_> {
    /// Plays one sequence from the first picture to the last, as a camera that was just switched on. `bar` counts pictures.
    pub fn play(&self, sequence: &Sequence, bar: &ProgressBar) -> Played {
        let mut perception = Perception::new(self.engine.spec().clone(), self.settings.clone());
        let mut played = Played::of(sequence);
        let threshold = self.engine.spec().threshold(Class::Bear);
        let mut rule = ByScore::new(self.decide, threshold, self.settings.close_after_s);
        let (mut at, mut free_s) = (0, 0.0f64);
        while at < sequence.pictures.len() {
            let taken_s = at as f64 / sequence.fps;
            let begun_s = taken_s.max(free_s);
            match self.look(&mut perception, &sequence.pictures[at], taken_s, begun_s - taken_s) {
                Ok(looked) => {
                    played.take(&looked, rule.as_mut(), sequence, at);
                    free_s = begun_s + looked.spent_s;
                }
                Err(error) => played.unreadable.push(Unreadable { file: told(sequence, at), error }),
            }
            let next = match self.haste {
                Haste::EveryPicture => at + 1,
                Haste::RealTime | Haste::Board(_) => {
                    newest(free_s, sequence.fps).clamp(at + 1, sequence.pictures.len())
                }
            };
            played.dropped += next - at - 1;
            bar.inc((next - at) as u64);
            at = next;
        }
        played
    }

    /// One picture, `waited_s` after it was taken.
    fn look(
        &self,
        perception: &mut Perception,
        path: &Path,
        taken_s: f64,
        waited_s: f64,
    ) -> Result<Looked, String> {
        let whole = Stopwatch::start();
        let picture = read_picture(path).map_err(|error| error.to_string())?;
        let looked = Stopwatch::start();
        let uptime_ms = (taken_s * 1e3).round() as u64;
        let stamp = Stamp { uptime_ms, unix_ms: uptime_ms as i64, synchronised: false };
        let regions = look_at(self.engine, perception, &picture, stamp).map_err(|error| error.to_string())?;
        let (per_region_ms, spent_ms) = match self.haste {
            Haste::Board(region_ms) => (region_ms, region_ms * regions as f64),
            _ => (looked.elapsed_ms() / regions.max(1) as f64, whole.elapsed_ms()),
        };
        let observation = perception.finish(Spent {
            total_ms: waited_s * 1e3 + spent_ms,
            per_region_ms,
            waited_ms: waited_s * 1e3,
        });
        let size = (picture.width, picture.height);
        Ok(Looked { observation, size, taken_s, spent_s: spent_ms / 1e3 })
    }
}

/// Looks at a picture until only its end is left to be done; the number of regions.
///
/// # Errors
/// The model's.
pub fn look_at(
    engine: &Engine,
    perception: &mut Perception,
    picture: &Picture,
    stamp: Stamp,
) -> Result<usize, RunError> {
    let (mut input, mut output) = (Vec::new(), Vec::new());
    let regions = perception.begin(picture, stamp);
    for &region in &regions {
        perception.fill(picture, region, &mut input);
        engine.run(&input, &mut output)?;
        perception.read(region, &output);
    }
    Ok(regions.len())
}

/// What a picture meant.
struct Looked {
    observation: Observation,
    /// Of the picture, pixels.
    size: (u32, u32),
    /// When it was taken, seconds from the start of the sequence.
    taken_s: f64,
    /// How long the look took.
    spent_s: f64,
}

impl Played {
    fn of(sequence: &Sequence) -> Played {
        let (length_s, events) = (sequence.length_s(), sequence.events.clone());
        let sequence = events::Sequence { length_s, events, alerts: Vec::new() };
        Played { sequence, ..Played::default() }
    }

    fn take(&mut self, looked: &Looked, rule: Option<&mut ByScore>, sequence: &Sequence, at: usize) {
        self.inferred += 1;
        self.deadline_misses += usize::from(looked.observation.deadline_missed);
        self.looks.extend(looks(looked, sequence, at));
        let open = |played: &mut Played, id, bbox: Rect, opened_s| {
            played.open.insert(id, played.sequence.alerts.len());
            let bbox = PixelBox::new(bbox.to_pixels(looked.size.0, looked.size.1).map(f64::from));
            let (closed_s, bears) = (played.sequence.length_s, sequence.bears_on(at));
            // Open until it is closed: to the end of the sequence at most.
            played.sequence.alerts.push(Raised { opened_s, closed_s, bbox, bears });
        };
        let Some(rule) = rule else {
            for alert in &looked.observation.alerts {
                let captured_s = alert.captured.uptime_ms as f64 / 1e3;
                match alert.state {
                    AlertState::Opened => open(self, alert.id, alert.bbox, captured_s),
                    AlertState::Updated => {}
                    AlertState::Closed => self.close(alert.id, captured_s),
                }
            }
            return;
        };
        match rule.step(&looked.observation, looked.taken_s) {
            Some(Step::Opened(bear)) => open(self, AlertId(0), bear.bbox, looked.taken_s),
            Some(Step::Closed(last_s)) => self.close(AlertId(0), last_s),
            None => {}
        }
    }

    fn close(&mut self, id: AlertId, closed_s: f64) {
        if let Some(index) = self.open.remove(&id) {
            self.sequence.alerts[index].closed_s = closed_s;
        }
    }
}

/// A thing lies on a bear when their boxes overlap so much (IoU).
const ON_BEAR_IOU: f64 = 0.2;

fn looks<'a>(looked: &'a Looked, sequence: &'a Sequence, at: usize) -> impl Iterator<Item = Look> + 'a {
    // Without a bear in the sequence there is none on any picture of it.
    let bears = sequence.bears_on(at).or_else(|| sequence.events.is_empty().then(Vec::new));
    let (width, height) = looked.size;
    looked.observation.tracks.iter().filter(|track| track.looked).map(move |track| {
        let bbox = PixelBox::new(track.bbox.to_pixels(width, height).map(f64::from));
        let on_bear = bears.as_ref().map(|bears| bears.iter().any(|bear| bear.iou(bbox) >= ON_BEAR_IOU));
        Look {
            sequence: sequence.name.clone(),
            track: track.id.0,
            time_s: looked.taken_s,
            score: track.seen.then_some(track.bear),
            on_bear: on_bear.filter(|_| track.seen),
        }
    })
}

/// The picture that a camera has just taken at a time.
fn newest(at_s: f64, fps: f64) -> usize {
    (at_s * fps) as usize
}

fn told(sequence: &Sequence, at: usize) -> String {
    let file = sequence.pictures[at].file_name().unwrap_or_default();
    format!("{}/{}", sequence.name, file.to_string_lossy())
}
