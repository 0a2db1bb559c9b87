//! A capture stage that runs for a test, and pictures to show it.

#![allow(dead_code, reason = "every test program uses a part")]
#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use bearwatch::capture::history::History;
use bearwatch::capture::light::Light;
use bearwatch::capture::pixels::{encode_jpeg, to_picture};
use bearwatch::capture::ring::{FrameReceiver, Received, ring};
use bearwatch::capture::settings::{Settings, SourceSettings};
use bearwatch::capture::worker::{Job, run};
use bearwatch::capture::{self, CaptureError, Event, Source};
use bearwatch::perceive::frame::{Frame, Picture};
use bearwatch::system::clock::{Clock, Stopwatch};
use bearwatch::system::metrics::Metrics;
use bearwatch::system::pulse::Pulse;
use bearwatch::system::stop::Stop;

/// A running capture stage.
pub struct Stage {
    pub frames: FrameReceiver,
    pub events: Receiver<Event>,
    pub stop: Stop,
    pub pulse: Pulse,
    pub metrics: Arc<Metrics>,
    pub history: History,
    pub light: Light,
    pub thread: JoinHandle<Result<(), CaptureError>>,
}

impl Stage {
    pub fn start(source: SourceSettings, stall_s: f64) -> Stage {
        Stage::with(capture::open(&source).unwrap(), stall_s)
    }

    pub fn with(source: Box<dyn Source>, stall_s: f64) -> Stage {
        let (sender, frames) = ring(2);
        let (tell, events) = sync_channel(16);
        let (clock, stop, metrics) = (Clock::start(), Stop::default(), Arc::new(Metrics::default()));
        let (pulse, history) = (Pulse::new(clock), History::new(8.0, 1 << 20));
        let light = Light::default();
        let job = Job {
            source,
            settings: Settings { stall_s, ..Settings::default() },
            sender,
            history: Some(history.clone()),
            clock,
            pulse: pulse.clone(),
            metrics: Arc::clone(&metrics),
            light: light.clone(),
            stop: stop.clone(),
            events: tell,
        };
        let thread = std::thread::spawn(move || run(job));
        Stage { frames, events, stop, pulse, metrics, history, light, thread }
    }

    pub fn frame(&mut self) -> Frame {
        match self.frames.recv(Duration::from_secs(10)) {
            Received::Frame(frame) => frame,
            other => panic!("no frame: {other:?}; {:?}", self.events.try_iter().collect::<Vec<_>>()),
        }
    }

    pub fn picture(&mut self) -> Picture {
        let mut picture = Picture::default();
        to_picture(&self.frame(), &mut picture).unwrap();
        picture
    }

    pub fn event(&self) -> Event {
        self.events.recv_timeout(Duration::from_secs(15)).unwrap()
    }

    pub fn lost(&self) -> String {
        match self.event() {
            Event::Lost { why } => why,
            other => panic!("{other:?}"),
        }
    }

    pub fn opened(&self) -> String {
        match self.event() {
            Event::Opened { what } => what,
            other => panic!("{other:?}"),
        }
    }

    /// Raises the flag; the stage must end soon.
    pub fn end(self) {
        self.stop.raise();
        let watch = Stopwatch::start();
        self.thread.join().unwrap().unwrap();
        assert!(watch.elapsed() < Duration::from_secs(2), "took {:?} to end", watch.elapsed());
    }
}

pub fn grey(width: u32, height: u32, level: u8) -> Picture {
    Picture { width, height, data: vec![level; (width * height * 3) as usize] }
}

pub fn jpeg(level: u8) -> Vec<u8> {
    encode_jpeg(&grey(64, 48, level), 90, 64).unwrap()
}
