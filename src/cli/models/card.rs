//! `models show`: a card for people, or as it is.

use std::path::Path;

use serde_json::Value;

use super::SENTENCE;
use crate::cli::exit::{Exit, Failure, OrExit, Outcome};
use crate::cli::say::{plain, say, say_json};
use crate::infer::bundle::Bundle;

/// Parts of the card that the lines above the rest already tell.
const TOLD: [&str; 6] = ["name", "sha256", "format", "input", "output", "classes"];

/// Shows the card of a model whose hash is right.
pub fn show(file: Option<&Path>, json: bool) -> Outcome {
    if let Some(file) = file {
        super::present(file)?;
    }
    let bundle = Bundle::open(file).or_exit(Exit::BadData)?;
    if json {
        say_json(&bundle.card)?;
    } else {
        tell(&bundle)?;
    }
    Ok(Exit::Ok)
}

fn tell(bundle: &Bundle) -> Result<(), Failure> {
    let spec = &bundle.spec;
    row("model", &plain(&bundle.id.name, SENTENCE))?;
    row("file", &bundle.path.display().to_string())?;
    row("SHA-256", &bundle.id.sha256)?;
    row("numbers", &plain(&bundle.format, SENTENCE))?;
    row("size", &format!("{:.2} MB", bundle.onnx.len() as f64 / 1e6))?;
    let (width, height, order) = (spec.input.width, spec.input.height, spec.input.order);
    row("input", &format!("{width}×{height} pixels, {}", format!("{order:?}").to_uppercase()))?;
    row("anchors", &format!("{} at strides {:?}", spec.anchors(), spec.output.strides))?;
    for class in &spec.classes {
        let text = format!("{}, operating point at score {}", class.name, class.threshold);
        row("class", &text)?;
    }
    let Value::Object(card) = &bundle.card else { return Ok(()) };
    let rest = card.iter().filter(|(key, _)| !TOLD.contains(&key.as_str()));
    rest.into_iter().try_for_each(|(key, value)| branch(key, value, 0))
}

/// Whatever else a card tells, indented.
fn branch(key: &str, value: &Value, depth: usize) -> Result<(), Failure> {
    let key = plain(&key.replace('_', " "), SENTENCE);
    let head = format!("{:indent$}{key}", "", indent = 2 * depth);
    match value {
        Value::Object(map) => {
            say(&head)?;
            map.iter().try_for_each(|(key, value)| branch(key, value, depth + 1))
        }
        Value::Array(list) if list.iter().any(Value::is_object) => list
            .iter()
            .enumerate()
            .try_for_each(|(i, value)| branch(&format!("{key} {}", i + 1), value, depth)),
        Value::Array(list) => row(&head, &list.iter().map(leaf).collect::<Vec<_>>().join(", ")),
        value => row(&head, &leaf(value)),
    }
}

fn leaf(value: &Value) -> String {
    match value {
        Value::String(text) => plain(text, SENTENCE),
        other => plain(&other.to_string(), SENTENCE),
    }
}

fn row(key: &str, value: &str) -> Result<(), Failure> {
    say(&format!("{key:<20}  {value}"))
}
