//! What is asked on the page by whoever stands at the camera: a drill, other areas. It is judged, written down and done as commands are; who may
//! ask is decided at the page's door, so that `command.accept` and its keys say nothing about it.

use serde::Serialize;
use tokio::sync::oneshot;

use super::Control;
use super::areas::{AreaMistake, Areas};
use super::execute::Plan;
use super::receive::{Asked, Permitted};
use super::term::{Now, Term};
use super::trust::Who;
use crate::publish::reply::Verdict;

/// Errands that may wait; what comes beyond is refused.
pub const ERRANDS: usize = 8;
/// Event of the audit log, and who it names: nobody can send a command that looks like it.
const PAGE: &str = "page";

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// Draw a bear into the picture, which must come out as an alert.
    Drill,
    /// Go by these areas from now on.
    Redraw(Areas),
}

/// A wish, and where the answer goes.
#[derive(Debug)]
pub struct Errand {
    /// What is asked.
    pub wish: Wish,
    /// Takes what was done, in plain words, or why not.
    pub reply: oneshot::Sender<Result<String, Refusal>>,
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// In plain words.
    pub reason: String,
    /// What is wrong with single areas.
    pub mistakes: Vec<AreaMistake>,
}

impl Refusal {
    /// Nothing is wrong with any area.
    pub fn plain(reason: impl Into<String>) -> Refusal {
        Refusal { reason: reason.into(), mistakes: Vec::new() }
    }
}

impl Wish {
    fn word(&self) -> &'static str {
        match self {
            Wish::Drill => "drill",
            Wish::Redraw(_) => "areas",
        }
    }

    /// For the audit log.
    fn payload(&self) -> Vec<u8> {
        match self {
            Wish::Drill => Vec::new(),
            Wish::Redraw(areas) => serde_json::to_vec(areas).unwrap_or_default(),
        }
    }
}

impl Control {
    /// Runs what has come in.
    pub(super) fn run_errands(&mut self) {
        while let Ok(Errand { wish, reply }) = self.links.errands.try_recv() {
            let now = self.now();
            let answer = match self.errands.take(now.uptime) {
                true => self.grant(&wish, &now),
                false => {
                    Err(Refusal::plain("that came faster than the card can write it down; wait some seconds"))
                }
            };
            // Who asked may have gone.
            let _ = reply.send(answer);
            self.tell_state();
        }
    }

    fn grant(&mut self, wish: &Wish, now: &Now) -> Result<String, Refusal> {
        let (word, payload) = (wish.word(), wish.payload());
        let asked = Asked { event: PAGE, word, payload: &payload };
        let who = Who { name: PAGE.into(), signed: false };
        let weighed = self.weigh(wish, now);
        let outcome = match &weighed {
            Ok(plan) => self.carry_out(
                &asked,
                &Permitted { who: who.clone(), plan: plan.clone(), urgent: false },
                now,
            ),
            Err(refusal) => super::receive::refusal(refusal.reason.clone()),
        };
        if outcome.verdict == Verdict::Refused {
            let _ = self.write_down(&asked, &who, &outcome, now);
        }
        tracing::info!("{word} by the page: {}: {}", outcome.verdict.name(), outcome.reason);
        weighed?;
        match outcome.verdict {
            Verdict::Applied => Ok(outcome.reason),
            Verdict::Refused => Err(Refusal::plain(outcome.reason)),
        }
    }

    fn weigh(&self, wish: &Wish, now: &Now) -> Result<Plan, Refusal> {
        match wish {
            Wish::Drill => match self.objection_to_drill(now) {
                Some(objection) => Err(Refusal::plain(objection)),
                None => Ok(Plan::Drill(Term::new(self.drills.within(), now))),
            },
            Wish::Redraw(areas) => {
                areas.check().map(|drawn| Plan::Redraw(Box::new(drawn))).map_err(|mistakes| {
                    let reason =
                        format!("{} of the areas cannot be taken; nothing was changed", mistakes.len());
                    Refusal { reason, mistakes }
                })
            }
        }
    }
}
