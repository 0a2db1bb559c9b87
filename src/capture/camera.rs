//! Cameras over V4L2: USB cameras, and whatever else has a /dev/video node that captures.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nokhwa::utils::{
    CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
};
use rustix::io::Errno;

use super::light::Seen;
use super::settings::CameraSettings;
use super::{CaptureError, Next, Source, Stream};
use crate::perceive::frame::{Frame, PixelFormat};
use crate::system::stop::Stop;
use device::{Device, Frames};
use layout::Layout;
use mode::{Mode, Rate, choose, code};
use node::{Lost, Node, Nodes};
use seen::usable;
use steered::Steered;
use steering::Steering;

mod device;
mod layout;
mod mode;
mod node;
mod seen;
mod steered;
mod steering;

/// The source.
///
/// nokhwa sets the mode, and v4l, on which nokhwa stands, does what nokhwa 0.10 does not let through. It lists what a camera offers:
/// nokhwa gives up on a camera that was left at a fractional rate, and knows neither grey ones nor sizes that are a range. It tells
/// cameras from metadata nodes. And it streams: nokhwa's own stream waits for a frame without end, so that a camera that falls silent
/// would cost a restart of the daemon, and it hides how many bytes of a buffer are used and whether the driver marked them as
/// damaged, so that the detector would see half a picture above the remains of an older one. nokhwa's controls are not used because
/// it lists all of a camera's to set one, and v4l 0.14 panics at kinds of controls that newer kernels have. The price: the two follow
/// one another on the device, and nokhwa's handle is closed before the stream begins, since USB cameras stream to one handle only.
#[derive(Debug)]
pub struct Camera {
    settings: CameraSettings,
    nodes: Nodes,
    /// The driver did not let a stream go: its buffers belong to this process until it ends.
    wedged: Arc<AtomicBool>,
}

impl Camera {
    /// Nothing is touched before it is opened.
    pub fn new(settings: CameraSettings) -> Camera {
        Camera { settings, nodes: Nodes::default(), wedged: Arc::default() }
    }

    fn find(&self) -> Result<Node, CaptureError> {
        self.nodes.find(&self.settings.device).map_err(|lost| match lost {
            Lost::Missing => self.unavailable("is not there", usable()),
            Lost::NotVideo => self.hopeless("is not a V4L2 camera", &usable()),
        })
    }

    /// Opens the node and refuses what gives no pictures.
    fn device(&self, node: &Node) -> Result<Device, CaptureError> {
        if let Err(name) = self.nodes.name(node) {
            let what = format!("its name ({name}) is not UTF-8, which the V4L2 library cannot bear");
            return Err(self.hopeless(&what, "let ffmpeg read it: source = \"command\""));
        }
        let refused = |error: io::Error| self.refused(node, &error);
        let device = Device::open(node).map_err(refused)?;
        match device.problem().map_err(refused)? {
            None => Ok(device),
            // Not hopeless: numbers move when cameras are replugged, and the right node may be here again in a minute.
            Some(problem) => Err(self.unavailable(problem, usable())),
        }
    }

    fn choose(&self, device: &Device) -> Result<Mode, CaptureError> {
        let modes = device.modes(&self.settings);
        // nokhwa goes through every range that a camera states, and panics at one without steps: such cameras are set by hand.
        let listed = modes.iter().all(|mode| mode.listed);
        let mode = choose(&modes, &self.settings).map(|mode| Mode { listed, ..mode });
        mode.ok_or_else(|| {
            let mut offered: Vec<String> = modes.iter().map(|mode| code(mode.fourcc)).collect();
            offered.dedup();
            let offered = if offered.is_empty() { "no format".to_owned() } else { offered.join(", ") };
            self.hopeless(
                &format!("offers {offered}, and none of YUYV, NV12, MJPG and GREY"),
                "use another camera, or let ffmpeg read it: source = \"command\"",
            )
        })
    }

    /// A camera without such a control still sees: what cannot be set is said, and is not fatal. Gives what steers it, where that is
    /// wanted.
    fn set_controls(&self, device: &Device, rate: Option<Rate>) -> Option<Steering> {
        let (name, CameraSettings { exposure, gain, .. }) = (self.name(), &self.settings);
        match self.settings.exposure_limit.map(|limit| Steered::take_over(device, limit, rate)) {
            Some(Ok(steering)) => return Some(steering),
            Some(Err(error)) => {
                tracing::warn!(
                    "{name}: capture.exposure_limit cannot be held ({error}); the camera goes on with its own control"
                );
            }
            None => {}
        }
        if let Err(error) = device.set_exposure(*exposure) {
            tracing::warn!(
                "{name}: capture.exposure cannot be set ({error}); the camera goes on with its own"
            );
        }
        if let Err(error) = device.set_gain(*gain) {
            tracing::warn!("{name}: capture.gain cannot be set ({error}); the camera goes on with its own");
        }
        None
    }

    fn refused(&self, node: &Node, error: &io::Error) -> CaptureError {
        let path = node.path.display();
        match Errno::from_io_error(error) {
            Some(Errno::NOENT | Errno::NODEV | Errno::NXIO) => self.unavailable("is not there", usable()),
            Some(Errno::BUSY) => {
                let remedy = format!("end that program: `fuser -v {path}` names it");
                self.unavailable("is in use by another program", remedy)
            }
            Some(Errno::ACCESS | Errno::PERM) => {
                let remedy = format!(
                    "add this user to the group of {path} (`usermod -aG video USER`), or to a systemd unit \
                     SupplementaryGroups=video and DeviceAllow=char-video4linux"
                );
                self.unavailable("may not be opened by this user", remedy)
            }
            Some(Errno::NOTTY) => self.hopeless("is not a V4L2 camera", &usable()),
            _ => self
                .unavailable(error.to_string(), "replug the camera: `dmesg` says what its driver met with"),
        }
    }

