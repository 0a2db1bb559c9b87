//! What people said is on pictures, as data sets that `training/` and `bearwatch eval` take: `train/` and `val/` with `images/` and `annotations.json`
//! (COCO), and a list of the pictures on which the model contradicts people most.
//!
//! Split by camera and day: pictures of one day of one camera look alike, and must not stand on both sides.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::report::local_date;
use super::review::Seen;
use super::store::{Address, Labelled, PictureKey, Store, StoreError};
use crate::capture::jpeg::header;
use crate::evaluate::worst::Loss;
use crate::evaluate::{PixelBox, Prediction, Sample, Truth};
use crate::perceive::model::Class;
use crate::publish::audit::Sighting;
use crate::system::file;

/// One day of a camera in so many is for evaluation.
const VALIDATION: u64 = 5;
/// Operating point where a picture's is not known.
const OPERATING_POINT: f64 = 0.4;

/// What was written, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Pictures for training, and for evaluation.
    pub train: usize,
    /// For evaluation.
    pub val: usize,
    /// Boxes.
    pub boxes: usize,
    /// Left out: the picture does not tell.
    pub cannot_tell: usize,
    /// Left out: somebody said what is there and drew no box around it; a model would learn that nothing is there.
    pub without_box: usize,
    /// Left out: the model's box is drawn on it.
    pub marked: usize,
    /// Left out: another person is still to look at it.
    pub another: usize,
    /// Left out: drawn by the simulator.
    pub simulated: usize,
}

/// Why nothing was exported.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The folder.
    #[error("{}: {reason}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What is wrong and what to do.
        reason: String,
    },
}

#[derive(Serialize)]
struct Image {
    id: usize,
    file_name: String,
    width: u32,
    height: u32,
    camera: String,
    date: String,
}

#[derive(Serialize)]
struct Annotation {
    id: usize,
    image_id: usize,
    category_id: usize,
    bbox: [f64; 4],
    area: f64,
    iscrowd: u8,
}

#[derive(Serialize)]
struct Category {
    id: usize,
    name: &'static str,
}

/// One side of the split.
#[derive(Serialize)]
struct Side {
    images: Vec<Image>,
    annotations: Vec<Annotation>,
    categories: Vec<Category>,
}

impl Side {
    fn new() -> Side {
        let categories =
            (1..).zip(Class::ALL).map(|(id, class)| Category { id, name: class.name() }).collect();
        Side { images: Vec::new(), annotations: Vec::new(), categories }
    }
}

/// A picture on which the model contradicts people.
#[derive(Serialize)]
struct Doubt {
    file: String,
    /// Cross-entropy in nats, as `bearwatch eval` counts it.
    loss: f64,
    missed: usize,
    imagined: usize,
    by: String,
}

