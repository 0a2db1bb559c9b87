//! Snapshots as files: named by time, camera and alert, whole or not at all.

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::publish::settings::Site;
use crate::publish::subscriber::Snapshot;

/// Longest part of a file name that a stranger decides.
const MOST: usize = 60;

/// The folder.
pub struct Album {
    folder: PathBuf,
}

impl Album {
    /// Creates the folder where it is missing, and makes sure that it can be written to.
    ///
    /// # Errors
    /// Where it cannot.
    pub fn open(folder: &Path) -> anyhow::Result<Album> {
        let told = || format!("--save {}: choose a folder that you may write to", folder.display());
        std::fs::create_dir_all(folder).with_context(told)?;
        tempfile::tempfile_in(folder).with_context(told)?;
        Ok(Album { folder: folder.to_owned() })
    }

    /// Writes a picture beside its name and moves it there when it is on disk. The same picture, sent twice, is the same file.
    ///
    /// # Errors
    /// Where the disk is full or the folder gone.
    pub fn save(&self, site: &Site, snapshot: &Snapshot) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name(site, snapshot));
        let told = || format!("{}: cannot be saved; free space, or choose another --save", path.display());
        let mut builder = tempfile::Builder::new();
        let builder = builder.prefix(".").suffix(".part").permissions(Permissions::from_mode(0o644));
        let mut file = builder.tempfile_in(&self.folder).with_context(told)?;
        file.write_all(&snapshot.jpeg).and_then(|()| file.as_file().sync_all()).with_context(told)?;
        file.persist(&path).with_context(told)?;
        Ok(path)
    }
}

/// `20261125T021407.412Z_creek_north_<alert>_<number>.jpg`: in order of time, in UTC as on the wire.
fn name(site: &Site, snapshot: &Snapshot) -> String {
    let kept = |text: &str, also: &str| -> String {
        let good = |c: &char| c.is_ascii_alphanumeric() || also.contains(*c);
        text.chars().filter(good).take(MOST).collect()
    };
    let subject = match (&snapshot.impairment, &snapshot.request) {
        (Some(impairment), _) => impairment.clone(),
        (None, Some(request)) => format!("request-{request}"),
        (None, None) if snapshot.audit.is_some() => "audit".to_owned(),
        (None, None) => snapshot.alert.clone(),
    };
    let (time, subject) = (kept(&snapshot.captured, "."), kept(&subject, "-"));
    let time = time.trim_start_matches('.');
    format!("{time}_{}_{}_{subject}_{:03}.jpg", site.name, site.camera, snapshot.seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::message::BootId;

    fn snapshot(captured: &str, alert: &str) -> Snapshot {
        let (captured, alert) = (captured.into(), alert.into());
        Snapshot {
            alert,
            impairment: None,
            request: None,
            marked: None,
            kept: None,
            audit: None,
            captured,
            boot: BootId("b".into()),
            seq: 7,
            late: false,
            jpeg: vec![0xff, 0xd8, 1],
        }
    }

    #[test]
    fn names_sort_by_time_and_lead_nowhere_else() {
        let site = Site { name: "creek".into(), camera: "north".into() };
        let good = name(&site, &snapshot("2026-11-25T02:14:07.412Z", "9f-3"));
        assert_eq!(good, "20261125T021407.412Z_creek_north_9f-3_007.jpg");
        let evil = name(&site, &snapshot("../../etc/x", "/etc/passwd\0\n"));
        assert_eq!(evil, "etcx_creek_north_etcpasswd_007.jpg");
    }

    #[test]
    fn a_picture_is_whole_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let album = Album::open(&folder.path().join("new/album")).unwrap();
        let site = Site { name: "creek".into(), camera: "north".into() };
        let first = album.save(&site, &snapshot("2026-11-25T02:14:07.412Z", "9f-3")).unwrap();
        assert_eq!(album.save(&site, &snapshot("2026-11-25T02:14:07.412Z", "9f-3")).unwrap(), first);
        assert_eq!(std::fs::read(&first).unwrap(), [0xff, 0xd8, 1]);
        assert_eq!(std::fs::read_dir(first.parent().unwrap()).unwrap().count(), 1);
        std::fs::remove_dir_all(first.parent().unwrap()).unwrap();
        assert!(album.save(&site, &snapshot("t", "a")).unwrap_err().to_string().contains("--save"));
    }
}
