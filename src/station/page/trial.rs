//! Trials as a part of the page: written by administrators, seen by everybody.

use std::sync::{Arc, PoisonError};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::form_urlencoded;

use super::door::{needs, said_at_most};
use super::{Desk, away, refused};
use crate::publish::Audience;
use crate::publish::reply::{Mode, TrialMessage};
use crate::publish::settings::Site;
use crate::station::StoreError;
use crate::station::fleet::Presence;
use crate::station::people::{Right, Visitor};
use crate::station::report::{Report, Told, Wanted};
use crate::station::trial::sheet::{self, Sheet};
use crate::station::trial::{Criteria, Findings, Member, Phase, Plan, REASON, Stopped, Trial};
use crate::web::answers::json;

/// Largest thing that anybody says of a trial, bytes: a thousand cameras.
const MOST_SAID: usize = 128 * 1024;

/// Ways of trials, behind the door.
pub fn ways() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/trials", needs(Right::Look, get(list)).merge(needs(Right::Administer, post(write))))
        .route("/api/trials/{id}/stop", needs(Right::Administer, post(stop)))
        .route("/api/trials/{id}/result", needs(Right::Look, get(result)))
}

/// What somebody writes down.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Writes {
    name: String,
    mode: Mode,
    /// At once where null.
    begin_ms: Option<i64>,
    end_ms: i64,
    cameras: Vec<String>,
    criteria: Criteria,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stops {
    reason: String,
}

/// How a camera stands to a trial.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Part {
    /// It takes part.
    In,
    /// It is told as soon as it is heard.
    Waits,
    /// It takes part in another one.
    Elsewhere,
    /// It does not take part.
    Out,
    /// It still takes part although it is to leave.
    Leaves,
}

#[derive(Serialize)]
struct MemberView {
    camera: String,
    joined_ms: Option<i64>,
    left_ms: Option<i64>,
    part: Part,
    presence: Option<Presence>,
    /// When it ends by the camera's own word, RFC 3339; null where its clock is not set: it then ends by the time that has passed.
    until: Option<String>,
    /// Why it does not take part, by its own word.
    reason: Option<String>,
}

#[derive(Serialize)]
struct TrialView {
    id: i64,
    phase: Phase,
    plan: Plan,
    sha256: String,
    is_as_written: bool,
    written_by: String,
    written_ms: i64,
    stopped: Option<Stopped>,
    members: Vec<MemberView>,
}

async fn list(State(desk): State<Arc<Desk>>) -> Response {
    match views(&desk).await {
        Ok(trials) => {
            let now_ms = desk.shared.clock.unix_ms();
            json(StatusCode::OK, &json!({ "now_ms": now_ms, "cameras": cameras(&desk), "trials": trials }))
        }
        Err(error) => away(&error),
    }
}

/// Those that a trial can be written for.
fn cameras(desk: &Desk) -> Vec<String> {
    let (now, now_ms) = (desk.shared.clock.uptime(), desk.shared.clock.unix_ms());
    let views = desk.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner).views(now, now_ms);
    let mut names: Vec<String> = views.iter().map(|one| format!("{}/{}", one.site, one.camera)).collect();
    names.sort();
    names
}

async fn views(desk: &Desk) -> Result<Vec<TrialView>, StoreError> {
    let now_ms = desk.shared.clock.unix_ms();
    let mut views = Vec::new();
    for trial in desk.shared.store.trials().await? {
        let mut members = Vec::new();
        for one in &trial.members {
            members.push(member(desk, &trial, one, now_ms).await?);
        }
        views.push(TrialView {
            id: trial.id,
            phase: trial.phase(now_ms),
            sha256: trial.sha256,
            is_as_written: trial.is_as_written,
            written_by: trial.written_by,
            written_ms: trial.written_ms,
            stopped: trial.stopped,
            plan: trial.plan,
            members,
        });
    }
    Ok(views)
}

async fn member(desk: &Desk, trial: &Trial, one: &Member, now_ms: i64) -> Result<MemberView, StoreError> {
    let (site, camera) = one.camera.split_once('/').unwrap_or_default();
    let now = desk.shared.clock.uptime();
    let key = Site { name: site.into(), camera: camera.into() };
    let view = desk.shared.fleet.lock().unwrap_or_else(PoisonError::into_inner).one(&key, now, now_ms);
    let on = view.as_ref().and_then(|view| view.trial.clone());
    let mine = on.as_ref().is_some_and(|on| on.trial == trial.plan.name);
    let part = match (trial.phase(now_ms), mine) {
        (Phase::Running, true) => Part::In,
        (Phase::Running, false) if on.is_some() => Part::Elsewhere,
        (Phase::Running, false) => Part::Waits,
        (Phase::Ended, true) => Part::In,
        (_, true) => Part::Leaves,
        (_, false) => Part::Out,
    };
    let reason = match part {
        Part::Waits | Part::Leaves => {
            desk.shared.store.trial_refusal(site, camera, trial.plan.begin_ms).await?
        }
        _ => None,
    };
    let until = on.filter(|_| mine).and_then(|on: TrialMessage| on.until);
    Ok(MemberView {
        camera: one.camera.clone(),
        joined_ms: one.joined_ms,
        left_ms: one.left_ms,
        part,
        presence: view.map(|view| view.presence),
        until,
        reason,
    })
}

