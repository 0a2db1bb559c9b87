//! What leaves by a channel, and what came of it. Each waits for its server: they run beside the rest of the station.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use super::rule::{Cause, Subject};
use super::settings::{Channel, To};

mod earthranger;
mod email;
mod http;
mod ntfy;
mod webhook;

/// Something that is told.
#[derive(Clone, Debug)]
pub struct Message {
    /// The same however often it is tried: by that whoever gets it twice knows it again.
    pub key: String,
    /// The same for all that is told of an alert, where it is of one.
    pub thread: Option<String>,
    /// One line.
    pub title: String,
    /// Some more.
    pub text: String,
    /// How loud.
    pub urgency: Urgency,
    /// Where the station's page is.
    pub link: Option<String>,
    /// Milliseconds since 1970.
    pub now_ms: i64,
    /// What it is about, the most urgent first; none in a test.
    pub items: Vec<Item>,
    /// What the channel's service gave back for the opening of this alert.
    pub receipt: Option<String>,
    /// JPEG.
    pub picture: Option<Vec<u8>>,
}

/// One of the things that a message tells.
#[derive(Clone, Debug)]
pub struct Item {
    /// Why.
    pub cause: Cause,
    /// Of what.
    pub subject: Subject,
    /// How long ago it was, milliseconds, where it is not of now.
    pub late_ms: Option<i64>,
}

/// How loud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// To be read some time.
    Quiet,
    /// As usual.
    Usual,
    /// Now.
    Urgent,
    /// Until somebody looks.
    Alarm,
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service has it.
    Delivered {
        /// Its own words.
        answer: String,
        /// By which it knows it again.
        receipt: Option<String>,
    },
    /// It may go well another time.
    Passing {
        /// What came back.
        why: String,
        /// The service asks for so long a pause.
        pause: Option<Duration>,
    },
    /// Somebody must change something: trying again is of no use.
    Configuration {
        /// What came back, and what to do.
        why: String,
    },
}

impl Outcome {
    /// What came back, for people.
    pub fn words(&self) -> &str {
        match self {
            Outcome::Delivered { answer, .. } => answer,
            Outcome::Passing { why, .. } | Outcome::Configuration { why } => why,
        }
    }
}

/// A channel that can be used.
pub struct Sender {
    channel: Channel,
    agent: ureq::Agent,
}

impl Sender {
    /// Reads the authorities.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn new(channel: Channel) -> Result<Sender, String> {
        let agent = http::agent(channel.ca_file.as_deref())?;
        Ok(Sender { channel, agent })
    }

    /// Waits for the server.
    pub fn send(&self, message: &Message) -> Outcome {
        let done = match &self.channel.to {
            To::Ntfy(to) => ntfy::send(to, &self.agent, message),
            To::Webhook(to) => webhook::send(to, &self.agent, message),
            To::Email(to) => email::send(to, self.channel.ca_file.as_deref(), message),
            To::EarthRanger(to) => earthranger::send(to, &self.agent, message),
        };
        done.unwrap_or_else(|outcome| outcome)
    }
}

/// Certificates of authorities: those of a file, or the system's.
///
/// # Errors
/// What is wrong with the file.
pub fn authorities(file: Option<&Path>) -> Result<Vec<CertificateDer<'static>>, String> {
    let Some(file) = file else { return Ok(rustls_native_certs::load_native_certs().certs) };
    let wrong = |error: rustls_pki_types::pem::Error| format!("{}: {error}", file.display());
    let all: Vec<_> =
        CertificateDer::pem_file_iter(file).map_err(wrong)?.collect::<Result<_, _>>().map_err(wrong)?;
    if all.is_empty() { Err(format!("{}: holds no certificate", file.display())) } else { Ok(all) }
}

/// Key of a webhook's signatures: `whsec_` and base64 as Standard Webhooks has it, or the bytes of a text; `None` where it is too short to be one.
pub fn signing_key(secret: &str) -> Option<Vec<u8>> {
    let key = match secret.strip_prefix("whsec_") {
        Some(encoded) => STANDARD.decode(encoded).ok()?,
        None => secret.as_bytes().to_vec(),
    };
    (key.len() >= 24).then_some(key)
}

/// A certificate that does not prove the server: waiting does not help.
fn certificate_fault(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        let inner = error.downcast_ref::<std::io::Error>().and_then(|error| error.get_ref());
        let fault = inner
            .and_then(|error| error.downcast_ref::<rustls::Error>())
            .or(error.downcast_ref::<rustls::Error>());
        if let Some(fault @ (rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_))) = fault
        {
            return Some(format!(
                "TLS fails: {fault}; look at the server's certificate, its name, and ca_file"
            ));
        }
        next = error.source();
    }
    None
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}
