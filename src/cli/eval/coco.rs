//! COCO files: annotations and predictions become samples, and predictions are written back.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::model::Seen;
use super::report::Unreadable;
use crate::cli::exit::{Exit, Failure, OrExit};
use crate::evaluate::{PixelBox, Prediction, Sample, Truth};
use crate::perceive::model::Class;

/// A folder with `annotations.json` and `images/`.
pub struct Dataset {
    /// The folder.
    pub folder: PathBuf,
    /// Pictures in the order of their ids, as the COCO tools take them.
    pub pictures: Vec<Picture>,
    /// Truths of each picture; predictions still empty.
    pub samples: Vec<Sample>,
    /// Category ids of the classes that bearwatch knows; others in the file are left out.
    categories: BTreeMap<i64, Option<Class>>,
}

/// One picture of the annotations.
#[derive(Clone, Debug, Deserialize)]
pub struct Picture {
    /// COCO id.
    pub id: i64,
    /// Relative to `images/`.
    pub file_name: String,
    /// Pixels, where stated.
    pub width: Option<u32>,
    /// Pixels, where stated.
    pub height: Option<u32>,
}

#[derive(Deserialize)]
struct Annotations {
    images: Vec<Picture>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: i64,
    category_id: i64,
    bbox: [f64; 4],
    #[serde(default)]
    iscrowd: u8,
}

#[derive(Deserialize)]
struct Category {
    id: i64,
    name: String,
}

/// One line of a COCO results file.
#[derive(Serialize, Deserialize)]
struct ResultLine {
    image_id: i64,
    category_id: i64,
    bbox: [f64; 4],
    score: f64,
}

impl Dataset {
    /// Reads `DIR/annotations.json` and checks that it fits together.
    pub fn read(folder: &Path) -> Result<Dataset, Failure> {
        let path = folder.join("annotations.json");
        let mut file: Annotations = read_json(&path, "COCO annotations (images, annotations, categories)")?;
        let bad = |what: String| wrong(&path, what);
        file.images.sort_by_key(|p| p.id);
        if let Some(twice) = file.images.windows(2).find(|w| w[0].id == w[1].id) {
            return Err(bad(format!("image id {} stands twice; give every picture its own", twice[0].id)));
        }
        let categories = file.categories.iter().map(|c| (c.id, class_named(&c.name))).collect();
        let mut dataset = Dataset {
            folder: folder.to_owned(),
            samples: file
                .images
                .iter()
                .map(|p| Sample { file: p.file_name.clone(), ..Sample::default() })
                .collect(),
            pictures: file.images,
            categories,
        };
        if dataset.pictures.is_empty() {
            return Err(bad("it lists no picture".into()));
        }
        if dataset.category(Class::Bear).is_none() {
            return Err(bad("it has no category named \"bear\"; rename the one that means bears".into()));
        }
        dataset.add_truths(&file.annotations).map_err(bad)?;
        Ok(dataset)
    }

    /// Adds the predictions of a COCO results file.
    pub fn add_predictions(&mut self, path: &Path) -> Result<(), Failure> {
        let lines: Vec<ResultLine> =
            read_json(path, "a COCO results file (a list of image_id, category_id, bbox, score)")?;
        let index = self.index();
        for (at, line) in lines.iter().enumerate() {
            let placed = self.place(&index, line.image_id, line.category_id, line.bbox);
            let (sample, class, bbox) = placed.map_err(|what| wrong(path, format!("entry {at}: {what}")))?;
            if let Some(class) = class {
                self.samples[sample].predictions.push(Prediction { class, score: line.score, bbox });
            }
        }
        Ok(())
    }

