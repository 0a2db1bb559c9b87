//! Takes values out of the layers, each checked for type and range; writes down what is wrong and goes on with the default.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use super::keys::{self, KEYS, Kind};
use super::layer::{Entry, Layer, Value};
use super::mistake::{Mistake, Origin};

/// The layers as one, and the mistakes found so far.
pub struct Reader {
    layer: Layer,
    file: Origin,
    credentials: Option<PathBuf>,
}

impl Reader {
    /// Lays the layers over each other; the later wins. `file` is named where something is missing, `credentials` is
    /// systemd's directory of them.
    pub fn new(layers: &[&Layer], file: &str, credentials: Option<PathBuf>) -> Reader {
        let mut all = Layer::default();
        for layer in layers {
            all.entries.extend(layer.entries.clone());
            all.sections.extend(layer.sections.clone());
            all.mistakes.extend(layer.mistakes.iter().cloned());
            all.broken |= layer.broken;
        }
        Reader { layer: all, file: Origin::File { name: file.to_owned(), line: None }, credentials }
    }

    /// Everything that is wrong, in the order of the file, then of the command line.
    pub fn finish(self) -> Vec<Mistake> {
        let mut mistakes = self.layer.mistakes;
        mistakes.sort_by(|a, b| a.origin.cmp(&b.origin));
        mistakes
    }

    /// Writes down a mistake about a key, where it stands.
    pub fn wrong(&mut self, key: &str, what: impl Into<String>, remedy: impl Into<String>) {
        let section = || self.layer.sections.get(keys::split(key).0).unwrap_or(&self.file);
        let origin = self.layer.entries.get(key).map_or_else(section, |entry| &entry.origin).clone();
        self.layer.mistakes.push(Mistake::new(origin, key, what, remedy));
    }

    /// Writes down that a key is needed and not there; not where broken syntax may have hidden it.
    pub fn missing(&mut self, key: &str, example: &str) {
        if !self.layer.broken {
            let (section, leaf) = keys::split(key);
            self.wrong(key, "is missing", format!("add {leaf} = {example} to [{section}]"));
        }
    }

    /// Whether the key was given.
    pub fn has(&self, key: &str) -> bool {
        self.layer.entries.contains_key(key)
    }

    /// Writes down every key that belongs to other kinds of source.
    pub fn refuse_keys_of_other_sources(&mut self, kind: Kind) {
        for key in KEYS.iter().filter(|key| !key.kinds.is_empty() && !key.kinds.contains(&kind)) {
            if self.has(key.name) {
                let owners: Vec<String> =
                    key.kinds.iter().map(|kind| format!("\"{}\"", kind.name())).collect();
                let what =
                    format!("belongs to source = {}, the source is \"{}\"", owners.join(" or "), kind.name());
                self.wrong(key.name, what, "remove it, or choose that source");
            }
        }
    }

    /// A number in a range.
    pub fn number(&mut self, key: &str, default: f64, range: RangeInclusive<f64>) -> f64 {
        self.maybe_number(key, range, &default.to_string()).unwrap_or(default)
    }

    /// A number in a range, `None` where not given; `fallback` tells what holds then.
    pub fn maybe_number(&mut self, key: &str, range: RangeInclusive<f64>, fallback: &str) -> Option<f64> {
        let wanted = format!("a number from {} to {}", range.start(), range.end());
        self.take(key, &wanted, fallback, |entry| {
            number_of(&entry.value).filter(|number| range.contains(number))
        })
    }

    /// A whole number in a range that `T` can hold.
    pub fn whole<T: TryFrom<i64> + Display>(
        &mut self,
        key: &str,
        default: T,
        range: RangeInclusive<i64>,
    ) -> T {
        let found = self.maybe_whole(key, range, &default.to_string());
        found.and_then(|whole| T::try_from(whole).ok()).unwrap_or(default)
    }

    /// A whole number in a range, `None` where not given; `fallback` tells what holds then.
    pub fn maybe_whole(&mut self, key: &str, range: RangeInclusive<i64>, fallback: &str) -> Option<i64> {
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        self.take(key, &wanted, fallback, |entry| match entry.value {
            Value::Whole(whole) if range.contains(&whole) => Some(whole),
            _ => None,
        })
    }

    /// true or false.
    pub fn flag(&mut self, key: &str, default: bool) -> bool {
        let found = self.take(key, "true or false", &default.to_string(), |entry| match entry.value {
            Value::Flag(flag) => Some(flag),
            _ => None,
        });
        found.unwrap_or(default)
    }

    /// Text that is not empty.
    pub fn text(&mut self, key: &str) -> Option<String> {
        self.take(key, "text in \"quotes\"", "", text_of)
    }

    /// Text, or the number of a device.
    pub fn text_or_index(&mut self, key: &str) -> Option<String> {
        self.take(key, "text in \"quotes\" or a number", "", |entry| match entry.value {
            Value::Whole(index) if index >= 0 => Some(index.to_string()),
            _ => text_of(entry),
        })
    }

    /// A list of texts, one at least, that is `wanted`.
    pub fn texts(&mut self, key: &str, wanted: &str) -> Option<Vec<String>> {
        self.take(key, wanted, "", |entry| match &entry.value {
            Value::List(list) if !list.is_empty() => list.iter().map(plain_text).collect(),
            _ => None,
        })
    }

