//! Capture against the real world: files, sockets, child processes. Only the cameras that hang and that are steered are made up, because
//! none can be asked to.

#![allow(clippy::unwrap_used, reason = "a test program")]

#[path = "support/processes.rs"]
mod processes;
#[path = "support/stage.rs"]
mod stage;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bearwatch::capture::light::Seen;
use bearwatch::capture::ring::Received;
use bearwatch::capture::settings::{
    CommandFormat, CommandSettings, FilesSettings, RawPixels, SourceSettings,
};
use bearwatch::capture::{CaptureError, Event, Next, Source, Stream};
use bearwatch::perceive::frame::{Frame, PixelFormat};
use bearwatch::system::clock::Stopwatch;
use bearwatch::system::stop::Stop;
use processes::left_behind;
use stage::{Stage, grey, jpeg};

fn files(path: &Path, fps: f64, repeat: bool) -> SourceSettings {
    SourceSettings::Files(FilesSettings { path: path.to_owned(), fps, repeat, frames_each: 1 })
}

// ---- files -------------------------------------------------------------------------------------------------------------------

#[test]
fn a_folder_is_captured_to_its_end_with_a_broken_picture_counted() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.jpg", "b.jpg", "d.jpg"] {
        std::fs::write(folder.path().join(name), jpeg(100)).unwrap();
    }
    std::fs::write(folder.path().join("c.jpg"), b"not a picture").unwrap();
    let mut stage = Stage::start(files(folder.path(), 20.0, false), 5.0);
    for (sequence, name) in ["a.jpg", "b.jpg", "d.jpg"].iter().enumerate() {
        let frame = stage.frame();
        assert!(frame.name.ends_with(name), "{}", frame.name);
        assert_eq!((frame.sequence, frame.dropped_before), (sequence as u64, 0));
        assert!(frame.stamp.unix_ms > 1_600_000_000_000);
        stage.frames.recycle(frame);
    }
    assert!(matches!(stage.frames.recv(Duration::from_secs(5)), Received::Closed));
    assert_eq!(stage.opened(), "4 pictures, once, at 20 a second");
    assert_eq!(stage.event(), Event::Ended);
    assert_eq!(stage.metrics.counters.frames_seen.load(Ordering::Relaxed), 4);
    assert_eq!(stage.metrics.counters.frames_bad.load(Ordering::Relaxed), 1);
    assert!(stage.history.bytes() > 0);
    stage.thread.join().unwrap().unwrap();
}

#[test]
fn a_detector_that_is_slow_gets_the_newest_and_every_loss_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..40 {
        std::fs::write(folder.path().join(format!("{i:02}.jpg")), jpeg(100)).unwrap();
    }
    let mut stage = Stage::start(files(folder.path(), 200.0, false), 5.0);
    let (mut seen, mut lost) = (0, 0);
    while let Received::Frame(frame) = stage.frames.recv(Duration::from_secs(5)) {
        (seen, lost) = (seen + 1, lost + frame.dropped_before);
        assert_eq!(frame.sequence + 1, seen + lost, "each frame says what was lost before it");
        std::thread::sleep(Duration::from_millis(30));
        stage.frames.recycle(frame);
    }
    assert!(lost > 0);
    assert_eq!(seen + lost, 40);
    assert_eq!(stage.metrics.counters.frames_dropped.load(Ordering::Relaxed), lost);
}

#[test]
fn a_folder_that_is_not_there_ends_it_with_the_reason() {
    let stage = Stage::start(files(Path::new("/nowhere/pictures"), 5.0, true), 5.0);
    let error = stage.thread.join().unwrap().unwrap_err();
    assert!(matches!(error, CaptureError::Missing { .. }));
    assert_eq!(error.to_string(), "/nowhere/pictures: no such file, folder or match; check the path");
}

#[test]
fn pictures_played_more_slowly_than_the_stall_deadline_are_no_stall() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.jpg"), jpeg(100)).unwrap();
    let mut stage = Stage::start(files(folder.path(), 1.0, true), 0.2);
    stage.frame();
    stage.opened();
    stage.frame();
    assert!(stage.events.try_recv().is_err());
    stage.end();
}

// ---- command -----------------------------------------------------------------------------------------------------------------

fn command(format: CommandFormat, script: &str) -> CommandSettings {
    let command = ["sh", "-c", script].map(str::to_owned).to_vec();
    CommandSettings { command, format, pixels: RawPixels::Grey, width: 8, height: 4 }
}

fn start(settings: CommandSettings, stall_s: f64) -> Stage {
    Stage::start(SourceSettings::Command(settings), stall_s)
}

/// A script that writes `bytes` over and over.
fn repeating(folder: &Path, bytes: &[u8]) -> String {
    let path = folder.join("frames");
    std::fs::write(&path, bytes).unwrap();
    format!("while cat {}; do sleep 0.02; done", path.display())
}

