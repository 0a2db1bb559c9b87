//! Who comes when, and by which way: drawn up once for a scene.

use rand::RngExt;
use rand_pcg::Pcg32;

use super::bear::{Build, COATS, Pose};
use super::canvas::{Albedo, Viewpoint, shade};
use super::figure::{Aspect, Body};
use super::noise::about;
use super::people::{Dog, Person};
use crate::perceive::model::Class;

/// One who walks through the scene.
#[derive(Clone, Debug)]
pub struct Actor {
    /// What it is.
    pub class: Class,
    /// When it sets out, seconds.
    pub starts_s: f64,
    /// When it has gone, seconds.
    pub ends_s: f64,
    kind: Kind,
    way: Way,
    /// Where on the way it stands still to sniff, share of the way; and for how long, share of the time.
    pause: (f32, f32),
    /// Its own difference from others of its kind, 0..1.
    temper: f32,
}

#[derive(Clone, Debug)]
enum Kind {
    Bear(Build),
    Person(Person),
    Dog(Dog),
}

/// A bend through three points on the ground (x to the right, z ahead, metres).
#[derive(Clone, Copy, Debug)]
struct Way([(f32, f32); 3]);

/// An actor at a moment.
pub struct Standing {
    /// Its posed body.
    pub body: Body,
    /// From where it is seen.
    pub aspect: Aspect,
    /// Metres to the right of the lens's axis.
    pub x: f32,
    /// Metres ahead.
    pub z: f32,
}

impl Actor {
    /// By chance: one of `class` that needs the time from `starts_s` to `ends_s`.
    pub fn random(class: Class, starts_s: f64, ends_s: f64, view: &Viewpoint, rng: &mut Pcg32) -> Actor {
        let nearest = if class == Class::Person { 4.6 } else { 3.4 };
        let way = Way::random(view, nearest, ends_s - starts_s, rng);
        let pause = (rng.random_range(0.35..0.65), rng.random_range(0.0..0.3));
        Actor { class, starts_s, ends_s, kind: Kind::random(class, rng), way, pause, temper: rng.random() }
    }

    /// Where it is at `time_s` and how it is posed; nothing before and after.
    pub fn at(&self, time_s: f64, view: &Viewpoint) -> Option<Standing> {
        if time_s < self.starts_s || time_s >= self.ends_s {
            return None;
        }
        let part = ((time_s - self.starts_s) / (self.ends_s - self.starts_s)) as f32;
        let (along, still) = self.progress(part);
        let (x, z) = self.way.point(along);
        let (dx, dz) = self.way.heading(along);
        // Perspective: what stands beside the axis is seen a little from its other side.
        let yaw = (-dz).atan2(dx) - (x / z).atan();
        let aspect = Aspect { yaw, pitch: (view.eye * 0.75 / z).atan() };
        let walked = self.way.length() * along;
        let body = self.body(walked, still, time_s as f32);
        Some(Standing { body, aspect, x, z })
    }

    /// Share of the way behind it, and how still it stands (0 walks … 1 stands).
    fn progress(&self, part: f32) -> (f32, f32) {
        let (at, long) = self.pause;
        let walking = 1.0 - long;
        let begins = at * walking;
        let share = ((part - begins) / long.max(1e-3)).clamp(0.0, 1.0);
        let along = (part - share * long) / walking;
        let still = if long > 0.04 { (share.min(1.0 - share) * 8.0).clamp(0.0, 1.0) } else { 0.0 };
        (along.clamp(0.0, 1.0), still)
    }

    fn body(&self, walked: f32, still: f32, time_s: f32) -> Body {
        match &self.kind {
            Kind::Bear(build) => {
                let sniff = (time_s * 1.7).sin() * 0.12;
                let nod = 0.10 + 0.35 * (self.temper - 0.4) + still * (0.25 - 0.6 * self.temper + sniff);
                let turn =
                    0.25 * (time_s * 0.6 + self.temper * 6.0).sin() + still * 0.5 * (self.temper - 0.5);
                let phase = walked / (1.15 * build.shoulder_m) + self.temper;
                super::bear::pose(build, &Pose { phase, stride: 1.0 - 0.8 * still, nod, turn })
            }
            Kind::Person(person) => person.pose(walked / 1.45 + self.temper, 1.0 - 0.85 * still),
            Kind::Dog(dog) => dog.pose(walked / (1.7 * dog.shoulder_m) + self.temper, 1.0 - 0.85 * still),
        }
    }
}

impl Kind {
    fn random(class: Class, rng: &mut Pcg32) -> Kind {
        let salt = rng.random();
        match class {
            Class::Bear => Kind::Bear(Build {
                shoulder_m: rng.random_range(0.88..1.15),
                coat: shade(COATS[rng.random_range(0..COATS.len())], rng.random_range(0.85..1.15)),
                muzzle: rng.random_range(1.0..1.9),
                salt,
            }),
            Class::Person => Kind::Person(Person {
                height_m: rng.random_range(1.55..1.92),
                jacket: cloth(rng),
                trousers: shade(cloth(rng), 0.6),
                face: shade([0.62, 0.45, 0.36, 0.62], rng.random_range(0.45..1.1)),
                rucksack: rng.random_bool(0.4),
                salt,
            }),
            Class::Animal => Kind::Dog(Dog {
                shoulder_m: rng.random_range(0.5..0.72),
                coat: DOGS[rng.random_range(0..DOGS.len())],
                salt,
            }),
        }
    }
}

