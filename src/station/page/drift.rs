//! What has shifted at cameras, with the figures behind it, and the word that this is how a camera is now.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::door::{needs, said};
use super::{Desk, away};
use crate::perceive::drift::BINS;
use crate::perceive::observation::Regime;
use crate::publish::drift::DriftCounts;
use crate::publish::settings::Site;
use crate::station::drift::days::{DAY_MS, Days, by_day, together};
use crate::station::drift::inspection::{ALL, Shift};
use crate::station::drift::series::Feature;
use crate::station::drift::{BETWEEN, LEAST, REFERENCE, STATED};
use crate::station::keeper::Shared;
use crate::station::people::{Right, Visitor};
use crate::station::store::{News, StoreError};
use crate::web::answers::json;

/// The way to what has shifted at a camera.
pub fn ways() -> MethodRouter<Arc<Desk>> {
    needs(Right::Look, get(show)).merge(needs(Right::Speak, post(accept)))
}

/// Something that has shifted.
#[derive(Debug, Serialize)]
pub struct ShiftView {
    site: String,
    camera: String,
    /// `all` where it is of all lights together.
    regime: &'static str,
    feature: Feature,
    /// Begin of the day from which on it differs, milliseconds since 1970.
    since_ms: i64,
    told_ms: i64,
    /// Typical before, and since then: a score, shares of 0 to 1, or visits a day.
    was: f64,
    became: f64,
}

/// A shift with its figures.
#[derive(Debug, Serialize)]
struct Chart {
    #[serde(flatten)]
    shift: ShiftView,
    /// Begin of each day, milliseconds since 1970, and its value.
    days: Vec<(i64, f64)>,
    /// Histograms of the time before and since; visits have none.
    before: Option<[u32; BINS]>,
    after: Option<[u32; BINS]>,
}

/// What a camera is known by.
#[derive(Debug, Serialize)]
struct DriftView {
    /// See [`STATED`].
    stated: f64,
    /// Days that a reference needs.
    least: usize,
    /// Days that are known of the newest model, by light.
    known: Vec<(&'static str, usize)>,
    shifts: Vec<Chart>,
}

/// That this is how the camera is now: who says so is known.
#[derive(Deserialize)]
struct Accepted {}

impl ShiftView {
    fn new(shift: &Shift) -> ShiftView {
        let feature = shift.key.feature;
        ShiftView {
            site: shift.site.name.clone(),
            camera: shift.site.camera.clone(),
            regime: shift.key.light.map_or(ALL, Regime::name),
            feature,
            since_ms: shift.since * DAY_MS,
            told_ms: shift.told_ms,
            was: feature.shown(shift.was),
            became: feature.shown(shift.became),
        }
    }
}

/// What has shifted anywhere, the newest first.
pub async fn shifts(shared: &Shared) -> Result<Vec<ShiftView>, StoreError> {
    Ok(shared.store.shifts(i64::MAX).await?.iter().map(ShiftView::new).collect())
}

/// What has shifted at one camera, and by which days.
async fn show(State(desk): State<Arc<Desk>>, Path(place): Path<(String, String)>) -> Response {
    match look(&desk.shared, Site { name: place.0, camera: place.1 }).await {
        Ok(view) => json(StatusCode::OK, &view),
        Err(error) => away(&error),
    }
}

async fn look(shared: &Shared, site: Site) -> Result<DriftView, StoreError> {
    let today = shared.clock.unix_ms().div_euclid(DAY_MS);
    let shifts = shared.store.shifts(i64::MAX).await?;
    let camera = shared.store.counted().await?.into_iter().find(|(_, known)| *known == site);
    let all = match camera {
        Some((camera, _)) => by_day(shared.store.tellings(camera, today).await?),
        None => Default::default(),
    };
    let newest = all.iter().max_by_key(|(_, days)| days.keys().next_back()).map(|((model, _), _)| model);
    let of_newest = all.iter().filter(|((model, light), _)| Some(model) == newest && light.is_some());
    let chart = |shift: &Shift| {
        let days = all.get(&(shift.key.model.clone(), shift.key.light))?;
        Some(Chart::new(shift, days))
    };
    Ok(DriftView {
        stated: STATED,
        least: LEAST + BETWEEN as usize,
        known: of_newest.map(|((_, light), days)| (light.map_or(ALL, Regime::name), days.len())).collect(),
        shifts: shifts.iter().filter(|shift| shift.site == site).filter_map(chart).collect(),
    })
}

impl Chart {
    fn new(shift: &Shift, days: &Days) -> Chart {
        let (feature, since) = (shift.key.feature, shift.since);
        let values = feature.values(days).into_iter().filter(|(day, _)| *day >= since - BETWEEN - REFERENCE);
        let histogram = |from: i64, to: i64| {
            let all: DriftCounts = together(days.range(from..to).map(|(_, counts)| counts));
            feature.measure().map(|measure| *all.of(measure))
        };
        Chart {
            shift: ShiftView::new(shift),
            days: values.map(|(day, value)| (day * DAY_MS, feature.shown(value))).collect(),
            before: histogram(since - BETWEEN - REFERENCE, since),
            after: histogram(since, i64::MAX),
        }
    }
}

/// Somebody says that this is how the camera is now: it is compared with what comes from here on.
async fn accept(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path(place): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if let Err(refusal) = said::<Accepted>(&headers, body).await {
        return *refusal;
    }
    let site = Site { name: place.0, camera: place.1 };
    let place = format!("{}/{}", site.name, site.camera);
    let deed = desk.people.pen().deed("accepted", &visitor.name, &place, "");
    match desk.shared.store.accept(&site, &deed).await {
        Ok(ended) => {
            desk.shared.store.announce(News::days()).await;
            desk.shared.days.notify_one();
            json(StatusCode::OK, &json!({ "ended": ended }))
        }
        Err(error) => away(&error),
    }
}