#[test]
fn y4m_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let frame = [&b"FRAME Ip\n"[..], &[145; 6 * 4], &[128; 2 * 3 * 2]].concat();
    std::fs::write(folder.path().join("head"), b"YUV4MPEG2 W6 H4 F15:1 C420jpeg\n").unwrap();
    let loops = repeating(folder.path(), &frame);
    let script = format!("cat {}/head; {loops}", folder.path().display());
    let mut stage = start(command(CommandFormat::Y4m, &script), 5.0);
    assert_eq!(stage.picture(), grey(6, 4, 150));
    assert_eq!(stage.frame().format, PixelFormat::I420);
    assert_eq!(stage.opened(), "Y4M 6×4");
    stage.end();
}

#[test]
fn mjpeg_is_read_and_its_bytes_are_kept_as_history() {
    let folder = tempfile::tempdir().unwrap();
    let mut stage = start(command(CommandFormat::Mjpeg, &repeating(folder.path(), &jpeg(80))), 5.0);
    let first = stage.frame();
    assert_eq!((first.format, first.width, first.height), (PixelFormat::Jpeg, 64, 48));
    assert_eq!(first.data, jpeg(80));
    let last = stage.frame();
    assert_eq!(stage.history.before(last.stamp, 1)[0].1, jpeg(80));
    stage.end();
}

#[test]
fn raw_frames_are_read_at_their_stated_size() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (0..32).collect();
    let mut stage = start(command(CommandFormat::Raw, &repeating(folder.path(), &bytes)), 5.0);
    for _ in 0..3 {
        assert_eq!(stage.frame().data, bytes);
    }
    assert_eq!(stage.opened(), "raw Grey 8×4");
    stage.end();
}

#[test]
fn a_child_that_dies_in_mid_frame_is_told_with_its_last_words_and_started_again() {
    let script = "head -c 50 /dev/zero; echo 'no space on lens' >&2; exit 3";
    let mut stage = start(command(CommandFormat::Raw, script), 5.0);
    stage.frame();
    stage.opened();
    let why = stage.lost();
    assert!(why.contains("exit status: 3, in the middle of a frame; it said: no space on lens"), "{why}");
    stage.frame();
    stage.opened();
    assert!(stage.metrics.counters.capture_reopens.load(Ordering::Relaxed) >= 1);
    assert!(stage.pulse.age() < Duration::from_millis(500));
    stage.end();
}

#[test]
fn a_program_that_ends_well_is_started_again_too() {
    let mut stage = start(command(CommandFormat::Raw, "head -c 32 /dev/zero"), 5.0);
    stage.frame();
    stage.opened();
    assert!(stage.lost().contains("came to an end"));
    stage.frame();
    stage.end();
}

#[test]
fn a_child_that_hangs_and_its_own_children_are_ended_and_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("started");
    // Deaf to the polite signal, with a child of its own, and silent after the first frame.
    let script =
        format!("trap '' TERM; echo $$ >> {}; head -c 32 /dev/zero; sleep 600 & sleep 600", list.display());
    let mut stage = start(command(CommandFormat::Raw, &script), 0.5);
    stage.frame();
    stage.opened();
    let why = stage.lost();
    assert!(why.contains("gave no frame for 0.5 s"), "{why}");
    stage.frame();
    stage.end();
    let started = std::fs::read_to_string(list).unwrap();
    assert!(started.lines().count() >= 2);
    for group in started.lines() {
        assert_eq!(left_behind(group), [""; 0]);
    }
}

#[test]
fn wrong_commands_are_hopeless_and_say_why() {
    let refusal = |settings: CommandSettings| {
        let error = start(settings, 5.0).thread.join().unwrap().unwrap_err();
        assert!(matches!(error, CaptureError::Hopeless { .. }), "{error}");
        error.to_string()
    };
    let raw = command(CommandFormat::Raw, "true");
    let none = refusal(CommandSettings { command: vec!["no-such-program".to_owned()], ..raw.clone() });
    assert!(none.starts_with("command no-such-program: ") && none.contains("install the program"), "{none}");
    assert!(refusal(CommandSettings { command: Vec::new(), ..raw.clone() }).contains("set capture.command"));
    assert!(refusal(CommandSettings { width: 0, ..raw }).contains("set capture.width"));
    let colours = "printf 'YUV4MPEG2 W6 H4 C444\\n'; sleep 5";
    assert!(refusal(command(CommandFormat::Y4m, colours)).contains("colour space 444 is not read"));
}

// ---- a driver that never returns ---------------------------------------------------------------------------------------------

/// Gives one frame and then hangs, deaf to the flag, as a driver does that waits for a camera which is gone.
struct HangingCamera;

impl Source for HangingCamera {
    fn name(&self) -> String {
        "camera /dev/made-up".to_owned()
    }

    fn open(&mut self, _stop: &Stop) -> Result<Box<dyn Stream>, CaptureError> {
        Ok(Box::new(HangingStream { given: false }))
    }
}

struct HangingStream {
    given: bool,
}

impl Stream for HangingStream {
    fn describe(&self) -> String {
        "made up".to_owned()
    }

