//! Measurements for docs/delivery.md, by the daemon as it is: `make faults` runs them, `make test` does not.

use std::path::Path;
use std::time::Duration;

use bearwatch::system::clock::Stopwatch;
use redb::Database;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::machine::LoopDisk;
use crate::networks::PATIENT;
use crate::store::{ALERTS, parts, records};
use crate::support::daemon::{Daemon, Home, SOON};
use crate::support::orders::command;
use crate::support::{ANONYMOUS, Broker, wait_for};

/// A camera that sees nothing, so that what is measured is delivery.
const QUIET: &str = "source = \"simulated\"\nfps = 0.5\n[capture.scene]\nbears = 0\n";
/// And takes nothing for a bear.
const SURE: [&str; 2] = ["perceive.bear_threshold=0.95", "alert.false_alarms_per_day=0.001"];
/// Where nobody listens.
const NOWHERE: &str = "publish.broker=mqtt://127.0.0.1:1";
/// The life of the daemon that left what waits.
const EARLIER: &str = "0000000000000000";

fn broker() -> Broker {
    Broker::with_config(&format!("{ANONYMOUS}{PATIENT}"))
}

fn figure(value: &Value) {
    println!("figure: {value}");
}

/// An alert as a daemon has it in its store.
fn an_alert() -> (Value, Value) {
    let home = Home::with_bear("mqtt://127.0.0.1:1", 4, true);
    let mut daemon = home.start(&[]);
    let journal = home.store().join("outbox.journal");
    let waits = || std::fs::read(&journal).is_ok_and(|bytes| bytes.starts_with(b"bwalert1"));
    assert!(wait_for(3 * SOON, waits), "no alert: {}", daemon.log());
    daemon.kill();
    let (header, body) = parts(&records(&home.store())[0]);
    (header, serde_json::from_slice(&body).unwrap())
}

/// A store in which so many alerts of an earlier life wait.
fn fill(store: &Path, alerts: u64) {
    let (mut header, mut body) = an_alert();
    std::fs::create_dir_all(store).unwrap();
    let database = Database::create(store.join("outbox.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    {
        let mut table = transaction.open_table(ALERTS).unwrap();
        for seq in 0..alerts {
            for part in [&mut header, &mut body] {
                part["boot"] = EARLIER.into();
                part["seq"] = seq.into();
            }
            body["id"] = format!("{EARLIER}-{seq}").into();
            let head = serde_json::to_vec(&header).unwrap();
            let mut record = (head.len() as u32).to_le_bytes().to_vec();
            record.extend(head);
            record.extend(serde_json::to_vec(&body).unwrap());
            table.insert(seq + 1, record.as_slice()).unwrap();
        }
    }
    transaction.commit().unwrap();
}

#[test]
#[ignore = "a measurement: make faults"]
fn waiting_alerts_are_drained() {
    const WAITING: u64 = 10_000;
    let broker = broker();
    let mut desk = Desk::start(&broker);
    let home = Home::new(&broker.url, QUIET);
    fill(&home.store(), WAITING);
    let mut daemon = home.start(&["store.max_mb=1000", SURE[0], SURE[1]]);
    let there = desk.until(3 * SOON, |desk| desk.alerts.len() as u64 >= WAITING);
    assert!(there, "{} of {WAITING} came: {}", desk.alerts.len(), daemon.log());
    let of_then = desk.order.iter().filter(|(boot, _)| boot == EARLIER);
    let at: Vec<f64> = of_then.map(|name| desk.alerts[name].at_s).collect();
    assert_eq!(at.len() as u64, WAITING);
    let took_s = at.last().unwrap() - at[0];
    let (written, most) = (written_mb(&daemon), status_mb(&daemon, "VmHWM:"));
    assert_eq!(daemon.stop(), 0);
    let file_mb = std::fs::metadata(home.store().join("outbox.redb")).unwrap().len() as f64 / 1e6;
    figure(&json!({
        "figure": "drain", "alerts": WAITING, "seconds": took_s, "per_second": WAITING as f64 / took_s,
        "written_mb": written, "most_mb": most, "file_mb": file_mb,
    }));
}

fn status_mb(daemon: &Daemon, line: &str) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", daemon.pid())).unwrap();
    let value = text.lines().find_map(|found| found.strip_prefix(line)).unwrap();
    value.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0 / 1e6
}

