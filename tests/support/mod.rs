//! What several test programs share: a real Mosquitto of their own, the program itself, and waiting with a deadline. Each
//! of them is its own crate and uses a part of this (`mod support;`).

#![allow(dead_code, reason = "every test program uses a part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test program: what cannot be set up is a failure, and says why"
)]

pub mod contract;
pub mod daemon;
pub mod network;
pub mod orders;
pub mod park;
pub mod scrape;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bearwatch::system::clock::Stopwatch;
use tempfile::TempDir;

/// Debian installs it where ordinary users' PATH does not look.
const PLACES: [&str; 3] = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];
/// How long the broker may take until it accepts connections.
const START_LIMIT: Duration = Duration::from_secs(10);

/// What most tests want of the broker.
pub const ANONYMOUS: &str = "allow_anonymous true\n";

/// A Mosquitto on a free port of the loopback, killed when dropped.
pub struct Broker {
    /// `mqtt://127.0.0.1:PORT`, whatever the configuration says of TLS.
    pub url: String,
    /// The same port for its whole life, through [`Broker::kill`] and [`Broker::start_again`].
    pub port: u16,
    child: Option<Child>,
    folder: TempDir,
}

impl Broker {
    /// One that lets everybody in and keeps nothing over its end.
    pub fn start() -> Broker {
        Broker::with_config(ANONYMOUS)
    }

    /// One whose listener is followed by `config` (lines of mosquitto.conf: users, access rules, TLS). Without
    /// [`ANONYMOUS`] in it nobody is let in but users of a password file.
    pub fn with_config(config: &str) -> Broker {
        for _ in 0..5 {
            let port = free_port();
            let folder = tempfile::tempdir().unwrap();
            // Started by root it would otherwise become a user that cannot read the files of `config`; it ignores this else.
            let text =
                format!("user root\nlistener {port} 127.0.0.1\npersistence false\nlog_type all\n{config}\n");
            std::fs::write(folder.path().join("conf"), text).unwrap();
            let mut broker = Broker { url: format!("mqtt://127.0.0.1:{port}"), port, child: None, folder };
            if broker.try_start() {
                return broker;
            }
            eprintln!("mosquitto did not start on port {port}: {}", broker.log());
        }
        panic!("mosquitto does not start; its words are above");
    }

    /// Ends it at once, as a power cut would: nobody is told.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// After [`Broker::kill`]: on the same port, remembering nothing.
    pub fn start_again(&mut self) {
        assert!(self.try_start(), "mosquitto does not come back: {}", self.log());
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Publishes at QoS 1 by mosquitto_pub, an MQTT client that is not ours.
    pub fn publish(&self, topic: &str, payload: &[u8]) {
        self.publish_with(topic, payload, &[]);
    }

    /// As [`Broker::publish`], with further options: `&["--retain"]`, `&["-D", "publish", "user-property", "alert", "x"]`.
    pub fn publish_with(&self, topic: &str, payload: &[u8], options: &[&str]) {
        // It takes a message of no length by an option of its own only.
        let from = if payload.is_empty() { "-n" } else { "-s" };
        let mut child = Command::new("mosquitto_pub")
            .args(["-V", "5", "-h", "127.0.0.1", "-p", &self.port.to_string(), "-q", "1", "-t", topic, from])
            .args(options)
            .stdin(Stdio::piped())
            .spawn()
            .expect("mosquitto_pub does not run: apt-get install mosquitto-clients");
        child.stdin.take().unwrap().write_all(payload).unwrap();
        assert!(child.wait().unwrap().success(), "mosquitto_pub failed on {topic}");
    }

    fn try_start(&mut self) -> bool {
        let mut child = spawn(self.folder.path());
        let ready = wait_for(START_LIMIT, || {
            child.try_wait().unwrap().is_some() || TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
        // A child that ended while somebody answers on the port: the port is another's.
        let started = ready && child.try_wait().unwrap().is_none();
        if !started {
            child.kill().unwrap();
            child.wait().unwrap();
            return false;
        }
        self.child = Some(child);
        true
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of the loopback that nobody uses just now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn spawn(folder: &Path) -> Child {
    let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
    for place in PLACES {
        let mut command = Command::new(place);
        command.arg("-c").arg(folder.join("conf")).stdin(Stdio::null());
        command.stdout(log.try_clone().unwrap()).stderr(log.try_clone().unwrap());
        match command.spawn() {
            Ok(child) => return child,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => panic!("{place}: {error}"),
        }
    }
    panic!("mosquitto is not installed: apt-get install mosquitto");
}

/// The program under test.
pub fn bearwatch() -> Command {
    Command::new(env!("CARGO_BIN_EXE_bearwatch"))
}

/// Asks every few milliseconds until `done` or `limit`; tells whether it was done.
pub fn wait_for(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let watch = Stopwatch::start();
    while watch.elapsed() < limit {
        if done() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    done()
}
