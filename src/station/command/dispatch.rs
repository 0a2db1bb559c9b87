//! Sends commands to cameras: each once, at once or not at all. A mute that came an hour late would silence a camera of which nobody thinks any more.
//!
//! Nothing is sent again: most cameras would do it twice, and whoever asked sees that no answer came and asks anew.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::known;
use crate::control::request::{Request, Signer};
use crate::publish::Message;
use crate::publish::intake::Keeping;
use crate::station::keeper::Shared;
use crate::station::store::{Asked, News, StoreError};
use crate::system::stop::Stop;

/// How often it looks whether one is due, or too late.
const TICK: Duration = Duration::from_secs(1);

/// The sender.
pub struct Dispatch {
    shared: Shared,
    keeping: Keeping,
    signer: Option<Arc<Signer>>,
    /// Somebody has asked for something.
    bell: Arc<Notify>,
}

impl Dispatch {
    /// With whoever signs, where cameras ask for that.
    pub fn new(shared: Shared, keeping: Keeping, signer: Option<Arc<Signer>>, bell: Arc<Notify>) -> Dispatch {
        Dispatch { shared, keeping, signer, bell }
    }

    /// Until it is to end.
    pub async fn run(self, stop: Stop) {
        while !stop.is_raised() {
            if let Err(error) = self.send().await {
                tracing::debug!("no commands: {error}");
            }
            let _ = timeout(TICK, self.bell.notified()).await;
        }
    }

    async fn send(&self) -> Result<(), StoreError> {
        let due = self.shared.store.due(self.shared.clock.unix_ms()).await?;
        let connected = self.shared.standing.lock().unwrap_or_else(PoisonError::into_inner).link.connected;
        for asked in due.iter().filter(|_| connected) {
            let now_ms = self.shared.clock.unix_ms();
            if !self.shared.store.going(&asked.nonce, now_ms).await? {
                continue;
            }
            let sent = self.message(asked, now_ms).and_then(|message| {
                self.keeping
                    .send(message)
                    .then_some(())
                    .ok_or_else(|| "too much waits for the broker; try again".into())
            });
            if let Err(reason) = sent {
                self.shared.store.stopped(&asked.nonce, &reason, now_ms).await?;
            }
            self.shared.store.announce(News::commands()).await;
            self.shared.live.tell("commands", &());
        }
        Ok(())
    }

    /// Its id goes along as correlation data, by which a broker's refusal is known again.
    fn message(&self, asked: &Asked, now_ms: i64) -> Result<Message, String> {
        let word = known(&asked.word).ok_or("this version of the station knows no such command")?;
        let request = Request::new(word, &asked.fields, Some(asked.by.clone()));
        let boot = self.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner).boot(&asked.site);
        let message =
            request.message(&asked.site, boot.as_ref(), &asked.nonce, self.signer.as_deref(), now_ms);
        let message = message.map_err(|error| error.to_string())?;
        Ok(Message { correlation: Some(asked.nonce.clone().into_bytes()), ..message })
    }
}
