//! The light that the scene is seen in: measures of the picture, the regime that follows from them, and the tone curve.

use super::frame::{Picture, Stamp};
use super::observation::{Regime, Scene};
use super::regions::IDENTITY_TONE;
use super::tone;

/// The picture is measured at no more than so many places along its width and height: 6,144 are plenty for means and medians.
const SITES: (u32, u32) = (96, 64);

/// Measures a picture at a grid of sites, each with its 3 × 3 neighbours at full resolution.
pub fn measure(picture: &Picture) -> Scene {
    let mut sums = Sums::default();
    for y in sites(picture.height, SITES.1) {
        for x in sites(picture.width, SITES.0) {
            sums.add_colour(picture.pixel(x, y));
            sums.add_texture(picture, x, y);
        }
    }
    sums.scene()
}

/// Evenly spread positions along a side.
fn sites(side: u32, most: u32) -> impl Iterator<Item = u32> + Clone {
    let count = side.min(most);
    (0..count).map(move |i| ((2 * u64::from(i) + 1) * u64::from(side) / (2 * u64::from(count))) as u32)
}

/// What is summed over the sites. Luma in 0..255.
struct Sums {
    sites: f32,
    luma: f64,
    luma_squared: f64,
    chroma: f64,
    textures: f64,
    laplacian: f64,
    laplacian_squared: f64,
    /// How often which absolute response of the noise kernel was seen; the last bucket holds all larger ones.
    noise: [u32; 256],
}

impl Default for Sums {
    fn default() -> Self {
        Sums {
            sites: 0.0,
            luma: 0.0,
            luma_squared: 0.0,
            chroma: 0.0,
            textures: 0.0,
            laplacian: 0.0,
            laplacian_squared: 0.0,
            noise: [0; 256],
        }
    }
}

impl Sums {
    fn add_colour(&mut self, rgb: [u8; 3]) {
        let luma = f64::from(luma(&rgb));
        self.sites += 1.0;
        self.luma += luma;
        self.luma_squared += luma * luma;
        // Cb and Cr of BT.601 are these differences times 0.564 and 0.713.
        let blue = 0.564 * (f64::from(rgb[2]) - luma);
        let red = 0.713 * (f64::from(rgb[0]) - luma);
        self.chroma += (blue.abs() + red.abs()) / 2.0;
    }

    fn add_texture(&mut self, picture: &Picture, x: u32, y: u32) {
        if picture.width < 3 || picture.height < 3 {
            return;
        }
        let (x, y) = (x.clamp(1, picture.width - 2) as usize, y.clamp(1, picture.height - 2) as usize);
        let stride = picture.width as usize * 3;
        let row = |dy: usize| {
            let nine = &picture.data[(y + dy - 1) * stride + (x - 1) * 3..][..9];
            [luma(&nine[..3]), luma(&nine[3..6]), luma(&nine[6..])]
        };
        let (above, here, below) = (row(0), row(1), row(2));
        let sides = above[1] + here[0] + here[2] + below[1];
        let corners = above[0] + above[2] + below[0] + below[2];
        let laplacian = f64::from(sides - 4 * here[1]);
        self.textures += 1.0;
        self.laplacian += laplacian;
        self.laplacian_squared += laplacian * laplacian;
        let response = (corners - 2 * sides + 4 * here[1]).unsigned_abs() as usize;
        self.noise[response.min(255)] += 1;
    }

    fn scene(&self) -> Scene {
        let n = f64::from(self.sites).max(1.0);
        let mean = self.luma / n;
        let noise = self.noise_deviation();
        let textures = self.textures.max(1.0);
        let laplacian = self.laplacian / textures;
        // Noise alone makes a variance of 20 σ² under the Laplacian (1+1+1+1+16): it is no sharpness.
        let variance = self.laplacian_squared / textures - laplacian * laplacian - 20.0 * noise * noise;
        Scene {
            luma: (mean / 255.0) as f32,
            contrast: ((self.luma_squared / n - mean * mean).max(0.0).sqrt() / 255.0) as f32,
            chroma: (self.chroma / n / 255.0) as f32,
            noise: (noise / 255.0) as f32,
            sharpness: (variance.max(0.0) / (255.0 * 255.0)).min(1.0) as f32,
        }
    }

