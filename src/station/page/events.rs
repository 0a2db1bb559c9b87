//! What happens, as it happens: a stream of events for as long as whoever looks may look.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Extension;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use hyper::body::{Body as Flow, Frame};
use tokio::sync::mpsc::Receiver;
use tokio::time::sleep;

use super::{Desk, refused};
use crate::station::people::Visitor;

/// That somebody may still look is asked this often.
const STILL: Duration = Duration::from_secs(3);

pub async fn events(State(desk): State<Arc<Desk>>, Extension(visitor): Extension<Visitor>) -> Response {
    let Some(events) = desk.shared.live.join() else {
        return refused(StatusCode::SERVICE_UNAVAILABLE, "too many look at once; close some of these pages");
    };
    let over = Box::pin(over(desk.clone(), visitor));
    let body = Body::new(Stream { events, over });
    ([(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-store")], body).into_response()
}

/// Until whoever looks may not any more.
async fn over(desk: Arc<Desk>, visitor: Visitor) {
    let Some(id) = visitor.session else { return std::future::pending().await };
    while desk.people.goes_on(&id).await {
        sleep(STILL).await;
    }
}

/// A stream of events as the body of an answer.
struct Stream {
    events: Receiver<Arc<str>>,
    over: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Flow for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.over.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        let frame = |text: Arc<str>| Ok(Frame::data(Bytes::copy_from_slice(text.as_bytes())));
        self.events.poll_recv(context).map(|event| event.map(frame))
    }
}
