//! When the certificates of the connection end: told a month ahead, for a broker whose certificate has ended hears no alert.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::message::rfc3339;

const DAY_MS: i64 = 86_400_000;
/// What ends within so many days is told.
pub const WARNED_DAYS: i64 = 30;
/// What ends within so many days makes the camera `degraded`: somebody has read the warning for three weeks and done nothing, or has not
/// read it.
pub const URGENT_DAYS: i64 = 7;

/// What to do about a certificate of ours.
pub const RENEW: &str = "have a new one made and put it in the place of cert_file and key_file: it counts from the next connection on";

/// Whose certificate it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, schemars::JsonSchema)]
#[schemars(rename = "CertificateHolder", rename_all = "lowercase")]
pub enum Holder {
    /// The broker's, as it showed it.
    Broker,
    /// Ours (`cert_file`).
    Camera,
    /// The pinned authority's (`ca_file`).
    Authority,
}

impl Holder {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Holder::Broker => "broker",
            Holder::Camera => "camera",
            Holder::Authority => "authority",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Holder::Broker => {
                "have a new one made for the broker and restart it; nothing is to be done at the camera"
            }
            Holder::Camera => RENEW,
            Holder::Authority => {
                "add the new authority to ca_file on every camera before the broker gets a certificate of it"
            }
        }
    }
}

/// When a certificate ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiry {
    /// Whose.
    pub holder: Holder,
    /// Address of the broker whose it is, where there are several.
    pub broker: Option<Arc<str>>,
    /// Milliseconds since 1970.
    pub until_ms: i64,
}

/// What is to be told of certificates that end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// For people, with the remedy after a semicolon. Does not change from day to day.
    pub text: String,
    /// Within [`URGENT_DAYS`], or past.
    pub urgent: bool,
}

/// What is known of the certificates of the newest connection to each broker. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Certificates {
    known: Arc<Mutex<Vec<Expiry>>>,
    /// The broker whose are noted by this clone; `None` where there is but one.
    broker: Option<Arc<str>>,
}

impl Certificates {
    /// Takes in a chain; the first of it to end is what counts. What cannot be read is passed over: whether it holds is rustls's to say.
    pub fn chain(&self, holder: Holder, chain: &[CertificateDer]) {
        self.set(holder, chain.iter().filter_map(|der| until_ms(der)).min());
    }

    /// Takes in alternatives; the last of them to end is what counts.
    pub fn any_of(&self, holder: Holder, certificates: &[CertificateDer]) {
        self.set(holder, certificates.iter().filter_map(|der| until_ms(der)).max());
    }

    /// Shares what is known, and notes what the broker of that address shows: one of several.
    pub fn at(&self, broker: &str) -> Certificates {
        Certificates { known: self.known.clone(), broker: Some(broker.into()) }
    }

    fn set(&self, holder: Holder, until_ms: Option<i64>) {
        let broker = self.broker.clone().filter(|_| holder == Holder::Broker);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|expiry| (expiry.holder, &expiry.broker) != (holder, &broker));
        known.extend(until_ms.map(|until_ms| Expiry { holder, broker, until_ms }));
        // Stable: brokers stay in the order in which they were met.
        known.sort_by_key(|expiry| expiry.holder);
    }

    /// All that is known: the broker's once it has shown one.
    pub fn known(&self) -> Vec<Expiry> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What is to be told by a wall clock of `now_ms`: of the certificate that ends first.
    pub fn ending(&self, now_ms: i64) -> Option<Ending> {
        let first = self.known().into_iter().min_by_key(|expiry| expiry.until_ms)?;
        let left_ms = first.until_ms - now_ms;
        (left_ms <= WARNED_DAYS * DAY_MS).then(|| first.ending(left_ms))
    }
}

