//! What is worth a look, one picture at a time, and what people say of it. What the model said comes only with the answer to that.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::door::{needs, said_at_most};
use super::{Desk, away, jpeg, refused};
use crate::station::people::{Right, Visitor};
use crate::station::review::{Label, Thing, seen};
use crate::station::store::{PictureKey, Reviewer, StoreError};
use crate::web::answers::json;

/// Largest thing that anybody says of a picture, bytes: fifty boxes.
const MOST_SAID: usize = 16 * 1024;
/// Longest name of a page.
const MOST_PAGE: usize = 40;

/// Ways of the review, behind the door.
pub fn ways() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/review", needs(Right::Label, get(counts)))
        .route("/api/review/next", needs(Right::Label, post(next)))
        .route("/api/review/{key}/hold", needs(Right::Label, post(hold)))
        .route("/api/review/{key}/label", needs(Right::Label, post(label)))
        .route("/api/review/{key}/picture", needs(Right::Look, get(picture)))
}

/// Which of somebody's pages asks.
#[derive(Deserialize)]
struct Asks {
    page: String,
}

/// What somebody says.
#[derive(Deserialize)]
struct Says {
    #[serde(default)]
    things: Vec<Thing>,
    #[serde(default)]
    cannot_tell: bool,
    /// Nothing of what the model said was to be seen.
    #[serde(default)]
    blind: bool,
}

fn reviewer(visitor: Visitor, asks: &Asks) -> Reviewer {
    let page = asks.page.chars().filter(char::is_ascii_alphanumeric).take(MOST_PAGE).collect();
    Reviewer { by: visitor.name, page }
}

async fn told<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Box<Response>> {
    said_at_most(MOST_SAID, headers, body).await
}

/// Boxed, for an answer is large and most go well.
fn not_kept(error: &StoreError) -> Box<Response> {
    Box::new(away(error))
}

fn named(key: &str) -> Result<PictureKey, Box<Response>> {
    key.parse().map_err(|()| Box::new(refused(StatusCode::NOT_FOUND, "there is no such picture")))
}

/// How much there is to do, and how much this person has done.
async fn counts(State(desk): State<Arc<Desk>>, Extension(visitor): Extension<Visitor>) -> Response {
    match desk.shared.store.review_counts(&visitor.name).await {
        Ok(counts) => json(StatusCode::OK, &counts),
        Err(error) => away(&error),
    }
}

async fn next(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let lent = async {
        let reviewer = reviewer(visitor, &told::<Asks>(&headers, body).await?);
        desk.shared.store.lend(&reviewer, desk.shared.clock.unix_ms()).await.map_err(|error| not_kept(&error))
    };
    match lent.await {
        Ok(task) => json(StatusCode::OK, &json!({ "task": task })),
        Err(refusal) => *refusal,
    }
}

async fn hold(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let held = async {
        let (key, reviewer) = (named(&key)?, reviewer(visitor, &told::<Asks>(&headers, body).await?));
        let now_ms = desk.shared.clock.unix_ms();
        desk.shared.store.keep_lent(&key, &reviewer, now_ms).await.map_err(|error| not_kept(&error))
    };
    match held.await {
        Ok(()) => json(StatusCode::OK, &json!({})),
        Err(refusal) => *refusal,
    }
}

/// Kept before it is answered.
async fn label(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let kept = async {
        let (key, says) = (named(&key)?, told::<Says>(&headers, body).await?);
        let Says { things, cannot_tell, blind } = says;
        let seen = seen(&things, cannot_tell)
            .map_err(|reason| Box::new(refused(StatusCode::UNPROCESSABLE_ENTITY, &reason)))?;
        let now_ms = desk.shared.clock.unix_ms();
        let label = Label { id: 0, by: visitor.name, at_ms: now_ms, seen, things, blind };
        desk.shared.store.label(&key, &label, now_ms).await.map_err(|error| not_kept(&error))
    };
    match kept.await {
        Ok(Some(revealed)) => json(StatusCode::OK, &revealed),
        Ok(None) => refused(StatusCode::NOT_FOUND, "this picture is not kept any more"),
        Err(refusal) => *refusal,
    }
}

async fn picture(State(desk): State<Arc<Desk>>, Path(key): Path<String>) -> Response {
    match named(&key) {
        Ok(key) => jpeg(desk.shared.store.jpeg_of(&key).await),
        Err(refusal) => *refusal,
    }
}
