//! Takes values out of the tables of a file, each checked; writes down what is wrong, with its line, and goes on.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::mistake::{Mistake, Origin};

/// What was written down so far.
pub struct Notes<'a> {
    text: &'a str,
    name: &'a str,
    /// In no order.
    pub mistakes: Vec<Mistake>,
}

/// A table that is read key by key; what is left over nobody knows.
pub struct Table<'a, 'b> {
    notes: &'b mut Notes<'a>,
    /// `channel.rangers`; empty for the file itself.
    path: String,
    /// Where it begins.
    at: usize,
    table: &'b DeTable<'a>,
    known: BTreeSet<&'static str>,
}

impl<'a> Notes<'a> {
    /// For a file of this text and name.
    pub fn new(text: &'a str, name: &'a str) -> Notes<'a> {
        Notes { text, name, mistakes: Vec::new() }
    }

    /// Something is wrong at this place of the text.
    pub fn wrong(&mut self, at: usize, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let line = self.text[..at.min(self.text.len())].matches('\n').count() + 1;
        let origin = Origin::File { name: self.name.to_owned(), line: Some(line) };
        self.mistakes.push(Mistake::new(origin, key, what, remedy));
    }
}

impl<'a, 'b> Table<'a, 'b> {
    /// A table that begins at this place of the text.
    pub fn new(notes: &'b mut Notes<'a>, path: String, at: usize, table: &'b DeTable<'a>) -> Table<'a, 'b> {
        Table { notes, path, at, table, known: BTreeSet::new() }
    }

