//! What is told to cameras: kept, and answered for by whoever asked.

use std::sync::{Arc, PoisonError};

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::json;

use super::door::{lacks, said};
use super::{Desk, away, refused};
use crate::control::signing::nonce;
use crate::publish::settings::Site;
use crate::station::command::Wish;
use crate::station::fleet::Presence;
use crate::station::people::Visitor;
use crate::station::store::Asked;
use crate::web::answers::json;
use crate::web::door::wait;
use crate::web::tries::Limit;

/// Commands of an account: thirty at once and then one in two seconds, as many as a camera looks at.
pub const OF_AN_ACCOUNT: Limit = Limit { burst: 30.0, a_second: 0.5, apart: 1024 };

/// Kept before it is answered, and sent at once or not at all.
pub async fn command(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path((site, camera)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let wish = match said::<Wish>(&headers, body).await {
        Ok(wish) => wish,
        Err(told) => return *told,
    };
    if let Some(told) = lacks(&visitor, wish.right()) {
        return told;
    }
    if let Some(objection) = wish.objection() {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, &objection);
    }
    let site = Site { name: site, camera };
    if let Some(objection) = unreachable(&desk, &site) {
        return refused(StatusCode::CONFLICT, &objection);
    }
    if let Err(seconds) = desk.commands.take(&visitor.name, desk.shared.clock.uptime()) {
        return wait("that was too much for cameras at once", seconds);
    }
    kept(&desk, &visitor, site, &wish).await
}

async fn kept(desk: &Desk, visitor: &Visitor, site: Site, wish: &Wish) -> Response {
    let Ok(nonce) = nonce() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "the system gives no random numbers; try again");
    };
    let (word, place) = (wish.word(), format!("{}/{}", site.name, site.camera));
    let mut deed =
        desk.people.pen().deed("command", &visitor.name, &format!("{word} {place}"), &format!("id {nonce}"));
    deed.entry.payload = wish.fields().to_string();
    let asked = Asked {
        nonce: nonce.clone(),
        site,
        word: word.into(),
        fields: wish.fields(),
        by: visitor.name.clone(),
    };
    match desk.shared.store.ask(&asked, &deed).await {
        Ok(true) => {
            desk.dispatch.notify_one();
            json(StatusCode::OK, &json!({ "kept": true, "id": nonce }))
        }
        Ok(false) => refused(StatusCode::NOT_FOUND, &format!("no camera {place} is known here")),
        Err(error) => away(&error),
    }
}

/// Why a command cannot reach its camera now, as far as that is known: then it is not even kept.
fn unreachable(desk: &Desk, site: &Site) -> Option<String> {
    let (now, now_ms) = (desk.shared.clock.uptime(), desk.shared.clock.unix_ms());
    let view = desk.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner).one(site, now, now_ms)?;
    let place = format!("{}/{}", site.name, site.camera);
    match view.presence {
        Presence::Unknown => Some("the station does not hear the broker: no command gets out".into()),
        Presence::Offline => {
            Some(format!("{place} is off or lost ({}): commands are not kept for it", view.reason))
        }
        _ => None,
    }
}
