//! The other end for whoever keeps what cameras tell, as the station does: the broker is told that a message has arrived only when its keeper says that
//! it is stored ([`Keeping::stored`]), and remembers us meanwhile. So a keeper that dies loses nothing: what it had not stored comes again.
//!
//! A [`Subscriber`](super::subscriber::Subscriber) acknowledges what it hears at once, which is right for those who show and do not keep.

use std::collections::{HashMap, VecDeque};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::select;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::address::{Address, Login};
use super::backoff::Backoff;
use super::certificates::Certificates;
use super::mqtt::{self, Connection, Happening, Message, Options, Outgoings, Trouble};
use super::settings::Settings;
use super::{PublishError, tls};
use crate::system::stop::Stop;

/// Messages with an acknowledgement that are with us and not stored, at most: what comes beyond stays with the broker. Of the largest pictures that is
/// half a gigabyte, of usual ones 4 MB.
const CUSTODY: u16 = 64;
/// Messages without an acknowledgement that may wait beside them. Those beyond are dropped and counted: nobody keeps them for us, and waiting for
/// room would cost the connection.
const LOOSE: usize = 1024;
/// Messages to cameras, and words on what is stored, that may wait.
const WORDS: usize = 256;
/// Longest pause before a connection is tried again: people are waiting behind it.
const CAP: Duration = Duration::from_secs(2);
/// How often it looks around.
const TICK: Duration = Duration::from_millis(50);
/// How long the goodbye to the broker may take.
const GOODBYE: Duration = Duration::from_millis(500);

/// What is asked of the broker.
#[derive(Clone, Debug)]
pub struct Custody {
    /// Names us to the broker, always the same: by it we are known again.
    pub client_id: String,
    /// "bearwatch/v1/+/+/+", or several; "$share/GROUP/…" where several of one group share what comes.
    pub filters: Vec<String>,
    /// How long the broker keeps what we miss while we are away, seconds.
    pub memory_s: u32,
}

/// What is heard.
#[derive(Debug)]
pub enum Taken {
    /// The broker let us in and agreed to the subscription.
    Connected {
        /// It remembers us: nothing was missed since the connection before.
        remembered: bool,
    },
    /// No connection; it is tried again.
    Lost {
        /// What happened and what to do.
        why: String,
    },
    /// A message, and by what to tell that it is stored; QoS 0 has none.
    Message(Box<Message>, Option<Receipt>),
    /// The broker will not take what we sent.
    Refused {
        /// What it was about.
        sent: Sent,
        /// Its reason.
        reason: String,
    },
}

/// By what a message that we sent is known again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Where it went.
    pub topic: String,
    /// Its correlation data.
    pub correlation: Option<Vec<u8>>,
}

/// Names a message that the broker waits to hear of. Good for one connection: on the next one the broker sends it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    connection: u64,
    packet: u16,
}

enum Word {
    Stored(Vec<Receipt>),
    Send(Box<Message>),
}

/// Hears what comes in.
pub struct Intake(Receiver<Taken>);

/// Speaks to the connection.
#[derive(Clone)]
pub struct Keeping {
    words: Sender<Word>,
    dropped: Arc<AtomicU64>,
}

impl Intake {
    /// What was heard next; `None` once the connection has ended for good.
    pub async fn next(&mut self) -> Option<Taken> {
        self.0.recv().await
    }

    /// What was heard next, where that is at hand.
    pub fn at_hand(&mut self) -> Option<Taken> {
        self.0.try_recv().ok()
    }
}

impl Keeping {
    /// These messages are stored: the broker may forget them.
    pub async fn stored(&self, receipts: Vec<Receipt>) {
        // Who is gone needs no word: on its next connection the broker sends what it was not told of.
        let _ = self.words.send(Word::Stored(receipts)).await;
    }

    /// Sends a message as soon as there is room; `false` where too many wait. It is for the connection of now: what that did not take before it broke is
    /// not sent by a later one, for it may be out of date by then. Whoever needs it sent all the same sends it again.
    pub fn send(&self, message: Message) -> bool {
        self.words.try_send(Word::Send(Box::new(message))).is_ok()
    }

    /// Messages without acknowledgement that were dropped for want of room.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The connection: a future that ends when `stop` is raised.
pub struct Line {
    settings: Settings,
    custody: Custody,
    address: Address,
    tls: Option<Arc<rustls::ClientConfig>>,
    taken: Sender<Taken>,
    words: Receiver<Word>,
    dropped: Arc<AtomicU64>,
    stop: Stop,
    /// Number of the present connection.
    connection: u64,
    /// Packets that the connection has no room to acknowledge yet.
    owed: VecDeque<u16>,
    /// Messages that the broker has not taken yet: those that have no packet, in their order, and those that have.
    going: VecDeque<Sent>,
    gone: HashMap<u16, Sent>,
}

/// Prepares to listen; nothing happens before [`Line::run`].
///
/// # Errors
/// Only mistakes of configuration: the address, or files that cannot be read.
pub fn prepare(
    settings: &Settings,
    custody: Custody,
    stop: Stop,
) -> Result<(Line, Intake, Keeping), PublishError> {
    let address = Address::parse(&settings.broker)?;
    Login::read(settings)?;
    let tls = address.tls.then(|| tls::client_config(settings, &Certificates::default())).transpose()?;
    let (taken, heard) = mpsc::channel(usize::from(CUSTODY) + LOOSE);
    let (speak, words) = mpsc::channel(WORDS);
    let dropped = Arc::new(AtomicU64::new(0));
    let line = Line {
        settings: settings.clone(),
        custody,
        address,
        tls,
        taken,
        words,
        dropped: dropped.clone(),
        stop,
        connection: 0,
        owed: VecDeque::new(),
        going: VecDeque::new(),
        gone: HashMap::new(),
    };
    Ok((line, Intake(heard), Keeping { words: speak, dropped }))
}

impl Line {
    /// Connects, for ever, around connections that may break.
    pub async fn run(mut self) {
        let mut backoff = Backoff::new();
        while !self.stop.is_raised() {
            self.connection += 1;
            self.owed.clear();
            self.going.clear();
            self.gone.clear();
            let Err(Trouble { text: why, .. }) = self.connected(&mut backoff).await else { return };
            if self.taken.send(Taken::Lost { why }).await.is_err() {
                return;
            }
            sleep(backoff.pause(CAP)).await;
        }
    }

