//! What was changed at run time. The administrator's file is never written; changes go to `overrides.toml` in the state
//! directory, are read by the same parser, and may touch only what makes an alert: nobody can turn the daemon to another
//! broker or camera by them.

use std::path::{Path, PathBuf};

use super::layer::Layer;
use super::mistake::{ConfigErrors, Mistake, Origin};
use super::{Config, keys};

/// Name of the file in the state directory.
pub const FILE: &str = "overrides.toml";

/// Sections that may be changed at run time.
const SECTIONS: [&str; 2] = ["perceive", "alert"];

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
    let (layer, refused) = permitted(Layer::file(&text, &name));
    let (config, refused) = settle(config, layer, refused, assemble);
    with_refused(config, refused)
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
