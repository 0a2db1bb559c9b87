//! What a played camera does with a new model: it fetches the bundle, piece by piece, and then tells how the challenger does beside the model that it has.

use std::time::Duration;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::voice::Voice;
use crate::publish::message::command_topic;
use crate::publish::models::{
    ByRegime, ChallengerMessage, Course, Do, DownloadMessage, Latency, LookCounts, ModelStand, ModelsDraft,
    PIECE, PIECE_WORD, Piece, Want,
};
use crate::publish::mqtt::Message;

/// A challenger is checked for so long.
const CHECKS: Duration = Duration::from_secs(3);
/// And tells of its looks so often.
const TELLS: Duration = Duration::from_secs(5);
/// Looks in that time, and those of them at a bear, every fourth time.
const LOOKS: u64 = 40;
const BEARS: u64 = 6;
/// What goes blind does so after this.
const SEES: Duration = Duration::from_secs(30);

/// A camera's models.
pub struct Rival {
    told: ModelsDraft,
    /// Of the challenger, where it will not see any more after a while.
    blind: bool,
    hash: Sha256,
    /// When the challenger came, and when it was told of last.
    began: Duration,
    told_at: Duration,
    round: u64,
    changed: bool,
}

impl Rival {
    /// With the model that every program carries; `number` tells cameras apart.
    pub fn new(number: u64, blind: bool) -> Rival {
        let running =
            ModelStand { name: "bear-nano".into(), sha256: "0".repeat(64), version: None, bundle: None };
        let told = ModelsDraft { running, board: "arm64".into(), ..ModelsDraft::default() };
        let (began, told_at) = (Duration::ZERO, Duration::ZERO);
        Rival { told, blind, hash: Sha256::new(), began, told_at, round: number, changed: true }
    }

    /// What it has to tell, where that has changed.
    pub fn news(&mut self, now: Duration) -> Option<&ModelsDraft> {
        self.look(now);
        std::mem::take(&mut self.changed).then_some(&self.told)
    }

    /// Of what the camera is told it does what concerns its models; signatures are not played.
    pub(super) fn hear(&mut self, message: &Message, voice: &mut Voice, now: Duration) {
        if message.topic == command_topic(&voice.site, PIECE_WORD) {
            Piece::read(message).iter().for_each(|piece| self.piece(piece, now));
        }
        if message.topic == command_topic(&voice.site, "model") {
            let fields: Value = serde_json::from_slice(&message.payload).unwrap_or_default();
            voice.answer("model", &fields, self.order(&fields, now));
        }
    }

    /// Does what is ordered, or says why not.
    pub fn order(&mut self, fields: &Value, now: Duration) -> Result<&'static str, &'static str> {
        let bundle = fields["bundle"].as_str().unwrap_or_default();
        let done =
            match fields["do"].as_str().and_then(Do::from_name).ok_or("it knows no such thing to do")? {
                Do::Shadow => self.fetch(bundle, fields["version"].as_u64(), fields["bytes"].as_u64()),
                Do::Promote => self.promote(bundle),
                Do::Revert => self.revert(),
                Do::Stop => Ok("the challenger is forgotten"),
                Do::Wait => Err("it does not wait"),
            }?;
        if fields["do"] == "stop" {
            (self.told.challenger, self.told.download) = (None, None);
        }
        (self.began, self.changed) = (now, true);
        Ok(done)
    }

    fn fetch(
        &mut self,
        bundle: &str,
        version: Option<u64>,
        bytes: Option<u64>,
    ) -> Result<&'static str, &'static str> {
        let (Some(version), Some(of)) = (version, bytes) else { return Err("it must say which bundle") };
        if version <= self.told.newest {
            return Err("a newer one has run here");
        }
        self.hash = Sha256::new();
        self.told.challenger = None;
        self.told.download =
            Some(DownloadMessage { version, bundle: bundle.into(), of, have: 0, want: wanted(0, of) });
        Ok("it is fetched")
    }

    fn promote(&mut self, bundle: &str) -> Result<&'static str, &'static str> {
        let is_one = |one: &ChallengerMessage| one.bundle == bundle && one.course == Course::Shadow;
        let challenger =
            self.told.challenger.take_if(|one| is_one(one)).ok_or("that bundle looks on nowhere here")?;
        let running = ModelStand {
            name: challenger.name.unwrap_or_default(),
            sha256: challenger.sha256.unwrap_or_default(),
            version: challenger.version,
            bundle: Some(challenger.bundle),
        };
        self.told.newest = challenger.version.unwrap_or_default();
        self.told.previous = Some(std::mem::replace(&mut self.told.running, running));
        Ok("it runs")
    }

