//! `bearwatch models`: which models are here, what they are, and whether they can be trusted.

use std::path::{Path, PathBuf};

use anyhow::anyhow;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::exit::{Exit, Failure, OrExit, Outcome};
use super::say::{Paint, plain, say, say_json};
use crate::config::Config;
use crate::infer::bundle::{Bundle, ModelError};
use crate::infer::engine::Engine;

mod bundle;
mod card;
#[cfg(feature = "station")]
mod pack;

/// Where models are looked for when nothing else is said.
const FOLDER: &str = "/var/lib/bearwatch/models";
const CONFIG: &str = "/etc/bearwatch.toml";
/// Longest sentence that is shown of a card, which anybody may have written.
const SENTENCE: usize = 300;

/// List, show and verify models: the one that the program carries, and those on disk.
#[derive(Debug, Args)]
#[command(after_help = "\
A model is two files, NAME.onnx and its card NAME.json, or a signed bundle, NAME-<version>.bwm, which
a running camera takes in. Without FILE or DIR the commands take the folder of [model] path in the
configuration, or /var/lib/bearwatch/models.

Examples:
  bearwatch models list
  bearwatch models show                          the card of the embedded model
  bearwatch models show new/bearwatch-nano.onnx --json
  bearwatch models verify new/                   before [model] path names it
  bearwatch models key park                      a key pair for bundles: park.key, park.pub
  bearwatch models pack new.onnx --secret-key park.key --version 7
  bearwatch models verify new-7.bwm --key park.pub
  sudo -u bearwatch bearwatch models install new-7.bwm   for the camera on this board to try out

Exit codes: 0 all well · 65 a model is damaged, or not one that bearwatch can run · 66 there is no
such file or folder, or no model in it · 73 a file cannot be made · 78 the configuration is wrong")]
pub struct ModelsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// One line a model: the embedded one, and those in a folder
    List {
        /// Folder to look into
        dir: Option<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// The card of a model
    Show {
        /// NAME.onnx [default: the embedded model]
        file: Option<PathBuf>,
        /// The card as it is
        #[arg(long)]
        json: bool,
    },
    /// Check hash, card, shapes and classes, and run each model once
    Verify {
        /// NAME.onnx or a folder [default: the embedded model and the folder of the configuration]
        path: Option<PathBuf>,
        /// Public keys that bundles may be signed with [default: model.trusted_keys of the configuration]
        #[arg(long, value_name = "FILE.pub")]
        key: Vec<PathBuf>,
        #[command(flatten)]
        common: Common,
    },
    /// Give a bundle to the camera on this board: it tries it out beside the running model
    Install {
        /// NAME-<version>.bwm
        file: PathBuf,
        #[command(flatten)]
        common: Common,
    },
    /// Make a bundle of a model, with golden pictures, and sign it
    #[cfg(feature = "station")]
    Pack(pack::PackArgs),
    /// Make a key pair for bundles: NAME.key, which signs, and NAME.pub, which cameras trust
    #[cfg(feature = "station")]
    Key(pack::KeyArgs),
}

#[derive(Debug, Args)]
struct Common {
    /// Configuration file whose [model] path says where models are [default: /etc/bearwatch.toml where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One JSON line a model
    #[arg(long)]
    json: bool,
}

impl Common {
    /// The configuration, where there is one. A broken one only matters where it was asked for.
    fn load(&self) -> Result<Option<Config>, Failure> {
        match &self.config {
            Some(file) => Config::load(file, &[]).or_exit(Exit::Config).map(Some),
            None if !Path::new(CONFIG).exists() => Ok(None),
            None => Ok(Config::load(Path::new(CONFIG), &[]).ok()),
        }
    }

    /// The model that is configured, if any.
    fn configured(&self) -> Result<Option<PathBuf>, Failure> {
        Ok(self.load()?.and_then(|config| config.model.path))
    }
}

/// One model, as told.
#[derive(Debug, Serialize)]
struct Entry {
    /// Null for the embedded one.
    file: Option<String>,
    name: Option<String>,
    sha256: Option<String>,
    format: Option<String>,
    ok: bool,
    /// What is wrong.
    error: Option<String>,
    /// Whether it is the one that `run` would take.
    configured: bool,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: ModelsArgs) -> Outcome {
    match args.action {
        Action::List { dir, common } => list(dir.as_deref(), &common),
        Action::Show { file, json } => card::show(file.as_deref(), json),
        Action::Verify { path: Some(file), key, common } if bundle::is_one(&file) => {
            bundle::verify(&file, &key, &common)
        }
        Action::Verify { path, common, .. } => verify(path.as_deref(), &common),
        Action::Install { file, common } => bundle::install(&file, &common),
        #[cfg(feature = "station")]
        Action::Pack(args) => pack::run(args),
        #[cfg(feature = "station")]
        Action::Key(args) => pack::key(&args),
    }
}

