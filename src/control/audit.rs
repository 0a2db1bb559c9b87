//! The audit log: every command with its verdict, one JSON line each, in the state directory.
//!
//! A line is on the medium before what it tells of is done. The lines are a [`chain`](super::chain): what was cut off at its end, and a log that was
//! written anew by whoever may write the folder, show against the `audit` of an answer or state that somebody kept.
//!
//! Room is bounded: a full file becomes `audit.1.jsonl`, and the oldest one goes, which the new one says in its first line.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::chain::{Entry, Examined, Line, link, sha256};
use super::term::Now;
use crate::publish::reply::Head;
use crate::system::file::sync_folder;

/// Bytes of one file.
const FILE_BYTES: u64 = 512 * 1024;
/// Files that are kept, the one that grows among them.
const FILES: usize = 4;

/// The open log.
pub struct Audit {
    folder: PathBuf,
    boot: String,
    file: Option<File>,
    bytes: u64,
    head: Head,
    limit: u64,
}

fn path(folder: &Path, age: usize) -> PathBuf {
    folder.join(if age == 0 { "audit.jsonl".into() } else { format!("audit.{age}.jsonl") })
}

impl Audit {
    /// The log of a state directory. What a power cut left of a last line is cut off and told.
    pub fn new(folder: &Path, boot: &str, now: &Now) -> Audit {
        Audit::with_limit(folder, boot, now, FILE_BYTES)
    }

    fn with_limit(folder: &Path, boot: &str, now: &Now, limit: u64) -> Audit {
        let (folder, head) = (folder.to_owned(), Head::default());
        let mut audit = Audit { folder, boot: boot.into(), file: None, bytes: 0, head, limit };
        if let Err(error) = audit.open(now) {
            tracing::error!(
                "audit log in {}: {error}; check the folder's owner and the medium",
                audit.folder.display()
            );
        }
        audit
    }

    /// Its last line.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Writes a line; it is on the medium when this returns.
    ///
    /// # Errors
    /// Where it is not. What was half-written is taken back.
    pub fn append(&mut self, entry: Entry, now: &Now) -> io::Result<()> {
        if self.file.is_none() {
            self.open(now)?;
        }
        if self.bytes >= self.limit {
            self.rotate(now)?;
        }
        self.write(entry, now)
    }

    fn write(&mut self, entry: Entry, now: &Now) -> io::Result<()> {
        let (text, head) = link(entry, &self.boot, now, &self.head)?;
        let text = format!("{text}\n").into_bytes();
        let Some(file) = &mut self.file else { return Err(io::Error::other("not open")) };
        if let Err(error) = file.write_all(&text).and_then(|()| file.sync_data()) {
            let _ = file.set_len(self.bytes);
            self.file = None;
            return Err(error);
        }
        self.bytes += text.len() as u64;
        self.head = head;
        Ok(())
    }

    fn open(&mut self, now: &Now) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let path = path(&self.folder, 0);
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        sync_folder(&self.folder)?;
        let mut text = std::fs::read(&path)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        let torn = text.len() - whole;
        if torn > 0 {
            file.set_len(whole as u64)?;
            text.truncate(whole);
        }
        self.head = self.last(&text)?;
        (self.file, self.bytes) = (Some(file), text.len() as u64);
        if torn > 0 {
            self.write(
                note("torn", format!("{torn} bytes of a line that was never whole were cut off")),
                now,
            )?;
        }
        Ok(())
    }

    /// The last line of the file, or of the one before where this one is empty.
    fn last(&self, text: &[u8]) -> io::Result<Head> {
        let older;
        let text = if text.is_empty() {
            older = read(&path(&self.folder, 1))?;
            &older
        } else {
            text
        };
        let lines: Vec<&[u8]> = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).collect();
        let Some(last) = lines.last() else { return Ok(Head::default()) };
        // What cannot be read any more is counted all the same, so that numbers never repeat.
        let numbered = lines.iter().rev().enumerate().find_map(|(after, line)| {
            serde_json::from_slice::<Line>(line).ok().map(|line| line.seq + after as u64)
        });
        Ok(Head { seq: numbered.unwrap_or(lines.len() as u64), sha256: sha256(last) })
    }

    fn rotate(&mut self, now: &Now) -> io::Result<()> {
        self.file = None;
        let dropped = read(&path(&self.folder, FILES - 1))?;
        for age in (0..FILES - 1).rev() {
            match std::fs::rename(path(&self.folder, age), path(&self.folder, age + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.open(now)?;
        let lines = dropped.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).count();
        let reason = match lines {
            0 => "a new file was begun".into(),
            _ => format!("a new file was begun; the oldest {lines} lines were removed for room"),
        };
        if lines > 0 {
            tracing::warn!("audit log: {reason}");
        }
        self.write(note("rotated", reason), now)
    }
}

fn note(event: &str, reason: String) -> Entry {
    Entry { event: event.into(), reason, ..Entry::default() }
}

/// Empty where there is no such file.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    match std::fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        other => other,
    }
}

/// Follows the chain from the oldest line to the newest.
///
/// # Errors
/// Where a file cannot be read.
pub fn examine(folder: &Path) -> io::Result<Examined> {
    let mut found = Examined::default();
    for age in (0..FILES).rev() {
        let path = path(folder, age);
        let text = read(&path)?;
        for (at, line) in text.split_inclusive(|&byte| byte == b'\n').enumerate() {
            match line.strip_suffix(b"\n") {
                Some(line) => found.line(line).unwrap_or_else(|fault| {
                    found.faults.push(format!("{}:{}: {fault}", path.display(), at + 1));
                }),
                None => found.torn = true,
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
