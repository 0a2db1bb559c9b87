//! `bearwatch simulate`: pictures of the drawn campsite as a COCO set.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg32;
use serde_json::{Value, json};

use super::exit::{Exit, OrExit, Outcome};
use crate::capture::settings::SceneSettings;
use crate::capture::simulated::{Scene, Truth};
use crate::perceive::frame::Picture;
use crate::perceive::model::Class;

const EXAMPLE: &str = "\
Every picture is a SIMULATION, drawn by a program: nothing in it was ever photographed. Use such sets to show a model
what the demo will show it, never to measure how good it is. Seeds below 1000 belong to demos, seeds from 1000000 on to
training, so that what is shown was never trained on.

Example:
  bearwatch simulate --out simulated --count 500 --seed 1000000
  bearwatch simulate --out night --count 50 --seed 1000000 --darkness 0.9";

/// Draw pictures of a simulated campsite, with boxes, as a COCO set.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLE)]
pub struct SimulateArgs {
    /// Folder to be made: images/*.jpg and annotations.json.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// How many pictures, each of a scene of its own.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    count: u32,
    /// Seed of the first picture; the next ones follow.
    #[arg(long, default_value_t = 1_000_000)]
    seed: u64,
    /// Pixels.
    #[arg(long, default_value_t = 640, value_parser = clap::value_parser!(u32).range(64..=4096))]
    width: u32,
    /// Pixels.
    #[arg(long, default_value_t = 360, value_parser = clap::value_parser!(u32).range(64..=4096))]
    height: u32,
    /// Light of all pictures, 0 noon … 0.5 dusk … 1 infrared night; a mixture where not given.
    #[arg(long)]
    darkness: Option<f32>,
}

/// Draws the set.
pub fn run(args: SimulateArgs) -> Outcome {
    let images = args.out.join("images");
    fs::create_dir_all(&images)
        .with_context(|| format!("cannot make the folder {}", images.display()))
        .or_exit(Exit::CannotCreate)?;
    let mut set = CocoSet::default();
    for i in 0..args.count {
        let shot = Shot::draw(&args, args.seed.wrapping_add(u64::from(i)));
        let name = format!("s{:07}.jpg", shot.seed);
        write_jpeg(&images.join(&name), &shot.picture, shot.quality).or_exit(Exit::Io)?;
        set.add(&name, &shot);
    }
    let path = args.out.join("annotations.json");
    fs::write(&path, set.into_json().to_string())
        .with_context(|| format!("cannot write {}", path.display()))
        .or_exit(Exit::Io)?;
    tracing::info!("{} simulated pictures in {}", args.count, args.out.display());
    Ok(Exit::Ok)
}

/// One drawn picture.
struct Shot {
    seed: u64,
    picture: Picture,
    truths: Vec<Truth>,
    darkness: f32,
    quality: u8,
}

impl Shot {
    fn draw(args: &SimulateArgs, seed: u64) -> Shot {
        let mut rng = Pcg32::seed_from_u64(seed ^ 0x5e7);
        let drawn: f32 = rng.random_range(0.0..1.0);
        let darkness = args.darkness.unwrap_or(drawn).clamp(0.0, 1.0);
        // Two turns of a bear, then a person or a dog: a moment of them at random, some of them empty.
        let settings = SceneSettings {
            seed,
            width: args.width,
            height: args.height,
            darkness_start: darkness,
            darkness_end: darkness,
            duration_s: 40.0,
            bears: 2,
            ..SceneSettings::default()
        };
        let mut scene = Scene::new(&settings);
        let mut picture = Picture::default();
        let truths = scene.draw(rng.random_range(0.0..settings.duration_s), &mut picture);
        Shot { seed, picture, truths, darkness, quality: rng.random_range(55..=90) }
    }

    /// As in the training data: `grey` is infrared, `dark` is dim colour.
    fn condition(&self) -> &'static str {
        let grey = self.picture.data.chunks_exact(3).all(|p| p[0] == p[1] && p[1] == p[2]);
        match self.darkness {
            _ if grey => "grey",
            d if d > 0.45 => "dark",
            _ => "day",
        }
    }
}

/// Figures of which less is seen than this have no box: a person could not name them either.
const LEAST_VISIBLE: f32 = 0.12;

#[derive(Default)]
struct CocoSet {
    images: Vec<Value>,
    annotations: Vec<Value>,
}

impl CocoSet {
    fn add(&mut self, name: &str, shot: &Shot) {
        let (width, height) = (shot.picture.width, shot.picture.height);
        let image = self.images.len() + 1;
        self.images.push(json!({
            "id": image, "file_name": name, "width": width, "height": height,
            "source": "bearwatch simulate", "licence": "MIT OR Apache-2.0", "condition": shot.condition(),
        }));
        for truth in shot.truths.iter().filter(|t| t.visible >= LEAST_VISIBLE) {
            let bbox = truth.bbox.to_pixels(width, height);
            self.annotations.push(json!({
                "id": self.annotations.len() + 1, "image_id": image, "category_id": category(truth.class), "bbox": bbox,
                "area": bbox[2] * bbox[3], "iscrowd": 0, "label": "simulated", "visible": truth.visible,
            }));
        }
    }

    fn into_json(self) -> Value {
        let categories: Vec<Value> =
            Class::ALL.iter().map(|&c| json!({ "id": category(c), "name": c.name() })).collect();
        json!({
            "info": { "description": "SIMULATED campsite, drawn by bearwatch; not photographs" },
            "images": self.images, "annotations": self.annotations, "categories": categories,
        })
    }
}

/// Number of a class in COCO files: 1 bear, 2 person, 3 animal.
fn category(class: Class) -> usize {
    Class::ALL.iter().position(|&c| c == class).map_or(0, |i| i + 1)
}

fn write_jpeg(path: &Path, picture: &Picture, quality: u8) -> anyhow::Result<()> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, quality).write_image(
        &picture.data,
        picture.width,
        picture.height,
        ExtendedColorType::Rgb8,
    )?;
    fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}
