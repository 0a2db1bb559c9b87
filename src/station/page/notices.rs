//! For administrators: what was told outside this station, and how the channels are.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;
use url::form_urlencoded;

use super::door::needs;
use super::{Desk, away};
use crate::station::people::Right;
use crate::station::store::{ChannelView, NoticeView, StoreError};
use crate::web::answers::json;

#[derive(Serialize)]
struct Notices {
    channels: Vec<ChannelView>,
    notices: Vec<NoticeView>,
}

/// The way to it, behind the door.
pub fn ways() -> Router<Arc<Desk>> {
    Router::new().route("/api/notices", needs(Right::Administer, get(list)))
}

/// `?before=`: notices before that number.
async fn list(State(desk): State<Arc<Desk>>, uri: Uri) -> Response {
    let mut query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let before = query.find_map(|(key, value)| (key == "before").then(|| value.parse().ok()).flatten());
    match notices(&desk, before.unwrap_or(i64::MAX)).await {
        Ok(notices) => json(StatusCode::OK, &notices),
        Err(error) => away(&error),
    }
}

async fn notices(desk: &Desk, before: i64) -> Result<Notices, StoreError> {
    let store = &desk.shared.store;
    let channels = store.channels(desk.shared.clock.unix_ms()).await?;
    Ok(Notices { channels, notices: store.notices(before).await? })
}
