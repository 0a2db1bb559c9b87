//! One camera at one campsite, from day to day.

use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use super::SoakArgs;
use crate::capture::pixels::encode_jpeg;
use crate::capture::settings::SceneSettings;
use crate::capture::simulated::Scene;
use crate::cli::eval::decide::{ByScore, Decide, Step};
use crate::cli::eval::play::look_at;
use crate::cli::exit::{Exit, Failure, OrExit};
use crate::cli::progress::bar;
use crate::infer::annotate::mark;
use crate::infer::engine::Engine;
use crate::perceive::frame::{Picture, Stamp};
use crate::perceive::geometry::Rect;
use crate::perceive::model::Class;
use crate::perceive::observation::{AlertState, Observation, Regime};
use crate::perceive::perception::{Perception, Spent};
use crate::perceive::settings::Settings;
use crate::system::clock::Stopwatch;

/// Parts of a day: their share of it, and the darkness at begin and end (0 noon … 1 infrared night).
const DAY: [(f64, [f32; 2]); 4] =
    [(0.4, [0.0, 0.3]), (0.1, [0.3, 0.9]), (0.4, [0.9, 1.0]), (0.1, [0.9, 0.0])];

/// Seconds from one frame to the next while nothing moves, and while something does.
const CALM_S: f64 = 1.0;
const LIVELY_S: f64 = 0.2;

/// So many persons and dogs, and as many insects, webs, falls of snow, headlights and gusts, come by in an hour.
const AN_HOUR: f64 = 6.0;

/// Quality of the pictures of what raised an alarm.
const JPEG_QUALITY: u8 = 90;

/// An alert for nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Alarm {
    /// Who decided.
    pub by: Decide,
    /// Scene time.
    time_s: f64,
    regime: Regime,
    /// Score of the frame that decided; by tracks, the best so far.
    score: f32,
    /// `[x, y, w, h]`, fractions of the frame.
    bbox: [f32; 4],
}

impl Display for Alarm {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [x, y, w, h] = self.bbox;
        write!(
            f,
            "{:?} at {:.0} s, {}, [{x:.2}, {y:.2}, {w:.2}, {h:.2}]",
            self.by,
            self.time_s,
            self.regime.name()
        )
    }
}

/// What the camera remembers, and what came of it.
pub struct Camp<'a> {
    engine: &'a Engine,
    perception: Perception,
    rules: Vec<(Decide, ByScore)>,
    picture: Picture,
    /// Frames that were looked at.
    pub frames: u64,
    /// Regions of them.
    pub regions: u64,
    /// Frames that took longer than the budget.
    pub deadline_misses: u64,
    /// Alerts for nothing.
    pub alarms: Vec<Alarm>,
}

impl Camp<'_> {
    /// A camera that was just switched on.
    pub fn new(engine: &Engine) -> Camp<'_> {
        let (spec, settings) = (engine.spec(), Settings::default());
        let threshold = spec.threshold(Class::Bear);
        let rule = |decide| Some((decide, ByScore::new(decide, threshold, settings.close_after_s)?));
        Camp {
            engine,
            rules: [Decide::Median, Decide::Frame].into_iter().filter_map(rule).collect(),
            perception: Perception::new(spec.clone(), settings),
            picture: Picture::default(),
            frames: 0,
            regions: 0,
            deadline_misses: 0,
            alarms: Vec::new(),
        }
    }

    /// Things that are known to stand still.
    pub fn ghosts(&self) -> usize {
        self.perception.ghosts().count()
    }

    /// A day of so many hours, in all its light.
    pub fn live(&mut self, args: &SoakArgs) -> Result<(), Failure> {
        let total_s = args.hours * 3600.0;
        let bar = bar(total_s as usize, "seconds");
        let mut begun_s = 0.0;
        for (share, darkness) in DAY {
            let duration_s = share * total_s;
            let mut scene = Scene::without_bears(&scene_settings(args, darkness, duration_s), AN_HOUR);
            let mut at_s = 0.0;
            while at_s < duration_s {
                let spent_s = self.frame(&mut scene, at_s, begun_s, args)?;
                let interval_s = if scene.is_lively(at_s) { LIVELY_S } else { CALM_S };
                at_s += interval_s.max(spent_s);
                bar.set_position((begun_s + at_s) as u64);
            }
            begun_s += duration_s;
        }
        bar.finish_and_clear();
        Ok(())
    }

    /// One frame; how long it took, seconds, on the board that is played.
    fn frame(&mut self, scene: &mut Scene, at_s: f64, begun_s: f64, args: &SoakArgs) -> Result<f64, Failure> {
        scene.draw(at_s, &mut self.picture);
        let uptime_ms = ((begun_s + at_s) * 1e3).round() as u64;
        let stamp = Stamp { uptime_ms, unix_ms: uptime_ms as i64, synchronised: false };
        let watch = Stopwatch::start();
        let regions =
            look_at(self.engine, &mut self.perception, &self.picture, stamp).or_exit(Exit::BadData)?;
        let per_region_ms = args.board_ms.unwrap_or_else(|| watch.elapsed_ms() / regions.max(1) as f64);
        let total_ms = per_region_ms * regions as f64;
        let observation = self.perception.finish(Spent { total_ms, per_region_ms, waited_ms: 0.0 });
        self.frames += 1;
        self.regions += regions as u64;
        self.deadline_misses += u64::from(observation.deadline_missed);
        self.judge(&observation, begun_s + at_s, args)?;
        Ok(total_ms / 1e3)
    }

    fn judge(&mut self, observation: &Observation, time_s: f64, args: &SoakArgs) -> Result<(), Failure> {
        let opened = observation.alerts.iter().filter(|a| a.state == AlertState::Opened);
        let mut raised: Vec<_> = opened.map(|a| (Decide::Track, a.bbox, a.score)).collect();
        for (decide, rule) in &mut self.rules {
            if let Some(Step::Opened(bear)) = rule.step(observation, time_s) {
                raised.push((*decide, bear.bbox, bear.score));
            }
        }
        for (by, bbox, score) in raised {
            let Rect { x, y, w, h } = bbox;
            let alarm = Alarm { by, time_s, regime: observation.regime, score, bbox: [x, y, w, h] };
            self.keep(&alarm, bbox, args)?;
            self.alarms.push(alarm);
        }
        Ok(())
    }

    /// The moment as a picture, where they were asked for.
    fn keep(&self, alarm: &Alarm, bbox: Rect, args: &SoakArgs) -> Result<(), Failure> {
        let Some(folder) = &args.out else { return Ok(()) };
        let mut drawn = self.picture.clone();
        mark(&mut drawn, Class::Bear, alarm.score, bbox);
        let jpeg = encode_jpeg(&drawn, JPEG_QUALITY, u32::MAX).or_exit(Exit::Bug)?;
        let Alarm { by, time_s, .. } = alarm;
        let path = folder.join(format!("{:06}-{time_s:.0}-{by:?}.jpg", args.seed).to_lowercase());
        std::fs::write(&path, jpeg)
            .map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))
            .or_exit(Exit::CannotCreate)
    }
}

fn scene_settings(args: &SoakArgs, darkness: [f32; 2], duration_s: f64) -> SceneSettings {
    SceneSettings {
        seed: args.seed,
        width: args.width,
        height: args.height,
        darkness_start: darkness[0],
        darkness_end: darkness[1],
        duration_s,
        bears: 0,
        ..SceneSettings::default()
    }
}
