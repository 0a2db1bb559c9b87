//! Who is who from frame to frame: a multi-object tracker for few animals at low and changing frame rates.
//!
//! Sightings are associated in two rounds, sure ones first, so that faint ones only prolong what is known already (ByteTrack, Zhang
//! et al. 2022). Positions are predicted at constant velocity by an alpha-beta filter (the steady state of the Kalman filter).

use super::evidence::{Evidence, Scales, Scores};
use super::geometry::Rect;
use super::model::Class;
use super::observation::{Detection, TrackId, TrackView};

/// Boxes of different classes that overlap so much are one thing with several opinions.
const SAME_THING_IOU: f32 = 0.55;

/// Below this a sighting cannot begin a track: calibrated log-odds of the likeliest class (1 : 3).
const BIRTH: f32 = -1.1;

/// How far the centre may be from where it was predicted, in sides of the box, right away.
const REACH: f32 = 0.7;

/// Added to the reach for each second since it was seen: a walking bear covers its own length in about one.
const REACH_PER_S: f32 = 1.0;

/// The reach never grows beyond so many sides.
const MOST_REACH: f32 = 3.0;

/// Boxes whose areas differ by more than this factor are not the same thing.
const MOST_GROWTH: f32 = 4.0;

/// A velocity is trusted for so long without a sighting, seconds.
const COAST_S: f32 = 1.5;

/// No animal crosses more of its own sides in a second (a bear at full gallop, seen from the side).
const MOST_SIDES_PER_S: f32 = 6.0;

/// A track that never convinced is dropped after so long without a sighting, seconds.
const DOUBTFUL_S: f32 = 1.5;

/// Nothing is dropped before it was looked for in vain so many times: at low frame rates seconds pass between two looks.
const LEAST_MISSES: u32 = 3;

/// Boxes that share less (IoU) with where a track was first seen have moved away from there: an animal, not a thing.
const MOVED_IOU: f32 = 0.3;

/// A track that is never looked at (no budget for its region) is dropped after so many times its patience.
pub const UNWATCHED: f32 = 5.0;

/// One thing on one frame.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sighting {
    /// Where, fractions of the frame.
    pub bbox: Rect,
    /// Scores by class.
    pub scores: Scores,
    /// Whether it was shown large enough to be known. What was not may speak for something, but low scores tell nothing.
    pub clear: bool,
}

/// What lies within a surer box by this share of its own area is a part of that thing: a leg that looks like a dog.
const PART_SHARE: f32 = 0.8;

/// Brings together what the model says of the same thing under several classes. `detections` sorted by score, highest first. A bear is
/// never taken for a part of something else.
pub fn gather(detections: &[Detection]) -> Vec<Sighting> {
    let mut sightings: Vec<Sighting> = Vec::new();
    for detection in detections {
        let class = detection.class as usize;
        let overlaps = |of: Rect| of.iou(detection.bbox) > SAME_THING_IOU;
        let part = |of: Rect| of.intersection(detection.bbox) > PART_SHARE * detection.bbox.area();
        let same = |s: &&mut Sighting| match detection.class {
            Class::Bear => overlaps(s.bbox) && s.scores[class] == 0.0,
            _ => overlaps(s.bbox) || part(s.bbox),
        };
        if let Some(sighting) = sightings.iter_mut().find(same) {
            sighting.scores[class] = sighting.scores[class].max(detection.score);
        } else {
            let mut scores = Scores::default();
            scores[class] = detection.score;
            sightings.push(Sighting { bbox: detection.bbox, scores, clear: true });
        }
    }
    sightings
}

/// Something that is followed.
#[derive(Clone, Debug)]
pub struct Track {
    /// Its name.
    pub id: TrackId,
    /// What speaks for what it is.
    pub evidence: Evidence,
    /// When it was first seen, milliseconds of uptime.
    pub born_ms: u64,
    /// When it was last seen, milliseconds of uptime.
    pub seen_ms: u64,
    /// Whether it was looked for on the newest frame.
    pub looked: bool,
    /// Whether the newest frame showed it.
    pub seen: bool,
    /// Frames that showed it.
    pub hits: u32,
    /// Where it is believed to be, fractions of the frame.
    pub bbox: Rect,
    /// Where it was first seen.
    pub came: Rect,
    scores: Scores,
    best: Scores,
    looked_ms: u64,
    misses: u32,
    moved: bool,
    /// Whether the evidence for anything ever reached the decision. Kept, for a bear behind a bush loses evidence by and by and
    /// is expected back all the same.
    convinced: bool,
    velocity: (f32, f32),
}

impl Track {
    fn born(id: TrackId, sighting: &Sighting, now_ms: u64, scales: &Scales) -> Track {
        let mut evidence = Evidence::default();
        evidence.seen(scales, &sighting.scores, None);
        let convinced = convincing(&evidence, scales);
        Track {
            id,
            evidence,
            born_ms: now_ms,
            seen_ms: now_ms,
            looked: true,
            seen: true,
            hits: 1,
            bbox: sighting.bbox,
            came: sighting.bbox,
            scores: sighting.scores,
            best: sighting.scores,
            looked_ms: now_ms,
            misses: 0,
            moved: false,
            convinced,
            velocity: (0.0, 0.0),
        }
    }

