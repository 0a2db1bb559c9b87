//! `bearwatch schema`: the messages for programs, as JSON Schema and AsyncAPI 3, from the types that are sent.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use serde_json::Value;

use super::exit::{Exit, Failure, OrExit, Outcome};
use super::say::say;

mod asyncapi;
mod channel;
mod properties;

use channel::{Channel, Payload};

/// Print what other programs may rely on: the schema of each message, and all topics as an AsyncAPI document.
///
/// Copies stand in docs/schema and docs/asyncapi.json. The schemas are those of what this version sends: a receiver should let pass
/// fields and names that it does not know, for there may be more of them in later versions.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch schema                        the names of the schemas, with their topics
  bearwatch schema alert                  the JSON Schema of alerts (draft 2020-12)
  bearwatch schema --asyncapi             every topic: AsyncAPI 3 with the MQTT bindings
  bearwatch schema --out docs             all of it as files: asyncapi.json, schema/*.json

Exit codes: 0 printed or written · 64 there is no such message · 73, 74 a file cannot be written")]
pub struct SchemaArgs {
    /// Print the schema of this message alone
    #[arg(value_name = "NAME", conflicts_with_all = ["asyncapi", "out"])]
    name: Option<String>,
    /// Print the AsyncAPI document
    #[arg(long, conflicts_with = "out")]
    asyncapi: bool,
    /// Write everything below this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: SchemaArgs) -> Outcome {
    let channels = channel::all();
    match args {
        SchemaArgs { out: Some(folder), .. } => write_all(&channels, &folder)?,
        SchemaArgs { asyncapi: true, .. } => say(&pretty(&asyncapi::document(&channels)))?,
        SchemaArgs { name: Some(name), .. } => say(&pretty(&named(&channels, &name)?))?,
        SchemaArgs { .. } => {
            for channel in &channels {
                say(&format!("{:<24} {}", channel.name, channel.topic))?;
            }
        }
    }
    Ok(Exit::Ok)
}

fn named(channels: &[Channel], name: &str) -> Result<Value, Failure> {
    let channel = channels.iter().find(|channel| channel.name == name).ok_or_else(|| {
        let error = anyhow!("there is no message {name:?}; `bearwatch schema` lists all");
        Failure::new(Exit::Usage, error)
    })?;
    channel.schema().ok_or_else(|| {
        let error = anyhow!(
            "a message {name:?} is no JSON; its user properties are in `bearwatch schema --asyncapi`"
        );
        Failure::new(Exit::Usage, error)
    })
}

fn write_all(channels: &[Channel], folder: &Path) -> Result<(), Failure> {
    let schemas = folder.join("schema");
    fs::create_dir_all(&schemas)
        .with_context(|| schemas.display().to_string())
        .or_exit(Exit::CannotCreate)?;
    for channel in channels {
        if let (Payload::Json { shared: None, .. }, Some(schema)) = (&channel.payload, channel.schema()) {
            write(&schemas.join(format!("{}.json", channel.name)), &schema)?;
        }
    }
    write(&folder.join("asyncapi.json"), &asyncapi::document(channels))
}

fn write(path: &Path, value: &Value) -> Result<(), Failure> {
    fs::write(path, pretty(value) + "\n").with_context(|| path.display().to_string()).or_exit(Exit::Io)?;
    say(&format!("wrote {}", path.display()))?;
    Ok(())
}

fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
