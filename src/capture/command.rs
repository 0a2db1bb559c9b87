//! Frames from any program that writes them to its standard output: ffmpeg for RTSP cameras and video files, rpicam-vid for CSI
//! cameras, which V4L2 alone does not serve. Recipes stand in `deploy/recipes.md`.

use std::io;

use super::jpeg::{self, Cut, Cutter};
use super::pixels::{check_size, raw_bytes};
use super::program::{Output, Program};
use super::settings::{CommandFormat, CommandSettings, RawPixels};
use super::y4m::Y4m;
use super::{CaptureError, Next, Source, Stream};
use crate::perceive::frame::{Frame, PixelFormat};
use crate::system::stop::Stop;

/// Most bytes of one compressed frame, and what is read at a time.
const MOST_FRAME: usize = 32 << 20;
const CHUNK: usize = 64 << 10;

/// The source.
#[derive(Debug)]
pub struct CommandSource {
    settings: CommandSettings,
}

impl CommandSource {
    /// Nothing is started before it is opened.
    pub fn new(settings: CommandSettings) -> CommandSource {
        CommandSource { settings }
    }

    fn hopeless(&self, what: String, remedy: &str) -> CaptureError {
        CaptureError::Hopeless { source_name: self.name(), what, remedy: remedy.to_owned() }
    }

    fn layout(&self) -> Result<Layout, CaptureError> {
        match self.settings.format {
            CommandFormat::Y4m => Ok(Layout::Y4m(None)),
            CommandFormat::Mjpeg => Ok(Layout::Mjpeg(Cutter::default())),
            CommandFormat::Raw => self.raw_layout(),
        }
    }

    fn raw_layout(&self) -> Result<Layout, CaptureError> {
        let (width, height) = (self.settings.width, self.settings.height);
        check_size(width, height)
            .map_err(|what| self.hopeless(what, "set capture.width and capture.height"))?;
        let format = match self.settings.pixels {
            RawPixels::Rgb => PixelFormat::Rgb,
            RawPixels::Grey => PixelFormat::Grey,
            RawPixels::Yuyv => PixelFormat::Yuyv,
            RawPixels::Nv12 => PixelFormat::Nv12,
            RawPixels::I420 => PixelFormat::I420,
        };
        Ok(Layout::Raw { format, width, height, bytes: raw_bytes(format, width, height).unwrap_or(0) })
    }
}

impl Source for CommandSource {
    fn name(&self) -> String {
        format!("command {}", self.settings.command.first().map_or("(none)", String::as_str))
    }

    fn is_live(&self) -> bool {
        true
    }

    fn open(&mut self, _stop: &Stop) -> Result<Box<dyn Stream>, CaptureError> {
        let layout = self.layout()?;
        let Some((program, arguments)) = self.settings.command.split_first() else {
            return Err(self.hopeless("no command is given".to_owned(), "set capture.command"));
        };
        let program = Program::start(program, arguments).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied => {
                self.hopeless(error.to_string(), "install the program or correct capture.command")
            }
            _ => CaptureError::Unavailable {
                source_name: self.name(),
                what: error.to_string(),
                remedy: "free memory or processes".to_owned(),
            },
        })?;
        Ok(Box::new(CommandStream { name: self.name(), program, layout, held: Vec::new(), from: 0 }))
    }
}

/// How the output is cut into frames.
#[derive(Debug)]
enum Layout {
    /// With the header once it is read.
    Y4m(Option<Y4m>),
    Mjpeg(Cutter),
    Raw {
        format: PixelFormat,
        width: u32,
        height: u32,
        bytes: usize,
    },
}

struct CommandStream {
    name: String,
    program: Program,
    layout: Layout,
    /// Bytes that were read and not yet used, from `from` on.
    held: Vec<u8>,
    from: usize,
}

/// Why a read gave no bytes.
enum Short {
    Stopped,
    /// The output ended; how many bytes of the frame were there.
    Ended(usize),
    Failed(CaptureError),
}

impl Stream for CommandStream {
    fn describe(&self) -> String {
        match &self.layout {
            Layout::Y4m(Some(header)) => format!("Y4M {}×{}", header.width, header.height),
            Layout::Y4m(None) => "Y4M".to_owned(),
            Layout::Mjpeg(_) => "MJPEG".to_owned(),
            Layout::Raw { format, width, height, .. } => format!("raw {format:?} {width}×{height}"),
        }
    }

    fn recorded_fps(&self) -> Option<f64> {
        let Layout::Y4m(Some(Y4m { rate: Some((over, under)), .. })) = self.layout else { return None };
        Some(f64::from(over) / f64::from(under))
    }

    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Next, CaptureError> {
        self.program.listen();
        match self.read_frame(frame, stop) {
            Ok(()) => Ok(Next::Frame),
            Err(Short::Stopped) => Ok(Next::End),
            Err(Short::Failed(error)) => Err(error),
            Err(Short::Ended(bytes)) => self.ended(bytes),
        }
    }
}

impl CommandStream {
    fn read_frame(&mut self, frame: &mut Frame, stop: &Stop) -> Result<(), Short> {
        match &self.layout {
            Layout::Mjpeg(_) => return self.read_jpeg(frame, stop),
            Layout::Raw { format, width, height, bytes } => {
                let bytes = *bytes;
                (frame.format, frame.width, frame.height) = (*format, *width, *height);
                return self.read_exact(&mut frame.data, bytes, stop);
            }
            Layout::Y4m(_) => {}
        }
        let header = self.y4m_header(stop)?;
        let mark = self.read_line(stop)?;
        if !mark.starts_with("FRAME") {
            return Err(Short::Failed(self.broken("lost the beginning of a Y4M frame".to_owned())));
        }
        (frame.format, frame.width, frame.height) = (header.format, header.width, header.height);
        self.read_exact(&mut frame.data, header.bytes(), stop).map_err(|short| match short {
            Short::Ended(bytes) => Short::Ended(bytes + mark.len()),
            other => other,
        })
    }

