//! How the field decides: an alert as soon as scores are high, without tracks or evidence. What ours is held against.

use std::collections::VecDeque;

use clap::ValueEnum;

use crate::perceive::model::Class;
use crate::perceive::observation::{Detection, Observation};

/// Who decides that a bear is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Decide {
    /// The daemon: tracks and evidence over time.
    Track,
    /// One frame whose best bear is over the operating point.
    Frame,
    /// The median of the last three frames' best.
    Median,
}

/// Decides by the best score of the last frames alone.
pub struct ByScore {
    /// So many frames count.
    frames: usize,
    threshold: f32,
    close_after_s: f64,
    recent: VecDeque<f32>,
    /// Over the threshold last, seconds, while an alert is open.
    open: Option<f64>,
}

/// What a frame brought about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// An alert on this bear.
    Opened(Detection),
    /// It ended; last over the threshold at this time, seconds.
    Closed(f64),
}

impl ByScore {
    /// `None` for the daemon's own way. Alerts end after `close_after_s` without a reason.
    pub fn new(decide: Decide, threshold: f32, close_after_s: f64) -> Option<ByScore> {
        let frames = match decide {
            Decide::Track => return None,
            Decide::Frame => 1,
            Decide::Median => 3,
        };
        Some(ByScore { frames, threshold, close_after_s, recent: VecDeque::new(), open: None })
    }

    /// Takes in a frame that was taken at a time.
    pub fn step(&mut self, observation: &Observation, taken_s: f64) -> Option<Step> {
        let best = observation.detections.iter().find(|d| d.class == Class::Bear);
        self.recent.push_back(best.map_or(0.0, |d| d.score));
        while self.recent.len() > self.frames {
            self.recent.pop_front();
        }
        if let Some(last) = self.open.filter(|last| taken_s - last > self.close_after_s) {
            self.open = None;
            return Some(Step::Closed(last));
        }
        let high = self.recent.iter().filter(|&&score| score >= self.threshold).count();
        let bear = best.filter(|_| 2 * high > self.frames)?;
        let opened = self.open.replace(taken_s).is_none();
        opened.then_some(Step::Opened(*bear))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::geometry::Rect;

    fn bear(score: f32) -> Detection {
        let bbox = Rect { x: 0.1, y: 0.1, w: 0.2, h: 0.2 };
        Detection { class: Class::Bear, score, bbox, cut: false }
    }

    fn steps(decide: Decide, scores: &[f32]) -> Vec<Option<Step>> {
        let mut rule = ByScore::new(decide, 0.5, 1.0).unwrap();
        let frame = |&score: &f32| Observation { detections: vec![bear(score)], ..Observation::default() };
        scores.iter().enumerate().map(|(at, score)| rule.step(&frame(score), at as f64 * 0.4)).collect()
    }

    #[test]
    fn one_frame_is_enough_for_the_one_and_two_of_three_for_the_other() {
        let here = Some(Step::Opened(bear(0.9)));
        assert_eq!(steps(Decide::Frame, &[0.1, 0.9, 0.1, 0.9]), [None, here, None, None]);
        assert_eq!(steps(Decide::Median, &[0.1, 0.9, 0.1, 0.9]), [None, None, None, here]);
        assert!(ByScore::new(Decide::Track, 0.5, 1.0).is_none());
    }

    #[test]
    fn an_alert_ends_when_nothing_was_high_for_so_long_and_another_may_follow() {
        let told = steps(Decide::Frame, &[0.9, 0.1, 0.1, 0.1, 0.9]);
        assert!(matches!(
            told[..],
            [Some(Step::Opened(_)), None, None, Some(Step::Closed(0.0)), Some(Step::Opened(_))]
        ));
    }
}
