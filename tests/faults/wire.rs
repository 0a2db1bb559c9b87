//! The network between daemon and broker, which knows enough of MQTT to tamper with acknowledgements.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bearwatch::system::clock::Stopwatch;

const PUBACK: u8 = 0x40;
/// Longest time that an acknowledgement is held back for another one to overtake it.
const HELD: Duration = Duration::from_secs(5);

/// What the network does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mode {
    /// Carries.
    Passes,
    /// Cuts connections and refuses new ones.
    Closed,
    /// Takes everything and carries nothing, without a word: a mast that lost its uplink.
    Silent,
    /// Carries everything later.
    Delays(Duration),
    /// Acknowledgements come twice.
    Doubles,
    /// The first acknowledgement of two comes last.
    Reorders,
    /// Acknowledgements get this reason code.
    Refuses(u8),
    /// Acknowledgements go lost.
    Forgets,
    /// Whoever connects is told to log in, in HTTP.
    Portal,
}

/// What it did.
#[derive(Debug, Default)]
pub struct Counts {
    /// Connections that were cut or turned away.
    pub cut: AtomicU64,
    /// Bytes that were swallowed.
    pub swallowed: AtomicU64,
    /// Bytes that came late.
    pub delayed: AtomicU64,
    /// Acknowledgements that were tampered with.
    pub tampered: AtomicU64,
    /// Answers in HTTP.
    pub portal: AtomicU64,
    /// Bytes that the broker sent.
    pub from_broker: AtomicU64,
}

#[derive(Debug)]
struct Shared {
    mode: Mutex<Mode>,
    counts: Counts,
    /// Connections of an earlier generation are cut.
    generation: AtomicU64,
    broker: u16,
    encrypted: bool,
}

/// The network.
#[derive(Clone, Debug)]
pub struct Wire {
    pub port: u16,
    shared: Arc<Shared>,
}

impl Wire {
    /// To the broker on this port of the loopback. What is encrypted cannot be read, and so not be tampered with.
    pub fn to(broker: u16, encrypted: bool) -> Wire {
        let listener = TcpListener::bind("0.0.0.0:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            mode: Mutex::new(Mode::Passes),
            counts: Counts::default(),
            generation: AtomicU64::new(0),
            broker,
            encrypted,
        });
        let wire = Wire { port, shared: shared.clone() };
        std::thread::spawn(move || listener.incoming().for_each(|socket| accept(socket.unwrap(), &shared)));
        wire
    }

    /// From now on; what is connected stays so.
    pub fn set(&self, mode: Mode) {
        *self.shared.mode.lock().unwrap() = mode;
    }

    /// Cuts what is connected.
    pub fn cut(&self) {
        self.shared.generation.fetch_add(1, Ordering::Relaxed);
    }

    /// Ends connections and lets no new one through.
    pub fn close(&self) {
        self.set(Mode::Closed);
        self.cut();
    }

    /// All is well again.
    pub fn open(&self) {
        self.set(Mode::Passes);
    }

    pub fn counts(&self) -> &Counts {
        &self.shared.counts
    }
}

impl Shared {
    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap()
    }
}