    fn y4m_header(&mut self, stop: &Stop) -> Result<Y4m, Short> {
        if let Layout::Y4m(Some(header)) = &self.layout {
            return Ok(*header);
        }
        let line = self.read_line(stop)?;
        let header = Y4m::parse(&line).map_err(|what| {
            Short::Failed(CaptureError::Hopeless {
                source_name: self.name.clone(),
                what,
                remedy: "let it write Y4M in 4:2:0 or grey (ffmpeg: -pix_fmt yuv420p -f yuv4mpegpipe)"
                    .to_owned(),
            })
        })?;
        self.layout = Layout::Y4m(Some(header));
        Ok(header)
    }

    /// A line of a Y4M header, without its end.
    fn read_line(&mut self, stop: &Stop) -> Result<String, Short> {
        const LONGEST: usize = 1000;
        loop {
            let held = &self.held[self.from..];
            if let Some(end) = held.iter().take(LONGEST).position(|&byte| byte == b'\n') {
                let line = String::from_utf8_lossy(&held[..end]).into_owned();
                self.from += end + 1;
                return Ok(line);
            }
            if held.len() >= LONGEST {
                return Err(Short::Failed(self.broken("its output is not Y4M".to_owned())));
            }
            self.read_more(stop)?;
        }
    }

    fn read_jpeg(&mut self, frame: &mut Frame, stop: &Stop) -> Result<(), Short> {
        loop {
            let Layout::Mjpeg(cutter) = &mut self.layout else { return Err(Short::Stopped) };
            let held = &self.held[self.from..];
            match cutter.cut(held) {
                Cut::Torn(bytes) => {
                    let began = held.starts_with(&jpeg::START);
                    self.from += bytes;
                    if began {
                        return Err(Short::Failed(self.bad("a JPEG that breaks off")));
                    }
                }
                Cut::Picture(bytes) => {
                    frame.data.clear();
                    frame.data.extend_from_slice(&held[..bytes]);
                    self.from += bytes;
                    return self.name_size(frame);
                }
                Cut::More if held.len() > MOST_FRAME => {
                    let what = format!("no JPEG ended within {} MB", MOST_FRAME >> 20);
                    return Err(Short::Failed(self.broken(what)));
                }
                Cut::More => self.read_more(stop)?,
            }
        }
    }

    fn name_size(&self, frame: &mut Frame) -> Result<(), Short> {
        let header =
            jpeg::header(&frame.data).ok_or_else(|| Short::Failed(self.bad("a JPEG without size")))?;
        (frame.format, frame.width, frame.height) = (PixelFormat::Jpeg, header.width, header.height);
        Ok(())
    }

    /// Exactly `bytes` bytes into `data`: first those that are held, then straight from the program.
    fn read_exact(&mut self, data: &mut Vec<u8>, bytes: usize, stop: &Stop) -> Result<(), Short> {
        data.resize(bytes, 0);
        let mut filled = bytes.min(self.held.len() - self.from);
        data[..filled].copy_from_slice(&self.held[self.from..self.from + filled]);
        self.from += filled;
        while filled < bytes {
            filled += self.read(&mut data[filled..], stop, filled)?;
        }
        Ok(())
    }

    /// Reads a chunk behind the held bytes.
    fn read_more(&mut self, stop: &Stop) -> Result<(), Short> {
        self.held.drain(..self.from);
        self.from = 0;
        let had = self.held.len();
        let mut held = std::mem::take(&mut self.held);
        held.resize(had + CHUNK, 0);
        let read = self.read(&mut held[had..], stop, had);
        held.truncate(had + read.as_ref().map_or(0, |bytes| *bytes));
        self.held = held;
        read.map(|_| ())
    }

    fn read(&mut self, into: &mut [u8], stop: &Stop, had: usize) -> Result<usize, Short> {
        match self.program.read(into, stop) {
            Ok(Output::Bytes(bytes)) => Ok(bytes),
            Ok(Output::Closed) => Err(Short::Ended(had)),
            Ok(Output::Stopped) => Err(Short::Stopped),
            Err(error) => Err(Short::Failed(self.broken(error.to_string()))),
        }
    }

    /// The output ended: well, where the program did after a whole frame.
    fn ended(&mut self, bytes: usize) -> Result<Next, CaptureError> {
        let status = self.program.end().map_err(|error| self.broken(error.to_string()))?;
        if status.success() && bytes == 0 {
            return Ok(Next::End);
        }
        let cut = if bytes > 0 { ", in the middle of a frame" } else { "" };
        let words = self.program.last_words();
        let said = if words.is_empty() { String::new() } else { format!("; it said: {words}") };
        Err(self.broken(format!("ended with {status}{cut}{said}")))
    }

    fn bad(&self, what: &str) -> CaptureError {
        CaptureError::BadFrame { source_name: self.name.clone(), what: what.to_owned() }
    }

    fn broken(&self, what: String) -> CaptureError {
        CaptureError::Broken { source_name: self.name.clone(), what }
    }
}
