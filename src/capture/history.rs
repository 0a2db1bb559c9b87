//! The last seconds as JPEGs, so that an alert can show what led to it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::pixels::{encode_jpeg, to_picture};
use crate::perceive::frame::{Frame, Picture, PixelFormat, Stamp};

/// Least time between two pictures that the camera itself compressed: keeping them costs a copy.
const OWN_EVERY_MS: u64 = 200;
/// Least time between two pictures that are compressed here, which costs a board about 20 ms each.
const MADE_EVERY_MS: u64 = 500;
/// Longer side of pictures that are compressed here, pixels.
const MADE_SIDE: u32 = 640;
const MADE_QUALITY: u8 = 70;
/// A picture that takes more than this part of the memory is made small first, so that one cannot push out all others.
const LARGEST_SHARE: usize = 8;

/// A ring of compressed pictures, bounded in time and in bytes. Clones share it.
#[derive(Clone, Debug)]
pub struct History(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    pictures: VecDeque<(Stamp, Vec<u8>)>,
    bytes: usize,
    most_bytes: usize,
    reach_ms: u64,
}

impl History {
    /// Keeps the last `reach_s` seconds in at most `most_bytes`.
    pub fn new(reach_s: f64, most_bytes: usize) -> History {
        let reach_ms = (reach_s * 1e3) as u64;
        History(Arc::new(Mutex::new(Kept { pictures: VecDeque::new(), bytes: 0, most_bytes, reach_ms })))
    }

    /// At most `n` pictures taken before `stamp`, oldest first, spread evenly over what is kept.
    pub fn before(&self, stamp: Stamp, n: usize) -> Vec<(Stamp, Vec<u8>)> {
        let kept = self.lock();
        let earlier = kept.pictures.iter().take_while(|(taken, _)| taken.uptime_ms < stamp.uptime_ms).count();
        let wanted = n.min(earlier);
        (0..wanted).map(|i| kept.pictures[i * earlier / wanted].clone()).collect()
    }

    /// Bytes that are kept now.
    pub fn bytes(&self) -> usize {
        self.lock().bytes
    }

    fn push(&self, stamp: Stamp, jpeg: Vec<u8>) {
        self.lock().push(stamp, jpeg);
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn push(&mut self, stamp: Stamp, jpeg: Vec<u8>) {
        if jpeg.len() > self.most_bytes {
            return;
        }
        self.bytes += jpeg.len();
        self.pictures.push_back((stamp, jpeg));
        let oldest_ms = stamp.uptime_ms.saturating_sub(self.reach_ms);
        while self
            .pictures
            .front()
            .is_some_and(|(taken, _)| self.bytes > self.most_bytes || taken.uptime_ms < oldest_ms)
        {
            if let Some((_, gone)) = self.pictures.pop_front() {
                self.bytes -= gone.len();
            }
        }
    }
}

/// Feeds a [`History`] from the camera's thread. A frame is copied before it is handed on and compressed after, so that no alert
/// waits for it.
#[derive(Debug)]
pub struct Recorder {
    history: History,
    copy: Frame,
    pending: bool,
    next_ms: u64,
    picture: Picture,
}

impl Recorder {
    /// Feeds `history`.
    pub fn new(history: History) -> Recorder {
        Recorder { history, copy: Frame::empty(), pending: false, next_ms: 0, picture: Picture::default() }
    }

    /// Copies the frame if one is due.
    pub fn take(&mut self, frame: &Frame) {
        let now_ms = frame.stamp.uptime_ms;
        if now_ms < self.next_ms {
            return;
        }
        let every = if frame.format == PixelFormat::Jpeg { OWN_EVERY_MS } else { MADE_EVERY_MS };
        self.next_ms = now_ms + every;
        self.copy.clone_from(frame);
        self.pending = true;
    }

