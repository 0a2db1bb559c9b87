//! Where the broker is and how we show who we are.

use std::path::{Path, PathBuf};

use url::Url;

use super::PublishError;
use super::settings::Settings;

/// A broker's address, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Name or number of the host; IPv6 in brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
}

impl Address {
    /// Reads `mqtt://host[:1883]` or `mqtts://host[:8883]`.
    pub fn parse(text: &str) -> Result<Address, PublishError> {
        let bad = |reason: String| PublishError::Address { address: without_secret(text), reason };
        let url = Url::parse(text).map_err(|e| bad(e.to_string()))?;
        let tls = match url.scheme() {
            "mqtt" => false,
            "mqtts" => true,
            other => return Err(bad(format!("unknown scheme {other:?}"))),
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("user and password do not belong here; set user and password_file".into()));
        }
        let host = url.host_str().filter(|h| !h.is_empty()).ok_or_else(|| bad("no host".into()))?;
        let port = url.port().unwrap_or(if tls { 8883 } else { 1883 });
        Ok(Address { host: host.into(), port, tls })
    }
}

impl Address {
    /// Whether a broker means this one by a server reference, "host", "host:port" or an address as here.
    pub fn is_named(&self, reference: &str) -> bool {
        let port = self.port;
        [self.host.clone(), format!("{}:{port}", self.host), self.to_string()]
            .iter()
            .any(|name| name == reference.trim())
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}:{}", if self.tls { "mqtts" } else { "mqtt" }, self.host, self.port)
    }
}

/// The text without what stands before an `@`: addresses end up in logs.
fn without_secret(text: &str) -> String {
    match (text.find("://"), text.rfind('@')) {
        (Some(scheme), Some(at)) if at > scheme => format!("{}***{}", &text[..scheme + 3], &text[at..]),
        _ => text.into(),
    }
}

/// User name and password, read afresh at each connection so that a changed password needs no restart.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// User name.
    pub user: String,
    /// Password; empty where there is no file.
    pub password: String,
}

impl Login {
    /// Reads the password file, `None` where no user is configured.
    pub fn read(settings: &Settings) -> Result<Option<Login>, PublishError> {
        let Some(user) = settings.user.clone() else { return Ok(None) };
        let password = match &settings.password_file {
            None => String::new(),
            Some(file) => {
                let path = credential_path(file);
                let text = std::fs::read_to_string(&path).map_err(|e| PublishError::Credential {
                    what: "password file",
                    path,
                    reason: format!("{e}; it must hold the password alone and be readable by bearwatch"),
                })?;
                text.trim_end_matches(['\r', '\n']).into()
            }
        };
        Ok(Some(Login { user, password }))
    }
}

/// An absolute path as it is, a bare name in systemd's folder of credentials where there is one.
pub fn credential_path(file: &Path) -> PathBuf {
    match std::env::var_os("CREDENTIALS_DIRECTORY") {
        Some(folder) if file.is_relative() => PathBuf::from(folder).join(file),
        _ => file.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_addresses_with_and_without_port() {
        let read = |text| Address::parse(text).unwrap();
        assert_eq!(
            read("mqtt://park.example"),
            Address { host: "park.example".into(), port: 1883, tls: false }
        );
        assert_eq!(read("mqtts://10.0.0.1:9"), Address { host: "10.0.0.1".into(), port: 9, tls: true });
        assert_eq!(read("mqtt://[::1]").to_string(), "mqtt://[::1]:1883");
    }

    #[test]
    fn refuses_what_is_no_address_and_keeps_the_password_out_of_the_message() {
        for text in ["park.example", "http://park.example", "mqtt://", "mqtt://h:99999"] {
            assert!(Address::parse(text).is_err(), "{text}");
        }
        let message = Address::parse("mqtt://ranger:secret@park.example").unwrap_err().to_string();
        assert!(!message.contains("secret"), "{message}");
        assert!(message.contains("password_file"), "{message}");
    }
}
