//! How bundles come to the park: whole from a file, or piece by piece from a page. What nobody trusted has signed is not kept.

use std::path::PathBuf;

use crate::infer::succession::signed::{Keys, SignedBundle};
use crate::publish::models::{MOST_BUNDLE, PIECE};
use crate::station::people::Pen;
use crate::station::store::{Deed, Given, Store, StoreError};
use crate::system::clock::Clock;

/// Why a bundle is not taken.
#[derive(Debug, thiserror::Error)]
pub enum GiftError {
    /// It is none, or nobody trusted has signed it.
    #[error("{0}")]
    Refused(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A piece of a bundle.
pub struct Part<'a> {
    /// SHA-256 of the whole, hexadecimal.
    pub sha256: &'a str,
    /// Length of the whole.
    pub of: u64,
    /// First byte.
    pub offset: u64,
    /// The bytes.
    pub bytes: &'a [u8],
}

/// What a signed bundle is, as it is kept.
fn given(signed: &SignedBundle, bytes: u64, by: &str, now_ms: i64) -> Given {
    let manifest = &signed.manifest;
    Given {
        sha256: signed.sha256.clone(),
        name: manifest.name.clone(),
        version: manifest.version,
        model: signed.model.id.sha256.clone(),
        bytes,
        boards: manifest.boards.clone(),
        created: manifest.created.clone(),
        given_by: by.to_owned(),
        given_ms: now_ms,
    }
}

fn deed(pen: &Pen, given: &Given) -> Deed {
    let what = format!("{} version {}", given.name, given.version);
    pen.deed("bundle", &given.given_by, &what, &format!("SHA-256 {}", given.sha256))
}

/// The keys in these files, of which one must have signed each bundle.
///
/// # Errors
/// The first that cannot be read or holds no key.
pub fn keys(files: &[PathBuf]) -> Result<Keys, String> {
    Keys::read(files).map_err(|error| error.replace("model.trusted_keys", "--trusted-key"))
}

/// Without keys no signature counts, which is said before anything is sent.
pub fn objection(files: usize) -> Option<&'static str> {
    (files == 0).then_some("no key is trusted here: start the station with --trusted-key FILE, the .pub file that minisign has written")
}

/// Takes a whole bundle.
///
/// # Errors
/// Why it is not taken.
pub async fn whole(store: &Store, keys: &Keys, bytes: &[u8], by: &str) -> Result<Given, GiftError> {
    let signed = read(bytes, keys)?;
    let clock = Clock::start();
    let given = given(&signed, bytes.len() as u64, by, clock.unix_ms());
    store.take(&given, Some(bytes), &deed(&Pen::new(clock), &given)).await?;
    Ok(given)
}

fn read(bytes: &[u8], keys: &Keys) -> Result<SignedBundle, GiftError> {
    let refused =
        |reason: String| GiftError::Refused(reason.replace("model.trusted_keys", "the trusted keys"));
    SignedBundle::read(bytes, keys).map_err(refused)
}

/// Keeps a piece of one; with the last of them the bundle, where its signature is good. Tells how many bytes are here.
///
/// # Errors
/// Why it is not taken: then what came of it is forgotten.
pub async fn part(
    store: &Store,
    keys: &Keys,
    pen: &Pen,
    part: &Part<'_>,
    by: &str,
) -> Result<(u64, Option<Given>), GiftError> {
    let Part { sha256, of, offset, bytes } = *part;
    let refused = |reason: &str| Err(GiftError::Refused(reason.into()));
    let is_hash =
        sha256.len() == 64 && sha256.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
    if !is_hash || of == 0 || of > MOST_BUNDLE {
        return refused("give the SHA-256 of the file, and its length, 16 MiB at most");
    }
    let expected = PIECE.min(of.saturating_sub(offset));
    if !offset.is_multiple_of(PIECE) || bytes.len() as u64 != expected || expected == 0 {
        return refused("pieces have 32 KiB but for the last one, and begin at multiples of that");
    }
    if offset > store.have(sha256).await? {
        return refused("the pieces before this one are not here");
    }
    let now_ms = pen.clock.unix_ms();
    store.keep_piece(sha256, offset, bytes, now_ms).await?;
    let have = store.have(sha256).await?;
    if have < of {
        return Ok((have, None));
    }
    let bytes = store.bytes_of(sha256, 0, of).await?;
    let signed = match read(&bytes, keys) {
        Ok(signed) if signed.sha256 == sha256 => signed,
        Ok(_) => {
            store.drop_pieces(sha256).await?;
            return refused("what came has another SHA-256: send it again");
        }
        Err(error) => {
            store.drop_pieces(sha256).await?;
            return Err(error);
        }
    };
    let given = given(&signed, of, by, now_ms);
    store.take(&given, None, &deed(pen, &given)).await?;
    Ok((have, Some(given)))
}
