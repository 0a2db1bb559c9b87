//! The model sees every picture, on several threads; order is kept.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

use super::coco::{Dataset, Picture};
use crate::capture::pixels::read_picture;
use crate::cli::progress::bar;
use crate::evaluate::{PixelBox, Prediction};
use crate::infer::bundle::{Bundle, ModelError};
use crate::infer::still::StillDetector;
use crate::perceive::observation::Detection;
use crate::perceive::settings::RegionMode;

/// Boxes below this score are not worth keeping: average precision looks at low scores too, but these only cost time.
const LEAST_SCORE: f32 = 0.001;

/// What came of one picture: its boxes, or why it could not be judged.
pub type Seen = Result<Vec<Prediction>, String>;

/// Runs the model on all pictures with a progress bar on stderr. One engine a thread.
pub fn see(
    bundle: &Bundle,
    data: &Dataset,
    regions: RegionMode,
    threads: usize,
) -> Result<Vec<Seen>, ModelError> {
    let count = data.pictures.len();
    let detectors =
        (0..threads.clamp(1, count)).map(|_| StillDetector::load(bundle)).collect::<Result<Vec<_>, _>>()?;
    let mut seen: Vec<Seen> = vec![Ok(Vec::new()); count];
    let bar = bar(count, "pictures");
    let next = &AtomicUsize::new(0);
    thread::scope(|scope| {
        let (sender, receiver) = sync_channel(detectors.len());
        for detector in detectors {
            let sender = sender.clone();
            scope.spawn(move || work(detector, data, regions, next, &sender));
        }
        drop(sender);
        for (picture, result) in receiver {
            seen[picture] = result;
            bar.inc(1);
        }
    });
    bar.finish_and_clear();
    Ok(seen)
}

/// Takes the next picture that nobody has taken, until none is left.
fn work(
    mut detector: StillDetector,
    data: &Dataset,
    regions: RegionMode,
    next: &AtomicUsize,
    results: &SyncSender<(usize, Seen)>,
) {
    loop {
        let at = next.fetch_add(1, Ordering::Relaxed);
        let Some(picture) = data.pictures.get(at) else { return };
        let seen = look(&mut detector, &data.path(at), picture, regions);
        if results.send((at, seen)).is_err() {
            return;
        }
    }
}

fn look(detector: &mut StillDetector, path: &Path, stated: &Picture, regions: RegionMode) -> Seen {
    let picture = read_picture(path).map_err(|error| error.to_string())?;
    let (width, height) = (picture.width, picture.height);
    if stated.width.is_some_and(|w| w != width) || stated.height.is_some_and(|h| h != height) {
        let of = |side: Option<u32>| side.map_or("?".into(), |s| s.to_string());
        let (w, h) = (of(stated.width), of(stated.height));
        let path = path.display();
        return Err(format!(
            "{path}: {width}×{height} pixels, the annotations say {w}×{h}; its boxes would not fit"
        ));
    }
    let found = detector.detect(&picture, regions, LEAST_SCORE).map_err(|error| error.to_string())?;
    Ok(found.iter().map(|d| in_pixels(d, width, height)).collect())
}

fn in_pixels(detection: &Detection, width: u32, height: u32) -> Prediction {
    let bbox = PixelBox::new(detection.bbox.to_pixels(width, height).map(f64::from));
    Prediction { class: detection.class, score: f64::from(detection.score), bbox }
}
