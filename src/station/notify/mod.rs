//! Tells people and programs outside the station of alerts: by ntfy, webhook, e-mail, EarthRanger.
//!
//! ```text
//! alert, word, picture ──▶ telling (same commit) ──▶ planner: rules ──▶ notice (the outbox) ──▶ a lane for each channel ──▶ the service
//!                                                      ▲ what did not get through ◀──────────── attempts, and what came back
//! ```
//!
//! **Each cause is told once on each channel**, whatever is started anew: the outbox has one row for it, noted before it is sent and after. Where the station
//! ends between sending and noting, it is sent again under the same number, for a bear that nobody hears of is worse than one of which they hear twice.
//! **No channel waits for another**: each has its own lane. **No browser need be open**: the steps of an escalation are kept in the database.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::station::keeper::Shared;
use crate::station::store::StoreError;
use crate::system::stop::Stop;

pub mod channel;
mod lane;
mod planner;
pub mod rule;
pub mod settings;
mod table;
mod text;

use channel::{Message, Outcome, Sender, Urgency};
use lane::Lane;
use planner::Planner;
use settings::{Channel, Settings, To};

/// Who tells, and where the page is that they lead to.
#[derive(Clone, Debug)]
pub struct Sign {
    /// Identity of the station: no other one has its numbers.
    pub station: String,
    /// Address of the page, where people know one.
    pub link: Option<String>,
}

impl To {
    /// The kind's name, in the file and on the page.
    pub fn kind(&self) -> &'static str {
        match self {
            To::Ntfy(_) => "ntfy",
            To::Webhook(_) => "webhook",
            To::Email(_) => "email",
            To::EarthRanger(_) => "earthranger",
        }
    }

    /// Where it leads, for people; no secret of it.
    pub fn address(&self) -> String {
        match self {
            To::Ntfy(to) => format!("{} on {}", to.topic, to.url.host_str().unwrap_or_default()),
            To::Webhook(to) => to.url.host_str().unwrap_or_default().to_owned(),
            To::Email(to) => {
                to.to.iter().map(|mailbox| mailbox.email.to_string()).collect::<Vec<_>>().join(", ")
            }
            To::EarthRanger(to) => to.url.host_str().unwrap_or_default().to_owned(),
        }
    }
}

/// What is on its way when the station ends has so long to arrive; systemd has more patience than that.
const LAST: Duration = Duration::from_secs(10);

/// The lanes that run.
#[derive(Debug, Default)]
pub struct Lanes(Vec<JoinHandle<()>>);

impl Lanes {
    /// Until what is on its way has arrived and is noted, so that it is not sent again.
    pub async fn end(self) {
        let all = async {
            for lane in self.0 {
                let _ = lane.await;
            }
        };
        let _ = timeout(LAST, all).await;
    }
}

/// Begins to tell. Without a file nobody is told, and nothing piles up; of several stations on one database, those that have a file tell.
///
/// # Errors
/// Where the database is away, or a file of authorities is not there any more.
pub async fn begin(
    settings: Option<Settings>,
    shared: &Shared,
    sign: Sign,
    stop: &Stop,
) -> Result<Lanes, StoreError> {
    if settings.is_none() && shared.store.is_one_of_several() {
        return Ok(Lanes::default());
    }
    let settings = settings.unwrap_or_default();
    let kinds: Vec<(&str, &str)> =
        settings.channels.iter().map(|(name, channel)| (name.as_str(), channel.to.kind())).collect();
    shared.store.channels_are(&kinds, shared.clock.unix_ms()).await?;
    let mut lanes = Lanes::default();
    let mut bells: BTreeMap<String, Arc<Notify>> = BTreeMap::new();
    for (name, channel) in &settings.channels {
        let bell = Arc::new(Notify::new());
        bells.insert(name.clone(), bell.clone());
        let voice = text::Voice { zone: settings.zone.0.clone(), sign: sign.clone() };
        let lane = Lane::new(name.clone(), channel.clone(), voice, shared.clone(), bell);
        lanes.0.push(tokio::spawn(lane.run(stop.clone())));
    }
    tokio::spawn(Planner::new(settings, shared.clone(), bells).run(stop.clone()));
    Ok(lanes)
}

/// Sends a test by one channel, and waits for what comes of it.
pub fn test(channel: &Channel, now_ms: i64, key: &str) -> Outcome {
    let message = Message {
        key: key.to_owned(),
        thread: None,
        title: text::test_title(),
        text: text::test_text(),
        urgency: Urgency::Usual,
        link: None,
        now_ms,
        items: Vec::new(),
        receipt: None,
        picture: None,
    };
    match Sender::new(channel.clone()) {
        Ok(sender) => sender.send(&message),
        Err(why) => Outcome::Configuration { why },
    }
}