    fn unavailable(&self, what: impl Into<String>, remedy: impl Into<String>) -> CaptureError {
        CaptureError::Unavailable { source_name: self.name(), what: what.into(), remedy: remedy.into() }
    }

    fn hopeless(&self, what: &str, remedy: &str) -> CaptureError {
        CaptureError::Hopeless { source_name: self.name(), what: what.to_owned(), remedy: remedy.to_owned() }
    }

    fn stuck(&self) -> CaptureError {
        CaptureError::Stuck {
            source_name: self.name(),
            what: "its driver did not let go of the last stream".to_owned(),
            remedy: "the daemon starts afresh: if it stays so, unplug the camera".to_owned(),
        }
    }
}

impl Source for Camera {
    fn name(&self) -> String {
        format!("camera {}", self.settings.device)
    }

    fn is_live(&self) -> bool {
        true
    }

    fn open(&mut self, _stop: &Stop) -> Result<Box<dyn Stream>, CaptureError> {
        if self.wedged.load(Ordering::Relaxed) {
            return Err(self.stuck());
        }
        let node = self.find()?;
        let device = self.device(&node)?;
        let mode = self.choose(&device)?;
        let refused = |error: io::Error| self.refused(&node, &error);
        if !set_by_nokhwa(&node, &mode) {
            device.set(&mode, self.settings.fps).map_err(refused)?;
        }
        let (layout, rate) = device.got().map_err(refused)?;
        let steering = self.set_controls(&device, rate);
        let frames = Some(device.stream().map_err(refused)?);
        Ok(Box::new(CameraStream {
            name: self.name(),
            layout,
            rate,
            frames,
            steered: steering.map(|steering| Steered::new(device, steering)),
            wedged: Arc::clone(&self.wedged),
        }))
    }
}

/// Asks nokhwa for exactly this mode. `false` where it does not know such modes, or where the camera refuses: setting it by hand then
/// says why.
fn set_by_nokhwa(node: &Node, mode: &Mode) -> bool {
    let format = match &mode.fourcc {
        b"YUYV" => FrameFormat::YUYV,
        b"NV12" => FrameFormat::NV12,
        b"MJPG" => FrameFormat::MJPEG,
        _ => return false,
    };
    let Some(Rate { frames, seconds: 1 }) = mode.rate.filter(|_| mode.listed) else { return false };
    let exact = CameraFormat::new(Resolution::new(mode.width, mode.height), format, frames);
    let formats = [format];
    let request = RequestedFormat::with_formats(RequestedFormatType::Exact(exact), &formats);
    match nokhwa::Camera::new(CameraIndex::Index(node.index), request) {
        Ok(_closed_at_once) => true,
        Err(error) => {
            tracing::debug!("nokhwa does not set {}: {error}", node.path.display());
            false
        }
    }
}

struct CameraStream {
    name: String,
    layout: Layout,
    rate: Option<Rate>,
    /// Always there but while this is dropped.
    frames: Option<Frames>,
    /// The controls, where they are in our hands.
    steered: Option<Steered>,
    wedged: Arc<AtomicBool>,
}

impl Stream for CameraStream {
    fn describe(&self) -> String {
        let Layout { format, width, height, .. } = self.layout;
        let rate = self.rate.map_or("a rate that it does not state".to_owned(), |rate| rate.to_string());
        format!("{} {width}×{height} at {rate}", name_of(format))
    }

    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Next, CaptureError> {
        let Some(frames) = &mut self.frames else { return Ok(Next::End) };
        let broken = |error: io::Error| broken(&self.name, &error);
        if !frames.wait(stop).map_err(broken)? {
            return Ok(Next::End);
        }
        let taken = frames.take(&self.layout, frame).map_err(broken)?;
        taken.map_err(|what| CaptureError::BadFrame { source_name: self.name.clone(), what })?;
        Ok(Next::Frame)
    }

    fn steer(&mut self, seen: Seen, now_ms: u64) {
        if let Some(Err(error)) = self.steered.as_mut().map(|steered| steered.see(seen, now_ms)) {
            tracing::warn!(
                "{}: cannot be steered any more ({error}); it goes on with its own control",
                self.name
            );
            self.steered = None;
        }
    }

    /// A slow camera takes its time.
    fn patience(&self) -> Duration {
        self.rate.map_or(Duration::ZERO, Rate::period)
    }
}

impl Drop for CameraStream {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.frames.take().map(Frames::end) {
            tracing::warn!("{}: its driver does not let go: {error}", self.name);
            self.wedged.store(true, Ordering::Relaxed);
        }
    }
}

fn broken(name: &str, error: &io::Error) -> CaptureError {
    let what = match Errno::from_io_error(error) {
        Some(Errno::NODEV | Errno::NXIO) => "was unplugged".to_owned(),
        Some(Errno::IO) => "its driver gave up; check cable and power".to_owned(),
        _ => error.to_string(),
    };
    CaptureError::Broken { source_name: name.to_owned(), what }
}

fn name_of(format: PixelFormat) -> &'static str {
    match format {
        PixelFormat::Yuyv => "YUYV",
        PixelFormat::Nv12 => "NV12",
        PixelFormat::I420 => "I420",
        PixelFormat::Jpeg => "MJPEG",
        PixelFormat::Grey => "GREY",
        PixelFormat::Rgb => "RGB",
    }
}

#[cfg(test)]
#[path = "camera_tests.rs"]
mod tests;
