//! The words that write and move rollouts.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use axum::{Extension, Router};
use serde::Deserialize;
use serde_json::json;

use super::door::{needs, said, said_at_most};
use super::{Desk, away, refused};
use crate::station::people::{Right, Visitor};
use crate::station::rollout::course::{self, Event, Ring, Stage};
use crate::station::rollout::criteria::Criteria;
use crate::station::rollout::runner::named;
use crate::station::store::{Rollout, StoreError};
use crate::web::answers::json;

/// Rings with some thousand cameras, and criteria, bytes.
const MOST_ROLLOUT: usize = 128 * 1024;

/// Ways of rollouts, behind the door.
pub fn ways() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/rollouts", needs(Right::Administer, post(write)))
        .route("/api/rollouts/{id}", needs(Right::Administer, post(go)))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    bundle: String,
    #[serde(default)]
    criteria: Criteria,
    rings: Vec<Ring>,
}

/// What a person has a rollout do.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Step {
    Start,
    Next,
    Stop,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Moves {
    #[serde(rename = "do")]
    step: Step,
}

/// Keeps criteria and rings; nothing is sent.
async fn write(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let written: Written = match said_at_most(MOST_ROLLOUT, &headers, body).await {
        Ok(written) => written,
        Err(told) => return *told,
    };
    if let Some(objection) = written.criteria.objection().or_else(|| course::objection(&written.rings)) {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, &objection);
    }
    match kept(&desk, &visitor, written).await {
        Ok(Some(id)) => json(StatusCode::OK, &json!({ "id": id })),
        Ok(None) => refused(StatusCode::NOT_FOUND, "there is no such bundle here"),
        Err(error) => away(&error),
    }
}

async fn kept(desk: &Desk, visitor: &Visitor, written: Written) -> Result<Option<i64>, StoreError> {
    let Written { bundle, criteria, rings } = written;
    let bundles = desk.shared.store.bundles().await?;
    let Some(given) = bundles.iter().find(|one| one.sha256 == bundle) else { return Ok(None) };
    let what = format!("{} {} version {}", named(Stage::Written), given.name, given.version);
    let mut deed = desk.people.pen().deed("rollout", &visitor.name, &what, "");
    deed.entry.payload = json!({ "criteria": criteria, "rings": rings }).to_string();
    let now_ms = deed.now.unix_ms;
    let rollout = Rollout {
        id: 0,
        bundle,
        criteria,
        rings,
        stage: Stage::Written,
        made_by: visitor.name.clone(),
        made_ms: now_ms,
        started_ms: None,
        ring_ms: now_ms,
        since_ms: now_ms,
        moved_by: visitor.name.clone(),
        reason: String::new(),
    };
    let id = desk.shared.store.write_rollout(&rollout, &deed).await?;
    desk.shared.live.tell("rollouts", &());
    Ok(Some(id))
}

/// Start, next ring, stop: kept before it is answered, and carried out from then on.
async fn go(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Moves { step } = match said(&headers, body).await {
        Ok(moves) => moves,
        Err(told) => return *told,
    };
    match moved(&desk, &visitor, id, step).await {
        Ok(Ok(stage)) => json(StatusCode::OK, &stage),
        Ok(Err(reason)) => refused(StatusCode::CONFLICT, reason),
        Err(error) => away(&error),
    }
}

async fn moved(
    desk: &Desk,
    visitor: &Visitor,
    id: i64,
    step: Step,
) -> Result<Result<Stage, &'static str>, StoreError> {
    let store = &desk.shared.store;
    let all = store.rollouts().await?;
    let Some(rollout) = all.iter().find(|one| one.id == id) else {
        return Ok(Err("there is no such rollout here"));
    };
    let under_way = all.iter().any(|one| one.id != id && one.stage.ring().is_some());
    if matches!(step, Step::Start) && under_way {
        return Ok(Err("another rollout is under way: stop it first, or wait until it is done"));
    }
    let event = match step {
        Step::Start => Event::Start,
        Step::Next => Event::Next,
        Step::Stop => Event::Stop,
    };
    let to = match rollout.stage.after(&event, rollout.rings.len(), rollout.criteria.by_itself) {
        Ok(to) => to,
        Err(reason) => return Ok(Err(reason)),
    };
    let bundles = store.bundles().await?;
    let given = bundles.iter().find(|one| one.sha256 == rollout.bundle);
    let what = format!(
        "{} {}",
        named(to),
        given.map_or(String::new(), |one| format!("{} version {}", one.name, one.version))
    );
    let deed = desk.people.pen().deed("rollout", &visitor.name, &what, "a person's word");
    if !store.move_rollout(rollout, to, &deed).await? {
        return Ok(Err("somebody else has moved it meanwhile: look again"));
    }
    desk.shared.models.judge.notify_one();
    desk.shared.live.tell("rollouts", &());
    Ok(Ok(to))
}
