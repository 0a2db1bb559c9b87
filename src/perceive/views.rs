//! What several regions of one frame say of the same thing.
//!
//! Tiles overlap, and whoever is followed is looked at closely besides. The highest of their scores says how often one of many looks errs, not how sure
//! they are together: the more a board can afford to look at, the more stumps would be bears. So they are averaged, as log-odds.

use super::decode::SAME_BOX_IOU;
use super::evidence::Scores;
use super::geometry::Rect;
use super::model::Class;
use super::observation::Detection;
use super::plan::View;
use super::regions::Region;
use super::track::Sighting;

/// A region that finds less counts as this: how low a score is says little (as evidence has it).
const LEAST_SCORE: f32 = 0.3;

/// What each region of a frame found, before doubles are removed.
#[derive(Clone, Debug, Default)]
pub struct Views {
    found: Vec<Detection>,
    /// With the number of all that was found once it was read.
    regions: Vec<(Region, usize)>,
}

impl Views {
    /// A new frame begins.
    pub fn clear(&mut self) {
        self.found.clear();
        self.regions.clear();
    }

    /// All that was found so far.
    pub fn found(&self) -> &[Detection] {
        &self.found
    }

    /// One more region was read.
    pub fn add(&mut self, region: Region, found: &[Detection]) {
        self.found.extend_from_slice(found);
        self.regions.push((region, self.found.len()));
    }

    /// The scores on which all regions that show a thing well enough agree; its own where there is none.
    pub fn agreed(&self, view: &View, thing: &Sighting) -> Scores {
        Class::ALL.map(|class| self.agreed_of(view, class, thing.bbox, thing.scores[class as usize]))
    }

    /// The same for one class; `own` is the best score that any region gave.
    pub fn agreed_of(&self, view: &View, class: Class, bbox: Rect, own: f32) -> f32 {
        let (mut sum, mut count, mut begin) = (0.0, 0u8, 0);
        for &(region, end) in &self.regions {
            let found = &self.found[std::mem::replace(&mut begin, end)..end];
            if view.sees(&[region], bbox) {
                count += 1;
                sum += log_odds(best(found, class, bbox));
            }
        }
        if count == 0 {
            return own;
        }
        own.min(1.0 / (1.0 + (-sum / f32::from(count)).exp()))
    }
}

/// The best score of a class at a place among boxes of one region.
fn best(found: &[Detection], class: Class, bbox: Rect) -> f32 {
    let of_it = found.iter().filter(|d| d.class == class && d.bbox.iou(bbox) > SAME_BOX_IOU);
    of_it.map(|d| d.score).fold(0.0, f32::max)
}

fn log_odds(score: f32) -> f32 {
    let score = score.clamp(LEAST_SCORE, 0.999);
    (score / (1.0 - score)).ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::model::InputSpec;

    const BEAR: Rect = Rect { x: 0.40, y: 0.45, w: 0.08, h: 0.12 };

    fn tile(x: f32) -> Region {
        Region { rect: Rect { x, y: 0.3, w: 0.325, h: 0.578 } }
    }

    /// What regions of a frame of 1280×720 agree on: each with the score that it gave, 0 for nothing.
    fn agreed(regions: &[(Region, f32)], own: f32) -> f32 {
        let input = InputSpec::square(416);
        let mut views = Views::default();
        for &(region, score) in regions {
            let detection = Detection { class: Class::Bear, score, bbox: BEAR, cut: false };
            views.add(region, if score > 0.0 { std::slice::from_ref(&detection) } else { &[] });
        }
        let thing = Sighting { bbox: BEAR, scores: [own, 0.0, 0.0], clear: true };
        views.agreed(&View { size: (1280, 720), input: &input, closest: 1.0 }, &thing)[0]
    }

    #[test]
    fn one_region_is_believed_and_regions_that_do_not_show_it_well_have_no_say() {
        assert!((agreed(&[(tile(0.3), 0.9)], 0.9) - 0.9).abs() < 1e-6);
        let whole = Region { rect: Rect::WHOLE };
        assert!((agreed(&[(whole, 0.0), (tile(0.3), 0.9), (tile(0.6), 0.0)], 0.9) - 0.9).abs() < 1e-6);
        assert_eq!(agreed(&[(whole, 0.8)], 0.8), 0.8, "nobody shows it well");
    }

    #[test]
    fn regions_that_see_the_same_thing_meet_between_their_scores() {
        let both = agreed(&[(tile(0.3), 0.9), (tile(0.2), 0.7)], 0.9);
        assert!((0.8..0.85).contains(&both), "{both}");
        let alone = agreed(&[(tile(0.3), 0.9), (tile(0.2), 0.0)], 0.9);
        assert!((0.6..0.75).contains(&alone), "{alone}: the other should have seen it");
        assert!(agreed(&[(tile(0.3), 0.2), (tile(0.2), 0.0)], 0.2) <= 0.2, "never more than the best");
    }
}
