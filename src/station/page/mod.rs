//! The duty desk and the fleet, as a page: nothing outside this machine is asked for anything.
//!
//! The page itself tells nothing; what it shows comes to whoever has signed in. It hears of alerts by a stream of events, whose pulse comes every
//! two seconds: a page that does not feel it says so itself, for silence must never look like all quiet.

use std::sync::{Arc, PoisonError};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::{Notify, Semaphore};
use url::form_urlencoded;

use super::fleet::{CameraView, RollCall};
use super::keeper::Shared;
use super::people::{People, Right, Visitor};
use super::report::html::STYLE as REPORT_STYLE;
use super::standing::Standing;
use super::store::{
    AlertView, CommandView, News, PictureView, RefusalView, SitePlan, StoreError, Waiting, Word,
};
use crate::control::signing::nonce;
use crate::infer::succession::signed::Keys;
use crate::publish::reply::Judgement;
use crate::web::answers::{CSS, JAVASCRIPT, asset, closed, document, json};
use crate::web::door::Door;
use crate::web::texts::Rendered;
use crate::web::tries::Tries;

mod accounts;
mod commands;
mod door;
mod drift;
mod events;
mod models;
mod notices;
mod plans;
mod report;
mod review;
mod rollouts;
mod texts;
mod trial;

pub use door::Public;
use door::{admitted, cookie_name, needs, said};
use drift::ShiftView;

const STYLE: &str = include_str!("assets/station.css");
const SCRIPTS: [(&str, &str); 13] = [
    ("/station.js", include_str!("assets/station.js")),
    ("/desk.js", include_str!("assets/desk.js")),
    ("/fleet.js", include_str!("assets/fleet.js")),
    ("/map.js", include_str!("assets/map.js")),
    ("/drift.js", include_str!("assets/drift.js")),
    ("/line.js", include_str!("assets/line.js")),
    ("/orders.js", include_str!("assets/orders.js")),
    ("/people.js", include_str!("assets/people.js")),
    ("/review.js", include_str!("assets/review.js")),
    ("/report.js", include_str!("assets/report.js")),
    ("/notify.js", include_str!("assets/notify.js")),
    ("/trial.js", include_str!("assets/trial.js")),
    ("/models.js", include_str!("assets/models.js")),
];
/// Longest note, characters.
const MOST_NOTE: usize = 300;

/// What every handler sees.
pub struct Desk {
    shared: Shared,
    people: Arc<People>,
    /// For programs; `None` where they have no way in.
    token: Option<Door>,
    public: Option<Public>,
    /// Its name.
    cookie: String,
    pages: Vec<Rendered>,
    keys: (Keys, usize),
    /// Rung when somebody has said something of an alert, and when something is told to a camera.
    bell: Arc<Notify>,
    dispatch: Arc<Notify>,
    /// How fast accounts may tell cameras something.
    commands: Tries<String>,
    /// Pictures of plans that are worked on together.
    drawing: Semaphore,
}

/// Who may come in, and by which way.
pub struct Ways {
    /// People.
    pub people: Arc<People>,
    /// Programs; `None` where they have no way in.
    pub token: Option<Door>,
    /// Where people find the page, if that is behind a web server.
    pub public: Option<Public>,
    /// Identity of the station's database.
    pub station: String,
    /// Whose signatures on bundles of models count, and how many keys these are.
    pub keys: (Keys, usize),
}

/// Rung when there is something to carry to cameras.
#[derive(Clone, Default)]
pub struct Bells {
    /// Words on alerts.
    pub words: Arc<Notify>,
    /// Commands.
    pub commands: Arc<Notify>,
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
    /// What was told to cameras lately.
    commands: Vec<CommandView>,
    /// Plans of sites, without their pictures.
    plans: Vec<SitePlan>,
    /// Where alerts wait for somebody.
    waiting: Vec<Waiting>,
}

/// What somebody says of an alert.
#[derive(Deserialize)]
struct Said {
    verdict: Judgement,
    #[serde(default)]
    note: Option<String>,
}

impl Desk {
    /// For those who may come in.
    pub fn new(shared: Shared, ways: Ways, bells: Bells) -> Desk {
        let Ways { people, token, public, station, keys } = ways;
        let cookie = cookie_name(&station, public.as_ref());
        let Bells { words: bell, commands: dispatch } = bells;
        let commands = Tries::new(commands::OF_AN_ACCOUNT);
        let pages = texts::rendered();
        let drawing = Semaphore::new(1);
        Desk { shared, people, token, public, cookie, pages, keys, bell, dispatch, commands, drawing }
    }

