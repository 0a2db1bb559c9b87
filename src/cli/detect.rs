//! `bearwatch detect`: what the model sees on pictures and videos.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use serde::Serialize;

use super::exit::{Exit, OrExit, Outcome};
use super::input::{Input, expand};
use super::progress::bar;
use crate::infer::annotate::mark;
use crate::infer::bundle::Bundle;
use crate::infer::still::StillDetector;
use crate::perceive::frame::Picture;
use crate::perceive::model::Class;
use crate::perceive::observation::Detection;
use crate::perceive::settings::RegionMode;
use crate::system::clock::Stopwatch;

/// Look for bears, people and animals on pictures and videos.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bearwatch detect IMG_0412.JPG                       a line a box, for people
  bearwatch detect --json pictures/ > found.jsonl     a JSON line a picture, for programs
  bearwatch detect --out annotated/ night.mp4         copies with boxes drawn (videos need ffmpeg)

Exit codes: 0 all read · 65 some could not be read, or the model is unsuitable · 73 --out cannot be written")]
pub struct DetectArgs {
    /// Pictures (JPEG, PNG), videos, and folders of them
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// One JSON line a picture on stdout
    #[arg(long)]
    json: bool,
    /// Write copies with the boxes drawn into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Show boxes from this score on, 0..1 [default: each class's operating point in the model's card]
    #[arg(long, value_name = "S", value_parser = score)]
    min_score: Option<f32>,
    /// Which parts of a picture the model looks at
    #[arg(long, value_enum, default_value = "auto")]
    regions: RegionMode,
    /// Model to use instead of the embedded one; its card stands beside it (NAME.onnx, NAME.json)
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
}

fn score(text: &str) -> Result<f32, String> {
    let value: f32 = text.parse().map_err(|_| "not a number".to_owned())?;
    (0.0..=1.0).contains(&value).then_some(value).ok_or_else(|| "a score lies between 0 and 1".into())
}

/// A picture's result, as JSON (`contract`: file as given, boxes in pixels after EXIF orientation).
#[derive(Debug, Serialize)]
struct Found<'a> {
    file: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_s: Option<f64>,
    width: u32,
    height: u32,
    detections: Vec<Box>,
    ms: f64,
}

#[derive(Debug, Serialize)]
struct Box {
    class: Class,
    score: f32,
    bbox: [f32; 4],
}

/// A picture that could not be read.
#[derive(Debug, Serialize)]
struct Unread<'a> {
    file: &'a str,
    error: String,
}

/// Runs the command.
///
/// # Errors
/// 65 for an unsuitable model, 73 where the copies cannot be written, 74 where stdout is closed.
pub fn run(args: DetectArgs) -> Outcome {
    let bundle = Bundle::open(args.model.as_deref()).or_exit(Exit::BadData)?;
    let detector = StillDetector::load(&bundle).or_exit(Exit::BadData)?;
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)
            .with_context(|| {
                format!("--out {}: cannot be created; choose a folder you may write to", folder.display())
            })
            .or_exit(Exit::CannotCreate)?;
    }
    let inputs = expand(&args.paths);
    let mut report = Report { detector, args, unread: 0 };
    let progress = bar(inputs.len(), "pictures");
    for input in inputs {
        report.input(&input)?;
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(if report.unread > 0 { Exit::BadData } else { Exit::Ok })
}

/// Where in a video a picture stood.
#[derive(Clone, Copy)]
struct Place {
    frame: u64,
    time_s: f64,
}

struct Report {
    detector: StillDetector,
    args: DetectArgs,
    unread: usize,
}

impl Report {
    fn input(&mut self, input: &Input) -> Result<(), super::exit::Failure> {
        let name = input.path.display().to_string();
        for step in input.pictures() {
            match step {
                Ok((picture, place)) => {
                    let place = place.map(|(frame, time_s)| Place { frame, time_s });
                    self.picture(input, &name, picture, place)?;
                }
                Err(error) => self.unread(&name, error)?,
            }
        }
        Ok(())
    }

