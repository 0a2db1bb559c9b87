//! Faults of the daemon, of the broker, and of the clock that they live by.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use bearwatch::system::clock::Stopwatch;
use rand::RngExt;
use rand_pcg::Pcg64;

use crate::Plan;
use crate::camp::{Camp, Effect, Ground, Site};
use crate::networks::{PATIENT, read};
use crate::support::daemon::SOON;
use crate::support::{ANONYMOUS, Broker, wait_for};

pub const PLAN: Plan = &[
    ("daemon killed", 6, killed),
    ("broker killed, forgetful", 3, forgetful_broker),
    ("broker killed, persistent", 3, persistent_broker),
    ("clock stepped two weeks", 4, clock),
    ("junk on the command topic", 2, junk),
];

pub const CERTIFICATES: Plan = &[("certificate expired", 2, certificate)];

/// Puts itself between the daemon and the system's clock.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

pub fn camp() -> Camp {
    let folder = tempfile::tempdir().unwrap();
    let keeps = format!(
        "persistence true\npersistence_location {}/\nautosave_interval 1\nautosave_on_changes true\n",
        folder.path().display()
    );
    Camp::new(Site {
        broker: Broker::with_config(&format!("{ANONYMOUS}{PATIENT}{keeps}")),
        encrypted: None,
        url: "mqtt://127.0.0.1:PORT".into(),
        sets: vec!["command.accept=true".into()],
        start: Box::new(|home, sets| {
            let clock = home.path("clock");
            if !clock.exists() {
                fs::write(&clock, "+0\n").unwrap();
            }
            let preloaded = faketime();
            home.start_with(sets, |command| {
                command.env("LD_PRELOAD", preloaded).env("FAKETIME_TIMESTAMP_FILE", clock);
                command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("NO_FAKE_STAT", "1");
                command.env("FAKETIME_CACHE_DURATION", "1");
            })
        }),
        ground: Ground { folder: Some(folder), ..Ground::default() },
    })
}

fn faketime() -> String {
    let by_architecture = FAKETIME.replace("x86_64", std::env::consts::ARCH);
    assert!(
        Path::new(&by_architecture).exists(),
        "{by_architecture} is missing: apt-get install libfaketime"
    );
    by_architecture
}

fn killed(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    if rng.random_bool(0.5) {
        camp.wire.close();
        camp.wait_told(rng.random_range(1..4));
    }
    std::thread::sleep(Duration::from_millis(rng.random_range(0..500)));
    let waiting = camp.kill();
    let watch = Stopwatch::start();
    camp.wire.open();
    camp.wait_told(1);
    let silence = watch.elapsed().as_secs_f64();
    Effect::new(silence > 0.0, format!("killed with {waiting} alerts in the store, blind for {silence:.1} s"))
}

fn forgetful_broker(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let told = rng.random_range(1..4);
    let away = camp.restart_broker(|camp| {
        for file in fs::read_dir(camp.ground.folder.as_ref().unwrap().path()).unwrap() {
            fs::remove_file(file.unwrap().path()).unwrap();
        }
        camp.wait_told(told);
    });
    Effect::new(
        !away.is_zero(),
        format!("the broker was away for {:.1} s and forgot everything", away.as_secs_f64()),
    )
}

fn persistent_broker(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let told = rng.random_range(1..4);
    let mut kept = 0;
    let away = camp.restart_broker(|camp| {
        camp.wait_told(told);
        let files = fs::read_dir(camp.ground.folder.as_ref().unwrap().path()).unwrap();
        kept = files.map(|file| file.unwrap().metadata().unwrap().len()).sum();
    });
    Effect::new(
        kept > 0,
        format!("the broker was away for {:.1} s and kept {kept} bytes", away.as_secs_f64()),
    )
}

/// The wall clock steps two weeks either way while the daemon runs, as when a board without a clock reaches a time server.
fn clock(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let before = newest_time(camp);
    let file = camp.home.path("clock");
    let to = match fs::read_to_string(&file).unwrap().trim() {
        "+0" if rng.random_bool(0.5) => "+14d",
        "+0" => "-14d",
        _ => "+0",
    };
    fs::write(&file, format!("{to}\n")).unwrap();
    let stepped = |camp: &Camp| (newest_time(camp) - before).abs() > 86_400.0 * 13.0;
    let there = wait_for(SOON, || stepped(camp));
    camp.wait_told(2);
    let step = newest_time(camp) - before;
    Effect::new(there, format!("the clock stepped by {:.1} days", step / 86_400.0))
}