    /// One connection. `Ok` when it is time to end.
    async fn connected(&mut self, backoff: &mut Backoff) -> Result<(), Trouble> {
        let (mut outgoings, mut connection) = mqtt::connect(self.options()?);
        let (mut let_in, mut remembers, mut agreed) = (false, false, 0);
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let mut next = pin!(connection.next());
            let happening = loop {
                select! {
                    happening = &mut next => break Some(happening?),
                    Some(word) = self.words.recv(), if let_in && self.owed.is_empty() => self.obey(word, &mut outgoings),
                    _ = tick.tick() => {
                        self.pay(&outgoings);
                        if self.stop.is_raised() { break None }
                    }
                }
            };
            let Some(happening) = happening else { break };
            match happening {
                Happening::Connected { remembered } => {
                    (let_in, remembers) = (true, remembered);
                    // Receipts among them name an earlier connection, too.
                    while self.words.try_recv().is_ok() {}
                    backoff.reset();
                    self.custody.filters.iter().for_each(|filter| {
                        outgoings.subscribe(filter);
                    });
                }
                Happening::Subscribed(Ok(())) => {
                    agreed += 1;
                    if agreed == self.custody.filters.len() {
                        self.tell(Taken::Connected { remembered: remembers }).await;
                    }
                }
                Happening::Subscribed(Err(reason)) => return Err(self.not_allowed(&reason)),
                Happening::Received { message, packet } => self.take(message, packet).await,
                Happening::Sent(packet) => {
                    let sent = self.going.pop_front().unwrap_or_default();
                    self.gone.insert(packet, sent);
                }
                Happening::Acknowledged { packet, outcome } => {
                    let sent = self.gone.remove(&packet).unwrap_or_default();
                    if let Err(objection) = outcome {
                        self.tell(Taken::Refused { sent, reason: objection.code }).await;
                    }
                }
                Happening::Left => {}
            }
        }
        if let_in {
            let _ = timeout(GOODBYE, self.leave(&mut outgoings, &mut connection)).await;
        }
        Ok(())
    }

    fn options(&self) -> Result<Options, Trouble> {
        let login = Login::read(&self.settings).map_err(|error| Trouble::refusal(error.to_string()))?;
        Ok(Options {
            client_id: self.custody.client_id.clone(),
            address: self.address.clone(),
            login,
            tls: self.tls.clone(),
            keep_alive_s: self.settings.keep_alive_s,
            will: None,
            memory_s: self.custody.memory_s,
            largest: mqtt::PICTURES,
            custody: Some(CUSTODY),
        })
    }

    fn not_allowed(&self, reason: &str) -> Trouble {
        let (broker, filters) = (&self.address, self.custody.filters.join(", "));
        Trouble::refusal(format!(
            "broker {broker}: refuses the subscription to {filters} ({reason}); check its access rules"
        ))
    }

    /// What is to be acknowledged always has room: the broker sends no more of it than [`CUSTODY`].
    async fn take(&self, message: Message, packet: u16) {
        if packet == 0 && self.taken.capacity() <= usize::from(CUSTODY) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let receipt = (packet != 0).then_some(Receipt { connection: self.connection, packet });
        self.tell(Taken::Message(Box::new(message), receipt)).await;
    }

    async fn tell(&self, taken: Taken) {
        // Nobody listens only when everything ends.
        let _ = self.taken.send(taken).await;
    }

    fn obey(&mut self, word: Word, outgoings: &mut Outgoings) {
        match word {
            Word::Send(message) => {
                let sent = Sent { topic: message.topic.clone(), correlation: message.correlation.clone() };
                if outgoings.publish(*message) {
                    self.going.push_back(sent);
                }
            }
            Word::Stored(receipts) => {
                let ours = receipts.iter().filter(|receipt| receipt.connection == self.connection);
                self.owed.extend(ours.map(|receipt| receipt.packet));
                self.pay(outgoings);
            }
        }
    }

    /// Acknowledges in the order in which messages came, as far as there is room.
    fn pay(&mut self, outgoings: &Outgoings) {
        while self.owed.front().is_some_and(|&packet| outgoings.acknowledge(packet)) {
            self.owed.pop_front();
        }
    }

    /// Says goodbye, so that the broker need not find out; it keeps for us what comes.
    async fn leave(&mut self, outgoings: &mut Outgoings, connection: &mut Connection) {
        while let Ok(word) = self.words.try_recv() {
            self.obey(word, outgoings);
        }
        outgoings.disconnect();
        while let Ok(happening) = connection.next().await {
            if matches!(happening, Happening::Left) {
                return;
            }
        }
    }
}
