//! How often something is told where nothing has shifted, and how soon where something has.

use std::collections::BTreeMap;

use serde::Serialize;

use super::DriftArgs;
use super::chance::Chance;
use super::park::{Camera, LIGHTS, Sky, USUAL};
use super::plant::Plant;
use crate::cli::output::command;
use crate::evaluate::intervals::{Draw, bootstrap};
use crate::perceive::observation::Regime;
use crate::station::drift::days::{Days, Light};
use crate::station::drift::family::{Question, chances, limit};
use crate::station::drift::inspection::ALL;
use crate::station::drift::series::Feature;
use crate::station::drift::shift::Reading;
use crate::station::drift::{BETWEEN, REFERENCE, STATED, WEEK, judge};

/// Days before the first week.
const BEFORE: i64 = REFERENCE + BETWEEN;
/// Cameras of a station, one after the other.
const FLEETS: [usize; 3] = [1, 10, 100];
/// Weather of weeks without change.
const LASTING: (f64, f64) = (0.7, 0.9);
/// Cameras that have one sky.
const SITE: usize = 10;
/// A shift that was not told so many days after it began is missed.
const PATIENCE: i64 = 14;

/// What is told.
#[derive(Debug, Serialize)]
pub struct Report {
    stated: f64,
    cameras: u32,
    weeks: u32,
    camera_weeks: usize,
    /// Series that are judged for a camera in a week, on average.
    series: f64,
    quiet: Vec<Quiet>,
    /// Where weather lasts longer than it is taken for: see [`LASTING`].
    lasting: Vec<Quiet>,
    /// Of false alarms of stations with one camera, which features.
    false_by_feature: BTreeMap<Feature, usize>,
    planted: Vec<Planted>,
    seed: u64,
    version: &'static str,
    command: String,
}

/// Weeks in which nothing has shifted.
#[derive(Debug, Serialize)]
struct Quiet {
    fleet: usize,
    /// Weeks of stations with so many cameras.
    station_weeks: usize,
    /// Shifts that were told in them, on average of a week, and its 95 % interval over the weeks.
    rate: f64,
    ci95: [f64; 2],
    /// By the stated rate.
    ratio: f64,
    /// Share of the weeks in which anything was told.
    weeks_with_any: f64,
}

