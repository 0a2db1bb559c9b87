//! A frame's way through the core: begin → (fill → the model → read) per region → finish.
//!
//! The slow, fallible step, the model, stands between the calls: nothing in here can fail.

use super::announce::{Announced, Announcer};
use super::budget::Budget;
pub use super::budget::Spent;
use super::condition::Condition;
use super::decode::{decode, suppress};
use super::drift::{Drift, Histograms, Seen};
use super::evidence::Scales;
use super::frame::{Picture, Stamp};
use super::geometry::Rect;
use super::ghost::{Ghost, Ghosts};
use super::governor::{Board, Governor};
use super::histogram::ScoreHistograms;
use super::liveness::{Impairment, Liveness};
use super::model::{Class, ModelSpec};
use super::motion::Motion;
use super::observation::{Alert, Detection, Observation, Regime, Scene};
use super::plan::{Planner, Wanted};
use super::regions::{Letterbox, Region};
use super::resample::Resampler;
use super::settings::Settings;
use super::staged::is_at;
use super::thumbnail::Thumbnail;
use super::track::{Track, Tracker, gather};
use super::views::Views;
use super::zone::Polygon;

/// Boxes below this score are not even counted, or below a third of the lowest operating point where that is lower.
const LEAST_SCORE: f32 = 0.1;

/// Most boxes that one region may contribute, best first: a model gone wild must not stall the frame.
const MOST_BOXES: usize = 200;

/// The core of one camera: everything it remembers from frame to frame.
pub struct Perception {
    spec: ModelSpec,
    least_score: f32,
    condition: Condition,
    small: Thumbnail,
    liveness: Liveness,
    motion: Motion,
    budget: Budget,
    governor: Governor,
    board: Board,
    planner: Planner,
    scales: Scales,
    tracker: Tracker,
    ghosts: Ghosts,
    announcer: Announcer,
    histograms: ScoreHistograms,
    drift: Drift,
    frame: Current,
    /// Frames that were begun.
    begun: u32,
    views: Views,
    resampler: Resampler,
    privacy: Vec<Polygon>,
    /// Operating point for bears.
    bear_threshold: f32,
    crossings: Vec<f32>,
}

/// The frame in hand.
#[derive(Default)]
struct Current {
    stamp: Stamp,
    size: (u32, u32),
    scene: Scene,
    impairment: Option<Impairment>,
    regions: Vec<Region>,
    mirrored: bool,
    drawn: Option<Rect>,
}

impl Perception {
    /// For a model whose card was checked.
    pub fn new(spec: ModelSpec, settings: Settings) -> Perception {
        Perception {
            least_score: least_score(&spec, &settings),
            bear_threshold: bear_threshold(&spec, &settings),
            condition: Condition::new(settings.enhance),
            small: Thumbnail::default(),
            liveness: Liveness::default(),
            motion: Motion::default(),
            budget: Budget::new(settings.budget_ms),
            governor: Governor::new(settings.hot_c),
            board: Board::default(),
            planner: Planner::new(settings.regions, bounds(&settings.watch)),
            scales: Scales::new(&spec, &settings),
            tracker: Tracker::new(settings.close_after_s),
            ghosts: Ghosts::default(),
            announcer: Announcer::new(&settings),
            histograms: ScoreHistograms::default(),
            drift: Drift::default(),
            frame: Current::default(),
            begun: 0,
            views: Views::default(),
            resampler: Resampler::default(),
            privacy: settings.privacy,
            crossings: Vec::new(),
            spec,
        }
    }

    /// Weighs scores by other operating points and rates from now on; what was gathered so far stays.
    pub fn reweigh(&mut self, settings: &Settings) {
        self.least_score = least_score(&self.spec, settings);
        self.bear_threshold = bear_threshold(&self.spec, settings);
        self.scales = Scales::new(&self.spec, settings);
    }

    /// The operating point for bears that is in force.
    pub fn bear_threshold(&self) -> f32 {
        self.bear_threshold
    }

    /// Goes by other areas from now on.
    pub fn redraw(&mut self, settings: &Settings) {
        if self.privacy != settings.privacy {
            self.liveness.look_anew();
            self.privacy.clone_from(&settings.privacy);
        }
        self.planner.watch(bounds(&settings.watch));
        self.announcer.guard(&settings.guard);
    }

