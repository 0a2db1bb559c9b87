//! How a command finds the broker: options, over a daemon's configuration.

use std::path::PathBuf;

use clap::error::Error;
use clap::{ArgMatches, Args, Command, FromArgMatches};

use super::exit::{Exit, Failure, OrExit};
use crate::config::Config;
use crate::publish::settings::{Settings, Site};

/// Options of the connection to the broker.
#[derive(Debug, Args)]
pub struct ConnectionArgs {
    /// mqtt://host[:1883], or mqtts://host[:8883] for TLS [default: mqtt://127.0.0.1:1883]
    #[arg(long, value_name = "URL", global = true)]
    broker: Option<String>,
    /// Take broker, user, password file and TLS files from a daemon's configuration; the options here override it
    #[arg(long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// User name
    #[arg(long, global = true)]
    user: Option<String>,
    /// File that holds the password alone
    #[arg(long, value_name = "FILE", global = true)]
    password_file: Option<PathBuf>,
    /// PEM file of the certificate authority [default: the system's]
    #[arg(long, value_name = "FILE", global = true)]
    ca_file: Option<PathBuf>,
    /// PEM file of our certificate chain
    #[arg(long, value_name = "FILE", requires = "key_file", global = true)]
    cert_file: Option<PathBuf>,
    /// PEM file of our private key
    #[arg(long, value_name = "FILE", requires = "cert_file", global = true)]
    key_file: Option<PathBuf>,
}

/// Options of a command alone, and not of the commands below it, which would not look at them.
#[derive(Debug)]
pub struct Own<T>(pub T);

impl<T: Args> Args for Own<T> {
    fn augment_args(command: Command) -> Command {
        T::augment_args(command).mut_args(|arg| arg.global(false))
    }

    fn augment_args_for_update(command: Command) -> Command {
        T::augment_args_for_update(command).mut_args(|arg| arg.global(false))
    }
}

impl<T: FromArgMatches> FromArgMatches for Own<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Own<T>, Error> {
        T::from_arg_matches(matches).map(Own)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

/// What the options come to.
pub struct Connection {
    /// The broker, and who we are to it.
    pub publish: Settings,
    /// The camera of the configuration, where one was given.
    pub site: Option<Site>,
}

impl ConnectionArgs {
    /// The configuration's delivery, and over it what was said on the command line.
    ///
    /// # Errors
    /// 78 where the configuration is wrong.
    pub fn load(&self) -> Result<Connection, Failure> {
        let config = self.config.as_ref().map(|file| Config::load(file, &[])).transpose();
        let config = config.or_exit(Exit::Config)?;
        let site = config.as_ref().map(|config| config.site.clone());
        let mut publish = config.map_or_else(Settings::default, |config| config.publish);
        let given = |own: &Option<PathBuf>, of_file: Option<PathBuf>| own.clone().or(of_file);
        publish.broker = self.broker.clone().unwrap_or(publish.broker);
        publish.user = self.user.clone().or(publish.user);
        publish.password_file = given(&self.password_file, publish.password_file);
        publish.ca_file = given(&self.ca_file, publish.ca_file);
        publish.cert_file = given(&self.cert_file, publish.cert_file);
        publish.key_file = given(&self.key_file, publish.key_file);
        Ok(Connection { publish, site })
    }
}

/// A level of every topic.
///
/// # Errors
/// Where it is none.
pub fn level(text: &str) -> Result<String, String> {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=40).contains(&text.len()) && text.chars().all(good);
    fits.then(|| text.into()).ok_or_else(|| "1 to 40 of a to z, 0 to 9 and -".into())
}
