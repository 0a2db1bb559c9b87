//! Plans of sites: shown to whoever looks with the fleet, given and filled by administrators.

use std::sync::{Arc, PoisonError};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Router};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use serde_json::json;
use tokio::task::spawn_blocking;

use super::door::{needs, said, said_at_most};
use super::{Desk, away, jpeg, refused};
use crate::publish::settings::Site;
use crate::station::people::{Right, Visitor};
use crate::station::plan::{MOST_BYTES, Sheet, sheet};
use crate::station::store::PlanChange;
use crate::web::answers::json;

/// A picture, in base64 within JSON.
const MOST_PICTURE: usize = MOST_BYTES * 4 / 3 + 1024;
/// Plans that are kept: nobody has so many sites.
const MOST_PLANS: usize = 500;
const CHANGED: &str = "somebody else has changed this plan meanwhile: look again";

/// Ways of the plans, behind the door.
pub fn ways() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/plans", needs(Right::Look, get(list)))
        .route("/api/plans/{site}", needs(Right::Administer, post(change)))
        .route("/api/plans/{site}/picture/{sha256}", needs(Right::Look, get(picture)))
        .route("/api/plans/{site}/cameras/{camera}", needs(Right::Administer, post(place)))
}

/// What is to become of a plan; the picture that whoever says so has before him is named by its SHA-256.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
enum Wish {
    /// Another picture, or a first one.
    Give {
        /// Base64 of a JPEG or PNG.
        picture: String,
        #[serde(default)]
        instead_of: Option<String>,
    },
    /// None any more.
    Remove { sha256: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stands {
    /// Of the picture on which it was placed.
    sha256: String,
    /// Shares of width and height; `None` takes it off the plan.
    at: Option<[f64; 2]>,
}

async fn list(State(desk): State<Arc<Desk>>) -> Response {
    match desk.shared.store.plans().await {
        Ok(plans) => json(StatusCode::OK, &json!({ "plans": plans })),
        Err(error) => away(&error),
    }
}

async fn picture(State(desk): State<Arc<Desk>>, Path((site, sha256)): Path<(String, String)>) -> Response {
    jpeg(desk.shared.store.plan_picture(&site, &sha256).await)
}

async fn change(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path(site): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let wish = match said_at_most(MOST_PICTURE, &headers, body).await {
        Ok(wish) => wish,
        Err(told) => return *told,
    };
    if !is_name(&site) {
        let reason = "a site is named as its cameras name it: 1 to 40 of a-z, 0-9 and -";
        return refused(StatusCode::UNPROCESSABLE_ENTITY, reason);
    }
    match wish {
        Wish::Give { picture, instead_of } => match drawn(&desk, picture).await {
            Ok(sheet) => give(&desk, &visitor, &site, &sheet, instead_of.as_deref()).await,
            Err(told) => *told,
        },
        Wish::Remove { sha256 } => {
            desk.change_plan(&visitor, &site, PlanChange::Remove(&sha256), &format!("remove {site}"), "")
                .await
        }
    }
}

/// One picture is worked on at a time: each takes its memory.
async fn drawn(desk: &Desk, picture: String) -> Result<Sheet, Box<Response>> {
    let turned = |status, reason: &str| Box::new(refused(status, reason));
    let ending = || turned(StatusCode::SERVICE_UNAVAILABLE, "the station is ending");
    let Ok(bytes) = BASE64_STANDARD.decode(picture) else {
        return Err(turned(StatusCode::BAD_REQUEST, "a picture is sent in base64"));
    };
    let turn = desk.drawing.acquire().await.map_err(|_| ending())?;
    let sheet = spawn_blocking(move || sheet(&bytes)).await.map_err(|_| ending())?;
    drop(turn);
    sheet.map_err(|reason| turned(StatusCode::UNPROCESSABLE_ENTITY, &reason))
}

async fn give(desk: &Desk, visitor: &Visitor, site: &str, sheet: &Sheet, before: Option<&str>) -> Response {
    let plans = match desk.shared.store.plans().await {
        Ok(plans) => plans,
        Err(error) => return away(&error),
    };
    if before.is_none() && plans.len() >= MOST_PLANS {
        let reason = format!("there are {MOST_PLANS} plans already: remove one first");
        return refused(StatusCode::CONFLICT, &reason);
    }
    let what = if before.is_some() { "replace" } else { "give" };
    let reason = format!("{}×{} pixels, SHA-256 {}", sheet.width, sheet.height, sheet.sha256);
    desk.change_plan(visitor, site, PlanChange::Give(sheet, before), &format!("{what} {site}"), &reason).await
}

async fn place(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path((site, camera)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Stands { sha256, at } = match said(&headers, body).await {
        Ok(stands) => stands,
        Err(told) => return *told,
    };
    let Some([x, y]) = at else {
        let lift = PlanChange::Lift(&camera, &sha256);
        return desk.change_plan(&visitor, &site, lift, &format!("take off {site}/{camera}"), "").await;
    };
    if ![x, y].iter().all(|share| (0.0..=1.0).contains(share)) {
        let reason = "places are shares of width and height, from 0 to 1";
        return refused(StatusCode::UNPROCESSABLE_ENTITY, reason);
    }
    if !desk.knows(&site, &camera) {
        return refused(StatusCode::NOT_FOUND, &format!("no camera {site}/{camera} is known here"));
    }
    let stands = PlanChange::Place(&camera, &sha256, [x, y]);
    desk.change_plan(&visitor, &site, stands, &format!("place {site}/{camera}"), &format!("{x:.3}, {y:.3}"))
        .await
}

impl Desk {
    fn knows(&self, site: &str, camera: &str) -> bool {
        let (now, now_ms) = (self.shared.clock.uptime(), self.shared.clock.unix_ms());
        let site = Site { name: site.into(), camera: camera.into() };
        let fleet = self.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner);
        fleet.one(&site, now, now_ms).is_some()
    }

    /// Kept with its line of the audit log before it is answered.
    async fn change_plan(
        &self,
        visitor: &Visitor,
        site: &str,
        change: PlanChange<'_>,
        what: &str,
        reason: &str,
    ) -> Response {
        let deed = self.people.pen().deed("plan", &visitor.name, what, reason);
        match self.shared.store.change_plan(site, change, &deed).await {
            Ok(true) => {
                self.shared.live.tell("plans", &());
                json(StatusCode::OK, &json!({ "kept": true }))
            }
            Ok(false) => refused(StatusCode::CONFLICT, CHANGED),
            Err(error) => away(&error),
        }
    }
}

/// A level of a topic, as cameras are held to it.
fn is_name(name: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=40).contains(&name.len()) && name.chars().all(good)
}
