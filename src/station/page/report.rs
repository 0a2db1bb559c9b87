//! The report as a part of the page.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::tz::TimeZone;
use url::form_urlencoded;

use super::door::needs;
use super::{Desk, away, refused};
use crate::publish::Audience;
use crate::station::StoreError;
use crate::station::people::Right;
use crate::station::report::html::{Drawing, body};
use crate::station::report::{Period, Report, Wanted};

/// The way to it, behind the door.
pub fn ways() -> Router<Arc<Desk>> {
    Router::new().route("/api/report", needs(Right::Look, get(report)))
}

/// `?from=2026-11-23&to=2026-11-29&zone=Europe/Bratislava&simulated=1`: days, the last one included.
async fn report(State(desk): State<Arc<Desk>>, uri: Uri) -> Response {
    let mut asked: Vec<(String, String)> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let mut take = |name: &str| {
        let at = asked.iter().position(|(key, _)| key == name)?;
        Some(asked.swap_remove(at).1)
    };
    let zone = take("zone").and_then(|name| TimeZone::get(&name).ok()).unwrap_or_else(TimeZone::system);
    let (from, to) = (take("from").unwrap_or_default(), take("to").unwrap_or_default());
    let simulated = take("simulated").is_some();
    let wanted = match Period::parse(&from, &to, &zone, desk.shared.clock.unix_ms()) {
        Ok(period) => Wanted { period, zone, simulated, audience: Audience::Everybody },
        Err(reason) => return refused(StatusCode::UNPROCESSABLE_ENTITY, &reason),
    };
    match drawn(&desk, &wanted).await {
        Ok(html) => ([(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response(),
        Err(error) => away(&error),
    }
}

async fn drawn(desk: &Desk, wanted: &Wanted) -> Result<String, StoreError> {
    let evidence = desk.shared.store.evidence(wanted.period).await?;
    let report = Report::of(&evidence, wanted);
    let mut html = String::new();
    // Pictures are fetched by the page, as whoever is signed in.
    let drawing = Drawing { report: &report, zone: &wanted.zone, picture: &|_| None };
    body(&mut html, &drawing).ok();
    Ok(html)
}
