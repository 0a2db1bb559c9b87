//! A device node through v4l, of which only this file knows.

use std::io;
use std::time::Duration;

use v4l::buffer::{Flags, Type};
use v4l::capability::Flags as Abilities;
use v4l::control::{Control, Value};
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::prelude::MmapStream;
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Format, FourCC, Fraction};

use super::layout::Layout;
use super::mode::{FORMATS, Mode, Range, Rate};
use super::node::Node;
use super::steered::Held;
use super::steering::{Setting, Span};
use crate::capture::settings::CameraSettings;
use crate::perceive::frame::Frame;
use crate::system::stop::Stop;

/// Buffers between the driver and us: one that we hold, the others being filled.
const BUFFERS: u32 = 4;
/// Most buffers that a kernel gives.
const MOST_BUFFERS: usize = 32;
/// How often the flag is looked at while the camera is silent.
const TICK_MS: i32 = 100;
/// poll(2): there is something to read. The same number on every Linux.
const READABLE: i16 = 1;

/// V4L2's numbers of the controls that we set.
const AUTO_GAIN: u32 = 0x0098_0912;
const GAIN: u32 = 0x0098_0913;
const ANALOGUE_GAIN: u32 = 0x009E_0903;
const AUTO_EXPOSURE: u32 = 0x009A_0901;
const EXPOSURE_100_US: u32 = 0x009A_0902;
/// Values of [`AUTO_EXPOSURE`].
const EXPOSURE_AUTO: i64 = 0;
const EXPOSURE_MANUAL: i64 = 1;
const EXPOSURE_APERTURE_PRIORITY: i64 = 3;

/// An open node.
pub struct Device(v4l::Device);

impl Device {
    /// Opens a node; nothing is set.
    ///
    /// # Errors
    /// As the system gives them.
    pub fn open(node: &Node) -> io::Result<Device> {
        v4l::Device::with_path(&node.path).map(Device)
    }