    /// Takes the model's word for each picture in order; pictures that it could not see are taken out and returned.
    pub fn take_predictions(&mut self, seen: Vec<Seen>) -> Vec<Unreadable> {
        let (pictures, samples) = (std::mem::take(&mut self.pictures), std::mem::take(&mut self.samples));
        let mut unreadable = Vec::new();
        for ((picture, mut sample), seen) in pictures.into_iter().zip(samples).zip(seen) {
            match seen {
                Ok(predictions) => {
                    sample.predictions = predictions;
                    self.pictures.push(picture);
                    self.samples.push(sample);
                }
                Err(error) => unreadable.push(Unreadable { file: picture.file_name, error }),
            }
        }
        unreadable
    }

    /// Writes all predictions as a COCO results file.
    pub fn save_predictions(&self, path: &Path) -> Result<(), Failure> {
        let mut lines = Vec::new();
        for (picture, sample) in self.pictures.iter().zip(&self.samples) {
            for p in &sample.predictions {
                // A class without a category cannot be named in the file and is not judged either.
                let Some(category_id) = self.category(p.class) else { continue };
                let bbox = [p.bbox.x, p.bbox.y, p.bbox.w, p.bbox.h];
                lines.push(ResultLine { image_id: picture.id, category_id, bbox, score: p.score });
            }
        }
        crate::cli::output::write_json(path, &lines)
    }

    /// The classes that the annotations speak of, bear first.
    pub fn classes(&self) -> Vec<Class> {
        Class::ALL.into_iter().filter(|c| self.category(*c).is_some()).collect()
    }

    /// The file of a picture.
    pub fn path(&self, picture: usize) -> PathBuf {
        self.folder.join("images").join(&self.pictures[picture].file_name)
    }

    fn category(&self, class: Class) -> Option<i64> {
        self.categories.iter().find(|(_, c)| **c == Some(class)).map(|(id, _)| *id)
    }

    fn index(&self) -> HashMap<i64, usize> {
        self.pictures.iter().enumerate().map(|(i, p)| (p.id, i)).collect()
    }

    fn add_truths(&mut self, annotations: &[Annotation]) -> Result<(), String> {
        let index = self.index();
        for (at, a) in annotations.iter().enumerate() {
            let placed = self.place(&index, a.image_id, a.category_id, a.bbox);
            let (sample, class, bbox) = placed.map_err(|what| format!("annotation {at}: {what}"))?;
            if let Some(class) = class {
                self.samples[sample].truths.push(Truth { class, bbox, crowd: a.iscrowd != 0 });
            }
        }
        Ok(())
    }

    /// Finds picture and class of a box, or says what does not fit.
    fn place(
        &self,
        index: &HashMap<i64, usize>,
        image: i64,
        category: i64,
        bbox: [f64; 4],
    ) -> Result<(usize, Option<Class>, PixelBox), String> {
        let sample = *index.get(&image).ok_or_else(|| format!("image_id {image} is not among the images"))?;
        let class = self
            .categories
            .get(&category)
            .ok_or_else(|| format!("category_id {category} is not among the categories"))?;
        if bbox[2] < 0.0 || bbox[3] < 0.0 {
            return Err(format!("bbox {bbox:?} has a negative size; COCO boxes are [x, y, width, height]"));
        }
        Ok((sample, *class, PixelBox::new(bbox)))
    }
}

fn class_named(name: &str) -> Option<Class> {
    Class::ALL.into_iter().find(|c| c.name() == name)
}

fn wrong(path: &Path, what: String) -> Failure {
    Failure::new(Exit::BadData, anyhow::anyhow!("{}: {what}", path.display()))
}

/// Reads a JSON file: exit code 66 where it is not there, 65 where it says something else than expected.
pub fn read_json<T: DeserializeOwned>(path: &Path, expected: &str) -> Result<T, Failure> {
    let text = std::fs::read(path)
        .map_err(|error| anyhow::anyhow!("{}: {error}; it must hold {expected}", path.display()))
        .or_exit(Exit::NoInput)?;
    serde_json::from_slice(&text).map_err(|error| wrong(path, format!("{error}; it must hold {expected}")))
}
