//! `bearwatch command key`: a new key pair.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::{Context, anyhow};

use crate::cli::connection::level;
use crate::cli::exit::{Exit, Failure, OrExit, Outcome};
use crate::cli::say::say;
use crate::control::signing::SigningKey;

/// Makes one; what exists is never overwritten, for commands signed with it would no longer count.
pub fn make(file: &Path, given: Option<&str>) -> Outcome {
    let name = name(file, given)?;
    let (key, pem) = SigningKey::generate().or_exit(Exit::TryAgain)?;
    let told = || format!("{}: cannot be created; choose another name or folder", file.display());
    let mut options = OpenOptions::new();
    let mut created = options.write(true).create_new(true).mode(0o600).open(file).with_context(told);
    created = created.and_then(|mut file| {
        file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).with_context(told)?;
        Ok(file)
    });
    created.or_exit(Exit::CannotCreate)?;
    say(&format!("the private key is in {}: keep it to yourself", file.display()))?;
    say("the public one goes into the configuration of each camera:")?;
    say("[command]")?;
    say("accept = true")?;
    say(&format!("keys = [\"{name}:{}\"]", key.public()))?;
    Ok(Exit::Ok)
}

/// The key's name in `command.keys`: as given, or that of the file.
pub fn name(file: &Path, given: Option<&str>) -> Result<String, Failure> {
    let stem = file.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = given.unwrap_or(stem);
    level(name).map_err(|what| {
        Failure::new(Exit::Usage, anyhow!("\"{name}\" is no name for a key: give --as NAME, {what}"))
    })
}
