//! The store, the clock, and what was changed at run time.

use std::io::{ErrorKind, Write};
use std::path::Path;

use super::Finding;
use crate::cli::exit::Exit;
use crate::config::Config;
use crate::config::overrides;
use crate::publish::settings::StoreSettings;
use crate::system::clock::Clock;
use crate::system::hours::Hours;
use crate::system::vitals::{Clocking, Vitals, disk_free_mb};

/// Less room than this and not even the alerts of a night fit, megabytes.
const LEAST_MB: f64 = 4.0;
/// A wall clock before this (2025) was never set, milliseconds since 1970.
const PLAUSIBLE_MS: i64 = 1_735_689_600_000;

/// Leaves nothing behind: a folder that is not there yet is not created (by the wrong user, perhaps), but could it be?
pub fn disk(store: &StoreSettings) -> Finding {
    let subject = "disk";
    let (folder, missing) = existing(&store.path);
    if let Err(error) = try_write(folder) {
        let exit = if missing { Exit::CannotCreate } else { Exit::Io };
        let done = if missing { "cannot be created" } else { "cannot be written" };
        let text = format!("{}: {done}: {error}", store.path.display());
        return Finding::fail(subject, exit, text, remedy(error.kind()));
    }
    let free = disk_free_mb(folder);
    let room = free.map_or("free space unknown".into(), |mb| format!("{mb:.0} MB free"));
    let not_yet = if missing { "does not exist yet, `run` creates it; " } else { "" };
    let text =
        format!("{}: {not_yet}writable, {room}, {} MB may be needed", store.path.display(), store.max_mb);
    match free {
        Some(mb) if mb < LEAST_MB => {
            Finding::fail(subject, Exit::Io, text, "free space, or choose another [store] path")
        }
        Some(mb) if mb < store.max_mb as f64 => Finding::warning(
            subject,
            text,
            "free space or lower store.max_mb: a broker that is away for long would fill the disk",
        ),
        _ => Finding::ok(subject, text),
    }
}

/// The folder, or the nearest one above it that exists; and whether it was missing.
fn existing(path: &Path) -> (&Path, bool) {
    let found = path.ancestors().find(|folder| folder.symlink_metadata().is_ok());
    (found.unwrap_or(Path::new("/")), found != Some(path))
}

/// A file without a name: it is gone whatever happens.
fn try_write(folder: &Path) -> std::io::Result<()> {
    if !folder.is_dir() {
        return Err(std::io::Error::new(
            ErrorKind::NotADirectory,
            format!("{} is no folder", folder.display()),
        ));
    }
    let mut file = tempfile::tempfile_in(folder)?;
    file.write_all(&[0; 4096])?;
    file.sync_all()
}

fn remedy(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::PermissionDenied => {
            "give it to the user that runs bearwatch, or choose another [store] path"
        }
        ErrorKind::ReadOnlyFilesystem => "mount it writable, or choose another [store] path",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free space, or choose another [store] path",
        _ => "choose another [store] path",
    }
}

/// Heat and power: what makes the daemon do less.
pub fn board(config: &Config) -> Finding {
    let subject = "board";
    let Vitals { temperature_c, clocking, .. } = Vitals::read(&config.sysfs, &config.publish.store.path);
    let hot_c = config.perceive.hot_c;
    let degrees =
        temperature_c.map_or("temperature unknown".into(), |c| format!("{c:.0} °C, {hot_c:.0} is too hot"));
    let hot = temperature_c.is_some_and(|c| f64::from(c) >= hot_c);
    let cooler = "give it shade, air or a heat sink: while it is hot, the daemon does less";
    match clocking {
        Some(Clocking::Undervolted) => {
            let text = format!("{degrees}; the power supply gives too little voltage");
            Finding::warning(subject, text, "use a stronger power supply or a shorter cable")
        }
        Some(Clocking::Throttled) => {
            Finding::warning(subject, format!("{degrees}; the system holds it down for its heat"), cooler)
        }
        _ if hot => Finding::warning(subject, degrees, cooler),
        Some(Clocking::Free) => Finding::ok(subject, format!("{degrees}; nothing holds the processor down")),
        None => Finding::ok(subject, degrees),
    }
}

/// Alerts bear the time, and quiet hours live by it; a board has no clock of its own.
pub fn clock(quiet: &Hours) -> Finding {
    let subject = "clock";
    let clock = Clock::start();
    let time = crate::publish::message::rfc3339(clock.unix_ms());
    let nothing_demoted = if quiet.are_none() { "" } else { ", and alert.quiet demotes nothing" };
    let remedy = format!(
        "give the board a time server (timedatectl set-ntp true); until then messages say clock_synced = false{nothing_demoted}"
    );
    match clock.is_synchronised() {
        true if quiet.are_none() => Finding::ok(subject, format!("{time}, synchronised")),
        true => {
            let now = if quiet.cover(clock.unix_ms()) { "now" } else { "not now" };
            Finding::ok(subject, format!("{time}, synchronised; quiet hours {quiet}, {now}"))
        }
        false if clock.unix_ms() < PLAUSIBLE_MS => {
            Finding::warning(subject, format!("{time}: it was never set"), remedy)
        }
        false => Finding::warning(subject, format!("{time}, not known to be synchronised"), remedy),
    }
}

/// What was changed at run time, and what of it is left out.
pub fn overrides(config: &Config) -> Finding {
    let subject = "overrides";
    let file = overrides::path(&config.publish.store.path);
    let overrides::Overrides { applied, refused } = &config.overrides;
    let told: Vec<String> = applied.iter().map(|o| format!("{} = {}", o.key, o.value)).collect();
    if let Some(first) = refused.first() {
        let text =
            format!("{} of {} are left out: {}: {}", refused.len(), file.display(), first.key, first.what);
        return Finding::warning(subject, text, "`bearwatch reset` removes all of them");
    }
    match told.is_empty() {
        true => Finding::ok(subject, "none"),
        false => Finding::ok(subject, format!("{}: {}", file.display(), told.join(", "))),
    }
}
