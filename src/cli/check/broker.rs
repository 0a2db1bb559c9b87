//! Does the broker let us in, and for how long will it?

use std::time::Duration;

use super::{Finding, Verdict};
use crate::cli::exit::Exit;
use crate::publish::PublishError;
use crate::publish::certificates::{Certificates, Ending, Expiry, day};
use crate::publish::settings::Settings;
use crate::publish::subscriber::{Heard, Subscriber};
use crate::system::clock::{Clock, Stopwatch};
use crate::system::stop::Stop;

const SUBJECT: &str = "broker";
/// One of `publish.fallback`.
const FURTHER: &str = "fallback";
/// How long the broker may take to answer.
const LIMIT: Duration = Duration::from_secs(8);
const TICK: Duration = Duration::from_millis(50);

/// Knocks at each broker as the daemon would, under another name and without a last will, and leaves again. With TLS a further finding says
/// when the certificates end. A further broker that is away is a warning: alerts go out all the same.
pub fn check(settings: &Settings, stop: &Stop) -> Vec<Finding> {
    let mut findings = knock(SUBJECT, settings, stop);
    for broker in &settings.fallback {
        let settings = Settings { broker: broker.clone(), fallback: Vec::new(), ..settings.clone() };
        findings.extend(knock(FURTHER, &settings, stop).into_iter().map(milder));
    }
    findings
}

fn milder(finding: Finding) -> Finding {
    match finding.exit {
        Exit::Unavailable => Finding { verdict: Verdict::Warning, exit: Exit::Ok, ..finding },
        _ => finding,
    }
}

fn knock(subject: &'static str, settings: &Settings, stop: &Stop) -> Vec<Finding> {
    match Subscriber::knock(settings) {
        Ok(knock) => {
            let let_in = wait(subject, settings, &knock, stop);
            std::iter::once(let_in).chain(tls(knock.certificates(), Clock::start().unix_ms())).collect()
        }
        Err(error) => {
            let exit = if matches!(error, PublishError::Thread(_)) { Exit::TryAgain } else { Exit::Config };
            vec![Finding::failed(subject, exit, &error)]
        }
    }
}

/// `None` without TLS.
fn tls(certificates: &Certificates, now_ms: i64) -> Option<Finding> {
    let known = certificates.known();
    let until = |expiry: &Expiry| format!("{} until {}", expiry.holder.name(), day(expiry.until_ms));
    let what = known.iter().map(until).collect::<Vec<_>>().join(", ");
    let first_ms = known.iter().map(|expiry| expiry.until_ms).min()?;
    Some(match certificates.ending(now_ms) {
        None => Finding::ok("tls", format!("certificates: {what}")),
        Some(Ending { text, .. }) => {
            let (what, remedy) = text.split_once("; ").unwrap_or((&text, ""));
            match first_ms <= now_ms {
                true => Finding::fail("tls", Exit::Config, what, remedy),
                false => Finding::warning("tls", what, remedy),
            }
        }
    })
}

fn wait(subject: &'static str, settings: &Settings, knock: &Subscriber, stop: &Stop) -> Finding {
    let watch = Stopwatch::start();
    while watch.elapsed() < LIMIT && !stop.is_raised() {
        match knock.next(TICK) {
            Some(Heard::Connected) => return let_in(subject, settings, watch.elapsed_ms()),
            Some(Heard::Lost { why, .. }) => return away(subject, &why),
            _ => {}
        }
    }
    let text = format!("{}: no answer within {} s", settings.broker, LIMIT.as_secs());
    Finding::fail(
        subject,
        Exit::Unavailable,
        text,
        "check the address, the network, and whether it is an MQTT broker",
    )
}

fn let_in(subject: &'static str, settings: &Settings, ms: f64) -> Finding {
    let user = settings.user.as_deref().map_or("without a user name".into(), |user| format!("as {user}"));
    Finding::ok(subject, format!("{}: let us in {user} after {ms:.0} ms", settings.broker))
}

fn away(subject: &'static str, why: &str) -> Finding {
    let why = why.strip_prefix("broker ").unwrap_or(why);
    let (what, remedy) = why.rsplit_once("; ").unwrap_or((why, ""));
    let remedy = if remedy.is_empty() { "see the broker's log" } else { remedy };
    Finding::fail(subject, Exit::Unavailable, what, format!("{remedy} (meanwhile alerts would wait on disk)"))
}
