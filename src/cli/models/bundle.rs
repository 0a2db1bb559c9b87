//! Signed bundles: what `models list`, `verify` and `install` say of them.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use serde::Serialize;

use super::{Common, FOLDER, SENTENCE};
use crate::cli::exit::{Exit, Failure, OrExit, Outcome};
use crate::cli::say::{Paint, plain, say, say_json};
use crate::config::Config;
use crate::infer::bundle::Bundle;
use crate::infer::engine::Engine;
use crate::infer::succession::examine::examine;
use crate::infer::succession::order::old;
use crate::infer::succession::shelf::{Memory, Placed, Shelf};
use crate::infer::succession::signed::{Keys, SignedBundle};
use crate::perceive::model::ModelSpec;
use crate::perceive::settings::Settings as Perceive;
use crate::system::file;

/// A bundle, as told.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    file: String,
    name: Option<&'a str>,
    version: Option<u64>,
    sha256: Option<&'a str>,
    bundle: Option<&'a str>,
    boards: Option<&'a [String]>,
    created: Option<&'a str>,
    /// `running`, `previous` or `challenger`, on the shelf of a camera.
    role: Option<&'static str>,
    ok: bool,
    error: Option<&'a str>,
}

/// Whether a file is one, by its name.
pub fn is_one(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension == "bwm")
}

/// The bundles of a folder, by their names; those of the configuration where none is given.
pub fn list(dir: Option<&Path>, common: &Common) -> Result<(), Failure> {
    let config = common.load()?;
    let keys = keys(config.as_ref(), &[])?;
    let (folder, memory) = match (dir, &config) {
        (Some(dir), _) => (dir.to_owned(), Memory::default()),
        (None, Some(config)) => {
            let store = &config.publish.store.path;
            (store.join(crate::infer::succession::shelf::FOLDER), Shelf::new(store).memory().0)
        }
        (None, None) => (PathBuf::from(FOLDER), Memory::default()),
    };
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(&folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    files.retain(|file| is_one(file));
    files.sort();
    for file in files {
        let read = read(&file, &keys);
        tell(&file, &read, read.as_ref().ok().and_then(|signed| role(&memory, signed)), common)?;
    }
    Ok(())
}

/// Signature, files, shapes, golden pictures, and the time that a look takes here.
pub fn verify(file: &Path, named: &[PathBuf], common: &Common) -> Outcome {
    super::present(file)?;
    let config = common.load()?;
    let keys = keys(config.as_ref(), named)?;
    let budget_ms = config.map_or_else(Perceive::default, |config| config.perceive).budget_ms;
    let checked = read(file, &keys).and_then(|signed| {
        let objection = signed.manifest.objection(&signed.model, &carried()?);
        objection.map_or(Ok(()), Err)?;
        examine(&signed, budget_ms).map(|_| signed)
    });
    tell(file, &checked, None, common)?;
    Ok(if checked.is_ok() { Exit::Ok } else { Exit::BadData })
}

/// Puts a bundle where the daemon looks for one.
pub fn install(file: &Path, common: &Common) -> Outcome {
    super::present(file)?;
    let Some(config) = common.load()? else {
        return Err(Failure::new(Exit::Config, anyhow!("which camera? give its configuration by --config")));
    };
    if config.model.path.is_some() {
        let told =
            anyhow!("[model] path names the model that runs: without that line a bundle can follow it");
        return Err(Failure::new(Exit::Config, told));
    }
    let keys = keys(Some(&config), &[])?;
    let shelf = Shelf::new(&config.publish.store.path);
    let fits = read(file, &keys).and_then(|signed| {
        let newest = shelf.memory().0.newest;
        let objection =
            old(signed.manifest.version, newest).or(signed.manifest.objection(&signed.model, &carried()?));
        objection.map_or(Ok(signed), Err)
    });
    if let Ok(signed) = &fits {
        let bytes = std::fs::read(file).or_exit(Exit::NoInput)?;
        put(&shelf.incoming(), &config.publish.store.path, &bytes)
            .map_err(|error| {
                anyhow!("{}: {error}; run this as the user that runs bearwatch", shelf.incoming().display())
            })
            .or_exit(Exit::CannotCreate)?;
        tell(file, &fits, None, common)?;
        say(&format!(
            "the daemon tries version {} out beside the running model, at once or at its next start; …/models tells how it goes",
            signed.manifest.version
        ))?;
        return Ok(Exit::Ok);
    }
    tell(file, &fits, None, common)?;
    Ok(Exit::BadData)
}

/// Whoever puts it there, it belongs to whom the state directory belongs to.
fn put(incoming: &Path, store: &Path, bytes: &[u8]) -> std::io::Result<()> {
    file::replace(incoming, bytes)?;
    let owner = std::fs::metadata(store)?;
    for path in incoming.parent().into_iter().chain([incoming]) {
        // Only root may give things away, and only root needs to.
        let _ = chown(path, Some(owner.uid()), Some(owner.gid()));
    }
    std::fs::set_permissions(incoming, std::fs::Permissions::from_mode(0o600))
}

fn keys(config: Option<&Config>, named: &[PathBuf]) -> Result<Keys, Failure> {
    let files = match (named, config) {
        ([], Some(config)) => config.model.trusted_keys.as_slice(),
        (named, _) => named,
    };
    Keys::read(files).map_err(|error| anyhow!("{error}")).or_exit(Exit::Config)
}

fn read(file: &Path, keys: &Keys) -> Result<SignedBundle, String> {
    std::fs::read(file).map_err(|error| error.to_string()).and_then(|bytes| SignedBundle::read(&bytes, keys))
}

/// What the carried model is like, which is the measure of what a bundle may be.
fn carried() -> Result<ModelSpec, String> {
    let engine = Bundle::open(None).and_then(|bundle| Engine::load(&bundle));
    engine.map(|engine| engine.spec().clone()).map_err(|error| error.to_string())
}

fn role(memory: &Memory, signed: &SignedBundle) -> Option<&'static str> {
    let is = |bundle: &str| bundle == signed.sha256;
    let placed = |placed: Option<&Placed>| placed.is_some_and(|one| is(&one.bundle));
    match memory {
        Memory { running, .. } if placed(running.as_ref()) => Some("running"),
        Memory { previous: Some(previous), .. } if placed(previous.placed()) => Some("previous"),
        Memory { challenger: Some(one), .. } if is(&one.bundle) => Some("challenger"),
        _ => None,
    }
}

