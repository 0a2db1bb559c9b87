//! Carries what people say of alerts to the cameras, again and again until they answer: an acknowledgement ends the climb of an alert from one person to
//! the next, so it must arrive.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use super::keeper::Shared;
use super::store::{Letter, News, StoreError};
use crate::control::request::{Request, Signer};
use crate::publish::Message;
use crate::publish::intake::Keeping;
use crate::system::stop::Stop;

/// A camera that has not answered is asked again after this, milliseconds; by the database, so that of several stations one asks.
const AGAIN_MS: i64 = 15_000;
/// How often it looks whether one is due.
const TICK: Duration = Duration::from_secs(1);

/// The carrier.
pub struct Post {
    shared: Shared,
    keeping: Keeping,
    signer: Option<Arc<Signer>>,
    /// Somebody has said something.
    bell: Arc<Notify>,
}

impl Post {
    /// With whoever signs, where cameras ask for that.
    pub fn new(shared: Shared, keeping: Keeping, signer: Option<Arc<Signer>>, bell: Arc<Notify>) -> Post {
        Post { shared, keeping, signer, bell }
    }

    /// Until it is to end.
    pub async fn run(self, stop: Stop) {
        while !stop.is_raised() {
            if let Err(error) = self.deliver().await {
                tracing::debug!("no letters: {error}");
            }
            let _ = timeout(TICK, self.bell.notified()).await;
        }
    }

    async fn deliver(&self) -> Result<(), StoreError> {
        let connected = self.shared.standing.lock().unwrap_or_else(PoisonError::into_inner).link.connected;
        if !connected {
            return Ok(());
        }
        let letters = self.shared.store.letters(self.shared.clock.unix_ms()).await?;
        for letter in letters {
            let now_ms = self.shared.clock.unix_ms();
            let Some(message) = self.message(&letter) else { continue };
            if !self.shared.store.sending(letter.id, now_ms - AGAIN_MS, now_ms).await? {
                continue;
            }
            // Where too much waits for the broker it goes the next time.
            self.keeping.send(message);
            self.shared.store.announce(News::alert(&letter.word.alert)).await;
            self.shared.live.alert(&self.shared.store, &letter.word.alert, false).await;
        }
        Ok(())
    }

    fn message(&self, letter: &Letter) -> Option<Message> {
        let word = &letter.word;
        let request =
            Request::acknowledge(&word.alert, word.verdict, word.note.as_deref(), Some(word.by.clone()));
        let boot = self.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner).boot(&letter.site);
        let unix_ms = self.shared.clock.unix_ms();
        match request.message(&letter.site, boot.as_ref(), &letter.command, self.signer.as_deref(), unix_ms) {
            Ok(message) => Some(message),
            Err(error) => {
                tracing::error!("a word on {} cannot be sent: {error}", word.alert);
                None
            }
        }
    }
}
