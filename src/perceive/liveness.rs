//! Is the picture alive? A camera that is frozen, blind, dirty or turned away delivers frames all the same, and a detector that finds nothing
//! on them means nothing: silence must never be mistaken for "all quiet".
//!
//! What is [`Impairment::suspected`] on a frame is told once it has lasted, and until it has been gone for a while. To add a check: a variant,
//! its words and patience, and its line in `suspicions`.

use super::observation::{Regime, Scene};
use super::structure::{Comparison, Structure};
use super::thumbnail::Thumbnail;

/// Structure is looked at no more often than this, milliseconds: what it tells takes minutes.
const STRUCTURE_EVERY_MS: u64 = 1_000;

/// What is told is told until nothing was suspected for so long, milliseconds.
const RECOVERY_MS: u64 = 3_000;

/// A picture that was unlike its past for so many seconds of one light is how it looks from now on: somebody has seen it, or nobody will.
const ACCEPTED_S: f32 = 24.0 * 3600.0;

/// Correlation with the scene as it was below which it is another one.
const LEAST_LIKENESS: f32 = 0.35;

/// Share of its detail that a clear picture keeps.
const LEAST_DETAIL: f32 = 0.35;

/// What keeps the detector from seeing, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, schemars::JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Impairment {
    /// No light at all.
    Black,
    /// Nothing but light.
    White,
    /// One tone all over.
    Covered,
    /// The same picture again and again.
    Frozen,
    /// The whole picture has lost its detail.
    Blurred,
    /// A part of the picture has lost its detail.
    Obstructed,
    /// The scene is another one.
    Moved,
}

impl Impairment {
    /// All of them, worst first.
    pub const ALL: [Impairment; 7] = [
        Impairment::Black,
        Impairment::White,
        Impairment::Covered,
        Impairment::Frozen,
        Impairment::Blurred,
        Impairment::Obstructed,
        Impairment::Moved,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Impairment::Black => "black",
            Impairment::White => "white",
            Impairment::Covered => "covered",
            Impairment::Frozen => "frozen",
            Impairment::Blurred => "blurred",
            Impairment::Obstructed => "obstructed",
            Impairment::Moved => "moved",
        }
    }

    /// What it means and what to do, for people.
    pub fn sentence(self) -> &'static str {
        match self {
            Impairment::Black => {
                "the picture is black: the lens is covered, or there is neither light nor infrared; please look at the camera"
            }
            Impairment::White => {
                "the picture is white: the sun or a lamp shines into the lens; please shade or turn the camera"
            }
            Impairment::Covered => {
                "the picture is one tone all over: the lens is probably covered, or there is thick fog; please look at the camera"
            }
            Impairment::Frozen => {
                "the picture stands still to the last pixel: the camera hangs; please switch it off and on"
            }
            Impairment::Blurred => {
                "the picture has lost its detail: dew, dirt or fog, or the lens is out of focus; please wipe it"
            }
            Impairment::Obstructed => {
                "a part of the picture has lost its detail: the lens is probably covered with a web, a leaf or a drop; please wipe it"
            }
            Impairment::Moved => {
                "the camera looks at another scene than before; please aim it anew, or restart bearwatch if it is meant to"
            }
        }
    }

    /// How long it must last to be told, milliseconds. Exposures settle, fog drifts by, people stand before the lens.
    fn patience_ms(self) -> u64 {
        match self {
            Impairment::Black | Impairment::White => 5_000,
            Impairment::Frozen => 8_000,
            Impairment::Covered => 20_000,
            Impairment::Blurred | Impairment::Obstructed | Impairment::Moved => 180_000,
        }
    }

    /// Whether a frame of this scene looks like it; `None` where nobody can say yet.
    fn suspected(self, frame: &Look) -> Option<bool> {
        if self.is_structural() && frame.structure.is_none() {
            return None;
        }
        let Scene { luma, contrast, noise, .. } = *frame.scene;
        let Comparison { likeness, detail, lost } = frame.structure.unwrap_or_default();
        Some(match self {
            Impairment::Black => luma < 0.03 && contrast < 0.02,
            Impairment::White => luma > 0.93 && contrast < 0.08,
            // Without the sensor's noise, and held against the light: at dusk a whole scene has less contrast than a hand at noon.
            Impairment::Covered => {
                (contrast * contrast - noise * noise).max(0.0).sqrt() < 0.06 * (luma + 0.1)
            }
            Impairment::Frozen => frame.same,
            Impairment::Blurred => detail < LEAST_DETAIL,
            Impairment::Obstructed => (0.15..0.9).contains(&lost) && likeness >= LEAST_LIKENESS,
            Impairment::Moved => likeness < LEAST_LIKENESS && detail >= LEAST_DETAIL,
        })
    }

    /// Found by how the scene used to look.
    fn is_structural(self) -> bool {
        matches!(self, Impairment::Blurred | Impairment::Obstructed | Impairment::Moved)
    }
}

