//! Between the detector and the keeper of models: what the detector lends to a challenger. It never waits, and without a challenger it costs the reading
//! of an atomic.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::SyncSender;

use super::Word;
use super::trial::Counts;
use crate::perceive::frame::{Picture, Stamp};
use crate::perceive::observation::{Detection, Regime};
use crate::perceive::regions::Letterbox;

/// A frame as the running model saw it.
#[derive(Debug, Default)]
pub struct Looked {
    /// When it was taken.
    pub stamp: Stamp,
    /// The light.
    pub regime: Regime,
    /// The picture, masked as ever.
    pub picture: Picture,
    /// Whether the simulator drew it.
    pub simulated: bool,
    /// The regions that the running model was shown.
    pub looks: Vec<Look>,
    /// The operating point in force.
    pub threshold: f32,
    /// What the running model saw in the end.
    pub detections: Vec<Detection>,
    /// What one look took it, milliseconds.
    pub look_ms: f64,
}

/// One region.
#[derive(Debug)]
pub struct Look {
    /// How it lies in the input.
    pub place: Letterbox,
    /// What the model was given.
    pub input: Vec<u8>,
    /// What the running one answered.
    pub output: Vec<f32>,
}

/// A frame on which the two disagree, for people to judge.
#[derive(Debug)]
pub struct Disagreement {
    /// The frame; its looks are gone.
    pub looked: Looked,
    /// SHA-256 of the challenger's model, hexadecimal.
    pub model: String,
    /// Its operating point.
    pub threshold: f32,
    /// What it saw, the surest first.
    pub detections: Vec<Detection>,
    /// Counts them since the start, from 1.
    pub number: u64,
}

/// The detector's end. Clones share it.
#[derive(Clone)]
pub struct Port {
    words: SyncSender<Word>,
    marks: Arc<Marks>,
}

/// What both ends see.
#[derive(Default)]
struct Marks {
    /// There is a challenger.
    present: AtomicBool,
    /// It has nothing to do.
    idle: AtomicBool,
    passed_over: AtomicU64,
    frames: AtomicU64,
    late: AtomicU64,
    errors: AtomicU64,
}

impl Port {
    /// To a keeper that hears `words`.
    pub fn new(words: SyncSender<Word>) -> Port {
        Port { words, marks: Arc::default() }
    }

    /// Whether a frame of now is wanted, where there is time to spare for it.
    pub fn wants(&self) -> bool {
        self.marks.present.load(Ordering::Relaxed) && self.marks.idle.load(Ordering::Relaxed)
    }

    /// Gives a frame, or none where there was no time for it: that is counted while there is a challenger.
    pub fn give(&self, looked: Option<Looked>) {
        if !self.marks.present.load(Ordering::Relaxed) {
            return;
        }
        let given = looked.is_some_and(|looked| {
            self.marks.idle.store(false, Ordering::Relaxed);
            self.words.try_send(Word::Looked(Box::new(looked))).is_ok()
        });
        if !given {
            self.marks.passed_over.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts a frame that the running model looked at.
    pub fn frame(&self, late: bool) {
        self.marks.frames.fetch_add(1, Ordering::Relaxed);
        self.marks.late.fetch_add(late.into(), Ordering::Relaxed);
    }

    /// Counts a frame on which the running model failed.
    pub fn failed(&self) {
        self.marks.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// Keeper's side: whether there is a challenger, and whether it has nothing to do.
    pub(super) fn mark(&self, present: bool, idle: bool) {
        self.marks.present.store(present, Ordering::Relaxed);
        self.marks.idle.store(idle, Ordering::Relaxed);
    }

    /// Keeper's side: frames that were passed over since it asked last.
    pub(super) fn passed_over(&self) -> u64 {
        self.marks.passed_over.swap(0, Ordering::Relaxed)
    }

    /// Keeper's side: what the running model did since the start.
    pub(super) fn counts(&self) -> Counts {
        // The other way round it could have more late frames than frames.
        let (late, errors) =
            (self.marks.late.load(Ordering::Relaxed), self.marks.errors.load(Ordering::Relaxed));
        Counts { frames: self.marks.frames.load(Ordering::Relaxed).max(late), late, errors }
    }
}
