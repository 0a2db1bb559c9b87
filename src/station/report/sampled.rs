//! What the random sample says: each picture with the time that it stands for, against what the model saw and what was told.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::{Camera, Missed, Sampled, Told};
use crate::evaluate::PixelBox;
use crate::evaluate::audit::{BearShown, Recall};
use crate::perceive::model::Class;
use crate::publish::{Audience, Mode};
use crate::station::review::Seen;

/// A bear was told of from so long before the first frame of its alert: it comes into sight before there is enough to go by, milliseconds.
const BEFORE_MS: i64 = 60_000;
/// And until so long after the last one.
const AFTER_MS: i64 = 30_000;
/// The model means a bear when its box overlaps the one that people drew so much (IoU).
const MEANT_IOU: f64 = 0.1;
/// A picture stands for those around it that were lost on their way, for so many at most.
const MOST_LOST: f64 = 4.0;
/// Mistakes that are shown.
const MISTAKES: usize = 12;
/// Below this loss the model was right, and about sure: nats.
const LEAST_LOSS: f64 = 0.7;
/// A score that is none counts as this much.
const LEAST_SCORE: f64 = 0.001;

/// A picture with what it stands for.
pub struct Weighed<'a> {
    /// The picture.
    pub sample: &'a Sampled,
    /// Seconds of its camera's time, for sums over all pictures that came in.
    pub whole_s: f64,
    /// Seconds, for sums over those of which people could tell what is on them; 0 where they could not, or were not asked yet.
    pub told_s: f64,
}

impl Weighed<'_> {
    fn seen(&self) -> Option<Seen> {
        self.sample.label.as_ref().map(|label| label.seen).filter(|_| self.told_s > 0.0)
    }

    fn best_bear(&self) -> f64 {
        let bears = self.sample.detections.iter().filter(|d| d.class == Class::Bear);
        bears.map(|bear| f64::from(bear.score)).fold(0.0, f64::max)
    }

    /// Whether the model saw a bear where people saw one.
    fn saw_bear(&self) -> bool {
        let Sampled { detections, threshold, size: (width, height), label, .. } = self.sample;
        let things = label.iter().flat_map(|label| &label.things);
        let drawn: Vec<PixelBox> = things
            .filter(|thing| thing.class == Class::Bear)
            .filter_map(|thing| thing.bbox)
            .map(|[x, y, w, h]| {
                PixelBox::new([x * *width as f64, y * *height as f64, w * *width as f64, h * *height as f64])
            })
            .collect();
        let meant = |bbox: [f32; 4]| {
            drawn.is_empty()
                || drawn.iter().any(|bear| bear.iou(PixelBox::new(bbox.map(f64::from))) >= MEANT_IOU)
        };
        detections.iter().any(|d| d.class == Class::Bear && f64::from(d.score) >= *threshold && meant(d.bbox))
    }

    /// What the model says is there, in a word.
    fn model_says(&self) -> Seen {
        let sure = self.sample.detections.iter().filter(|d| f64::from(d.score) >= self.sample.threshold);
        sure.map(|d| Seen::from(d.class)).min().unwrap_or(Seen::Nothing)
    }
}

/// Gives each picture the time that it stands for: that of its frame over its probability, and that of its like which were lost on their way, or which
/// people could not tell or were not asked about. The former are known by their numbers; the latter are a random part, for people are shown pictures in
/// an order that says nothing of them.
pub fn weigh<'a>(samples: &[&'a Sampled]) -> Vec<Weighed<'a>> {
    let lost = lost(samples);
    let mut weighed: Vec<Weighed> = samples
        .iter()
        .zip(lost)
        .map(|(sample, lost)| Weighed {
            sample,
            whole_s: lost * sample.stands_s / sample.probability,
            told_s: 0.0,
        })
        .collect();
    let known = |one: &Weighed| one.sample.label.as_ref().is_some_and(|label| label.seen != Seen::CannotTell);
    let mut of_camera: HashMap<usize, (f64, f64)> = HashMap::new();
    for one in &weighed {
        let (whole, told) = of_camera.entry(one.sample.camera).or_default();
        *whole += one.whole_s;
        *told += if known(one) { one.whole_s } else { 0.0 };
    }
    for one in &mut weighed {
        let (whole, told) = of_camera[&one.sample.camera];
        one.told_s = if known(one) { one.whole_s * whole / told } else { 0.0 };
    }
    weighed
}

