//! How much of what there was to see was seen, from a random sample of known probabilities.
//!
//! Each picture with a bear stands for so many seconds of a bear in sight: the time of its frame over the probability with which it was chosen. The share
//! of these seconds that was found is the ratio of two sums of that kind (Horvitz and Thompson 1952; the ratio by Hájek 1971).
//!
//! Its interval is that of Wilson (1927) for a share of so many independent trials as the sample is worth. Pictures of one visit say much the same,
//! so visits are what is counted: their effective number is Kish's (1965, (Σw)² / Σw²) while there are few, and what the linearised variance between visits
//! comes to (Särndal, Swensson, Wretman 1992, section 5.6) the more there are of the rarer kind, found or missed, for that variance is known no better than
//! these are many. Chosen by simulation: docs/review.md. So the interval speaks for visits like these, next week's among them, not for these alone.

/// Bears that are further apart in time than this at one camera are two visits, seconds.
const VISIT_GAP_S: f64 = 600.0;
/// With fewer pictures of a bear, or of fewer visits, nothing is said.
pub const FEWEST_BEARS: usize = 5;
/// Visits.
pub const FEWEST_VISITS: usize = 3;
/// With so many visits of the rarer kind, found or missed, the variance between visits is trusted as much as their number.
const RARE: f64 = 3.0;
/// 97.5th percentile of the standard normal distribution.
const Z: f64 = 1.959_964;

/// A picture of the sample that shows a bear.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BearShown {
    /// Whose; bears of different cameras are different visits.
    pub camera: usize,
    /// When it was taken, seconds.
    pub at_s: f64,
    /// Seconds of a bear in sight that it stands for.
    pub weight: f64,
    /// Whether it was found.
    pub found: bool,
}

/// Share of the time with a bear in sight in which it was found.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[serde(rename_all = "lowercase", tag = "is")]
pub enum Recall {
    /// The sample is too small to say anything.
    Unknown {
        /// Pictures with a bear.
        bears: usize,
        /// Of so many visits.
        visits: usize,
    },
    /// An estimate.
    Known {
        /// 0..1.
        value: f64,
        /// Lower end of the 95 % interval.
        low: f64,
        /// Upper end.
        high: f64,
        /// Pictures with a bear.
        bears: usize,
        /// Of so many visits.
        visits: usize,
        /// Independent visits that the sample is worth.
        effective: f64,
        /// Hours with a bear in sight.
        hours: f64,
    },
}

impl Recall {
    /// From the pictures with a bear, in any order.
    pub fn of(bears: &[BearShown]) -> Recall {
        let visits = visits(bears);
        if bears.len() < FEWEST_BEARS || visits.len() < FEWEST_VISITS {
            return Recall::Unknown { bears: bears.len(), visits: visits.len() };
        }
        let whole: f64 = visits.iter().map(|visit| visit.weight).sum();
        let value = visits.iter().map(|visit| visit.found).sum::<f64>() / whole;
        let effective = effective(&visits, value, whole);
        let [low, high] = wilson(value, effective);
        let (bears, visits) = (bears.len(), visits.len());
        Recall::Known { value, low, high, bears, visits, effective, hours: whole / 3600.0 }
    }
}

/// Seconds of one visit, and of these what was found.
#[derive(Clone, Copy, Debug, Default)]
struct Visit {
    weight: f64,
    found: f64,
}

fn visits(bears: &[BearShown]) -> Vec<Visit> {
    let mut sorted = bears.to_vec();
    sorted.sort_by(|a, b| a.camera.cmp(&b.camera).then(a.at_s.total_cmp(&b.at_s)));
    let mut visits: Vec<Visit> = Vec::new();
    let mut before: Option<BearShown> = None;
    for bear in sorted {
        let same = before.is_some_and(|b| b.camera == bear.camera && bear.at_s - b.at_s <= VISIT_GAP_S);
        if !same {
            visits.push(Visit::default());
        }
        if let Some(visit) = visits.last_mut() {
            visit.weight += bear.weight;
            visit.found += if bear.found { bear.weight } else { 0.0 };
        }
        before = Some(bear);
    }
    visits
}

