//! Where commands come in: the queue from the connection's thread, and the thread that takes them.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::shared::Shared;
use super::{AppError, thread};
use crate::config::Config;
use crate::control::errand::{ERRANDS, Errand};
use crate::control::{Control, INBOX, Links, heard, is_wanted};
use crate::infer::worker::Order;
use crate::publish::message::command_topic;
use crate::publish::{Handle, Inbox, Message};
use crate::system::stop::Stop;

/// Orders that may wait for the detector, which takes all of them after each frame.
const ORDERS: usize = 16;

/// Where the page puts what is asked on it.
pub(super) struct Inlets {
    /// Pictures, for the detector.
    pub orders: SyncSender<Order>,
    /// Areas and drills.
    pub errands: SyncSender<Errand>,
}

/// What is open once commands are taken.
pub(super) struct Open {
    pub thread: Thread,
    /// The detector's end.
    pub orders: Receiver<Order>,
    pub inlets: Inlets,
}

/// Commands that came in before anybody takes them.
pub(super) struct Desk(Receiver<Message>);

/// The thread, where there is one.
pub(super) struct Thread(Option<(JoinHandle<()>, Stop)>);

impl Desk {
    /// The queue, and its other end for the connection, where commands are taken.
    pub fn new(config: &Config) -> (Option<Inbox>, Desk) {
        let (sender, commands) = sync_channel(INBOX);
        let inbox = heard(config).map(|word| Inbox { filter: command_topic(&config.site, word), sender });
        (inbox, Desk(commands))
    }

    /// Starts the thread where there is anything to do; gives its ends. What is in force already is told before the first frame.
    pub fn open(self, config: &Config, publish: &Handle, shared: &Shared) -> Result<Open, AppError> {
        let ((orders, ordered), (errand, errands)) = (sync_channel(ORDERS), sync_channel(ERRANDS));
        let inlets = Inlets { orders: orders.clone(), errands: errand };
        if !is_wanted(config) {
            return Ok(Open { thread: Thread(None), orders: ordered, inlets });
        }
        let links = Links {
            inbox: self.0,
            errands,
            drafts: publish.sender(),
            orders,
            acknowledger: publish.acknowledger(),
            sight: shared.sight.clone(),
            notice: shared.notice.clone(),
            areas: shared.areas.clone(),
            models: shared.models.desk(),
            metrics: shared.metrics.clone(),
            clock: shared.clock,
            pulse: shared.pulses.control.clone(),
        };
        let control = Control::new(config, publish.boot(), links);
        let stop = Stop::default();
        let flag = stop.clone();
        let handle = thread("control", move || control.run(&flag))?;
        Ok(Open { thread: Thread(Some((handle, stop))), orders: ordered, inlets })
    }
}

impl Thread {
    /// Ends it; what is in force is written down.
    pub fn end(self) -> Result<(), AppError> {
        let Some((handle, stop)) = self.0 else { return Ok(()) };
        stop.raise();
        handle.join().map_err(|_| AppError::Panicked("control"))
    }
}
