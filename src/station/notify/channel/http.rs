//! Requests over HTTPS, and what the answers mean.

use std::io;
use std::path::Path;
use std::time::Duration;

use ureq::tls::{Certificate, RootCerts, TlsConfig, TlsProvider};
use ureq::{Agent, Body, Error, http};

use super::{Outcome, authorities, certificate_fault, provider};

/// For the whole of an attempt.
const PATIENCE: Duration = Duration::from_secs(30);
/// For looking the name up, and for connecting.
const CONNECT: Duration = Duration::from_secs(10);
/// What is read of an answer, bytes, and what is kept of it, characters.
const MOST_ANSWER: u64 = 64 << 10;
const SHOWN: usize = 160;

/// What makes the requests: a connection for each, so that none is found dead.
pub fn agent(ca_file: Option<&Path>) -> Result<Agent, String> {
    let authorities: Vec<Certificate> =
        authorities(ca_file)?.iter().map(|one| Certificate::from_der(one).to_owned()).collect();
    let tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .root_certs(RootCerts::new_with_certs(&authorities))
        .unversioned_rustls_crypto_provider(provider())
        .build();
    let config = Agent::config_builder()
        .tls_config(tls)
        .proxy(None)
        .user_agent(concat!("bearwatch/", env!("CARGO_PKG_VERSION")))
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .max_idle_connections(0)
        .timeout_global(Some(PATIENCE))
        .timeout_resolve(Some(CONNECT))
        .timeout_connect(Some(CONNECT));
    Ok(config.build().into())
}

/// A request with what stands in it; gives what the service answered.
pub fn ask(
    agent: &Agent,
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<String, Outcome> {
    let mut request = http::Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(body).map_err(|error| Outcome::Configuration { why: error.to_string() })?;
    let mut answer = agent.run(request).map_err(|error| failed(&error))?;
    let pause = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    let status = answer.status().as_u16();
    let text = words(&mut answer);
    judged(status, text, pause.map(Duration::from_secs))
}

fn words(answer: &mut http::Response<Body>) -> String {
    answer.body_mut().with_config().limit(MOST_ANSWER).lossy_utf8(true).read_to_string().unwrap_or_default()
}

/// 408, 425, 429 and the service's own faults pass; the others do not get better by repetition.
fn judged(status: u16, text: String, pause: Option<Duration>) -> Result<String, Outcome> {
    if (200..300).contains(&status) {
        return Ok(text);
    }
    let shown: String = text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(SHOWN).collect();
    let said = if shown.is_empty() { String::new() } else { format!(": {shown}") };
    Err(match status {
        408 | 425 | 429 | 500.. => Outcome::Passing { why: format!("it answers {status}{said}"), pause },
        300..=399 => {
            Outcome::Configuration { why: format!("it answers {status}: it has moved; give its new address") }
        }
        401 | 403 => Outcome::Configuration {
            why: format!(
                "it answers {status}{said}: it does not take us; look at the file with its token or key"
            ),
        },
        _ => Outcome::Configuration {
            why: format!("it answers {status}{said}: look at its address and what it takes"),
        },
    })
}

fn failed(error: &Error) -> Outcome {
    let tls = match error {
        Error::Rustls(fault) => certificate_fault(fault),
        Error::Io(fault) => certificate_fault(fault),
        _ => None,
    };
    if let Some(why) = tls {
        return Outcome::Configuration { why };
    }
    let why = match error {
        Error::Timeout(_) => format!("it does not answer within {} s", PATIENCE.as_secs()),
        Error::HostNotFound => "its name is not known: look at the network and at url".into(),
        Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            "nobody listens there: look whether it runs, and at url".into()
        }
        Error::Io(error) => error.to_string(),
        other => other.to_string(),
    };
    Outcome::Passing { why, pause: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_status_means() {
        let is_passing = |status| match judged(status, "why\n  so".into(), None) {
            Ok(_) => None,
            Err(outcome) => {
                assert!(outcome.words().contains(&status.to_string()), "{outcome:?}");
                Some(matches!(outcome, Outcome::Passing { .. }))
            }
        };
        assert_eq!([200, 201, 204].map(is_passing), [None; 3]);
        assert_eq!([408, 425, 429, 500, 502, 503, 504].map(is_passing), [Some(true); 7]);
        assert_eq!([301, 400, 401, 403, 404, 405, 410, 413, 422].map(is_passing), [Some(false); 9]);
    }
}
