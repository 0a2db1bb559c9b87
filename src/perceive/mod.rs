//! What frames mean. Pure: told the time, the pixels and the model's output; answers with what happened. No I/O, no clock, no
//! threads, no name from outside this module.

pub mod decode;
pub mod frame;
pub mod geometry;
pub mod model;
pub mod observation;
pub mod regions;
pub mod settings;
