//! Where a station's data are: a file of SQLite, or a server with PostgreSQL.

use std::fmt;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::str::FromStr;

use url::{Host, Url};

use super::StoreError;
use crate::publish::credential_path;

/// What an address of PostgreSQL may say beside server and database.
const PARAMETERS: [&str; 5] = ["host", "sslmode", "sslrootcert", "sslcert", "sslkey"];
/// A file that holds the password alone.
const PASSWORD_FILE: &str = "password-file";

/// Where the data are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// A file of SQLite.
    File(PathBuf),
    /// A database of PostgreSQL.
    Server(Server),
}

/// A database of PostgreSQL, and where the password for it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Without a password.
    url: Url,
    password_file: Option<PathBuf>,
    /// A password stood in it.
    exposed: bool,
}

impl FromStr for Address {
    type Err = String;

    /// A path, `sqlite:PATH`, or `postgres://[USER@]HOST[:PORT]/DATABASE`.
    fn from_str(text: &str) -> Result<Address, String> {
        let path = match text.split_once(':') {
            Some(("sqlite", path)) => path.strip_prefix("//").unwrap_or(path),
            Some(("postgres" | "postgresql", _)) => return Server::parse(text).map(Address::Server),
            Some(("mysql" | "mariadb", _)) => {
                return Err("is of a kind that is not known: give a path of SQLite, or postgres://…".into());
            }
            _ => text,
        };
        let is_file = !path.is_empty() && !path.ends_with('/') && !path.contains(":memory:");
        is_file.then(|| Address::File(path.into())).ok_or_else(|| "is no path of a file".into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::File(path) => path.display().fmt(f),
            Address::Server(server) => server.fmt(f),
        }
    }
}

impl Address {
    /// What this machine does not give that a look into it needs.
    pub fn unusable(&self, error: &std::io::Error) -> StoreError {
        StoreError::Away { database: self.to_string(), reason: error.to_string() }
    }
}

impl Server {
    fn parse(text: &str) -> Result<Server, String> {
        let mut url = Url::parse(text).map_err(|error| format!("is no address: {error}"))?;
        // Refused when it is used: whoever refuses an argument prints it.
        let exposed = url.password().is_some();
        if exposed {
            let _ = url.set_password(None);
        }
        if url.path().trim_matches('/').is_empty() {
            return Err("names no database: postgres://HOST/DATABASE".into());
        }
        let (mut kept, mut password_file) = (Vec::new(), None);
        for (name, value) in url.query_pairs() {
            match &*name {
                PASSWORD_FILE => password_file = Some(PathBuf::from(&*value)),
                known if PARAMETERS.contains(&known) => kept.push((name.into_owned(), value.into_owned())),
                _ => {
                    let known = PARAMETERS.join(", ");
                    return Err(format!("has a parameter {name:?} that is none of {PASSWORD_FILE}, {known}"));
                }
            }
        }
        url.set_query(None);
        if !kept.is_empty() {
            url.query_pairs_mut().extend_pairs(kept);
        }
        Ok(Server { url, password_file, exposed })
    }

    /// Where it is, for whoever connects.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Whether it is this machine: then nobody on the way reads along.
    pub fn is_here(&self) -> bool {
        let socket = self.url.query_pairs().any(|(name, value)| name == "host" && value.starts_with('/'));
        socket
            || match self.url.host() {
                None => true,
                // Of a scheme that it does not know the crate takes numbers for a name.
                Some(Host::Domain(name)) => {
                    let address = name.parse::<Ipv4Addr>();
                    name == "localhost" || name.starts_with("%2F") || address.is_ok_and(|it| it.is_loopback())
                }
                Some(Host::Ipv4(address)) => address.is_loopback(),
                Some(Host::Ipv6(address)) => address.is_loopback(),
            }
    }

    /// Whether it says how the connection is protected.
    pub fn says_tls(&self) -> bool {
        self.url.query_pairs().any(|(name, _)| name == "sslmode")
    }

    /// The password, where there is a file; a bare name is looked for among systemd's credentials.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn password(&self) -> Result<Option<String>, StoreError> {
        if self.exposed {
            return Err(StoreError::Unfit {
                database: self.to_string(),
                reason: format!(
                    "the address holds a password, which every user of this machine can read there; write it into a file of its own and give …?{PASSWORD_FILE}=FILE"
                ),
            });
        }
        let Some(file) = &self.password_file else { return Ok(None) };
        let path = credential_path(file);
        let text = std::fs::read_to_string(&path).map_err(|error| StoreError::Unfit {
            database: self.to_string(),
            reason: format!(
                "password file {}: {error}; it must hold the password alone and be readable by bearwatch",
                path.display()
            ),
        })?;
        Ok(Some(text.trim_end_matches(['\r', '\n']).into()))
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.url.clone();
        url.set_query(None);
        url.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        text.parse::<Address>().unwrap_err()
    }

    #[test]
    fn an_address_is_a_file_or_a_server() {
        assert_eq!("sqlite:///var/lib/s.db".parse(), Ok(Address::File("/var/lib/s.db".into())));
        assert_eq!("s.db".parse(), Ok(Address::File("s.db".into())));
        assert!(
            [":memory:", "", "folder/", "mysql://h/d"].iter().all(|text| text.parse::<Address>().is_err())
        );
        let parsed = "postgres://bears@db.example/park?password-file=/run/p&sslmode=require".parse();
        let Ok(Address::Server(server)) = parsed else { panic!("{parsed:?}") };
        assert_eq!(server.to_string(), "postgres://bears@db.example/park");
        assert_eq!(server.url().as_str(), "postgres://bears@db.example/park?sslmode=require");
        assert_eq!((server.is_here(), server.says_tls()), (false, true));
        for here in ["postgres:///p?host=/run/postgresql", "postgres://127.0.0.1/p", "postgres://[::1]/p"] {
            let Ok(Address::Server(server)) = here.parse() else { panic!("{here}") };
            assert!(server.is_here(), "{here}");
        }
    }

    #[test]
    fn no_password_stands_on_a_command_line_and_nothing_is_ignored() {
        let Ok(Address::Server(exposed)) = "postgres://bears:secret@db.example/park".parse() else {
            panic!()
        };
        let words = exposed.password().unwrap_err().to_string();
        assert!(words.contains("password-file") && !words.contains("secret"), "{words}");
        assert!(refused("postgres://db.example/").contains("names no database"));
        assert!(refused("postgres://db.example/park?connect_timeout=3").contains("connect_timeout"));
    }

    #[test]
    fn a_password_file_that_is_not_there_is_named() {
        let Ok(Address::Server(server)) = "postgres://h/d?password-file=/nowhere/p".parse() else { panic!() };
        assert!(server.password().unwrap_err().to_string().contains("/nowhere/p"));
    }
}