/// For each picture how many it stands for: itself, and half of those that are missing before and after it.
fn lost(samples: &[&Sampled]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..samples.len()).collect();
    let life = |at: usize| (samples[at].camera, samples[at].boot.as_str());
    order.sort_by(|a, b| life(*a).cmp(&life(*b)).then(samples[*a].number.cmp(&samples[*b].number)));
    let step = |from: usize, to: usize| {
        let same = life(from) == life(to);
        if same { (samples[to].number - samples[from].number) as f64 } else { 1.0 }
    };
    let mut lost = vec![1.0; samples.len()];
    for (at, &index) in order.iter().enumerate() {
        let before = at.checked_sub(1).map_or(1.0, |before| step(order[before], index));
        let after = order.get(at + 1).map_or(1.0, |after| step(index, *after));
        // What the camera had no room for is in the probability already, and makes gaps in the numbers as well.
        let thinned = samples[index].room < 1.0;
        lost[index] = if thinned { 1.0 } else { ((before + after) / 2.0).clamp(1.0, MOST_LOST) };
    }
    lost
}

/// What of the bears was found, and what was told of.
pub fn missed(weighed: &[Weighed], alerts: &[&Told], cameras: &[Camera], audience: Audience) -> Missed {
    // Where others were told, nothing that these were not told was missed.
    let mode = if audience.is_everybody() { Mode::Armed } else { Mode::Assist };
    let bears: Vec<&Weighed> = weighed.iter().filter(|one| one.seen() == Some(Seen::Bear)).collect();
    let shown = |one: &Weighed, found: bool| BearShown {
        camera: one.sample.camera,
        at_s: one.sample.at_ms() as f64 / 1e3,
        weight: one.told_s,
        found,
    };
    let armed: Vec<(&Sampled, BearShown)> = bears
        .iter()
        .filter(|one| one.sample.mode == mode.name())
        .map(|one| (one.sample, shown(one, is_told(one.sample, alerts))))
        .collect();
    let all = |of: &dyn Fn(&Sampled) -> bool| {
        let of: Vec<BearShown> =
            armed.iter().filter(|(sample, _)| of(sample)).map(|(_, shown)| *shown).collect();
        Recall::of(&of)
    };
    let seen: Vec<BearShown> = bears.iter().map(|one| shown(one, one.saw_bear())).collect();
    let regimes =
        ["day", "dusk", "infrared"].map(|regime| (regime.to_owned(), all(&|sample| sample.regime == regime)));
    let by_camera = cameras
        .iter()
        .enumerate()
        .map(|(at, camera)| (camera.name.clone(), all(&|sample| sample.camera == at)));
    let any = |recall: &Recall| !matches!(recall, Recall::Unknown { bears: 0, .. });
    Missed {
        told: all(&|_| true),
        seen: Recall::of(&seen),
        told_by_regime: regimes.into_iter().filter(|(_, recall)| any(recall)).collect(),
        told_by_camera: by_camera.filter(|(_, recall)| any(recall)).collect(),
    }
}

fn is_told(sample: &Sampled, alerts: &[&Told]) -> bool {
    let at_ms = sample.at_ms();
    let covers = |alert: &&&Told| {
        let begun = alert.captured_ms.unwrap_or(alert.heard_ms);
        let ended = alert.ended_ms.unwrap_or(begun).max(begun);
        alert.camera == sample.camera && (begun - BEFORE_MS..=ended + AFTER_MS).contains(&at_ms)
    };
    alerts.iter().any(|alert| covers(&alert))
}

/// How the sample was.
#[derive(Clone, Debug, Serialize)]
pub struct SampleFacts {
    /// Pictures that came in.
    pub came: usize,
    /// That were lost on their way, by their numbers.
    pub lost: u64,
    /// That people looked at.
    pub looked_at: usize,
    /// Of these, where the picture does not tell.
    pub cannot_tell: usize,
    /// That another person is still to look at.
    pub another: usize,
    /// What people saw, by its name.
    pub seen: BTreeMap<&'static str, usize>,
    /// Hours that the cameras looked, estimated from the sample alone.
    pub hours: f64,
    /// Least and greatest probability.
    pub probability: Option<[f64; 2]>,
    /// Of the pictures that are looked at twice in any case: how many were, and at how many of these both saw a bear, or both none.
    pub twice: usize,
    /// As above.
    pub agreed: usize,
}

