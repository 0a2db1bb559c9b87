//! The keys of the file, in pipeline order, and help for those who mistype one.

use Kind::{Camera, Command, Files, Mjpeg, Simulated};

/// The five kinds of source, as `source = "…"` names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A V4L2 camera.
    Camera,
    /// A program that writes frames.
    Command,
    /// Pictures from disk.
    Files,
    /// HTTP stream of an IP camera.
    Mjpeg,
    /// The drawn campsite.
    Simulated,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 5] = [Camera, Command, Files, Mjpeg, Simulated];

    /// The name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Camera => "camera",
            Command => "command",
            Files => "files",
            Mjpeg => "mjpeg",
            Simulated => "simulated",
        }
    }
}

/// One key that the file may hold.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Section and key, "capture.fps".
    pub name: &'static str,
    /// The kinds of source that it belongs to; empty where it always applies.
    pub kinds: &'static [Kind],
}

const fn always(name: &'static str) -> Key {
    Key { name, kinds: &[] }
}

const fn only(name: &'static str, kinds: &'static [Kind]) -> Key {
    Key { name, kinds }
}

/// All keys in pipeline order.
pub const KEYS: &[Key] = &[
    always("site.name"),
    always("site.camera"),
    always("capture.source"),
    only("capture.device", &[Camera]),
    only("capture.width", &[Camera, Command, Simulated]),
    only("capture.height", &[Camera, Command, Simulated]),
    only("capture.fps", &[Camera, Files, Simulated]),
    only("capture.exposure", &[Camera]),
    only("capture.gain", &[Camera]),
    only("capture.exposure_limit", &[Camera]),
    only("capture.path", &[Files]),
    only("capture.loop", &[Files]),
    only("capture.command", &[Command]),
    only("capture.format", &[Command]),
    only("capture.pixels", &[Command]),
    only("capture.url", &[Mjpeg]),
    only("capture.user", &[Mjpeg]),
    only("capture.password_file", &[Mjpeg]),
    always("capture.lens_degrees"),
    always("capture.stall_s"),
    always("capture.history_s"),
    always("capture.history_mb"),
    only("capture.scene.seed", &[Simulated]),
    only("capture.scene.darkness_start", &[Simulated]),
    only("capture.scene.darkness_end", &[Simulated]),
    only("capture.scene.duration_s", &[Simulated]),
    only("capture.scene.bears", &[Simulated]),
    always("model.path"),
    always("model.threads"),
    always("model.trusted_keys"),
    always("perceive.regions"),
    always("perceive.budget_ms"),
    always("perceive.bear_threshold"),
    always("perceive.enhance"),
    always("perceive.privacy"),
    always("perceive.watch"),
    always("alert.false_alarms_per_day"),
    always("alert.min_visible_s"),
    always("alert.update_s"),
    always("alert.close_after_s"),
    always("alert.cooldown_s"),
    always("alert.guard"),
    always("alert.quiet"),
    always("alert.time_zone"),
    always("publish.broker"),
    always("publish.fallback"),
    always("publish.look_back_s"),
    always("publish.user"),
    always("publish.password_file"),
    always("publish.ca_file"),
    always("publish.cert_file"),
    always("publish.key_file"),
    always("publish.keep_alive_s"),
    always("publish.telemetry_s"),
    always("publish.history_snapshots"),
    always("publish.snapshot_px"),
    always("publish.snapshot_quality"),
    always("publish.snapshot_people"),
    always("audit.per_day"),
    always("audit.suspected_per_hour"),
    always("audit.most_mb_a_day"),
    always("acknowledge.ladder"),
    always("acknowledge.drills"),
    always("command.accept"),
    always("command.keys"),
    always("command.longest_s"),
    always("command.threshold_min"),
    always("command.threshold_max"),
    always("drill.within_s"),
    always("drill.every_h"),
    always("drill.hours"),
    always("home_assistant.discovery"),
    always("home_assistant.discovery_prefix"),
    always("store.path"),
    always("store.max_mb"),
    always("store.review_mb"),
    always("metrics.listen"),
    always("metrics.beyond_loopback"),
    always("page.listen"),
    always("page.token_file"),
    always("page.beyond_loopback"),
    always("board.hot_c"),
    always("board.sysfs"),
];

/// Keys that stand in the overrides alone: what was ordered for a time.
pub const RUN_TIME: &[Key] =
    &[always("mode.alerts"), always("mode.by"), always("mode.until"), always("mode.left_s")];