const DOGS: [Albedo; 4] =
    [[0.40, 0.33, 0.25, 0.5], [0.46, 0.30, 0.16, 0.55], [0.32, 0.31, 0.30, 0.5], [0.55, 0.47, 0.36, 0.62]];

fn cloth(rng: &mut Pcg32) -> Albedo {
    let grey: f32 = rng.random_range(0.15..0.5);
    let mut tint = || (grey * rng.random_range(0.45..1.6)).min(0.8);
    [tint(), tint(), tint(), (tint() + 0.2).min(0.8)]
}

/// Walking speeds that look natural, metres a second.
const SLOWEST: f32 = 0.45;
const FASTEST: f32 = 1.5;

impl Way {
    /// From beyond one side of the picture to beyond a side, so that the walk fits its time. The nearest of some random ones.
    fn random(view: &Viewpoint, nearest: f32, time_s: f64, rng: &mut Pcg32) -> Way {
        let mut way = Way::across(view, nearest, rng);
        for _ in 0..12 {
            let speed = way.length() / time_s.max(0.1) as f32;
            if (SLOWEST..FASTEST).contains(&speed) {
                break;
            }
            way = Way::across(view, nearest, rng);
        }
        way
    }

    fn across(view: &Viewpoint, nearest: f32, rng: &mut Pcg32) -> Way {
        let beyond = |z: f32| view.width as f32 / 2.0 / view.scale(z) + 1.2;
        let side = if rng.random_bool(0.5) { 1.0 } else { -1.0 };
        let (z0, z2) = (rng.random_range(nearest + 0.4..8.0), rng.random_range(nearest + 0.4..8.0));
        let middle = rng.random_range(nearest - 0.4..7.5);
        // A third turns towards the camera or away and leaves by the side that it came from.
        let back = rng.random_bool(0.3);
        let x2 = if back { side * beyond(z2) } else { -side * beyond(z2) };
        let x1 = if back {
            -side * rng.random_range(0.2..0.9) * beyond(middle)
        } else {
            rng.random_range(-0.5..0.5)
        };
        Way([(side * beyond(z0), z0), (x1, middle), (x2, z2)])
    }

    fn point(&self, t: f32) -> (f32, f32) {
        let [a, b, c] = self.0;
        let (wa, wb, wc) = ((1.0 - t) * (1.0 - t), 2.0 * t * (1.0 - t), t * t);
        (wa * a.0 + wb * b.0 + wc * c.0, wa * a.1 + wb * b.1 + wc * c.1)
    }

    fn heading(&self, t: f32) -> (f32, f32) {
        let (near, far) = (self.point((t - 0.02).max(0.0)), self.point((t + 0.02).min(1.0)));
        (far.0 - near.0, far.1 - near.1)
    }

    fn length(&self) -> f32 {
        let points: Vec<_> = (0..=16).map(|i| self.point(i as f32 / 16.0)).collect();
        points.windows(2).map(|p| (p[1].0 - p[0].0).hypot(p[1].1 - p[0].1)).sum()
    }
}

/// Draws up persons and dogs, `an_hour` on the average, at any time.
pub fn passers_by(an_hour: f64, duration_s: f64, view: &Viewpoint, rng: &mut Pcg32) -> Vec<Actor> {
    let count = about(an_hour * duration_s / 3600.0, rng);
    let one = |_| {
        let class = if rng.random_bool(0.5) { Class::Person } else { Class::Animal };
        let starts_s = rng.random_range(0.0..duration_s);
        let lasts_s = rng.random_range(6.0..14.0);
        Actor::random(class, starts_s, starts_s + lasts_s, view, rng)
    };
    (0..count).map(one).collect()
}

/// Draws up who comes: `bears` bears spread over the time, a person and a dog in turn between them, alone each time.
pub fn cast(bears: u32, duration_s: f64, view: &Viewpoint, rng: &mut Pcg32) -> Vec<Actor> {
    let turns = f64::from(bears.max(1));
    let turn = duration_s / turns;
    let (bear, gap) = ((turn * 0.55).min(13.0), (turn * 0.04).min(1.5));
    let other = (turn - bear - 2.0 * gap).clamp(0.0, 9.0);
    let mut cast = Vec::new();
    for i in 0..bears.max(1) {
        let at = f64::from(i) * turn + gap * 0.5;
        if i < bears {
            cast.push(Actor::random(Class::Bear, at, at + bear, view, rng));
        }
        let class = if i % 2 == 0 { Class::Person } else { Class::Animal };
        let at = at + bear + gap;
        cast.push(Actor::random(class, at, at + other, view, rng));
    }
    cast
}
