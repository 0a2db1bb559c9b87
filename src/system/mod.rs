//! The machine we live on: clocks, signs of life, measurements.

pub mod clock;
pub mod metrics;
pub mod pulse;
pub mod stop;