    fn next(&mut self, frame: &mut Frame, _stop: &Stop) -> Result<Next, CaptureError> {
        if self.given {
            std::thread::sleep(Duration::from_secs(3600));
        }
        self.given = true;
        (frame.format, frame.width, frame.height) = (PixelFormat::Grey, 1, 1);
        frame.data.resize(1, 0);
        Ok(Next::Frame)
    }
}

#[test]
fn a_call_that_never_returns_is_noticed_and_the_ring_is_closed_all_the_same() {
    let mut stage = Stage::with(Box::new(HangingCamera), 0.3);
    stage.frame();
    stage.opened();
    assert!(matches!(stage.frames.recv(Duration::from_secs(10)), Received::Closed));
    let error = stage.thread.join().unwrap().unwrap_err();
    assert!(matches!(error, CaptureError::Stuck { .. }), "{error}");
    assert!(error.to_string().starts_with("camera /dev/made-up: a call has not returned for 2 s"), "{error}");
}

#[test]
fn a_call_that_never_returns_does_not_hold_up_the_end() {
    let mut stage = Stage::with(Box::new(HangingCamera), 60.0);
    stage.frame();
    std::thread::sleep(Duration::from_millis(50));
    stage.stop.raise();
    let watch = Stopwatch::start();
    stage.thread.join().unwrap().unwrap();
    assert!(watch.elapsed() < Duration::from_secs(4));
    assert!(matches!(stage.frames.recv(Duration::ZERO), Received::Closed));
}

// ---- a camera whose frames are damaged ---------------------------------------------------------------------------------------

/// Gives one frame each time that it is opened, and then damaged ones, without a look at the flag.
struct DamagedCamera;

impl Source for DamagedCamera {
    fn name(&self) -> String {
        "camera /dev/made-up".to_owned()
    }

    fn is_live(&self) -> bool {
        true
    }

    fn open(&mut self, _stop: &Stop) -> Result<Box<dyn Stream>, CaptureError> {
        Ok(Box::new(DamagedStream { given: false }))
    }
}

struct DamagedStream {
    given: bool,
}

impl Stream for DamagedStream {
    fn describe(&self) -> String {
        "made up".to_owned()
    }

    fn next(&mut self, frame: &mut Frame, _stop: &Stop) -> Result<Next, CaptureError> {
        if std::mem::replace(&mut self.given, true) {
            std::thread::sleep(Duration::from_millis(5));
            let (source_name, what) = ("camera /dev/made-up".to_owned(), "it is torn".to_owned());
            return Err(CaptureError::BadFrame { source_name, what });
        }
        (frame.format, frame.width, frame.height) = (PixelFormat::Grey, 1, 1);
        frame.data.resize(1, 0);
        Ok(Next::Frame)
    }
}

#[test]
fn a_camera_that_gives_nothing_but_damaged_frames_is_told_and_opened_anew() {
    let mut stage = Stage::with(Box::new(DamagedCamera), 0.3);
    for _ in 0..2 {
        stage.frame();
        stage.opened();
        assert_eq!(stage.lost(), "camera /dev/made-up: gave no frame for 0.3 s that can be used: it is torn");
    }
    assert!(stage.metrics.counters.frames_bad.load(Ordering::Relaxed) >= 2);
    stage.end();
}

// ---- a camera that can be steered --------------------------------------------------------------------------------------------

/// Gives grey frames, brighter by one each time it is told of a dark one.
struct Steerable(u8);

impl Source for Steerable {
    fn name(&self) -> String {
        "camera /dev/made-up".to_owned()
    }

    fn open(&mut self, _stop: &Stop) -> Result<Box<dyn Stream>, CaptureError> {
        Ok(Box::new(Steerable(self.0)))
    }
}

impl Stream for Steerable {
    fn describe(&self) -> String {
        "made up".to_owned()
    }

    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Next, CaptureError> {
        stop.sleep(Duration::from_millis(5));
        (frame.format, frame.width, frame.height) = (PixelFormat::Grey, 1, 1);
        frame.data.clear();
        frame.data.push(self.0);
        Ok(if stop.is_raised() { Next::End } else { Next::Frame })
    }

    fn steer(&mut self, seen: Seen, now_ms: u64) {
        self.0 += u8::from(seen.luma < 0.4 && now_ms >= seen.taken_ms);
    }
}

#[test]
fn a_camera_hears_once_of_each_frame_how_it_came_out() {
    let mut stage = Stage::with(Box::new(Steerable(10)), 5.0);
    for level in 10..15 {
        while stage.frame().data[0] != level {}
        let taken_ms = stage.frame().stamp.uptime_ms;
        stage.light.tell(Seen { taken_ms, luma: f32::from(level) / 255.0 });
    }
    while stage.frame().data[0] != 15 {}
    (0..20).for_each(|_| assert_eq!(stage.frame().data[0], 15, "told once"));
    stage.stop.raise();
    stage.thread.join().unwrap().unwrap();
}
