//! What an administrator may decide about the source of pictures.

use std::path::PathBuf;

/// Settings of capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where frames come from.
    pub source: SourceSettings,
    /// A source that gives no frame for so long is closed and opened anew, seconds.
    pub stall_s: f64,
    /// How far back the ring of compressed pictures reaches, seconds; 0 keeps none.
    pub history_s: f64,
    /// Most memory that it may take, megabytes.
    pub history_mb: usize,
}

/// The five sources.
#[derive(Clone, Debug, PartialEq)]
pub enum SourceSettings {
    /// A V4L2 camera by nokhwa.
    Camera(CameraSettings),
    /// A program that writes frames to its standard output.
    Command(CommandSettings),
    /// Pictures from disk.
    Files(FilesSettings),
    /// HTTP multipart stream of an IP camera.
    Mjpeg(MjpegSettings),
    /// The drawn campsite.
    Simulated(SceneSettings),
}

/// A V4L2 camera.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraSettings {
    /// Index ("0"), path ("/dev/video0") or stable link ("/dev/v4l/by-id/…").
    pub device: String,
    /// Wanted width, pixels.
    pub width: u32,
    /// Wanted height, pixels.
    pub height: u32,
    /// Wanted rate, frames a second.
    pub fps: u32,
    /// Exposure in units of 100 µs; the camera's own control where `None`.
    pub exposure: Option<i64>,
    /// Gain in the camera's units; the camera's own control where `None`.
    pub gain: Option<i64>,
    /// Exposure and gain are steered by us, and no exposure is longer than this while there is gain left, units of 100 µs.
    pub exposure_limit: Option<i64>,
}

/// How a command's output is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CommandFormat {
    /// YUV4MPEG2, 4:2:0 or mono.
    Y4m,
    /// JPEG pictures one after the other.
    Mjpeg,
    /// Frames of stated size and pixel format without any header.
    Raw,
}

/// Pixel format of raw frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RawPixels {
    /// Packed RGB.
    Rgb,
    /// Luma only.
    Grey,
    /// YUV 4:2:2 packed.
    Yuyv,
    /// YUV 4:2:0, two planes.
    Nv12,
    /// YUV 4:2:0, three planes.
    I420,
}

/// A program that writes frames to its standard output.
#[derive(Clone, Debug, PartialEq)]
pub struct CommandSettings {
    /// Program and arguments; no shell is involved.
    pub command: Vec<String>,
    /// How its output is read.
    pub format: CommandFormat,
    /// For raw output.
    pub pixels: RawPixels,
    /// For raw output, pixels.
    pub width: u32,
    /// For raw output, pixels.
    pub height: u32,
}

/// Pictures from disk.
#[derive(Clone, Debug, PartialEq)]
pub struct FilesSettings {
    /// A picture, a folder (its pictures in order of name) or a glob pattern.
    pub path: PathBuf,
    /// Frames a second.
    pub fps: f64,
    /// Begin anew after the last.
    pub repeat: bool,
    /// Frames in a row that show the same picture, at least 1. Photographs of different moments prove a bear only when each is seen for a
    /// while, as by a camera.
    pub frames_each: u32,
}

/// HTTP multipart stream of an IP camera.
#[derive(Clone, Debug, PartialEq)]
pub struct MjpegSettings {
    /// `http://host[:port]/path`.
    pub url: String,
    /// User name for HTTP basic authentication.
    pub user: Option<String>,
    /// File that holds the password.
    pub password_file: Option<PathBuf>,
}

/// The drawn campsite; every value is part of what a seed means.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneSettings {
    /// Decides everything that is random.
    pub seed: u64,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Frames a second.
    pub fps: f64,
    /// Light at the start, 0 noon … 0.5 dusk … 1 infrared night.
    pub darkness_start: f32,
    /// Light at the end.
    pub darkness_end: f32,
    /// Seconds from start to end; the scene then repeats from the start with a further seed.
    pub duration_s: f64,
    /// How many bears walk through in that time.
    pub bears: u32,
}

impl Default for SceneSettings {
    fn default() -> Self {
        SceneSettings {
            seed: 1,
            width: 640,
            height: 360,
            fps: 15.0,
            darkness_start: 0.0,
            darkness_end: 1.0,
            duration_s: 600.0,
            bears: 4,
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        let camera = CameraSettings {
            device: "0".into(),
            width: 1280,
            height: 720,
            fps: 15,
            exposure: None,
            gain: None,
            exposure_limit: None,
        };
        Settings { source: SourceSettings::Camera(camera), stall_s: 5.0, history_s: 8.0, history_mb: 8 }
    }
}
