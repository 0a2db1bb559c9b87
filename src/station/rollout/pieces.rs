//! Serves the pieces of bundles that cameras ask for. Each camera has one piece on its way at most, for it asks for the next when it has that: so a
//! thousand of them take no more memory than one, and whoever is away is sent nothing.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::publish::intake::Keeping;
use crate::publish::models::{PIECE, Piece};
use crate::publish::settings::Site;
use crate::station::keeper::Shared;
use crate::station::store::StoreError;
use crate::system::stop::Stop;

/// How often it looks whether it is to end.
const TICK: Duration = Duration::from_secs(1);

/// Cameras that have told of their models.
#[derive(Default)]
pub struct Bells {
    /// Those whose wish for a piece was not looked at yet.
    asking: Mutex<BTreeMap<(String, String), Site>>,
    serve: Notify,
    /// Rung when something is to be judged.
    pub judge: Notify,
}

impl Bells {
    /// These have told of their models.
    pub fn told(&self, sites: Vec<Site>) {
        if sites.is_empty() {
            return;
        }
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        asking.extend(sites.into_iter().map(|site| ((site.name.clone(), site.camera.clone()), site)));
        self.serve.notify_one();
        self.judge.notify_one();
    }

    fn taken(&self) -> BTreeMap<(String, String), Site> {
        std::mem::take(&mut self.asking.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Serves until it is to end. The broker keeps what cameras wish, so that a station that starts anew is told of it.
pub async fn serve(shared: Shared, keeping: Keeping, stop: Stop) {
    while !stop.is_raised() {
        let _ = timeout(TICK, shared.models.serve.notified()).await;
        for site in shared.models.taken().into_values() {
            if let Err(error) = give(&shared, &keeping, &site).await {
                // The camera asks again.
                tracing::debug!("a piece for {}/{} waits: {error}", site.name, site.camera);
            }
        }
    }
}

async fn give(shared: &Shared, keeping: &Keeping, site: &Site) -> Result<(), StoreError> {
    let standing = shared.store.standing(site).await?;
    let Some(download) = standing.and_then(|standing| standing.told).and_then(|told| told.download) else {
        return Ok(());
    };
    let Some(want) = download.want.filter(|want| want.bytes > 0 && want.bytes <= PIECE) else {
        return Ok(());
    };
    // Only what is verified leaves the station.
    if want.offset >= download.of || !shared.store.is_given(&download.bundle).await? {
        return Ok(());
    }
    let bytes = shared.store.bytes_of(&download.bundle, want.offset, want.bytes).await?;
    if bytes.len() as u64 == want.bytes {
        keeping.send(Piece { bundle: download.bundle, offset: want.offset, bytes }.message(site));
    }
    Ok(())
}
