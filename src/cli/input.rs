//! Paths on the command line become pictures: files, folders, and the frames of videos.

use std::path::{Path, PathBuf};

use crate::capture::pixels::read_picture;
use crate::perceive::frame::Picture;

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

impl Input {
    /// The pictures in the file, read as they are asked for.
    pub fn pictures(&self) -> Box<dyn Iterator<Item = Step> + '_> {
        if self.path.is_dir() {
            let error = format!("{}: no picture (JPEG, PNG) or video in it", self.path.display());
            return Box::new(std::iter::once(Err(error)));
        }
        let picture = read_picture(&self.path).map(|p| (p, None)).map_err(|e| e.to_string());
        Box::new(std::iter::once(picture))
    }
}
