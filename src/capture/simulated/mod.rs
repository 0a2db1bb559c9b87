//! A simulated campsite: drawn, with ground truth, for the demo, for tests and for drills in the field. It is not a recording, and
//! its pictures never count in a table of accuracy.
//!
//! * `light` – noon to infrared night: what a surface at a distance looks like;
//! * `canvas`, `terrain`, `camp` – what stands still, painted once and lit anew as it grows darker;
//! * `figure`, `bear`, `people` – what walks: bodies of balls, right from every side;
//! * `guest` – a bear that walks into a picture which a camera took, for drills;
//! * `happening` – what else moves and is no bear: insects, webs, snow, headlights, wind;
//! * `script` – who comes when; `scene` puts it together, frame by frame.
//!
//! Seeds below 1000 are for demos, those from 1,000,000 on for training: what is shown was never trained on.

mod bear;
mod camp;
mod canvas;
mod figure;
mod guest;
mod happening;
mod light;
mod noise;
mod people;
mod scene;
mod script;
mod source;
mod terrain;

pub use guest::Guest;
pub use scene::{Scene, Truth, Visit};
pub use source::Simulated;