/// Of the alert that was told last by the daemon's wall clock, seconds.
fn newest_time(camp: &Camp) -> f64 {
    let told = camp.told();
    let boot = camp.desk.order.last().unwrap().0.clone();
    let newest = told.iter().filter(|(name, _)| name.0 == boot).max_by_key(|(name, _)| name.1).unwrap().1;
    let time = humantime::parse_rfc3339(newest["time"].as_str().unwrap()).unwrap();
    time.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

/// Above what is told of the worst; a busy machine carries less.
const JUNK_MBIT_S: f64 = 24.0;

/// Ten megabits a second of what is no command, and more.
fn junk(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let before = read(&camp.wire.counts().from_broker);
    let (port, topic) = (camp.broker.port.to_string(), "bearwatch/v1/yellow-creek/north/set/disarm");
    let mut flood = Command::new("mosquitto_pub")
        .args(["-V", "5", "-h", "127.0.0.1", "-p", &port, "-q", "0", "-l", "-t", topic])
        .stdin(Stdio::piped())
        .spawn()
        .expect("apt-get install mosquitto-clients");
    let mut pipe = flood.stdin.take().unwrap();
    let (lines, watch) = (("x".repeat(1_200) + "\n").repeat(100), Stopwatch::start());
    let arrived = |camp: &Camp| (read(&camp.wire.counts().from_broker) - before) as f64 * 8e-6;
    // A busy machine may not bring as much to the daemon in that time: then it lasts longer.
    let (megabits, mut sent) = (10.0 * rng.random_range(1.0..3.0), 0.0);
    while arrived(camp) < megabits && watch.elapsed() < SOON {
        pipe.write_all(lines.as_bytes()).unwrap();
        sent += lines.len() as f64 * 8e-6;
        let due = Duration::from_secs_f64(sent / JUNK_MBIT_S);
        std::thread::sleep(due.saturating_sub(watch.elapsed()));
    }
    let (seconds, there) = (watch.elapsed().as_secs_f64(), arrived(camp) >= megabits);
    drop(pipe);
    assert!(flood.wait().unwrap().success());
    camp.wait_told(1);
    Effect::new(there, format!("{megabits:.0} megabits of junk came at {:.0} Mbit/s", megabits / seconds))
}

pub fn camp_with_tls() -> Camp {
    let folder = tempfile::tempdir().unwrap();
    make_certificates(folder.path());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    // The plain listener comes first: that is where the tests look whether the broker is there.
    let tls =
        format!("listener {port} 127.0.0.1\ncertfile {}\nkeyfile {}\n", file("now.crt"), file("now.key"));
    Camp::new(Site {
        broker: Broker::with_config(&format!("{ANONYMOUS}{PATIENT}{tls}")),
        encrypted: Some(port),
        url: "mqtts://127.0.0.1:PORT".into(),
        sets: vec![format!("publish.ca_file={}", file("ca.crt"))],
        start: Box::new(|home, sets| home.start(sets)),
        ground: Ground { folder: Some(folder), ..Ground::default() },
    })
}

/// `good` holds for a day, `old` ended nine days ago, both signed by `ca`; `now` is what the broker has.
fn make_certificates(folder: &Path) {
    let file = |name: &str| folder.join(name).display().to_string();
    let made = |name: &str, then: &str, more: &[&str]| {
        let make = || {
            Command::new("faketime")
                .args([then, "openssl", "req", "-x509", "-days", "1", "-newkey", "rsa:2048", "-nodes"])
                .args(["-keyout", &file(&format!("{name}.key")), "-out", &file(&format!("{name}.crt"))])
                .args(more)
                .output()
                .expect("faketime does not run: apt-get install faketime")
        };
        // It names its semaphore by its process, and one that was killed leaves it behind: another process has another name.
        let made = (0..5).map(|_| make()).find(|made| made.status.success()).unwrap_or_else(make);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    made("ca", "+0 days", &["-subj", "/CN=park authority"]);
    let (ca, key) = (file("ca.crt"), file("ca.key"));
    let signed =
        ["-subj", "/CN=127.0.0.1", "-CA", &ca, "-CAkey", &key, "-addext", "subjectAltName=IP:127.0.0.1"];
    let signed = [&signed[..], &["-addext", "basicConstraints=critical,CA:FALSE"]].concat();
    made("good", "+0 days", &signed);
    made("old", "-10 days", &signed);
    use_certificate(folder, "good");
}

fn use_certificate(folder: &Path, name: &str) {
    for ending in ["key", "crt"] {
        fs::copy(folder.join(format!("{name}.{ending}")), folder.join(format!("now.{ending}"))).unwrap();
    }
}

/// Nobody renewed it in time; then somebody does.
fn certificate(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let folder = camp.ground.folder.as_ref().unwrap().path().to_owned();
    let log = camp.daemon.log().len();
    let told = rng.random_range(1..3);
    use_certificate(&folder, "old");
    camp.restart_broker(|_| {});
    let noticed = wait_for(SOON, || camp.daemon.log()[log..].contains("certificate ended"));
    camp.wait_told(told);
    use_certificate(&folder, "good");
    let away = camp.restart_broker(|_| {});
    let words =
        format!("shut out by an expired certificate, and {:.1} s for its renewal", away.as_secs_f64());
    Effect::new(noticed, words).not_timed()
}