impl Expiry {
    fn ending(&self, left_ms: i64) -> Ending {
        let whose = match (self.holder, &self.broker) {
            (Holder::Broker, Some(broker)) => {
                format!("the certificate of broker {broker}, as it showed it last,")
            }
            (Holder::Broker, None) => "the broker's certificate".into(),
            (Holder::Camera, _) => "our certificate".into(),
            (Holder::Authority, _) => "the certificate of the authority in ca_file".into(),
        };
        let ends = if left_ms > 0 { "ends" } else { "ended" };
        let text = format!("{whose} {ends} on {}; {}", day(self.until_ms), self.holder.remedy());
        Ending { text, urgent: left_ms <= URGENT_DAYS * DAY_MS }
    }
}

/// The day in UTC, 2026-11-30.
pub fn day(unix_ms: i64) -> String {
    rfc3339(unix_ms).chars().take(10).collect()
}

fn until_ms(der: &CertificateDer) -> Option<i64> {
    let certificate = Certificate::from_der(der).ok()?;
    let until: Duration = certificate.tbs_certificate().validity().not_after.to_unix_duration();
    i64::try_from(until.as_millis()).ok().filter(|_| UNIX_EPOCH.checked_add(until).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(ends: &[(Holder, i64)]) -> Certificates {
        let known = Certificates::default();
        ends.iter().for_each(|&(holder, days)| known.set(holder, Some(days * DAY_MS)));
        known
    }

    #[test]
    fn the_first_to_end_is_told_a_month_ahead_and_presses_in_the_last_week() {
        let known = known(&[(Holder::Authority, 3000), (Holder::Camera, 730), (Holder::Broker, 365)]);
        assert_eq!(known.ending(334 * DAY_MS), None);
        let told = known.ending(335 * DAY_MS).unwrap();
        assert!(
            told.text.starts_with("the broker's certificate ends on 1971-01-01; have a new one"),
            "{told:?}"
        );
        assert!(!told.urgent);
        assert_eq!(
            known.ending(357 * DAY_MS),
            Some(told.clone()),
            "the same words, so that they are told once"
        );
        assert!(known.ending(358 * DAY_MS).unwrap().urgent);
        assert!(known.ending(366 * DAY_MS).unwrap().text.contains("ended on"));
        known.set(Holder::Broker, Some(9999 * DAY_MS));
        assert_eq!(known.ending(358 * DAY_MS), None, "it was renewed");
        assert_eq!(known.known().len(), 3);
    }

    #[test]
    fn each_of_several_brokers_is_told_by_its_address_and_our_own_certificate_once() {
        let shared = Certificates::default();
        let [first, second] = ["mqtts://a:8883", "mqtts://b:8883"].map(|broker| shared.at(broker));
        for (server, days) in [(&first, 400), (&second, 100)] {
            server.set(Holder::Camera, Some(730 * DAY_MS));
            server.set(Holder::Broker, Some(days * DAY_MS));
        }
        let whose = |known: &[Expiry]| -> Vec<(Holder, Option<String>)> {
            known.iter().map(|expiry| (expiry.holder, expiry.broker.as_deref().map(str::to_owned))).collect()
        };
        let brokers = ["mqtts://a:8883", "mqtts://b:8883"].map(|at| (Holder::Broker, Some(at.to_owned())));
        let mut expected = brokers.to_vec();
        expected.push((Holder::Camera, None));
        assert_eq!(whose(&shared.known()), expected);
        let told = shared.ending(95 * DAY_MS).unwrap();
        assert!(
            told.text.starts_with("the certificate of broker mqtts://b:8883, as it showed it last, ends on"),
            "{told:?}"
        );
        second.set(Holder::Broker, Some(500 * DAY_MS));
        assert_eq!(shared.ending(95 * DAY_MS), None);
    }

    #[test]
    fn what_is_no_certificate_is_passed_over() {
        let known = Certificates::default();
        known.chain(Holder::Broker, &[CertificateDer::from(vec![0x30, 0x82, 0xff, 0xff, 1])]);
        assert!(known.known().is_empty() && known.ending(0).is_none());
    }
}