    fn full(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) }
    }

    fn entry(&mut self, key: &'static str) -> Option<&'b Spanned<DeValue<'a>>> {
        self.known.insert(key);
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    /// What is wrong with a key, where it stands; with the table where it is missing.
    pub fn wrong(&mut self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let stands =
            self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(name, _)| name.span().start);
        self.notes.wrong(stands.unwrap_or(self.at), &self.full(key), what, remedy);
    }

    /// Whether it was given.
    pub fn has(&self, key: &str) -> bool {
        self.table.iter().any(|(name, _)| name.get_ref() == key)
    }

    /// A text that is not empty.
    pub fn text(&mut self, key: &'static str) -> Option<String> {
        match self.entry(key)?.get_ref() {
            DeValue::String(text) if !text.is_empty() => Some(text.to_string()),
            _ => {
                self.wrong(key, "is no text", "write it in \"quotes\"");
                None
            }
        }
    }

    /// The same where it must be given.
    pub fn needed(&mut self, key: &'static str, example: &str) -> Option<String> {
        if !self.has(key) {
            self.known.insert(key);
            self.wrong(key, "is missing", format!("add {key} = {example}"));
        }
        self.text(key)
    }

    /// Texts, one at least, each of which `fits`.
    pub fn texts(&mut self, key: &'static str, wanted: &str, fits: impl Fn(&str) -> bool) -> Vec<String> {
        let Some(entry) = self.entry(key) else { return Vec::new() };
        let list: Option<Vec<String>> = match entry.get_ref() {
            DeValue::Array(list) => {
                list.iter().map(|one| text_of(one.get_ref()).filter(|text| fits(text))).collect()
            }
            _ => None,
        };
        match list {
            Some(list) if !list.is_empty() => list,
            _ => {
                self.wrong(key, format!("is not {wanted}"), "correct it, or leave it out");
                Vec::new()
            }
        }
    }

    /// A whole number in a range.
    pub fn whole(&mut self, key: &'static str, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        let found = match self.entry(key)?.get_ref() {
            DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix()).ok(),
            _ => None,
        };
        let found = found.filter(|whole| range.contains(whole));
        if found.is_none() {
            let what = format!("is no whole number from {} to {}", range.start(), range.end());
            self.wrong(key, what, "correct it, or leave it out");
        }
        found
    }

    /// One of some words.
    pub fn choice<T: Copy>(&mut self, key: &'static str, words: &[(&str, T)]) -> Option<T> {
        let given = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == given).map(|(_, value)| *value);
        if found.is_none() {
            let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            self.wrong(key, format!("\"{given}\" is not known"), format!("give one of {}", all.join(", ")));
        }
        found
    }

    /// What stands in a file that holds it alone: an absolute path, or the name of a credential of systemd.
    pub fn secret(&mut self, key: &'static str) -> Option<String> {
        let given = PathBuf::from(self.text(key)?);
        let path = match std::env::var_os("CREDENTIALS_DIRECTORY") {
            Some(folder) if given.components().count() == 1 && !given.is_absolute() => {
                Path::new(&folder).join(&given)
            }
            _ => given,
        };
        if !path.is_absolute() {
            let remedy = "begin the path with /, or start with systemd's LoadCredential and give its name";
            self.wrong(key, format!("\"{}\" is no absolute path", path.display()), remedy);
            return None;
        }
        match fs::read_to_string(&path) {
            Ok(text) if !text.trim().is_empty() && !text.trim().contains(['\n', '\r']) => {
                Some(text.trim().to_owned())
            }
            Ok(_) => {
                self.wrong(
                    key,
                    format!("{} does not hold one line alone", path.display()),
                    "write the secret into it, and nothing else",
                );
                None
            }
            Err(error) => {
                self.wrong(
                    key,
                    format!("{}: {error}", path.display()),
                    "let the station's user read that file",
                );
                None
            }
        }
    }

    /// The tables of a table, by their names: `[channel.rangers]`.
    pub fn tables(&mut self, key: &'static str, mut each: impl FnMut(&str, Table<'a, '_>)) {
        let Some(entry) = self.entry(key) else { return };
        let DeValue::Table(inner) = entry.get_ref() else {
            return self.wrong(key, "is no table", format!("write [{key}.NAME], and its keys below"));
        };
        let path = self.full(key);
        for (name, value) in inner {
            let (full, at) = (format!("{path}.{}", name.get_ref()), name.span().start);
            match value.get_ref() {
                DeValue::Table(table) => each(name.get_ref(), Table::new(self.notes, full, at, table)),
                _ => {
                    self.notes.wrong(at, &full, "is no table", format!("write [{full}], and its keys below"))
                }
            }
        }
    }

    /// A list of tables, in their order: `[[rule]]`.
    pub fn list(&mut self, key: &'static str, mut each: impl FnMut(usize, Table<'a, '_>)) {
        let Some(entry) = self.entry(key) else { return };
        let path = self.full(key);
        let DeValue::Array(list) = entry.get_ref() else {
            return self.wrong(
                key,
                "is no list of tables",
                format!("write [[{key}]], and its keys below, for each"),
            );
        };
        for (number, value) in (1..).zip(list) {
            let (full, at) = (format!("{path} {number}"), value.span().start);
            match value.get_ref() {
                DeValue::Table(table) => each(number, Table::new(self.notes, full, at, table)),
                _ => {
                    self.notes.wrong(at, &full, "is no table", format!("write [[{key}]], and its keys below"))
                }
            }
        }
    }

    /// Two numbers by their names: `{ lat = 49.16, lon = 20.13 }`.
    pub fn place(&mut self) -> Option<(f64, f64)> {
        let (lat, lon) = (self.degrees("lat", 90.0), self.degrees("lon", 180.0));
        lat.zip(lon)
    }

    fn degrees(&mut self, key: &'static str, most: f64) -> Option<f64> {
        let found = self.entry(key).and_then(|entry| match entry.get_ref() {
            DeValue::Float(real) => real.as_str().parse::<f64>().ok(),
            DeValue::Integer(whole) => whole.as_str().parse::<f64>().ok(),
            _ => None,
        });
        let found = found.filter(|degrees| degrees.abs() <= most);
        if found.is_none() {
            self.wrong(
                key,
                format!("is no number from -{most} to {most}"),
                "give degrees, north and east positive",
            );
        }
        found
    }

    /// All was read: what is left over nobody knows.
    pub fn finish(self) {
        for (name, _) in self.table.iter().filter(|(name, _)| !self.known.contains(name.get_ref().as_ref())) {
            let full = self.full(name.get_ref());
            let known: Vec<&str> = self.known.iter().copied().collect();
            self.notes.wrong(
                name.span().start,
                &full,
                "unknown key",
                format!("known here are {}", known.join(", ")),
            );
        }
    }
}

fn text_of(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        _ => None,
    }
}
