//! Does the source give pictures, and does anything show on them?

use std::time::Duration;

use super::Finding;
use crate::capture::pixels::to_picture;
use crate::capture::probe::probe;
use crate::capture::settings::SourceSettings;
use crate::capture::{self, CaptureError, Next, Stream};
use crate::cli::exit::Exit;
use crate::perceive::condition::{Condition, measure};
use crate::perceive::frame::{Frame, Picture, Stamp};
use crate::perceive::observation::{Regime, Scene};
use crate::system::clock::Stopwatch;
use crate::system::stop::Stop;

const SUBJECT: &str = "camera";
/// How long the source may take until pictures have come.
const LIMIT: Duration = Duration::from_secs(8);
/// Pictures are taken until there are so many, or for so long: exposure needs a moment, and a rate is measured.
const FRAMES: u32 = 10;
const WATCH: Duration = Duration::from_secs(2);
/// A picture whose mean is below this is black, and one with less contrast shows nothing.
const BLACK: f32 = 0.015;
const BLANK: f32 = 0.008;

/// What came.
struct Seen {
    what: String,
    width: u32,
    height: u32,
    scene: Scene,
    regime: Regime,
    /// Frames a second, where more than one came.
    fps: Option<f64>,
    bad: u32,
}

/// Takes some pictures and says what is to be seen on them.
pub fn check(settings: &SourceSettings, stop: &Stop) -> Finding {
    let name = match capture::open(settings) {
        Ok(source) => source.name(),
        Err(error) => return failed(&error),
    };
    match probe(settings, LIMIT, stop, look) {
        Ok(Some(seen)) => told(&name, &seen),
        Ok(None) => Finding::fail(
            SUBJECT,
            Exit::Unavailable,
            format!("{name}: no picture within {} s", LIMIT.as_secs()),
            "look whether the camera, or what sends its pictures, is on",
        ),
        Err(error) => failed(&error),
    }
}

/// `None` where no usable picture came before `stop` was raised.
fn look(stream: &mut dyn Stream, stop: &Stop) -> Result<Option<Seen>, CaptureError> {
    let mut look = Look { frame: Frame::empty(), picture: Picture::default(), good: 0, bad: 0, why: None };
    let mut first: Option<Stopwatch> = None;
    let watch = Stopwatch::start();
    while look.good < FRAMES && (look.good == 0 || watch.elapsed() < WATCH) && look.next(stream, stop)? {
        if look.good == 1 && first.is_none() {
            first = Some(Stopwatch::start());
        }
        if look.good > 0 && stream.patience() >= WATCH {
            break;
        }
    }
    if look.good == 0 {
        return look.why.map_or(Ok(None), Err);
    }
    let took = first.map_or(0.0, |first| first.elapsed().as_secs_f64());
    let fps = (look.good > 1 && took > 0.0).then(|| f64::from(look.good - 1) / took);
    let Picture { width, height, .. } = look.picture;
    let scene = measure(&look.picture);
    let mut condition = Condition::new(false);
    condition.observe(&look.picture, Stamp::default());
    let (what, regime) = (stream.describe(), condition.regime());
    Ok(Some(Seen { what, width, height, scene, regime, fps, bad: look.bad }))
}

struct Look {
    frame: Frame,
    picture: Picture,
    good: u32,
    bad: u32,
    /// Why the last bad frame was one.
    why: Option<CaptureError>,
}

impl Look {
    /// One more frame; `false` at the end.
    fn next(&mut self, stream: &mut dyn Stream, stop: &Stop) -> Result<bool, CaptureError> {
        let came = match stream.next(&mut self.frame, stop) {
            Ok(Next::End) if self.good == 0 && self.why.is_none() && !stop.is_raised() => {
                let (source_name, what) = (stream.describe(), "ended without a picture".into());
                return Err(CaptureError::Broken { source_name, what });
            }
            Ok(Next::End) => return Ok(false),
            Ok(Next::Frame) => to_picture(&self.frame, &mut self.picture),
            Err(error @ CaptureError::BadFrame { .. }) => Err(error),
            Err(error) => return Err(error),
        };
        match came {
            Ok(()) => self.good += 1,
            Err(error) => {
                self.bad += 1;
                self.why = Some(error);
            }
        }
        Ok(self.bad < FRAMES && !stop.is_raised())
    }
}

fn told(name: &str, seen: &Seen) -> Finding {
    let Seen { what, width, height, scene, regime, fps, bad } = seen;
    let rate = fps.map_or(String::new(), |fps| format!(", {fps:.1} frames a second"));
    let light = format!("mean brightness {:.0} %, looks like {}", scene.luma * 100.0, regime.name());
    let text = format!("{name}: {what}; a picture of {width}×{height}{rate}; {light}");
    if scene.luma < BLACK {
        return Finding::warning(
            SUBJECT,
            text + "; it is black",
            "take off the lens cap; at night look whether the infrared light is on",
        );
    }
    if scene.contrast < BLANK {
        return Finding::warning(SUBJECT, text + "; it shows nothing", "look at what covers the lens");
    }
    if *bad > 0 {
        let text = format!("{text}; {bad} frames could not be read");
        return Finding::warning(SUBJECT, text, "check cable, power supply and network of the camera");
    }
    Finding::ok(SUBJECT, text)
}

fn failed(error: &CaptureError) -> Finding {
    let (exit, remedy) = match error {
        CaptureError::Hopeless { .. } => (Exit::Config, ""),
        CaptureError::Missing { .. } => (Exit::NoInput, ""),
        CaptureError::Broken { .. } => {
            (Exit::Unavailable, "look whether it gives pictures to another program")
        }
        CaptureError::BadFrame { .. } => {
            (Exit::Unavailable, "no picture could be read; see what the source sends")
        }
        CaptureError::Unavailable { .. } | CaptureError::Stuck { .. } => (Exit::Unavailable, ""),
    };
    match remedy {
        "" => Finding::failed(SUBJECT, exit, error),
        remedy => Finding::fail(SUBJECT, exit, error.to_string(), remedy),
    }
}
