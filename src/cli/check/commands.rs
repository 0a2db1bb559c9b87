//! Who may command the camera, and whether the audit log of commands is whole. Silent where no command was ever taken.

use std::path::Path;

use super::Finding;
use crate::cli::exit::Exit;
use crate::config::Config;
use crate::control::audit::examine;
use crate::control::chain::Examined;
use crate::publish::message::command_topic;

/// Characters of a hash that tell it from every other one in practice.
const SHORT: usize = 16;

/// Who may command; `None` where nobody may.
pub fn taken(config: &Config) -> Option<Finding> {
    let subject = "commands";
    let what = match (config.commands.accept, config.publish.ladder.is_empty()) {
        (true, _) => "commands are taken",
        (false, false) => "acknowledgements are taken",
        (false, true) if config.commands.keys.is_empty() => return None,
        (false, true) => {
            let what = "none are taken, although command.keys is given";
            return Some(Finding::warning(
                subject,
                what,
                "add accept = true to [command], or remove the keys",
            ));
        }
    };
    let names: Vec<&str> = config.commands.keys.iter().map(|key| key.name.as_str()).collect();
    if names.is_empty() {
        let topic = command_topic(&config.site, "#");
        let what = format!("{what} from whoever may write {topic} at the broker, and by any name");
        return Some(Finding::warning(
            subject,
            what,
            "let the broker's access rules say who that is, or set command.keys",
        ));
    }
    Some(Finding::ok(subject, format!("{what}, signed by {}", names.join(", "))))
}

/// Follows the chain of a store's folder; `None` where no command was ever taken.
pub fn audit(store: &Path) -> Option<Finding> {
    let found = match examine(store) {
        Ok(found) => found,
        Err(error) => {
            let text = format!("{}: cannot be read: {error}", store.display());
            return Some(Finding::fail("audit", Exit::Io, text, "run this as the owner of the folder"));
        }
    };
    (found.lines > 0 || found.torn).then(|| judge(&found))
}

fn judge(found: &Examined) -> Finding {
    if let Some(first) = found.faults.first() {
        let more = found.faults.len() - 1;
        let more = if more > 0 { format!(" ({more} places more)") } else { String::new() };
        let remedy = "keep a copy of the files, and ask who has access to this device";
        return Finding::fail("audit", Exit::BadData, format!("the log was changed: {first}{more}"), remedy);
    }
    let hash: String = found.head.sha256.chars().take(SHORT).collect();
    let torn = if found.torn { ", and one that is being written or was torn by a power cut" } else { "" };
    let (lines, first, last) = (found.lines, found.first, found.head.seq);
    Finding::ok(
        "audit",
        format!("{lines} lines, {first} to {last}, none changed since{torn}; the last one is {hash}…"),
    )
}
