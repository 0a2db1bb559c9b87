//! Who is asking: signing in and out, and what each way of the page asks for.
//!
//! People have a session ([`crate::station::people`]); programs may show the token of `--token-file` in a header and are then a ranger of the name
//! `token`.
//!
//! **Why no page of a stranger can act as somebody who is signed in.** Its requests bear no cookie of ours (`SameSite=Strict`), but for other ports of
//! the same machine, which browsers take for the same site. Those, too, cannot set our header without asking us first, which we do not answer, and do
//! not know what belongs into it. Whatever changes anything is a POST of `application/json`, which no form can send, and comes from our own origin: every
//! browser names the origin of a POST, and a request that names none comes from no browser and bears only what its sender has. Each of the three
//! would do; a flaw in one is no way in.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HOST, HeaderName, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Desk, away, refused};
use crate::station::people::{Pass, Right, Role, TOKEN, Turned, Visitor};
use crate::web::Peer;
use crate::web::answers::json;
use crate::web::door::wait;

/// Largest thing that anybody says, bytes.
const MOST_SAID: usize = 4096;
/// Header with the half of a session that scripts have.
const KEY: HeaderName = HeaderName::from_static("session-key");
const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The machine that asks.
#[derive(Clone, Copy, Debug)]
pub struct Machine(pub IpAddr);

/// Where people find the page, if that is not this address: behind a web server with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Public(pub String);

