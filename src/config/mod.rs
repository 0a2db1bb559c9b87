//! One TOML file in pipeline order becomes checked settings. Parsed twice: [`layer`] reads what the file says, value by value
//! with its line; [`sections`], [`source`], [`delivery`] and [`command`] make of it what the program needs. Every mistake is collected, so
//! that one look at the list is enough to correct the file.
//!
//! Three layers, the later wins: the administrator's file, the overrides that were made at run time, `--set` of the command
//! line. Secrets are never in any of them, only the names of files or of systemd credentials.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

pub mod keys;
pub mod mistake;
pub mod overrides;

mod command;
mod delivery;
mod layer;
mod reader;
mod sections;
mod source;

use layer::Layer;
use mistake::{ConfigErrors, Mistake, Origin};
use overrides::Overrides;
use reader::Reader;

use crate::publish::Mode;
use crate::system::hours::Hours;
use crate::{capture, perceive, publish};

/// Where Linux tells of the machine that it runs on.
const SYSFS: &str = "/sys";

/// All settings, checked: what is in range and fits together, not whether devices, files and hosts exist.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Who we are on the wire.
    pub site: publish::settings::Site,
    /// Where frames come from.
    pub capture: capture::settings::Settings,
    /// Which model runs.
    pub model: ModelSettings,
    /// What makes an alert.
    pub perceive: perceive::settings::Settings,
    /// When alerts of normal severity are told as low.
    pub quiet: Hours,
    /// How alerts leave, and where they wait.
    pub publish: publish::settings::Settings,
    /// What goes out at random, whatever is seen.
    pub audit: perceive::audit::Settings,
    /// Horizontal field of view of the lens, degrees; `None` where nobody said.
    pub lens_degrees: Option<f64>,
    /// Where metrics can be asked for; `None` where they cannot.
    pub metrics: Option<SocketAddr>,
    /// The page for whoever aims the camera; `None` where there is none.
    pub page: Option<PageSettings>,
    /// Where the kernel tells of the board.
    pub sysfs: PathBuf,
    /// What may be ordered over the network.
    pub commands: publish::settings::CommandSettings,
    /// When drills are given.
    pub drill: publish::settings::DrillSettings,
    /// What was ordered for a time and was in force when the daemon ended.
    pub mode: Option<HeldMode>,
    /// Operating point for bears as the file has it, whatever was changed at run time.
    pub usual_threshold: Option<f32>,
    /// What was changed at run time, for `check` and `reset`.
    pub overrides: Overrides,
}

/// That nobody is to be told of bears, for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldMode {
    /// Disarmed or shadow.
    pub mode: Mode,
    /// Who ordered it.
    pub by: String,
    /// When it ends, milliseconds since 1970; `None` where the clock was not synchronised.
    pub until_unix_ms: Option<i64>,
    /// What was left of it when it was last written down, seconds.
    pub left_s: u64,
}

/// Settings of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelSettings {
    /// The ONNX file, its card beside it; the embedded model where `None`.
    pub path: Option<PathBuf>,
    /// Regions of a frame that the model looks at side by side, each on a thread of its own.
    pub threads: usize,
    /// Public keys of minisign: who may sign bundles of other models. None is taken where there are none.
    pub trusted_keys: Vec<PathBuf>,
}

/// Settings of the aiming page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSettings {
    /// Where browsers find it.
    pub listen: SocketAddr,
    /// File with the word that it asks for.
    pub token_file: PathBuf,
}

impl Default for ModelSettings {
    fn default() -> Self {
        ModelSettings { path: None, threads: 1, trusted_keys: Vec::new() }
    }
}

impl Config {
    /// Reads the file, the overrides in the state directory that it names, and `sets` (`section.key=value`).
    ///
    /// Overrides never keep a device from starting: one that is wrong (written by a newer version, say) is logged, listed in
    /// [`Config::overrides`] and left out.
    ///
    /// # Errors
    /// Every mistake of file and `sets`, or the one that the file cannot be read. Exit code 78.
    pub fn load(path: &Path, sets: &[String]) -> Result<Config, ConfigErrors> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| unreadable(&name, &error))?;
        let file = Layer::file(&text, &name);
        let sets = Layer::sets(sets);
        let config = assemble(&[&file, &sets], &name)?;
        Ok(overrides::apply(config, |overrides| assemble(&[&file, overrides, &sets], &name)))
    }

    /// The defaults for everything but the names: what `demo` and `bench` start from. A desk machine that is warm at work is no
    /// reason to do less there.
    pub fn of_site(site: publish::settings::Site) -> Config {
        Config {
            site,
            capture: capture::settings::Settings::default(),
            model: ModelSettings::default(),
            perceive: perceive::settings::Settings { hot_c: f64::INFINITY, ..Default::default() },
            quiet: Hours::default(),
            publish: publish::settings::Settings::default(),
            audit: perceive::audit::Settings::default(),
            lens_degrees: None,
            metrics: None,
            page: None,
            sysfs: SYSFS.into(),
            commands: publish::settings::CommandSettings::default(),
            drill: publish::settings::DrillSettings::default(),
            mode: None,
            usual_threshold: None,
            overrides: Overrides::default(),
        }
    }

    /// Reads `text`, called `name` in messages, and `sets`; no overrides.
    ///
    /// # Errors
    /// Every mistake.
    pub fn parse(text: &str, name: &str, sets: &[String]) -> Result<Config, ConfigErrors> {
        assemble(&[&Layer::file(text, name), &Layer::sets(sets)], name)
    }
}

/// Lays the layers over each other and reads the sections in pipeline order.
fn assemble(layers: &[&Layer], name: &str) -> Result<Config, ConfigErrors> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let mut reader = Reader::new(layers, name, credentials);
    let (site, capture) = (sections::site(&mut reader), source::capture(&mut reader));
    let (model, perceive) = (sections::model(&mut reader), sections::perceive(&mut reader));
    let mut config = Config {
        site,
        capture,
        model,
        usual_threshold: perceive.bear_threshold,
        perceive,
        quiet: sections::quiet(&mut reader),
        publish: delivery::publish(&mut reader),
        audit: sections::audit(&mut reader),
        lens_degrees: sections::lens(&mut reader),
        metrics: sections::metrics(&mut reader),
        page: sections::page(&mut reader),
        sysfs: sections::sysfs(&mut reader),
        commands: command::commands(&mut reader),
        drill: sections::drill(&mut reader),
        mode: command::mode(&mut reader),
        overrides: Overrides::default(),
    };
    config.publish.home_assistant = delivery::home_assistant(&mut reader, &config);
    match reader.finish() {
        mistakes if mistakes.is_empty() => Ok(config),
        mistakes => Err(ConfigErrors { mistakes }),
    }
}

fn unreadable(name: &str, error: &std::io::Error) -> ConfigErrors {
    let remedy = match error.kind() {
        std::io::ErrorKind::NotFound => {
            "give the right path by --config; deploy/bearwatch.toml is a complete sample"
        }
        std::io::ErrorKind::PermissionDenied => "let the user that runs bearwatch read it",
        std::io::ErrorKind::InvalidData => "save it as UTF-8 text",
        _ => "check the path and the disk",
    };
    let origin = Origin::File { name: name.to_owned(), line: None };
    ConfigErrors { mistakes: vec![Mistake::new(origin, "", format!("cannot be read: {error}"), remedy)] }
}
