//! The live picture: ordered from the detector, one at a time.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::{CONTENT_TYPE, HeaderName};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use url::form_urlencoded;

use super::{Desk, refused};
use crate::control::errand::Refusal;
use crate::infer::worker::{Live, Order, Shown};

/// Longer sides that may be asked for, pixels. Above, boxes are no easier to see on a telephone, and pictures take a slow link long.
const SIDES: (u32, u32) = (160, 1280);
/// Longer side where nothing is asked for, pixels.
const SIDE: u32 = 320;
/// Faces of bears are not what is looked for, but whether all of the campsite is in the picture.
const QUALITY: u8 = 60;
/// From one picture to the next at least: each takes the detector a look at people, a tenth of a second on a slow board.
pub const PAUSE: Duration = Duration::from_millis(400);
/// Longest that the detector may take to come round to it.
const PATIENCE: Duration = Duration::from_secs(10);

pub async fn picture(State(desk): State<Arc<Desk>>, uri: Uri) -> Response {
    let mut last = desk.turn.lock().await;
    let clock = desk.page.clock;
    sleep((*last + PAUSE).saturating_sub(clock.uptime())).await;
    let shown = shown(&desk, side(&uri)).await;
    *last = clock.uptime();
    match shown {
        Ok(Shown { jpeg, captured }) => {
            let age_ms = clock.uptime_ms().saturating_sub(captured.uptime_ms).to_string();
            let age = [(HeaderName::from_static("picture-age-ms"), age_ms)];
            ([(CONTENT_TYPE, "image/jpeg")], age, jpeg).into_response()
        }
        Err(reason) => refused(StatusCode::SERVICE_UNAVAILABLE, &Refusal::plain(reason)),
    }
}

async fn shown(desk: &Desk, side: u32) -> Result<Shown, &'static str> {
    let (reply, answer) = oneshot::channel();
    let order = Order::Live(Live { side, quality: QUALITY, reply });
    desk.page.orders.try_send(order).map_err(|_| "the detector is busy; try again")?;
    match timeout(PATIENCE, answer).await {
        Ok(Ok(Some(shown))) => Ok(shown),
        Ok(Ok(None)) => Err("the camera has given no picture yet; its health says why"),
        Ok(Err(_)) => Err("the detector has ended"),
        Err(_) => Err("the detector takes long over a frame; try again"),
    }
}

/// `?side=` in pixels, within limits.
fn side(uri: &Uri) -> u32 {
    let query = form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    let asked = query.filter(|(key, _)| key == "side").find_map(|(_, value)| value.parse().ok());
    asked.unwrap_or(SIDE).clamp(SIDES.0, SIDES.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_is_within_limits_whatever_is_asked_for() {
        let asked = |uri: &str| side(&uri.parse().unwrap());
        assert_eq!([asked("/p"), asked("/p?side=640"), asked("/p?x=1&side=9")], [320, 640, 160]);
        assert_eq!([asked("/p?side=99999"), asked("/p?side=-1"), asked("/p?side=%00")], [1280, 320, 320]);
    }
}