    /// The ways of the page.
    pub fn router(self) -> Router {
        let desk = Arc::new(self);
        let guarded = Router::new()
            .route("/api/me", needs(Right::Look, get(door::me)))
            .route("/api/me/password", needs(Right::Look, post(door::own_password)))
            .route("/api/logout", needs(Right::Look, post(door::sign_out)))
            .route("/api/desk", needs(Right::Look, get(alerts)))
            .route("/api/fleet", needs(Right::Look, get(fleet)))
            .route("/api/events", needs(Right::Look, get(events::events)))
            .route("/api/pictures/{id}", needs(Right::Look, get(picture)))
            .route("/api/cameras/{site}/{camera}/picture", needs(Right::Look, get(trouble)))
            .route("/api/cameras/{site}/{camera}/drift", drift::ways())
            .route("/api/cameras/{site}/{camera}/command", needs(Right::Order, post(commands::command)))
            .route("/api/alerts/{id}/word", needs(Right::Speak, post(word)))
            .route("/api/accounts", needs(Right::Administer, get(accounts::list).post(accounts::add)))
            .route("/api/accounts/{name}", needs(Right::Administer, post(accounts::change)))
            .route("/api/audit", needs(Right::Administer, get(accounts::audit)))
            .merge(review::ways())
            .merge(report::ways())
            .merge(notices::ways())
            .merge(trial::ways())
            .merge(models::ways())
            .merge(rollouts::ways())
            .merge(plans::ways())
            .layer(from_fn_with_state(desk.clone(), admitted));
        let open = SCRIPTS.into_iter().fold(Router::new(), |router, (path, script)| {
            router.route(path, get(move |headers: HeaderMap| asset(headers, JAVASCRIPT, script)))
        });
        open.route("/", get(front))
            .route("/api/login", post(door::sign_in))
            .route("/station.css", get(|headers: HeaderMap| asset(headers, CSS, STYLE)))
            .route("/report.css", get(|headers: HeaderMap| asset(headers, CSS, REPORT_STYLE)))
            .merge(guarded)
            .layer(map_response(closed))
            .with_state(desk)
    }
}

async fn front(State(desk): State<Arc<Desk>>, headers: HeaderMap) -> Response {
    document(&desk.pages, &headers)
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
    match fleet_view(&desk.shared).await {
        Ok(view) => json(StatusCode::OK, &view),
        Err(error) => away(&error),
    }
}

async fn fleet_view(shared: &Shared) -> Result<FleetView, StoreError> {
    let (now, now_ms) = (shared.clock.uptime(), shared.clock.unix_ms());
    let (refusals, commands) = (shared.store.refusals().await?, shared.store.commands(now_ms).await?);
    let (plans, waiting) = (shared.store.plans().await?, shared.store.waiting_at().await?);
    let shifts = drift::shifts(shared).await?;
    let cameras = shared.fleet.lock().unwrap_or_else(PoisonError::into_inner).views(now, now_ms);
    Ok(FleetView { now_ms, cameras, shifts, refusals, commands, plans, waiting })
}

async fn picture(State(desk): State<Arc<Desk>>, Path(id): Path<i64>) -> Response {
    jpeg(desk.shared.store.jpeg(id).await)
}

/// A picture. Its number or name is its own for ever; it is for this browser alone.
fn jpeg(found: Result<Option<Vec<u8>>, StoreError>) -> Response {
    match found {
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
    Extension(visitor): Extension<Visitor>,
    Path(alert): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Said { verdict, note } = match said(&headers, body).await {
        Ok(said) => said,
        Err(told) => return *told,
    };
    let note = note.map(|note| note.trim().chars().take(MOST_NOTE).collect::<String>());
    let note = note.filter(|note| !note.is_empty());
    let Ok(command) = nonce() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "the system gives no random numbers; try again");
    };
    let reason = note.as_deref().map_or_else(String::new, |note| format!(": {note}"));
    let deed = desk.people.pen().deed("word", &visitor.name, &alert, &format!("{}{reason}", verdict.name()));
    let word = Word { alert, verdict, by: visitor.name, note };
    match desk.shared.store.say(&word, &command, &deed).await {
        Ok(true) => {
            desk.bell.notify_one();
            desk.shared.store.announce(News::alert(&word.alert)).await;
            desk.shared.notices.notify_one();
            desk.shared.live.alert(&desk.shared.store, &word.alert, false).await;
            json(StatusCode::OK, &json!({ "kept": true }))
        }
        Ok(false) => refused(StatusCode::NOT_FOUND, "there is no such alert here any more"),
        Err(error) => away(&error),
    }
}
