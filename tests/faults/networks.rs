//! Faults of the way to the broker, and of what stands on it.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bearwatch::system::clock::Stopwatch;
use rand::RngExt;
use rand_pcg::Pcg64;

use crate::Plan;
use crate::camp::{Camp, Effect, Ground, Site};
use crate::support::daemon::SOON;
use crate::support::{ANONYMOUS, Broker, wait_for};
use crate::wire::Mode;

pub const PLAN: Plan = &[
    ("connection cut", 3, cut),
    ("delay", 2, delay),
    ("half-open connection", 2, half_open),
    ("acknowledgements doubled", 2, doubled),
    ("acknowledgements reordered", 2, reordered),
    ("acknowledgements refused", 2, refused),
    ("acknowledgements lost", 1, lost),
    ("captive portal", 2, portal),
    ("session taken over", 3, taken_over),
];

/// Mosquitto drops what a slow subscriber has not taken; that would be its loss, not the daemon's.
pub const PATIENT: &str = "max_queued_messages 0\nmax_inflight_messages 0\n";

pub fn camp() -> Camp {
    Camp::new(Site {
        broker: Broker::with_config(&format!("{ANONYMOUS}{PATIENT}")),
        encrypted: None,
        url: "mqtt://127.0.0.1:PORT".into(),
        sets: Vec::new(),
        start: Box::new(|home, sets| home.start(sets)),
        ground: Ground::default(),
    })
}

pub fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

fn waited(rng: &mut Pcg64, milliseconds: std::ops::Range<u64>) -> Duration {
    let time = Duration::from_millis(rng.random_range(milliseconds));
    std::thread::sleep(time);
    time
}

fn cut(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let before = read(&camp.wire.counts().cut);
    let watch = Stopwatch::start();
    camp.wire.close();
    camp.wait_told(rng.random_range(1..5));
    camp.wire.open();
    let cut = read(&camp.wire.counts().cut) - before;
    Effect::new(
        cut > 0,
        format!("{cut} connections cut or turned away in {:.1} s", watch.elapsed().as_secs_f64()),
    )
}

fn delay(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let before = read(&camp.wire.counts().delayed);
    let time = Duration::from_millis(rng.random_range(100..1_500));
    camp.wire.set(Mode::Delays(time));
    camp.wait_told(rng.random_range(2..5));
    camp.wire.open();
    let bytes = read(&camp.wire.counts().delayed) - before;
    Effect::new(bytes > 0, format!("{bytes} bytes came {} ms late, packet by packet", time.as_millis()))
}

/// Nobody says that the uplink is gone. In half of the rounds it is until the daemon notices by itself.
fn half_open(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let before = read(&camp.wire.counts().swallowed);
    let log = camp.daemon.log().len();
    let watch = Stopwatch::start();
    camp.wire.set(Mode::Silent);
    camp.wait_told(rng.random_range(1..4));
    let swallowed = wait_for(SOON, || read(&camp.wire.counts().swallowed) > before);
    if rng.random_bool(0.5) {
        let noticed = wait_for(SOON, || camp.daemon.log()[log..].contains("trying again"));
        assert!(noticed, "half-open for {:?}: {}", watch.elapsed(), camp.daemon.log());
    }
    camp.wire.open();
    // What hangs on the lost uplink is answered with a reset once there is another.
    camp.wire.cut();
    let bytes = read(&camp.wire.counts().swallowed) - before;
    Effect::new(
        swallowed,
        format!("{bytes} bytes swallowed in {:.1} s of silence", watch.elapsed().as_secs_f64()),
    )
}

/// Lasts until so many acknowledgements were tampered with.
fn tampered(camp: &mut Camp, mode: Mode, times: u64) -> u64 {
    let before = read(&camp.wire.counts().tampered);
    let count = || read(&camp.wire.counts().tampered) - before;
    camp.wire.set(mode);
    // Two acknowledgements on their way at once, which can change places, take some luck.
    assert!(
        wait_for(4 * SOON, || count() >= times),
        "{mode:?}: {} tampered with: {}",
        count(),
        camp.daemon.log()
    );
    camp.wire.open();
    count()
}

fn doubled(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let count = tampered(camp, Mode::Doubles, rng.random_range(1..4));
    Effect::new(count > 0, format!("{count} acknowledgements came twice"))
}

fn reordered(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let count = tampered(camp, Mode::Reorders, rng.random_range(1..4));
    Effect::new(count > 0, format!("{count} acknowledgements came before an older one"))
}

/// Unspecified error, not authorised, topic name invalid, quota exceeded, payload format invalid.
const REASONS: [u8; 5] = [0x80, 0x87, 0x90, 0x97, 0x99];

fn refused(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let reason = REASONS[rng.random_range(0..REASONS.len())];
    let count = tampered(camp, Mode::Refuses(reason), rng.random_range(1..5));
    if rng.random_bool(0.7) {
        camp.wire.cut();
    }
    Effect::new(count > 0, format!("{count} acknowledgements said {reason:#04x}")).not_timed()
}

/// The broker takes messages, answers pings and acknowledges nothing: the daemon has to notice by itself.
fn lost(camp: &mut Camp, _rng: &mut Pcg64) -> Effect {
    let before = read(&camp.wire.counts().tampered);
    let log = camp.daemon.log().len();
    camp.wire.set(Mode::Forgets);
    let left = wait_for(2 * SOON, || camp.daemon.log()[log..].contains("acknowledges none"));
    assert!(left, "it stays with a broker that acknowledges nothing: {}", camp.daemon.log());
    camp.wire.open();
    let count = read(&camp.wire.counts().tampered) - before;
    Effect::new(count > 0, format!("{count} acknowledgements lost"))
}

fn portal(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let before = read(&camp.wire.counts().portal);
    camp.wire.set(Mode::Portal);
    camp.wire.cut();
    let asked = wait_for(SOON, || read(&camp.wire.counts().portal) > before);
    waited(rng, 0..1_500);
    camp.wire.open();
    let answers = read(&camp.wire.counts().portal) - before;
    Effect::new(asked, format!("{answers} connections were told in HTTP to log in"))
}

/// Another client comes with our name: the broker ends our session for it.
fn taken_over(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let told = |camp: &Camp| camp.broker.log().matches("already connected, closing old connection").count();
    let before = told(camp);
    let times = rng.random_range(1..4);
    for _ in 0..times {
        let port = camp.broker.port.to_string();
        let id = "bearwatch-yellow-creek-north";
        let to = ["-V", "5", "-h", "127.0.0.1", "-p", &port, "-i", id, "-t", "other", "-m", "x"];
        // It may fail: the daemon takes its name back, sometimes before the other has said anything.
        let _ = Command::new("mosquitto_pub").args(to).stderr(Stdio::null()).status().unwrap();
        waited(rng, 300..900);
    }
    let lost = told(camp) - before;
    Effect::new(lost > 0, format!("{lost} sessions lost to another client of our name"))
}