impl Public {
    fn is_tls(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// The cookie's name, of a station's own: one browser may use several by the same host. With `__Host-` browsers take it only from whom TLS has proven, for
/// this very host, and send it over TLS alone.
pub fn cookie_name(station: &str, public: Option<&Public>) -> String {
    let prefix = if public.is_some_and(Public::is_tls) { "__Host-" } else { "" };
    format!("{prefix}bearwatch-{station}")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Login {
    name: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    old: String,
    new: String,
}

/// Who one is, for the page.
#[derive(Serialize)]
pub struct Me {
    name: String,
    role: Role,
    rights: &'static [Right],
    ends_ms: Option<i64>,
}

impl From<&Visitor> for Me {
    fn from(visitor: &Visitor) -> Me {
        let Visitor { name, role, ends_ms, .. } = visitor.clone();
        Me { name, role, rights: role.rights(), ends_ms }
    }
}

/// A way that asks for a right: `.route("/api/…", needs(Right::Speak, post(word)))`. Its handler knows who asks by `Extension<Visitor>`.
pub fn needs(right: Right, methods: MethodRouter<Arc<Desk>>) -> MethodRouter<Arc<Desk>> {
    let guard = move |Extension(visitor): Extension<Visitor>, request: Request, next: Next| async move {
        match lacks(&visitor, right) {
            None => next.run(request).await,
            Some(told) => told,
        }
    };
    methods.layer(from_fn(guard))
}

/// What somebody is told who may not.
pub fn lacks(visitor: &Visitor, right: Right) -> Option<Response> {
    let Visitor { name, role, .. } = visitor;
    let reason = format!("{name} is a {} here; that is for {}", role.name(), right.whose());
    (!role.may(right)).then(|| refused(StatusCode::FORBIDDEN, &reason))
}

/// Lets through who is known, and tells the handlers who that is.
pub async fn admitted(
    State(desk): State<Arc<Desk>>,
    Extension(Peer(peer)): Extension<Peer>,
    mut request: Request,
    next: Next,
) -> Response {
    let from = machine(peer, request.headers(), desk.public.is_some());
    if let Some(told) = stranger(&desk, request.method(), request.headers()) {
        return told;
    }
    match visitor(&desk, request.headers(), from).await {
        Ok(visitor) => {
            request.extensions_mut().insert(visitor);
            request.extensions_mut().insert(Machine(from));
            next.run(request).await
        }
        Err(told) => *told,
    }
}

async fn visitor(desk: &Desk, headers: &HeaderMap, from: IpAddr) -> Result<Visitor, Box<Response>> {
    if headers.contains_key(AUTHORIZATION) {
        let unknown = "this station takes no token: it was started without --token-file";
        let door = desk.token.as_ref().ok_or_else(|| Box::new(refused(StatusCode::UNAUTHORIZED, unknown)))?;
        let whose = "this station's token: it stands in the file that --token-file names";
        door.admit(headers, from, desk.shared.clock.uptime(), whose)?;
        return Ok(Visitor { name: TOKEN.into(), role: Role::Ranger, session: None, ends_ms: None });
    }
    let pass = pass(headers, &desk.cookie);
    let pass = pass.ok_or_else(|| Box::new(refused(StatusCode::UNAUTHORIZED, "nobody is signed in here")))?;
    desk.people.visitor(&pass).await.map_err(|turned| Box::new(turned_away(turned)))
}

fn turned_away(turned: Turned) -> Response {
    match turned {
        Turned::Away(reason) => refused(StatusCode::UNAUTHORIZED, &reason),
        Turned::Wait(seconds) => wait("too many wrong passwords", seconds),
        Turned::Store(error) => away(&error),
    }
}

/// Begins a session: a new one, whatever the browser has, so that nobody can have given it one that he knows.
pub async fn sign_in(
    State(desk): State<Arc<Desk>>,
    Extension(Peer(peer)): Extension<Peer>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if let Some(told) = stranger(&desk, &Method::POST, &headers) {
        return told;
    }
    let Login { name, password } = match said(&headers, body).await {
        Ok(login) => login,
        Err(told) => return *told,
    };
    let from = machine(peer, &headers, desk.public.is_some());
    let earlier = pass(&headers, &desk.cookie);
    match desk.people.sign_in(&name, password, from).await {
        Ok((pass, visitor)) => {
            end(&desk, earlier).await;
            let cookie = desk.cookie(&pass.cookie, desk.people.lifetime().most.as_secs());
            let told = json(StatusCode::OK, &json!({ "key": pass.key, "me": Me::from(&visitor) }));
            ([(SET_COOKIE, cookie)], told).into_response()
        }
        Err(turned) => turned_away(turned),
    }
}

/// What the browser had before.
async fn end(desk: &Desk, earlier: Option<Pass>) {
    let Some(earlier) = earlier else { return };
    if let Ok(visitor) = desk.people.visitor(&earlier).await {
        let _ = desk.people.sign_out(&visitor).await;
    }
}

/// Ends this session.
pub async fn sign_out(State(desk): State<Arc<Desk>>, Extension(visitor): Extension<Visitor>) -> Response {
    match desk.people.sign_out(&visitor).await {
        Ok(()) => ([(SET_COOKIE, desk.cookie("", 0))], json(StatusCode::OK, &json!({ "left": true })))
            .into_response(),
        Err(error) => away(&error),
    }
}

/// Who one is.
pub async fn me(Extension(visitor): Extension<Visitor>) -> Response {
    json(StatusCode::OK, &Me::from(&visitor))
}

/// One's own password, by the old one: all sessions of the account end, this one among them.
pub async fn own_password(
    State(desk): State<Arc<Desk>>,
    Extension(visitor): Extension<Visitor>,
    Extension(Machine(from)): Extension<Machine>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let NewPassword { old, new } = match said(&headers, body).await {
        Ok(passwords) => passwords,
        Err(told) => return *told,
    };
    if visitor.session.is_none() {
        return refused(StatusCode::FORBIDDEN, "a token has no password");
    }
    match desk.people.confirm(&visitor, old, from).await {
        Ok(true) => {
            super::accounts::done(desk.people.clerk().password(&visitor.name, &visitor.name, &new).await)
        }
        Ok(false) => refused(StatusCode::UNPROCESSABLE_ENTITY, "the old password is wrong"),
        Err(turned) => turned_away(turned),
    }
}

/// What was said, as JSON of this form.
pub async fn said<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, Box<Response>> {
    said_at_most(MOST_SAID, headers, body).await
}

/// The same, of so many bytes.
pub async fn said_at_most<T: DeserializeOwned>(
    most: usize,
    headers: &HeaderMap,
    body: Body,
) -> Result<T, Box<Response>> {
    if headers.get(CONTENT_TYPE).is_none_or(|kind| kind != "application/json") {
        return Err(Box::new(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "send application/json")));
    }
    let Ok(body) = to_bytes(body, most).await else {
        let reason = format!("that is more than the {most} bytes that are taken");
        return Err(Box::new(refused(StatusCode::PAYLOAD_TOO_LARGE, &reason)));
    };
    // The parser's own words could repeat a password.
    serde_json::from_slice(&body).map_err(|error| {
        let reason = format!("not what is asked for here, at column {}", error.column());
        Box::new(refused(StatusCode::BAD_REQUEST, &reason))
    })
}

/// What a page of a stranger is told that wants to change something.
fn stranger(desk: &Desk, method: &Method, headers: &HeaderMap) -> Option<Response> {
    if method.is_safe() || is_own(headers, desk.public.as_ref()) {
        return None;
    }
    let remedy = match desk.public {
        Some(_) => "it is not the address that --public names",
        None => "if it is this station behind a web server, start it with --public and that address",
    };
    let origin = headers.get(ORIGIN).and_then(|origin| origin.to_str().ok()).unwrap_or("another page");
    let shown: String = origin.chars().take(100).collect();
    Some(refused(StatusCode::FORBIDDEN, &format!("this comes from {shown}; {remedy}")))
}

/// Whether a request comes from our own page, or from no browser.
fn is_own(headers: &HeaderMap, public: Option<&Public>) -> bool {
    let text = |name: &HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or_default());
    if text(&SITE).is_some_and(|site| site != "same-origin") {
        return false;
    }
    let Some(origin) = text(&ORIGIN) else { return true };
    let here = text(&HOST).filter(|host| !host.is_empty());
    let is_here = here.is_some_and(|host| origin.strip_prefix("http://").is_some_and(|name| name == host));
    is_here || public.is_some_and(|Public(public)| public == origin)
}

/// Behind a web server of ours everybody has its address: that names, last, whom it speaks for.
fn machine(peer: IpAddr, headers: &HeaderMap, behind: bool) -> IpAddr {
    let named =
        headers.get(&FORWARDED).and_then(|list| list.to_str().ok()?.rsplit(',').next()?.trim().parse().ok());
    named.filter(|_| behind && peer.is_loopback()).unwrap_or(peer)
}

fn pass(headers: &HeaderMap, name: &str) -> Option<Pass> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|cookies| cookies.to_str().ok());
    let mut pairs =
        cookies.flat_map(|cookies| cookies.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let cookie = pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())?;
    let key = headers.get(&KEY)?.to_str().ok()?.to_owned();
    Some(Pass { cookie, key })
}

