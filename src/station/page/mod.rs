//! The duty desk and the fleet, as a page: nothing outside this machine is asked for anything.
//!
//! The page itself tells nothing; what it shows comes to whoever has shown the token. It hears of alerts by a stream of events, whose pulse comes every
//! two seconds: a page that does not feel it says so itself, for silence must never look like all quiet.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use hyper::body::{Body as Flow, Frame};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;
use url::form_urlencoded;

use drift::ShiftView;

use super::fleet::{CameraView, RollCall};
use super::keeper::Shared;
use super::standing::Standing;
use super::store::{AlertView, PictureView, RefusalView, StoreError, Word};
use crate::control::signing::nonce;
use crate::publish::reply::Judgement;
use crate::web::Peer;
use crate::web::answers::{CSS, JAVASCRIPT, asset, closed, document, json};
use crate::web::door::{Answer, Door, shown};
use crate::web::texts::Rendered;

mod drift;
mod texts;

const STYLE: &str = include_str!("assets/station.css");
const SCRIPTS: [(&str, &str); 5] = [
    ("/station.js", include_str!("assets/station.js")),
    ("/desk.js", include_str!("assets/desk.js")),
    ("/fleet.js", include_str!("assets/fleet.js")),
    ("/drift.js", include_str!("assets/drift.js")),
    ("/line.js", include_str!("assets/line.js")),
];
/// Largest thing that anybody says of an alert, bytes.
const MOST_SAID: usize = 4096;
/// Longest name of a person, and longest note, characters.
const MOST_NAME: usize = 40;
const MOST_NOTE: usize = 300;

/// What every handler sees.
pub struct Desk {
    shared: Shared,
    door: Door,
    pages: Vec<Rendered>,
    /// Rung when somebody has said something of an alert.
    bell: Arc<Notify>,
}

/// What comes every two seconds.
#[derive(Debug, Serialize)]
pub struct Pulse {
    now_ms: i64,
    standing: Standing,
    call: RollCall,
}

/// How station and cameras are now.
pub fn pulse(shared: &Shared) -> Pulse {
    let (now, now_ms) = (shared.clock.uptime(), shared.clock.unix_ms());
    let call = shared.fleet.lock().unwrap_or_else(PoisonError::into_inner).roll_call(now, now_ms);
    Pulse { now_ms, standing: super::standing(shared), call }
}

#[derive(Serialize)]
struct DeskView {
    version: &'static str,
    pulse: Pulse,
    /// How many wait for somebody; not all of them may be among the alerts.
    waiting: i64,
    alerts: Vec<AlertView>,
}

#[derive(Serialize)]
struct FleetView {
    now_ms: i64,
    cameras: Vec<CameraView>,
    /// What has shifted, at any of them.
    shifts: Vec<ShiftView>,
    refusals: Vec<RefusalView>,
}

/// What somebody says of an alert.
#[derive(Deserialize)]
struct Said {
    verdict: Judgement,
    by: String,
    #[serde(default)]
    note: Option<String>,
}

impl Desk {
    /// For those whom the door lets in.
    pub fn new(shared: Shared, door: Door, bell: Arc<Notify>) -> Desk {
        Desk { shared, door, pages: texts::rendered(), bell }
    }

    /// The ways of the page.
    pub fn router(self) -> Router {
        let desk = Arc::new(self);
        let guarded = Router::new()
            .route("/api/desk", get(alerts))
            .route("/api/fleet", get(fleet))
            .route("/api/events", get(events))
            .route("/api/pictures/{id}", get(picture))
            .route("/api/cameras/{site}/{camera}/picture", get(trouble))
            .route("/api/cameras/{site}/{camera}/drift", get(drift::show).post(drift::accept))
            .route("/api/alerts/{id}/word", post(word))
            .layer(from_fn_with_state(desk.clone(), by_token));
        let open = SCRIPTS.into_iter().fold(Router::new(), |router, (path, script)| {
            router.route(path, get(move |headers: HeaderMap| asset(headers, JAVASCRIPT, script)))
        });
        open.route("/", get(front))
            .route("/station.css", get(|headers: HeaderMap| asset(headers, CSS, STYLE)))
            .merge(guarded)
            .layer(map_response(closed))
            .with_state(desk)
    }
}

async fn front(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    document(&desk.pages, &headers)
}

/// Lets through who shows the token.
async fn by_token(
    State(desk): State<Arc<Desk>>,
    Extension(Peer(from)): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    match desk.door.knock(shown(request.headers()), from, desk.shared.clock.uptime()) {
        Answer::Welcome => next.run(request).await,
        Answer::Wrong => {
            let reason = "that is not this station's token: it stands in the file that --token-file names";
            ([(WWW_AUTHENTICATE, "Bearer")], refused(StatusCode::UNAUTHORIZED, reason)).into_response()
        }
        Answer::Wait(seconds) => {
            let reason = format!("too many wrong tokens; wait {seconds} seconds and try again");
            let refused = refused(StatusCode::TOO_MANY_REQUESTS, &reason);
            ([(RETRY_AFTER, seconds.to_string())], refused).into_response()
        }
    }
}

