//! The way of a frame from camera bytes to the network's input, step by step: one JSON line of microseconds, medians.
//!
//!     cargo bench --profile dist --bench frames -- --frames FOLDER
//!
//! FOLDER holds raw frames of one size, whole files: camera.mjpeg as many JPEG pictures in a row, and any of camera.yuyv422, camera.nv12,
//! camera.gray (ffmpeg's names) with the same pictures. `benches/frames.py` makes them.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark")]

use std::path::{Path, PathBuf};

use bearwatch::capture::jpeg::{Cut, Cutter};
use bearwatch::capture::pixels::{raw_bytes, to_picture};
use bearwatch::infer::bundle::Bundle;
use bearwatch::perceive::frame::{Frame, Picture, PixelFormat, Stamp};
use bearwatch::perceive::perception::Perception;
use bearwatch::perceive::settings::{RegionMode, Settings};
use bearwatch::system::clock::Stopwatch;
use clap::Parser;

/// A file of FOLDER, and how its frames are laid out.
const RAW: [(&str, PixelFormat); 3] =
    [("yuyv422", PixelFormat::Yuyv), ("nv12", PixelFormat::Nv12), ("gray", PixelFormat::Grey)];

/// Milliseconds between two frames: a camera's 15 a second.
const FRAME_MS: u64 = 67;

#[derive(Parser)]
struct Args {
    /// Folder with camera.mjpeg and its like
    #[arg(long)]
    frames: PathBuf,
    /// What cargo says to every benchmark
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() {
    let args = Args::parse();
    let frames = pictures(&std::fs::read(args.frames.join("camera.mjpeg")).unwrap());
    let mut picture = Picture::default();
    let mut steps = vec![Step::new("MJPEG to RGB", to_rgb(&frames, &mut picture))];
    for (name, format) in RAW {
        let file = args.frames.join(format!("camera.{name}"));
        steps.push(Step::new(&format!("{name} to RGB"), to_rgb(&raw(&file, format, &picture), &mut picture)));
    }
    steps.extend(to_input(&frames));
    println!("{}", serde_json::json!({ "steps": steps, "frames": frames.len() }));
}

#[derive(serde::Serialize)]
struct Step {
    what: String,
    us: f64,
}

impl Step {
    fn new(what: &str, mut times_us: Vec<f64>) -> Step {
        times_us.sort_by(f64::total_cmp);
        Step { what: what.to_owned(), us: times_us[times_us.len() / 2] }
    }
}

fn pictures(mut stream: &[u8]) -> Vec<Frame> {
    let mut cutter = Cutter::default();
    let mut found = vec![];
    while let Cut::Picture(length) = cutter.cut(stream) {
        found.push(Frame { format: PixelFormat::Jpeg, data: stream[..length].to_vec(), ..Frame::empty() });
        stream = &stream[length..];
        if stream.is_empty() {
            break;
        }
    }
    found
}

/// Frames of the size of `like`.
fn raw(file: &Path, format: PixelFormat, like: &Picture) -> Vec<Frame> {
    let (width, height) = (like.width, like.height);
    let frame = |data: &[u8]| Frame { format, width, height, data: data.to_vec(), ..Frame::empty() };
    std::fs::read(file).unwrap().chunks_exact(raw_bytes(format, width, height).unwrap()).map(frame).collect()
}

fn to_rgb(frames: &[Frame], picture: &mut Picture) -> Vec<f64> {
    frames.iter().map(|frame| timed(|| to_picture(frame, picture).unwrap())).collect()
}

/// Light and regions of a frame, and the filling of the inputs, as the daemon does it with all tiles.
fn to_input(frames: &[Frame]) -> [Step; 3] {
    let spec = Bundle::open(None).unwrap().spec;
    let mut perception =
        Perception::new(spec, Settings { regions: RegionMode::Tiles, ..Settings::default() });
    let (mut picture, mut input) = (Picture::default(), vec![]);
    let (mut begun, mut whole, mut tile) = (vec![], vec![], vec![]);
    for (at, frame) in frames.iter().enumerate() {
        to_picture(frame, &mut picture).unwrap();
        let stamp = Stamp { uptime_ms: at as u64 * FRAME_MS, ..Stamp::default() };
        let mut regions = vec![];
        begun.push(timed(|| regions = perception.begin(&picture, stamp)));
        whole.push(timed(|| perception.fill(&picture, regions[0], &mut input)));
        tile.push(timed(|| perception.fill(&picture, regions[1], &mut input)));
    }
    [
        Step::new("light measured, regions chosen", begun),
        Step::new("whole frame scaled to the input", whole),
        Step::new("one tile of nine copied to the input", tile),
    ]
}

/// Microseconds.
fn timed(work: impl FnOnce()) -> f64 {
    let watch = Stopwatch::start();
    work();
    watch.elapsed_ms() * 1e3
}