impl SampleFacts {
    /// From the pictures.
    pub fn of(samples: &[&Sampled], weighed: &[Weighed]) -> SampleFacts {
        let labels = || samples.iter().filter_map(|sample| sample.label.as_ref());
        let count = |seen: Seen| labels().filter(|label| label.seen == seen).count();
        let twice: Vec<&[Seen]> = samples.iter().filter_map(|sample| sample.twice.get(..2)).collect();
        let probabilities = || samples.iter().map(|sample| sample.probability);
        SampleFacts {
            came: samples.len(),
            lost: missing(samples),
            looked_at: labels().count(),
            cannot_tell: count(Seen::CannotTell),
            another: samples.iter().filter(|sample| sample.another).count(),
            seen: Seen::ALL.map(|seen| (seen.name(), count(seen))).into_iter().collect(),
            hours: weighed.iter().map(|one| one.whole_s).sum::<f64>() / 3600.0,
            probability: (!samples.is_empty())
                .then(|| [probabilities().fold(1.0, f64::min), probabilities().fold(0.0, f64::max)]),
            twice: twice.len(),
            agreed: twice.iter().filter(|both| both[0].bear() == both[1].bear()).count(),
        }
    }
}

/// Numbers of each life that stand between its first and its last and did not come.
fn missing(samples: &[&Sampled]) -> u64 {
    let mut lives: HashMap<(usize, &str), (i64, i64, i64)> = HashMap::new();
    for sample in samples {
        let (first, last, came) = lives.entry((sample.camera, &sample.boot)).or_insert((i64::MAX, 0, 0));
        (*first, *last, *came) = ((*first).min(sample.number), (*last).max(sample.number), *came + 1);
    }
    lives.values().map(|(first, last, came)| (last - first + 1 - came).max(0).unsigned_abs()).sum()
}

/// Pictures by what people say (rows) and what the model says (columns).
#[derive(Clone, Debug, Default, Serialize)]
pub struct Confusion {
    /// bear, person, animal, nothing.
    pub names: [&'static str; 4],
    /// Pictures.
    pub pictures: [[u64; 4]; 4],
    /// Hours that they stand for.
    pub hours: [[f64; 4]; 4],
}

impl Confusion {
    /// From the pictures of which people could tell what is on them.
    pub fn of(weighed: &[Weighed]) -> Confusion {
        let names = [Seen::Bear, Seen::Person, Seen::Animal, Seen::Nothing].map(Seen::name);
        let mut confusion = Confusion { names, ..Confusion::default() };
        for one in weighed {
            let Some(truth) = one.seen().map(|seen| seen as usize).filter(|row| *row < 4) else { continue };
            let said = one.model_says() as usize;
            confusion.pictures[truth][said] += 1;
            confusion.hours[truth][said] += one.told_s / 3600.0;
        }
        confusion
    }
}

/// A picture on which people and model do not agree.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mistake {
    /// Names the picture.
    pub key: String,
    /// "site/camera".
    pub camera: String,
    /// When it was taken.
    pub at_ms: i64,
    /// The light.
    pub regime: String,
    /// What people saw.
    pub seen: Seen,
    /// The model's best score for a bear.
    pub score: f64,
    /// Its operating point.
    pub threshold: f64,
    /// −ln of the probability that the model gave to what people saw, as if its score were one.
    pub loss: f64,
}

/// The worst first.
pub fn worst(weighed: &[Weighed], cameras: &[Camera]) -> Vec<Mistake> {
    let mistake = |one: &Weighed| {
        let seen = one.seen()?;
        let score = one.best_bear();
        let said = if seen == Seen::Bear { score } else { 1.0 - score };
        let Sampled { key, camera, regime, threshold, .. } = one.sample;
        let loss = -said.max(LEAST_SCORE).ln();
        let camera = cameras.get(*camera).map_or_else(String::new, |camera| camera.name.clone());
        let (key, regime, at_ms) = (key.clone(), regime.clone(), one.sample.at_ms());
        Some(Mistake { key, camera, at_ms, regime, seen, score, threshold: *threshold, loss })
    };
    let mut mistakes: Vec<Mistake> =
        weighed.iter().filter_map(mistake).filter(|m| m.loss >= LEAST_LOSS).collect();
    mistakes.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    mistakes.truncate(MISTAKES);
    mistakes
}
