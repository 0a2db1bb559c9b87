//! Frames come in. A [`Source`] is opened into a [`Stream`], a stream is asked for the next frame, and `worker` reopens what
//! broke. Nothing here looks into a frame.

use std::time::Duration;

use crate::perceive::frame::Frame;
use crate::system::stop::Stop;

use light::Seen;
use settings::SourceSettings;

#[cfg(feature = "camera")]
pub mod camera;
pub mod command;
pub mod files;
pub mod history;
pub mod jpeg;
pub mod light;
pub mod mjpeg;
pub mod multipart;
pub mod pace;
pub mod pixels;
pub mod probe;
mod program;
pub mod ring;
pub mod settings;
pub mod simulated;
mod watch;
pub mod worker;
pub mod y4m;
mod yuv;

/// Why no frame came.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// Not there, busy, denied, not answering: the worker tries again with growing pauses and reports `degraded`.
    #[error("{source_name}: {what}; {remedy}")]
    Unavailable {
        /// Device, file, command or address.
        source_name: String,
        /// What happened.
        what: String,
        /// What a person can do.
        remedy: String,
    },
    /// The stream broke off or stands still: the worker closes and reopens it.
    #[error("{source_name}: {what}")]
    Broken {
        /// Device, file, command or address.
        source_name: String,
        /// What happened.
        what: String,
    },
    /// One frame could not be used; the next may be good: the worker counts it and goes on.
    #[error("{source_name}: {what}")]
    BadFrame {
        /// Device, file, command or address, and the frame where it has a name.
        source_name: String,
        /// What is wrong with it.
        what: String,
    },
    /// Trying again is of no use: wrong settings. The daemon ends with exit code 78.
    #[error("{source_name}: {what}; {remedy}")]
    Hopeless {
        /// Device, file, command or address.
        source_name: String,
        /// What is wrong.
        what: String,
        /// What a person can do.
        remedy: String,
    },
    /// The files to be played do not exist. The daemon ends with exit code 66.
    #[error("{source_name}: {what}; {remedy}")]
    Missing {
        /// File, folder or pattern.
        source_name: String,
        /// What was looked for.
        what: String,
        /// What a person can do.
        remedy: String,
    },
    /// A call into the driver does not return. The daemon drains what it has and ends with exit code 75: only a new process is
    /// free of it.
    #[error("{source_name}: {what}; {remedy}")]
    Stuck {
        /// Device.
        source_name: String,
        /// For how long.
        what: String,
        /// What a person can do.
        remedy: String,
    },
}

/// What happens to the source, for the daemon's health; only transitions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Frames come, for the first time or again.
    Opened {
        /// What was got: "YUYV 640×480 at 15 fps".
        what: String,
    },
    /// No frames come; it is being tried again.
    Lost {
        /// The error.
        why: String,
    },
    /// The source has no more frames and is done.
    Ended,
}

/// The source that the settings choose; nothing is touched before it is opened.
///
/// # Errors
/// [`CaptureError::Hopeless`] for settings that no source can work with.
pub fn open(settings: &SourceSettings) -> Result<Box<dyn Source>, CaptureError> {
    match settings {
        SourceSettings::Files(settings) => Ok(Box::new(files::Files::new(settings.clone()))),
        SourceSettings::Simulated(settings) => Ok(Box::new(simulated::Simulated::new(settings.clone()))),
        SourceSettings::Command(settings) => Ok(Box::new(command::CommandSource::new(settings.clone()))),
        SourceSettings::Mjpeg(settings) => Ok(Box::new(mjpeg::Mjpeg::new(settings.clone()))),
        #[cfg(feature = "camera")]
        SourceSettings::Camera(settings) => Ok(Box::new(camera::Camera::new(settings.clone()))),
        #[cfg(not(feature = "camera"))]
        SourceSettings::Camera(settings) => Err(CaptureError::Hopeless {
            source_name: format!("camera {}", settings.device),
            what: "this build has no V4L2 cameras".to_owned(),
            remedy: "build it with the feature `camera`, or let ffmpeg read the camera: source = \"command\""
                .to_owned(),
        }),
    }
}

/// What asking for a frame brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// The frame was filled: format, size, data, and name where it has one.
    Frame,
    /// The source came to its end (files without loop) or was asked to stop.
    End,
}

/// Something that can be opened, again and again: a camera, a command, a folder, an address, a scene.
pub trait Source: Send {
    /// A short name for logs and status: "camera /dev/video0", "files ./pictures".
    fn name(&self) -> String;

    /// Whether its end is a loss: live sources are opened anew, others (files) are done.
    fn is_live(&self) -> bool {
        false
    }

    /// Opens it. `stop` interrupts waiting.
    fn open(&mut self, stop: &Stop) -> Result<Box<dyn Stream>, CaptureError>;
}

/// An open source. Dropping it releases the device, the child process or the connection.
pub trait Stream: Send {
    /// What was got, for the log: "YUYV 640×480 at 15 fps".
    fn describe(&self) -> String;

    /// Frames a second as a recording states it; `None` for whatever is live.
    fn recorded_fps(&self) -> Option<f64> {
        None
    }

    /// Waits for the next frame and fills `frame` (format, width, height, data, name, simulated), reusing its buffer. The
    /// worker sets stamp, sequence and losses. Paced sources (files, simulated) sleep on `stop` until the frame is due. When `stop`
    /// is raised it returns [`Next::End`] within a fifth of a second.
    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Next, CaptureError>;

    /// Takes in how a frame came out, at `now_ms`: a camera that can be steered exposes the next ones better.
    fn steer(&mut self, _seen: Seen, _now_ms: u64) {}

    /// What a frame takes by the stream's own design, beside the time after which a silent source counts as stalled: the period of
    /// sources that are played at a stated rate.
    fn patience(&self) -> Duration {
        Duration::ZERO
    }
}
