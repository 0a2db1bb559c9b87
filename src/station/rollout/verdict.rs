//! What a judgement says: the answers, what is lacking, and why something is stopped. PURE.

use std::fmt;

use serde::Serialize;

use super::decision::Question;
use crate::perceive::observation::Regime;

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reading {
    /// Which.
    pub question: Question,
    /// Hours that answer it.
    pub hours: u32,
    /// Their mean; `None` of none.
    pub mean: Option<f64>,
    /// Stopped above.
    pub stop: f64,
    /// Passes below.
    pub pass: Option<f64>,
    /// How far the evidence against it has come, 1 where it stops.
    pub against: f64,
    /// How far the evidence for it has come, 1 where it passes.
    pub towards: Option<f64>,
}

/// What is still lacking.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "what", rename_all = "lowercase")]
pub enum Lack {
    /// Days.
    Days {
        /// So many.
        more: f64,
    },
    /// Looks of both.
    Looks {
        /// So many.
        more: u64,
    },
    /// Hours that answer a question.
    Hours {
        /// Which.
        question: Question,
        /// In which light; in all of them where `None`.
        light: Option<Regime>,
        /// So many more like those that were; `None` where that does not lead there.
        more: Option<u32>,
    },
    /// Hours in which the new model decides.
    Deciding {
        /// So many more like those that were; `None` where that does not lead there.
        more: Option<u32>,
    },
    /// Verdicts of people.
    Judged {
        /// On so many hours.
        more: u32,
    },
    /// Where people have judged, the running model was right too often.
    Wrong,
}

/// How far a limit was left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Beyond {
    /// Hours that say so.
    pub hours: u32,
    /// Their mean, a share.
    pub mean: f64,
    /// The limit.
    pub limit: f64,
}

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Beyond { hours, mean, limit } = self;
        write!(
            f,
            "{:.1} % over {hours} hours, where surely more than {:.1} % stops it",
            100.0 * mean,
            100.0 * limit
        )
    }
}

/// Why it is stopped.
#[derive(Clone, Debug, PartialEq, Serialize, thiserror::Error)]
#[serde(tag = "why", rename_all = "lowercase")]
pub enum Stop {
    /// Of what the running model sees it misses too much.
    #[error("it misses too much of what the model before sees: {0}")]
    Missed(Beyond),
    /// It sees bears that nobody else does.
    #[error("it sees bears of which nobody else knows: {0}")]
    Invented(Beyond),
    /// People find the running model right.
    #[error("where the two disagree, people find the model before right: {0}")]
    Wrong(Beyond),
    /// It is too slow.
    #[error("it is too slow: {0}")]
    Slow(Beyond),
    /// A camera says so.
    #[error("{reason}")]
    Unwell {
        /// What it says.
        reason: String,
    },
    /// It had its time.
    #[error("it has not shown in {days:.0} days what it must")]
    Unshown {
        /// Of its ring.
        days: f64,
    },
}

/// What comes of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "lowercase")]
pub enum Verdict {
    /// Beyond a limit.
    Stop(Stop),
    /// All is shown.
    Pass,
    /// Nothing speaks against it yet, and this is lacking.
    Open {
        /// What.
        lacks: Vec<Lack>,
    },
}

/// A verdict with its figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judgement {
    /// What comes of it.
    pub verdict: Verdict,
    /// The answers.
    pub readings: Vec<Reading>,
    /// Looks of both.
    pub looks: u64,
}
