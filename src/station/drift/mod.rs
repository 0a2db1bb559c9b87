//! Has something shifted at a camera? Lens, lamp, aim, model, or what comes by: told before a bear is missed for it. PURE, but for [`inspection`].
//!
//! Cameras count by light what their pictures and finds are like ([`crate::publish::drift`]). Frames of a day are as good as one observation: sun,
//! weather and one animal that stays make them alike. So the unit is the day: [`days`] takes counts of days out of what was told, [`series`] makes
//! one value a day of each feature. [`shift`] holds the days of the present week against four weeks before it, and asks the [`null`] how rare that is
//! where nothing has shifted; [`family`] allows for there being many cameras, lights and features.
//!
//! The rate that is stated ([`STATED`]) is one of weeks, and of the whole station. `bearwatch drift` measures it, and what is found, on simulated
//! cameras: docs/drift.md.

pub mod days;
pub mod family;
pub mod inspection;
pub mod null;
pub mod series;
pub mod shift;

use days::{Days, Light};
use series::Feature;
use shift::Reading;

/// How many shifts a station tells in a week in which nothing has shifted anywhere, on average: per-family error rate; and the most that the chance
/// of telling any may be (family-wise error rate). However many cameras there are.
pub const STATED: f64 = 0.05;

/// Days of the reference. Older ones are of another season.
pub const REFERENCE: i64 = 28;

/// Days between the reference and the week: what began in them, and was not told yet, is to be held against what was before it.
pub const BETWEEN: i64 = WEEK;

/// Fewer known days than this are no reference.
pub const LEAST: usize = 14;

/// Days of a week. Weeks begin where the count of days since 1970 can be divided by it: on Thursdays.
pub const WEEK: i64 = 7;

/// The first day of the week that holds the last whole day before `today` (days since 1970, UTC).
pub fn week_of(today: i64) -> i64 {
    (today - 1).div_euclid(WEEK) * WEEK
}

/// Judges the week that begins at day `week`, of one camera by one light with one model: every feature of which enough is known. Days for which
/// `passes` says no are not looked at.
pub fn judge(
    light: Light,
    days: &Days,
    week: i64,
    passes: impl Fn(Feature, i64) -> bool,
) -> Vec<(Feature, Reading)> {
    let read = |&feature: &Feature| {
        let mut values = feature.values(days);
        values.retain(|&(day, _)| passes(feature, day));
        shift::read(&values, week, feature.least()).map(|reading| (feature, reading))
    };
    Feature::of(light).iter().filter_map(read).collect()
}
