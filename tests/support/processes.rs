//! What is left of a program's children.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be read is a failure")]

use std::time::Duration;

use bearwatch::system::clock::Stopwatch;

/// The processes of a group that are still there after some seconds: what was killed takes a moment to go on a busy machine.
pub fn left_behind(group: &str) -> Vec<String> {
    let watch = Stopwatch::start();
    loop {
        let left = living(group);
        if left.is_empty() || watch.elapsed() > Duration::from_secs(5) {
            return left;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The processes of a group that are not yet gone, from /proc.
fn living(group: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let stat = std::fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        (fields[2] == group && fields[0] != "Z").then(|| stat.clone())
    });
    processes.collect()
}
