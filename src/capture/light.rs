//! How bright frames come out, from who measures it to who can do something about it.

use std::sync::{Arc, Mutex, PoisonError};

/// A frame as it came out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// When it was taken, milliseconds of the monotonic clock.
    pub taken_ms: u64,
    /// Mean luma, 0..1.
    pub luma: f32,
}

/// Holds the newest until it is taken. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Light(Arc<Mutex<Option<Seen>>>);

impl Light {
    /// Puts it where the camera's thread finds it.
    pub fn tell(&self, seen: Seen) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    }

    /// Takes what was told since the last time.
    pub fn take(&self) -> Option<Seen> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
