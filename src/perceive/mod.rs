//! What frames mean. Pure: told the time, the pixels and the model's output; answers with what happened. No I/O, no clock, no
//! threads, no name from outside this module.
//!
//! A frame meets the files in this order: [`perception`] asks [`condition`] about the light, [`liveness`] whether the picture is one at all,
//! [`motion`] about what moves, [`plan`] and [`budget`] about where to look, and [`governor`] how hard the board may be worked; the model runs
//! outside; [`decode`] reads its output, [`views`] what several regions say of one thing, [`track`] follows what is there, [`evidence`] weighs it over time, [`ghost`] knows what has always
//! stood there, [`staged`] what was drawn for a drill, [`alert`] tells what is worth waking a ranger for, [`announce`] keeps
//! drills apart from that, [`histogram`] and [`drift`] keep count of scores and pictures, [`audit`] draws a random sample of it all, and [`veil`] hides
//! people on pictures that leave.

pub mod alert;
pub mod announce;
pub mod audit;
pub mod budget;
pub mod condition;
pub mod decode;
pub mod drift;
pub mod evidence;
pub mod frame;
pub mod geometry;
pub mod ghost;
pub mod governor;
pub mod histogram;
pub mod liveness;
pub mod model;
pub mod motion;
pub mod observation;
pub mod perception;
pub mod plan;
pub mod reach;
pub mod regions;
pub mod resample;
pub mod settings;
pub mod staged;
pub mod structure;
pub mod thumbnail;
pub mod tone;
pub mod track;
pub mod veil;
pub mod views;
pub mod zone;
