//! Telling systemd: ready, what we are doing, alive, stopping. Without systemd (no `NOTIFY_SOCKET`) nothing is told to nobody.

use std::time::Duration;

use sd_notify::NotifyState;

/// The line to systemd. A line that breaks is logged once: nobody can repair it from here, and the daemon goes on.
#[derive(Debug, Default)]
pub struct Notifier {
    status: String,
    broken: bool,
}

impl Notifier {
    /// How often the watchdog wants to be fed: half of what systemd grants, as its manual advises. `None` without watchdog.
    pub fn watchdog_interval() -> Option<Duration> {
        sd_notify::watchdog_enabled().map(|granted| granted / 2)
    }

    /// Everything has started.
    pub fn ready(&mut self) {
        self.tell(NotifyState::Ready);
    }

    /// What we are doing, in plain words, for `systemctl status`; told only when it changes.
    pub fn status(&mut self, text: &str) {
        let line = text.replace(['\n', '\r'], " ");
        if line != self.status {
            self.tell(NotifyState::Status(&line));
            self.status = line;
        }
    }

    /// Every stage is alive.
    pub fn feed_watchdog(&mut self) {
        self.tell(NotifyState::Watchdog);
    }

    /// The end has begun; systemd waits for `TimeoutStopSec`.
    pub fn stopping(&mut self) {
        self.tell(NotifyState::Stopping);
    }

    fn tell(&mut self, state: NotifyState<'_>) {
        let told = sd_notify::notify(&[state]);
        if let (Err(error), false) = (&told, self.broken) {
            tracing::warn!("systemd cannot be told how we are (NOTIFY_SOCKET): {error}");
        }
        self.broken = told.is_err();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::net::UnixDatagram;
    use std::process::Command;

    /// The environment of a process is its own: this test starts itself as the daemon and listens as systemd.
    #[test]
    fn systemd_hears_every_word_once() {
        if std::env::var_os("NOTIFY_SOCKET").is_some() {
            return speak();
        }
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&socket).unwrap();
        systemd.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let daemon = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "system::notify::tests::systemd_hears_every_word_once"])
            .env("NOTIFY_SOCKET", &socket)
            .env("WATCHDOG_USEC", "30000000")
            .output()
            .unwrap();
        assert!(daemon.status.success(), "{daemon:?}");
        let mut buffer = [0; 256];
        let mut hear = || {
            let length = systemd.recv(&mut buffer).unwrap();
            String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned()
        };
        let heard: Vec<String> = (0..5).map(|_| hear()).collect();
        let said = [
            "READY=1",
            "STATUS=watching north; broker away",
            "WATCHDOG=1",
            "STATUS=watching north",
            "STOPPING=1",
        ];
        assert_eq!(heard, said);
    }

    fn speak() {
        assert_eq!(Notifier::watchdog_interval(), Some(Duration::from_secs(15)));
        let mut notifier = Notifier::default();
        notifier.ready();
        notifier.status("watching north;\nbroker away");
        notifier.status("watching north;\nbroker away");
        notifier.feed_watchdog();
        notifier.status("watching north");
        notifier.stopping();
    }

    #[test]
    fn a_broken_line_is_survived() {
        let mut notifier = Notifier::default();
        notifier.ready();
        notifier.status("nobody listens");
        assert_eq!(notifier.status, "nobody listens");
    }
}
