//! The form of a bundle on disk: an uncompressed tar with one way of being written, so that a file that differs in any byte, padding included, is
//! another one. PURE.

use std::io::Read;

use tar::{Archive, Builder, EntryType, Header};

/// Most files of a bundle: nobody needs more, and nothing is allocated for a file that claims more.
const MOST_FILES: usize = 64;

/// A file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// With forward slashes: `golden/day.jpg`.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Writes files in their order; the same files always give the same bytes.
///
/// # Errors
/// Where a name does not fit into a header of tar (100 bytes).
pub fn write(files: &[File]) -> std::io::Result<Vec<u8>> {
    let mut builder = Builder::new(Vec::new());
    for File { name, bytes } in files {
        let mut header = Header::new_ustar();
        header.set_path(name)?;
        header.set_entry_type(EntryType::Regular);
        header.set_mode(0o644);
        header.set_size(bytes.len() as u64);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        builder.append(&header, bytes.as_slice())?;
    }
    builder.into_inner()
}

/// Reads what [`write()`] has written; `None` for everything else, be it a tar.
pub fn read(bytes: &[u8]) -> Option<Vec<File>> {
    let mut files = Vec::new();
    for entry in Archive::new(bytes).entries().ok()? {
        let mut entry = entry.ok()?;
        let name = entry.path().ok()?.to_str()?.to_owned();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).ok()?;
        files.push(File { name, bytes });
        if files.len() > MOST_FILES {
            return None;
        }
    }
    (write(&files).ok()? == bytes).then_some(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> Vec<File> {
        let file = |name: &str, bytes: &[u8]| File { name: name.into(), bytes: bytes.to_vec() };
        vec![file("manifest.json", b"{}"), file("model.onnx", &[7; 700]), file("golden/day.jpg", b"")]
    }

    #[test]
    fn what_is_written_is_read_again_and_is_the_same_each_time() {
        let bytes = write(&files()).unwrap();
        assert_eq!(bytes, write(&files()).unwrap());
        assert_eq!(read(&bytes), Some(files()));
        assert_eq!(bytes.len() % 512, 0);
    }

    #[test]
    fn a_byte_more_less_or_changed_is_another_bundle_or_none() {
        let bytes = write(&files()).unwrap();
        for cut in [0, 1, 511, 512, 1024, bytes.len() - 1024, bytes.len() - 1] {
            assert_ne!(read(&bytes[..cut]), Some(files()), "cut at {cut}");
        }
        assert_eq!(read(&[bytes.as_slice(), &[0]].concat()), None);
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            assert_ne!(read(&other), Some(files()), "byte {at}");
        }
    }

    proptest::proptest! {
        #[test]
        fn junk_is_none(bytes in proptest::collection::vec(0u8.., 0..2000)) {
            proptest::prop_assert!(read(&bytes).is_none_or(|files| files.is_empty()));
        }
    }
}
