//! Reads our own sources and holds the rules of the house: which part may know which, which single file names a foreign stack,
//! what the pure parts stay away from, how long a file may be and what it may not be called.

#![allow(clippy::unwrap_used, reason = "a test program: a file that cannot be read is a failure")]

use std::fs;
use std::path::{Path, PathBuf};

/// Every part with its rank: a part may name itself and parts of lower rank, never one beside or above it.
const RANKS: [(&str, u8); 13] = [
    ("perceive", 0),
    ("system", 0),
    ("capture", 1),
    ("publish", 1),
    ("evaluate", 1),
    ("infer", 2),
    ("config", 3),
    ("control", 4),
    ("web", 5),
    ("app", 6),
    ("station", 6),
    ("cli", 7),
    ("main", 8),
];

/// Crates that one file, or one folder, alone names, so that they can be replaced there. Of pages there are two, with one frame.
const ONE_PLACE: [(&str, &[&str]); 7] = [
    ("tract_onnx", &["infer/graph/"]),
    ("nokhwa", &["capture/camera.rs"]),
    ("v4l", &["capture/camera/device.rs"]),
    ("rumqttc", &["publish/mqtt/"]),
    ("axum", &["web/", "station/page/"]),
    ("sqlx", &["station/store/"]),
    ("lettre", &["station/notify/"]),
];

/// Parts that compute and do nothing else.
const PURE: [&str; 2] = ["perceive", "evaluate"];

/// What a pure part does not name: modules of `std`, and anything at all, that read, write, wait or tell the time.
const IMPURE_STD: [&str; 6] = ["fs", "net", "thread", "process", "env", "io"];
const IMPURE: [&str; 9] =
    ["Instant", "SystemTime", "Clock", "Mutex", "tokio", "rustix", "println", "eprintln", "tracing"];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: [&str; 8] = ["util", "utils", "common", "helper", "helpers", "types", "manager", "misc"];

/// Most lines of a file, its tests included.
const MOST_LINES: usize = 400;

/// A source file below `src/`.
struct Source {
    /// With forward slashes: `capture/ring.rs`.
    path: String,
    text: String,
}

impl Source {
    /// `capture` for `capture/ring.rs`, `app` for `app.rs`.
    fn part(&self) -> &str {
        self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// Modules between the crate's root and this file's own names: `capture::ring` is 2 deep.
    fn depth(&self) -> usize {
        let own = usize::from(!self.path.ends_with("/mod.rs"));
        self.path.split('/').count() - 1 + own
    }
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let read = |file: PathBuf| Source {
        path: file.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"),
        text: fs::read_to_string(&file).unwrap(),
    };
    rust_files(&root).into_iter().map(read).collect()
}

/// Identifiers and the punctuation between them, without comments, strings and characters.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            'r' if rest.starts_with("r#\"") => rest.find("\"#").map_or(rest.len(), |end| end + 2),
            '"' => string_length(rest),
            '\'' if rest.starts_with("'\"'") || rest.starts_with("'\\\"'") => 3,
            _ if c.is_alphanumeric() || c == '_' => {
                let end = rest.find(|d: char| !d.is_alphanumeric() && d != '_').unwrap_or(rest.len());
                tokens.push(rest[..end].to_owned());
                end
            }
            _ => {
                if !c.is_whitespace() {
                    tokens.push(c.to_string());
                }
                c.len_utf8()
            }
        };
        rest = &rest[length..];
    }
    tokens
}

/// Length of a string literal at the start of `text`, quotes included.
fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The parts of the crate that a file names: `crate::x`, `bearwatch::x`, `crate::{x, y}`, and `super::…` that climbs to the root.
fn parts_named(source: &Source) -> Vec<String> {
    let tokens = tokens(&source.text);
    let mut named = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let climbs = (0..).take_while(|i| tokens.get(at + 3 * i).is_some_and(|t| t == "super")).count();
        match token.as_str() {
            "crate" | "bearwatch" => named.extend(names_after(&tokens[at + 1..])),
            "super" if climbs == source.depth() => named.extend(names_after(&tokens[at + 3 * climbs - 2..])),
            _ => {}
        }
    }
    named.retain(|name| RANKS.iter().any(|(part, _)| part == name));
    named
}

/// Everything impure that a file names.
fn impurities(source: &Source) -> Vec<String> {
    let tokens = tokens(&source.text);
    let after_std = |at: usize| if tokens[at] == "std" { names_after(&tokens[at + 1..]) } else { Vec::new() };
    let of_std = (0..tokens.len()).flat_map(after_std).filter(|name| IMPURE_STD.contains(&name.as_str()));
    let of_any = tokens.iter().filter(|t| IMPURE.contains(&t.as_str())).cloned();
    of_std.chain(of_any).map(|name| format!("src/{} names {name}", source.path)).collect()
}

/// What `::` leads to: one name, or the first name of every path in a braced list.
fn names_after(tokens: &[String]) -> Vec<String> {
    match tokens {
        [first, second, rest @ ..] if first == ":" && second == ":" => first_names(rest),
        _ => Vec::new(),
    }
}