/// The sections in pipeline order.
pub const SECTIONS: [&str; 16] = [
    "site",
    "capture",
    "capture.scene",
    "model",
    "perceive",
    "alert",
    "publish",
    "audit",
    "acknowledge",
    "command",
    "drill",
    "home_assistant",
    "store",
    "metrics",
    "page",
    "board",
];

/// The section of [`RUN_TIME`].
pub const RUN_TIME_SECTION: &str = "mode";

/// What administrators write who look for a place for the password.
const SECRETS: [&str; 6] = ["password", "passwd", "pass", "secret", "token", "psk"];

/// The key of that name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// "capture.scene.seed" → ("capture.scene", "seed"); a name without a dot has the empty section.
pub fn split(name: &str) -> (&str, &str) {
    name.rsplit_once('.').unwrap_or(("", name))
}

/// What to do about a key that nobody knows.
pub fn remedy_for_key(name: &str) -> String {
    let (section, leaf) = split(name);
    if SECRETS.contains(&leaf.to_lowercase().as_str()) {
        let file = if section == "page" { "token_file" } else { "password_file" };
        return format!(
            "secrets do not belong here: write it into a file that only bearwatch may read, and name that file in {file}"
        );
    }
    match nearest_key(section, leaf) {
        Some(key) if split(key).0 == section => format!("did you mean {}?", split(key).1),
        Some(key) => format!("did you mean {} in [{}]?", split(key).1, split(key).0),
        None if SECTIONS.contains(&section) => format!("remove it; [{section}] knows {}", leaves(section)),
        None => format!("remove it; the sections are {}", SECTIONS.join(", ")),
    }
}

/// What to do about a section that nobody knows.
pub fn remedy_for_section(name: &str) -> String {
    match nearest(name, SECTIONS.into_iter()) {
        Some(section) => format!("did you mean [{section}]?"),
        None => format!("remove it; the sections are {}", SECTIONS.join(", ")),
    }
}

/// Nearest first in the same section, then the same name in another, then a like name in another.
fn nearest_key(section: &str, leaf: &str) -> Option<&'static str> {
    let inside = |name: &str| section.is_empty() || split(name).0 == section;
    let here = || KEYS.iter().map(|key| key.name).filter(|name| inside(name));
    let close = nearest(leaf, here().map(|name| split(name).1));
    here()
        .find(|name| Some(split(name).1) == close)
        .or_else(|| KEYS.iter().map(|key| key.name).find(|name| split(name).1 == leaf))
        .or_else(|| nearest(&format!("{section}.{leaf}"), KEYS.iter().map(|key| key.name)))
}

fn leaves(section: &str) -> String {
    let here = KEYS.iter().map(|key| split(key.name)).filter(|(of, _)| *of == section);
    here.map(|(_, leaf)| leaf).collect::<Vec<_>>().join(", ")
}

/// The candidate that takes the fewest edits to reach, if that is at most a third of the word.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let most = word.chars().count().div_ceil(3);
    let rated = candidates.map(|candidate| (edits(word, candidate), candidate));
    rated.filter(|(edits, _)| *edits <= most).min_by_key(|(edits, _)| *edits).map(|(_, candidate)| candidate)
}

/// Levenshtein's distance: insertions, deletions and replacements from one word to the other.
fn edits(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_section_and_the_sections_are_in_order() {
        let mut sections: Vec<&str> = KEYS.iter().map(|key| split(key.name).0).collect();
        sections.dedup();
        assert_eq!(sections, SECTIONS);
    }

    #[test]
    fn suggestions_look_in_the_section_first() {
        assert_eq!(remedy_for_key("capture.fsp"), "did you mean fps?");
        assert_eq!(remedy_for_key("publish.max_mb"), "did you mean max_mb in [store]?");
        assert_eq!(remedy_for_key("nam"), "did you mean name in [site]?");
        assert_eq!(remedy_for_key("model.nonsense"), "remove it; [model] knows path, threads, trusted_keys");
        assert!(remedy_for_key("publish.Password").contains("password_file"));
        assert!(remedy_for_key("page.token").contains("token_file"));
        assert_eq!(remedy_for_section("alerts"), "did you mean [alert]?");
        assert!(remedy_for_section("database").starts_with("remove it; the sections are site, "));
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!((edits("", "abc"), edits("kitten", "sitting"), edits("same", "same")), (3, 3, 0));
    }
}
