//! Does the broker let us in?

use std::time::Duration;

use super::Finding;
use crate::cli::exit::Exit;
use crate::publish::PublishError;
use crate::publish::settings::Settings;
use crate::publish::subscriber::{Heard, Subscriber};
use crate::system::clock::Stopwatch;
use crate::system::stop::Stop;

const SUBJECT: &str = "broker";
/// How long the broker may take to answer.
const LIMIT: Duration = Duration::from_secs(8);
const TICK: Duration = Duration::from_millis(50);

/// Connects as the daemon would, under another name and without a last will, and leaves again.
pub fn check(settings: &Settings, stop: &Stop) -> Finding {
    let knock = match Subscriber::knock(settings) {
        Ok(knock) => knock,
        Err(error) => {
            let exit = if matches!(error, PublishError::Thread(_)) { Exit::TryAgain } else { Exit::Config };
            return Finding::failed(SUBJECT, exit, &error);
        }
    };
    let watch = Stopwatch::start();
    while watch.elapsed() < LIMIT && !stop.is_raised() {
        match knock.next(TICK) {
            Some(Heard::Connected) => return let_in(settings, watch.elapsed_ms()),
            Some(Heard::Lost { why, .. }) => return away(&why),
            _ => {}
        }
    }
    let text = format!("{}: no answer within {} s", settings.broker, LIMIT.as_secs());
    Finding::fail(
        SUBJECT,
        Exit::Unavailable,
        text,
        "check the address, the network, and whether it is an MQTT broker",
    )
}

fn let_in(settings: &Settings, ms: f64) -> Finding {
    let user = settings.user.as_deref().map_or("without a user name".into(), |user| format!("as {user}"));
    Finding::ok(SUBJECT, format!("{}: let us in {user} after {ms:.0} ms", settings.broker))
}

fn away(why: &str) -> Finding {
    let why = why.strip_prefix("broker ").unwrap_or(why);
    let (what, remedy) = why.rsplit_once("; ").unwrap_or((why, ""));
    let remedy = if remedy.is_empty() { "see the broker's log" } else { remedy };
    Finding::fail(SUBJECT, Exit::Unavailable, what, format!("{remedy} (meanwhile alerts would wait on disk)"))
}
