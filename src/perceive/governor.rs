//! How hard the board may be worked: less, step by step, while it is too hot or short of power.

/// Cooler than the limit by so much, degrees, before more is done again.
const COOLER_C: f32 = 5.0;

/// A step down shows in the temperature after a while; the next waits for that, milliseconds.
const STEP_MS: u64 = 15_000;

/// A board must have been well for so long before it is given more to do, milliseconds …
const PATIENCE_MS: u64 = 20_000;

/// … twice as long after each relapse, up to this: what cannot bear more is not asked every minute …
const MOST_PATIENCE_MS: u64 = 900_000;

/// … and as short again as at first after so long at full effort.
const CALM_MS: u64 = 3_600_000;

/// Longest rest after a look, milliseconds: a bear that walks by is still seen several times.
const MOST_REST_MS: f64 = 2_000.0;

/// Looks that come late are counted over so long, milliseconds, and so many frames at least.
const WINDOW: (u64, u32) = (20_000, 10);

/// Share of them from which the board counts as too slow, and below which it no longer does.
const LATE: (f32, f32) = (0.25, 0.05);

/// What the board tells of itself, as the caller has read it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Board {
    /// Of the processor, degrees Celsius; `None` where nothing is told.
    pub temperature_c: Option<f32>,
    /// Why the system holds the processor's clock down; `None` where it does not.
    pub throttled: Option<Throttle>,
}

/// Why a processor is held down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Throttle {
    /// It would become too hot.
    Heat,
    /// The power supply gives too little voltage.
    Voltage,
}

/// What a board suffers from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Strain {
    /// Hotter than the limit in the settings.
    Hot,
    /// The system holds it down for its heat.
    Throttled,
    /// The power supply is too weak.
    Undervolted,
    /// It does not keep up.
    Busy,
}

/// Share of the time that may be worked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, schemars::JsonSchema)]
#[schemars(rename = "EffortLevel", rename_all = "lowercase")]
pub enum Level {
    /// All of it.
    #[default]
    Full,
    /// Half.
    Half,
    /// A quarter. There is nothing below: a camera that does not look is of no use.
    Quarter,
}

/// How much is done, and why no more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Effort {
    /// How much.
    pub level: Level,
    /// Why no more, or not in time.
    pub strain: Option<Strain>,
}

/// Chooses the effort.
///
/// A step halves the share of the time that is worked, whatever a look costs: a frame gets half of the regions that its budget allows, so
/// that as many frames are seen as before, and after it there is a rest as long as was worked, so that a fast camera does not fill up what
/// was saved. Where a frame has one region alone, the rest makes it fewer frames. Fewer regions without the rest would cool nothing: frames
/// of a fast camera would follow each other the sooner.
///
/// A board that is merely slow gets no rest, for that makes nobody faster: [`Budget`](super::budget::Budget) gives it fewer regions frame by
/// frame, newer frames replace those for which there is no time, and here is only found out that this does not do.
#[derive(Clone, Debug)]
pub struct Governor {
    hot_c: f32,
    level: Level,
    strain: Option<Strain>,
    changed_ms: Option<u64>,
    /// The last change was one for the better.
    eased: bool,
    well_since_ms: Option<u64>,
    patience_ms: u64,
    late: Late,
}

impl Governor {
    /// At full effort, for a board that is not to become hotter than `hot_c` degrees.
    pub fn new(hot_c: f64) -> Governor {
        Governor {
            hot_c: hot_c as f32,
            level: Level::Full,
            strain: None,
            changed_ms: None,
            eased: false,
            well_since_ms: None,
            patience_ms: PATIENCE_MS,
            late: Late::default(),
        }
    }

    /// Takes in how the board is, and whether the look at the frame of `now_ms` came late.
    pub fn observe(&mut self, board: Board, late: bool, now_ms: u64) {
        self.late.count(late, now_ms);
        let temperature_c = board.temperature_c.filter(|degrees| degrees.is_finite());
        let strain = self.strain_of(Board { temperature_c, ..board });
        let cool = temperature_c.is_none_or(|degrees| degrees <= self.hot_c - COOLER_C);
        if strain.is_some() || !cool {
            self.well_since_ms = None;
        }
        match strain {
            Some(strain) => self.worsen(strain, now_ms),
            None if cool => self.recover(now_ms),
            None => {}
        }
    }

    /// What is done at present.
    pub fn effort(&self) -> Effort {
        let busy = self.late.busy.then_some(Strain::Busy);
        Effort { level: self.level, strain: self.strain.or(busy) }
    }

