//! What the daemon answers over HTTP: its metrics, for Prometheus, and the page for whoever aims the camera.
//!
//! A thread and a runtime of its own: whoever asks, and however often, takes nothing from camera, detector and publishing but a moment of the
//! processor. Off by default.

pub mod answers;
pub mod door;
mod exposition;
pub mod html;
pub mod page;
mod series;
mod server;
pub mod texts;
pub mod tries;

pub use exposition::View;
pub use server::{Limits, Peer, Place, Server};
