//! The audit log: every command with its verdict, one JSON line each, in the state directory.
//!
//! A line is on the medium before what it tells of is done. Each bears the SHA-256 of the line before, so that a line that was
//! changed, put in or taken out shows; what was cut off at the end shows against the `audit` of an answer or state that somebody kept.
//! Whoever may write the folder can write the whole log anew: that is told by the same comparison, and by nothing else.
//!
//! Room is bounded: a full file becomes `audit.1.jsonl`, and the oldest one goes, which the new one says in its first line.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::term::Now;
use crate::publish::message::rfc3339;
use crate::publish::reply::Head;
use crate::system::file::sync_folder;

/// Bytes of one file.
const FILE_BYTES: u64 = 512 * 1024;
/// Files that are kept, the one that grows among them.
const FILES: usize = 4;

/// What is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// `command`, `page` (asked for on the aiming page), `start`, `expired`, `flood`, `torn` or `rotated`.
    pub event: String,
    /// Whose command: the name of the key, or what the command said of itself.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub who: String,
    /// Whether a signature proves that.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub signed: bool,
    /// Last level of the command's topic.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub command: String,
    /// Its payload as it came, cut where it was too large.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub payload: String,
    /// `applied` or `refused`.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub verdict: String,
    /// What was done, or why not.
    pub reason: String,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Counts from 1, over restarts.
    pub seq: u64,
    /// When, RFC 3339; no truer than `clock_synced` says.
    pub time: String,
    /// Whether the wall clock was synchronised.
    pub clock_synced: bool,
    /// Which life of the daemon.
    pub boot: String,
    /// Milliseconds since that began.
    pub uptime_ms: u64,
    /// What.
    #[serde(flatten)]
    pub entry: Entry,
    /// SHA-256 of the line before, hexadecimal; empty in the first.
    pub prev: String,
}

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

fn sha256(line: &[u8]) -> String {
    Sha256::digest(line).iter().map(|byte| format!("{byte:02x}")).collect()
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
        let line = Line {
            seq: self.head.seq + 1,
            time: rfc3339(now.unix_ms),
            clock_synced: now.synced,
            boot: self.boot.clone(),
            uptime_ms: now.uptime.as_millis() as u64,
            entry,
            prev: self.head.sha256.clone(),
        };
        let mut text = serde_json::to_vec(&line)?;
        let head = Head { seq: line.seq, sha256: sha256(&text) };
        text.push(b'\n');
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

/// What an examination of the log found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// Lines, over all files.
    pub lines: u64,
    /// Number of the first one that is kept.
    pub first: u64,
    /// The last one.
    pub head: Head,
    /// Whether the last line is not whole: a power cut, or a line that is being written.
    pub torn: bool,
    /// Where the chain breaks: file, line, what is wrong.
    pub faults: Vec<String>,
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

impl Examined {
    fn line(&mut self, text: &[u8]) -> Result<(), String> {
        let before = std::mem::replace(&mut self.head.sha256, sha256(text));
        let expected = self.head.seq + 1;
        let begins = self.lines == 0;
        self.lines += 1;
        self.head.seq = expected;
        let line: Line =
            serde_json::from_slice(text).map_err(|_| "the line was changed: it cannot be read")?;
        self.head.seq = line.seq;
        if begins {
            self.first = line.seq;
            return Ok(());
        }
        match (line.seq == expected, line.prev == before) {
            (true, true) => Ok(()),
            (true, false) => {
                Err(format!("line {} does not follow from the one before: one of them was changed", line.seq))
            }
            (false, _) => Err(format!(
                "line {} follows where {expected} should: lines were taken out or put in",
                line.seq
            )),
        }
    }
}

#[cfg(test)]
#[path = "audit_tests.rs"]
mod tests;