    /// What it is most likely: by evidence, by the last scores where there is none yet.
    pub fn class(&self) -> Class {
        let by_score = || Class::ALL.into_iter().max_by(|a, b| self.score(*a).total_cmp(&self.score(*b)));
        self.evidence.leader().or_else(by_score).unwrap_or(Class::Animal)
    }

    /// Score of a class in the last sighting.
    pub fn score(&self, class: Class) -> f32 {
        self.scores[class as usize]
    }

    /// Highest score of a class so far.
    pub fn best(&self, class: Class) -> f32 {
        self.best[class as usize]
    }

    /// For how long it was seen, from first to last, seconds.
    pub fn visible_s(&self) -> f64 {
        self.seen_ms.saturating_sub(self.born_ms) as f64 / 1e3
    }

    /// Whether it has ever left the place where it was first seen.
    pub fn moved(&self) -> bool {
        self.moved
    }

    /// As it leaves the core.
    pub fn view(&self) -> TrackView {
        let class = self.class();
        TrackView {
            id: self.id,
            class,
            bbox: self.bbox.clipped(),
            score: self.score(class),
            evidence: self.evidence.of(class),
            looked: self.looked,
            seen: self.seen,
            bear: self.score(Class::Bear),
        }
    }

    /// Where it should be now.
    fn predicted(&self, now_ms: u64) -> Rect {
        let coast = since_s(self.seen_ms, now_ms).min(COAST_S);
        let (vx, vy) = self.velocity;
        Rect { x: self.bbox.x + vx * coast, y: self.bbox.y + vy * coast, ..self.bbox }
    }

    fn found(&mut self, sighting: &Sighting, now_ms: u64, scales: &Scales) {
        if sighting.clear || scales.look(Class::Bear, sighting.scores[Class::Bear as usize]) > Some(0.0) {
            self.evidence.seen(scales, &sighting.scores, Some(since_s(self.looked_ms, now_ms)));
            self.convinced |= convincing(&self.evidence, scales);
            self.looked_ms = now_ms;
        }
        self.correct(sighting.bbox, now_ms);
        self.moved |= self.bbox.iou(self.came) < MOVED_IOU;
        self.scores = sighting.scores;
        Class::ALL.iter().for_each(|&c| self.best[c as usize] = self.best(c).max(self.score(c)));
        self.seen_ms = now_ms;
        (self.looked, self.seen, self.misses) = (true, true, 0);
        self.hits = self.hits.saturating_add(1);
    }

    /// The alpha-beta filter. Alpha grows with the time between frames: an old prediction is worth less than a fresh box.
    fn correct(&mut self, measured: Rect, now_ms: u64) {
        let dt = since_s(self.seen_ms, now_ms).max(0.02);
        let predicted = self.predicted(now_ms);
        let alpha = (0.5 + dt).min(0.95);
        let beta = alpha * alpha / (2.0 - alpha);
        let blend = |old: f32, new: f32| old + alpha * (new - old);
        let (w, h) = (blend(predicted.w, measured.w), blend(predicted.h, measured.h));
        let ((px, py), (mx, my)) = (predicted.centre(), measured.centre());
        self.bbox = Rect { x: blend(px, mx) - w / 2.0, y: blend(py, my) - h / 2.0, w, h };
        let speed = |v: f32, surprise: f32, side: f32| {
            (v + beta * surprise / dt).clamp(-MOST_SIDES_PER_S * side, MOST_SIDES_PER_S * side)
        };
        self.velocity = (speed(self.velocity.0, mx - px, w), speed(self.velocity.1, my - py, h));
    }

    fn missed(&mut self, now_ms: u64, looked: bool) {
        (self.looked, self.seen) = (looked, false);
        if looked {
            self.evidence.missed(since_s(self.looked_ms, now_ms));
            self.looked_ms = now_ms;
            self.misses = self.misses.saturating_add(1);
        }
    }

    fn patience(&self, keep_s: f32) -> f32 {
        if self.convinced { keep_s.max(DOUBTFUL_S) } else { DOUBTFUL_S }
    }

    fn gone(&self, now_ms: u64, keep_s: f32) -> bool {
        let left = !self.seen && self.predicted(now_ms).clipped().area() <= 0.0;
        let given_up = since_s(self.seen_ms, now_ms) > self.patience(keep_s) && self.misses >= LEAST_MISSES;
        left || given_up || self.forgotten(now_ms, keep_s)
    }

    /// Unseen for so long, looked for or not, that whatever stands there now is another.
    fn forgotten(&self, now_ms: u64, keep_s: f32) -> bool {
        since_s(self.seen_ms, now_ms) > UNWATCHED * self.patience(keep_s)
    }
}

fn convincing(evidence: &Evidence, scales: &Scales) -> bool {
    evidence.leader().is_some_and(|c| evidence.of(c) >= scales.decision())
}