/// The first name of a path, or of every path in a braced list.
fn first_names(tokens: &[String]) -> Vec<String> {
    if tokens.first().is_none_or(|t| t != "{") {
        return tokens.first().cloned().into_iter().collect();
    }
    let (mut depth, mut names) = (0, Vec::new());
    for pair in tokens.windows(2) {
        match pair[0].as_str() {
            "{" => depth += 1,
            "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        if depth == 1 && (pair[0] == "{" || pair[0] == ",") {
            names.push(pair[1].clone());
        }
    }
    names
}

/// Arrows that point sideways or upwards, as `file names part`.
fn bad_arrows(source: &Source) -> Vec<String> {
    let rank = |name: &str| RANKS.iter().find(|(part, _)| *part == name).map(|(_, rank)| *rank);
    let Some(own) = rank(source.part()) else { return Vec::new() };
    let allowed = |name: &String| name == source.part() || rank(name).is_some_and(|other| other < own);
    let bad = parts_named(source).into_iter().filter(|name| !allowed(name));
    bad.map(|name| format!("src/{} names {name}", source.path)).collect()
}

fn assert_none(faults: Vec<String>, rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn no_arrow_points_sideways_or_upwards() {
    let faults = sources().iter().flat_map(bad_arrows).collect();
    assert_none(
        faults,
        "perceive, system → capture, publish, evaluate → infer → config → control, web → app, station → cli → main",
    );
}

#[test]
fn every_part_has_a_rank() {
    let faults = sources()
        .into_iter()
        .filter(|s| s.path != "lib.rs" && !RANKS.iter().any(|(part, _)| *part == s.part()));
    assert_none(faults.map(|s| s.path).collect(), "give the new part a rank in this test");
}

#[test]
fn one_place_names_each_foreign_stack() {
    let mut faults = Vec::new();
    for source in sources() {
        let tokens = tokens(&source.text);
        let within =
            |place: &&str| source.path == *place || (place.ends_with('/') && source.path.starts_with(place));
        let named = ONE_PLACE
            .iter()
            .filter(|(name, places)| !places.iter().any(within) && tokens.iter().any(|t| t == name));
        faults.extend(named.map(|(name, places)| {
            format!("src/{} names {name}: only src/{} may", source.path, places.join(" and src/"))
        }));
    }
    assert_none(faults, "a foreign stack is known to one file or folder");
}

#[test]
fn pure_parts_touch_nothing() {
    let faults = sources().iter().filter(|s| PURE.contains(&s.part())).flat_map(impurities).collect();
    assert_none(faults, "no input or output, no clock, no thread in perceive and evaluate");
}

#[test]
fn files_are_short_and_named_after_what_they_hold() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut faults = Vec::new();
    for file in ["src", "tests", "benches"].iter().flat_map(|folder| rust_files(&root.join(folder))) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        if lines > MOST_LINES {
            faults.push(format!("{} has {lines} lines", file.display()));
        }
        let inside = file.strip_prefix(root).unwrap().with_extension("");
        if inside.iter().any(|name| EMPTY_NAMES.iter().any(|empty| name == *empty)) {
            faults.push(format!("{} is called after nothing", file.display()));
        }
    }
    assert_none(faults, "files hold at most 400 lines and one thing that their name says");
}

#[test]
fn the_reader_of_sources_sees_what_it_must() {
    let names = |path: &str, text: &str| bad_arrows(&Source { path: path.into(), text: text.into() }).len();
    assert_eq!(names("perceive/track.rs", "use crate::perceive::frame::Frame;"), 0);
    assert_eq!(names("perceive/track.rs", "use crate::system::clock::Clock;"), 1);
    assert_eq!(
        names("capture/ring.rs", "use crate::{perceive::{frame, publish}, publish::Draft, system};"),
        1
    );
    assert_eq!(names("capture/ring.rs", "fn f() { super::super::cli::run() }"), 1);
    assert_eq!(names("capture/mod.rs", "use super::config;"), 1);
    assert_eq!(names("capture/ring.rs", "use super::CaptureError; // crate::cli"), 0);
    assert_eq!(names("capture/ring.rs", "/// [`crate::cli`]\nlet s = \"crate::\\\"cli\"; let q = '\"';"), 0);
    assert_eq!(names("app.rs", "use crate::capture::Source; use crate::cli::Cli;"), 1);
    assert_eq!(names("main.rs", "use bearwatch::cli::Cli;"), 0);
    let impure =
        |text: &str| impurities(&Source { path: "perceive/track.rs".into(), text: text.into() }).len();
    assert_eq!(impure("use std::{collections::BTreeMap, fs::File}; let now = Instant::now();"), 2);
    assert_eq!(impure("use std::sync::Arc; let image = process(io);"), 0);
    assert!(tokens("let x = tract_onnx::onnx();").iter().any(|t| t == "tract_onnx"));
}
