//! What it means that a TLS handshake fails, and what is to be done: for whoever stands at the mast with a telephone.

use rustls::pki_types::UnixTime;
use rustls::{AlertDescription, CertificateError, Error};

use super::certificates::{RENEW, day};
use super::message::rfc3339;

/// What happened and the remedy, after the last semicolon.
pub fn words(error: &Error) -> String {
    match error {
        Error::InvalidCertificate(why) => of_broker(why),
        Error::AlertReceived(alert) => of_us(*alert),
        Error::PeerIncompatible(why) => format!(
            "TLS failed: the broker speaks no TLS that is still safe ({why:?}); update it, or let it speak TLS 1.2 or newer"
        ),
        other => {
            format!("TLS failed: {other}; check ca_file, cert_file, key_file, the host's name and the clock")
        }
    }
}

/// Why we do not trust the broker.
fn of_broker(why: &CertificateError) -> String {
    match why {
        CertificateError::ExpiredContext { time, not_after } => format!(
            "TLS failed: the broker's certificate ended on {}; have a new one made for the broker and restart it (nothing is to be done at \
             the camera, unless its clock is wrong: it says {})",
            day(ms(*not_after)),
            rfc3339(ms(*time))
        ),
        CertificateError::NotValidYetContext { time, not_before } => format!(
            "TLS failed: the broker's certificate counts from {} on, and this camera's clock says {}; set the clock (without power it \
             stands still, and without a time server it stays wrong)",
            rfc3339(ms(*not_before)),
            rfc3339(ms(*time))
        ),
        CertificateError::NotValidForNameContext { expected, presented } => format!(
            "TLS failed: the broker's certificate is for {}, not for {}; address the broker by a name of its certificate, or have one made for this name",
            if presented.is_empty() { "nobody".into() } else { presented.join(", ") },
            expected.to_str()
        ),
        // The second where another authority bears the name of ours.
        CertificateError::UnknownIssuer | CertificateError::BadSignature => format!(
            "TLS failed: the broker's certificate is not of the authority that we trust ({why:?}); check ca_file, and whether this is our broker"
        ),
        other => format!(
            "TLS failed: the broker's certificate does not count: {other}; check ca_file, the host's name and the clock"
        ),
    }
}

/// Why the broker does not trust us.
fn of_us(alert: AlertDescription) -> String {
    let remedy = match alert {
        AlertDescription::CertificateExpired => format!("our certificate has ended: {RENEW}"),
        AlertDescription::CertificateRevoked => format!("our certificate was revoked: {RENEW}"),
        AlertDescription::ProtocolVersion => "update it, or let it speak TLS 1.2 or newer".into(),
        _ => "check cert_file and key_file, and what it expects".into(),
    };
    format!("TLS failed: the broker answers {alert:?}; {remedy}")
}

fn ms(time: UnixTime) -> i64 {
    i64::try_from(time.as_secs().saturating_mul(1000)).unwrap_or(i64::MAX)
}
