//! Models of the park: which camera runs what, bundles, and rollouts with what is known of them.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::door::{needs, said, said_at_most};
use super::{Desk, away, refused};
use crate::publish::models::{Comparison, ModelsDraft, PIECE};
use crate::station::fleet::Presence;
use crate::station::people::{Right, Visitor};
use crate::station::rollout::course::{Need, Want};
use crate::station::rollout::criteria::Criteria;
use crate::station::rollout::decision::{FALSE_PASS, FALSE_STOP};
use crate::station::rollout::gift::{self, GiftError, Part};
use crate::station::rollout::hour::{Hour, Looks};
use crate::station::rollout::runner::{judgement, live, place, stands};
use crate::station::rollout::verdict::Judgement;
use crate::station::store::{Disagreement, Given, ModelStanding, Rollout, StoreError};
use crate::web::answers::json;

/// A piece, in base64 within JSON.
const MOST_PIECE: usize = PIECE as usize * 4 / 3 + 1024;

/// Ways of the models, behind the door.
pub fn ways() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/models", needs(Right::Look, get(show)))
        .route("/api/models/have", needs(Right::Administer, post(have)))
        .route("/api/models/piece", needs(Right::Administer, post(piece)))
}

/// A camera and its models.
#[derive(Serialize)]
struct CameraView {
    camera: String,
    presence: Option<Presence>,
    heard_ms: Option<i64>,
    told: Option<ModelsDraft>,
    /// By the rollout that concerns it: its number, where the camera is to be, and what that needs.
    rollout: Option<(i64, Want, Need)>,
}

/// A rollout.
#[derive(Serialize)]
struct RolloutView {
    #[serde(flatten)]
    rollout: Rollout,
    name: String,
    version: u64,
    /// Of the newest ones that have begun.
    known: Option<Known>,
}

/// What is known of a rollout.
#[derive(Serialize)]
struct Known {
    judgement: Judgement,
    /// Hours and looks, by light.
    lights: BTreeMap<&'static str, (u32, Looks)>,
    /// Hours with disagreements that wait for people.
    unjudged: u32,
    /// The newest disagreements.
    pictures: Vec<Disagreement>,
}

