//! Mailboxes, by SMTP with TLS.

use std::path::Path;
use std::time::Duration;

use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls as Secured, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{SmtpTransport, Transport};

use super::{Message, Outcome, Urgency, authorities, certificate_fault};
use crate::station::notify::settings::{Email, Tls};

/// For each answer of the server.
const PATIENCE: Duration = Duration::from_secs(20);

/// A header that nobody but us writes, in ASCII.
fn plain(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

pub fn send(to: &Email, ca_file: Option<&Path>, message: &Message) -> Result<Outcome, Outcome> {
    let server = server(to, ca_file).map_err(|why| Outcome::Configuration { why })?;
    let mail = mail(to, message).map_err(|error| Outcome::Configuration { why: error.to_string() })?;
    let answer = server.send(&mail).map_err(|error| failed(&error))?;
    let words: Vec<&str> = answer.message().collect();
    Ok(Outcome::Delivered { answer: format!("{} {}", answer.code(), words.join(" ")), receipt: None })
}

fn server(to: &Email, ca_file: Option<&Path>) -> Result<SmtpTransport, String> {
    let secured = match to.tls {
        Tls::Always => Secured::Wrapper(parameters(to, ca_file)?),
        Tls::Start => Secured::Required(parameters(to, ca_file)?),
        Tls::Never => Secured::None,
    };
    let mut server =
        SmtpTransport::builder_dangerous(to.host.clone()).port(to.port).tls(secured).timeout(Some(PATIENCE));
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    if !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c)) {
        server = server.hello_name(ClientId::Domain(name));
    }
    if let Some((user, password)) = &to.login {
        server = server.credentials(Credentials::new(user.clone(), password.clone()));
    }
    Ok(server.build())
}

/// How the server is proven.
fn parameters(to: &Email, ca_file: Option<&Path>) -> Result<TlsParameters, String> {
    let wrong = |error: Error| error.to_string();
    let mut parameters = TlsParameters::builder(to.host.clone());
    if ca_file.is_some() {
        parameters = parameters.certificate_store(CertificateStore::None);
        for authority in authorities(ca_file)? {
            let authority = Certificate::from_der(authority.to_vec()).map_err(wrong)?;
            parameters = parameters.add_root_certificate(authority);
        }
    }
    parameters.build_rustls().map_err(wrong)
}

/// The same message has the same id, however often it is sent, and those of an alert stand in one thread.
fn mail(to: &Email, message: &Message) -> Result<lettre::Message, lettre::error::Error> {
    let id = |key: &str| format!("<{key}@{}>", to.from.email.domain());
    let mut mail = lettre::Message::builder()
        .from(to.from.clone())
        .message_id(Some(id(&message.key)))
        .subject(&message.title);
    for mailbox in &to.to {
        mail = mail.to(Mailbox::clone(mailbox));
    }
    if let Some(thread) = &message.thread {
        mail = mail.references(id(thread));
    }
    mail = mail.raw_header(plain("Auto-Submitted", "auto-generated"));
    if message.urgency >= Urgency::Urgent {
        mail = mail.raw_header(plain("Importance", "high")).raw_header(plain("X-Priority", "1"));
    }
    let mut text = message.text.clone();
    if let Some(link) = &message.link {
        text.push_str("\n\n");
        text.push_str(link);
    }
    text.push('\n');
    match &message.picture {
        None => mail.header(ContentType::TEXT_PLAIN).body(text),
        Some(jpeg) => {
            let kind = ContentType::parse("image/jpeg").unwrap_or(ContentType::TEXT_PLAIN);
            let picture = Attachment::new("bear.jpg".into()).body(jpeg.clone(), kind);
            mail.multipart(MultiPart::mixed().singlepart(SinglePart::plain(text)).singlepart(picture))
        }
    }
}

/// Of SMTP: 4xx passes, 5xx does not.
fn failed(error: &Error) -> Outcome {
    if let Some(why) = certificate_fault(error) {
        return Outcome::Configuration { why };
    }
    let why = error.to_string();
    if error.is_permanent() {
        return Outcome::Configuration {
            why: format!("the mail server refuses: {why}; look at user, password_file, from and to"),
        };
    }
    if error.is_tls() || error.is_client() {
        return Outcome::Configuration {
            why: format!("{why}; look at server: smtps:// for TLS from the beginning, smtp:// for STARTTLS"),
        };
    }
    Outcome::Passing { why: format!("{why}; look whether it runs, and at server"), pause: None }
}
