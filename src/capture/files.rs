//! Pictures from disk as if a camera gave them: one picture, a folder in order of name, or a glob pattern.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::pace::Pace;
use super::settings::FilesSettings;
use super::{CaptureError, Next, Source, Stream, jpeg, pixels};
use crate::perceive::frame::{Frame, Picture, PixelFormat};
use crate::system::stop::Stop;

/// Endings of the names that a folder's pictures have, in small letters.
const ENDINGS: [&str; 3] = ["jpg", "jpeg", "png"];

/// The source.
#[derive(Debug)]
pub struct Files {
    settings: FilesSettings,
}

impl Files {
    /// Nothing is touched before it is opened.
    pub fn new(settings: FilesSettings) -> Files {
        Files { settings }
    }
}

impl Source for Files {
    fn name(&self) -> String {
        format!("files {}", self.settings.path.display())
    }

    fn open(&mut self, _stop: &Stop) -> Result<Box<dyn Stream>, CaptureError> {
        let pace = Pace::new(&self.name(), self.settings.fps)?;
        let pictures = list(&self.settings.path)?;
        Ok(Box::new(FilesStream {
            settings: self.settings.clone(),
            pace,
            pictures,
            at: 0,
            shown: 0,
            scratch: Picture::default(),
        }))
    }
}

/// The pictures that `path` stands for, in order: itself, those of a folder (not of folders in it), or those that match a pattern
/// with `*`, `?`, `[…]` or `**`.
///
/// # Errors
/// [`CaptureError::Missing`] where there is none.
pub fn list(path: &Path) -> Result<Vec<PathBuf>, CaptureError> {
    let missing = |what: String, remedy: &str| CaptureError::Missing {
        source_name: path.display().to_string(),
        what,
        remedy: remedy.to_owned(),
    };
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut pictures = if path.is_dir() {
        in_folder(path).map_err(|e| missing(e.to_string(), "make the folder readable for this user"))?
    } else {
        matching(path).map_err(|what| missing(what, "correct the pattern"))?
    };
    if pictures.is_empty() {
        let what = if path.is_dir() {
            "the folder holds no .jpg, .jpeg or .png"
        } else {
            "no such file, folder or match"
        };
        return Err(missing(what.to_owned(), "check the path"));
    }
    pictures.sort();
    Ok(pictures)
}

fn in_folder(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path()));
    entries.filter(|path| path.as_ref().map_or(true, |path| is_picture(path) && !path.is_dir())).collect()
}