    /// Blackens what is not to be seen: before anything else is done with a picture.
    pub fn mask(&mut self, picture: &mut Picture) {
        self.privacy.iter().for_each(|area| area.black_out(picture, &mut self.crossings));
    }

    /// Whether there is anything that is not to be seen.
    pub fn is_masked(&self) -> bool {
        !self.privacy.is_empty()
    }

    /// Share of a picture that is to be seen, 0..1; where areas overlap, less than that.
    pub fn seen_share(&self) -> f32 {
        (1.0 - self.privacy.iter().map(Polygon::area).sum::<f32>()).max(0.0)
    }

    /// Whether the frames from now on are of quiet hours; see [`Announcer::quieten`].
    pub fn quieten(&mut self, quiet: bool) {
        self.announcer.quieten(quiet);
    }

    /// How the board is from now on; without it, nothing is known against full effort.
    pub fn feel(&mut self, board: Board) {
        self.board = board;
    }

    /// Measures the scene and says where to look on this frame, within the budget; most important first.
    pub fn begin(&mut self, picture: &Picture, stamp: Stamp) -> Vec<Region> {
        self.begin_drill(picture, None, picture, stamp)
    }

    /// As [`Perception::begin`], where a bear was `drawn` on `picture`. What is wrong with the camera, and its light, are judged by the picture
    /// as the `lens` gave it: a drawn bear must not make a frozen camera look alive.
    pub fn begin_drill(
        &mut self,
        lens: &Picture,
        drawn: Option<Rect>,
        picture: &Picture,
        stamp: Stamp,
    ) -> Vec<Region> {
        let size = (picture.width, picture.height);
        let scene = self.condition.observe(lens, stamp);
        self.small.take(lens);
        let regime = self.condition.regime();
        let impairment = self.liveness.observe(&self.small, &scene, regime, stamp.uptime_ms);
        if drawn.is_some() {
            self.small.take(picture);
        }
        let followed =
            self.tracker.undecided(stamp.uptime_ms, &self.scales, |track| self.ghosts.explains(track));
        let view = self.planner.view(size, &self.spec.input);
        let moving: Vec<Rect> = self.motion.observe(&self.small).collect();
        let wanted = Wanted { followed: &followed, moving: &moving };
        let allowed = self.governor.regions(self.budget.regions());
        let regions = self.planner.plan(&view, stamp.uptime_ms, allowed, wanted);
        if self.motion.flooded() {
            self.announcer.hold(stamp.uptime_ms);
        }
        self.views.clear();
        self.begun = self.begun.wrapping_add(1);
        let mirrored = is_mirrored(self.begun);
        self.frame = Current { stamp, size, scene, impairment, regions: regions.clone(), mirrored, drawn };
        regions
    }

    /// How a region of the frame that was begun lies in the model's input.
    pub fn place(&self, region: Region) -> Letterbox {
        let (width, height) = self.frame.size;
        Letterbox::new(region, width, height, &self.spec.input).mirrored(self.frame.mirrored)
    }

    /// Enhances and resamples one region into the model's input.
    pub fn fill(&mut self, picture: &Picture, region: Region, input: &mut Vec<u8>) {
        let place = self.place(region);
        self.resampler.fill(picture, &place, &self.spec.input, self.condition.tone(), input);
    }

    /// Takes in the model's output for one region of the frame that was begun.
    pub fn read(&mut self, region: Region, output: &[f32]) {
        let place = self.place(region);
        let mut found = Vec::new();
        let regime = self.condition.regime();
        decode(output, &self.spec, &place, self.frame.size, regime, self.least_score, &mut found);
        if found.len() > MOST_BOXES {
            found.select_nth_unstable_by(MOST_BOXES, |a, b| b.score.total_cmp(&a.score));
            found.truncate(MOST_BOXES);
        }
        self.views.add(region, &found);
    }

