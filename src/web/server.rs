//! The HTTP server. HTTP/1 alone, few connections at once, each for some seconds and one request: file descriptors and memory belong to the
//! camera first.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, HOST};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};
use tokio::time::{sleep, timeout};

use super::exposition::{View, registry};
use super::page::Page;

/// Of the metrics: on a board, few connections.
const METRICS: Limits = Limits { connections: 8, patience: Duration::from_secs(10) };
/// The same for the page: a picture over a slow link.
const PAGE: Limits = Limits { connections: 8, patience: Duration::from_secs(30) };
/// Longest that the head of a request may take.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// Most bytes of a request's head.
const HEAD_BYTES: usize = 16 * 1024;
/// An address that cannot be listened to is tried again after this: another program may have it still.
const RETRY: Duration = Duration::from_secs(5);
/// As the OpenMetrics specification wants it.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Which machine a request comes from.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub IpAddr);

/// What whoever asks is given.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once. What comes beyond waits in the kernel.
    pub connections: usize,
    /// Longest that a connection may last: a request and its answer.
    pub patience: Duration,
}

/// What is answered at one address.
pub struct Place {
    address: SocketAddr,
    /// What is there, for the log: "metrics at http://127.0.0.1:9555/metrics".
    what: Vec<(&'static str, &'static str)>,
    router: Router,
    limits: Limits,
}

impl Place {
    /// Anything: `what` is its name and its path, for the log.
    pub fn new(
        address: SocketAddr,
        what: (&'static str, &'static str),
        router: Router,
        limits: Limits,
    ) -> Place {
        Place { address, what: vec![what], router, limits }
    }

    /// The metrics.
    pub fn metrics(address: SocketAddr, view: View) -> Place {
        if !address.ip().is_loopback() {
            tracing::warn!(
                "metrics are told to whoever reaches {address}: when bears are there, and when the camera does not see; let a firewall guard it"
            );
        }
        let router = Router::new().route("/metrics", get(metrics)).with_state(Arc::new(registry(view)));
        Place::new(address, ("metrics", "/metrics"), router, METRICS)
    }

    /// The aiming page.
    pub fn page(address: SocketAddr, page: Page) -> Place {
        if !address.ip().is_loopback() {
            tracing::warn!(
                "the page's token goes over the network in clear to {address}; let a firewall guard it"
            );
        }
        Place::new(address, ("page", "/"), page.router(), PAGE)
    }

    /// Those of one address as one.
    fn joined(places: Vec<Place>) -> Vec<Place> {
        let mut joined: Vec<Place> = Vec::new();
        for place in places {
            match joined.iter_mut().find(|known| known.address == place.address) {
                Some(known) => {
                    known.router = std::mem::take(&mut known.router).merge(place.router);
                    known.what.extend(place.what);
                    known.limits.patience = known.limits.patience.max(place.limits.patience);
                }
                None => joined.push(place),
            }
        }
        joined
    }

    /// Only to requests that know whom they speak to.
    fn guarded(self) -> Place {
        let router = self.router.layer(from_fn_with_state(self.address, by_its_own_name));
        Place { router, ..self }
    }
}

/// A running server; ends when dropped.
pub struct Server {
    stop: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Listens at all addresses as soon as they can be had. A port that another program holds is told in the log and tried again: no camera
    /// stays dark for it.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn start(places: Vec<Place>) -> std::io::Result<Server> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
        let stop = Arc::new(Notify::new());
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("web".into()).spawn(move || {
            runtime.block_on(async {
                for place in Place::joined(places) {
                    tokio::spawn(listen(place.guarded()));
                }
                stopped.notified().await;
            });
        })?;
        Ok(Server { stop, thread: Some(thread) })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.notify_one();
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the thread of the HTTP server panicked");
        }
    }
}

async fn metrics(State(registry): State<Arc<Registry>>) -> Response {
    let mut text = String::with_capacity(32 * 1024);
    match encode(&mut text, &registry) {
        Ok(()) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// On loopback a page of a stranger, open in a browser on this machine, could give its own name our address and read what we answer: only
/// requests to a number or to localhost are ours.
async fn by_its_own_name(State(address): State<SocketAddr>, request: Request, next: Next) -> Response {
    if !address.ip().is_loopback() || is_own_name(request.headers()) {
        return next.run(request).await;
    }
    (StatusCode::FORBIDDEN, "address this machine by its number, or as localhost\n").into_response()
}

fn is_own_name(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else { return false };
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()).map_or(host, |(name, _)| name);
    let number = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || number.parse::<IpAddr>().is_ok()
}

/// For ever, around an address that may not be free.
async fn listen(place: Place) {
    let address = place.address;
    let mut told = String::new();
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => {
                let at = listener.local_addr().unwrap_or(address);
                place.what.iter().for_each(|(name, path)| tracing::info!("{name} at http://{at}{path}"));
                accept(listener, &place).await;
            }
            Err(error) if error.to_string() != told => {
                told = error.to_string();
                let names: Vec<&str> = place.what.iter().map(|(name, _)| *name).collect();
                tracing::error!(
                    "no {}: cannot listen at {address}: {told}; trying again",
                    names.join(" and no ")
                );
            }
            Err(_) => {}
        }
        sleep(RETRY).await;
    }
}

/// Until the system gives no more connections.
async fn accept(listener: TcpListener, place: &Place) {
    let room = Arc::new(Semaphore::new(place.limits.connections));
    while let Ok(permit) = room.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let (router, patience) = (place.router.clone(), place.limits.patience);
                tokio::spawn(async move {
                    // Who is slower than that, or leaves, is no concern of the daemon's.
                    let _ = timeout(patience, answer(stream, Peer(peer.ip()), router)).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::debug!("no connection: {error}");
                sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn answer(stream: TcpStream, peer: Peer, router: Router) -> Result<(), hyper::Error> {
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.call(request)
    });
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbers_and_localhost_are_our_own_names() {
        let own = |host: &str| is_own_name(&HeaderMap::from_iter([(HOST, host.parse().unwrap())]));
        for name in ["127.0.0.1:9555", "localhost", "localhost:80", "[::1]:9555", "[::1]", "10.0.0.1"] {
            assert!(own(name), "{name}");
        }
        for name in ["bears.example:9555", "localhost.evil.example", "", ":80", "127.0.0.1.evil.example:9555"]
        {
            assert!(!own(name), "{name}");
        }
        assert!(!is_own_name(&HeaderMap::new()));
    }
}
