//! Regions that the model looks at side by side.

use super::engine::{Engine, RunError};

/// The buffers of one region; as many as regions run at the same time.
#[derive(Default)]
pub struct Lane {
    /// What the model is given.
    pub input: Vec<u8>,
    /// What it answers.
    pub output: Vec<f32>,
}

/// Runs every lane; the first on this thread, the others beside it.
///
/// # Errors
/// The first that a lane met with.
pub fn run_lanes(engine: &Engine, lanes: &mut [Lane]) -> Result<(), RunError> {
    let Some((first, rest)) = lanes.split_first_mut() else { return Ok(()) };
    std::thread::scope(|scope| {
        let spawned: Vec<_> =
            rest.iter_mut().map(|lane| scope.spawn(|| engine.run(&lane.input, &mut lane.output))).collect();
        let own = engine.run(&first.input, &mut first.output);
        let joined =
            spawned.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(RunError::panicked())));
        joined.fold(own, Result::and)
    })
}