/// Hash and card alone: quick.
fn list(dir: Option<&Path>, common: &Common) -> Outcome {
    let configured = common.configured()?;
    let mut files = vec![None];
    files.extend(in_folder(dir, configured.as_deref())?.into_iter().map(Some));
    for file in files {
        let chosen = file == configured;
        entry(file.as_deref(), &Bundle::open(file.as_deref()), chosen).say(common.json)?;
    }
    bundle::list(dir, common)?;
    Ok(Exit::Ok)
}

fn verify(path: Option<&Path>, common: &Common) -> Outcome {
    let configured = common.configured()?;
    let files: Vec<Option<PathBuf>> = match path {
        Some(folder) if folder.is_dir() => in_folder(Some(folder), None)?.into_iter().map(Some).collect(),
        Some(file) => vec![Some(present(file)?)],
        None => std::iter::once(None)
            .chain(in_folder(None, configured.as_deref())?.into_iter().map(Some))
            .collect(),
    };
    if files.is_empty() {
        let folder = path.unwrap_or(Path::new(FOLDER)).display();
        return Err(Failure::new(Exit::NoInput, anyhow!("{folder}: no model (NAME.onnx) in it")));
    }
    let mut exit = Exit::Ok;
    for file in files {
        let chosen = file == configured;
        let outcome = Bundle::open(file.as_deref()).and_then(try_out);
        if outcome.is_err() {
            exit = Exit::BadData;
        }
        entry(file.as_deref(), &outcome, chosen).say(common.json)?;
    }
    Ok(exit)
}

/// Loads the graph and runs it once.
fn try_out(bundle: Bundle) -> Result<Bundle, ModelError> {
    let engine = Engine::load(&bundle)?;
    let input = &engine.spec().input;
    let grey = vec![input.fill; 3 * input.width as usize * input.height as usize];
    let mut output = Vec::new();
    let unsuitable = |what: String| ModelError::Unsuitable { path: bundle.path.clone(), what };
    engine.run(&grey, &mut output).map_err(|error| unsuitable(error.to_string()))?;
    match output.iter().all(|value| value.is_finite()) {
        true => Ok(bundle),
        false => Err(unsuitable("it gives numbers that are none (infinite or NaN)".into())),
    }
}

/// The models of a folder in order of name. One that was named must exist; the default one need not.
fn in_folder(dir: Option<&Path>, configured: Option<&Path>) -> Result<Vec<PathBuf>, Failure> {
    let default = configured.and_then(Path::parent).unwrap_or(Path::new(FOLDER));
    let folder = dir.unwrap_or(default);
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if dir.is_none() && error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            let told = anyhow!("{}: {error}; name the folder that holds models", folder.display());
            return Err(Failure::new(Exit::NoInput, told));
        }
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "onnx"));
    files.sort();
    Ok(files)
}

fn present(file: &Path) -> Result<PathBuf, Failure> {
    match std::fs::metadata(file) {
        Ok(_) => Ok(file.to_owned()),
        Err(error) => {
            Err(Failure::new(Exit::NoInput, anyhow!("{}: {error}; check the path", file.display())))
        }
    }
}

fn entry(file: Option<&Path>, outcome: &Result<Bundle, ModelError>, configured: bool) -> Entry {
    let bundle = outcome.as_ref().ok();
    Entry {
        file: file.map(|file| file.display().to_string()),
        name: bundle.map(|b| b.id.name.clone()),
        sha256: bundle.map(|b| b.id.sha256.clone()),
        format: bundle.map(|b| b.format.clone()),
        ok: bundle.is_some(),
        error: outcome.as_ref().err().map(ToString::to_string),
        configured,
    }
}

impl Entry {
    fn say(&self, json: bool) -> Result<(), Failure> {
        if json { say_json(self) } else { say(&self.line(Paint::of_stdout())) }
    }

    fn line(&self, paint: Paint) -> String {
        let file = self.file.as_deref().unwrap_or("embedded");
        let chosen = if self.configured { ", used by `run`" } else { "" };
        match (&self.error, &self.name, &self.sha256, &self.format) {
            (None, Some(name), Some(hash), Some(format)) => {
                let (name, format) = (plain(name, SENTENCE), plain(format, SENTENCE));
                format!("{} {file}: {name}, {format}, SHA-256 {}…{chosen}", paint.good("ok "), &hash[..12])
            }
            (error, ..) => {
                let error = error.as_deref().unwrap_or("cannot be read");
                format!("{} {file}: {}{chosen}", paint.bad("BAD"), plain(error, SENTENCE))
            }
        }
    }
}
