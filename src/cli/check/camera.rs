//! Does the source give pictures, and does anything show on them?

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::Duration;

use super::Finding;
use crate::capture::pixels::to_picture;
use crate::capture::settings::SourceSettings;
use crate::capture::{self, CaptureError, Next, Source, Stream};
use crate::cli::exit::Exit;
use crate::perceive::condition::{Condition, measure};
use crate::perceive::frame::{Frame, Picture, Stamp};
use crate::perceive::observation::{Regime, Scene};
use crate::system::clock::Stopwatch;
use crate::system::stop::Stop;

const SUBJECT: &str = "camera";
/// How long the source may take until pictures have come.
const LIMIT: Duration = Duration::from_secs(8);
/// How long a call may take to return when it is asked to.
const GRACE: Duration = Duration::from_secs(2);
/// How often somebody is listened to who wants to end.
const TICK: Duration = Duration::from_millis(50);
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

/// Opens the source on a thread of its own, since a call into a driver may never return.
pub fn check(settings: &SourceSettings, stop: &Stop) -> Finding {
    let source = match capture::open(settings) {
        Ok(source) => source,
        Err(error) => return failed(&error),
    };
    let name = source.name();
    let (sender, answer) = sync_channel(1);
    let own_stop = Stop::default();
    let theirs = own_stop.clone();
    let looking = std::thread::Builder::new().name("camera".into()).spawn(move || {
        // Nobody may be waiting any more.
        let _ = sender.send(look(source, &theirs));
    });
    if let Err(error) = looking {
        return Finding::fail(
            SUBJECT,
            Exit::TryAgain,
            format!("no thread: {error}"),
            "check the limits of this user",
        );
    }
    let seen = wait(&answer, LIMIT, stop);
    own_stop.raise();
    match seen.or_else(|| wait(&answer, GRACE, &Stop::default())) {
        Some(Ok(Some(seen))) => told(&name, &seen),
        Some(Ok(None)) => Finding::fail(
            SUBJECT,
            Exit::Unavailable,
            format!("{name}: no picture within {} s", LIMIT.as_secs()),
            "look whether the camera, or what sends its pictures, is on",
        ),
        Some(Err(error)) => failed(&error),
        None => Finding::fail(
            SUBJECT,
            Exit::Unavailable,
            format!("{name}: a call does not return"),
            "unplug the camera and plug it in again, or restart the board",
        ),
    }
}

fn wait<T>(answer: &Receiver<T>, limit: Duration, stop: &Stop) -> Option<T> {
    let watch = Stopwatch::start();
    while watch.elapsed() < limit && !stop.is_raised() {
        match answer.recv_timeout(TICK) {
            Ok(seen) => return Some(seen),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}

/// `None` where no usable picture came before `stop` was raised.
fn look(mut source: Box<dyn Source>, stop: &Stop) -> Result<Option<Seen>, CaptureError> {
    let mut stream = source.open(stop)?;
    let mut look = Look { frame: Frame::empty(), picture: Picture::default(), good: 0, bad: 0, why: None };
    let mut first: Option<Stopwatch> = None;
    let watch = Stopwatch::start();
    while look.good < FRAMES
        && (look.good == 0 || watch.elapsed() < WATCH)
        && look.next(&mut *stream, stop)?
    {
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
    Ok(Some(Seen {
        what: stream.describe(),
        width,
        height,
        scene,
        regime: condition.regime(),
        fps,
        bad: look.bad,
    }))
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
