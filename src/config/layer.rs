//! What a file or the command line says: known keys with their values and where each stands, and what nobody knows.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::keys::{self, SECTIONS};
use super::mistake::{Mistake, Origin};

/// A value of the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    Text(String),
    /// An integer.
    Whole(i64),
    /// A float.
    Real(f64),
    /// A boolean.
    Flag(bool),
    /// An array.
    List(Vec<Value>),
    /// What no key wants: dates, tables, integers beyond 64 bits.
    Other,
}

/// A value, how it was written, and where.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The value.
    pub value: Value,
    /// As written.
    pub raw: String,
    /// Where.
    pub origin: Origin,
}

/// One layer of configuration.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    /// Known keys by full name.
    pub entries: BTreeMap<String, Entry>,
    /// Where sections begin, for what is missing in them.
    pub sections: BTreeMap<String, Origin>,
    /// Mistakes of syntax and unknown keys.
    pub mistakes: Vec<Mistake>,
    /// The text is not TOML; what is missing may only be unread.
    pub broken: bool,
}

impl Layer {
    /// Reads TOML; on a mistake of syntax goes on with the next line.
    pub fn file(text: &str, name: &str) -> Layer {
        Layer::read(text, name, false)
    }

    /// The same for the overrides, which know some keys more.
    pub fn overrides(text: &str, name: &str) -> Layer {
        Layer::read(text, name, true)
    }

    fn read(text: &str, name: &str, run_time: bool) -> Layer {
        let (table, errors) = DeTable::parse_recoverable(text);
        let line_ends = text.match_indices('\n').map(|(at, _)| at).collect();
        let mut walk = Walk { text, name, line_ends, run_time, layer: Layer::default() };
        walk.table("", table.get_ref());
        for error in &errors {
            walk.syntax(error);
        }
        walk.layer
    }

    /// Reads `section.key=value`. The value is TOML; what is not is text, so that the shell's quotes are enough.
    pub fn sets(sets: &[String]) -> Layer {
        let mut layer = Layer::default();
        for set in sets {
            let Some((key, raw)) = set.split_once('=') else {
                layer.mistakes.push(Mistake::new(
                    Origin::Set,
                    set,
                    "has no value",
                    "write --set section.key=value",
                ));
                continue;
            };
            let (key, raw) = (key.trim(), raw.trim());
            let value = match DeValue::parse(raw) {
                Ok(value) => convert(value.get_ref()),
                Err(_) => Value::Text(raw.to_owned()),
            };
            layer.add(key, Entry { value, raw: raw.to_owned(), origin: Origin::Set }, false);
        }
        layer
    }

    fn add(&mut self, key: &str, entry: Entry, run_time: bool) {
        if keys::find(key).is_some() || (run_time && keys::RUN_TIME.iter().any(|known| known.name == key)) {
            self.entries.insert(key.to_owned(), entry);
        } else {
            self.mistakes.push(Mistake::new(entry.origin, key, "unknown key", keys::remedy_for_key(key)));
        }
    }
}

/// Walks over the tables of a file.
struct Walk<'a> {
    text: &'a str,
    name: &'a str,
    /// Offsets of the newlines.
    line_ends: Vec<usize>,
    /// Whether these are the overrides.
    run_time: bool,
    layer: Layer,
}

impl Walk<'_> {
    /// One slip of the pen often upsets the parser twice on its line, and leaves a value that means nothing: the first message
    /// is the telling one.
    fn syntax(&mut self, error: &toml::de::Error) {
        let span = error.span().unwrap_or(0..0);
        let origin = self.origin(span.clone());
        let told =
            self.layer.broken && self.layer.mistakes.iter().any(|m| m.key.is_empty() && m.origin == origin);
        self.layer.broken = true;
        if told {
            return;
        }
        let (key, remedy) = match error.message() {
            "duplicate key" => (self.text.get(span).unwrap_or_default(), "remove one of the two"),
            _ => ("", "write it as TOML: key = value, text in \"quotes\""),
        };
        let separator = if key.is_empty() { "" } else { " " };
        let what = format!("{}{separator}{key}", error.message());
        self.layer.entries.retain(|_, entry| entry.origin != origin);
        self.layer.mistakes.push(Mistake::new(origin, "", what, remedy));
    }

    fn table(&mut self, prefix: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let name = match prefix {
                "" => key.get_ref().to_string(),
                _ => format!("{prefix}.{}", key.get_ref()),
            };
            let origin = self.origin(key.span());
            match value.get_ref() {
                DeValue::Table(inner) if self.is_section(&name) => {
                    self.layer.sections.insert(name.clone(), origin);
                    self.table(&name, inner);
                }
                _ => self.value(&name, value, origin),
            }
        }
    }

    fn is_section(&self, name: &str) -> bool {
        SECTIONS.contains(&name) || (self.run_time && name == keys::RUN_TIME_SECTION)
    }

    fn value(&mut self, name: &str, value: &Spanned<DeValue<'_>>, origin: Origin) {
        let mut wrong =
            |what: &str, remedy| self.layer.mistakes.push(Mistake::new(origin.clone(), name, what, remedy));
        match value.get_ref() {
            _ if SECTIONS.contains(&name) => {
                wrong("is a section", format!("write [{name}] once, and its keys below"))
            }
            DeValue::Table(_) if keys::find(name).is_none() => {
                wrong("unknown section", keys::remedy_for_section(name))
            }
            inner => {
                let raw = self.text.get(value.span()).unwrap_or_default().to_owned();
                self.layer.add(name, Entry { value: convert(inner), raw, origin }, self.run_time);
            }
        }
    }

    fn origin(&self, span: Range<usize>) -> Origin {
        let line = self.line_ends.partition_point(|end| *end < span.start) + 1;
        Origin::File { name: self.name.to_owned(), line: Some(line) }
    }
}

/// Depth is bounded: the parser refuses more than 80 levels.
fn convert(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(whole) => {
            i64::from_str_radix(whole.as_str(), whole.radix()).map_or(Value::Other, Value::Whole)
        }
        DeValue::Float(real) => real.as_str().parse().map_or(Value::Other, Value::Real),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Array(list) => Value::List(list.iter().map(|value| convert(value.get_ref())).collect()),
        DeValue::Datetime(_) | DeValue::Table(_) => Value::Other,
    }
}
