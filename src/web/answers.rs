//! What every answer of a page has in common: what browsers are told to refuse, and what they need not fetch again.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::texts::{self, Rendered};

/// Nothing but our own scripts, styles and answers; pictures come as blobs. Nobody frames it, no form sends anything by itself.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// The type of scripts.
pub const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// The type of styles.
pub const CSS: &str = "text/css; charset=utf-8";

/// On every answer, refusals among them.
pub async fn closed(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let fixed = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The document in the language that the browser likes best.
pub fn document(pages: &[Rendered], headers: &HeaderMap) -> Response {
    match texts::chosen(pages, headers) {
        Some(page) => kept(headers, "text/html; charset=utf-8", page.html.clone(), &page.tag),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A style or a script.
pub async fn asset(headers: HeaderMap, kind: &'static str, content: &'static str) -> Response {
    kept(&headers, kind, content, &texts::tag(content.as_bytes()))
}

/// What a browser has already does not go over a slow link again.
fn kept(headers: &HeaderMap, kind: &'static str, content: impl IntoResponse, tag: &str) -> Response {
    let same = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let fixed = [(CONTENT_TYPE, kind), (CACHE_CONTROL, "no-cache")];
    let tag = [(ETAG, tag.to_owned())];
    match same {
        true => (StatusCode::NOT_MODIFIED, fixed, tag).into_response(),
        false => (fixed, tag, content).into_response(),
    }
}

/// Something for scripts.
pub fn json(status: StatusCode, body: &impl Serialize) -> Response {
    match serde_json::to_vec(body) {
        Ok(body) => (status, [(CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
