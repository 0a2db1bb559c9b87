//! What goes beside a picture of the random sample: user properties, so that the picture stays a plain JPEG.

use serde::{Deserialize, Serialize};

use super::reply::Mode;
use crate::perceive::audit::Chosen;
use crate::perceive::frame::Stamp;
use crate::perceive::model::Class;
use crate::perceive::observation::{Detection, Regime};

/// Longest list of detections that is read, bytes; MQTT itself allows 65,535.
const MOST_DETECTIONS: usize = 16 * 1024;

/// A picture of the random sample, with what the model saw on it.
#[derive(Clone, Debug)]
pub struct AuditDraft {
    /// The picture, without boxes and words.
    pub jpeg: Vec<u8>,
    /// When it was taken.
    pub captured: Stamp,
    /// How it was chosen.
    pub chosen: Chosen,
    /// Width and height of the picture, pixels: boxes are given in them.
    pub size: (u32, u32),
    /// The light.
    pub regime: Regime,
    /// SHA-256 (hexadecimal) of the model.
    pub model: String,
    /// Operating point for bears that was in force.
    pub threshold: f32,
    /// What the model saw, the surest first, low scores included.
    pub detections: Vec<Detection>,
    /// Whether the simulator drew the frame.
    pub simulated: bool,
    /// What a challenger saw, where the two disagree: then that has chosen the picture, and it belongs to no sample.
    pub challenger: Option<Challenged>,
}

/// What a challenger saw on a picture.
#[derive(Clone, Debug)]
pub struct Challenged {
    /// SHA-256 (hexadecimal) of its model.
    pub model: String,
    /// Its operating point for bears.
    pub threshold: f32,
    /// What it saw, the surest first.
    pub detections: Vec<Detection>,
}

/// What chose a picture on which running model and challenger disagree.
pub const CHALLENGER: &str = "challenger";

impl AuditDraft {
    /// The user properties; `mode` is what alerts were subject to.
    pub fn properties(&self, mode: Mode) -> Vec<(String, String)> {
        let AuditDraft { chosen, size: (width, height), .. } = self;
        let boxes = |detections: &[Detection]| {
            let boxes: Vec<Sighting> = detections.iter().map(|d| Sighting::of(d, self.size)).collect();
            serde_json::to_string(&boxes).unwrap_or_else(|_| "[]".into())
        };
        let draw = self.challenger.as_ref().map_or(chosen.draw.name(), |_| CHALLENGER);
        let mut properties = vec![
            ("audit", draw.to_owned()),
            ("probability", format!("{:.6e}", chosen.probability)),
            ("stands_s", format!("{:.3}", chosen.stands_s)),
            ("watched_s", format!("{:.1}", chosen.watched_s)),
            ("number", chosen.number.to_string()),
            ("mode", mode.name().to_owned()),
            ("regime", self.regime.name().to_owned()),
            ("model", self.model.clone()),
            ("threshold", format!("{:.4}", self.threshold)),
            ("size", format!("{width}x{height}")),
            ("clock_synced", self.captured.synchronised.to_string()),
            ("simulated", self.simulated.to_string()),
            ("detections", boxes(&self.detections)),
        ];
        if let Some(challenger) = &self.challenger {
            properties.push(("challenger", challenger.model.clone()));
            properties.push(("challenger_threshold", format!("{:.4}", challenger.threshold)));
            properties.push(("challenger_detections", boxes(&challenger.detections)));
        }
        properties.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// A detection as `bearwatch detect --json` tells it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// What it is.
    pub class: Class,
    /// 0..1.
    pub score: f32,
    /// `[x, y, w, h]` in pixels of the picture.
    pub bbox: [f32; 4],
}

impl Sighting {
    /// Of a picture of so many pixels.
    pub fn of(detection: &Detection, (width, height): (u32, u32)) -> Sighting {
        let tenths = |pixels: f32| (pixels * 10.0).round() / 10.0;
        let score = (detection.score * 1e4).round() / 1e4;
        let bbox = detection.bbox.clipped().to_pixels(width, height).map(tenths);
        Sighting { class: detection.class, score, bbox }
    }
}

/// What a picture of the random sample says of itself, read.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditNote {
    /// `random` or `suspected`: what chose it; `challenger` for one on which two models disagree, which is of no sample.
    pub draw: String,
    /// How probable it was that it is chosen, by either.
    pub probability: f64,
    /// Time that it stands for, seconds.
    pub stands_s: f64,
    /// Time that was looked at up to it since the start of its daemon, seconds.
    pub watched_s: f64,
    /// Counts those that its daemon chose, from 1.
    pub number: u64,
    /// What alerts were subject to.
    pub mode: String,
    /// The light.
    pub regime: String,
    /// SHA-256 of the model.
    pub model: String,
    /// Operating point for bears.
    pub threshold: f64,
    /// Width and height, pixels.
    pub size: (u32, u32),
    /// Whether the camera's clock was synchronised.
    pub clock_synced: bool,
    /// Whether the simulator drew it.
    pub simulated: bool,
    /// What the model saw.
    pub detections: Vec<Sighting>,
    /// What the challenger saw, on a picture that it has chosen.
    pub challenger: Option<ChallengerNote>,
}

