//! The course of a rollout from ring to ring, and what each camera is to do in it. PURE.
//!
//! ```text
//! written ──start──▶ watching ring 0 ──passed──▶ ready ──next──▶ watching ring 1 … ──▶ done
//!                        │  (by itself, where the criteria say so: no "ready")          │
//!                        └───────────── a limit is left, or a person says so ───────────┴──▶ stopped: everything is taken back
//! ```

use serde::{Deserialize, Serialize};

use super::verdict::Verdict;
use crate::publish::models::{Course, Do, ModelsDraft};
use crate::publish::settings::Site;

/// Rings that a rollout has at most.
pub const MOST_RINGS: usize = 8;
/// Cameras that refuse a bundle before they have looked with it end a rollout from this share on: fewer are left out.
const REFUSING: f64 = 0.25;

/// What the new model does at the cameras of a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// It looks on.
    Shadow,
    /// It decides.
    Decide,
}

/// A ring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ring {
    /// What the new model does there.
    pub act: Act,
    /// Its cameras, "site/camera", beside those of the rings before.
    pub cameras: Vec<String>,
}

/// How far a rollout has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "stage", rename_all = "lowercase")]
pub enum Stage {
    /// Its criteria are written, nothing was sent.
    Written,
    /// A ring is watched.
    Watching {
        /// Its number, from 0.
        ring: usize,
    },
    /// A ring has passed and waits for a person's word.
    Ready {
        /// Its number.
        ring: usize,
    },
    /// The new model decides everywhere.
    Done,
    /// It is taken back everywhere.
    Stopped,
}

/// What happens to a rollout.
#[derive(Clone, Debug, PartialEq)]
pub enum Event<'a> {
    /// A person starts it.
    Start,
    /// What was watched is judged.
    Judged(&'a Verdict),
    /// A person lets the next ring begin.
    Next,
    /// A person ends it, and takes the model back.
    Stop,
}

impl Stage {
    /// The ring that is watched.
    pub fn ring(self) -> Option<usize> {
        match self {
            Stage::Watching { ring } | Stage::Ready { ring } => Some(ring),
            _ => None,
        }
    }

    /// Where it comes by an event, of so many rings.
    ///
    /// # Errors
    /// Why that cannot be now.
    pub fn after(self, event: &Event, rings: usize, by_itself: bool) -> Result<Stage, &'static str> {
        let further =
            |ring: usize| if ring + 1 < rings { Stage::Watching { ring: ring + 1 } } else { Stage::Done };
        match (self, event) {
            (Stage::Written, Event::Start) => Ok(Stage::Watching { ring: 0 }),
            (_, Event::Start) => Err("it was started before"),
            (Stage::Stopped, Event::Stop) => Err("it is stopped"),
            (_, Event::Stop) => Ok(Stage::Stopped),
            (Stage::Ready { ring }, Event::Next) => Ok(further(ring)),
            (Stage::Watching { .. }, Event::Next) => Err("what its criteria ask for is not shown yet"),
            (_, Event::Next) => Err("there is no next ring"),
            (Stage::Watching { .. } | Stage::Ready { .. }, Event::Judged(Verdict::Stop(_))) => {
                Ok(Stage::Stopped)
            }
            (Stage::Watching { ring }, Event::Judged(Verdict::Pass)) if by_itself => Ok(further(ring)),
            (Stage::Watching { ring }, Event::Judged(Verdict::Pass)) => Ok(Stage::Ready { ring }),
            // Somebody has changed their mind on a picture.
            (Stage::Ready { ring }, Event::Judged(Verdict::Open { .. })) => Ok(Stage::Watching { ring }),
            (stage, Event::Judged(_)) => Ok(stage),
        }
    }
}

/// Where a camera is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Want {
    /// As it is.
    Nothing,
    /// The new model looks on.
    Shadow,
    /// The new model decides.
    Decide,
    /// Without the new model.
    Undone,
}

/// Where a camera is to be at a stage.
pub fn wanted(rings: &[Ring], stage: Stage, camera: &str) -> Want {
    let begun = match stage {
        Stage::Written => return Want::Nothing,
        Stage::Stopped => return Want::Undone,
        Stage::Watching { ring } | Stage::Ready { ring } => ring + 1,
        Stage::Done => rings.len(),
    };
    let own = |ring: &&Ring| ring.cameras.iter().any(|one| one == camera);
    let act = rings.iter().take(begun).rev().find(own).map(|ring| ring.act);
    match act {
        Some(Act::Decide) => Want::Decide,
        // Nobody compares any more.
        Some(Act::Shadow) if stage == Stage::Done => Want::Undone,
        Some(Act::Shadow) => Want::Shadow,
        None => Want::Nothing,
    }
}

/// The bundle of a rollout.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bundle {
    /// SHA-256 of the file.
    pub sha256: String,
    /// Counter.
    pub version: u64,
    /// SHA-256 of the ONNX file in it.
    pub model: String,
    /// Length of the file.
    pub bytes: u64,
    /// Boards that it is for; none: any.
    pub boards: Vec<String>,
}

