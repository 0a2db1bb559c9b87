//! Frames come in. A [`Source`] is opened into a [`Stream`], a stream is asked for the next frame, and `worker` reopens what
//! broke. Nothing here looks into a frame.

use crate::perceive::frame::Frame;
use crate::system::stop::Stop;

pub mod pixels;
pub mod settings;
pub mod simulated;

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
    /// Trying again is of no use: wrong settings. The daemon ends with exit code 78 (66 where the input does not exist).
    #[error("{source_name}: {what}; {remedy}")]
    Hopeless {
        /// Device, file, command or address.
        source_name: String,
        /// What is wrong.
        what: String,
        /// What a person can do.
        remedy: String,
    },
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

    /// Opens it. `stop` interrupts waiting.
    fn open(&mut self, stop: &Stop) -> Result<Box<dyn Stream>, CaptureError>;
}

/// An open source. Dropping it releases the device, the child process or the connection.
pub trait Stream: Send {
    /// What was got, for the log: "YUYV 640×480 at 15 fps".
    fn describe(&self) -> String;

    /// Waits for the next frame and fills `frame` (format, width, height, data, name, simulated), reusing its buffer. The
    /// worker sets stamp, sequence and losses. Paced sources (files, simulated) sleep on `stop` until the frame is due.
    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Next, CaptureError>;
}
