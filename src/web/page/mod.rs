//! The aiming page: what the camera sees, how it is and how far it reaches, for whoever stands on a ladder with a telephone. Areas are drawn and
//! drills given there.
//!
//! Nothing is done while nobody looks. Pictures are asked for one by one, the next when the last has come, so that a slow link gets fewer of them;
//! however fast the link, the detector is left some tenths of a second from one to the next.

use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};

use crate::control::Notice;
use crate::control::areas::Areas;
use crate::control::errand::{Errand, Refusal};
use crate::infer::sight::Sight;
use crate::infer::worker::Order;
use crate::perceive::reach::Lens;
use crate::publish::Standing;
use crate::publish::settings::Site;
use crate::system::clock::Clock;

mod picture;
mod state;
mod texts;
mod wishes;

use super::answers::{JAVASCRIPT, asset, closed, document, json};
use super::door::Door;
use super::server::Peer;
use super::texts::Rendered;

const STYLE: &str = include_str!("assets/page.css");
const SCRIPT: &str = include_str!("assets/page.js");
const AREAS: &str = include_str!("assets/areas.js");

/// What the page shows, and where wishes go.
pub struct Page {
    /// Who the camera is.
    pub site: Site,
    /// Who may look.
    pub door: Door,
    /// What the detector saw last.
    pub sight: Arc<Mutex<Sight>>,
    /// How the camera is, and its last alerts.
    pub standing: Standing,
    /// Of drills.
    pub notice: Arc<Mutex<Notice>>,
    /// The areas in force.
    pub areas: Arc<Mutex<Areas>>,
    /// Pictures are ordered here.
    pub orders: SyncSender<Order>,
    /// What is asked goes here.
    pub errands: SyncSender<Errand>,
    /// Clock of the process.
    pub clock: Clock,
    /// What a frame may take, milliseconds.
    pub budget_ms: f64,
    /// What decides how far it sees.
    pub lens: Lens,
}

/// What every handler sees.
struct Desk {
    page: Page,
    pages: Vec<Rendered>,
    /// One picture at a time: when the last one was made, time since the start.
    turn: tokio::sync::Mutex<Duration>,
}

impl Page {
    /// The ways of the page.
    pub(super) fn router(self) -> Router {
        let turn = tokio::sync::Mutex::default();
        let desk = Arc::new(Desk { page: self, pages: texts::rendered(), turn });
        let guarded = Router::new()
            .route("/api/state", get(state::state))
            .route("/api/picture", get(picture::picture))
            .route("/api/areas", get(wishes::areas).put(wishes::redraw))
            .route("/api/drill", post(wishes::drill))
            .layer(from_fn_with_state(desk.clone(), by_token));
        Router::new()
            .route("/", get(front))
            .route("/page.css", get(|headers: HeaderMap| asset(headers, "text/css; charset=utf-8", STYLE)))
            .route("/page.js", get(|headers: HeaderMap| asset(headers, JAVASCRIPT, SCRIPT)))
            .route("/areas.js", get(|headers: HeaderMap| asset(headers, JAVASCRIPT, AREAS)))
            .merge(guarded)
            .layer(map_response(closed))
            .with_state(desk)
    }
}

/// The page itself tells nothing of the camera.
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
    let Page { door, clock, .. } = &desk.page;
    let whose = "this camera's token: it stands in the file that page.token_file names";
    match door.admit(request.headers(), from, clock.uptime(), whose) {
        Ok(()) => next.run(request).await,
        Err(told) => *told,
    }
}

fn refused(status: StatusCode, refusal: &Refusal) -> Response {
    json(status, refusal)
}
