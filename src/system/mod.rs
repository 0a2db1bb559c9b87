//! The machine we live on: clocks, signs of life, measurements, small files and the log.

pub mod clock;
pub mod distress;
pub mod file;
pub mod hours;
pub mod log;
pub mod metrics;
pub mod notify;
pub mod pulse;
pub mod seldom;
pub mod signals;
pub mod stop;
pub mod vitals;
pub mod watchdog;
pub mod wear;