fn matching(pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let pattern = pattern.to_str().ok_or("a pattern must be UTF-8")?;
    let found = glob::glob(pattern).map_err(|e| e.to_string())?;
    // What may not be looked into is passed over: the rest of the pattern may still match.
    Ok(found.filter_map(Result::ok).filter(|path| path.is_file()).collect())
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

struct FilesStream {
    settings: FilesSettings,
    pace: Pace,
    pictures: Vec<PathBuf>,
    at: usize,
    /// How often the picture `at` was shown.
    shown: u32,
    scratch: Picture,
}

impl Stream for FilesStream {
    fn describe(&self) -> String {
        let order = if self.settings.repeat { "over and over" } else { "once" };
        let FilesSettings { fps, frames_each, .. } = self.settings;
        let each = if frames_each > 1 { format!(", each {frames_each} times") } else { String::new() };
        format!("{} pictures, {order}{each}, at {fps} a second", self.pictures.len())
    }

    fn patience(&self) -> Duration {
        self.pace.period()
    }

    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Next, CaptureError> {
        if self.at == self.pictures.len() {
            if !self.settings.repeat {
                return Ok(Next::End);
            }
            self.pictures = list(&self.settings.path)?;
            self.at = 0;
        }
        if self.pace.wait(stop) {
            return Ok(Next::End);
        }
        let path = &self.pictures[self.at];
        frame.name = path.display().to_string();
        let loaded = load(path, frame, &mut self.scratch);
        self.shown += 1;
        if self.shown >= self.settings.frames_each || loaded.is_err() {
            (self.at, self.shown) = (self.at + 1, 0);
        }
        loaded.map_err(|what| CaptureError::BadFrame { source_name: frame.name.clone(), what })?;
        Ok(Next::Frame)
    }
}

/// JPEGs go on as they are, so that decoding them is measured where cameras' frames are decoded; PNGs are decoded here.
fn load(path: &Path, frame: &mut Frame, scratch: &mut Picture) -> Result<(), String> {
    pixels::read_file(path, &mut frame.data)?;
    if let Some(header) = jpeg::header(&frame.data) {
        pixels::check_size(header.width, header.height)?;
        (frame.format, frame.width, frame.height) = (PixelFormat::Jpeg, header.width, header.height);
        return Ok(());
    }
    pixels::decode_still(&frame.data, scratch)?;
    (frame.format, frame.width, frame.height) = (PixelFormat::Rgb, scratch.width, scratch.height);
    std::mem::swap(&mut frame.data, &mut scratch.data);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::pixels::{encode_jpeg, to_picture};

    fn settings(path: &Path, repeat: bool) -> FilesSettings {
        FilesSettings { path: path.to_owned(), fps: 1000.0, repeat, frames_each: 1 }
    }

    fn open(path: &Path, repeat: bool) -> Box<dyn Stream> {
        Files::new(settings(path, repeat)).open(&Stop::default()).unwrap()
    }

    /// b.jpg, a.png, broken.JPG, c.jpeg, and two that are no pictures.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let jpeg = encode_jpeg(&Picture::new(32, 16), 90, 32).unwrap();
        image::RgbImage::from_pixel(5, 4, image::Rgb([1, 2, 3])).save(folder.path().join("a.png")).unwrap();
        for (name, bytes) in
            [("b.jpg", &jpeg[..]), ("c.jpeg", &jpeg), ("broken.JPG", b"nothing"), ("notes.txt", b"")]
        {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        std::fs::create_dir(folder.path().join("folder.jpg")).unwrap();
        folder
    }

    #[test]
    fn a_folder_is_played_in_order_and_a_broken_picture_is_named_and_passed_over() {
        let folder = folder();
        let (mut stream, mut frame, mut seen) = (open(folder.path(), false), Frame::empty(), Vec::new());
        loop {
            match stream.next(&mut frame, &Stop::default()) {
                Ok(Next::Frame) => seen.push((frame.name.clone(), frame.width)),
                Ok(Next::End) => break,
                Err(error) => {
                    assert!(matches!(error, CaptureError::BadFrame { .. }));
                    seen.push((error.to_string(), 0));
                }
            }
        }
        let wanted =
            [("a.png", 5), ("b.jpg", 32), ("broken.JPG: is neither JPEG nor PNG", 0), ("c.jpeg", 32)];
        let wanted = wanted.map(|(name, width)| (format!("{}/{name}", folder.path().display()), width));
        assert_eq!(seen, wanted);
    }

    #[test]
    fn png_frames_are_decoded() {
        let folder = folder();
        let (mut frame, mut picture) = (Frame::empty(), Picture::default());
        open(&folder.path().join("a.png"), false).next(&mut frame, &Stop::default()).unwrap();
        to_picture(&frame, &mut picture).unwrap();
        assert_eq!((picture.width, picture.height, picture.pixel(4, 3)), (5, 4, [1, 2, 3]));
    }

    #[test]
    fn patterns_match_and_loops_begin_anew_with_what_is_there_then() {
        let folder = folder();
        let mut stream = open(&folder.path().join("*.jpe*"), true);
        let mut frame = Frame::empty();
        let mut next = || {
            stream.next(&mut frame, &Stop::default()).unwrap();
            Path::new(&frame.name).file_name().unwrap().to_str().unwrap().to_owned()
        };
        assert_eq!(next(), "c.jpeg");
        std::fs::copy(folder.path().join("c.jpeg"), folder.path().join("d.jpeg")).unwrap();
        assert_eq!([next(), next(), next()], ["c.jpeg", "d.jpeg", "c.jpeg"]);
    }

    #[test]
    fn what_is_not_there_is_missing() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().to_owned(), folder.path().join("none.jpg"), folder.path().join("*.jpg")] {
            let error = list(&path).unwrap_err();
            assert!(matches!(&error, CaptureError::Missing { .. }), "{error}");
            assert!(error.to_string().starts_with(&path.display().to_string()), "{error}");
        }
        assert!(list(Path::new("/nowhere/[")).unwrap_err().to_string().contains("pattern"));
    }

    #[test]
    fn a_picture_may_be_shown_for_a_while_and_a_broken_one_is_told_once() {
        let folder = folder();
        let held = FilesSettings { frames_each: 3, ..settings(folder.path(), false) };
        let mut stream = Files::new(held).open(&Stop::default()).unwrap();
        let (mut frame, mut seen) = (Frame::empty(), String::new());
        loop {
            match stream.next(&mut frame, &Stop::default()) {
                Ok(Next::End) => break,
                Ok(Next::Frame) => {
                    seen.extend(Path::new(&frame.name).file_name().unwrap().to_str().unwrap().chars().next())
                }
                Err(_) => seen.push('!'),
            }
        }
        assert_eq!(seen, "aaabbb!ccc");
        assert!(stream.describe().contains("each 3 times"));
    }

    #[test]
    fn a_raised_flag_ends_the_wait() {
        let folder = folder();
        let slow = FilesSettings { fps: 0.001, ..settings(folder.path(), true) };
        let (stop, mut frame) = (Stop::default(), Frame::empty());
        let mut stream = Files::new(slow).open(&stop).unwrap();
        assert_eq!(stream.next(&mut frame, &stop).unwrap(), Next::Frame);
        stop.raise();
        assert_eq!(stream.next(&mut frame, &stop).unwrap(), Next::End);
    }
}
