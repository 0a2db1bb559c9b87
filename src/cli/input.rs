//! Paths on the command line become pictures: files, folders, and the frames of videos.

use std::path::{Path, PathBuf};

use crate::capture::pixels::{read_picture, to_picture};
use crate::capture::settings::{CommandFormat, CommandSettings, RawPixels, SourceSettings};
use crate::capture::{self, CaptureError, Next, Stream};
use crate::perceive::frame::{Frame, Picture};
use crate::system::stop::Stop;

const PICTURES: [&str; 3] = ["jpg", "jpeg", "png"];
const VIDEOS: [&str; 8] = ["mp4", "mkv", "avi", "mov", "webm", "m4v", "y4m", "mjpeg"];

/// A file to look at.
pub struct Input {
    /// As given; for a file in a folder, the folder as given and the name.
    pub path: PathBuf,
    /// Path below the given folder, for copies.
    pub relative: PathBuf,
}

/// A picture, and for videos its number and time in seconds; or why there is none.
pub type Step = Result<(Picture, Option<(u64, f64)>), String>;

/// Folders are replaced by their pictures and videos in order of name, at every depth.
pub fn expand(paths: &[PathBuf]) -> Vec<Input> {
    paths.iter().flat_map(|path| if path.is_dir() { folder(path) } else { vec![single(path)] }).collect()
}

fn single(path: &Path) -> Input {
    Input { path: path.to_owned(), relative: path.file_name().map(PathBuf::from).unwrap_or_default() }
}

fn folder(root: &Path) -> Vec<Input> {
    let mut found = Vec::new();
    walk(root, &mut found);
    found.sort();
    let below = |path: PathBuf| Input { relative: path.strip_prefix(root).unwrap_or(&path).to_owned(), path };
    match found.is_empty() {
        // Kept as an input, so that it is reported like a file that cannot be read.
        true => vec![single(root)],
        false => found.into_iter().map(below).collect(),
    }
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            walk(&path, found);
        } else if has_extension(&path, &PICTURES) || has_extension(&path, &VIDEOS) {
            found.push(path);
        }
    }
}

/// Whether the name says that it is a video.
pub fn is_video(path: &Path) -> bool {
    has_extension(path, &VIDEOS)
}

fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    extension.is_some_and(|e| known.contains(&e.as_str()))
}

/// Every frame of a recording, as fast as they are taken. What we read ourselves needs no ffmpeg.
fn recording(path: &Path) -> CommandSettings {
    let file = path.to_string_lossy();
    let plain = |format| CommandSettings {
        command: vec!["cat".into(), file.to_string()],
        format,
        ..ffmpeg(&[], &file)
    };
    match path.extension().and_then(|e| e.to_str()) {
        Some("y4m") => plain(CommandFormat::Y4m),
        Some("mjpeg") => plain(CommandFormat::Mjpeg),
        _ => ffmpeg(&[], &file),
    }
}

/// ffmpeg decodes `input` and writes Y4M; `options` stand before the input.
pub fn ffmpeg(options: &[&str], input: &str) -> CommandSettings {
    let before = ["ffmpeg", "-nostdin", "-loglevel", "error"];
    let after = ["-i", input, "-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe", "-"];
    CommandSettings {
        command: before.iter().chain(options).chain(&after).map(|&word| word.to_owned()).collect(),
        format: CommandFormat::Y4m,
        pixels: RawPixels::I420,
        width: 0,
        height: 0,
    }
}

impl Input {
    /// The pictures in the file, read as they are asked for.
    pub fn pictures(&self) -> Box<dyn Iterator<Item = Step>> {
        if self.path.is_dir() {
            let error = format!("{}: no picture (JPEG, PNG) or video in it", self.path.display());
            return Box::new(std::iter::once(Err(error)));
        }
        if is_video(&self.path) {
            return match Video::open(&self.path) {
                Ok(video) => Box::new(video),
                Err(error) => Box::new(std::iter::once(Err(format!("{}: {error}", self.path.display())))),
            };
        }
        let picture = read_picture(&self.path).map(|p| (p, None)).map_err(|e| e.to_string());
        Box::new(std::iter::once(picture))
    }
}

/// The frames of a recording, decoded by ffmpeg.
struct Video {
    path: PathBuf,
    stream: Box<dyn Stream>,
    stop: Stop,
    frame: Frame,
    count: u64,
    over: bool,
}

impl Video {
    fn open(path: &Path) -> Result<Video, String> {
        // ffmpeg would wait for input or guess; the system's own words are clearer.
        std::fs::File::open(path).map_err(|error| error.to_string())?;
        let stop = Stop::default();
        let mut source =
            capture::open(&SourceSettings::Command(recording(path))).map_err(|error| error.to_string())?;
        let stream = source.open(&stop).map_err(|error| error.to_string())?;
        Ok(Video { path: path.to_owned(), stream, stop, frame: Frame::empty(), count: 0, over: false })
    }

    fn next_picture(&mut self) -> Result<Option<Picture>, CaptureError> {
        match self.stream.next(&mut self.frame, &self.stop)? {
            Next::End => Ok(None),
            Next::Frame => {
                let mut picture = Picture::default();
                to_picture(&self.frame, &mut picture)?;
                Ok(Some(picture))
            }
        }
    }
}

impl Iterator for Video {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        if self.over {
            return None;
        }
        match self.next_picture() {
            Ok(None) => None,
            Ok(Some(picture)) => {
                let place = (self.count, self.count as f64 / self.stream.recorded_fps().unwrap_or(25.0));
                self.count += 1;
                Some(Ok((picture, Some(place))))
            }
            Err(error) => {
                self.over = true;
                Some(Err(format!("{}: {error}", self.path.display())))
            }
        }
    }
}
