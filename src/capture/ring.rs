//! The way from the camera to the detector: bounded, newest wins, every loss counted, buffers used again.
//!
//! ringbuf's split halves can only refuse the newest frame when they are full, which is the wrong one to lose; overwriting
//! needs the whole ring. Hence a ring of a few frames behind a mutex (held for a move, never for a copy), a condition variable
//! for the waiting detector, and a second, split ring that carries empty buffers back without any lock.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ringbuf::traits::{Consumer, Observer, Producer, Split};
use ringbuf::{HeapCons, HeapProd, HeapRb};

use crate::perceive::frame::Frame;

/// Buffers on their way back: those in the ring, one in each hand, and one more.
const SPARE_BUFFERS: usize = 3;

/// What waiting for a frame brought.
#[derive(Debug)]
pub enum Received {
    /// The oldest frame that is still there; `dropped_before` is set.
    Frame(Frame),
    /// None came in time.
    Timeout,
    /// None will come any more.
    Closed,
}

struct Waiting {
    frames: HeapRb<Frame>,
    lost_since_received: u64,
    lost: u64,
    closed: bool,
}

struct Shared {
    waiting: Mutex<Waiting>,
    arrived: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close(&self) {
        self.lock().closed = true;
        self.arrived.notify_all();
    }
}

/// The camera's end. Dropping it closes the ring; what is in it can still be received.
pub struct FrameSender {
    shared: Arc<Shared>,
    empties: HeapCons<Frame>,
}

/// The detector's end.
pub struct FrameReceiver {
    shared: Arc<Shared>,
    empties: HeapProd<Frame>,
}

/// Closes the ring from outside, where the thread that holds the [`FrameSender`] is stuck in a driver.
#[derive(Clone)]
pub struct RingCloser(Arc<Shared>);

/// A ring for `capacity` frames (at least one); two keep a detector busy without adding much age.
pub fn ring(capacity: usize) -> (FrameSender, FrameReceiver) {
    let capacity = capacity.max(1);
    let waiting = Waiting { frames: HeapRb::new(capacity), lost_since_received: 0, lost: 0, closed: false };
    let shared = Arc::new(Shared { waiting: Mutex::new(waiting), arrived: Condvar::new() });
    let (back, empties) = HeapRb::new(capacity + SPARE_BUFFERS).split();
    (FrameSender { shared: Arc::clone(&shared), empties }, FrameReceiver { shared, empties: back })
}

impl FrameSender {
    /// Hands a frame over and gives an emptied one to be filled next. Never waits for the detector: where the ring is full its
    /// oldest frame is lost, and its buffer is the one that comes back.
    pub fn send(&mut self, frame: Frame) -> Frame {
        let overwritten = {
            let mut waiting = self.shared.lock();
            let overwritten = waiting.frames.push_overwrite(frame);
            let lost = u64::from(overwritten.is_some());
            waiting.lost_since_received += lost;
            waiting.lost += lost;
            overwritten
        };
        self.shared.arrived.notify_one();
        overwritten.or_else(|| self.empties.try_pop()).unwrap_or_else(Frame::empty)
    }

    /// Frames lost since the start.
    pub fn lost(&self) -> u64 {
        self.shared.lock().lost
    }

    /// A handle that closes the ring while this end is out of reach.
    pub fn closer(&self) -> RingCloser {
        RingCloser(Arc::clone(&self.shared))
    }
}

impl Drop for FrameSender {
    fn drop(&mut self) {
        self.shared.close();
    }
}

impl RingCloser {
    /// No frame will come any more, and those that wait are given up: whoever closes from outside is about to end, and a slow detector would hold
    /// that up. Gives the frames lost since the start.
    pub fn close(&self) -> u64 {
        let mut waiting = self.0.lock();
        let given_up = waiting.frames.clear();
        waiting.lost += given_up as u64;
        waiting.closed = true;
        self.0.arrived.notify_all();
        waiting.lost
    }
}

