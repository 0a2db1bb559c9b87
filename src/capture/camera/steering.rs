//! Exposure and gain chosen by us instead of by the camera. PURE: told how bright frames came out, answers with what is to be set.
//!
//! A camera's own automatic knows nothing of bears: in the dark many expose for a fifth of a second, and whoever walks is smeared beyond
//! recognition. Steered by us, gain comes before an exposure beyond the limit: noise costs the detector less than smear, and it is taken care
//! of later. In all other light the camera's maker knows the sensor better, mains flicker included: so this is done only where an
//! administrator states a limit.

use crate::capture::light::Seen;

/// Mean luma that is aimed at, 0..1: what camera makers aim at.
const TARGET: f64 = 0.4;

/// No correction within so many stops (factors of two of light) either way: more than the coarsest step of a camera, half of a stop.
const BAND_STOPS: f64 = 0.6;

/// Luma grows with so many-th root of the light: what all cameras do for monitors (IEC 61966-2-1, nearly).
const GAMMA: f64 = 2.2;

/// Darker than this a frame does not tell how much light is missing, luma 0..1.
const BLACK: f64 = 0.02;

/// Largest correction at a time, stops.
const MOST_STOPS: f64 = 2.0;

/// A frame must have been wrong for so long, milliseconds: lightning and headlights are gone by then.
const PERSIST_MS: u64 = 1_000;

/// What was set shows in frames taken so much later, milliseconds: cameras take two to five frames for it.
const SETTLE_MS: u64 = 600;

/// Share of the error that is corrected at a time: little, for cameras count gain in units of their own, and one of them may be worth six of
/// those that are assumed. Less after each overshoot, down to the least; and as much again after so long a time of good frames, milliseconds.
const EAGERNESS: f64 = 0.3;
const LEAST_EAGERNESS: f64 = 0.05;
const CALM_MS: u64 = 10_000;

/// What is taken for the whole range of a camera's gain, stops: a factor of 16.
const GAIN_STOPS: f64 = 4.0;

/// From the least to the most that a control can be set to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Smallest value.
    pub least: i64,
    /// Largest value.
    pub most: i64,
}

/// What is to be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Exposure, units of 100 µs.
    pub exposure: i64,
    /// Gain in the camera's units, for cameras that have it.
    pub gain: Option<i64>,
}

/// What a camera can be set to, as one way from dark to bright: exposure up to the limit, then gain, then exposure as long as a frame lasts.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    exposure: Span,
    limit: i64,
    gain: Option<Span>,
}

impl Reach {
    /// `limit` is the longest exposure while there is gain left, `period` the longest that leaves the rate alone; units of 100 µs.
    pub fn new(exposure: Span, gain: Option<Span>, limit: i64, period: i64) -> Reach {
        let least = exposure.least.max(1);
        let most = exposure.most.min(period).max(least);
        let gain = gain.filter(|gain| gain.most > gain.least);
        Reach { exposure: Span { least, most }, limit: limit.clamp(least, most), gain }
    }

    /// Lengths of the three parts of the way, stops.
    fn parts(&self) -> [f64; 3] {
        let stops = |from: i64, to: i64| (to as f64 / from as f64).log2();
        let gain = if self.gain.is_some() { GAIN_STOPS } else { 0.0 };
        [stops(self.exposure.least, self.limit), gain, stops(self.limit, self.exposure.most)]
    }

    fn length(&self) -> f64 {
        self.parts().iter().sum()
    }

    /// What is to be set so many stops from the darkest.
    fn setting(&self, stops: f64) -> Setting {
        let [short, amplified, _] = self.parts();
        let exposure = match stops {
            s if s <= short => self.exposure.least as f64 * s.exp2(),
            s => self.limit as f64 * (s - short - amplified).max(0.0).exp2(),
        };
        let gain = self.gain.map(|Span { least, most }| {
            let share = ((stops - short).clamp(0.0, GAIN_STOPS).exp2() - 1.0) / (GAIN_STOPS.exp2() - 1.0);
            least + ((most - least) as f64 * share).round() as i64
        });
        Setting { exposure: (exposure.round() as i64).clamp(self.exposure.least, self.exposure.most), gain }
    }

    /// Where on the way the camera stands that is set so, roughly: it is steered from there.
    fn stops_of(&self, setting: Setting) -> f64 {
        let short = (setting.exposure.clamp(self.exposure.least, self.limit) as f64
            / self.exposure.least as f64)
            .log2();
        let share = self.gain.zip(setting.gain).map_or(0.0, |(Span { least, most }, gain)| {
            (gain.clamp(least, most) - least) as f64 / (most - least) as f64
        });
        short + (1.0 + share * (GAIN_STOPS.exp2() - 1.0)).log2()
    }
}

/// Steers one camera.
#[derive(Clone, Debug)]
pub struct Steering {
    reach: Reach,
    stops: f64,
    eagerness: f64,
    /// Which way the last correction went.
    went: Way,
    /// Since when frames have been wrong, and which way they ask for; or good.
    asked: (u64, Way),
    /// Frames taken before this show what was set earlier.
    settled_ms: u64,
}

/// What is asked of a camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Nowhere,
    Brighter,
    Darker,
}

impl Steering {
    /// From what the camera is set to at present.
    pub fn new(reach: Reach, now: Setting) -> Steering {
        Steering {
            stops: reach.stops_of(now).clamp(0.0, reach.length()),
            reach,
            eagerness: EAGERNESS,
            went: Way::Nowhere,
            asked: (0, Way::Nowhere),
            settled_ms: 0,
        }
    }

    /// What is to be set at first.
    pub fn setting(&self) -> Setting {
        self.reach.setting(self.stops)
    }

    /// Takes in a frame; what is to be set now, at `now_ms`, where that is something else than before.
    pub fn observe(&mut self, seen: Seen, now_ms: u64) -> Option<Setting> {
        if seen.taken_ms < self.settled_ms || !seen.luma.is_finite() {
            return None;
        }
        let missing = GAMMA * (TARGET / f64::from(seen.luma).max(BLACK)).log2();
        let way = match missing {
            m if m > BAND_STOPS => Way::Brighter,
            m if m < -BAND_STOPS => Way::Darker,
            _ => Way::Nowhere,
        };
        if self.asked.1 != way {
            self.asked = (seen.taken_ms, way);
        }
        let lasted_ms = seen.taken_ms.saturating_sub(self.asked.0);
        match way {
            Way::Nowhere if lasted_ms >= CALM_MS => self.eagerness = EAGERNESS,
            Way::Brighter | Way::Darker if lasted_ms >= PERSIST_MS => {
                return self.correct(missing, way, now_ms);
            }
            _ => {}
        }
        None
    }

    fn correct(&mut self, missing: f64, way: Way, now_ms: u64) -> Option<Setting> {
        if self.went != Way::Nowhere && self.went != way {
            self.eagerness = (self.eagerness / 2.0).max(LEAST_EAGERNESS);
        }
        let before = self.setting();
        let step = (missing * self.eagerness).clamp(-MOST_STOPS, MOST_STOPS);
        self.stops = (self.stops + step).clamp(0.0, self.reach.length());
        let after = self.setting();
        if after == before {
            return None;
        }
        self.went = way;
        self.asked.1 = Way::Nowhere;
        self.settled_ms = now_ms + SETTLE_MS;
        Some(after)
    }
}

#[cfg(test)]
#[path = "steering_tests.rs"]
mod tests;
