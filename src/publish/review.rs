//! What stays on the device for somebody to look at later: alerts and their pictures, a folder beside the outbox.
//!
//! `<alert>.jsonl` holds the steps of an alert, `<alert>.jpg` the picture of its opening, `<alert>_<time>.jpg` all pictures of one that
//! nobody was told of, and `<alert>.verdict.json` what a ranger says of it.
//! Room is bounded: the oldest files go first. A disk that fails costs records, never an alert: it is told once.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::message::AlertMessage;
use super::reply::AckMessage;
use crate::system::file;

/// Name of the folder.
const FOLDER: &str = "review";

/// The folder and its room.
pub struct Review {
    folder: PathBuf,
    most_bytes: u64,
    /// Bytes in the folder, once it was looked at.
    bytes: Option<u64>,
    failed: bool,
}

/// Where the records of a store's folder stand.
pub fn folder(store: &Path) -> PathBuf {
    store.join(FOLDER)
}

/// Keeps what a ranger says of an alert beside its pictures, the newest word of it.
pub fn verdict(store: &Path, message: &AckMessage) {
    let path = folder(store).join(format!("{}.verdict.json", message.alert));
    let written =
        serde_json::to_vec(message).map_err(io::Error::from).and_then(|text| file::replace(&path, &text));
    if let Err(error) = written {
        tracing::error!("{}: {error}; the verdict is not kept", path.display());
    }
}

impl Review {
    /// Below a store's folder; `most_mb` 0 keeps nothing.
    pub fn new(store: &Path, most_mb: u64) -> Review {
        Review { folder: folder(store), most_bytes: most_mb * 1024 * 1024, bytes: None, failed: false }
    }

    /// Keeps a step.
    pub fn alert(&mut self, message: &AlertMessage) {
        let Ok(mut line) = serde_json::to_vec(message) else { return };
        line.push(b'\n');
        let name = format!("{}.jsonl", message.id);
        self.keep(line.len(), |folder| {
            let lines = OpenOptions::new().create(true).append(true).open(folder.join(name));
            lines?.write_all(&line)
        });
    }

    /// Keeps a picture of an alert, taken at `captured` (RFC 3339).
    pub fn picture(&mut self, alert: &str, captured: &str, jpeg: &[u8]) {
        let time: String = captured.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '.').collect();
        self.keep_picture(&format!("{alert}_{time}.jpg"), jpeg);
    }

    /// Keeps the picture of an alert that was told, the first one alone: the others have gone to those who were.
    pub fn first_picture(&mut self, alert: &str, jpeg: &[u8]) {
        let name = format!("{alert}.jpg");
        if !self.folder.join(&name).exists() {
            self.keep_picture(&name, jpeg);
        }
    }

    /// Under its name only when it is whole: whoever looks at the folder meanwhile takes no half of it for the picture.
    fn keep_picture(&mut self, name: &str, jpeg: &[u8]) {
        self.keep(jpeg.len(), |folder| {
            let beginning = folder.join(format!("{name}.new"));
            let whole = fs::write(&beginning, jpeg).and_then(|()| fs::rename(&beginning, folder.join(name)));
            whole.inspect_err(|_| drop(fs::remove_file(&beginning)))
        });
    }

    /// Makes room for so many bytes, and has them written.
    fn keep(&mut self, bytes: usize, write: impl FnOnce(&Path) -> io::Result<()>) {
        if self.most_bytes == 0 {
            return;
        }
        match self.room_for(bytes as u64).and_then(|()| write(&self.folder)) {
            Ok(()) => self.failed = false,
            Err(error) => {
                if !self.failed {
                    tracing::error!("{}: {error}; nothing is kept for review", self.folder.display());
                }
                self.failed = true;
            }
        }
    }

    fn room_for(&mut self, added: u64) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let held = match self.bytes {
            Some(bytes) if bytes + added <= self.most_bytes => bytes,
            _ => make_room(&self.folder, self.most_bytes.saturating_sub(added))?,
        };
        self.bytes = Some(held + added);
        Ok(())
    }
}

/// Removes the oldest files until what is left fits; tells how much that is.
fn make_room(folder: &Path, most_bytes: u64) -> io::Result<u64> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.metadata()?;
        files.push((file.modified().unwrap_or(SystemTime::UNIX_EPOCH), entry.path(), file.len()));
    }
    files.sort();
    let mut bytes: u64 = files.iter().map(|(_, _, bytes)| bytes).sum();
    for (_, path, size) in files {
        if bytes <= most_bytes {
            break;
        }
        fs::remove_file(&path)?;
        tracing::info!("{}: removed for room", path.display());
        bytes -= size;
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(store: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder(store)).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn pictures_are_kept_and_the_oldest_goes_for_room() {
        let store = tempfile::tempdir().unwrap();
        let mut review = Review::new(store.path(), 1);
        let picture = vec![0; 400_000];
        for (i, alert) in ["b1-1", "b1-2", "b1-3"].into_iter().enumerate() {
            review.picture(alert, "2026-11-25T02:14:06.500Z", &picture);
            let file = format!("{alert}_20261125T021406.500Z.jpg");
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000 + i as u64);
            fs::File::open(folder(store.path()).join(file)).unwrap().set_modified(time).unwrap();
        }
        assert_eq!(names(store.path()), ["b1-2_20261125T021406.500Z.jpg", "b1-3_20261125T021406.500Z.jpg"]);
        let mut next = Review::new(store.path(), 1);
        next.picture("b1-4", "2026-11-25T02:14:09.500Z", &picture);
        assert_eq!(names(store.path()).len(), 2, "what an earlier life kept counts");
    }

    #[test]
    fn without_room_or_without_a_disk_nothing_is_kept_and_nothing_breaks() {
        let store = tempfile::tempdir().unwrap();
        Review::new(store.path(), 0).picture("b1-1", "t", b"x");
        assert!(!folder(store.path()).exists());
        fs::write(folder(store.path()), "in the way").unwrap();
        Review::new(store.path(), 1).picture("b1-1", "t", b"x");
    }
}
