//! What the daemon lets others know who may do more than it: a file in systemd's runtime folder says that the camera is lost.
//! bearwatch-usb-reset looks for it; without that folder (no systemd) nothing is written.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

/// The file. How long the camera has been lost shows in its age: it is written once, and stays over a restart of the daemon.
#[derive(Debug, Default)]
pub struct Distress {
    file: Option<PathBuf>,
}

impl Distress {
    /// In the folder that systemd gives us (`RuntimeDirectory=`).
    pub fn from_env() -> Distress {
        let folders = std::env::var_os("RUNTIME_DIRECTORY");
        folders.map_or_else(Distress::default, |folder| Distress::at(Path::new(&folder)))
    }

    fn at(folder: &Path) -> Distress {
        Distress { file: Some(folder.join("camera-lost")) }
    }

    /// The camera is lost, and why.
    pub fn camera_lost(&self, why: &str) {
        let Some(file) = &self.file else { return };
        let written = File::create_new(file).and_then(|mut file| writeln!(file, "{why}"));
        if let Err(error) = written
            && error.kind() != ErrorKind::AlreadyExists
        {
            tracing::warn!("{}: cannot be written: {error}; USB ports are not reset", file.display());
        }
    }

    /// The camera is there.
    pub fn camera_found(&self) {
        let Some(file) = &self.file else { return };
        if let Err(error) = fs::remove_file(file)
            && error.kind() != ErrorKind::NotFound
        {
            tracing::warn!("{}: cannot be removed: {error}; USB ports may be reset", file.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_loss_stands_until_the_camera_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("camera-lost");
        Distress::at(folder.path()).camera_lost("was unplugged");
        // A daemon that was started anew finds the file of the one before.
        let distress = Distress::at(folder.path());
        distress.camera_lost("is not there");
        assert_eq!(fs::read_to_string(&file).unwrap(), "was unplugged\n");
        distress.camera_found();
        distress.camera_found();
        assert!(!file.exists());
    }

    #[test]
    fn without_systemd_or_room_nothing_happens() {
        Distress::default().camera_lost("was unplugged");
        let distress = Distress::at(Path::new("/proc/nowhere"));
        distress.camera_lost("was unplugged");
        distress.camera_found();
    }
}
