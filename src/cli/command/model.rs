//! `bearwatch command model`: another model for a camera, sent from here.

use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;
use serde_json::{Value, json};

use super::conversation::Conversation;
use crate::cli::exit::{Exit, Failure, OrExit};
use crate::infer::succession::signed::{Manifest, sha256};
use crate::publish::models::Do;

/// What to do with which bundle.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// shadow: fetch it, try it out and let it look beside the running model · wait: fetch no more of it · promote: let it run · revert: let the model
    /// before run again · stop: forget it
    #[arg(value_name = "DO")]
    what: Do,
    /// NAME-<version>.bwm: for shadow and promote
    file: Option<PathBuf>,
    #[arg(skip)]
    bundle: Option<Read>,
}

/// A bundle as it lies here. Whether it is good the camera finds out.
#[derive(Debug)]
struct Read {
    version: u64,
    sha256: String,
    bytes: Vec<u8>,
}

impl ModelArgs {
    /// Reads the file, where one is needed.
    ///
    /// # Errors
    /// 64 where it is needed and not given, 66 where it is not there, 65 where it is no bundle.
    pub fn read(&mut self) -> Result<(), Failure> {
        if !matches!(self.what, Do::Shadow | Do::Promote) {
            return Ok(());
        }
        let needed = || Failure::new(Exit::Usage, anyhow!("which bundle? give NAME-<version>.bwm"));
        let file = self.file.as_ref().ok_or_else(needed)?;
        let named = |what: &dyn std::fmt::Display| anyhow!("{}: {what}", file.display());
        let bytes = std::fs::read(file).map_err(|error| named(&error)).or_exit(Exit::NoInput)?;
        let manifest = Manifest::peek(&bytes).ok_or_else(|| named(&"it is cut off, altered, or no bundle"));
        let manifest = manifest.or_exit(Exit::BadData)?;
        self.bundle = Some(Read { version: manifest.version, sha256: sha256(&bytes), bytes });
        Ok(())
    }

    /// The command's own fields.
    pub fn fields(&self) -> Value {
        let what = self.what.name();
        let Some(Read { version, sha256, bytes }) = &self.bundle else { return json!({ "do": what }) };
        json!({ "do": what, "version": version, "bundle": sha256, "bytes": bytes.len() })
    }

    /// Sends what the camera asks for, where it is to have the bundle.
    ///
    /// # Errors
    /// 69 where it does not take all of it.
    pub fn serve(&self, conversation: &Conversation) -> Result<(), Failure> {
        match (&self.bundle, self.what) {
            (Some(Read { sha256, bytes, .. }), Do::Shadow) => conversation.serve(sha256, bytes),
            _ => Ok(()),
        }
    }
}
