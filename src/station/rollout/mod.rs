//! Models that earn their place: a challenger looks on in shadow, then decides at a few cameras, then at more, and is taken back where it does badly.
//!
//! * [`criteria`] – what it must show, written before it begins; [`course`] – from ring to ring, and what each camera is to do;
//! * [`tally`] – what was counted between two messages; [`hour`] – what an hour of a camera says;
//! * [`evidence`] – bets that may be looked at at any time; [`decision`] – whether it passes, is stopped, or is watched for longer; [`verdict`] – in what words;
//! * [`runner`] – carries it out; [`pieces`] – serves bundles to cameras; [`gift`] – how bundles come.
//!
//! All but [`runner`], [`pieces`] and [`gift`] are pure.

pub mod course;
pub mod criteria;
pub mod decision;
pub mod evidence;
pub mod gift;
pub mod hour;
pub mod pieces;
pub mod runner;
pub mod tally;
pub mod verdict;