/// Independent visits that these are worth.
fn effective(visits: &[Visit], value: f64, whole: f64) -> f64 {
    let kish = whole * whole / visits.iter().map(|visit| visit.weight * visit.weight).sum::<f64>();
    let count = visits.len() as f64;
    let residues: f64 = visits.iter().map(|visit| (visit.found - value * visit.weight).powi(2)).sum();
    let variance = count / (count - 1.0) * residues / (whole * whole);
    // Where all visits agree there is no variance to go by.
    if variance <= 0.0 {
        return kish;
    }
    let rarer = kish * value.min(1.0 - value);
    let trust = rarer / (rarer + RARE);
    kish.powf(1.0 - trust) * (value * (1.0 - value) / variance).powf(trust)
}

/// 95 % score interval of a share of `trials`, which need not be whole (Wilson 1927).
pub fn wilson(share: f64, trials: f64) -> [f64; 2] {
    let (z, n) = (Z, trials);
    let middle = (share + z * z / (2.0 * n)) / (1.0 + z * z / n);
    let half = z / (1.0 + z * z / n) * (share * (1.0 - share) / n + z * z / (4.0 * n * n)).max(0.0).sqrt();
    [(middle - half).max(0.0), (middle + half).min(1.0)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bear(camera: usize, at_s: f64, weight: f64, found: bool) -> BearShown {
        BearShown { camera, at_s, weight, found }
    }

    #[test]
    fn equal_visits_give_the_interval_of_wilson() {
        // 8 of 10: 0.4902 to 0.9433 (Newcombe 1998 gives the formula; R's prop.test without correction these digits).
        let [low, high] = wilson(0.8, 10.0);
        assert!((low - 0.490_2).abs() < 1e-4 && (high - 0.943_3).abs() < 1e-4, "{low} {high}");
        let bears: Vec<BearShown> = (0..10).map(|i| bear(i, 0.0, 400.0, i < 8)).collect();
        let Recall::Known { value, low: l, high: h, effective, hours, .. } = Recall::of(&bears) else {
            panic!()
        };
        assert!((value - 0.8).abs() < 1e-12 && (hours - 4000.0 / 3600.0).abs() < 1e-9);
        // Between visits n − 1 counts, not n, and that is half trusted.
        let expected = 10f64.powf(0.6) * 9f64.powf(0.4);
        assert!((effective - expected).abs() < 1e-9 && l < low && h > high, "{effective}");
    }

    #[test]
    fn a_picture_that_was_less_probable_stands_for_more() {
        let mut bears: Vec<BearShown> = (0..9).map(|i| bear(i, 0.0, 100.0, true)).collect();
        bears.push(bear(9, 0.0, 900.0, false));
        let Recall::Known { value, effective, .. } = Recall::of(&bears) else { panic!() };
        assert!((value - 0.5).abs() < 1e-12 && effective < 4.0, "{value} {effective}");
    }

    #[test]
    fn many_pictures_of_one_visit_are_one_visit() {
        let once: Vec<BearShown> = (0..4).map(|i| bear(0, f64::from(i) * 7200.0, 300.0, i > 0)).collect();
        let often = |bear_: &BearShown| {
            (0..10)
                .map(|i| BearShown { at_s: bear_.at_s + 30.0 * f64::from(i), weight: 30.0, ..*bear_ })
                .collect::<Vec<_>>()
        };
        let often: Vec<BearShown> = once.iter().flat_map(often).collect();
        let Recall::Known { bears, visits, effective, .. } = Recall::of(&often) else { panic!() };
        assert_eq!((bears, visits), (40, 4));
        assert!(effective <= 4.0, "{effective}");
    }

    #[test]
    fn too_few_say_nothing() {
        assert_eq!(Recall::of(&[]), Recall::Unknown { bears: 0, visits: 0 });
        let three: Vec<BearShown> = (0..3).map(|i| bear(i, 0.0, 1.0, true)).collect();
        assert_eq!(Recall::of(&three), Recall::Unknown { bears: 3, visits: 3 });
        let one_visit: Vec<BearShown> = (0..20).map(|i| bear(0, f64::from(i), 1.0, true)).collect();
        assert_eq!(Recall::of(&one_visit), Recall::Unknown { bears: 20, visits: 1 });
    }

    #[test]
    fn all_found_is_not_certainty() {
        let bears: Vec<BearShown> = (0..20).map(|i| bear(i, 0.0, 1.0, true)).collect();
        let Recall::Known { value, low, high, .. } = Recall::of(&bears) else { panic!() };
        assert!(value == 1.0 && high == 1.0 && (low - 0.838_9).abs() < 1e-3, "{low}");
    }
}