    /// Immerkær's noise kernel (1996) has a norm of 6; the median of its absolute responses over 0.6745 is the deviation of normal
    /// noise. The median instead of his mean, for edges and leaves respond too.
    fn noise_deviation(&self) -> f64 {
        let half = self.textures / 2.0;
        let mut seen = 0.0;
        for (response, &count) in self.noise.iter().enumerate() {
            if count > 0 && seen + f64::from(count) >= half {
                // Within the bucket in proportion: responses are whole numbers, quiet sensors need the fraction.
                let inside = (half - seen) / f64::from(count);
                let median = if response == 0 { 0.5 * inside } else { response as f64 - 0.5 + inside };
                return median / (0.6745 * 6.0);
            }
            seen += f64::from(count);
        }
        0.0
    }
}

/// BT.601 luma of packed RGB, 0..255.
fn luma(rgb: &[u8]) -> i32 {
    (77 * i32::from(rgb[0]) + 150 * i32::from(rgb[1]) + 29 * i32::from(rgb[2])) >> 8
}

/// Below this chroma there is no colour; above the second there is. In between the regime stays what it is.
const COLOURLESS: (f32, f32) = (0.006, 0.012);

/// Below this luma it is dusk; above the second it is day. In between the regime stays what it is.
const DARK: (f32, f32) = (0.20, 0.27);

/// A new regime must hold so long before it is taken over: headlights and passing clouds are shorter.
const DWELL_MS: u64 = 2_000;

/// Follows the light.
#[derive(Clone, Debug)]
pub struct Condition {
    enhance: bool,
    regime: Option<Regime>,
    pending: Option<(Regime, u64)>,
    exponent: f32,
    tone: [u8; 256],
}

impl Condition {
    /// `enhance`: brighten dark pictures.
    pub fn new(enhance: bool) -> Condition {
        Condition { enhance, regime: None, pending: None, exponent: 1.0, tone: IDENTITY_TONE }
    }

    /// The regime in force; day until a picture said otherwise.
    pub fn regime(&self) -> Regime {
        self.regime.unwrap_or(Regime::Day)
    }

    /// The tone table of this frame.
    pub fn tone(&self) -> &[u8; 256] {
        &self.tone
    }

    /// Measures a picture and follows what it says.
    pub fn observe(&mut self, picture: &Picture, stamp: Stamp) -> Scene {
        let scene = measure(picture);
        self.follow(suggested(&scene, self.regime), stamp.uptime_ms);
        if self.enhance {
            self.brighten(&scene);
        }
        scene
    }

    fn follow(&mut self, suggested: Regime, now_ms: u64) {
        let Some(current) = self.regime else {
            self.regime = Some(suggested);
            return;
        };
        self.pending = match self.pending {
            _ if suggested == current => None,
            Some((regime, since)) if regime == suggested => Some((regime, since)),
            _ => Some((suggested, now_ms)),
        };
        if let Some((regime, since)) = self.pending
            && now_ms.saturating_sub(since) >= DWELL_MS
        {
            (self.regime, self.pending) = (Some(regime), None);
        }
    }

    fn brighten(&mut self, scene: &Scene) {
        self.exponent = tone::exponent(scene);
        self.tone = tone::table(self.exponent);
    }
}

/// The light of a single picture.
pub fn of_still(picture: &Picture) -> Regime {
    suggested(&measure(picture), None)
}

/// What a single picture says, given the regime in force.
fn suggested(scene: &Scene, current: Option<Regime>) -> Regime {
    let bound = |(low, high): (f32, f32), inside: Regime| if current == Some(inside) { high } else { low };
    if scene.chroma < bound(COLOURLESS, Regime::Infrared) {
        Regime::Infrared
    } else if scene.luma < bound(DARK, Regime::Dusk) {
        Regime::Dusk
    } else {
        Regime::Day
    }
}

#[cfg(test)]
#[path = "condition_tests.rs"]
mod tests;