fn tell(
    file: &Path,
    checked: &Result<SignedBundle, String>,
    role: Option<&'static str>,
    common: &Common,
) -> Result<(), Failure> {
    let signed = checked.as_ref().ok();
    let manifest = signed.map(|signed| &signed.manifest);
    let entry = Entry {
        file: file.display().to_string(),
        name: manifest.map(|manifest| manifest.name.as_str()),
        version: manifest.map(|manifest| manifest.version),
        sha256: signed.map(|signed| signed.model.id.sha256.as_str()),
        bundle: signed.map(|signed| signed.sha256.as_str()),
        boards: manifest.map(|manifest| manifest.boards.as_slice()),
        created: manifest.map(|manifest| manifest.created.as_str()),
        role,
        ok: signed.is_some(),
        error: checked.as_ref().err().map(String::as_str),
    };
    if common.json {
        return say_json(&entry);
    }
    let paint = Paint::of_stdout();
    say(&match (checked, &entry) {
        (Ok(signed), Entry { file, role, .. }) => {
            let (name, version) = (plain(&signed.manifest.name, SENTENCE), signed.manifest.version);
            let (boards, role) = (
                plain(&signed.manifest.boards.join(", "), SENTENCE),
                role.map_or(String::new(), |role| format!(", {role}")),
            );
            let good = paint.good("ok ");
            format!(
                "{good} {file}: {name} version {version}, for {boards}, SHA-256 {}…{role}",
                &signed.sha256[..12]
            )
        }
        (Err(error), Entry { file, .. }) => {
            format!("{} {file}: {}", paint.bad("BAD"), plain(error, 2 * SENTENCE))
        }
    })
}
