//! bearwatch sees bears at campsites and tells rangers.
//!
//! A frame meets the modules in this order:
//!
//! * [`capture`] – frames come in from a camera, a command, files, an IP camera or the simulated campsite; newest wins.
//! * [`infer`] – the int8 model runs (tract), on the regions that the core asks for.
//! * [`perceive`] – what frames mean: light, regions, boxes, tracks, evidence, alerts. Pure.
//! * [`publish`] – messages on disk until the broker has acknowledged them.
//! * [`system`] – clocks, signs of life, measurements of the machine we live on.
//! * [`control`] – what people tell the camera: commands, who may give them, the audit log.
//! * [`config`] – one TOML file becomes checked settings; every mistake is told at once.
//! * [`web`] – what the board answers over HTTP: its metrics, the page for whoever aims the camera.
//! * `station` – keeps what the cameras of a broker tell and shows it to people; a feature, not on the device.
//! * [`cli`] – the commands.
//! * [`evaluate`] – is it any good? Matching, average precision, intervals. Pure.

pub mod app;
pub mod capture;
pub mod cli;
pub mod config;
pub mod control;
pub mod evaluate;
pub mod infer;
pub mod perceive;
pub mod publish;
#[cfg(feature = "station")]
pub mod station;
pub mod system;
pub mod web;
