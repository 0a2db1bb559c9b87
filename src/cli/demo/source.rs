//! `--source`: what a person types becomes settings of a source.

use std::path::Path;

use crate::capture::settings::{
    CameraSettings, CommandSettings, FilesSettings, MjpegSettings, SourceSettings,
};
use crate::cli::input::{ffmpeg, is_video};

/// Pictures of a folder are shown at this rate, a second, and each of them for 3 s: about as long as a bear takes to be believed.
const PICTURES_FPS: f64 = 5.0;
const FRAMES_EACH: u32 = 15;

/// Addresses of IP cameras, videos and devices are told apart by their form; everything else is a path.
pub fn parse(text: &str) -> SourceSettings {
    if text.starts_with("http://") {
        let url = text.into();
        return SourceSettings::Mjpeg(MjpegSettings { url, user: None, password_file: None });
    }
    if text.contains("://") || is_video(Path::new(text)) {
        return SourceSettings::Command(video(text));
    }
    if text.starts_with("/dev/") || text.parse::<u32>().is_ok() {
        let device = text.into();
        return SourceSettings::Camera(CameraSettings {
            device,
            width: 1280,
            height: 720,
            fps: 15,
            exposure: None,
            gain: None,
            exposure_limit: None,
        });
    }
    let path = text.into();
    SourceSettings::Files(FilesSettings { path, fps: PICTURES_FPS, repeat: false, frames_each: FRAMES_EACH })
}

/// A stream by TCP, since lost packets tear pictures; a recording at its own pace.
fn video(input: &str) -> CommandSettings {
    let options: &[&str] = if input.starts_with("rtsp://") { &["-rtsp_transport", "tcp"] } else { &["-re"] };
    ffmpeg(options, input)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_told_apart() {
        assert!(matches!(parse("/dev/video0"), SourceSettings::Camera(c) if c.device == "/dev/video0"));
        assert!(matches!(parse("2"), SourceSettings::Camera(c) if c.device == "2"));
        assert!(
            matches!(parse("http://10.0.0.7/stream"), SourceSettings::Mjpeg(m) if m.url.ends_with("stream"))
        );
        assert!(matches!(parse("pictures/"), SourceSettings::Files(f) if !f.repeat));
        let SourceSettings::Command(rtsp) = parse("rtsp://10.0.0.7/1") else { panic!("not a command") };
        assert!(rtsp.command.contains(&"tcp".to_owned()));
        let SourceSettings::Command(video) = parse("night.mp4") else { panic!("not a command") };
        assert!(video.command.contains(&"-re".to_owned()), "a file is played at its own rate");
    }
}