/// Writes the data sets; the folder must not be there yet, and is there as a whole or not at all.
///
/// # Errors
/// What is wrong with database or folder.
pub async fn export(
    database: &Address,
    folder: &Path,
    zone: &TimeZone,
    simulated: bool,
) -> Result<Exported, ExportError> {
    let store = Store::look(database).await?;
    let wrong = |path: &Path, reason: String| ExportError::Folder { path: path.to_owned(), reason };
    if folder.exists() {
        return Err(wrong(folder, "is there already; name one that is not, nothing is overwritten".into()));
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed =
        |error: io::Error| wrong(parent, format!("{error}; it must be a folder that this user may write to"));
    let making = tempfile::Builder::new().prefix(".bearwatch-export-").tempdir_in(parent).map_err(failed)?;
    let exported = write(&store, making.path(), zone, simulated).await?;
    let made = making.keep();
    fs::rename(&made, folder).map_err(|error| wrong(folder, error.to_string()))?;
    file::sync_folder(parent).map_err(failed)?;
    Ok(exported)
}

async fn write(
    store: &Store,
    folder: &Path,
    zone: &TimeZone,
    simulated: bool,
) -> Result<Exported, ExportError> {
    let failed =
        |error: io::Error| ExportError::Folder { path: folder.to_owned(), reason: error.to_string() };
    let mut exported = Exported::default();
    let mut sides = BTreeMap::from([("train", Side::new()), ("val", Side::new())]);
    let mut doubts = Vec::new();
    for name in sides.keys() {
        fs::create_dir_all(folder.join(name).join("images")).map_err(failed)?;
    }
    for one in store.labelled().await? {
        if exported.leaves_out(&one, simulated) {
            continue;
        }
        let Some(jpeg) = store.jpeg_of(&one.key).await? else { continue };
        let Some((width, height)) = size(&jpeg) else { continue };
        let date = local_date(one.at_ms, zone);
        let side = if is_validation(&one.camera, &date) { "val" } else { "train" };
        let file = format!("{}-{}.jpg", one.camera.replace('/', "-"), plain(&one.key));
        fs::write(folder.join(side).join("images").join(&file), &jpeg).map_err(failed)?;
        let sample = sample(&one, &file, (width, height));
        doubts.extend(doubt(&one, &sample, side));
        if let Some(into) = sides.get_mut(side) {
            into.take(
                &sample,
                Image { id: into.images.len() + 1, file_name: file, width, height, camera: one.camera, date },
            );
        }
    }
    doubts.sort_by(|a, b| b.loss.total_cmp(&a.loss));
    for (name, side) in &sides {
        let text = serde_json::to_vec(side).map_err(|error| failed(error.into()))?;
        fs::write(folder.join(name).join("annotations.json"), text).map_err(failed)?;
        exported.boxes += side.annotations.len();
    }
    (exported.train, exported.val) = (sides["train"].images.len(), sides["val"].images.len());
    let text = serde_json::to_vec_pretty(&doubts).map_err(|error| failed(error.into()))?;
    fs::write(folder.join("doubts.json"), text).map_err(failed)?;
    Ok(exported)
}

impl Exported {
    fn leaves_out(&mut self, one: &Labelled, simulated: bool) -> bool {
        let counter = if one.simulated && !simulated {
            &mut self.simulated
        } else if one.label.seen == Seen::CannotTell {
            &mut self.cannot_tell
        } else if one.another {
            &mut self.another
        } else if one.marked {
            &mut self.marked
        } else if one.label.things.iter().any(|thing| thing.bbox.is_none()) {
            &mut self.without_box
        } else {
            return false;
        };
        *counter += 1;
        true
    }
}

impl Side {
    fn take(&mut self, sample: &Sample, image: Image) {
        for truth in &sample.truths {
            let PixelBox { x, y, w, h } = truth.bbox;
            let (id, category_id) = (self.annotations.len() + 1, truth.class as usize + 1);
            self.annotations.push(Annotation {
                id,
                image_id: image.id,
                category_id,
                bbox: [x, y, w, h],
                area: w * h,
                iscrowd: 0,
            });
        }
        self.images.push(image);
    }
}

/// What people and model say, as evaluations take it.
fn sample(one: &Labelled, file: &str, (width, height): (u32, u32)) -> Sample {
    let (width, height) = (f64::from(width), f64::from(height));
    let truth = |class, [x, y, w, h]: [f64; 4]| {
        let bbox = [x * width, y * height, w * width, h * height].map(|side| (side * 10.0).round() / 10.0);
        Truth { class, bbox: PixelBox::new(bbox), crowd: false }
    };
    let seen: Vec<Sighting> =
        one.detections.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let prediction = |s: &Sighting| Prediction {
        class: s.class,
        score: f64::from(s.score),
        bbox: PixelBox::new(s.bbox.map(f64::from)),
    };
    Sample {
        file: file.to_owned(),
        truths: one.label.things.iter().filter_map(|thing| Some(truth(thing.class, thing.bbox?))).collect(),
        predictions: seen.iter().map(prediction).collect(),
    }
}

/// Only where it is known what the model saw on this very picture.
fn doubt(one: &Labelled, sample: &Sample, side: &str) -> Option<Doubt> {
    one.detections.as_ref()?;
    let Loss { loss, missed, imagined, .. } =
        Loss::on(sample, 0, Class::Bear, one.threshold.unwrap_or(OPERATING_POINT));
    let file = format!("{side}/images/{}", sample.file);
    (loss > 0.0).then(|| Doubt {
        file,
        loss: (loss * 1e4).round() / 1e4,
        missed,
        imagined,
        by: one.label.by.clone(),
    })
}

fn plain(key: &PictureKey) -> String {
    let boot: String = key.boot.chars().filter(char::is_ascii_alphanumeric).take(32).collect();
    format!("{boot}-{}", key.seq)
}

/// The same days on each export, whatever else is in the database.
fn is_validation(camera: &str, date: &str) -> bool {
    let hash = Sha256::digest(format!("{camera} {date}"));
    let number = hash.iter().take(7).fold(0u64, |number, byte| (number << 8) | u64::from(*byte));
    number.is_multiple_of(VALIDATION)
}

/// Width and height of a JPEG; `None` where it is none that can be read.
fn size(jpeg: &[u8]) -> Option<(u32, u32)> {
    header(jpeg).map(|header| (header.width, header.height))
}
