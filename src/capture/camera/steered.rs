//! A camera whose exposure and gain we steer.

use std::io;
use std::time::Duration;

use super::device::Device;
use super::mode::Rate;
use super::steering::{Reach, Setting, Span, Steering};
use crate::capture::light::Seen;

/// How a camera's controls stand when they come into our hands, and what they can be set to.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// As they stood.
    pub now: Setting,
    /// Exposure, units of 100 µs.
    pub exposure: Span,
    /// Gain in the camera's units, for cameras that have it.
    pub gain: Option<Span>,
}

/// The device and what decides for it.
pub struct Steered {
    device: Device,
    steering: Steering,
}

impl Steered {
    /// Takes the controls out of the camera's hands. `limit` as in the settings; a camera that states no rate never exposes for longer.
    ///
    /// # Errors
    /// As the system gives them: EINVAL where the camera has no such control.
    pub fn take_over(device: &Device, limit: i64, rate: Option<Rate>) -> io::Result<Steering> {
        let Held { now, exposure, gain } = device.take_over()?;
        let period = rate.map_or(limit, |rate| units_of(rate.period()));
        let steering = Steering::new(Reach::new(exposure, gain, limit, period), now);
        device.expose(steering.setting())?;
        tracing::debug!("steered from {:?}; exposure {exposure:?}, gain {gain:?}", steering.setting());
        Ok(steering)
    }

    /// Goes on with a device whose controls are in our hands.
    pub fn new(device: Device, steering: Steering) -> Steered {
        Steered { device, steering }
    }

    /// Takes in a frame and sets what follows from it.
    ///
    /// # Errors
    /// As the system gives them; the controls are then the camera's again.
    pub fn see(&mut self, seen: Seen, now_ms: u64) -> io::Result<()> {
        let Some(setting) = self.steering.observe(seen, now_ms) else { return Ok(()) };
        tracing::debug!("mean luma {:.2}: {setting:?}", seen.luma);
        self.device.expose(setting).inspect_err(|_| self.device.let_go())
    }
}

/// In units of 100 µs.
fn units_of(time: Duration) -> i64 {
    (time.as_micros() / 100) as i64
}