impl FrameReceiver {
    /// Waits at most `timeout` for the oldest frame in the ring.
    pub fn recv(&mut self, timeout: Duration) -> Received {
        let none_yet = |waiting: &mut Waiting| !waiting.closed && waiting.frames.is_empty();
        let mut waiting = match self.shared.arrived.wait_timeout_while(self.shared.lock(), timeout, none_yet)
        {
            Ok((waiting, _)) => waiting,
            Err(poisoned) => poisoned.into_inner().0,
        };
        match waiting.frames.try_pop() {
            Some(mut frame) => {
                // Only the oldest are ever lost, so all losses since the last call lie before this frame.
                frame.dropped_before = std::mem::take(&mut waiting.lost_since_received);
                Received::Frame(frame)
            }
            None if waiting.closed => Received::Closed,
            None => Received::Timeout,
        }
    }

    /// Gives a buffer back when the frame is done with. Freed where enough are on their way.
    pub fn recycle(&mut self, frame: Frame) {
        drop(self.empties.try_push(frame));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(sequence: u64) -> Frame {
        Frame { sequence, data: vec![0; 100], ..Frame::empty() }
    }

    fn received(receiver: &mut FrameReceiver) -> Frame {
        match receiver.recv(Duration::ZERO) {
            Received::Frame(frame) => frame,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_newest_wins_and_the_lost_are_counted() {
        let (mut sender, mut receiver) = ring(2);
        for sequence in 0..5 {
            sender.send(frame(sequence));
        }
        let first = received(&mut receiver);
        assert_eq!((first.sequence, first.dropped_before), (3, 3));
        let second = received(&mut receiver);
        assert_eq!((second.sequence, second.dropped_before), (4, 0));
        assert_eq!(sender.lost(), 3);
        assert!(matches!(receiver.recv(Duration::ZERO), Received::Timeout));
    }

    #[test]
    fn buffers_come_back() {
        let (mut sender, mut receiver) = ring(2);
        assert!(sender.send(frame(0)).data.is_empty());
        let used = received(&mut receiver);
        let at = used.data.as_ptr();
        receiver.recycle(used);
        assert_eq!(sender.send(frame(1)).data.as_ptr(), at);
    }

    #[test]
    fn what_is_in_a_closed_ring_is_still_received() {
        let (mut sender, mut receiver) = ring(2);
        sender.send(frame(7));
        drop(sender);
        assert_eq!(received(&mut receiver).sequence, 7);
        assert!(matches!(receiver.recv(Duration::from_secs(9)), Received::Closed));
    }

    #[test]
    fn closing_from_outside_gives_up_what_waits_and_counts_it() {
        let (mut sender, mut receiver) = ring(2);
        (0..3).for_each(|sequence| drop(sender.send(frame(sequence))));
        assert_eq!(sender.closer().close(), 3);
        assert!(matches!(receiver.recv(Duration::from_secs(9)), Received::Closed));
    }

    #[test]
    fn closing_from_outside_wakes_the_receiver() {
        let (sender, mut receiver) = ring(2);
        let closer = sender.closer();
        let waiting =
            std::thread::spawn(move || matches!(receiver.recv(Duration::from_secs(30)), Received::Closed));
        closer.close();
        assert!(waiting.join().unwrap());
    }

    #[test]
    fn two_threads_account_for_every_frame() {
        let (mut sender, mut receiver) = ring(2);
        let reading = std::thread::spawn(move || {
            let (mut seen, mut lost, mut last) = (0, 0, None);
            loop {
                match receiver.recv(Duration::from_secs(5)) {
                    Received::Frame(frame) => {
                        assert!(last < Some(frame.sequence));
                        last = Some(frame.sequence);
                        (seen, lost) = (seen + 1, lost + frame.dropped_before);
                        receiver.recycle(frame);
                    }
                    Received::Closed => return (seen, lost),
                    Received::Timeout => panic!("no frame"),
                }
            }
        });
        let mut empty = Frame::empty();
        for sequence in 0..3000 {
            empty = sender.send(Frame { sequence, ..empty });
        }
        let counted = sender.lost();
        drop(sender);
        let (seen, lost) = reading.join().unwrap();
        assert_eq!((seen + lost, lost), (3000, counted));
    }
}
