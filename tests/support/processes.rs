//! What is left of a program's children.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be read is a failure")]

/// The processes of a group that are not yet gone, from /proc.
pub fn living(group: &str) -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let stat = std::fs::read_to_string(entry.ok()?.path().join("stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        (fields[2] == group && fields[0] != "Z").then(|| stat.clone())
    });
    processes.collect()
}