    fn revert(&mut self) -> Result<&'static str, &'static str> {
        let previous = self.told.previous.take().ok_or("there is no model before the running one")?;
        self.told.running = previous;
        Ok("the model before runs again")
    }

    /// Takes a piece that it wanted.
    pub fn piece(&mut self, piece: &Piece, now: Duration) {
        let Some(download) = self.told.download.as_mut().filter(|one| one.bundle == piece.bundle) else {
            return;
        };
        let fits = download
            .want
            .is_some_and(|want| want.offset == piece.offset && want.bytes == piece.bytes.len() as u64);
        if !fits {
            return;
        }
        self.hash.update(&piece.bytes);
        download.have += piece.bytes.len() as u64;
        download.want = wanted(download.have, download.of);
        self.changed = true;
        if download.want.is_none() {
            self.arrived(now);
        }
    }

    fn arrived(&mut self, now: Duration) {
        let Some(DownloadMessage { version, bundle, .. }) = self.told.download.take() else { return };
        let sha256: String = self.hash.clone().finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        let whole = sha256 == bundle;
        self.told.challenger = Some(ChallengerMessage {
            version: Some(version),
            name: Some("bear-nano".into()),
            sha256: Some("1".repeat(64)),
            course: if whole { Course::Checking } else { Course::Refused },
            reason: if whole { String::new() } else { "what came has another SHA-256".into() },
            bundle,
            comparison: None,
        });
        self.began = now;
    }

    fn look(&mut self, now: Duration) {
        let since = now.saturating_sub(self.began);
        let Some(challenger) = &mut self.told.challenger else { return };
        if challenger.course == Course::Checking && since >= CHECKS {
            challenger.course = Course::Shadow;
        }
        if challenger.course != Course::Shadow || now.saturating_sub(self.told_at) < TELLS {
            return;
        }
        (self.told_at, self.changed) = (now, true);
        self.round += 1;
        let bears = if self.round.is_multiple_of(4) { BEARS } else { 0 };
        let sees = !self.blind || since < SEES;
        let seen = challenger.comparison.get_or_insert_default();
        count(&mut seen.card, bears, sees);
        seen.looks += LOOKS;
        seen.frames += LOOKS;
        let latency = |p50| Some(Latency { p50, p95: 1.3 * p50 });
        (seen.running_ms, seen.challenger_ms) = (latency(310.0), latency(318.0));
    }
}

/// A bear that both see, or the running one alone; the rest of the looks are empty.
fn count(card: &mut ByRegime, bears: u64, sees: bool) {
    let LookCounts { both, only_running, neither, .. } = &mut card.infrared;
    *(if sees { both } else { only_running }) += bears;
    *neither += LOOKS - bears;
}

fn wanted(offset: u64, of: u64) -> Option<Want> {
    (offset < of).then(|| Want { offset, bytes: PIECE.min(of - offset), again: 0 })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_bundle_is_fetched_looks_on_goes_blind_and_is_forgotten() {
        let whole: Vec<u8> = (0..PIECE + 5).map(|i| i as u8).collect();
        let bundle: String = Sha256::digest(&whole).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut rival = Rival::new(0, true);
        assert!(rival.news(at(0)).is_some() && rival.news(at(0)).is_none());
        let order = json!({ "do": "shadow", "version": 7, "bundle": bundle, "bytes": whole.len() });
        assert!(rival.order(&order, at(1)).is_ok());
        while let Some(download) = rival.news(at(1)).unwrap().download.clone() {
            let piece = Piece::wanted(&download, &bundle, &whole).unwrap();
            rival.piece(&piece, at(1));
            rival.piece(&piece, at(1));
        }
        assert_eq!(rival.told.challenger.as_ref().unwrap().course, Course::Checking);
        (2..30).for_each(|second| rival.look(at(second)));
        let night = |rival: &Rival| rival.told.challenger.clone().unwrap().comparison.unwrap().card.infrared;
        assert!(night(&rival).both >= BEARS && night(&rival).only_running == 0);
        (32..120).for_each(|second| rival.look(at(second)));
        assert!(night(&rival).only_running >= BEARS);
        assert!(rival.order(&json!({ "do": "promote", "bundle": bundle }), at(120)).is_ok());
        assert_eq!(rival.told.running.version, Some(7));
        assert!(rival.order(&json!({ "do": "revert" }), at(120)).is_ok());
        assert!(rival.order(&order, at(121)).is_err(), "it has run here");
        assert!(rival.order(&json!({ "do": "stop" }), at(122)).is_ok() && rival.told.challenger.is_none());
    }
}
