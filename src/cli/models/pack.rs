//! `models key` and `models pack`: who makes models signs them here. Keys and signatures are minisign's, whose own program can make and check them as well.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use minisign::{KeyPair, SecretKey, SecretKeyBox};

use crate::cli::exit::{Exit, Failure, OrExit, Outcome};
use crate::cli::say::say;
use crate::infer::bundle::Bundle;
use crate::infer::succession::pack::{Label, pack};
use crate::infer::succession::signed::{MOST_VERSION, Manifest, sha256};
use crate::publish::message::{parse_rfc3339, rfc3339};
use crate::system::clock::Clock;
use crate::system::file;

/// What to pack.
#[derive(Debug, Args)]
pub struct PackArgs {
    /// NAME.onnx, its card beside it [default: the embedded model]
    model: Option<PathBuf>,
    /// The private key, as `models key` or minisign makes it
    #[arg(long, value_name = "FILE")]
    secret_key: PathBuf,
    /// Higher than that of every bundle before: cameras take no older ones
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=MOST_VERSION))]
    version: u64,
    /// A board that it is for
    #[arg(long = "board", value_name = "BOARD", value_parser = ["amd64", "arm64", "armhf"], default_values = ["amd64", "arm64", "armhf"])]
    boards: Vec<String>,
    /// When it was packed, RFC 3339: with it the same model gives the same manifest [default: now]
    #[arg(long, value_name = "TIME")]
    created: Option<String>,
    /// File that holds the key's password alone [default: asked for at the terminal, where the key has one]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Where the bundle goes [default: NAME-<version>.bwm]
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// A key pair.
#[derive(Debug, Args)]
pub struct KeyArgs {
    /// NAME: NAME.key and NAME.pub are made
    name: PathBuf,
    /// File that holds the key's password alone [default: asked for at the terminal]
    #[arg(long, value_name = "FILE", conflicts_with = "no_password")]
    password_file: Option<PathBuf>,
    /// Leave the private key unencrypted: for machines that sign by themselves
    #[arg(long)]
    no_password: bool,
}

/// Packs and signs.
pub fn run(args: PackArgs) -> Outcome {
    let model = Bundle::open(args.model.as_deref()).or_exit(Exit::BadData)?;
    let card = match &args.model {
        Some(file) => std::fs::read(file.with_extension("json")).or_exit(Exit::NoInput)?,
        None => Bundle::carried_card().to_vec(),
    };
    let created = args.created.clone().unwrap_or_else(|| rfc3339(Clock::start().unix_ms()));
    if parse_rfc3339(&created).is_none() {
        return Err(Failure::new(
            Exit::Usage,
            anyhow!("--created {created}: write it as 2026-11-26T20:00:00Z"),
        ));
    }
    let key = secret_key(&args)?;
    let label = Label { version: args.version, created, boards: args.boards };
    let bytes =
        pack(&model, &card, &label, &key).map_err(|error| anyhow!("{error}")).or_exit(Exit::BadData)?;
    let out = args.out.unwrap_or_else(|| PathBuf::from(format!("{}-{}.bwm", model.id.name, args.version)));
    file::replace(&out, &bytes)
        .with_context(|| format!("{}: cannot be written", out.display()))
        .or_exit(Exit::CannotCreate)?;
    let seen: usize =
        Manifest::peek(&bytes).map_or(0, |manifest| manifest.golden.iter().map(|g| g.detections.len()).sum());
    say(&format!(
        "{}: {} bytes, SHA-256 {}; {seen} finds on its golden pictures",
        out.display(),
        bytes.len(),
        sha256(&bytes)
    ))?;
    Ok(Exit::Ok)
}

/// Makes a pair; what exists is never overwritten, for cameras trust it.
pub fn key(args: &KeyArgs) -> Outcome {
    let pair = match args.no_password {
        true => KeyPair::generate_unencrypted_keypair(),
        false => KeyPair::generate_encrypted_keypair(Some(password(args.password_file.as_deref(), true)?)),
    };
    let told = |error: minisign::PError| anyhow!("no key can be made: {error}");
    let KeyPair { pk, sk } = pair.map_err(told).or_exit(Exit::TryAgain)?;
    let comment = Some("private key for bearwatch models");
    let secret = sk.to_box(comment).map_err(told).or_exit(Exit::Bug)?.to_string();
    let public = pk.to_box().map_err(told).or_exit(Exit::Bug)?.to_string();
    let named = |ending: &str| PathBuf::from(format!("{}.{ending}", args.name.display()));
    let (private, open) = (named("key"), named("pub"));
    create(&private, &secret, 0o600)?;
    create(&open, &public, 0o644)?;
    say(&format!("the private key is in {}: keep it to yourself, and off the cameras", private.display()))?;
    say(&format!(
        "{} goes to each camera, as /etc/bearwatch/models.pub, and into its configuration:",
        open.display()
    ))?;
    say("[model]")?;
    say("trusted_keys = [\"/etc/bearwatch/models.pub\"]")?;
    Ok(Exit::Ok)
}

fn create(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let told = || format!("{}: cannot be created; choose another name or folder", path.display());
    let mut options = OpenOptions::new();
    let created = options.write(true).create_new(true).mode(mode).open(path);
    let written = created.and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()));
    written.with_context(told).or_exit(Exit::CannotCreate)
}

fn secret_key(args: &PackArgs) -> Result<SecretKey, Failure> {
    let file = &args.secret_key;
    let named = |what: &dyn std::fmt::Display| anyhow!("{}: {what}", file.display());
    let text = std::fs::read_to_string(file).map_err(|error| named(&error)).or_exit(Exit::NoInput)?;
    let parsed = || SecretKeyBox::from_string(&text).map_err(|error| named(&error)).or_exit(Exit::Config);
    if let Ok(key) = parsed()?.into_unencrypted_secret_key() {
        return Ok(key);
    }
    let password = password(args.password_file.as_deref(), false)?;
    let key = parsed()?.into_secret_key(Some(password));
    key.map_err(|error| named(&format!("{error}; is the password right?"))).or_exit(Exit::Config)
}

fn password(file: Option<&Path>, is_new: bool) -> Result<String, Failure> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string());
        return text.map(|text| text.trim_end().to_owned()).or_exit(Exit::NoInput);
    }
    let ask = |prompt: &str| rpassword::prompt_password(prompt).or_exit(Exit::NoInput);
    let password = ask("password of the private key: ")?;
    if is_new && ask("the same again: ")? != password {
        return Err(Failure::new(Exit::Usage, anyhow!("the two passwords differ")));
    }
    Ok(password)
}
