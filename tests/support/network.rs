//! Networks that misbehave, and things on them that are no broker.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Answers every connection in the same way, on a port of its own.
pub fn something_else(answer: impl Fn(TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("mqtt://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            answer(socket.unwrap());
        }
    });
    url
}

/// A network between daemon and broker that can be cut.
pub struct Proxy {
    /// Where the daemon finds the broker.
    pub url: String,
    open: Arc<AtomicBool>,
    /// The next acknowledgement passes twice.
    pub double: Arc<AtomicBool>,
}

impl Proxy {
    pub fn start(broker: u16) -> Proxy {
        let (open, double) = (Arc::new(AtomicBool::new(true)), Arc::new(AtomicBool::new(false)));
        let (gate, doubling) = (Arc::clone(&open), Arc::clone(&double));
        let url = something_else(move |client| {
            let Ok(server) = TcpStream::connect(("127.0.0.1", broker)) else { return };
            let (client_out, server_out) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            let (there, back, doubling) = (Arc::clone(&gate), Arc::clone(&gate), Arc::clone(&doubling));
            std::thread::spawn(move || carry(client, server_out, &there, &AtomicBool::new(false)));
            std::thread::spawn(move || carry(server, client_out, &back, &doubling));
        });
        Proxy { url, open, double }
    }

    pub fn close(&self) {
        self.open.store(false, Ordering::Relaxed);
    }

    pub fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }
}

/// Carries bytes while the gate is open; a closed one ends the connection.
fn carry(mut from: TcpStream, mut to: TcpStream, open: &AtomicBool, double: &AtomicBool) {
    from.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let mut buffer = [0; 4096];
    while open.load(Ordering::Relaxed) {
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(bytes) => {
                let bytes = &buffer[..bytes];
                const PUBACK: u8 = 0x40;
                let doubled = bytes[0] == PUBACK && double.swap(false, Ordering::Relaxed);
                let sent =
                    to.write_all(bytes).and_then(|()| if doubled { to.write_all(bytes) } else { Ok(()) });
                if sent.is_err() {
                    break;
                }
            }
            Err(e) if matches!(e.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
    }
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.shutdown(std::net::Shutdown::Both);
}
