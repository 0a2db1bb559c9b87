//! The chain of an audit log: each line bears the SHA-256 of the line before, so that a line that was changed, put in or taken out shows. PURE.
//!
//! Where the lines lie is for others to say: a camera has them in files ([`super::audit`]), a station in its database.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::term::Now;
use crate::publish::message::rfc3339;
use crate::publish::reply::Head;

/// What is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Of a camera: `command`, `page` (asked for on the aiming page), `start`, `expired`, `flood`, `torn` or `rotated`; of a station see its own.
    pub event: String,
    /// Whose command: the name of the key, or what the command said of itself.
    #[serde(skip_serializing_if = "String::is_empty", default)]
    pub who: String,
    /// Whether a signature proves that.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub signed: bool,
    /// Last level of the command's topic; at a station with the camera, or whatever else was done, and to whom.
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

/// The next line after `head`, without its end, and the head that it makes.
///
/// # Errors
/// Never for what is text; JSON's encoder has them.
pub fn link(entry: Entry, boot: &str, now: &Now, head: &Head) -> serde_json::Result<(String, Head)> {
    let line = Line {
        seq: head.seq + 1,
        time: rfc3339(now.unix_ms),
        clock_synced: now.synced,
        boot: boot.into(),
        uptime_ms: now.uptime.as_millis() as u64,
        entry,
        prev: head.sha256.clone(),
    };
    let text = serde_json::to_string(&line)?;
    let head = Head { seq: line.seq, sha256: sha256(text.as_bytes()) };
    Ok((text, head))
}

/// Of a line without its end, hexadecimal.
pub fn sha256(line: &[u8]) -> String {
    Sha256::digest(line).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What an examination of a log found.
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
    /// Where the chain breaks: where that line lies, and what is wrong.
    pub faults: Vec<String>,
}

impl Examined {
    /// Takes in the next line, without its end.
    ///
    /// # Errors
    /// What is wrong with it; it is counted all the same.
    pub fn line(&mut self, text: &[u8]) -> Result<(), String> {
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
