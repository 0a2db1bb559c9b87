//! The daemon under systemd, as far as it shows in a socket and a folder: ready, status in words, watchdog, the end, a lost camera.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be set up is a failure"
)]

mod support;

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use rustix::process::Signal;
use support::daemon::{Daemon, Home, SOON, is_root};
use support::{Broker, wait_for};

const SIMULATED: &str = "source = \"simulated\"\nfps = 2\n";
/// Listens where systemd would, on a thread: a daemon waits for one that does not listen.
struct Systemd(Receiver<String>);

impl Systemd {
    fn start(home: &Home) -> (Systemd, Daemon) {
        let address = home.path("notify");
        let socket = UnixDatagram::bind(&address).unwrap();
        let (tell, said) = sync_channel(10_000);
        std::thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(length) = socket.recv(&mut buffer) {
                tell.send(String::from_utf8_lossy(&buffer[..length]).trim_end().to_owned()).unwrap();
            }
        });
        let daemon = home.start_with(&[], |command| {
            command.env("NOTIFY_SOCKET", &address).env("WATCHDOG_USEC", "2000000");
            command.env("RUNTIME_DIRECTORY", home.path(""));
        });
        (Systemd(said), daemon)
    }

    /// Listens up to a line that begins so; tells whether it came before a silence of `limit`.
    fn hears(&self, wanted: &str, limit: Duration) -> bool {
        self.hears_that(|line| line.starts_with(wanted), limit)
    }

    fn hears_that(&self, wanted: impl Fn(&str) -> bool, limit: Duration) -> bool {
        loop {
            match self.0.recv_timeout(limit) {
                Ok(line) if wanted(&line) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    }
}

#[test]
fn systemd_hears_that_it_is_ready_how_it_is_that_it_lives_and_that_it_ends() {
    let home = Home::new("mqtt://127.0.0.1:1", SIMULATED);
    let (systemd, mut daemon) = Systemd::start(&home);
    assert_eq!(systemd.0.recv_timeout(SOON).unwrap(), "READY=1");
    assert!(systemd.hears("STATUS=degraded: no picture yet", SOON));
    let in_words =
        |line: &str| line.starts_with("STATUS=online: SIMULATED") && line.contains("; alerts wait: broker");
    assert!(systemd.hears_that(in_words, SOON), "neither camera nor broker in words");
    for _ in 0..3 {
        assert!(systemd.hears("WATCHDOG=1", Duration::from_secs(5)), "the watchdog was not fed");
    }
    daemon.signal(Signal::TERM);
    assert!(systemd.hears("STOPPING=1", SOON), "the end was not told");
    assert_eq!(daemon.ends_within(SOON), 0);
}

/// A real file system of its own for the store.
struct Mounted(PathBuf);

/// While it lives that file system takes no writes and gives no errors: writers hang in the kernel, where nothing ends them.
struct Frozen<'a>(&'a Path);

fn must(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Mounted {
    fn at(folder: PathBuf, image: &Path) -> Mounted {
        std::fs::create_dir(&folder).unwrap();
        std::fs::File::create(image).unwrap().set_len(32 << 20).unwrap();
        must("mke2fs", &["-q", "-t", "ext4", image.to_str().unwrap()]);
        must("mount", &["-o", "loop", image.to_str().unwrap(), folder.to_str().unwrap()]);
        Mounted(folder)
    }

    fn freeze(&self) -> Frozen<'_> {
        must("fsfreeze", &["-f", self.0.to_str().unwrap()]);
        Frozen(&self.0)
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        let _ = Command::new("fsfreeze").arg("-u").arg(self.0).status();
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn the_watchdog_is_not_fed_while_a_stage_hangs() {
    if !is_root() {
        return;
    }
    let broker = Broker::start();
    let home = Home::with_bear(&broker.url, 4, true);
    let disk = Mounted::at(home.store(), &home.path("image"));
    let (systemd, daemon) = Systemd::start(&home);
    assert!(systemd.hears("STATUS=online", SOON), "no picture");
    let frozen = disk.freeze();
    let noticed = "stage publish has shown no life for 2";
    assert!(wait_for(3 * SOON, || daemon.log().contains(noticed)), "never noticed: {}", daemon.log());
    // What was said before is read first.
    while systemd.0.try_recv().is_ok() {}
    assert!(!systemd.hears("WATCHDOG=1", Duration::from_secs(3)), "fed while it hangs");
    drop(frozen);
    assert!(systemd.hears("WATCHDOG=1", SOON), "not fed again");
    drop(daemon);
}

/// What resets USB ports looks for this file; cameras of other kinds have none to be reset.
#[test]
fn a_lost_v4l2_camera_is_told_in_the_runtime_folder() {
    let home = Home::new("mqtt://127.0.0.1:1", "source = \"camera\"\ndevice = \"/dev/video77\"\n");
    let (systemd, daemon) = Systemd::start(&home);
    assert!(systemd.hears("STATUS=degraded", SOON));
    let lost = home.path("camera-lost");
    assert!(wait_for(SOON, || lost.exists()), "nobody is told: {}", daemon.log());
    assert!(std::fs::read_to_string(&lost).unwrap().contains("/dev/video77"));
    drop(daemon);

    let home = Home::new(
        "mqtt://127.0.0.1:1",
        "source = \"command\"\ncommand = [\"/bin/false\"]\nformat = \"y4m\"\n",
    );
    let (systemd, daemon) = Systemd::start(&home);
    assert!(
        systemd.hears_that(|line| line.starts_with("STATUS=degraded: command"), SOON),
        "{}",
        daemon.log()
    );
    assert!(!home.path("camera-lost").exists());
}