    /// Why it gives no pictures; `None` for a camera.
    ///
    /// # Errors
    /// As the system gives them: ENOTTY for what is no V4L2 device.
    pub fn problem(&self) -> io::Result<Option<&'static str>> {
        let abilities = self.0.query_caps()?.capabilities;
        Ok(if abilities.contains(Abilities::VIDEO_CAPTURE | Abilities::STREAMING) {
            None
        } else if abilities.contains(Abilities::VIDEO_CAPTURE_MPLANE) {
            Some(
                "gives pictures in several planes, which only ffmpeg or rpicam-vid read (source = \"command\")",
            )
        } else {
            Some("gives no pictures: it is a node of metadata or of a decoder")
        })
    }

    /// Everything that the camera offers, near to what is wanted where it offers a range.
    pub fn modes(&self, wanted: &CameraSettings) -> Vec<Mode> {
        let mut modes = Vec::new();
        for offered in self.0.enum_formats().unwrap_or_default() {
            for (width, height, listed) in self.sizes(offered.fourcc, wanted) {
                let fourcc = offered.fourcc.repr;
                let rates = self.rates(offered.fourcc, width, height, wanted.fps);
                let mode = |(rate, too)| Mode { fourcc, width, height, rate, listed: listed && too };
                modes.extend(rates.into_iter().map(mode));
            }
        }
        modes
    }

    /// The sizes of a format, and whether the camera lists them; the wanted size where it says nothing.
    fn sizes(&self, fourcc: FourCC, wanted: &CameraSettings) -> Vec<(u32, u32, bool)> {
        let size = |size: FrameSizeEnum| match size {
            FrameSizeEnum::Discrete(size) => (size.width, size.height, true),
            FrameSizeEnum::Stepwise(s) => (
                Range { least: s.min_width, most: s.max_width, step: s.step_width }.nearest(wanted.width),
                Range { least: s.min_height, most: s.max_height, step: s.step_height }.nearest(wanted.height),
                false,
            ),
        };
        let sizes = self.0.enum_framesizes(fourcc).unwrap_or_default();
        let sizes: Vec<_> = sizes.into_iter().map(|found| size(found.size)).collect();
        if sizes.is_empty() { vec![(wanted.width, wanted.height, false)] } else { sizes }
    }

    /// The rates of a size, and whether the camera lists them; one unknown rate where it states none.
    fn rates(&self, fourcc: FourCC, width: u32, height: u32, wanted_fps: u32) -> Vec<(Option<Rate>, bool)> {
        let of = |time: Fraction| Rate::of_interval(time.numerator, time.denominator);
        let rate = |interval: FrameIntervalEnum| match interval {
            FrameIntervalEnum::Discrete(time) => (of(time), true),
            FrameIntervalEnum::Stepwise(range) => {
                let ends = of(range.max).zip(of(range.min));
                (ends.map(|(slowest, fastest)| Rate::whole(wanted_fps).within(slowest, fastest)), false)
            }
        };
        let intervals = self.0.enum_frameintervals(fourcc, width, height).unwrap_or_default();
        let rates: Vec<_> = intervals.into_iter().map(|found| rate(found.interval)).collect();
        if rates.is_empty() { vec![(None, true)] } else { rates }
    }

    /// Sets a mode; the driver may take something near, see [`Device::got`].
    ///
    /// # Errors
    /// As the system gives them: EBUSY where another program streams.
    pub fn set(&self, mode: &Mode, wanted_fps: u32) -> io::Result<()> {
        self.0.set_format(&Format::new(mode.width, mode.height, FourCC::new(&mode.fourcc)))?;
        let rate = mode.rate.unwrap_or(Rate::whole(wanted_fps));
        // Cameras without a rate to be set answer with an error and give frames all the same.
        if let Err(error) = self.0.set_params(&Parameters::new(Fraction::new(rate.seconds, rate.frames))) {
            tracing::debug!("the rate is not set: {error}");
        }
        Ok(())
    }

    /// The mode that is set, and its rate where the camera says it.
    ///
    /// # Errors
    /// As the system gives them, and where the format is none that is read here.
    pub fn got(&self) -> io::Result<(Layout, Option<Rate>)> {
        let Format { fourcc, width, height, stride, .. } = self.0.format()?;
        let known = FORMATS.iter().find(|(code, _)| *code == fourcc.repr);
        let (_, format) = *known.ok_or_else(|| io::Error::other(format!("it took {fourcc} instead")))?;
        let interval = self.0.params().ok().map(|params| params.interval);
        let rate = interval.and_then(|time| Rate::of_interval(time.numerator, time.denominator));
        Ok((Layout { format, width, height, stride }, rate))
    }

    /// Sets the exposure by hand, in units of 100 µs, or leaves it to the camera again.
    ///
    /// # Errors
    /// As the system gives them: EINVAL where the camera has no such control.
    pub fn set_exposure(&self, exposure: Option<i64>) -> io::Result<()> {
        if let Some(exposure) = exposure {
            self.control(AUTO_EXPOSURE, EXPOSURE_MANUAL)?;
            return self.control(EXPOSURE_100_US, exposure);
        }
        // An earlier run may have left it in manual mode.
        match self.0.control(AUTO_EXPOSURE) {
            Ok(Control { value: Value::Integer(EXPOSURE_MANUAL), .. }) => self
                .control(AUTO_EXPOSURE, EXPOSURE_APERTURE_PRIORITY)
                .or_else(|_| self.control(AUTO_EXPOSURE, EXPOSURE_AUTO)),
            _ => Ok(()),
        }
    }

    /// Sets the gain by hand, in the camera's units, or leaves it to the camera again.
    ///
    /// # Errors
    /// As the system gives them: EINVAL where the camera has no such control.
    pub fn set_gain(&self, gain: Option<i64>) -> io::Result<()> {
        // Many cameras have no automatic gain to be switched.
        let _ = self.0.set_control(Control { id: AUTO_GAIN, value: Value::Boolean(gain.is_none()) });
        let Some(gain) = gain else { return Ok(()) };
        self.control(GAIN, gain).or_else(|error| self.control(ANALOGUE_GAIN, gain).map_err(|_| error))
    }

    /// Takes exposure and gain out of the camera's hands.
    ///
    /// # Errors
    /// As the system gives them: EINVAL where the camera has no such control.
    pub fn take_over(&self) -> io::Result<Held> {
        let exposure_now = self.integer(EXPOSURE_100_US)?;
        self.control(AUTO_EXPOSURE, EXPOSURE_MANUAL)?;
        let exposure = self.span(EXPOSURE_100_US)?;
        // Many cameras have no automatic gain to be switched.
        let _ = self.0.set_control(Control { id: AUTO_GAIN, value: Value::Boolean(false) });
        let gain_now = self.integer(GAIN).or_else(|_| self.integer(ANALOGUE_GAIN)).ok();
        let gain = self.span(GAIN).or_else(|_| self.span(ANALOGUE_GAIN)).ok();
        Ok(Held { now: Setting { exposure: exposure_now, gain: gain_now }, exposure, gain })
    }

    /// Sets what is in our hands.
    ///
    /// # Errors
    /// As the system gives them.
    pub fn expose(&self, setting: Setting) -> io::Result<()> {
        self.control(EXPOSURE_100_US, setting.exposure)?;
        setting.gain.map_or(Ok(()), |gain| self.set_gain(Some(gain)))
    }

    /// Gives both back to the camera, as far as it takes them.
    pub fn let_go(&self) {
        let _ = self.set_exposure(None);
        let _ = self.set_gain(None);
    }

    /// The ends of a control, found by asking for more than any camera has, and for nothing: drivers cut it to what there is (a negative
    /// number uvcvideo takes for a large one). For v4l tells ends only in a list of all controls, and panics at some that newer kernels have.
    fn span(&self, id: u32) -> io::Result<Span> {
        let end = |asked: i32| {
            self.control(id, i64::from(asked))?;
            self.integer(id)
        };
        Ok(Span { most: end(i32::MAX)?, least: end(0)? })
    }

    fn integer(&self, id: u32) -> io::Result<i64> {
        match self.0.control(id)?.value {
            Value::Integer(value) => Ok(value),
            other => Err(io::Error::other(format!("control {id:#x} is no number: {other:?}"))),
        }
    }

    fn control(&self, id: u32, value: i64) -> io::Result<()> {
        self.0.set_control(Control { id, value: Value::Integer(value) })
    }

    /// Begins to stream. All buffers but the first are given to the driver here, because v4l's `next` gives back the one that we
    /// hold before it takes another: from the start, one may then wait for a frame without calling it.
    ///
    /// # Errors
    /// As the system gives them: EBUSY where another program streams.
    pub fn stream(&self) -> io::Result<Frames> {
        let mut stream = MmapStream::with_buffers(&self.0, Type::VideoCapture, BUFFERS)?;
        stream.set_timeout(Duration::from_millis(TICK_MS as u64));
        CaptureStream::queue(&mut stream, 1)?;
        // Drivers may have given more buffers or fewer.
        for index in 2..MOST_BUFFERS {
            if CaptureStream::queue(&mut stream, index).is_err() {
                break;
            }
        }
        stream.start()?;
        Ok(Frames(stream))
    }
}

