//! The other model: looks at what the running one looked at.

use std::time::Duration;

use super::comparison::{Pair, Tally};
use super::port::{Disagreement, Looked};
use crate::infer::engine::{Engine, RunError};
use crate::perceive::decode::{decode, suppress};
use crate::perceive::model::{Class, ModelSpec};
use crate::perceive::observation::Detection;
use crate::publish::models::ModelStand;
use crate::system::clock::ProcessorTime;

/// Scores below this are none: far below any operating point.
const LEAST_SCORE: f32 = 0.02;
/// A disagreement of each kind is sent for people to judge once in so long: 48 pictures a day at most.
const SAMPLED_EVERY: Duration = Duration::from_secs(3600);

/// A model that looks on.
pub struct Rival {
    engine: Engine,
    /// Its names.
    pub stand: ModelStand,
    /// What it saw so far.
    pub tally: Tally,
    /// When a frame was sent that the running model alone calls a bear, and that it alone does.
    sampled_at: [Option<Duration>; 2],
    number: u64,
    output: Vec<f32>,
}

/// What a frame came to.
pub struct Judged {
    /// What it cost, processor time.
    pub cost: Duration,
    /// Where the two disagree, and one is due.
    pub disagreement: Option<Box<Disagreement>>,
}

impl Rival {
    /// Goes on with a tally.
    pub fn new(engine: Engine, stand: ModelStand, tally: Tally) -> Rival {
        Rival { engine, stand, tally, sampled_at: [None; 2], number: 0, output: Vec::new() }
    }

    /// Looks at a frame; `running` is the other model.
    ///
    /// # Errors
    /// Where it cannot be run: it is no model for this camera.
    pub fn look(&mut self, looked: Looked, running: &ModelSpec, now: Duration) -> Result<Judged, RunError> {
        let watch = ProcessorTime::start();
        let threshold = self.threshold(running, looked.threshold);
        let (mut found, mut kinds) = (Vec::new(), [false; 2]);
        for look in &looked.looks {
            self.engine.run(&look.input, &mut self.output)?;
            let own = |output: &[f32], spec: &ModelSpec| {
                let size = (looked.picture.width, looked.picture.height);
                let mut found = Vec::new();
                decode(output, spec, &look.place, size, looked.regime, LEAST_SCORE, &mut found);
                found
            };
            let ours = own(&self.output, self.engine.spec());
            let (score, theirs) = (best(&ours), best(&own(&look.output, running)));
            let pair = Pair {
                regime: looked.regime,
                running: theirs >= looked.threshold,
                score,
                challenger: score >= threshold,
            };
            self.tally.look(pair);
            kinds[0] |= pair.running && !pair.challenger;
            kinds[1] |= pair.challenger && !pair.running;
            found.extend(ours);
        }
        let ms = watch.elapsed_ms();
        self.tally.frame(looked.look_ms, ms / looked.looks.len().max(1) as f64);
        let due = kinds.into_iter().zip(&mut self.sampled_at).any(|(differs, at)| differs && is_due(at, now));
        let disagreement = due.then(|| {
            suppress(&mut found);
            self.number += 1;
            self.tally.sampled();
            let (model, number) = (self.stand.sha256.clone(), self.number);
            Box::new(Disagreement {
                looked: Looked { looks: Vec::new(), ..looked },
                model,
                threshold,
                detections: found,
                number,
            })
        });
        Ok(Judged { cost: Duration::from_secs_f64(ms / 1e3), disagreement })
    }

    /// Its own operating point; where another one than the card's is in force for the running model, that would be in force for it, too.
    fn threshold(&self, running: &ModelSpec, in_force: f32) -> f32 {
        match in_force == running.threshold(Class::Bear) {
            true => self.engine.spec().threshold(Class::Bear),
            false => in_force,
        }
    }
}

fn is_due(at: &mut Option<Duration>, now: Duration) -> bool {
    let due = at.is_none_or(|at| now.saturating_sub(at) >= SAMPLED_EVERY);
    if due {
        *at = Some(now);
    }
    due
}

fn best(found: &[Detection]) -> f32 {
    found.iter().filter(|d| d.class == Class::Bear).map(|d| d.score).fold(0.0, f32::max)
}
