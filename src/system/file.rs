//! Small files that a power cut leaves whole: the old content or the new, never a part.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// Replaces the content of a file; it is on the medium when this returns. The folder is created where it is missing.
///
/// # Errors
/// Where the folder cannot be written; the old content is then untouched.
pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    // A name alone has an empty folder, which is here.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    sync_folder(folder)
}

/// Makes names in a folder durable.
///
/// # Errors
/// Where the folder cannot be opened or the medium fails.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/state");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        assert!(replace(Path::new("/proc/nowhere/state"), b"x").is_err());
    }
}