fn accept(mut client: TcpStream, shared: &Arc<Shared>) {
    match shared.mode() {
        Mode::Closed => {
            shared.counts.cut.fetch_add(1, Ordering::Relaxed);
            return;
        }
        Mode::Portal => {
            let _ = client.set_read_timeout(Some(Duration::from_millis(200)));
            let _ = client.read(&mut [0; 512]);
            let page = "HTTP/1.1 302 Found\r\nLocation: http://login.lodge/\r\nContent-Length: 0\r\n\r\n";
            shared
                .counts
                .portal
                .fetch_add(u64::from(client.write_all(page.as_bytes()).is_ok()), Ordering::Relaxed);
            return;
        }
        _ => {}
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", shared.broker)) else { return };
    let generation = shared.generation.load(Ordering::Relaxed);
    let way = |from: &TcpStream, to: &TcpStream| Way {
        from: from.try_clone().unwrap(),
        to: to.try_clone().unwrap(),
        shared: shared.clone(),
        generation,
    };
    let (there, back) = (way(&client, &server), way(&server, &client));
    std::thread::spawn(move || there.carry(|bytes, _| Some(bytes)));
    std::thread::spawn(move || {
        let mut packets = Packets::default();
        back.carry(
            |bytes, shared| if shared.encrypted { Some(bytes) } else { packets.tamper(&bytes, shared) },
        );
    });
}

/// One direction of a connection.
struct Way {
    from: TcpStream,
    to: TcpStream,
    shared: Arc<Shared>,
    generation: u64,
}

impl Way {
    fn carry(mut self, mut change: impl FnMut(Vec<u8>, &Shared) -> Option<Vec<u8>>) {
        self.from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let mut buffer = [0; 16 * 1024];
        loop {
            if self.shared.generation.load(Ordering::Relaxed) != self.generation {
                self.shared.counts.cut.fetch_add(1, Ordering::Relaxed);
                break;
            }
            let read = match self.from.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => read,
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => 0,
                Err(_) => break,
            };
            let Some(bytes) = change(buffer[..read].to_vec(), &self.shared) else { continue };
            if !bytes.is_empty() && !self.pass(&bytes) {
                break;
            }
        }
        let _ = self.from.shutdown(Shutdown::Both);
        let _ = self.to.shutdown(Shutdown::Both);
    }

    fn pass(&mut self, bytes: &[u8]) -> bool {
        let counts = &self.shared.counts;
        match self.shared.mode() {
            Mode::Silent => {
                counts.swallowed.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                return true;
            }
            Mode::Delays(time) => {
                counts.delayed.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                std::thread::sleep(time);
            }
            _ => {}
        }
        self.to.write_all(bytes).is_ok()
    }
}

/// What the broker says, packet by packet.
#[derive(Default)]
struct Packets {
    begun: Vec<u8>,
    held: Option<(Vec<u8>, Stopwatch)>,
}

impl Packets {
    /// What goes on to the daemon; called without bytes now and then.
    fn tamper(&mut self, bytes: &[u8], shared: &Shared) -> Option<Vec<u8>> {
        shared.counts.from_broker.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.begun.extend_from_slice(bytes);
        let mut out = Vec::new();
        while let Some(length) = packet_length(&self.begun) {
            let packet: Vec<u8> = self.begun.drain(..length).collect();
            if packet[0] == PUBACK {
                self.acknowledgement(packet, shared, &mut out);
            } else {
                out.extend(packet);
            }
        }
        let overdue =
            |(_, since): &(Vec<u8>, Stopwatch)| since.elapsed() > HELD || shared.mode() != Mode::Reorders;
        if self.held.as_ref().is_some_and(overdue) {
            out.extend(self.held.take().unwrap().0);
        }
        (!out.is_empty()).then_some(out)
    }

    fn acknowledgement(&mut self, packet: Vec<u8>, shared: &Shared, out: &mut Vec<u8>) {
        let mut tampered = 1;
        match shared.mode() {
            Mode::Doubles => out.extend([packet.clone(), packet].concat()),
            Mode::Refuses(reason) => out.extend([PUBACK, 3, packet[2], packet[3], reason]),
            Mode::Forgets => {}
            Mode::Reorders => match self.held.take() {
                Some((first, _)) => out.extend([packet, first].concat()),
                None => {
                    self.held = Some((packet, Stopwatch::start()));
                    tampered = 0;
                }
            },
            _ => {
                out.extend(packet);
                tampered = 0;
            }
        }
        shared.counts.tampered.fetch_add(tampered, Ordering::Relaxed);
    }
}

/// Bytes of the first packet, once all of it is there.
fn packet_length(bytes: &[u8]) -> Option<usize> {
    let (mut length, mut at) = (0, 1);
    loop {
        let byte = *bytes.get(at)?;
        length += usize::from(byte & 0x7f) << (7 * (at - 1));
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    (bytes.len() >= at + length).then_some(at + length)
}
