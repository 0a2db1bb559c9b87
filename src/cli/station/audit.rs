//! `bearwatch station audit`: whether the audit log is as it was written.

use anyhow::anyhow;
use clap::Args;

use super::of_store;
use crate::cli::exit::{Exit, Failure, OrExit, Outcome};
use crate::cli::say::{plain, say};
use crate::control::chain::{Examined, Line, sha256};
use crate::publish::reply::Head;
use crate::station::{Address, Store};

/// Longest sentence of a line, characters.
const SENTENCE: usize = 300;

/// Verify a station's audit log: who signed in, who did not, accounts, words on alerts, commands to cameras.
///
/// Each line bears the hash of the line before: one that was changed, put in or taken out shows. Whoever may write the database can write all of the log
/// anew, or cut off its end. That shows against a line that was kept elsewhere: the station writes number and hash of each into the system's log.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch station audit --database /var/lib/bearwatch-station/station.db
  bearwatch station audit --lines                          all of it, for people; --json as it stands
  journalctl -u bearwatch-station | grep ' audit '         numbers and hashes as they were told
  bearwatch station audit --holds 412:9f86d081884c7d65…    that this line is there still

Exit codes: 0 whole · 64 usage · 65 it was changed · 74 the database cannot be read · 78 it is of another version, or damaged")]
pub struct AuditArgs {
    /// The station's database, a file or postgres://…
    #[arg(long, value_name = "FILE|URL", default_value = "bearwatch-station.db")]
    database: Address,
    /// Print every line, for people
    #[arg(long, conflicts_with = "json")]
    lines: bool,
    /// Print every line as it stands
    #[arg(long)]
    json: bool,
    /// A line that was told elsewhere, which must stand there still: its number and the beginning of its SHA-256, 16 digits or more
    #[arg(long, value_name = "SEQ:SHA256", value_parser = told)]
    holds: Vec<Head>,
}

fn told(text: &str) -> Result<Head, String> {
    let (seq, sha256) = text.split_once(':').ok_or("is no SEQ:SHA256")?;
    let hexadecimal = (16..=64).contains(&sha256.len()) && sha256.bytes().all(|b| b.is_ascii_hexdigit());
    let seq = seq.parse().map_err(|_| "does not begin with a number")?;
    let head = Head { seq, sha256: sha256.to_lowercase() };
    hexadecimal.then_some(head).ok_or_else(|| "needs 16 to 64 hexadecimal digits after the colon".into())
}

/// Runs the command.
///
/// # Errors
/// See the exit codes in its help.
pub fn run(args: &AuditArgs) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
    runtime.or_exit(Exit::TryAgain)?.block_on(verify(args))
}

async fn verify(args: &AuditArgs) -> Outcome {
    let store = Store::look(&args.database).await.map_err(|error| of_store(&error))?;
    let mut missing = args.holds.clone();
    let mut printed = Ok(());
    let found = store
        .examine(|seq, text| {
            let digest = sha256(text.as_bytes());
            missing.retain(|head| u64::try_from(seq) != Ok(head.seq) || !digest.starts_with(&head.sha256));
            if printed.is_ok() && args.json {
                printed = say(text);
            } else if printed.is_ok() && args.lines {
                printed = say(&sentence(text));
            }
        })
        .await;
    store.close().await;
    let found = found.map_err(|error| of_store(&error))?;
    printed?;
    verdict(&found, &missing, args.json)
}

fn verdict(found: &Examined, missing: &[Head], json: bool) -> Outcome {
    let gone = missing
        .iter()
        .map(|head| format!("line {} is not what it was: the log was cut off or written anew", head.seq));
    let faults: Vec<String> = found.faults.iter().cloned().chain(gone).collect();
    for fault in &faults {
        tracing::error!("{fault}");
    }
    if !faults.is_empty() {
        return Err(Failure::new(
            Exit::BadData,
            anyhow!("the audit log was changed: {} faults", faults.len()),
        ));
    }
    if !json {
        let Examined { lines, first, head, .. } = found;
        say(&format!(
            "{lines} lines, {first} to {}, each follows from the one before; the last is {}",
            head.seq, head.sha256
        ))?;
    }
    Ok(Exit::Ok)
}

fn sentence(text: &str) -> String {
    let Ok(Line { seq, time, entry, .. }) = serde_json::from_str::<Line>(text) else {
        return format!("? {}", plain(text, SENTENCE));
    };
    let said = [&entry.event, &entry.who, &entry.command, &entry.payload, &entry.reason];
    let said: Vec<String> =
        said.iter().filter(|word| !word.is_empty()).map(|word| plain(word, SENTENCE)).collect();
    format!("{seq} {} {}", plain(&time, 40), said.join(" · "))
}