    /// Closes the frame: one box a thing, tracks, evidence, alerts. `spent` chooses the effort of the next frame.
    pub fn finish(&mut self, spent: Spent) -> Observation {
        let Current { stamp, size, scene, impairment, regions, drawn, .. } = std::mem::take(&mut self.frame);
        let mut detections = self.views.found().to_vec();
        suppress(&mut detections);
        let real = detections.iter().filter(|d| !drawn.is_some_and(|drawn| is_at(drawn, d.bbox)));
        real.for_each(|d| self.histograms.add(d));
        self.count(drawn, stamp, scene, &detections);
        let view = self.planner.view(size, &self.spec.input);
        let looked = |thing| view.sees(&regions, thing);
        let aspect = size.0.max(1) as f32 / size.1.max(1) as f32;
        let mut sightings = gather(&detections);
        for thing in &mut sightings {
            thing.scores = self.views.agreed(&view, thing);
            thing.clear = looked(thing.bbox);
        }
        self.tracker.step(&sightings, stamp.uptime_ms, aspect, &self.scales, looked);
        let tracks = self.tracker.tracks();
        let Announced { alerts, drills, bear } =
            self.announcer.step(drawn, tracks, &mut self.ghosts, stamp, &self.scales);
        let deadline_missed = self.budget.learn(regions.len(), spent);
        self.governor.observe(self.board, deadline_missed, stamp.uptime_ms);
        Observation {
            stamp,
            scene,
            regime: self.condition.regime(),
            impairment,
            detections,
            tracks: tracks.iter().map(Track::view).collect(),
            alerts,
            drills,
            bear,
            regions: regions.len(),
            deadline_missed,
            effort: self.governor.effort(),
        }
    }

    /// A bear that was drawn, and what it does to the picture, is not counted.
    fn count(&mut self, drawn: Option<Rect>, stamp: Stamp, scene: Scene, detections: &[Detection]) {
        if drawn.is_none() {
            let (regime, motion) = (self.condition.regime(), self.motion.share());
            self.drift.observe(&Seen { stamp, regime, scene, motion }, &self.spec, detections.iter());
        }
    }

    /// The stream ends: open alerts are closed, those of drills among them.
    pub fn close(&mut self) -> Vec<Alert> {
        self.announcer.close_all()
    }

    /// Whether any part of a place is not to be seen.
    pub fn hides(&self, place: Rect) -> bool {
        let (x, y) = place.centre();
        let (right, low) = (place.x + place.w, place.y + place.h);
        let points = [(x, y), (place.x, place.y), (right, place.y), (place.x, low), (right, low)];
        self.privacy.iter().any(|area| points.iter().any(|&point| area.contains(point)))
    }

    /// Scores since the start, by class.
    pub fn histograms(&self) -> &ScoreHistograms {
        &self.histograms
    }

    /// What pictures and finds were like since the start, by light.
    pub fn drift(&self) -> &Histograms {
        self.drift.histograms()
    }

    /// What stands still and looks like a bear, and is not told of for that.
    pub fn ghosts(&self) -> impl Iterator<Item = &Ghost> {
        self.ghosts.known()
    }

    /// The light of the newest frame.
    pub fn regime(&self) -> Regime {
        self.condition.regime()
    }
}

fn bounds(areas: &[Polygon]) -> Vec<Rect> {
    areas.iter().map(Polygon::bounds).collect()
}

/// Every second frame is shown to the model mirrored: what only looks like a bear often does so from one side alone, and looks at the same thing say
/// more the less they are alike. By the parity of the number's ones (Thue 1912), so that no regular choice among the frames meets only one kind. What is
/// followed is not shown smaller besides, as stills do it: on the calibration sequences (`make train-looks`), at the speed of a Raspberry Pi 4, that
/// finds 59 of 106 bears instead of 65 and raises 3 false alarms instead of 1.
fn is_mirrored(frame: u32) -> bool {
    frame.count_ones() % 2 == 1
}

fn bear_threshold(spec: &ModelSpec, settings: &Settings) -> f32 {
    settings.bear_threshold.unwrap_or_else(|| spec.threshold(Class::Bear))
}

fn least_score(spec: &ModelSpec, settings: &Settings) -> f32 {
    let lowest = spec.classes.iter().map(|c| c.threshold).chain(settings.bear_threshold).fold(1.0, f32::min);
    LEAST_SCORE.min(lowest / 3.0)
}

#[cfg(test)]
#[path = "perception_tests.rs"]
mod tests;
