//! `DIR/events.json` and the pictures of its sequences, checked before anything is played.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};

use serde_json::Value;

use crate::capture::files::list;
use crate::cli::exit::{Exit, Failure};
use crate::evaluate::PixelBox;
use crate::evaluate::events::Event;
use crate::perceive::model::Class;

/// What stands in the file.
const EXPECTED: &str = "it must hold a list of {\"sequence\", \"fps\", \"events\": [{\"class\", \"start_s\", \"end_s\"}], \"boxes\"}";

/// Pictures of one camera in a row.
pub struct Sequence {
    /// Name of its folder.
    pub name: String,
    /// Pictures in the order of their names.
    pub pictures: Vec<PathBuf>,
    /// Pictures a second.
    pub fps: f64,
    /// Bears in sight.
    pub events: Vec<Event>,
    /// Bears on each picture for which somebody said so, pixels.
    boxes: BTreeMap<String, Vec<PixelBox>>,
}

impl Sequence {
    /// Seconds.
    pub fn length_s(&self) -> f64 {
        self.pictures.len() as f64 / self.fps
    }

    /// The bears on a picture; `None` where nobody said.
    pub fn bears_on(&self, picture: usize) -> Option<Vec<PixelBox>> {
        let name = self.pictures.get(picture)?.file_name()?.to_str()?;
        self.boxes.get(name).cloned()
    }
}

/// Reads and checks all of it.
///
/// # Errors
/// 66 where the file or a folder of pictures is not there, 65 with file and field where something is wrong.
pub fn read(folder: &Path) -> Result<Vec<Sequence>, Failure> {
    let path = folder.join("events.json");
    let text = std::fs::read(&path).map_err(|error| {
        Failure::new(Exit::NoInput, anyhow::anyhow!("{}: {error}; {EXPECTED}", path.display()))
    })?;
    let wrong = |what: String| Failure::new(Exit::BadData, anyhow::anyhow!("{}: {what}", path.display()));
    let file: Value = serde_json::from_slice(&text).map_err(|error| wrong(format!("{error}; {EXPECTED}")))?;
    let entries = file.as_array().filter(|list| !list.is_empty()).ok_or_else(|| wrong(EXPECTED.into()))?;
    let mut sequences: Vec<Sequence> = Vec::new();
    for (at, entry) in entries.iter().enumerate() {
        let field = Field { path: format!("[{at}]"), value: entry };
        let name = name(&field).map_err(wrong)?;
        if sequences.iter().any(|s| s.name == name) {
            return Err(wrong(format!("[{at}].sequence: \"{name}\" stands twice")));
        }
        let pictures = list(&folder.join(&name)).map_err(|error| Failure::new(Exit::NoInput, error))?;
        sequences.push(sequence(&field, name, pictures).map_err(wrong)?);
    }
    Ok(sequences)
}

/// The folder's name: nothing that leads out of the data.
fn name(entry: &Field) -> Result<String, String> {
    let field = entry.of("sequence")?;
    let name = field.value.as_str().ok_or_else(|| field.must_be("a folder's name"))?;
    let inside = Path::new(name).components().all(|c| matches!(c, Component::Normal(_)));
    if name.is_empty() || !inside {
        return Err(field.must_be("the name of a folder beside the file"));
    }
    Ok(name.to_owned())
}

fn sequence(entry: &Field, name: String, pictures: Vec<PathBuf>) -> Result<Sequence, String> {
    let fps = entry.of("fps")?.number(0.001..=1000.0)?;
    let length_s = pictures.len() as f64 / fps;
    let mut events = Vec::new();
    for field in entry.of("events")?.list()? {
        events.extend(event(&field, length_s)?);
    }
    let known = |file: &str| pictures.iter().any(|p| p.file_name().is_some_and(|name| name == file));
    let boxes = entry.find("boxes").map(|field| boxes(&field, &known)).transpose()?.unwrap_or_default();
    Ok(Sequence { name, pictures, fps, events, boxes })
}

/// An event; `None` for whoever is no bear: an alert on them is a false alarm.
fn event(field: &Field, length_s: f64) -> Result<Option<Event>, String> {
    let class = field.of("class")?;
    let named = |name: &str| Class::ALL.into_iter().find(|c| c.name() == name);
    let class =
        class.value.as_str().and_then(named).ok_or_else(|| class.must_be("bear, person or animal"))?;
    let start_s = field.of("start_s")?.number(0.0..=length_s)?;
    let end_s = field.of("end_s")?.number(start_s..=f64::MAX)?;
    Ok((class == Class::Bear).then_some(Event { start_s, end_s }))
}

fn boxes(field: &Field, known: &dyn Fn(&str) -> bool) -> Result<BTreeMap<String, Vec<PixelBox>>, String> {
    let files =
        field.value.as_object().ok_or_else(|| field.must_be("an object, a list of boxes for each file"))?;
    let mut found = BTreeMap::new();
    for (file, value) in files {
        let field = Field { path: format!("{}[\"{file}\"]", field.path), value };
        if !known(file) {
            return Err(format!("{}: there is no such picture in the sequence's folder", field.path));
        }
        let boxes = field.list()?.iter().map(pixel_box).collect::<Result<_, _>>()?;
        found.insert(file.clone(), boxes);
    }
    Ok(found)
}

fn pixel_box(field: &Field) -> Result<PixelBox, String> {
    let sides: Option<Vec<f64>> =
        field.value.as_array().map(|list| list.iter().filter_map(Value::as_f64).collect());
    match sides.as_deref() {
        Some(&[x, y, w, h]) if w >= 0.0 && h >= 0.0 => Ok(PixelBox { x, y, w, h }),
        _ => Err(field.must_be("[x, y, width, height] in pixels")),
    }
}

/// A value and the way to it, for messages.
struct Field<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Field<'a> {
    fn find(&self, key: &str) -> Option<Field<'a>> {
        let value = self.value.get(key)?;
        Some(Field { path: format!("{}.{key}", self.path), value })
    }

    fn of(&self, key: &str) -> Result<Field<'a>, String> {
        self.find(key).ok_or_else(|| format!("{}.{key}: is missing; {EXPECTED}", self.path))
    }

    fn list(&self) -> Result<Vec<Field<'a>>, String> {
        let list = self.value.as_array().ok_or_else(|| self.must_be("a list"))?;
        let item = |(at, value)| Field { path: format!("{}[{at}]", self.path), value };
        Ok(list.iter().enumerate().map(item).collect())
    }

    fn number(&self, allowed: RangeInclusive<f64>) -> Result<f64, String> {
        let (low, high) = (*allowed.start(), *allowed.end());
        self.value.as_f64().filter(|n| allowed.contains(n)).ok_or_else(|| match high {
            f64::MAX => self.must_be(&format!("a number of {low} or more")),
            _ => self.must_be(&format!("a number from {low} to {high}")),
        })
    }

    fn must_be(&self, what: &str) -> String {
        let mut found = self.value.to_string();
        if found.chars().count() > 60 {
            found = found.chars().take(60).chain(['…']).collect();
        }
        format!("{}: must be {what}, it is {found}", self.path)
    }
}