/// A shift of one camera among others.
#[derive(Debug, Serialize)]
struct Planted {
    plant: Plant,
    fleet: usize,
    cameras: u32,
    found_within_7_days: f64,
    found_within_14_days: f64,
    /// Whole days from its beginning until it is told, of those found.
    days_p50: Option<i64>,
    days_p90: Option<i64>,
    /// What is told first, most often.
    first: Option<(&'static str, Feature)>,
}

/// What one camera's series say at some time.
type Answers = Vec<(Light, Feature, Reading)>;

/// Measures.
pub fn report(args: &DriftArgs) -> Report {
    let (quiet, lasting) = (quiet_weeks(args, USUAL), quiet_weeks(args, LASTING));
    let all: Vec<&Answers> = quiet.iter().flatten().collect();
    let series = all.iter().map(|answers| answers.len()).sum::<usize>() as f64 / all.len().max(1) as f64;
    let mut planted = Vec::new();
    for plant in Plant::ALL {
        let histories: Vec<_> = (0..args.planted).map(|n| history(plant, args.seed, n)).collect();
        planted.extend(FLEETS.map(|fleet| found(plant, fleet, &histories, &all, args.seed)));
    }
    Report {
        stated: STATED,
        cameras: args.cameras,
        weeks: args.weeks,
        camera_weeks: all.len(),
        series,
        quiet: FLEETS.iter().filter_map(|&fleet| of_fleet(fleet, &quiet)).collect(),
        lasting: FLEETS.iter().filter_map(|&fleet| of_fleet(fleet, &lasting)).collect(),
        false_by_feature: by_feature(&all),
        planted,
        seed: args.seed,
        version: env!("CARGO_PKG_VERSION"),
        command: command(),
    }
}

/// By week and camera.
fn quiet_weeks(args: &DriftArgs, lasting: (f64, f64)) -> Vec<Vec<Answers>> {
    let weeks = i64::from(args.weeks);
    let mut all = vec![Vec::new(); args.weeks as usize];
    let mut sky = Sky::new(0, lasting, 0);
    for number in 0..args.cameras {
        let seed = args.seed.wrapping_mul(1_000_003).wrapping_add(u64::from(number) * 2);
        if (number as usize).is_multiple_of(SITE) {
            sky = Sky::new(BEFORE + weeks * WEEK, lasting, seed);
        }
        let mut camera = Camera::new(&sky, seed + 1, None);
        let mut days = <[Days; 3]>::default();
        for day in 0..BEFORE + weeks * WEEK {
            watch(&mut camera, day, &mut days);
            let week = day - (WEEK - 1);
            if week >= BEFORE && week % WEEK == 0 {
                all[((week - BEFORE) / WEEK) as usize].push(answers(&days, week));
            }
        }
    }
    all
}

/// One more day; what is older than a reference is forgotten.
fn watch(camera: &mut Camera, day: i64, days: &mut [Days; 3]) {
    let counts = camera.day(day);
    for (light, days) in days.iter_mut().enumerate() {
        days.retain(|&known, _| known > day - BEFORE - WEEK);
        if let Some(counts) = &counts {
            days.insert(day, counts[light].clone());
        }
    }
}

fn answers(days: &[Days; 3], week: i64) -> Answers {
    let mut all = Days::new();
    for (day, counts) in days.iter().flatten() {
        all.entry(*day).or_default().add(counts);
    }
    let lights = LIGHTS.map(Some).into_iter().zip(days).chain([(None, &all)]);
    let of_light = |(light, days): (Light, &Days)| {
        judge(light, days, week, |_, _| true)
            .into_iter()
            .map(move |(feature, reading)| (light, feature, reading))
    };
    lights.flat_map(of_light).collect()
}

/// What is told of the last of some cameras that are judged together; of all of them, where `all`. As many as have one sky follow each other, where
/// they do.
fn told(fleet: &[&Answers], site: usize, all: bool) -> Vec<(Light, Feature, f64)> {
    let skies: Vec<String> = (0..fleet.len()).map(|number| (number / site).to_string()).collect();
    let answers =
        || fleet.iter().zip(&skies).flat_map(|(own, sky)| own.iter().map(move |answer| (answer, sky)));
    let question =
        |(&(_, feature, reading), sky): (&(Light, Feature, Reading), _)| Question { sky, feature, reading };
    let chances =
        chances(&answers().map(|(answer, sky)| question((answer, sky.as_str()))).collect::<Vec<_>>());
    let Some(limit) = limit(chances.clone(), STATED) else { return Vec::new() };
    let skipped = if all { 0 } else { chances.len() - fleet.last().map_or(0, |last| last.len()) };
    let told = answers().zip(chances).skip(skipped).filter(|(_, p)| *p <= limit);
    told.map(|(((light, feature, _), _), p)| (*light, *feature, p)).collect()
}

fn of_fleet(fleet: usize, weeks: &[Vec<Answers>]) -> Option<Quiet> {
    let stations = weeks.iter().flat_map(|week| week.chunks_exact(fleet));
    let counts: Vec<f64> =
        stations.map(|one| told(&one.iter().collect::<Vec<_>>(), SITE, true).len() as f64).collect();
    let all = counts.len() as f64;
    let rate = counts.iter().sum::<f64>() / all;
    // Weeks are drawn anew: shifts of one week have one sky.
    let mean = |draw: &mut Draw| Some(draw.indices(counts.len()).map(|at| counts[at]).sum::<f64>() / all);
    let ci95 = bootstrap(fleet as u64, mean)?;
    let weeks_with_any = counts.iter().filter(|count| **count > 0.0).count() as f64 / all;
    Some(Quiet { fleet, station_weeks: counts.len(), rate, ci95, ratio: rate / STATED, weeks_with_any })
}

fn by_feature(all: &[&Answers]) -> BTreeMap<Feature, usize> {
    let mut features = BTreeMap::new();
    for answers in all {
        for (_, feature, _) in told(&[answers], SITE, true) {
            *features.entry(feature).or_default() += 1;
        }
    }
    features
}

/// What a camera says at the end of each day from that of its shift on, which may be any of a week.
fn history(plant: Plant, seed: u64, number: u32) -> Vec<Answers> {
    let seed = seed.wrapping_mul(7_000_003).wrapping_add(u64::from(number) * 2);
    let begins = BEFORE + i64::from(number) % WEEK;
    let sky = Sky::new(begins + PATIENCE, USUAL, seed);
    let mut camera = Camera::new(&sky, seed + 1, Some((plant, begins)));
    let mut days = <[Days; 3]>::default();
    let mut history = Vec::new();
    for day in 0..begins + PATIENCE {
        watch(&mut camera, day, &mut days);
        if day >= begins {
            history.push(answers(&days, day / WEEK * WEEK));
        }
    }
    history
}

/// Each camera among others in which nothing has shifted.
fn found(plant: Plant, fleet: usize, histories: &[Vec<Answers>], quiet: &[&Answers], seed: u64) -> Planted {
    let mut chance = Chance::new(seed);
    let mut firsts: BTreeMap<(&str, Feature), usize> = BTreeMap::new();
    let mut days = Vec::new();
    for history in histories {
        let others: Vec<&Answers> = (1..fleet)
            .filter_map(|_| quiet.get(chance.even(0.0, quiet.len() as f64) as usize).copied())
            .collect();
        let first = history.iter().enumerate().find_map(|(day, own)| {
            let fleet: Vec<&Answers> = others.iter().copied().chain([own]).collect();
            let least = told(&fleet, 1, false).into_iter().min_by(|a, b| a.2.total_cmp(&b.2))?;
            Some((day as i64 + 1, (least.0.map_or(ALL, Regime::name), least.1)))
        });
        if let Some((day, what)) = first {
            days.push(day);
            *firsts.entry(what).or_default() += 1;
        }
    }
    days.sort_unstable();
    let share =
        |within: i64| days.iter().filter(|&&day| day <= within).count() as f64 / histories.len() as f64;
    let quantile = |q: f64| days.get((q * days.len() as f64) as usize).copied();
    let first = firsts.into_iter().max_by_key(|(_, count)| *count).map(|(what, _)| what);
    Planted {
        plant,
        fleet,
        cameras: histories.len() as u32,
        found_within_7_days: share(7),
        found_within_14_days: share(PATIENCE),
        days_p50: quantile(0.5),
        days_p90: quantile(0.9),
        first,
    }
}

impl Report {
    /// For people.
    pub fn words(&self) -> String {
        let percent = |share: f64| share * 100.0;
        let mut text = format!(
            "{} camera-weeks without a shift; stated: {:.3} false alarms of a station in a week\n",
            self.camera_weeks, self.stated
        );
        for quiet in &self.quiet {
            let Quiet { fleet, station_weeks, rate, ci95: [low, high], weeks_with_any, .. } = quiet;
            text += &format!(
                "{fleet:>4} cameras: {rate:.3} ({low:.3} to {high:.3}) over {station_weeks} weeks, any in {:.1} % of them\n",
                percent(*weeks_with_any)
            );
        }
        for planted in &self.planted {
            let name = serde_json::to_value(planted.plant).ok();
            text += &format!(
                "{:<8} among {:>3} cameras: {:.0} % found within a week, {:.0} % within two\n",
                name.as_ref().and_then(|name| name.as_str()).unwrap_or_default(),
                planted.fleet,
                percent(planted.found_within_7_days),
                percent(planted.found_within_14_days)
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn false_alarms_are_about_as_many_as_stated_and_a_lamp_that_fails_is_found() {
        let args = DriftArgs { cameras: 60, planted: 14, weeks: 20, seed: 3, json: None, calibrate: None };
        let report = report(&args);
        assert_eq!(report.camera_weeks, 1200);
        assert!((0.2..3.0).contains(&report.quiet[0].ratio), "{:?}", report.quiet);
        let lamp = report.planted.iter().find(|one| one.plant == Plant::Lamp && one.fleet == 10).unwrap();
        assert!(lamp.found_within_14_days > 0.8, "{lamp:?}");
        assert!(report.words().contains("1200 camera-weeks"));
    }
}