/// Follows everything that the model proposes.
#[derive(Clone, Debug)]
pub struct Tracker {
    tracks: Vec<Track>,
    next: u64,
    keep_s: f32,
}

impl Tracker {
    /// `keep_s`: seconds for which a convincing track is kept without being seen.
    pub fn new(keep_s: f64) -> Tracker {
        Tracker { tracks: Vec::new(), next: 1, keep_s: keep_s as f32 }
    }

    /// The tracks that are alive, oldest first.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Where tracks should be now that may be bears; those that were not looked at for longest come first. Whoever is known to be
    /// something else, or is `explained` by what has always stood there, needs no closer look.
    pub fn undecided(&self, now_ms: u64, scales: &Scales, explained: impl Fn(&Track) -> bool) -> Vec<Rect> {
        let known = |t: &&Track| t.class() != Class::Bear && t.evidence.of(t.class()) >= scales.decision();
        let mut wanted: Vec<&Track> = self.tracks.iter().filter(|t| !known(t) && !explained(t)).collect();
        wanted.sort_by_key(|t| (t.looked_ms, t.id));
        wanted.into_iter().map(|t| t.predicted(now_ms)).collect()
    }

    /// Takes in one frame. `aspect`: its width over its height. `looked`: whether a thing in that place would have been found on this
    /// frame; only then does it count as missing.
    pub fn step(
        &mut self,
        sightings: &[Sighting],
        now_ms: u64,
        aspect: f32,
        scales: &Scales,
        looked: impl Fn(Rect) -> bool,
    ) {
        let keep_s = self.keep_s;
        self.tracks.retain(|t| !t.forgotten(now_ms, keep_s));
        let sure = |s: &Sighting| likeliest(s, scales) >= BIRTH;
        let (firm, faint): (Vec<Sighting>, Vec<Sighting>) = sightings.iter().partition(|s| sure(s));
        let before = self.tracks.len();
        let mut free: Vec<usize> = (0..before).collect();
        let newcomers = self.associate(&firm, &mut free, now_ms, aspect, scales);
        self.associate(&faint, &mut free, now_ms, aspect, scales);
        for index in free {
            let track = &mut self.tracks[index];
            let there = looked(track.predicted(now_ms));
            track.missed(now_ms, there);
        }
        for sighting in newcomers {
            self.tracks.push(Track::born(TrackId(self.next), &sighting, now_ms, scales));
            self.next += 1;
        }
        self.tracks.retain(|t| !t.gone(now_ms, keep_s));
    }

    /// Pairs the closest first. Removes the paired from `free`, returns the sightings that found no track.
    fn associate(
        &mut self,
        sightings: &[Sighting],
        free: &mut Vec<usize>,
        now_ms: u64,
        aspect: f32,
        scales: &Scales,
    ) -> Vec<Sighting> {
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for &track in free.iter() {
            let (predicted, unseen) =
                (self.tracks[track].predicted(now_ms), since_s(self.tracks[track].seen_ms, now_ms));
            let close = |s: &Sighting| closeness(predicted, s.bbox, unseen, aspect);
            pairs.extend(sightings.iter().enumerate().filter_map(|(i, s)| Some((close(s)?, track, i))));
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut left: Vec<Option<Sighting>> = sightings.iter().copied().map(Some).collect();
        for (_, track, index) in pairs {
            if !free.contains(&track) {
                continue;
            }
            if let Some(sighting) = left[index].take() {
                self.tracks[track].found(&sighting, now_ms, scales);
                free.retain(|&f| f != track);
            }
        }
        left.into_iter().flatten().collect()
    }
}

/// Calibrated log-odds of the likeliest class.
fn likeliest(sighting: &Sighting, scales: &Scales) -> f32 {
    let odds = Class::ALL.into_iter().filter_map(|c| scales.odds(c, sighting.scores[c as usize]));
    odds.fold(f32::NEG_INFINITY, f32::max)
}

/// How well a box fits a prediction, higher is better; `None` where it cannot be the same thing.
fn closeness(predicted: Rect, measured: Rect, unseen_s: f32, aspect: f32) -> Option<f32> {
    let growth = predicted.area().max(1e-9) / measured.area().max(1e-9);
    if !(1.0 / MOST_GROWTH..=MOST_GROWTH).contains(&growth) {
        return None;
    }
    let ((px, py), (mx, my)) = (predicted.centre(), measured.centre());
    // In units of the frame's height, so that a metre across is a metre up.
    let distance = ((px - mx) * aspect).hypot(py - my);
    let side = (predicted.area().max(measured.area()) * aspect).sqrt().max(1e-6);
    let reach = (REACH + REACH_PER_S * unseen_s).min(MOST_REACH);
    let apart = distance / side / reach;
    (apart < 1.0).then(|| predicted.iou(measured) + 1.0 - apart)
}

fn since_s(then_ms: u64, now_ms: u64) -> f32 {
    now_ms.saturating_sub(then_ms) as f32 / 1e3
}

#[cfg(test)]
#[path = "track_tests.rs"]
mod tests;
