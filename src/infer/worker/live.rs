//! The last frame for who aims the camera. Made when somebody asks, and never else: it costs a look at people, some lines and a JPEG. People and
//! masked areas are hidden on it as on every picture that leaves.

use tokio::sync::oneshot;

use super::Worker;
use super::snapshots::DRILL;
use crate::capture::pixels::{encode_jpeg, shrunk};
use crate::infer::annotate::{banner, brackets, caption, mark};
use crate::perceive::frame::{Picture, Stamp};
use crate::perceive::geometry::Rect;
use crate::perceive::model::Class;
use crate::perceive::observation::Detection;
use crate::perceive::regions::Region;

/// A picture is wanted.
#[derive(Debug)]
pub struct Live {
    /// Its longer side, pixels at most.
    pub side: u32,
    /// JPEG quality, 1..100.
    pub quality: u8,
    /// Takes it; `None` where no frame was seen yet.
    pub reply: oneshot::Sender<Option<Shown>>,
}

/// A picture with what the detector saw on it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// The picture.
    pub jpeg: Vec<u8>,
    /// When it was taken.
    pub captured: Stamp,
}

impl Worker {
    /// Whoever asked may have gone. What the next frame waits for it is no miss: nobody shall take the page's own times for the board's.
    pub(super) fn show_live(&mut self, live: Live) {
        let _ = live.reply.send(self.live(live.side, live.quality));
        self.rested_ms = self.links.clock.uptime_ms();
    }

    fn live(&mut self, side: u32, quality: u8) -> Option<Shown> {
        let (captured, found, regions) = self.last_seen()?;
        let mut drawn = shrunk(&self.picture, side);
        // Again: areas may have been drawn since, and of a frame that could not be read to its end nothing was blackened.
        self.perception.mask(&mut drawn);
        let spec = self.engine.spec();
        let sure = |d: &&Detection| d.class == Class::Bear && d.score >= spec.threshold(Class::Bear);
        let bears: Vec<Rect> = found.iter().filter(sure).map(|bear| bear.bbox).collect();
        self.hide(&mut drawn, &bears, captured);
        regions.iter().filter(|region| region.rect != Rect::WHOLE).for_each(|r| brackets(&mut drawn, r.rect));
        found.iter().rev().for_each(|d| mark(&mut drawn, d.class, d.score, d.bbox));
        self.label(&mut drawn, captured);
        let jpeg = encode_jpeg(&drawn, quality, side);
        jpeg.inspect_err(|error| tracing::error!("picture for the page: {error}"))
            .ok()
            .map(|jpeg| Shown { jpeg, captured })
    }

    /// The last frame that the model saw, and what it saw there.
    fn last_seen(&self) -> Option<(Stamp, Vec<Detection>, Vec<Region>)> {
        let sight = self.links.sight.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let stamp = sight.last.filter(|_| self.picture.width > 0)?;
        Some((stamp, sight.found.clone(), sight.regions.clone()))
    }

    fn label(&self, drawn: &mut Picture, captured: Stamp) {
        caption(drawn, &self.caption_of(captured));
        if self.drill.is_some() {
            banner(drawn, DRILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::pixels::to_picture;
    use crate::infer::worker::tests::worker;
    use crate::perceive::frame::{Frame, PixelFormat};
    use crate::perceive::settings::Settings;
    use crate::perceive::zone::Polygon;

    fn asked(worker: &mut Worker, side: u32) -> Option<Shown> {
        let (reply, mut answer) = oneshot::channel();
        worker.show_live(Live { side, quality: 90, reply });
        answer.try_recv().unwrap()
    }

    fn bright(uptime_ms: u64) -> Frame {
        let (width, height) = (640, 360);
        let stamp = Stamp { uptime_ms, unix_ms: 1_780_000_000_000, synchronised: true };
        Frame {
            format: PixelFormat::Rgb,
            width,
            height,
            data: vec![200; 640 * 360 * 3],
            stamp,
            ..Frame::empty()
        }
    }

    fn pixels(shown: &Shown) -> Picture {
        let frame = Frame { format: PixelFormat::Jpeg, data: shown.jpeg.clone(), ..Frame::empty() };
        let mut picture = Picture::default();
        to_picture(&frame, &mut picture).unwrap();
        picture
    }

    #[test]
    fn it_is_as_small_as_asked_for_and_of_the_last_frame() {
        let (mut worker, _drafts) = worker(4, None);
        assert_eq!(asked(&mut worker, 320), None, "a picture is made up");
        worker.frame(&bright(40));
        let shown = asked(&mut worker, 320).unwrap();
        let picture = pixels(&shown);
        assert_eq!((picture.width, picture.height, shown.captured.uptime_ms), (320, 180, 40));
        assert!(picture.pixel(100, 60)[0] > 150 && picture.pixel(1, 178)[0] < 60, "no caption");
    }

    #[test]
    fn an_area_that_was_just_drawn_is_black_on_the_frame_before_it() {
        let (mut worker, _drafts) = worker(4, None);
        worker.frame(&bright(40));
        let privacy = vec![Polygon::parse("0,0 0.5,0 0.5,0.5 0,0.5").unwrap()];
        worker.perception.redraw(&Settings { privacy, ..Settings::default() });
        let picture = pixels(&asked(&mut worker, 320).unwrap());
        assert!(picture.pixel(40, 40)[0] < 40 && picture.pixel(240, 40)[0] > 150);
        worker.frame(&bright(80));
        assert_eq!(worker.picture.pixel(80, 80), [0; 3], "the next frame is not masked");
    }
}
