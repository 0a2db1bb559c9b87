//! What is worth a look, one picture at a time, and what people say of it. What the model said comes only with the answer to that.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::form_urlencoded;

use super::{Desk, MOST_NAME, away, refused};
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
        .route("/api/review", get(counts))
        .route("/api/review/next", post(next))
        .route("/api/review/{key}/hold", post(hold))
        .route("/api/review/{key}/label", post(label))
        .route("/api/review/{key}/picture", get(picture))
}

/// Why something is not done.
struct No {
    status: StatusCode,
    reason: String,
}

impl No {
    fn new(status: StatusCode, reason: &str) -> No {
        No { status, reason: reason.to_owned() }
    }
}

impl From<StoreError> for No {
    fn from(error: StoreError) -> No {
        No::new(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
    }
}

impl IntoResponse for No {
    fn into_response(self) -> Response {
        refused(self.status, &self.reason)
    }
}

/// Who asks.
#[derive(Deserialize)]
struct Asks {
    by: String,
    page: String,
}

/// What somebody says.
#[derive(Deserialize)]
struct Says {
    by: String,
    #[serde(default)]
    things: Vec<Thing>,
    #[serde(default)]
    cannot_tell: bool,
    /// Nothing of what the model said was to be seen.
    #[serde(default)]
    blind: bool,
}

/// The name of who asks: today what they say of themselves.
fn asker(said: &str) -> Result<String, No> {
    let by = said.trim();
    if by.is_empty() || by.chars().count() > MOST_NAME || by.chars().any(char::is_control) {
        let reason = format!("say who you are, in at most {MOST_NAME} characters");
        return Err(No::new(StatusCode::UNPROCESSABLE_ENTITY, &reason));
    }
    Ok(by.to_owned())
}

fn reviewer(asks: &Asks) -> Result<Reviewer, No> {
    let page: String = asks.page.chars().filter(char::is_ascii_alphanumeric).take(MOST_PAGE).collect();
    Ok(Reviewer { by: asker(&asks.by)?, page })
}

/// What was sent, as JSON: a form of a stranger's page cannot say that without being asked about it beforehand.
async fn told<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, No> {
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        return Err(No::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json"));
    }
    let Ok(body) = to_bytes(body, MOST_SAID).await else {
        return Err(No::new(StatusCode::PAYLOAD_TOO_LARGE, "that is too much to say of a picture"));
    };
    serde_json::from_slice(&body).map_err(|error| {
        No::new(StatusCode::BAD_REQUEST, &format!("nothing that is said of a picture: {error}"))
    })
}

fn named(key: &str) -> Result<PictureKey, No> {
    key.parse().map_err(|()| No::new(StatusCode::NOT_FOUND, "there is no such picture"))
}

/// `?by=`: how much there is to do, and how much this person has done.
async fn counts(State(desk): State<Arc<Desk>>, uri: Uri) -> Response {
    let mut query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let by = query.find_map(|(key, value)| (key == "by").then(|| value.into_owned())).unwrap_or_default();
    match desk.shared.store.review_counts(&by).await {
        Ok(counts) => json(StatusCode::OK, &counts),
        Err(error) => away(&error),
    }
}

async fn next(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Body) -> Response {
    let lent = async {
        let reviewer = reviewer(&told::<Asks>(&headers, body).await?)?;
        desk.shared.store.lend(&reviewer, desk.shared.clock.unix_ms()).await.map_err(No::from)
    };
    match lent.await {
        Ok(task) => json(StatusCode::OK, &json!({ "task": task })),
        Err(no) => no.into_response(),
    }
}

async fn hold(
    State(desk): State<Arc<Desk>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let held = async {
        let (key, reviewer) = (named(&key)?, reviewer(&told::<Asks>(&headers, body).await?)?);
        let now_ms = desk.shared.clock.unix_ms();
        desk.shared.store.keep_lent(&key, &reviewer, now_ms).await.map_err(No::from)
    };
    match held.await {
        Ok(()) => json(StatusCode::OK, &json!({})),
        Err(no) => no.into_response(),
    }
}

/// Kept before it is answered.
async fn label(
    State(desk): State<Arc<Desk>>,
    Path(key): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let kept = async {
        let (key, says) = (named(&key)?, told::<Says>(&headers, body).await?);
        let by = asker(&says.by)?;
        let Says { things, cannot_tell, blind, .. } = says;
        let seen = seen(&things, cannot_tell)
            .map_err(|reason| No::new(StatusCode::UNPROCESSABLE_ENTITY, &reason))?;
        let now_ms = desk.shared.clock.unix_ms();
        let label = Label { id: 0, by, at_ms: now_ms, seen, things, blind };
        desk.shared.store.label(&key, &label, now_ms).await.map_err(No::from)
    };
    match kept.await {
        Ok(Some(revealed)) => json(StatusCode::OK, &revealed),
        Ok(None) => refused(StatusCode::NOT_FOUND, "this picture is not kept any more"),
        Err(no) => no.into_response(),
    }
}

async fn picture(State(desk): State<Arc<Desk>>, Path(key): Path<String>) -> Response {
    let key = match named(&key) {
        Ok(key) => key,
        Err(no) => return no.into_response(),
    };
    match desk.shared.store.jpeg_of(&key).await {
        Ok(Some(jpeg)) => {
            ([(CONTENT_TYPE, "image/jpeg"), (CACHE_CONTROL, "private, max-age=3600")], jpeg).into_response()
        }
        Ok(None) => refused(StatusCode::NOT_FOUND, "this picture is not kept any more"),
        Err(error) => away(&error),
    }
}
