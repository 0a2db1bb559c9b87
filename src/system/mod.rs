//! The machine we live on: clocks, signs of life, measurements.

pub mod clock;
pub mod hours;
pub mod metrics;
pub mod notify;
pub mod pulse;
pub mod signals;
pub mod stop;
pub mod vitals;
pub mod watchdog;
