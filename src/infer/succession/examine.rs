//! Whether a model does here what it did where it was packed, and in time: the golden pictures, and what a look costs on this very board.

use std::time::Duration;

use super::signed::{Golden, SignedBundle};
use crate::capture::pixels::to_picture;
use crate::infer::engine::Engine;
use crate::infer::still::Glance;
use crate::perceive::frame::{Frame, Picture, PixelFormat};
use crate::perceive::geometry::Rect;
use crate::perceive::settings::RegionMode;
use crate::publish::audit::Sighting;
use crate::system::clock::ProcessorTime;

/// What scores so much on a golden picture must be seen on it everywhere, and nothing else may be.
pub const GOLDEN_SCORE: f32 = 0.25;
/// Scores may differ by so much: decoders of JPEG differ by a grey level on other processors, the kernels by nothing.
const TOLERANCE: f32 = 0.05;
/// And boxes overlap by so much at least.
const LEAST_IOU: f32 = 0.8;
/// Looks that are timed.
const RUNS: usize = 7;
/// After a look so many times its time is left to whoever else works here.
const REST: u32 = 3;
/// A look may take so much of `perceive.budget_ms`: a frame may have to wait for the one before it.
const SHARE: f64 = 0.5;

/// Loads the model and tries it out; `budget_ms` is what a frame may take here.
///
/// # Errors
/// Why it is not taken, and what to do.
pub fn examine(signed: &SignedBundle, budget_ms: f64) -> Result<Engine, String> {
    let engine = Engine::load(&signed.model).map_err(|error| error.to_string())?;
    for (golden, jpeg) in signed.manifest.golden.iter().zip(&signed.pictures) {
        let watch = ProcessorTime::start();
        let seen = see(&engine, jpeg)?;
        rest(watch);
        if let Some(fault) = fault(golden, &seen) {
            return Err(format!(
                "{}: {fault}: it does not do here what it did where it was packed; pack it by this version of bearwatch",
                golden.file
            ));
        }
    }
    let ms = look_ms(&engine)?;
    let most = SHARE * budget_ms;
    match ms <= most {
        true => Ok(engine),
        false => Err(format!(
            "a look takes {ms:.1} ms on this board, and {most:.1} may be taken (half of perceive.budget_ms): take a smaller model, or a faster board"
        )),
    }
}

/// What the model sees on a picture, in its pixels, faint guesses included.
///
/// # Errors
/// Where the picture or the model is broken.
pub fn see(engine: &Engine, jpeg: &[u8]) -> Result<Vec<Sighting>, String> {
    let frame = Frame { format: PixelFormat::Jpeg, data: jpeg.to_vec(), ..Frame::empty() };
    let mut picture = Picture::default();
    to_picture(&frame, &mut picture).map_err(|error| format!("a golden picture cannot be read: {error}"))?;
    let found = Glance::default().look(engine, &picture, RegionMode::Whole, GOLDEN_SCORE - TOLERANCE);
    let found = found.map_err(|error| error.to_string())?;
    Ok(found.iter().map(|d| Sighting::of(d, (picture.width, picture.height))).collect())
}

/// Leaves the processor to others after a step.
fn rest(watch: ProcessorTime) {
    std::thread::sleep(REST * Duration::from_secs_f64(watch.elapsed_ms() / 1e3));
}

/// How what is seen differs from what should be; `None` where it does not.
fn fault(golden: &Golden, seen: &[Sighting]) -> Option<String> {
    let missed =
        golden.detections.iter().find(|wanted| sure(wanted) && !seen.iter().any(|one| alike(wanted, one)));
    let invented =
        seen.iter().find(|one| sure(one) && !golden.detections.iter().any(|wanted| alike(wanted, one)));
    match (missed, invented) {
        (Some(Sighting { class, score, .. }), _) => {
            Some(format!("a {class} of score {score:.2} is not seen so"))
        }
        (None, Some(Sighting { class, score, .. })) => {
            Some(format!("a {class} of score {score:.2} is seen that should not be"))
        }
        (None, None) => None,
    }
}

fn sure(sighting: &Sighting) -> bool {
    sighting.score >= GOLDEN_SCORE
}

fn alike(a: &Sighting, b: &Sighting) -> bool {
    let rect = |s: &Sighting| Rect { x: s.bbox[0], y: s.bbox[1], w: s.bbox[2], h: s.bbox[3] };
    a.class == b.class && (a.score - b.score).abs() <= TOLERANCE && rect(a).iou(rect(b)) >= LEAST_IOU
}

/// Median of the processor time of some looks, milliseconds, the first left out: it fetches the weights. Not by the clock on the wall, for other work comes
/// first while this is measured.
fn look_ms(engine: &Engine) -> Result<f64, String> {
    let input = &engine.spec().input;
    let grey = vec![input.fill; 3 * input.width as usize * input.height as usize];
    let (mut output, mut runs) = (Vec::new(), Vec::new());
    for _ in 0..=RUNS {
        let watch = ProcessorTime::start();
        engine.run(&grey, &mut output).map_err(|error| error.to_string())?;
        runs.push(watch.elapsed_ms());
        rest(watch);
    }
    if !output.iter().all(|value| value.is_finite()) {
        return Err("it gives numbers that are none: train or quantise it anew".into());
    }
    let mut timed = runs.split_off(1);
    timed.sort_by(f64::total_cmp);
    Ok(timed[timed.len() / 2])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::model::Class;

    fn sighting(score: f32, x: f32) -> Sighting {
        Sighting { class: Class::Bear, score, bbox: [x, 10.0, 100.0, 100.0] }
    }

    #[test]
    fn golden_pictures_allow_for_a_grey_level_and_for_nothing_else() {
        let golden = |detections: &[Sighting]| Golden {
            file: "golden/day.jpg".into(),
            detections: detections.to_vec(),
        };
        let wanted = golden(&[sighting(0.8, 10.0), sighting(0.21, 300.0)]);
        assert_eq!(fault(&wanted, &[sighting(0.78, 12.0)]), None);
        assert!(fault(&wanted, &[sighting(0.7, 12.0)]).unwrap().contains("is not seen so"));
        assert!(fault(&wanted, &[sighting(0.8, 40.0)]).unwrap().contains("is not seen so"));
        assert!(fault(&wanted, &[]).is_some());
        let more = [sighting(0.8, 10.0), sighting(0.6, 400.0)];
        assert!(fault(&wanted, &more).unwrap().contains("should not be"));
        let faint = [sighting(0.8, 10.0), sighting(0.24, 400.0)];
        assert_eq!(fault(&wanted, &faint), None);
    }
}
