//! Bodies made of balls: whatever walks is a heap of spheres in three dimensions, melted into one skin and shaded. So a pose is
//! right from every side, and legs hide one another as they should.

use super::canvas::{Albedo, shade};
use super::noise::{mix, speck, value};

/// One sphere of a body, metres: `at` is ahead, up and to the right of the point on the ground below the body.
#[derive(Clone, Copy, Debug)]
pub struct Ball {
    /// Centre.
    pub at: [f32; 3],
    /// Radius.
    pub r: f32,
    /// What its skin is.
    pub skin: u8,
}

/// How one kind of skin looks.
#[derive(Clone, Copy, Debug)]
pub struct Skin {
    /// Mean reflectance.
    pub albedo: Albedo,
    /// How strongly hair breaks it up, 0..1.
    pub rough: f32,
    /// Grey levels that it sends back to an infrared lamp beside the lens, whatever its albedo: eyes, reflectors.
    pub shine: f32,
}

/// A posed body, ready to be drawn.
#[derive(Clone, Debug, Default)]
pub struct Body {
    /// The spheres.
    pub balls: Vec<Ball>,
    /// Indexed by [`Ball::skin`].
    pub skins: Vec<Skin>,
    /// Names its pattern of hair.
    pub salt: u32,
}

impl Body {
    /// One sphere.
    pub fn ball(&mut self, at: [f32; 3], r: f32, skin: u8) {
        self.balls.push(Ball { at, r, skin });
    }

    /// A limb: spheres from `a` to `b` that overlap well.
    pub fn limb(&mut self, a: [f32; 3], ra: f32, b: [f32; 3], rb: f32, skin: u8) {
        let length = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f32>().sqrt();
        let steps = (length / (0.4 * ra.min(rb))).ceil().clamp(1.0, 12.0);
        for i in 0..=steps as u32 {
            let t = i as f32 / steps;
            self.ball(std::array::from_fn(|k| mix(a[k], b[k], t)), mix(ra, rb, t), skin);
        }
    }

    /// Makes it larger or smaller.
    pub fn scale(&mut self, by: f32) {
        for ball in &mut self.balls {
            ball.at = ball.at.map(|a| a * by);
            ball.r *= by;
        }
    }
}

/// From which side a body is seen.
#[derive(Clone, Copy, Debug)]
pub struct Aspect {
    /// Radians from walking to the right of the picture; π/2 walks towards the camera.
    pub yaw: f32,
    /// How far the camera looks down at it, radians.
    pub pitch: f32,
}

/// A sphere as it is seen: right, down and towards the camera of the ground point, metres.
struct Seen {
    x: f32,
    y: f32,
    z: f32,
    r: f32,
    skin: u8,
}

impl Aspect {
    fn see(&self, ball: &Ball) -> Seen {
        let [ahead, up, right] = ball.at;
        let (s, c) = self.yaw.sin_cos();
        // Walking to the right, the right flank faces the camera.
        let (x, near) = (ahead * c - right * s, ahead * s + right * c);
        let (sp, cp) = self.pitch.sin_cos();
        Seen { x, y: near * sp - up * cp, z: near * cp + up * sp, r: ball.r, skin: ball.skin }
    }

    /// Left, top, right and low edge of a body, metres from the point on the ground.
    pub fn extent(&self, body: &Body) -> [f32; 4] {
        body.balls.iter().map(|b| self.see(b)).fold([f32::MAX, f32::MAX, f32::MIN, f32::MIN], |e, s| {
            [e[0].min(s.x - s.r), e[1].min(s.y - s.r), e[2].max(s.x + s.r), e[3].max(s.y + s.r)]
        })
    }
}

/// How light falls on a figure.
#[derive(Clone, Copy, Debug)]
pub struct Lamp {
    /// Whether it is the infrared lamp beside the lens.
    pub infrared: bool,
    /// Share that comes from the sun, high on the left; the rest comes from the whole sky.
    pub directed: f32,
}

/// A drawn body: shaded colour and cover, to be scaled onto the picture. Buffers are reused.
#[derive(Default)]
pub struct Sprite {
    /// Cells.
    pub width: usize,
    /// Cells.
    pub height: usize,
    /// Cells a metre.
    pub density: f32,
    /// Column and row of the point on the ground, cells.
    pub foot: (f32, f32),
    /// Reflected share of red, green, blue (all near infrared by the lamp), and cover; multiplied by cover.
    pub cells: Vec<[f32; 4]>,
    /// Grey levels of shine by cell, towards an infrared lamp.
    pub shine: Vec<f32>,
    depth: Vec<f32>,
    skin: Vec<u8>,
}

/// How far two surfaces reach out to melt into each other, metres.
const MELT_M: f32 = 0.035;

/// No surface.
const EMPTY: f32 = f32::MIN;

impl Sprite {
    /// Draws a body at `density` cells a metre.
    pub fn draw(&mut self, body: &Body, aspect: Aspect, lamp: Lamp, density: f32) {
        self.prepare(aspect.extent(body), density);
        for ball in &body.balls {
            let seen = aspect.see(ball);
            self.heap(&seen);
        }
        self.skin_over(body, aspect, lamp);
    }

    fn prepare(&mut self, [left, top, right, low]: [f32; 4], density: f32) {
        self.density = density;
        self.foot = ((-left * density).ceil() + 2.0, (-top * density).ceil() + 2.0);
        self.width = (self.foot.0 + right * density) as usize + 3;
        self.height = (self.foot.1 + low * density) as usize + 3;
        let cells = self.width * self.height;
        self.depth.clear();
        self.depth.resize(cells, EMPTY);
        self.skin.clear();
        self.skin.resize(cells, 0);
        self.cells.clear();
        self.cells.resize(cells, [0.0; 4]);
        self.shine.clear();
        self.shine.resize(cells, 0.0);
    }

