//! Bundles on their way, and what becomes of one that is here.

use super::Keeper;
use crate::infer::succession::fetch::{self, Fetching};
use crate::infer::succession::order;
use crate::infer::succession::shelf::{Challenger, Fetch};
use crate::infer::succession::signed::{SignedBundle, sha256};
use crate::publish::models::{MOST_BUNDLE, ModelOrder, Piece};

impl Keeper {
    pub(super) fn fetch(&mut self, order: &ModelOrder) {
        let ModelOrder { version: Some(version), bundle: Some(bundle), bytes: Some(of), .. } = order.clone()
        else {
            return;
        };
        if self.fetching.as_ref().is_some_and(|fetching| fetching.of().bundle == bundle) {
            return self.wait(false);
        }
        let part = self.shelf.part();
        let fetch = Fetch { version, bundle, of, waits: false };
        match fetch::begin(&part) {
            Ok(()) => {
                self.memory.fetch = Some(fetch.clone());
                self.fetching = Some(Fetching::new(fetch, &part, self.now()));
                self.note(format!("version {version} is being fetched"));
                self.keep();
            }
            Err(error) => {
                self.note(format!("version {version} cannot be fetched: {}: {error}", part.display()))
            }
        }
    }

    pub(super) fn wait(&mut self, waits: bool) {
        let now = self.now();
        let Some(fetching) = &mut self.fetching else { return };
        fetching.wait(waits, now);
        self.memory.fetch = Some(fetching.of().clone());
        self.keep();
    }

    pub(super) fn piece(&mut self, piece: &Piece) {
        let now = self.now();
        let Some(fetching) = &mut self.fetching else { return };
        let part = self.shelf.part();
        match fetching.take(piece, now).and_then(|taken| if taken { fetching.whole() } else { Ok(None) }) {
            Ok(None) => {}
            Ok(Some(bytes)) => self.fetched(&bytes),
            Err(error) => tracing::warn!("{}: {error}; the piece is asked for again", part.display()),
        }
        self.tell();
    }

    pub(super) fn fetched(&mut self, bytes: &[u8]) {
        let Some(fetching) = self.fetching.take() else { return };
        self.memory.fetch = None;
        let Fetch { version, bundle, .. } = fetching.of().clone();
        match sha256(bytes) == bundle {
            true => self.receive(bytes),
            false => {
                self.refuse(Some(version), bundle, "what came has another SHA-256: send it again".into())
            }
        }
    }

    /// A bundle is here, whole. Nothing of it was looked at yet.
    pub(super) fn receive(&mut self, bytes: &[u8]) {
        match self.judge(bytes) {
            Ok(signed) => self.place(&signed, bytes),
            Err((version, why)) => self.refuse(version, sha256(bytes), why),
        }
    }

    pub(super) fn judge(&self, bytes: &[u8]) -> Result<SignedBundle, (Option<u64>, String)> {
        let signed = SignedBundle::read(bytes, &self.keys).map_err(|why| (None, why))?;
        let version = signed.manifest.version;
        let on_trial =
            || self.memory.trial.map(|_| "the running model is on trial: try again when that is over".into());
        let objection = order::old(version, self.memory.newest)
            .or_else(on_trial)
            .or_else(|| signed.manifest.objection(&signed.model, &self.spec));
        objection.map_or(Ok(signed), |why| Err((Some(version), why)))
    }

    pub(super) fn place(&mut self, signed: &SignedBundle, bytes: &[u8]) {
        let version = signed.manifest.version;
        if let Err(error) = self.shelf.put(version, bytes) {
            let why = format!("{}: {error}", self.shelf.bundle(version).display());
            return self.refuse(Some(version), signed.sha256.clone(), why);
        }
        self.rival = None;
        let bundle = signed.sha256.clone();
        self.memory.challenger = Some(Challenger { version: Some(version), bundle, refused: None, tries: 1 });
        self.keep();
        self.try_out(signed);
    }

    /// Says why it is not taken. A challenger that does well is not put aside for a bundle that could not even be read, or is of no use here.
    pub(super) fn refuse(&mut self, version: Option<u64>, bundle: String, why: String) {
        let name = version
            .map_or(format!("bundle {}…", &bundle[..12.min(bundle.len())]), |v| format!("version {v}"));
        self.note(format!("{name} is refused: {why}"));
        let stays = |one: &Challenger| one.refused.is_none() && one.bundle != bundle;
        if !self.memory.challenger.as_ref().is_some_and(stays) {
            let known = self.challenger.take().filter(|stand| stand.bundle.as_deref() == Some(&bundle));
            (self.rival, self.challenger) = (None, known);
            self.memory.challenger = Some(Challenger { version, bundle, refused: Some(why), tries: 0 });
        }
        self.keep();
    }

    pub(super) fn take_incoming(&mut self) {
        let path = self.shelf.incoming();
        let Ok(found) = std::fs::metadata(&path) else { return };
        let bytes = match found.len() <= MOST_BUNDLE {
            true => std::fs::read(&path),
            false => Err(std::io::Error::other("larger than any bundle")),
        };
        let removed = std::fs::remove_file(&path);
        match (bytes, removed) {
            (Ok(bytes), Ok(())) => self.receive(&bytes),
            (Err(error), _) | (_, Err(error)) => {
                self.note(format!("{}: {error}; install it as the user that runs bearwatch", path.display()));
            }
        }
    }
}
