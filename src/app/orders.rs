//! Where commands come in: the queue from the connection's thread, and the thread that takes them.

use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;

use super::shared::Shared;
use super::{AppError, thread};
use crate::config::Config;
use crate::control::{Control, INBOX, Links, heard, is_wanted};
use crate::infer::worker::Order;
use crate::publish::message::command_topic;
use crate::publish::{Handle, Inbox, Message};
use crate::system::stop::Stop;

/// Orders that may wait for the detector, which takes all of them after each frame.
const ORDERS: usize = 16;

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

    /// Starts the thread; gives the orders that it has for the detector. What is in force already is told before the first frame.
    pub fn open(
        self,
        config: &Config,
        publish: &Handle,
        shared: &Shared,
    ) -> Result<(Thread, Receiver<Order>), AppError> {
        let (orders, ordered) = sync_channel(ORDERS);
        if !is_wanted(config) {
            return Ok((Thread(None), ordered));
        }
        let links = Links {
            inbox: self.0,
            drafts: publish.sender(),
            orders,
            acknowledger: publish.acknowledger(),
            sight: shared.sight.clone(),
            notice: shared.notice.clone(),
            metrics: shared.metrics.clone(),
            clock: shared.clock,
            pulse: shared.pulses.control.clone(),
        };
        let control = Control::new(config, publish.boot(), links);
        let stop = Stop::default();
        let flag = stop.clone();
        let handle = thread("control", move || control.run(&flag))?;
        Ok((Thread(Some((handle, stop))), ordered))
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