    /// How many of the regions that a frame may have by its budget it gets.
    pub fn regions(&self, allowed: usize) -> usize {
        ((allowed as f64 * self.level.share()) as usize).max(1)
    }

    fn strain_of(&self, board: Board) -> Option<Strain> {
        match board.throttled {
            Some(Throttle::Voltage) => Some(Strain::Undervolted),
            Some(Throttle::Heat) => Some(Strain::Throttled),
            None => board.temperature_c.is_some_and(|degrees| degrees >= self.hot_c).then_some(Strain::Hot),
        }
    }

    fn worsen(&mut self, strain: Strain, now_ms: u64) {
        let waited = self.changed_ms.is_none_or(|at| now_ms.saturating_sub(at) >= STEP_MS);
        if !waited {
            return;
        }
        self.strain = Some(strain);
        if self.level == Level::Quarter {
            return;
        }
        if std::mem::take(&mut self.eased) {
            self.patience_ms = (self.patience_ms * 2).min(MOST_PATIENCE_MS);
        }
        self.level = if self.level == Level::Full { Level::Half } else { Level::Quarter };
        self.changed_ms = Some(now_ms);
    }

    fn recover(&mut self, now_ms: u64) {
        let since_ms = now_ms.saturating_sub(*self.well_since_ms.get_or_insert(now_ms));
        if self.level == Level::Full {
            if since_ms >= CALM_MS {
                self.patience_ms = PATIENCE_MS;
            }
            return;
        }
        if since_ms >= self.patience_ms {
            self.level = if self.level == Level::Quarter { Level::Half } else { Level::Full };
            self.strain = self.strain.filter(|_| self.level != Level::Full);
            (self.changed_ms, self.well_since_ms) = (Some(now_ms), Some(now_ms));
            self.eased = true;
        }
    }
}

impl Level {
    /// Of the time, 0..1.
    pub fn share(self) -> f64 {
        match self {
            Level::Full => 1.0,
            Level::Half => 0.5,
            Level::Quarter => 0.25,
        }
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Level::Full => "full",
            Level::Half => "half",
            Level::Quarter => "quarter",
        }
    }
}

impl Strain {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Strain::Hot => "hot",
            Strain::Throttled => "throttled",
            Strain::Undervolted => "undervolted",
            Strain::Busy => "busy",
        }
    }

    /// What it is, and what a person can do.
    pub fn sentence(self) -> &'static str {
        match self {
            Strain::Hot => "the processor is hot: please give the board shade, air or a heat sink",
            Strain::Throttled => {
                "the board slows itself down for its heat: please give it shade, air or a heat sink"
            }
            Strain::Undervolted => {
                "the board gets too little voltage: please give it a stronger power supply or a shorter cable"
            }
            Strain::Busy => {
                "the board does not keep up, looks come late: please end what else runs there, or raise perceive.budget_ms"
            }
        }
    }
}

impl Effort {
    /// Rest after a look that took `worked_ms`, milliseconds.
    pub fn rest_ms(self, worked_ms: f64) -> f64 {
        (worked_ms * (1.0 / self.level.share() - 1.0)).clamp(0.0, MOST_REST_MS)
    }

    /// What is done less and why, for people; `None` where all is done in time.
    pub fn sentence(self) -> Option<String> {
        let less = match self.level {
            Level::Full => "",
            Level::Half => "; until then it works half of the time and looks at less",
            Level::Quarter => "; until then it works a quarter of the time and looks at little",
        };
        self.strain.map(|strain| format!("{}{less}", strain.sentence()))
    }
}

/// Whether looks come late again and again.
#[derive(Clone, Copy, Debug, Default)]
struct Late {
    since_ms: Option<u64>,
    frames: u32,
    late: u32,
    busy: bool,
}

impl Late {
    fn count(&mut self, late: bool, now_ms: u64) {
        let since_ms = *self.since_ms.get_or_insert(now_ms);
        self.frames += 1;
        self.late += u32::from(late);
        if now_ms.saturating_sub(since_ms) >= WINDOW.0 && self.frames >= WINDOW.1 {
            let share = self.late as f32 / self.frames as f32;
            let busy = if self.busy { share >= LATE.1 } else { share >= LATE.0 };
            *self = Late { since_ms: Some(now_ms), busy, ..Late::default() };
        }
    }
}

#[cfg(test)]
#[path = "governor_tests.rs"]
mod tests;