    /// Compresses and keeps what was copied. A frame that cannot be decoded is passed over: the detector counts it.
    pub fn keep(&mut self) {
        if !std::mem::take(&mut self.pending) {
            return;
        }
        let small_enough = self.copy.data.len() <= self.history.lock().most_bytes / LARGEST_SHARE;
        let jpeg = if self.copy.format == PixelFormat::Jpeg && small_enough {
            Ok(self.copy.data.clone())
        } else {
            to_picture(&self.copy, &mut self.picture)
                .and_then(|()| encode_jpeg(&self.picture, MADE_QUALITY, MADE_SIDE))
        };
        if let Ok(jpeg) = jpeg {
            self.history.push(self.copy.stamp, jpeg);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::jpeg;

    fn at(uptime_ms: u64) -> Stamp {
        Stamp { uptime_ms, ..Stamp::default() }
    }

    fn feed(history: &History, frames: impl Iterator<Item = Frame>) {
        let mut recorder = Recorder::new(history.clone());
        for frame in frames {
            recorder.take(&frame);
            recorder.keep();
        }
    }

    fn raw(uptime_ms: u64) -> Frame {
        let data = vec![(uptime_ms % 251) as u8; 1280 * 720];
        Frame {
            format: PixelFormat::Grey,
            width: 1280,
            height: 720,
            data,
            stamp: at(uptime_ms),
            ..Frame::empty()
        }
    }

    #[test]
    fn raw_frames_become_small_pictures_twice_a_second() {
        let history = History::new(3.0, 1 << 20);
        feed(&history, (0..60).map(|i| raw(i * 100)));
        let kept = history.before(at(u64::MAX), 100);
        let times: Vec<u64> = kept.iter().map(|(stamp, _)| stamp.uptime_ms).collect();
        assert_eq!(times, [2500, 3000, 3500, 4000, 4500, 5000, 5500]);
        let header = jpeg::header(&kept[0].1).unwrap();
        assert_eq!((header.width, header.height), (640, 360));
    }

    #[test]
    fn the_cameras_own_jpegs_are_kept_as_they_are_unless_they_are_large() {
        let own = encode_jpeg(&Picture::new(800, 600), 80, 800).unwrap();
        let frame = Frame { format: PixelFormat::Jpeg, data: own.clone(), ..Frame::empty() };
        let roomy = History::new(8.0, own.len() * 8);
        feed(&roomy, std::iter::once(frame.clone()));
        assert_eq!(roomy.before(at(1), 1)[0].1, own);
        let narrow = History::new(8.0, own.len() * 7);
        feed(&narrow, std::iter::once(frame));
        assert_eq!(jpeg::header(&narrow.before(at(1), 1)[0].1).unwrap().width, 640);
    }

    #[test]
    fn the_bytes_are_capped() {
        let history = History::new(1000.0, 30_000);
        feed(&history, (0..50).map(|i| raw(i * 500)));
        let kept = history.before(at(u64::MAX), 100);
        let bytes: usize = kept.iter().map(|(_, jpeg)| jpeg.len()).sum();
        assert!(
            bytes <= 30_000 && bytes == history.bytes() && kept.len() > 2,
            "{bytes} bytes in {}",
            kept.len()
        );
        assert_eq!(kept.last().map(|(stamp, _)| stamp.uptime_ms), Some(24_500));
    }

    #[test]
    fn what_led_to_an_alert_is_spread_evenly_and_lies_before_it() {
        let history = History::new(8.0, 8 << 20);
        feed(&history, (0..12).map(|i| raw(i * 500)));
        let times = |n| -> Vec<u64> {
            history.before(at(4000), n).iter().map(|(stamp, _)| stamp.uptime_ms).collect()
        };
        assert_eq!(times(4), [0, 1000, 2000, 3000]);
        assert_eq!(times(3), [0, 1000, 2500]);
        assert_eq!(times(100).len(), 8);
        assert!(history.before(at(0), 3).is_empty());
    }
}
