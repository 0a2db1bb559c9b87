//! For administrators: accounts, and the audit log.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::Response;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::form_urlencoded;

use super::door::said;
use super::{Desk, away, refused};
use crate::control::chain::{Examined, Line};
use crate::station::people::{AccountError, Role, Visitor};
use crate::station::store::{AccountView, StoreError};
use crate::web::answers::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    name: String,
    role: Role,
    password: String,
}

/// What is to be changed.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Change {
    Password(String),
    Role(Role),
    Remove(bool),
}

#[derive(Serialize)]
struct Accounts {
    accounts: Vec<AccountView>,
}

/// The newest lines, and whether the chain holds.
#[derive(Serialize)]
struct Trail {
    lines: Vec<Line>,
    /// Only with the newest ones: it is all of the log.
    chain: Option<Chain>,
}

#[derive(Serialize)]
struct Chain {
    first: u64,
    last: u64,
    sha256: String,
    faults: Vec<String>,
}

/// Faults that are told; where there is one there may be thousands.
const FAULTS: usize = 20;

pub async fn list(State(desk): State<Arc<Desk>>) -> Response {
    match desk.people.clerk().accounts().await {
        Ok(accounts) => json(StatusCode::OK, &Accounts { accounts }),
        Err(error) => told(&error),
    }
}

pub async fn add(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match said::<NewAccount>(&headers, body).await {
        Ok(NewAccount { name, role, password }) => {
            done(desk.people.clerk().add(&visitor.name, &name, role, &password).await)
        }
        Err(told) => *told,
    }
}

pub async fn change(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let (clerk, by) = (desk.people.clerk(), &visitor.name);
    match said::<Change>(&headers, body).await {
        Ok(Change::Password(password)) => done(clerk.password(by, &name, &password).await),
        Ok(Change::Role(role)) => done(clerk.role(by, &name, role).await),
        Ok(Change::Remove(true)) => done(clerk.remove(by, &name).await),
        Ok(Change::Remove(false)) => refused(StatusCode::BAD_REQUEST, "nothing is to be removed"),
        Err(told) => *told,
    }
}

/// `?before=`: lines before that number.
pub async fn audit(State(desk): State<Arc<Desk>>, uri: Uri) -> Response {
    let mut query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let before = query.find_map(|(key, value)| (key == "before").then(|| value.parse().ok()).flatten());
    match trail(&desk, before).await {
        Ok(trail) => json(StatusCode::OK, &trail),
        Err(error) => away(&error),
    }
}

async fn trail(desk: &Desk, before: Option<i64>) -> Result<Trail, StoreError> {
    let store = &desk.shared.store;
    let lines = store.trail(before.unwrap_or(i64::MAX)).await?;
    let chain = match before {
        None => Some(Chain::from(store.examine(|_, _| {}).await?)),
        Some(_) => None,
    };
    Ok(Trail { lines, chain })
}

impl From<Examined> for Chain {
    fn from(found: Examined) -> Chain {
        let faults = found.faults.into_iter().take(FAULTS).collect();
        Chain { first: found.first, last: found.head.seq, sha256: found.head.sha256, faults }
    }
}

/// What became of a change.
pub fn done(outcome: Result<(), AccountError>) -> Response {
    match outcome {
        Ok(()) => json(StatusCode::OK, &json!({ "kept": true })),
        Err(error) => told(&error),
    }
}

fn told(error: &AccountError) -> Response {
    let status = match error {
        AccountError::Store(error) => return away(error),
        AccountError::Random => StatusCode::SERVICE_UNAVAILABLE,
        AccountError::Nobody(_) => StatusCode::NOT_FOUND,
        AccountError::Taken(_) | AccountError::Last(_) => StatusCode::CONFLICT,
        AccountError::Name(_) | AccountError::Password(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    refused(status, &error.to_string())
}
