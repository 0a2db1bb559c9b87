//! What was changed at run time. The administrator's file is never written; changes go to `overrides.toml` in the state
//! directory, are read by the same parser, and may touch only what makes an alert: nobody can turn the daemon to another
//! broker or camera by them.

use std::io;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::layer::Layer;
use super::mistake::{ConfigErrors, Mistake, Origin};
use super::{Config, keys};
use crate::system::file;

/// Name of the file in the state directory.
pub const FILE: &str = "overrides.toml";

/// Sections that may be changed at run time.
const SECTIONS: [&str; 3] = ["perceive", "alert", keys::RUN_TIME_SECTION];
/// What the file begins with.
const HEADING: &str = "# Written by bearwatch: what was changed at run time. `bearwatch check` shows it, `bearwatch reset` removes it.\n\n";

/// The overrides of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// In force (where `--set` says nothing else), in order of name.
    pub applied: Vec<Override>,
    /// Left out, and why.
    pub refused: Vec<Mistake>,
}

/// One key that was changed at run time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Override {
    /// "alert.update_s".
    pub key: String,
    /// As written.
    pub value: String,
}

/// Where the overrides of a store's folder stand.
pub fn path(store: &Path) -> PathBuf {
    store.join(FILE)
}

/// Changes keys of the overrides of a store's folder; what stands there beside them stays, but for comments. `None` takes a key out.
/// What is no TOML is replaced: nothing of it was in force.
///
/// # Errors
/// Where the file cannot be read or written; it is then as it was.
pub fn change(store: &Path, changes: Vec<(&str, Option<Value>)>) -> io::Result<()> {
    let path = path(store);
    let mut table: Table = match std::fs::read_to_string(&path) {
        Ok(text) => text.parse().unwrap_or_default(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Table::new(),
        Err(error) => return Err(error),
    };
    for (key, value) in changes {
        let (section, leaf) = keys::split(key);
        let section = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(section) = section else { continue };
        match value {
            Some(value) => section.insert(leaf.to_owned(), value),
            None => section.remove(leaf),
        };
    }
    table.retain(|_, value| value.as_table().is_none_or(|section| !section.is_empty()));
    match table.is_empty() {
        true if path.exists() => std::fs::remove_file(&path).and_then(|()| file::sync_folder(store)),
        true => Ok(()),
        false => file::replace(&path, format!("{HEADING}{table}").as_bytes()),
    }
}

/// Reads the overrides that belong to `config`, if there are any, and assembles it anew with as many of them as are right.
pub(super) fn apply(config: Config, assemble: impl Fn(&Layer) -> Result<Config, ConfigErrors>) -> Config {
    let path = path(&config.publish.store.path);
    let name = path.display().to_string();
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return config,
        Err(error) => {
            let origin = Origin::File { name, line: None };
            let mistake =
                Mistake::new(origin, "", format!("cannot be read: {error}"), "check the file's owner");
            return with_refused(config, vec![mistake]);
        }
    };
    let (layer, refused) = permitted(Layer::overrides(&text, &name));
    let usual_threshold = config.usual_threshold;
    let (config, refused) = settle(config, layer, refused, assemble);
    with_refused(Config { usual_threshold, ..config }, refused)
}

/// Splits a file into what may be overridden and what may not. Where the text is not TOML nothing of it is trusted.
fn permitted(mut layer: Layer) -> (Layer, Vec<Mistake>) {
    let mut refused = std::mem::take(&mut layer.mistakes);
    if layer.broken {
        return (Layer::default(), refused);
    }
    layer.entries.retain(|key, entry| {
        let good = SECTIONS.contains(&keys::split(key).0);
        if !good {
            let remedy = "change it in the administrator's file";
            refused.push(Mistake::new(entry.origin.clone(), key, "cannot be changed at run time", remedy));
        }
        good
    });
    layer.sections.clear();
    (layer, refused)
}

/// Leaves out, round by round, what is out of range.
fn settle(
    base: Config,
    mut layer: Layer,
    mut refused: Vec<Mistake>,
    assemble: impl Fn(&Layer) -> Result<Config, ConfigErrors>,
) -> (Config, Vec<Mistake>) {
    while !layer.entries.is_empty() {
        match assemble(&layer) {
            Ok(mut config) => {
                let entries = layer.entries.into_iter();
                config.overrides.applied =
                    entries.map(|(key, entry)| Override { key, value: entry.raw }).collect();
                return (config, refused);
            }
            Err(errors) => {
                let before = layer.entries.len();
                layer.entries.retain(|key, _| errors.mistakes.iter().all(|mistake| mistake.key != *key));
                if layer.entries.len() == before {
                    layer.entries.clear();
                }
                refused.extend(errors.mistakes);
            }
        }
    }
    (base, refused)
}

fn with_refused(mut config: Config, refused: Vec<Mistake>) -> Config {
    for mistake in &refused {
        tracing::warn!("left out: {mistake}; `bearwatch reset` removes all overrides");
    }
    config.overrides.refused = refused;
    config
}