/// What there is to do at a camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "need", rename_all = "lowercase")]
pub enum Need {
    /// Nothing: it is where it is to be.
    Settled,
    /// To tell it this.
    Tell {
        /// What.
        word: Do,
    },
    /// To wait: the bundle is on its way, or it is checked there.
    Wait {
        /// Bytes that are there, and of how many; none while it is checked.
        have: Option<u64>,
    },
    /// It says nothing of models: too old, or not heard yet.
    Silent,
    /// It takes no part, and why.
    Out {
        /// Why.
        reason: String,
    },
}

/// What there is to do so that a camera comes to where it is to be.
pub fn need(want: Want, told: Option<&ModelsDraft>, bundle: &Bundle) -> Need {
    let Some(told) = told else {
        return if want == Want::Nothing { Need::Settled } else { Need::Silent };
    };
    let out = |reason: String| Need::Out { reason };
    let runs = told.running.bundle.as_ref() == Some(&bundle.sha256);
    let challenger = told.challenger.as_ref().filter(|one| one.bundle == bundle.sha256);
    let download = told.download.as_ref().filter(|one| one.bundle == bundle.sha256);
    match want {
        Want::Nothing => Need::Settled,
        Want::Undone if runs => Need::Tell { word: Do::Revert },
        // Also what was refused is forgotten, so that it may be tried again.
        Want::Undone if download.is_some() || challenger.is_some() => Need::Tell { word: Do::Stop },
        Want::Undone => Need::Settled,
        _ if runs => Need::Settled,
        Want::Shadow | Want::Decide => {
            if let Some(reason) = &told.fixed {
                return out(reason.clone());
            }
            match challenger.map(|one| (one.course, &one.reason)) {
                Some((Course::Refused, reason)) => out(reason.clone()),
                Some((Course::Checking, _)) => Need::Wait { have: None },
                Some((Course::Shadow, _)) if want == Want::Decide => Need::Tell { word: Do::Promote },
                Some((Course::Shadow, _)) => Need::Settled,
                None => fetched(told, download.map(|one| one.have), bundle),
            }
        }
    }
}

fn fetched(told: &ModelsDraft, have: Option<u64>, bundle: &Bundle) -> Need {
    if have.is_some() {
        return Need::Wait { have };
    }
    if !bundle.boards.is_empty() && !bundle.boards.contains(&told.board) {
        let reason = format!("the bundle is made for {}, this is {}", bundle.boards.join(", "), told.board);
        return Need::Out { reason };
    }
    if told.newest >= bundle.version {
        let reason = format!(
            "version {} has run there: only newer ones are taken, this is {}",
            told.newest, bundle.version
        );
        return Need::Out { reason };
    }
    Need::Tell { word: Do::Shadow }
}

/// A camera of a rollout.
pub struct Place<'a> {
    /// Which.
    pub site: &'a Site,
    /// Where it is to be.
    pub want: Want,
    /// What it says.
    pub told: Option<&'a ModelsDraft>,
}

/// What a camera says that ends a rollout at once: the new model did not bear up, or many refuse it before its first look.
pub fn unwell(places: &[Place], bundle: &Bundle) -> Option<String> {
    let taking = places.iter().filter(|place| matches!(place.want, Want::Shadow | Want::Decide));
    let (mut taking_part, mut refusing) = (0, Vec::new());
    for place in taking {
        taking_part += 1;
        let challenger = place.told.and_then(|told| told.challenger.as_ref());
        let refused = challenger.filter(|one| one.bundle == bundle.sha256 && one.course == Course::Refused);
        let Some(refused) = refused else { continue };
        let reason = format!("{}/{}: {}", place.site.name, place.site.camera, refused.reason);
        if refused.comparison.as_ref().is_some_and(|seen| seen.looks > 0) || place.want == Want::Decide {
            return Some(reason);
        }
        refusing.push(reason);
    }
    let most = (REFUSING * f64::from(taking_part)).max(2.0).min(f64::from(taking_part));
    let first = refusing.first()?;
    (refusing.len() as f64 >= most).then(|| match refusing.len() - 1 {
        0 => first.clone(),
        others => format!("{first}, and {others} more cameras"),
    })
}

/// What is wrong with rings.
pub fn objection(rings: &[Ring]) -> Option<String> {
    let named = |name: &str| {
        name.split_once('/').is_some_and(|(site, camera)| !site.is_empty() && !camera.is_empty())
    };
    let order = rings.windows(2).all(|pair| pair[0].act == Act::Shadow || pair[1].act == Act::Decide);
    [
        (rings.is_empty() || rings.len() > MOST_RINGS, format!("give 1 to {MOST_RINGS} rings")),
        (rings.first().is_some_and(|ring| ring.act != Act::Shadow), "the first ring is in shadow".into()),
        (!order, "after a ring in which the new model decides there is none in shadow".into()),
        (rings.iter().any(|ring| ring.cameras.is_empty()), "a ring has no camera".into()),
        (
            !rings.iter().flat_map(|ring| &ring.cameras).all(|name| named(name)),
            "name cameras as site/camera".into(),
        ),
    ]
    .into_iter()
    .find_map(|(is_wrong, reason)| is_wrong.then_some(reason))
}

#[cfg(test)]
#[path = "course_tests.rs"]
mod tests;