impl Desk {
    fn cookie(&self, value: &str, seconds: u64) -> String {
        let secure = if self.public.as_ref().is_some_and(Public::is_tls) { "; Secure" } else { "" };
        format!("{}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}", self.cookie)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_our_own_page_and_who_is_no_browser_change_anything() {
        let public = Public("https://bears.example".into());
        let own = |pairs: &[(&str, &str)]| is_own(&headers(pairs), Some(&public));
        let host = ("host", "127.0.0.1:8470");
        assert!(own(&[host]) && own(&[host, ("origin", "http://127.0.0.1:8470")]));
        assert!(own(&[host, ("origin", "https://bears.example"), ("sec-fetch-site", "same-origin")]));
        for origin in [
            "http://127.0.0.1:9000",
            "https://evil.example",
            "null",
            "",
            "http://bears.example",
            "https://bears.example.evil",
        ] {
            assert!(!own(&[host, ("origin", origin)]), "{origin}");
        }
        for site in ["cross-site", "same-site", "none"] {
            assert!(!own(&[host, ("origin", "http://127.0.0.1:8470"), ("sec-fetch-site", site)]), "{site}");
        }
        assert!(!is_own(&headers(&[host, ("origin", "https://bears.example")]), None));
    }

    #[test]
    fn a_machine_is_named_by_our_own_web_server_alone() {
        let (here, far) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([10, 0, 0, 7]));
        let list = headers(&[("x-forwarded-for", "1.2.3.4, 10.0.0.7")]);
        assert_eq!((machine(here, &list, true), machine(here, &list, false)), (far, here));
        assert_eq!(machine(far, &headers(&[("x-forwarded-for", "1.2.3.4")]), true), far);
        assert_eq!(machine(here, &headers(&[("x-forwarded-for", "nobody")]), true), here);
    }

    #[test]
    fn a_cookie_is_a_station_s_own() {
        let public = |url: &str| Some(Public(url.into()));
        let name = |public: Option<Public>| cookie_name("b1", public.as_ref());
        assert_eq!(name(None), "bearwatch-b1");
        assert_eq!(name(public("https://bears.example")), "__Host-bearwatch-b1");
        assert_eq!(name(public("http://desk.local")), "bearwatch-b1");
    }

    #[test]
    fn a_pass_is_both_halves() {
        let both = headers(&[("cookie", "a=b; bearwatch=c1; __Host-bearwatch=c2"), ("session-key", "k")]);
        let shown = |name| pass(&both, name).map(|pass| (pass.cookie, pass.key));
        assert_eq!(shown("bearwatch"), Some(("c1".into(), "k".into())));
        assert_eq!(shown("__Host-bearwatch"), Some(("c2".into(), "k".into())));
        assert_eq!(pass(&headers(&[("cookie", "bearwatch=c1")]), "bearwatch"), None);
        assert_eq!(pass(&headers(&[("session-key", "k")]), "bearwatch"), None);
    }
}
