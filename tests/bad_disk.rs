//! A disk that is full, read-only or no disk at all: it is told, alerts arrive all the same, and nothing that was safe is lost.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be set up is a failure"
)]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use support::daemon::{Home, Listener, Post, SOON, is_root};
use support::network::Proxy;
use support::{Broker, wait_for};

#[test]
fn a_store_that_cannot_be_written_is_told_and_alerts_arrive_all_the_same() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 3, false);
    std::fs::write(home.store(), "a file, where the folder should be").unwrap();
    let mut daemon = home.start(&[]);
    let status = desk.hears_state("degraded", "outbox.redb").to_string();
    assert!(status.contains("check free space, permissions and the medium"), "{status}");
    assert_eq!(daemon.ends_within(SOON), 0, "{}", daemon.log());
    daemon.says("messages wait in memory and are lost if the power fails");
    desk.hears_state("offline", "stopped");
    let states: Vec<Value> = desk.alerts().iter().map(|alert| alert["state"].clone()).collect();
    assert_eq!((states.first(), states.last()), (Some(&"opened".into()), Some(&"closed".into())));
    assert!(!desk.of("snapshot").is_empty());
}

#[test]
fn what_was_wrong_while_nobody_listened_and_has_passed_is_told_afterwards() {
    let broker = Broker::start();
    let proxy = Proxy::start(broker.port);
    proxy.close();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&proxy.url, "source = \"simulated\"\nfps = 1\n[capture.scene]\nbears = 0\n");
    std::fs::write(home.store(), "a file, where the folder should be").unwrap();
    let mut daemon = home.start(&["publish.telemetry_s=1"]);
    daemon.says("messages wait in memory");
    std::thread::sleep(Duration::from_secs(3));
    std::fs::remove_file(home.store()).unwrap();
    daemon.says("works again");
    proxy.open();
    let health = |post: &Post| post.json()["health"].clone();
    let told = desk.hears("telemetry", |post| health(post)["state"] == "degraded");
    assert!(health(&told)["reason"].as_str().unwrap().contains("check free space"), "{}", told.json());
    desk.hears("telemetry", |post| health(post)["state"] == "online");
    assert!(
        desk.of("status").iter().all(|post| post.json()["state"] == "online"),
        "the present is told as it is"
    );
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn what_neither_broker_nor_store_took_is_told_as_lost_at_the_end() {
    let home = Home::with_bear("mqtt://127.0.0.1:1", 3, true);
    std::fs::create_dir_all(home.store().join("outbox.journal")).unwrap();
    let mut daemon = home.start(&[]);
    daemon.says("outbox.journal: Is a directory");
    daemon.says("online");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(daemon.stop(), 0);
    daemon.says("messages are lost: neither the broker nor the store took them");
    assert!(!daemon.log().contains("the next start sends them"), "{}", daemon.log());
}

/// A small disk of its own.
struct Ramdisk(PathBuf);

impl Ramdisk {
    fn mount(folder: PathBuf, size: &str) -> Ramdisk {
        std::fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(&folder)
            .status()
            .unwrap();
        assert!(mounted.success(), "no tmpfs on {}", folder.display());
        Ramdisk(folder)
    }
}

impl Drop for Ramdisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_disk_that_runs_full_is_told_and_what_came_before_and_after_arrives() {
    if !is_root() {
        return;
    }
    let mut broker = Broker::start();
    broker.kill();
    let home = Home::with_bear(&broker.url, 4, true);
    let disk = Ramdisk::mount(home.store(), "3m");
    let mut daemon = home.start(&[]);
    let told =
        || ["outbox.redb: ", "messages wait in memory"].iter().all(|words| daemon.log().contains(words));
    assert!(wait_for(3 * SOON, told), "{}", daemon.log());
    broker.start_again();
    let mut desk = Listener::start(&broker);
    desk.hears_state("degraded", "check free space");
    desk.hears("alert", |_| true);
    must_remount(&disk.0, "64m");
    daemon.says("works again");
    assert_eq!(daemon.log().matches("wait in memory").count(), 1, "told once: {}", daemon.log());
    desk.hears_state("online", "");
    // What lies on the disk comes now, and not only when everything is tried again.
    desk.hears("alert", |post| post.json()["seq"] == 0);
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ends_within(SOON), 0, "{}", daemon.log());
    desk.hears_state("offline", "stopped");
    let mut numbers: Vec<u64> = desk.alerts().iter().map(|alert| alert["seq"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let last = numbers.last().map_or(0, |last| last + 1);
    assert_eq!(numbers, (0..last).collect::<Vec<_>>(), "alerts are missing: {}", daemon.log());
}

/// While the broker takes everything at once nothing has to wait there, and alerts have their room in the journal.
#[test]
fn a_disk_that_is_full_is_told_while_all_still_arrives() {
    if !is_root() {
        return;
    }
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let disk = Ramdisk::mount(home.store(), "8m");
    let mut daemon = home.start(&[]);
    desk.hears_state("online", "");
    let filler = disk.0.join("filler");
    // It ends with an error, as it should.
    let _ = std::fs::write(&filler, vec![1; 8 << 20]);
    desk.hears_state("degraded", "is full");
    desk.hears("alert", |_| true);
    assert!(!daemon.log().contains("wait in memory"), "{}", daemon.log());
    std::fs::remove_file(filler).unwrap();
    desk.hears_state("online", "");
    assert_eq!(daemon.stop(), 0);
}

fn must_remount(folder: &Path, size: &str) {
    let options = format!("remount,size={size}");
    assert!(Command::new("mount").args(["-o", &options]).arg(folder).status().unwrap().success());
}

#[test]
fn a_disk_without_any_room_is_told_and_alerts_arrive_all_the_same() {
    if !is_root() {
        return;
    }
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 3, false);
    let _disk = Ramdisk::mount(home.store(), "64k");
    let mut daemon = home.start(&[]);
    desk.hears_state("degraded", "check free space");
    assert_eq!(daemon.ends_within(SOON), 0, "{}", daemon.log());
    desk.hears_state("offline", "stopped");
    assert!(desk.alerts().len() >= 2);
}

#[test]
fn a_damaged_outbox_is_set_aside_and_told_until_somebody_has_looked_at_it() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 3, true);
    std::fs::create_dir(home.store()).unwrap();
    std::fs::write(home.store().join("outbox.redb"), "lightning struck here".repeat(1000)).unwrap();
    let mut daemon = home.start(&[]);
    let status = desk.hears_state("degraded", "the outbox was damaged");
    let reason = status["reason"].as_str().unwrap();
    let names = std::fs::read_dir(home.store()).unwrap().map(|file| file.unwrap().path());
    let aside = names.into_iter().find(|name| name.display().to_string().contains("damaged")).unwrap();
    assert!(reason.contains(&aside.display().to_string()), "{reason}");
    desk.hears("alert", |_| true);
    std::fs::remove_file(aside).unwrap();
    desk.hears_state("online", "");
    assert_eq!(daemon.stop(), 0);
}
