//! What the daemon answers over HTTP: its metrics, for Prometheus.
//!
//! A thread and a runtime of its own: whoever asks, and however often, takes nothing from camera, detector and publishing but a moment of the
//! processor. Off by default.

mod exposition;
mod series;
mod server;

pub use exposition::View;
pub use server::Server;