/// What is known of a frame.
struct Look<'a> {
    scene: &'a Scene,
    /// Not a pixel differs from the frame before.
    same: bool,
    structure: Option<Comparison>,
}

/// Since when something is suspected, and since when no longer, milliseconds of uptime.
#[derive(Clone, Copy, Debug, Default)]
struct Suspicion {
    since: Option<u64>,
    last: u64,
}

/// Follows the picture of one camera.
#[derive(Clone, Debug, Default)]
pub struct Liveness {
    before: Vec<u8>,
    /// When a pixel last changed.
    changed_ms: u64,
    suspicions: [Suspicion; Impairment::ALL.len()],
    /// By regime, for infrared light shows another scene; and for how long each was unlike its past, seconds.
    structures: [(Structure, f32); 3],
    regime: Regime,
    /// As of the last look at the structure.
    structure: Option<Comparison>,
    structure_ms: Option<u64>,
}

impl Liveness {
    /// Takes in a frame; what impairs the camera, the worst of it.
    pub fn observe(
        &mut self,
        small: &Thumbnail,
        scene: &Scene,
        regime: Regime,
        now_ms: u64,
    ) -> Option<Impairment> {
        let same = self.before == small.luma;
        if !same {
            self.before.clone_from(&small.luma);
            self.changed_ms = now_ms;
        }
        let passed_ms = self.structure_ms.map(|last| now_ms.saturating_sub(last));
        let due = passed_ms.is_none_or(|passed| passed >= STRUCTURE_EVERY_MS);
        let passed_s = passed_ms.unwrap_or(0) as f32 / 1e3;
        if due {
            self.structure_ms = Some(now_ms);
            self.compare(small, regime, passed_s);
        }
        let look = Look { scene, same, structure: self.structure };
        for (impairment, suspicion) in Impairment::ALL.into_iter().zip(&mut self.suspicions) {
            let began_ms = if impairment == Impairment::Frozen { self.changed_ms } else { now_ms };
            match impairment.suspected(&look) {
                Some(suspected) => suspicion.follow(suspected, began_ms, now_ms),
                None => suspicion.wait(now_ms),
            }
        }
        if due && self.structure.is_some() {
            self.learn(passed_s);
        }
        self.told(now_ms)
    }

    /// Forgets how the scene used to look: other parts of it are seen from now on. What is wrong whatever the scene stays.
    pub fn look_anew(&mut self) {
        (self.structures, self.structure, self.structure_ms) = Default::default();
        let structural = |(impairment, _): &(Impairment, &mut Suspicion)| impairment.is_structural();
        let suspicions = Impairment::ALL.into_iter().zip(&mut self.suspicions);
        suspicions.filter(structural).for_each(|(_, suspicion)| *suspicion = Suspicion::default());
    }

    /// Holds the scene against what it was in this light.
    fn compare(&mut self, small: &Thumbnail, regime: Regime, passed_s: f32) {
        let (structure, _) = &mut self.structures[regime as usize];
        if regime != self.regime {
            self.regime = regime;
            structure.look_anew();
        }
        self.structure = structure.observe(small, passed_s);
    }

    /// Nothing is learned from a picture that is under suspicion, until it has been so for a day.
    fn learn(&mut self, passed_s: f32) {
        let suspected =
            || Impairment::ALL.into_iter().zip(&self.suspicions).filter(|(_, s)| s.since.is_some());
        let (structure, unlike_s) = &mut self.structures[self.regime as usize];
        if suspected().next().is_none() {
            *unlike_s = 0.0;
            structure.approve(passed_s);
        } else if suspected().all(|(impairment, _)| impairment.is_structural()) {
            *unlike_s += passed_s;
            if *unlike_s >= ACCEPTED_S {
                *unlike_s = 0.0;
                structure.forget();
            }
        }
    }

    fn told(&self, now_ms: u64) -> Option<Impairment> {
        let lasts = |(i, s): &(Impairment, &Suspicion)| s.lasted_ms() >= i.patience_ms() && s.holds(now_ms);
        Impairment::ALL.into_iter().zip(&self.suspicions).find(lasts).map(|(impairment, _)| impairment)
    }
}

impl Suspicion {
    fn follow(&mut self, suspected: bool, began_ms: u64, now_ms: u64) {
        if suspected {
            self.since.get_or_insert(began_ms);
            self.last = now_ms;
        } else if !self.holds(now_ms) {
            self.since = None;
        }
    }

    /// Nobody can say: what was suspected still is.
    fn wait(&mut self, now_ms: u64) {
        if self.since.is_some() {
            self.last = now_ms;
        }
    }

    /// From the first to the last frame that looked like it.
    fn lasted_ms(&self) -> u64 {
        self.since.map_or(0, |since| self.last.saturating_sub(since))
    }

    /// Some frames that look well do not lift it yet.
    fn holds(&self, now_ms: u64) -> bool {
        self.since.is_some() && now_ms.saturating_sub(self.last) < RECOVERY_MS
    }
}
