//! The file of notifications: channels, and rules that say who is told of what.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use toml::de::DeTable;
use url::Url;

use super::rule::Rule;
use super::table::{Notes, Table};
use crate::config::mistake::{ConfigErrors, Mistake, Origin};

mod file;

/// The whole file.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whose hours, and the times in texts.
    pub zone: TimeZoneName,
    /// By their names.
    pub channels: BTreeMap<String, Channel>,
    /// In the order of the file.
    pub rules: Vec<Rule>,
}

/// A time zone; the machine's own where nobody said.
#[derive(Clone, Debug)]
pub struct TimeZoneName(pub TimeZone);

impl Default for TimeZoneName {
    fn default() -> Self {
        TimeZoneName(TimeZone::system())
    }
}

/// A way to people or programs.
#[derive(Clone, Debug)]
pub struct Channel {
    /// Where it leads.
    pub to: To,
    /// Authority that its server is proven by; those of the system where `None`.
    pub ca_file: Option<PathBuf>,
    /// Messages in a minute; beyond, what waits is gathered into one. `None`: each by itself.
    pub most_a_minute: Option<usize>,
    /// What could not be delivered by then is given up, milliseconds.
    pub expire_ms: i64,
}

/// Where a channel leads.
#[derive(Clone, Debug)]
pub enum To {
    /// Phones with the app ntfy.
    Ntfy(Ntfy),
    /// Any program that takes JSON.
    Webhook(Webhook),
    /// Mailboxes.
    Email(Email),
    /// EarthRanger, by Gundi.
    EarthRanger(EarthRanger),
}

/// A topic of an ntfy server.
#[derive(Clone, Debug)]
pub struct Ntfy {
    /// The server.
    pub url: Url,
    /// Whoever reads it hears of bears.
    pub topic: String,
    /// What lets us write there.
    pub token: Option<String>,
}

/// An address that takes JSON.
#[derive(Clone, Debug)]
pub struct Webhook {
    /// The address.
    pub url: Url,
    /// By which each request is signed; `None`: not.
    pub key: Option<Vec<u8>>,
    /// What else it asks for, in the header Authorization.
    pub authorization: Option<String>,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// From the first byte (`smtps:`, port 465).
    Always,
    /// After STARTTLS, or not at all (`smtp:`, port 587).
    Start,
    /// Not: on this machine alone.
    Never,
}

/// Mailboxes, and who carries there.
#[derive(Clone, Debug)]
pub struct Email {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Its TLS.
    pub tls: Tls,
    /// Name and password at it.
    pub login: Option<(String, String)>,
    /// Sender.
    pub from: lettre::message::Mailbox,
    /// Mailboxes.
    pub to: Vec<lettre::message::Mailbox>,
}

/// An integration of Gundi.
#[derive(Clone, Debug)]
pub struct EarthRanger {
    /// The service.
    pub url: Url,
    /// The integration's own.
    pub key: String,
    /// As it is called in that EarthRanger.
    pub event_type: String,
    /// Latitude and longitude of cameras, "site/camera".
    pub places: BTreeMap<String, (f64, f64)>,
}

impl Settings {
    /// Reads the file and the secrets that it names.
    ///
    /// # Errors
    /// All that is wrong, with its lines.
    pub fn load(path: &Path) -> Result<Settings, ConfigErrors> {
        let name = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Settings::parse(&text, &name),
            Err(error) => {
                let origin = Origin::File { name, line: None };
                let remedy = "give its path by --notify; deploy/notify.toml is an example";
                let mistake = Mistake::new(origin, "", format!("cannot be read: {error}"), remedy);
                Err(ConfigErrors { mistakes: vec![mistake] })
            }
        }
    }

    /// The same of a text.
    ///
    /// # Errors
    /// All that is wrong, with its lines.
    pub fn parse(text: &str, name: &str) -> Result<Settings, ConfigErrors> {
        let mut notes = Notes::new(text, name);
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            notes.wrong(at, "", error.message(), "write it as TOML: key = value, text in \"quotes\"");
        }
        let settings = file::whole(Table::new(&mut notes, String::new(), 0, table.get_ref()));
        let mut mistakes = notes.mistakes;
        mistakes.sort_by(|a, b| a.origin.cmp(&b.origin));
        mistakes.dedup_by(|a, b| a.origin == b.origin && a.key == b.key);
        if mistakes.is_empty() { Ok(settings) } else { Err(ConfigErrors { mistakes }) }
    }
}

#[cfg(test)]
#[path = "settings_tests.rs"]
mod tests;
