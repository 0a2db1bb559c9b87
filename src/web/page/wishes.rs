//! What is asked on the page: other areas, a drill. Handed to the thread that takes commands, which judges it, writes it into the audit log and does it.

use std::sync::mpsc::TrySendError;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::{Desk, json, refused};
use crate::control::command::MOST_BYTES;
use crate::control::errand::{Errand, Refusal, Wish};

/// Longest that the disk may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The areas in force.
pub async fn areas(State(desk): State<Arc<Desk>>) -> Response {
    let areas = desk.page.areas.lock().unwrap_or_else(PoisonError::into_inner).clone();
    json(StatusCode::OK, &areas)
}

/// Other areas.
pub async fn redraw(State(desk): State<Arc<Desk>>, headers: HeaderMap, body: Body) -> Response {
    // A form of a stranger's page cannot say this without being asked about it beforehand.
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, &Refusal::plain("send application/json"));
    }
    // No larger than a command, so that the audit log holds all of it.
    let Ok(body) = to_bytes(body, MOST_BYTES).await else {
        let reason = format!("the areas have too many corners: together they may take {MOST_BYTES} bytes");
        return refused(StatusCode::PAYLOAD_TOO_LARGE, &Refusal::plain(reason));
    };
    match serde_json::from_slice(&body) {
        Ok(areas) => asked(&desk, Wish::Redraw(areas)).await,
        Err(error) => refused(StatusCode::BAD_REQUEST, &Refusal::plain(format!("not areas: {error}"))),
    }
}

/// A drill.
pub async fn drill(State(desk): State<Arc<Desk>>) -> Response {
    asked(&desk, Wish::Drill).await
}

async fn asked(desk: &Desk, wish: Wish) -> Response {
    let busy = |reason| refused(StatusCode::SERVICE_UNAVAILABLE, &Refusal::plain(reason));
    let (reply, answer) = oneshot::channel();
    match desk.page.errands.try_send(Errand { wish, reply }) {
        Ok(()) => {}
        Err(TrySendError::Full(_)) => return busy("too much was asked at once; try again"),
        Err(TrySendError::Disconnected(_)) => return busy("the daemon is ending"),
    }
    match timeout(PATIENCE, answer).await {
        Ok(Ok(Ok(done))) => json(StatusCode::OK, &json!({ "done": done })),
        Ok(Ok(Err(refusal))) => refused(StatusCode::UNPROCESSABLE_ENTITY, &refusal),
        Ok(Err(_)) => busy("the daemon is ending"),
        Err(_) => busy("the disk takes long; look whether it was done, and try again"),
    }
}
