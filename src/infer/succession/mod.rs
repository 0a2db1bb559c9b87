//! How one model follows another: a signed bundle comes, is examined on this very board, looks beside the running model and decides nothing, is promoted,
//! does well on its trial or is taken back.
//!
//! * [`archive`], [`signed`] – the form of a bundle, and what must be right before anything of it is used; [`pack`] makes one;
//! * [`examine`] – golden pictures, and what a look costs here;
//! * [`shelf`] – what stands on disk; [`choice`] – what of it runs, when the daemon starts; [`fetch`] – a bundle on its way;
//! * [`port`] – what the detector lends to a challenger; [`comparison`] – two models on the same looks; [`trial`] – limits of a promoted one;
//! * [`keeper`] – the thread that does all of it, at low priority; [`order`] – what may be ordered of it.
//!
//! A model is exchanged by starting the program anew, in order, not between two frames: whatever names a model or counts what one did (alerts, telemetry,
//! drift, metrics, the page) stands for one life of the daemon and one model, a start is what a rollback after a crash must do anyway, and so there is one way
//! for both, which every power cut tests. It costs the frames of a second or two, and no alert: those wait in the outbox, and none is promoted while
//! something may be a bear.

pub mod archive;
pub mod choice;
pub mod comparison;
pub mod examine;
pub mod fetch;
pub mod keeper;
pub mod order;
#[cfg(feature = "station")]
pub mod pack;
pub mod port;
mod rival;
pub mod shelf;
pub mod signed;
pub mod trial;

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};

use crate::publish::ModelsDraft;
use crate::publish::models::{ModelOrder, Piece};

/// Words that may wait for the keeper: a piece is sent when it was asked for, a frame when it has nothing to do.
pub const WORDS: usize = 8;

/// What the keeper hears.
#[derive(Debug)]
pub enum Word {
    /// Somebody may order this, and does.
    Order(ModelOrder),
    /// A piece of a bundle.
    Piece(Piece),
    /// A frame for the challenger.
    Looked(Box<port::Looked>),
}

/// The keeper, for whoever takes commands. Clones share it.
#[derive(Clone)]
pub struct Desk {
    words: SyncSender<Word>,
    standing: Arc<Mutex<ModelsDraft>>,
}

impl Desk {
    /// Of a keeper that hears `words` and tells how it stands.
    pub fn new(words: SyncSender<Word>, standing: Arc<Mutex<ModelsDraft>>) -> Desk {
        Desk { words, standing }
    }

    /// Why an order cannot be carried out; `bear` while something may be one.
    pub fn objection(&self, order: &ModelOrder, bear: bool) -> Option<String> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        order::objection(order, &standing, bear)
    }

    /// Has it carried out.
    ///
    /// # Errors
    /// Where the keeper is busy.
    pub fn order(&self, order: ModelOrder) -> Result<(), String> {
        let sent = self.words.try_send(Word::Order(order));
        sent.map_err(|_| "the keeper of models is busy with earlier words; try again".into())
    }

    /// Hands a piece over. One that finds no room is asked for again.
    pub fn piece(&self, piece: Piece) {
        let _ = self.words.try_send(Word::Piece(piece));
    }
}