fn refused(status: StatusCode, reason: &str) -> Response {
    json(status, &json!({ "reason": reason }))
}

/// What is wrong with the database is told to people who may look, so that they can have it mended.
fn away(error: &StoreError) -> Response {
    refused(StatusCode::SERVICE_UNAVAILABLE, &error.to_string())
}

/// `?before=`: those that were heard of before this time, milliseconds since 1970.
async fn alerts(State(desk): State<Arc<Desk>>, uri: Uri) -> Response {
    let mut query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let before = query.find_map(|(key, value)| (key == "before").then(|| value.parse().ok()).flatten());
    match shown_at(&desk.shared, before).await {
        Ok((alerts, waiting)) => {
            let pulse = pulse(&desk.shared);
            json(StatusCode::OK, &DeskView { version: env!("CARGO_PKG_VERSION"), pulse, waiting, alerts })
        }
        Err(error) => away(&error),
    }
}

/// On the first page also what waits for somebody, however old.
async fn shown_at(shared: &Shared, before: Option<i64>) -> Result<(Vec<AlertView>, i64), StoreError> {
    let mut alerts = shared.store.alerts(before.unwrap_or(i64::MAX)).await?;
    let (mut waiting, count) = shared.store.waiting().await?;
    if before.is_none() {
        waiting.retain(|alert| alerts.iter().all(|shown| shown.id() != alert.id()));
        alerts.append(&mut waiting);
    }
    Ok((alerts, count))
}

async fn fleet(State(desk): State<Arc<Desk>>) -> Response {
    let (refusals, shifts) = match (desk.shared.store.refusals().await, drift::shifts(&desk.shared).await) {
        (Ok(refusals), Ok(shifts)) => (refusals, shifts),
        (Err(error), _) | (_, Err(error)) => return away(&error),
    };
    let (now, now_ms) = (desk.shared.clock.uptime(), desk.shared.clock.unix_ms());
    let cameras = desk.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner).views(now, now_ms);
    json(StatusCode::OK, &FleetView { now_ms, cameras, shifts, refusals })
}

async fn picture(State(desk): State<Arc<Desk>>, Path(id): Path<i64>) -> Response {
    match desk.shared.store.jpeg(id).await {
        // A number names the same picture for ever, for this browser alone.
        Ok(Some(jpeg)) => {
            ([(CONTENT_TYPE, "image/jpeg"), (CACHE_CONTROL, "private, max-age=3600")], jpeg).into_response()
        }
        Ok(None) => refused(StatusCode::NOT_FOUND, "this picture is not kept any more"),
        Err(error) => away(&error),
    }
}

/// The picture of what is wrong with a camera.
async fn trouble(State(desk): State<Arc<Desk>>, Path((site, camera)): Path<(String, String)>) -> Response {
    match desk.shared.store.trouble(&site, &camera, desk.shared.clock.unix_ms()).await {
        Ok(picture) => json(StatusCode::OK, &json!({ "picture": picture as Option<PictureView> })),
        Err(error) => away(&error),
    }
}

/// Kept before it is answered, and carried to the camera from then on.
async fn word(
    State(desk): State<Arc<Desk>>,
    Path(alert): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    // A form of a stranger's page cannot say this without being asked about it beforehand.
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        return refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json");
    }
    let Ok(body) = to_bytes(body, MOST_SAID).await else {
        return refused(StatusCode::PAYLOAD_TOO_LARGE, "that is too much to say of an alert");
    };
    let said = match serde_json::from_slice::<Said>(&body) {
        Ok(said) => said,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &format!("no word on an alert: {error}")),
    };
    let by = said.by.trim().to_owned();
    if by.is_empty() || by.chars().count() > MOST_NAME || by.chars().any(char::is_control) {
        let reason = format!("say who you are, in at most {MOST_NAME} characters");
        return refused(StatusCode::UNPROCESSABLE_ENTITY, &reason);
    }
    let note = said.note.map(|note| note.trim().chars().take(MOST_NOTE).collect::<String>());
    let note = note.filter(|note| !note.is_empty());
    let Ok(command) = nonce() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "the system gives no random numbers; try again");
    };
    let word = Word { alert, verdict: said.verdict, by, note };
    match desk.shared.store.say(&word, &command, desk.shared.clock.unix_ms()).await {
        Ok(true) => {
            desk.bell.notify_one();
            desk.shared.live.alert(&desk.shared.store, &word.alert, false).await;
            json(StatusCode::OK, &json!({ "kept": true }))
        }
        Ok(false) => refused(StatusCode::NOT_FOUND, "there is no such alert here any more"),
        Err(error) => away(&error),
    }
}

/// What happens, as it happens.
async fn events(State(desk): State<Arc<Desk>>) -> Response {
    let Some(events) = desk.shared.live.join() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "too many look at once; close some of these pages");
    };
    ([(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")], Body::new(Stream(events)))
        .into_response()
}

/// A stream of events as the body of an answer.
struct Stream(Receiver<Arc<str>>);

impl Flow for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let frame = |text: Arc<str>| Ok(Frame::data(Bytes::copy_from_slice(text.as_bytes())));
        self.0.poll_recv(context).map(|event| event.map(frame))
    }
}
