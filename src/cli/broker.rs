//! A Mosquitto of our own for `demo` and `bench`: on loopback, on a free port, gone when dropped.

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};

use crate::system::clock::Stopwatch;

/// Debian installs it where ordinary users' PATH does not look.
const PLACES: [&str; 3] = ["mosquitto", "/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"];

const START_LIMIT: Duration = Duration::from_secs(10);

/// The running broker.
pub struct LocalBroker {
    child: Child,
    /// `mqtt://127.0.0.1:PORT`
    pub url: String,
}

impl LocalBroker {
    /// Starts it with a temporary configuration in `folder`.
    ///
    /// # Errors
    /// Where Mosquitto is not installed or does not come up; says what to do.
    pub fn start(folder: &Path) -> anyhow::Result<LocalBroker> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.join("mosquitto.conf");
        let text =
            format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n");
        std::fs::write(&config, text).with_context(|| config.display().to_string())?;
        let child = spawn(&config)?;
        let mut broker = LocalBroker { child, url: format!("mqtt://127.0.0.1:{port}") };
        broker.wait(port)?;
        Ok(broker)
    }

    fn wait(&mut self, port: u16) -> anyhow::Result<()> {
        let watch = Stopwatch::start();
        while watch.elapsed() < START_LIMIT {
            if TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("mosquitto ended at once ({status}); try it by hand");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("mosquitto did not open port {port} within {} s", START_LIMIT.as_secs())
    }
}

fn spawn(config: &Path) -> anyhow::Result<Child> {
    for place in PLACES {
        let mut command = Command::new(place);
        command.arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match command.spawn() {
            Ok(child) => return Ok(child),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| place.to_owned()),
        }
    }
    bail!("mosquitto is not installed: apt-get install mosquitto, or name a broker with --broker")
}

impl Drop for LocalBroker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