/// A running stream. To be ended by [`Frames::end`]: v4l panics in `drop` where a stream cannot be stopped.
pub struct Frames(MmapStream<'static>);

impl Frames {
    /// Waits for a frame, or an error to be read; `false` once the flag is raised.
    ///
    /// # Errors
    /// As the system gives them.
    pub fn wait(&self, stop: &Stop) -> io::Result<bool> {
        let handle = self.0.handle();
        while !stop.is_raised() {
            match handle.poll(READABLE, TICK_MS) {
                Ok(0) => {}
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Takes the frame that was waited for. Inside: what is wrong with its bytes.
    ///
    /// # Errors
    /// As the system gives them; the stream is then of no more use.
    pub fn take(&mut self, layout: &Layout, frame: &mut Frame) -> io::Result<Result<(), String>> {
        let (bytes, meta) = CaptureStream::next(&mut self.0)?;
        if meta.flags.contains(Flags::ERROR) {
            return Ok(Err("the driver marks the frame as damaged".to_owned()));
        }
        Ok(layout.fill(&bytes[..bytes.len().min(meta.bytesused as usize)], frame))
    }

    /// Stops it and gives its buffers back.
    ///
    /// # Errors
    /// Where the driver does not let go; the buffers then stay with this process until it ends.
    pub fn end(mut self) -> io::Result<()> {
        let stopped = self.0.stop();
        match &stopped {
            // An unplugged camera: there is nothing to be stopped, and v4l knows it.
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::NODEV.raw_os_error()) => {
                std::mem::forget(self.0);
                stopped
            }
            _ => Ok(()),
        }
    }
}
