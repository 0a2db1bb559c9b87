//! What the keeper tells of itself.

use std::sync::PoisonError;

use super::Keeper;
use crate::infer::succession::{signed, trial};
use crate::publish::models::{ChallengerMessage, Course, ProbationMessage};
use crate::publish::{Draft, ModelsDraft};

impl Keeper {
    /// Tells what has changed: at once, but for counts.
    pub(super) fn tell(&mut self) {
        // What is true from now on the next life tells.
        if self.links.again.is_raised() {
            return;
        }
        let draft = self.draft();
        self.links.standing.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&draft);
        let now = self.now();
        if let Some((told, at)) = &self.told {
            let soon = now.saturating_sub(*at) < self.limits.told_every;
            if *told == draft || (soon && without_counts(told) == without_counts(&draft)) {
                return;
            }
        }
        if self.links.drafts.try_send(Draft::Models(Box::new(draft.clone()))).is_ok() {
            self.told = Some((draft, now));
        }
    }

    pub(super) fn draft(&self) -> ModelsDraft {
        let compared = self.rival.as_ref().and_then(|rival| rival.tally.told());
        let on_trial = self.memory.trial.is_some();
        let left = trial::LASTS.saturating_sub(self.now().saturating_sub(self.began));
        let trial = self.memory.trial.map(|starts| ProbationMessage {
            left_s: left.as_secs(),
            starts,
            comparison: compared.clone(),
        });
        let challenger = self.memory.challenger.as_ref().map(|one| {
            let (course, reason) = match &one.refused {
                Some(why) => (Course::Refused, why.clone()),
                None if self.rival.is_some() => {
                    (Course::Shadow, "it looks beside the running model and decides nothing".into())
                }
                None => (Course::Checking, "it is held against its golden pictures, and timed".into()),
            };
            ChallengerMessage {
                version: one.version,
                bundle: one.bundle.clone(),
                name: self.challenger.as_ref().map(|stand| stand.name.clone()),
                sha256: self.challenger.as_ref().map(|stand| stand.sha256.clone()),
                course,
                reason,
                comparison: compared.filter(|_| !on_trial),
            }
        });
        ModelsDraft {
            running: self.running.clone(),
            previous: self.previous.clone(),
            challenger,
            trial,
            download: self.fetching.as_ref().map(|fetching| fetching.told()),
            newest: self.memory.newest,
            board: signed::board().into(),
            fixed: self.fixed.clone(),
            trouble: self.memory.trouble.clone(),
            event: self.memory.event.clone(),
        }
    }
}

/// What is told at once when it changes.
fn without_counts(draft: &ModelsDraft) -> ModelsDraft {
    let mut draft = draft.clone();
    if let Some(challenger) = &mut draft.challenger {
        challenger.comparison = challenger.comparison.take().map(|_| Default::default());
    }
    if let Some(trial) = &mut draft.trial {
        (trial.left_s, trial.comparison) = (0, None);
    }
    draft
}