/// What a challenger saw, read.
#[derive(Clone, Debug, PartialEq)]
pub struct ChallengerNote {
    /// SHA-256 of its model.
    pub model: String,
    /// Its operating point for bears.
    pub threshold: f64,
    /// What it saw.
    pub detections: Vec<Sighting>,
}

impl AuditNote {
    /// From user properties; `None` where the picture is none of the sample.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn read(properties: &[(String, String)]) -> Result<Option<AuditNote>, String> {
        let find =
            |name: &str| properties.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let Some(draw) = find("audit") else { return Ok(None) };
        let text = |name: &str| {
            find(name).ok_or_else(|| format!("is of the random sample and has no user property {name:?}"))
        };
        let wrong = |name: &str| format!("its user property {name:?} makes no sense");
        let number = |name: &str, least: f64, most: f64| {
            let value = text(name)?.parse::<f64>().ok().filter(|value| (least..=most).contains(value));
            value.ok_or_else(|| wrong(name))
        };
        let flag = |name: &str| text(name)?.parse::<bool>().map_err(|_| wrong(name));
        let word = |name: &str| {
            text(name).and_then(|w| (w.len() <= 80).then(|| w.to_owned()).ok_or_else(|| wrong(name)))
        };
        let sides = text("size")?.split_once('x').map(|(width, height)| (width.parse(), height.parse()));
        let Some((Ok(width), Ok(height))) = sides else { return Err(wrong("size")) };
        let boxes = |name: &str| {
            let fits = Some(text(name)?).filter(|text| text.len() <= MOST_DETECTIONS);
            fits.and_then(|text| serde_json::from_str(text).ok()).ok_or_else(|| wrong(name))
        };
        let challenger = (draw == CHALLENGER).then(|| -> Result<_, String> {
            Ok(ChallengerNote {
                model: word("challenger")?,
                threshold: number("challenger_threshold", 0.0, 1.0)?,
                detections: boxes("challenger_detections")?,
            })
        });
        let probability = number("probability", 0.0, 1.0)?;
        if probability <= 0.0 || !["random", "suspected", CHALLENGER].contains(&draw) {
            return Err(
                "what chose it for the random sample, or how probable that was, makes no sense".into()
            );
        }
        Ok(Some(AuditNote {
            draw: draw.to_owned(),
            probability,
            stands_s: number("stands_s", 0.0, 3600.0)?,
            watched_s: number("watched_s", 0.0, 1e10)?,
            number: text("number")?.parse().map_err(|_| wrong("number"))?,
            mode: word("mode")?,
            regime: word("regime")?,
            model: word("model")?,
            threshold: number("threshold", 0.0, 1.0)?,
            size: (width, height),
            clock_synced: flag("clock_synced")?,
            simulated: flag("simulated")?,
            detections: boxes("detections")?,
            challenger: challenger.transpose()?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::audit::Draw;
    use crate::perceive::geometry::Rect;

    fn draft() -> AuditDraft {
        let bbox = Rect { x: 0.25, y: 0.5, w: 0.25, h: 0.25 };
        AuditDraft {
            jpeg: vec![0xff, 0xd8],
            captured: Stamp { uptime_ms: 1, unix_ms: 2, synchronised: true },
            chosen: Chosen {
                draw: Draw::Random,
                probability: 0.00116,
                stands_s: 0.5,
                watched_s: 3600.0,
                number: 7,
            },
            size: (640, 360),
            regime: Regime::Dusk,
            model: "ab".repeat(32),
            threshold: 0.4,
            detections: vec![Detection { class: Class::Bear, score: 0.31, bbox, cut: false }],
            simulated: false,
            challenger: None,
        }
    }

    #[test]
    fn what_is_told_of_a_picture_is_read_again() {
        let note = AuditNote::read(&draft().properties(Mode::Armed)).unwrap().unwrap();
        assert_eq!(
            (note.draw.as_str(), note.mode.as_str(), note.regime.as_str()),
            ("random", "armed", "dusk")
        );
        assert_eq!((note.probability, note.stands_s, note.number, note.size), (0.00116, 0.5, 7, (640, 360)));
        assert_eq!(note.detections[0].bbox, [160.0, 180.0, 160.0, 90.0]);
        assert_eq!(note.challenger, None);
        assert_eq!(AuditNote::read(&[("alert".into(), "b1-1".into())]), Ok(None));
    }

    #[test]
    fn a_picture_that_a_challenger_has_chosen_says_what_both_saw() {
        let (mut draft, model) = (draft(), "cd".repeat(32));
        let detections = draft.detections.clone();
        draft.challenger = Some(Challenged { model: model.clone(), threshold: 0.25, detections });
        let note = AuditNote::read(&draft.properties(Mode::Armed)).unwrap().unwrap();
        assert_eq!(note.draw, CHALLENGER);
        let told = note.challenger.unwrap();
        assert_eq!((told.model, told.threshold, told.detections), (model, 0.25, note.detections));
    }

    #[test]
    fn a_probability_that_is_none_and_boxes_that_are_none_are_refused() {
        for (name, value) in [
            ("probability", "0"),
            ("probability", "1.2"),
            ("audit", "chosen"),
            ("detections", "{"),
            ("size", "64"),
        ] {
            let mut properties = draft().properties(Mode::Armed);
            properties.iter_mut().filter(|(key, _)| key == name).for_each(|(_, v)| *v = value.into());
            assert!(AuditNote::read(&properties).is_err(), "{name} {value}");
        }
    }
}
