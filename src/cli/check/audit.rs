//! Whether the audit log of commands is whole.

use std::path::Path;

use super::Finding;
use crate::cli::exit::Exit;
use crate::control::audit::{Examined, examine};

const SUBJECT: &str = "audit";
/// Characters of a hash that tell it from every other one in practice.
const SHORT: usize = 16;

/// Follows the chain of a store's folder; `None` where no command was ever taken.
pub fn check(store: &Path) -> Option<Finding> {
    let found = match examine(store) {
        Ok(found) => found,
        Err(error) => {
            let text = format!("{}: cannot be read: {error}", store.display());
            return Some(Finding::fail(SUBJECT, Exit::Io, text, "run this as the owner of the folder"));
        }
    };
    (found.lines > 0 || found.torn).then(|| judge(&found))
}

fn judge(found: &Examined) -> Finding {
    if let Some(first) = found.faults.first() {
        let more = found.faults.len() - 1;
        let more = if more > 0 { format!(" ({more} places more)") } else { String::new() };
        let remedy = "keep a copy of the files, and ask who has access to this device";
        return Finding::fail(SUBJECT, Exit::BadData, format!("the log was changed: {first}{more}"), remedy);
    }
    let hash: String = found.head.sha256.chars().take(SHORT).collect();
    let torn = if found.torn { ", and one that is being written or was torn by a power cut" } else { "" };
    let (lines, first, last) = (found.lines, found.first, found.head.seq);
    Finding::ok(
        SUBJECT,
        format!("{lines} lines, {first} to {last}, none changed since{torn}; the last one is {hash}…"),
    )
}