    /// A list of texts, which may be empty, that is `wanted`.
    pub fn list(&mut self, key: &str, wanted: &str) -> Option<Vec<String>> {
        self.take(key, wanted, "", |entry| match &entry.value {
            Value::List(list) => list.iter().map(plain_text).collect(),
            _ => None,
        })
    }

    /// A path.
    pub fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    /// One of some words. `None` where not given or not one of them.
    pub fn choice<T: Copy>(&mut self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let given = self.text(key)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == given) {
            return Some(*value);
        }
        let all: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let remedy = match keys::nearest(&given, words.iter().map(|(word, _)| *word)) {
            Some(near) => format!("did you mean \"{near}\"? Known are {}", all.join(", ")),
            None => format!("give one of {}", all.join(", ")),
        };
        self.wrong(key, format!("\"{}\" is not known", short(&given)), remedy);
        None
    }

    /// A file that holds a secret: an absolute path, or the name of a systemd credential, which becomes its path. One that is not there, or may not
    /// be looked at, is taken: whoever asks may be another than the service. A folder never is a file.
    pub fn secret(&mut self, key: &str) -> Option<PathBuf> {
        let given = self.path(key)?;
        if given.is_absolute() {
            if !given.is_dir() {
                return Some(given);
            }
            let what = format!("\"{}\" is a folder", short(&given.display().to_string()));
            self.wrong(key, what, "name the file itself");
            return None;
        }
        let name = given.display().to_string();
        if given.components().count() != 1 || name.contains('/') {
            let what = format!(
                "\"{}\" is neither an absolute path nor the name of a systemd credential",
                short(&name)
            );
            self.wrong(key, what, "begin the path with /");
            return None;
        }
        let found = self.credentials.as_deref().map(|directory: &Path| directory.join(&given));
        if found.is_none() {
            let remedy =
                format!("start with systemd's LoadCredential={name}:/path/to/file, or give an absolute path");
            self.wrong(key, format!("there is no systemd credential \"{}\"", short(&name)), remedy);
        }
        found
    }

    /// Reads a value that is `wanted`; `fallback` is what holds where it is left out, empty where that does not help.
    fn take<T>(
        &mut self,
        key: &str,
        wanted: &str,
        fallback: &str,
        read: impl FnOnce(&Entry) -> Option<T>,
    ) -> Option<T> {
        let entry = self.layer.entries.get(key)?;
        let found = read(entry);
        if found.is_none() {
            let what = format!("{} is not {wanted}", short(&entry.raw));
            let remedy = match fallback {
                "" => "correct it".to_owned(),
                _ => format!("correct it, or leave it out for {fallback}"),
            };
            self.wrong(key, what, remedy);
        }
        found
    }
}

fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Whole(whole) => Some(*whole as f64),
        Value::Real(real) => Some(*real),
        _ => None,
    }
}

/// On the command line `--set site.name=7` means the text "7".
fn text_of(entry: &Entry) -> Option<String> {
    let text = match &entry.value {
        Value::Text(text) => text.clone(),
        _ if entry.origin == Origin::Set => entry.raw.clone(),
        _ => return None,
    };
    (!text.is_empty()).then_some(text)
}

fn plain_text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    }
}

/// At most so much of a value stands in a message.
const MOST_SHOWN: usize = 60;

pub(super) fn short(raw: &str) -> String {
    let line = raw.lines().next().unwrap_or_default();
    match line.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None if line.len() < raw.len() => format!("{line}…"),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_becomes_its_path() {
        let file = Layer::file("publish.password_file = \"mqtt\"", "x.toml");
        let mut reader = Reader::new(&[&file], "x.toml", Some("/run/credentials/bearwatch.service".into()));
        let path = reader.secret("publish.password_file");
        assert_eq!(path, Some("/run/credentials/bearwatch.service/mqtt".into()));
        assert_eq!(reader.finish(), []);
    }

    #[test]
    fn a_folder_is_no_secret_and_a_file_that_is_to_come_may_be() {
        let folder = tempfile::tempdir().unwrap();
        let told = |path: &Path| {
            let file = Layer::file(&format!("\n[page]\ntoken_file = {path:?}"), "x.toml");
            let mut reader = Reader::new(&[&file], "x.toml", None);
            let found = reader.secret("page.token_file");
            (found, reader.finish().iter().map(ToString::to_string).collect::<String>())
        };
        let (found, mistake) = told(folder.path());
        assert!(found.is_none() && mistake.contains("x.toml:3: page.token_file: \"/"), "{mistake}");
        assert!(mistake.contains("is a folder; name the file itself"), "{mistake}");
        let file = folder.path().join("token");
        assert_eq!(told(&file), (Some(file), String::new()));
    }

    #[test]
    fn only_the_beginning_of_a_long_value_is_shown() {
        assert_eq!(short("12"), "12");
        assert_eq!(short("[1,\n2]"), "[1,…");
        assert_eq!(short(&"ä".repeat(100)), format!("{}…", "ä".repeat(MOST_SHOWN)));
    }
}
