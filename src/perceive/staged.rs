//! Which of what is seen was drawn into the picture for a drill.
//!
//! A real bear must never be taken for the drawn one. Only a track that was born on the drawn box, or came onto it while nothing spoke for a bear, is
//! one of the drill, and only while it stays on it: what is seen twice in a row elsewhere, or when nothing is drawn any more, is real from then on, with all evidence that it has.

use super::geometry::Rect;
use super::model::Class;
use super::observation::TrackId;
use super::track::Track;

/// So much of the smaller of two boxes must lie in the other to be the same thing.
const SAME_THING: f32 = 0.5;

/// A box that is so many times larger than the drawn one is of something else.
const MOST_LARGER: f32 = 4.0;

/// The drawn box is widened by so much of its sides: detectors do not end where fur does.
const MARGIN: f32 = 0.12;

/// Seen elsewhere so many times in a row, a track is real.
const ELSEWHERE: u32 = 2;

/// The tracks of a drill.
#[derive(Clone, Debug, Default)]
pub struct Staged {
    tracks: Vec<Followed>,
    /// Tracks for which nothing spoke as bears on the frame before.
    blank: Vec<TrackId>,
}

#[derive(Clone, Copy, Debug)]
struct Followed {
    id: TrackId,
    elsewhere: u32,
}

impl Staged {
    /// Takes in the tracks of a frame on which a bear was `drawn`, or none.
    pub fn step(&mut self, drawn: Option<Rect>, tracks: &[Track]) {
        let there = |track: &Track| drawn.is_some_and(|drawn| is_at(drawn, track.bbox));
        self.tracks.retain_mut(|followed| {
            let Some(track) = tracks.iter().find(|track| track.id == followed.id) else { return false };
            if track.seen {
                followed.elsewhere = if there(track) { 0 } else { followed.elsewhere + 1 };
            }
            followed.elsewhere < ELSEWHERE
        });
        // A flicker at the edge that the drawn bear walks into is no bear either, if nothing spoke for one before.
        let nothing_yet = |track: &Track| track.hits == 1 || self.blank.contains(&track.id);
        let born = tracks.iter().filter(|track| track.seen && there(track) && nothing_yet(track));
        let born: Vec<TrackId> = born.map(|track| track.id).filter(|&id| !self.is(id)).collect();
        self.tracks.extend(born.into_iter().map(|id| Followed { id, elsewhere: 0 }));
        self.blank.clear();
        let blank = tracks.iter().filter(|track| track.evidence.of(Class::Bear) <= 0.0);
        self.blank.extend(blank.map(|track| track.id));
    }

    /// Whether none of the tracks is one of a drill.
    pub fn is_empty(&self) -> bool {
        self.tracks.is_empty()
    }

    /// Whether a track shows the drawn bear and nothing else.
    pub fn is(&self, track: TrackId) -> bool {
        self.tracks.iter().any(|followed| followed.id == track)
    }
}

/// Whether a box is where a bear was drawn.
pub fn is_at(drawn: Rect, bbox: Rect) -> bool {
    let wide = Rect {
        x: drawn.x - MARGIN * drawn.w,
        y: drawn.y - MARGIN * drawn.h,
        w: drawn.w * (1.0 + 2.0 * MARGIN),
        h: drawn.h * (1.0 + 2.0 * MARGIN),
    };
    let smaller = wide.area().min(bbox.area());
    smaller > 0.0
        && bbox.area() <= MOST_LARGER * wide.area()
        && wide.intersection(bbox) >= SAME_THING * smaller
}
