//! Models that earn their place: a challenger looks on in shadow, then decides at a few cameras, then at more, and is taken back where it does badly.

pub mod course;
pub mod criteria;
pub mod decision;
pub mod evidence;
pub mod hour;
pub mod tally;
