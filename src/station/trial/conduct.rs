//! Brings cameras into trials and out of those that were stopped: what each should be in is held against what it says itself, again and again. So one that
//! comes late, was off, or was set up anew joins when it is heard; that it leaves in the end is its own affair.
//!
//! Each camera is told at most once a minute, one that refuses less and less often, once an hour at last.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::sleep;

use super::{Phase, Trial};
use crate::control::signing::nonce;
use crate::publish::message::rfc3339;
use crate::publish::settings::Site;
use crate::station::fleet::{CameraView, Presence};
use crate::station::keeper::Shared;
use crate::station::people::Pen;
use crate::station::store::{Asked, Duty, StoreError};
use crate::system::stop::Stop;

const TICK: Duration = Duration::from_secs(1);
const FIRST_PAUSE: Duration = Duration::from_secs(60);
const LONGEST_PAUSE: Duration = Duration::from_secs(3600);

/// What a camera was told last of a trial, and how often in vain.
struct Told {
    at: Duration,
    times: u32,
}

/// Who does it.
pub struct Conduct {
    shared: Shared,
    pen: Pen,
    /// Rung when something is to go out.
    dispatch: Arc<Notify>,
    /// By trial, camera, and whether it was told to join: whoever is to leave again is told at once.
    told: HashMap<(i64, String, bool), Told>,
}

impl Conduct {
    /// Writes down what it does by `pen`.
    pub fn new(shared: Shared, pen: Pen, dispatch: Arc<Notify>) -> Conduct {
        Conduct { shared, pen, dispatch, told: HashMap::new() }
    }

    /// Until it is to end.
    pub async fn run(mut self, stop: Stop) {
        while !stop.is_raised() {
            let store = self.shared.store.clone();
            if let Err(error) = store.on_duty(Duty::Conduct, self.look()).await.and_then(Option::transpose) {
                tracing::debug!("no camera is brought into a trial: {error}");
            }
            sleep(TICK).await;
        }
    }

    async fn look(&mut self) -> Result<(), StoreError> {
        let now_ms = self.shared.clock.unix_ms();
        let trials = self.shared.store.trials_on(now_ms).await?;
        let on = |id: i64| trials.iter().any(|trial| trial.id == id);
        self.told.retain(|(id, ..), _| on(*id));
        for trial in &trials {
            for member in &trial.members {
                let Some((site, name)) = member.camera.split_once('/') else { continue };
                let site = Site { name: site.into(), camera: name.into() };
                if let Some(view) = self.view(&site, now_ms) {
                    self.settle(trial, &member.camera, &site, &view, now_ms).await?;
                }
            }
        }
        Ok(())
    }

    fn view(&self, site: &Site, now_ms: i64) -> Option<CameraView> {
        let now = self.shared.clock.uptime();
        self.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner).one(site, now, now_ms)
    }

    /// Whether a camera is where it should be; tells it where not.
    async fn settle(
        &mut self,
        trial: &Trial,
        camera: &str,
        site: &Site,
        view: &CameraView,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let is_in = view.trial.as_ref().is_some_and(|on| on.trial == trial.plan.name);
        let wanted = trial.phase(now_ms) == Phase::Running;
        if is_in == wanted {
            for joining in [true, false] {
                self.told.remove(&(trial.id, camera.to_owned(), joining));
            }
            if self.shared.store.took_part(trial, camera, is_in, now_ms).await? {
                self.shared.live.tell("trials", &());
            }
            return Ok(());
        }
        let heard = matches!(view.presence, Presence::Online | Presence::Degraded);
        if heard && self.is_due((trial.id, camera.to_owned(), wanted)) {
            let (word, fields) = match wanted {
                true => ("trial", joining(trial, now_ms)),
                false => ("end-trial", json!({ "trial": trial.plan.name })),
            };
            self.tell(trial, camera, site, word, fields).await?;
        }
        Ok(())
    }

    fn is_due(&mut self, what: (i64, String, bool)) -> bool {
        let now = self.shared.clock.uptime();
        let told = self.told.entry(what).or_insert(Told { at: now, times: 0 });
        let pause = FIRST_PAUSE.saturating_mul(1 << told.times.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
        if told.times > 0 && now.saturating_sub(told.at) < pause {
            return false;
        }
        *told = Told { at: now, times: told.times + 1 };
        true
    }

    async fn tell(
        &self,
        trial: &Trial,
        camera: &str,
        site: &Site,
        word: &str,
        fields: Value,
    ) -> Result<(), StoreError> {
        let Ok(nonce) = nonce() else { return Ok(()) };
        let by = trial.stopped.as_ref().map_or(&trial.written_by, |stopped| &stopped.by);
        let reason = format!("the trial {:?}, id {nonce}", trial.plan.name);
        let mut deed = self.pen.deed("command", by, &format!("{word} {camera}"), &reason);
        deed.entry.payload = fields.to_string();
        let asked = Asked { nonce, site: site.clone(), word: word.into(), fields, by: by.clone() };
        self.shared.store.ask(&asked, &deed).await?;
        self.dispatch.notify_one();
        Ok(())
    }
}

/// It ends so long after it is told, and for a camera with a clock no later than planned, however late it hears of it.
fn joining(trial: &Trial, now_ms: i64) -> Value {
    let for_s = (trial.plan.end_ms - now_ms).max(1000) / 1000;
    json!({ "trial": trial.plan.name, "mode": trial.plan.mode.name(), "for_s": for_s, "until": rfc3339(trial.plan.end_ms) })
}
