//! The other stations on the same database: what they file or are told is seen here as it happens.

use std::time::Duration;

use tokio::time::sleep;

use super::keeper::Shared;
use super::store::News;
use crate::system::stop::Stop;

/// Pause before it is listened again.
const AGAIN: Duration = Duration::from_secs(1);

/// Until it is to end.
pub async fn run(shared: Shared, stop: Stop) {
    let Some(mut ear) = shared.store.ear() else { return };
    while !stop.is_raised() {
        match ear.next().await {
            Ok(news) => tell(&shared, news).await,
            Err(error) => {
                tracing::debug!("the other stations are not heard: {error}");
                sleep(AGAIN).await;
            }
        }
    }
}

async fn tell(shared: &Shared, news: News) {
    if news.all {
        shared.live.tell("anew", &());
    }
    for (id, rings) in &news.alerts {
        shared.live.alert(&shared.store, id, *rings).await;
    }
    if news.commands {
        shared.live.tell("commands", &());
    }
    if news.days || news.all {
        shared.days.notify_one();
    }
}
