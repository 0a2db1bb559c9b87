//! Which model runs, when the daemon starts.

use std::path::PathBuf;

use super::shelf::{Memory, Placed, Shelf};
use super::signed::{Keys, SignedBundle};
use super::trial::MOST_STARTS;
use crate::infer::bundle::{Bundle, ModelError};
use crate::infer::engine::Engine;
use crate::publish::models::ModelStand;

/// What the administrator has said of models.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// The model that runs, whatever is on the shelf.
    pub path: Option<PathBuf>,
    /// Files of public keys.
    pub trusted_keys: Vec<PathBuf>,
    /// The state directory.
    pub store: PathBuf,
}

/// What runs, and what is known of the others.
pub struct Choice {
    /// The model.
    pub bundle: Bundle,
    /// The same, ready.
    pub engine: Engine,
    /// Its names.
    pub stand: ModelStand,
    /// Which is which on the shelf.
    pub memory: Memory,
    /// Whose signatures count; none where nobody can change the model.
    pub keys: Keys,
    /// Why no command changes the model.
    pub fixed: Option<String>,
}

/// Chooses, and counts a start of a model that is on trial.
///
/// # Errors
/// Where the model that the administrator has named does not run, or the carried one. What is wrong on the shelf is told and passed over: a camera
/// that watches with an older model is better than one that does not.
pub fn choose(settings: &Settings) -> Result<Choice, ModelError> {
    let fixed = |why: String| -> Result<Choice, ModelError> {
        let bundle = Bundle::open(settings.path.as_deref())?;
        let engine = Engine::load(&bundle)?;
        let (memory, keys) = (Memory::default(), Keys::default());
        Ok(Choice { stand: stand(&bundle, None), bundle, engine, memory, keys, fixed: Some(why) })
    };
    if settings.path.is_some() {
        return fixed("the administrator's file names the model ([model] path): without that line commands can change it".into());
    }
    if settings.trusted_keys.is_empty() {
        return fixed("this camera takes no models: model.trusted_keys is not configured".into());
    }
    let keys = match Keys::read(&settings.trusted_keys) {
        Ok(keys) => keys,
        Err(error) => {
            tracing::error!("{error}; until then no other model is taken, and the carried one runs");
            return fixed(error);
        }
    };
    let shelf = Shelf::new(&settings.store);
    let (mut memory, told) = shelf.memory();
    if let Some(told) = told {
        tracing::error!("{told}");
        memory.event = told;
    }
    let before = memory.clone();
    count_start(&mut memory);
    let (bundle, engine) = load(&shelf, &mut memory, &keys)?;
    if memory != before {
        if memory.event != before.event {
            tracing::warn!("{}", memory.event);
        }
        // What cannot be written down is found out again at the next start.
        if let Err(error) = shelf.keep(&memory) {
            tracing::error!("{}: {error}; which model runs cannot be written down", settings.store.display());
        }
    }
    Ok(Choice { stand: stand(&bundle, memory.running.as_ref()), bundle, engine, memory, keys, fixed: None })
}

/// What would run, without counting a start: for whoever only asks. Told why, where it is not what stands on the shelf.
///
/// # Errors
/// As [`choose`].
pub fn ask(settings: &Settings) -> Result<(Bundle, Option<String>), ModelError> {
    let carried = || Bundle::open(settings.path.as_deref());
    if settings.path.is_some() || settings.trusted_keys.is_empty() {
        return Ok((carried()?, None));
    }
    let shelf = Shelf::new(&settings.store);
    let (memory, told) = shelf.memory();
    let placed = memory.running.as_ref();
    let taken = Keys::read(&settings.trusted_keys)
        .and_then(|keys| placed.map(|placed| take_down(&shelf, placed, &keys)).transpose());
    match (taken, told) {
        (Ok(Some(signed)), _) => Ok((signed.model, None)),
        (Ok(None), told) => Ok((carried()?, told)),
        (Err(why), _) => Ok((carried()?, Some(why))),
    }
}

/// A start within the trial; one too many is a loop.
fn count_start(memory: &mut Memory) {
    let Some(starts) = &mut memory.trial else { return };
    *starts += 1;
    let version = memory.running.as_ref().map_or(0, |placed| placed.version);
    if *starts > MOST_STARTS && memory.revert() {
        memory.event = format!(
            "version {version} was taken back: the daemon started {} times within its trial; the model before runs again",
            MOST_STARTS + 1
        );
    }
}

/// The running one, or what can run instead of it.
fn load(shelf: &Shelf, memory: &mut Memory, keys: &Keys) -> Result<(Bundle, Engine), ModelError> {
    while let Some(placed) = memory.running.clone() {
        match open(shelf, &placed, keys) {
            Ok(loaded) => return Ok(loaded),
            Err(why) => {
                memory.event =
                    format!("version {} does not run: {why}; the model before runs again", placed.version);
                if !memory.revert() {
                    (memory.running, memory.trial) = (None, None);
                }
            }
        }
    }
    let bundle = Bundle::open(None)?;
    let engine = Engine::load(&bundle)?;
    Ok((bundle, engine))
}

fn open(shelf: &Shelf, placed: &Placed, keys: &Keys) -> Result<(Bundle, Engine), String> {
    let signed = take_down(shelf, placed, keys)?;
    let engine = Engine::load(&signed.model).map_err(|error| error.to_string())?;
    Ok((signed.model, engine))
}

/// A bundle that stands on the shelf, checked as on the day it came.
///
/// # Errors
/// What is wrong with it.
pub fn take_down(shelf: &Shelf, placed: &Placed, keys: &Keys) -> Result<SignedBundle, String> {
    let path = shelf.bundle(placed.version);
    let bytes = shelf.get(placed.version).map_err(|error| format!("{}: {error}", path.display()))?;
    let signed = SignedBundle::read(&bytes, keys).map_err(|error| format!("{}: {error}", path.display()))?;
    match signed.sha256 == placed.bundle {
        true => Ok(signed),
        false => Err(format!("{}: another bundle than was put there", path.display())),
    }
}

/// The names of a model.
pub fn stand(bundle: &Bundle, placed: Option<&Placed>) -> ModelStand {
    ModelStand {
        name: bundle.id.name.clone(),
        sha256: bundle.id.sha256.clone(),
        version: placed.map(|placed| placed.version),
        bundle: placed.map(|placed| placed.bundle.clone()),
    }
}