/// Kept before it is answered; cameras are told when it begins.
async fn write(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Writes { name, mode, begin_ms, end_ms, mut cameras, criteria } =
        match said_at_most::<Writes>(MOST_SAID, &headers, body).await {
            Ok(said) => said,
            Err(told) => return *told,
        };
    let now_ms = desk.shared.clock.unix_ms();
    cameras.sort();
    let plan = Plan { name, mode, begin_ms: begin_ms.unwrap_or(now_ms), end_ms, cameras, criteria };
    if let Some(objection) = plan.objection(now_ms) {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, &objection);
    }
    match written(&desk, &visitor, &plan).await {
        Ok(None) => {
            desk.shared.live.tell("trials", &());
            json(StatusCode::OK, &json!({ "kept": true, "sha256": plan.text().1 }))
        }
        Ok(Some(objection)) => refused(StatusCode::CONFLICT, &objection),
        Err(error) => away(&error),
    }
}

/// What stands against it; else it is written.
async fn written(desk: &Desk, visitor: &Visitor, plan: &Plan) -> Result<Option<String>, StoreError> {
    let known = cameras(desk);
    if let Some(stranger) = plan.cameras.iter().find(|camera| !known.contains(camera)) {
        return Ok(Some(format!("no camera {stranger} is known here")));
    }
    let others = desk.shared.store.trials_on(desk.shared.clock.unix_ms()).await?;
    if let Some(other) = others.iter().find(|other| other.clashes(plan)) {
        let name = &other.plan.name;
        return Ok(Some(format!("one of its cameras takes part in the trial {name:?} at that time")));
    }
    let (text, sha256) = plan.text();
    let mut deed =
        desk.people.pen().deed("trial", &visitor.name, &plan.name, &format!("written, SHA-256 {sha256}"));
    deed.entry.payload = text;
    let is_new = desk.shared.store.write_trial(plan, &visitor.name, &deed).await?;
    Ok((!is_new).then(|| format!("there was a trial {:?} already: give this one another name", plan.name)))
}

/// Ends a trial that runs, or takes one back that has not begun.
async fn stop(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path(id): Path<i64>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Stops { reason } = match said_at_most::<Stops>(MOST_SAID, &headers, body).await {
        Ok(said) => said,
        Err(told) => return *told,
    };
    let reason: String = reason.trim().chars().filter(|c| !c.is_control()).take(REASON).collect();
    if reason.is_empty() {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "say why: it stands in the result");
    }
    let name = match desk.shared.store.trial(id).await {
        Ok(Some(trial)) => trial.plan.name,
        Ok(None) => return refused(StatusCode::NOT_FOUND, "there is no such trial"),
        Err(error) => return away(&error),
    };
    let deed = desk.people.pen().deed("trial", &visitor.name, &name, &format!("stopped: {reason}"));
    let stopped = Stopped { at_ms: desk.shared.clock.unix_ms(), by: visitor.name, reason };
    match desk.shared.store.stop_trial(id, &stopped, &deed).await {
        Ok(true) => {
            desk.shared.live.tell("trials", &());
            json(StatusCode::OK, &json!({ "kept": true }))
        }
        Ok(false) => refused(StatusCode::CONFLICT, "it is over already"),
        Err(error) => away(&error),
    }
}

/// `?zone=Europe/Bratislava&simulated=1&form=json`: what it shows so far, or in the end.
async fn result(State(desk): State<Arc<Desk>>, Path(id): Path<i64>, uri: Uri) -> Response {
    let asked: Vec<(String, String)> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let find = |name: &str| asked.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let zone = find("zone").and_then(|name| TimeZone::get(name).ok()).unwrap_or_else(TimeZone::system);
    let trial = match desk.shared.store.trial(id).await {
        Ok(Some(trial)) => trial,
        Ok(None) => return refused(StatusCode::NOT_FOUND, "there is no such trial"),
        Err(error) => return away(&error),
    };
    let now_ms = desk.shared.clock.unix_ms();
    let Some(period) = trial.period(now_ms) else {
        return refused(StatusCode::CONFLICT, "it has not begun: there is nothing to tell");
    };
    let audience = if trial.plan.mode == Mode::Assist { Audience::Reviewers } else { Audience::Everybody };
    let wanted = Wanted { period, zone: zone.clone(), simulated: find("simulated").is_some(), audience };
    let evidence = match desk.shared.store.evidence(period).await {
        Ok(evidence) => evidence.only(&trial.plan.cameras),
        Err(error) => return away(&error),
    };
    let report = Report::of(&evidence, &wanted);
    let of_trial = |told: &&Told| {
        let real = wanted.simulated || told.drill || !told.simulated;
        period.has(told.at_ms()) && real && (told.audience == audience || told.drill)
    };
    let alerts: Vec<&Told> = evidence.alerts.iter().filter(of_trial).collect();
    let findings = Findings::of(&trial, &report, &alerts, now_ms);
    if find("form") == Some("json") {
        return json(
            StatusCode::OK,
            &json!({ "phase": trial.phase(now_ms), "findings": findings, "report": report }),
        );
    }
    let mut html = String::new();
    let sheet = Sheet { trial: &trial, findings: &findings, report: &report, zone: &zone, now_ms };
    sheet::body(&mut html, &sheet).ok();
    ([(CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response()
}