    fn picture(
        &mut self,
        input: &Input,
        name: &str,
        mut picture: Picture,
        place: Option<Place>,
    ) -> Result<(), super::exit::Failure> {
        let watch = Stopwatch::start();
        let found = self.detect(&picture).or_exit(Exit::Bug)?;
        let ms = (watch.elapsed_ms() * 100.0).round() / 100.0;
        if self.args.out.is_some() {
            found.iter().for_each(|d| mark(&mut picture, d.class, d.score, d.bbox));
            self.save(input, &picture, place).or_exit(Exit::CannotCreate)?;
        }
        let (width, height) = (picture.width, picture.height);
        let pixels =
            |d: &Detection| Box { class: d.class, score: d.score, bbox: d.bbox.to_pixels(width, height) };
        let detections = found.iter().map(pixels).collect();
        let (frame, time_s) = (place.map(|p| p.frame), place.map(|p| p.time_s));
        self.say(&Found { file: name, frame, time_s, width, height, detections, ms })
    }

    /// Boxes at the asked score, or at each class's operating point.
    fn detect(&mut self, picture: &Picture) -> Result<Vec<Detection>, crate::infer::engine::RunError> {
        let classes = &self.detector.spec().classes;
        let lowest = classes.iter().map(|c| c.threshold).fold(1.0, f32::min);
        let asked = self.args.min_score;
        let mut found = self.detector.detect(picture, self.args.regions, asked.unwrap_or(lowest))?;
        if asked.is_none() {
            found.retain(|d| d.score >= self.detector.spec().threshold(d.class));
        }
        Ok(found)
    }

    fn save(&self, input: &Input, picture: &Picture, place: Option<Place>) -> anyhow::Result<()> {
        let Some(folder) = &self.args.out else { return Ok(()) };
        let path = folder.join(copy_name(&input.relative, place));
        let parent = path.parent().unwrap_or(folder);
        let jpeg = crate::capture::pixels::encode_jpeg(picture, 90, u32::MAX)?;
        std::fs::create_dir_all(parent).and_then(|()| std::fs::write(&path, jpeg)).with_context(|| {
            format!("--out {}: cannot be written; free space or choose another folder", path.display())
        })
    }

    fn say(&self, found: &Found) -> Result<(), super::exit::Failure> {
        if self.args.json {
            return print_line(&serde_json::to_string(found).or_exit(Exit::Bug)?);
        }
        let at = found.time_s.map_or(String::new(), |t| format!(" at {t:.2} s"));
        if found.detections.is_empty() && found.frame.is_none() {
            print_line(&format!("{}: nothing", found.file))?;
        }
        for Box { class, score, bbox: [x, y, w, h] } in &found.detections {
            print_line(&format!(
                "{}{at}: {class} {score:.2} at {x:.0},{y:.0} size {w:.0}×{h:.0}",
                found.file
            ))?;
        }
        Ok(())
    }

    fn unread(&mut self, name: &str, error: String) -> Result<(), super::exit::Failure> {
        self.unread += 1;
        if self.args.json {
            return print_line(&serde_json::to_string(&Unread { file: name, error }).or_exit(Exit::Bug)?);
        }
        tracing::error!("{error}");
        Ok(())
    }
}

/// `a/b.png` → `a/b.jpg`; frames of a video get their number.
fn copy_name(relative: &Path, place: Option<Place>) -> PathBuf {
    let stem = relative.with_extension("");
    match place {
        Some(Place { frame, .. }) => stem.join(format!("{frame:06}.jpg")),
        // The old extension stays in the name, so that b.png and b.jpg do not overwrite each other.
        None => PathBuf::from(format!("{}.jpg", relative.display())),
    }
}

fn print_line(line: &str) -> Result<(), super::exit::Failure> {
    writeln!(std::io::stdout().lock(), "{line}").map_err(|e| anyhow!("stdout: {e}")).or_exit(Exit::Io)
}