    /// Raises the surface where a sphere stands out of it.
    fn heap(&mut self, ball: &Seen) {
        let q = self.density;
        let (cx, cy, r) = (self.foot.0 + ball.x * q, self.foot.1 + ball.y * q, ball.r * q);
        let (z, per_cell) = (ball.z, 1.0 / q);
        for y in (cy - r).ceil().max(0.0) as usize..=((cy + r) as usize).min(self.height - 1) {
            let dy = y as f32 - cy;
            let half = (r * r - dy * dy).max(0.0).sqrt();
            let (from, to) = ((cx - half).ceil().max(0.0) as usize, (cx + half) as usize);
            let row = y * self.width;
            for x in from..=to.min(self.width - 1) {
                let dx = x as f32 - cx;
                let surface = z + (r * r - dy * dy - dx * dx).max(0.0).sqrt() * per_cell;
                let old = self.depth[row + x];
                let gap = surface - old;
                if gap > 0.0 {
                    self.skin[row + x] = ball.skin;
                }
                let apart = gap.abs();
                let melt =
                    if apart < MELT_M { (MELT_M - apart) * (MELT_M - apart) / (4.0 * MELT_M) } else { 0.0 };
                self.depth[row + x] = old.max(surface) + melt;
            }
        }
    }

    /// Turns the surface into colour.
    fn skin_over(&mut self, body: &Body, aspect: Aspect, lamp: Lamp) {
        for y in 1..self.height - 1 {
            for x in 1..self.width - 1 {
                let at = y * self.width + x;
                if self.depth[at] == EMPTY || self.frayed(at, x, y, body.salt) {
                    continue;
                }
                let skin = &body.skins[usize::from(self.skin[at])];
                let normal = self.normal(at);
                let hair = self.hair(x, y, aspect, body.salt);
                let light = lit(normal, lamp) * self.depth_shade(at) * (1.0 + skin.rough * (hair - 0.5));
                let [r, g, b, ir] = shade(skin.albedo, light);
                self.cells[at] = if lamp.infrared { [ir, ir, ir, 1.0] } else { [r, g, b, 1.0] };
                self.shine[at] = skin.shine;
            }
        }
    }

    /// Hair makes the outline uneven.
    fn frayed(&self, at: usize, x: usize, y: usize, salt: u32) -> bool {
        let open = [at - 1, at + 1, at - self.width].iter().any(|&n| self.depth[n] == EMPTY);
        let (u, v) = self.on_body(x, y);
        open && speck((u * 31.0) as i32, (v * 31.0) as i32, salt) < 0.35
    }

    /// Strands of hair, 0..1: stretched along the flank, fixed to the body.
    fn hair(&self, x: usize, y: usize, aspect: Aspect, salt: u32) -> f32 {
        let (u, v) = self.on_body(x, y);
        let along = if aspect.yaw.cos().abs() > 0.5 { 0.6 } else { 1.0 };
        0.45 * value(u * 26.0 * along, v * 34.0, salt) + 0.55 * value(u * 7.0, v * 8.0, salt + 1)
    }

    fn on_body(&self, x: usize, y: usize) -> (f32, f32) {
        ((x as f32 - self.foot.0) / self.density, (y as f32 - self.foot.1) / self.density)
    }

    /// What lies on the far side of the body gets less light.
    fn depth_shade(&self, at: usize) -> f32 {
        (0.85 + 0.5 * self.depth[at]).clamp(0.55, 1.0)
    }

    /// Right, up and towards the camera; of length 1.
    fn normal(&self, at: usize) -> [f32; 3] {
        let slope = |a: usize, b: usize| {
            let (a, b) = (self.depth[a], self.depth[b]);
            let (a, b) = (
                if a == EMPTY { self.depth[at] - 0.06 } else { a },
                if b == EMPTY { self.depth[at] - 0.06 } else { b },
            );
            ((a - b) * self.density * 0.5).clamp(-2.5, 2.5)
        };
        let (x, y) = (slope(at - 1, at + 1), slope(at + self.width, at - self.width));
        let length = (x * x + y * y + 1.0).sqrt();
        [x / length, y / length, 1.0 / length]
    }
}

/// Share of light that a surface of this normal sends to the camera.
fn lit([x, y, z]: [f32; 3], lamp: Lamp) -> f32 {
    if lamp.infrared {
        return 0.25 + 0.75 * z;
    }
    let sky = 0.62 + 0.38 * y;
    let sun = (-0.45 * x + 0.75 * y + 0.48 * z).max(0.0);
    mix(sky, 0.45 * sky + 0.95 * sun, lamp.directed)
}

impl Sprite {
    /// Colour with cover, and shine, between cells.
    pub fn sample(&self, x: f32, y: f32) -> ([f32; 4], f32) {
        let (x, y) = (x - 0.5, y - 0.5);
        if x < 0.0 || y < 0.0 || x >= (self.width - 1) as f32 || y >= (self.height - 1) as f32 {
            return ([0.0; 4], 0.0);
        }
        let (ix, iy) = (x as usize, y as usize);
        let (tx, ty) = (x - ix as f32, y - iy as f32);
        let at = iy * self.width + ix;
        let corners = [at, at + 1, at + self.width, at + self.width + 1];
        let weights = [(1.0 - tx) * (1.0 - ty), tx * (1.0 - ty), (1.0 - tx) * ty, tx * ty];
        let (mut sum, mut shine) = ([0.0; 4], 0.0);
        for (corner, weight) in corners.into_iter().zip(weights) {
            let cell = self.cells[corner];
            for k in 0..4 {
                sum[k] += cell[k] * weight;
            }
            shine += self.shine[corner] * weight;
        }
        (sum, shine)
    }
}