#[derive(Serialize)]
struct ModelsView {
    now_ms: i64,
    /// Whether any key is trusted here.
    trusted: bool,
    piece: u64,
    false_stop: f64,
    false_pass: f64,
    criteria: Criteria,
    bundles: Vec<Given>,
    rollouts: Vec<RolloutView>,
    cameras: Vec<CameraView>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    sha256: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Piece {
    sha256: String,
    of: u64,
    offset: u64,
    /// Base64.
    bytes: String,
}

async fn show(State(desk): State<Arc<Desk>>) -> Response {
    match look(&desk).await {
        Ok(view) => json(StatusCode::OK, &view),
        Err(error) => away(&error),
    }
}

async fn look(desk: &Desk) -> Result<ModelsView, StoreError> {
    let store = &desk.shared.store;
    let (bundles, standings, all) =
        (store.bundles().await?, store.standings().await?, store.rollouts().await?);
    let find = |sha256: &str| bundles.iter().find(|one| one.sha256 == sha256);
    let shown: Vec<&Rollout> = live(&all).collect();
    let mut rollouts = Vec::new();
    for one in &all {
        let Some(given) = find(&one.bundle) else { continue };
        // The first that has begun is looked at; what is known of earlier ones stands in the log.
        let newest =
            all.iter().find(|other| other.started_ms.is_some()).is_some_and(|other| other.id == one.id);
        let known = if newest { Some(known(desk, one, given, &standings).await?) } else { None };
        rollouts.push(RolloutView::new(one, given, known));
    }
    let cameras = standings.iter().map(|one| {
        let rollout = shown.iter().find_map(|rollout| {
            let (want, need) = stands(rollout, find(&rollout.bundle)?, one);
            let concerned = want != Want::Nothing && (want != Want::Undone || need != Need::Settled);
            concerned.then_some((rollout.id, want, need))
        });
        desk.camera(one, rollout)
    });
    Ok(ModelsView {
        now_ms: desk.shared.clock.unix_ms(),
        trusted: desk.keys.1 > 0,
        piece: PIECE,
        false_stop: FALSE_STOP,
        false_pass: FALSE_PASS,
        criteria: Criteria::default(),
        cameras: cameras.collect(),
        rollouts,
        bundles,
    })
}

async fn known(
    desk: &Desk,
    rollout: &Rollout,
    given: &Given,
    standings: &[ModelStanding],
) -> Result<Known, StoreError> {
    let store = &desk.shared.store;
    let watched = store.watched(rollout, &given.model).await?;
    let mut lights: BTreeMap<&'static str, (u32, Looks)> = BTreeMap::new();
    for Hour { light, looks, .. } in &watched.hours {
        let (hours, sum) = lights.entry(light.name()).or_default();
        *hours += 1;
        sum.add(looks);
    }
    Ok(Known {
        judgement: judgement(&desk.shared, rollout, given, standings).await?,
        lights,
        unjudged: watched.unjudged,
        pictures: store.disagreements(rollout, &given.model).await?,
    })
}

impl RolloutView {
    fn new(rollout: &Rollout, given: &Given, known: Option<Known>) -> RolloutView {
        let (name, version) = (given.name.clone(), given.version);
        RolloutView { rollout: rollout.clone(), name, version, known }
    }
}

impl Desk {
    fn camera(&self, one: &ModelStanding, rollout: Option<(i64, Want, Need)>) -> CameraView {
        let (now, now_ms) = (self.shared.clock.uptime(), self.shared.clock.unix_ms());
        let fleet = self.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner);
        let presence = fleet.one(&one.site, now, now_ms).map(|view| view.presence);
        CameraView {
            camera: place(&one.site),
            presence,
            heard_ms: one.heard_ms,
            told: one.told.clone().map(small),
            rollout,
        }
    }
}

/// Without what the page does not show of a thousand cameras.
fn small(told: ModelsDraft) -> ModelsDraft {
    let bare = |seen: Comparison| Comparison { equal_rate: None, ..seen };
    let challenger = told
        .challenger
        .map(|one| crate::publish::models::ChallengerMessage { comparison: one.comparison.map(bare), ..one });
    ModelsDraft { challenger, ..told }
}

/// How much of a bundle is here: who was cut off goes on from there.
async fn have(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Body) -> Response {
    let Asked { sha256 } = match said(&headers, body).await {
        Ok(asked) => asked,
        Err(told) => return *told,
    };
    if let Some(objection) = gift::objection(desk.keys.1) {
        return refused(StatusCode::CONFLICT, objection);
    }
    match desk.shared.store.have(&sha256).await {
        Ok(have) => json(StatusCode::OK, &json!({ "have": have })),
        Err(error) => away(&error),
    }
}

async fn piece(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Piece { sha256, of, offset, bytes } = match said_at_most(MOST_PIECE, &headers, body).await {
        Ok(piece) => piece,
        Err(told) => return *told,
    };
    if let Some(objection) = gift::objection(desk.keys.1) {
        return refused(StatusCode::CONFLICT, objection);
    }
    let Ok(bytes) = BASE64_STANDARD.decode(bytes) else {
        return refused(StatusCode::BAD_REQUEST, "the bytes of a piece are sent in base64");
    };
    let part = Part { sha256: &sha256, of, offset, bytes: &bytes };
    match gift::part(&desk.shared.store, &desk.keys.0, desk.people.pen(), &part, &visitor.name).await {
        Ok((have, given)) => json(StatusCode::OK, &json!({ "have": have, "given": given })),
        Err(GiftError::Refused(reason)) => refused(StatusCode::UNPROCESSABLE_ENTITY, &reason),
        Err(GiftError::Store(error)) => away(&error),
    }
}