#[test]
#[ignore = "a measurement: make faults"]
fn memory_does_not_grow_with_what_waits() {
    let memory = |waiting: u64| {
        let home = Home::new("mqtt://127.0.0.1:1", QUIET);
        if waiting > 0 {
            fill(&home.store(), waiting);
        }
        let mut daemon = home.start(&["store.max_mb=1000", NOWHERE, SURE[0], SURE[1]]);
        daemon.says(&format!("{waiting} messages wait, trying again"));
        std::thread::sleep(Duration::from_secs(20));
        let (now, most) = (status_mb(&daemon, "VmRSS:"), status_mb(&daemon, "VmHWM:"));
        assert_eq!(daemon.stop(), 0);
        json!({ "waiting": waiting, "resident_mb": now, "most_mb": most })
    };
    figure(&json!({ "figure": "memory", "each": [memory(0), memory(100_000)] }));
}

#[test]
#[ignore = "a measurement: make faults"]
fn the_way_from_capture_to_acknowledgement() {
    let broker = broker();
    let mut desk = Desk::start(&broker);
    let home = Home::with_bear(&broker.url, 8, true);
    let mut daemon = home.start(&["publish.telemetry_s=90", "alert.cooldown_s=0", "alert.close_after_s=2"]);
    assert!(desk.until(5 * SOON, |desk| !desk.telemetry.is_empty()), "{}", daemon.log());
    let told = desk.telemetry[0].body.clone();
    let mut decided: Vec<f64> = desk
        .alerts
        .values()
        .filter(|alert| alert.body["state"] != "closed")
        .map(|alert| alert.body["latency_ms"].as_f64().unwrap())
        .collect();
    decided.sort_by(f64::total_cmp);
    let quantile = |q: f64| decided[((decided.len() - 1) as f64 * q) as usize];
    assert_eq!(daemon.stop(), 0);
    figure(&json!({
        "figure": "latency", "alerts": decided.len(), "stages": told["stages"],
        "decided_ms": { "p50": quantile(0.5), "p95": quantile(0.95) },
    }));
}

fn written_mb(daemon: &Daemon) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{}/io", daemon.pid())).unwrap();
    let bytes = text.lines().find_map(|line| line.strip_prefix("write_bytes:")).unwrap();
    bytes.trim().parse::<f64>().unwrap() / 1e6
}

/// One alert a minute (opened, its picture, closed), telemetry every ten seconds, the broker there: what a medium with ext4 is given to
/// write. Not what `/proc` says of the daemon: newer kernels count a large folio there for each page of it that changes.
#[test]
#[ignore = "a measurement: make faults"]
fn what_is_written_in_a_day() {
    let minutes: u32 = std::env::var("FAULTS_MINUTES").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let broker = broker();
    let mut desk = Desk::start(&broker);
    let home = Home::new(&broker.url, QUIET);
    let disk = LoopDisk::mount(&home.path("disk"), &home.store(), &home.path("kept"));
    let mut daemon = home.start(&["publish.telemetry_s=10", "command.accept=true", SURE[0], SURE[1]]);
    assert!(desk.until(SOON, |desk| desk.status.is_some()), "{}", daemon.log());
    let test = |desk: &mut Desk| {
        let at = desk.alerts.len();
        assert_eq!(command(&broker, &["test"]).0, 0);
        assert!(desk.until(SOON, |desk| desk.alerts.len() >= at + 2));
    };
    test(&mut desk);
    let (before, watch) = (disk.device_bytes(), Stopwatch::start());
    for minute in 1..=minutes {
        test(&mut desk);
        assert!(!wait_for(
            Duration::from_secs(60 * u64::from(minute)).saturating_sub(watch.elapsed()),
            || false
        ));
    }
    let mb = (disk.device_bytes() - before) as f64 / 1e6;
    assert_eq!(daemon.stop(), 0);
    figure(&json!({
        "figure": "wear", "minutes": minutes, "alerts": minutes, "device_mb": mb,
        "mb_a_day": mb * 1440.0 / f64::from(minutes),
    }));
}
