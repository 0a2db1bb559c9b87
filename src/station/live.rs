//! Who looks, and what they are told as it happens: a stream of events for each (text/event-stream of the HTML standard).
//!
//! Each has a bounded queue. Who does not keep up is let go, comes back by itself and asks for everything anew: nobody holds up the station, and nobody
//! sees a picture with holes.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::store::Store;

/// Events that may wait for one who looks.
const QUEUE: usize = 256;
/// Who may look at once.
const MOST: usize = 64;

/// Everybody who looks.
#[derive(Clone, Default)]
pub struct Live(Arc<Mutex<Vec<Sender<Arc<str>>>>>);

#[derive(Serialize)]
struct AlertEvent<'a, T> {
    alert: &'a T,
    rings: bool,
}

impl Live {
    /// Somebody looks; `None` where too many do.
    pub fn join(&self) -> Option<Receiver<Arc<str>>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|sender| !sender.is_closed());
        if all.len() >= MOST {
            return None;
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        all.push(sender);
        Some(receiver)
    }

    /// An alert has changed; its present form is told.
    pub async fn alert(&self, store: &Store, id: &str, rings: bool) {
        if self.is_alone() {
            return;
        }
        match store.alert(id).await {
            Ok(Some(alert)) => self.tell("alert", &AlertEvent { alert: &alert, rings }),
            Ok(None) => {}
            // Whoever looks asks for all of it, and sees what is wrong.
            Err(_) => self.tell("anew", &()),
        }
    }

    /// Tells everybody.
    pub fn tell(&self, event: &str, data: &impl Serialize) {
        let Ok(json) = serde_json::to_string(data) else { return };
        let text: Arc<str> = format!("event: {event}\ndata: {json}\n\n").into();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|sender| sender.try_send(text.clone()).is_ok());
    }

    fn is_alone(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_does_not_keep_up_is_let_go_and_the_others_go_on() {
        let live = Live::default();
        let (mut slow, mut quick) = (live.join().unwrap(), live.join().unwrap());
        for number in 0..=QUEUE {
            live.tell("pulse", &number);
            assert_eq!(&*quick.try_recv().unwrap(), format!("event: pulse\ndata: {number}\n\n").as_str());
        }
        let heard = std::iter::from_fn(|| slow.try_recv().ok()).count();
        assert_eq!((heard, slow.is_closed()), (QUEUE, true));
    }

    #[test]
    fn there_is_an_end_to_who_may_look() {
        let live = Live::default();
        let mut all: Vec<_> = (0..MOST).map(|_| live.join().unwrap()).collect();
        assert!(live.join().is_none());
        all.pop();
        assert!(live.join().is_some());
    }
}
