//! A bundle on its way, piece by piece: what is asked for, and what has come.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::shelf::Fetch;
use crate::publish::models::{DownloadMessage, PIECE, Piece, Want};
use crate::system::file;

/// A piece that does not come is asked for again after this …
const AGAIN: Duration = Duration::from_secs(10);
/// … and then after twice as long each time, up to this.
const MOST_AGAIN: Duration = Duration::from_secs(300);

/// What has come, and what is asked for.
pub struct Fetching {
    fetch: Fetch,
    path: PathBuf,
    have: u64,
    again: u32,
    asked_at: Duration,
}

impl Fetching {
    /// Goes on with what is in `part`, or begins.
    pub fn new(fetch: Fetch, part: &Path, now: Duration) -> Fetching {
        let found = fs::metadata(part).map_or(0, |found| found.len());
        // Of the last piece a power cut may have left the length alone. What is longer than it may be is another's.
        let have = if found <= fetch.of { found.saturating_sub(1) / PIECE * PIECE } else { 0 };
        Fetching { fetch, path: part.to_owned(), have, again: 0, asked_at: now }
    }

    /// As the command said.
    pub fn of(&self) -> &Fetch {
        &self.fetch
    }

    /// Asks for more, or for no more.
    pub fn wait(&mut self, waits: bool, now: Duration) {
        (self.fetch.waits, self.again, self.asked_at) = (waits, 0, now);
    }

    /// Asks again for what has not come.
    pub fn look(&mut self, now: Duration) {
        let patience = AGAIN.saturating_mul(1 << self.again.min(8)).min(MOST_AGAIN);
        if !self.fetch.waits && now.saturating_sub(self.asked_at) >= patience {
            (self.again, self.asked_at) = (self.again.saturating_add(1), now);
        }
    }

    /// Takes a piece, where it is the one that was asked for; it is on the medium when this returns. Tells whether it was.
    ///
    /// # Errors
    /// Where the disk takes nothing: it is asked for again.
    pub fn take(&mut self, piece: &Piece, now: Duration) -> io::Result<bool> {
        let Some(want) = self.want() else { return Ok(false) };
        let wanted = piece.bundle == self.fetch.bundle && piece.offset == want.offset;
        if !wanted || piece.bytes.len() as u64 != want.bytes {
            return Ok(false);
        }
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut part = OpenOptions::new().create(true).append(true).open(&self.path)?;
        part.set_len(self.have)?;
        part.write_all(&piece.bytes)?;
        part.sync_all()?;
        if self.have == 0 {
            file::sync_folder(folder)?;
        }
        self.have += piece.bytes.len() as u64;
        (self.again, self.asked_at) = (0, now);
        Ok(true)
    }

    /// All of it, once it is here.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub fn whole(&self) -> io::Result<Option<Vec<u8>>> {
        if self.have < self.fetch.of {
            return Ok(None);
        }
        fs::read(&self.path).map(Some)
    }

    /// As it is told.
    pub fn told(&self) -> DownloadMessage {
        let Fetch { version, ref bundle, of, .. } = self.fetch;
        DownloadMessage { version, bundle: bundle.clone(), of, have: self.have, want: self.want() }
    }

    fn want(&self) -> Option<Want> {
        let bytes = PIECE.min(self.fetch.of - self.have);
        (!self.fetch.waits && bytes > 0).then_some(Want { offset: self.have, bytes, again: self.again })
    }
}

/// Makes an empty file, so that what an earlier bundle left is not taken for a beginning of this one.
///
/// # Errors
/// Where the disk takes nothing.
pub fn begin(part: &Path) -> io::Result<()> {
    fs::create_dir_all(part.parent().unwrap_or(Path::new(".")))?;
    File::create(part)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn fetch(of: u64) -> Fetch {
        Fetch { version: 3, bundle: "ab".into(), of, waits: false }
    }

    fn piece(offset: u64, bytes: u64) -> Piece {
        Piece { bundle: "ab".into(), offset, bytes: vec![(offset / PIECE) as u8; bytes as usize] }
    }

    #[test]
    fn pieces_come_one_after_the_other_and_a_restart_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let part = folder.path().join("models/fetched.part");
        let of = 2 * PIECE + 5;
        let mut one = Fetching::new(fetch(of), &part, S(0));
        assert_eq!(one.told().want, Some(Want { offset: 0, bytes: PIECE, again: 0 }));
        for wrong in [piece(PIECE, PIECE), piece(0, 5), Piece { bundle: "cd".into(), ..piece(0, PIECE) }] {
            assert!(!one.take(&wrong, S(1)).unwrap());
        }
        assert!(one.take(&piece(0, PIECE), S(1)).unwrap());
        assert!(!one.take(&piece(0, PIECE), S(1)).unwrap(), "twice");
        assert!(one.take(&piece(PIECE, PIECE), S(1)).unwrap());
        assert_eq!(one.whole().unwrap(), None);
        let mut two = Fetching::new(fetch(of), &part, S(0));
        assert_eq!(two.told().have, PIECE, "the last piece may have been cut off");
        assert!(two.take(&piece(PIECE, PIECE), S(1)).unwrap());
        assert!(two.take(&piece(2 * PIECE, 5), S(1)).unwrap());
        let whole = two.whole().unwrap().unwrap();
        assert_eq!(
            (whole.len() as u64, whole[0], whole[PIECE as usize], whole[of as usize - 1]),
            (of, 0, 1, 2)
        );
        assert_eq!(two.told().want, None);
        begin(&part).unwrap();
        assert_eq!(Fetching::new(fetch(of), &part, S(0)).told().have, 0);
    }

    #[test]
    fn what_does_not_come_is_asked_for_again_ever_less_often_and_not_while_it_waits() {
        let folder = tempfile::tempdir().unwrap();
        let mut one = Fetching::new(fetch(9), &folder.path().join("part"), S(0));
        let mut asked = Vec::new();
        for second in 0..2000 {
            let before = one.again;
            one.look(S(second));
            asked.extend((one.again > before).then_some(second));
        }
        assert_eq!(asked[..6], [10, 30, 70, 150, 310, 610]);
        one.wait(true, S(2000));
        one.look(S(9000));
        assert_eq!(one.told().want, None);
        one.wait(false, S(9000));
        assert_eq!(one.told().want, Some(Want { offset: 0, bytes: 9, again: 0 }));
    }
}
