//! Just enough of JPEG's outer form to know a picture's size, where it ends, and whether it is whole. Decoders are lenient: they
//! paint what is missing grey, and a half-grey frame must not reach the detector.

/// What stands before the first scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Where the first scan begins: an embedded thumbnail's end marker lies before it.
    pub scan_at: usize,
}

/// Start of image.
pub const START: [u8; 2] = [0xFF, 0xD8];
const END: u8 = 0xD9;
const SCAN: u8 = 0xDA;

/// Reads the header; `None` where the bytes are no JPEG or break off before the first scan.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let mut at = bytes.starts_with(&START).then_some(START.len())?;
    let mut size = None;
    loop {
        let segment = Segment::read(bytes, at)?;
        match segment.marker {
            END => return None,
            SCAN => return size.map(|(width, height)| Header { width, height, scan_at: segment.end }),
            marker if is_frame(marker) => size = Some(frame_size(&bytes[at..segment.end])?),
            _ => {}
        }
        at = segment.end;
    }
}

/// Whether the end marker is there.
pub fn is_whole(bytes: &[u8], header: &Header) -> bool {
    bytes[header.scan_at..].windows(2).rev().any(|pair| pair == [0xFF, END])
}

/// What a [`Cutter`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The picture goes on: more bytes are needed.
    More,
    /// So many bytes are a whole picture.
    Picture(usize),
    /// So many bytes are none: the picture broke off and the next begins after them, or there was something between two.
    Torn(usize),
}

/// Cuts a stream of JPEG pictures into pictures. Remembers how far it looked, so that no byte is looked at twice.
#[derive(Debug, Default)]
pub struct Cutter {
    at: usize,
    in_scan: bool,
}

impl Cutter {
    /// Judges what `bytes` begins with. After [`Cut::More`] call again with more bytes behind the same; after the others without
    /// the bytes that were cut.
    pub fn cut(&mut self, bytes: &[u8]) -> Cut {
        let cut = self.look(bytes).unwrap_or(Cut::More);
        if cut != Cut::More {
            *self = Cutter::default();
        }
        cut
    }

    fn look(&mut self, bytes: &[u8]) -> Option<Cut> {
        if self.at == 0 {
            if bytes.get(..START.len())? != START {
                return Some(Cut::Torn(next_start(bytes)));
            }
            self.at = START.len();
        }
        loop {
            if self.in_scan {
                self.at = self.skip_scan(bytes)?;
                self.in_scan = false;
            }
            let segment = Segment::read(bytes, self.at)?;
            match segment.marker {
                END => return Some(Cut::Picture(segment.end)),
                marker if marker == START[1] => return Some(Cut::Torn(segment.end - START.len())),
                marker => self.in_scan = marker == SCAN,
            }
            self.at = segment.end;
        }
    }

    /// The marker after the scan; what holds none need not be looked at again but for its last byte.
    fn skip_scan(&mut self, bytes: &[u8]) -> Option<usize> {
        let found = next_marker(bytes, self.at);
        if found.is_none() {
            self.at = self.at.max(bytes.len().saturating_sub(1));
        }
        found
    }
}

/// Where the next picture may begin, or the last byte.
fn next_start(bytes: &[u8]) -> usize {
    bytes.windows(2).position(|pair| pair == START).unwrap_or(bytes.len() - 1)
}

struct Segment {
    marker: u8,
    end: usize,
}

impl Segment {
    /// The segment at `at`; `None` where the bytes end before it does. Fill bytes before a marker are part of it. Bytes that are
    /// no marker are taken for the padding that some cameras leave, and skipped.
    fn read(bytes: &[u8], at: usize) -> Option<Segment> {
        let code = next_marker(bytes, at)? + 1;
        let marker = bytes[code];
        if matches!(marker, 0x01 | 0xD0..=0xD9) {
            return Some(Segment { marker, end: code + 1 });
        }
        let length = bytes.get(code + 1..code + 3)?;
        let end = code + 1 + usize::from(u16::from_be_bytes([length[0], length[1]]));
        (end <= bytes.len()).then_some(Segment { marker, end })
    }
}

/// Where the next marker's `FF` stands that is neither a stuffed byte, a restart marker nor fill.
fn next_marker(bytes: &[u8], from: usize) -> Option<usize> {
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0x00 | 0xD0..=0xD7 | 0xFF);
    bytes.get(from..)?.windows(2).position(is_marker).map(|found| from + found)
}

/// SOF0 … SOF15 but DHT, JPG and DAC, which stand among them.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

fn frame_size(segment: &[u8]) -> Option<(u32, u32)> {
    let at = next_marker(segment, 0)?;
    let field =
        |from: usize| segment.get(from..from + 2).map(|b| u32::from(u16::from_be_bytes([b[0], b[1]])));
    Some((field(at + 7)?, field(at + 5)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::pixels::encode_jpeg;
    use crate::perceive::frame::Picture;

    fn noise(width: u32, height: u32) -> Vec<u8> {
        let mut picture = Picture::new(width, height);
        let mut state = 1_u32;
        for byte in &mut picture.data {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        encode_jpeg(&picture, 95, u32::MAX).unwrap()
    }

    #[test]
    fn the_header_gives_the_size() {
        let bytes = noise(80, 48);
        let header = header(&bytes).unwrap();
        assert_eq!((header.width, header.height), (80, 48));
        assert!(is_whole(&bytes, &header));
        assert!(!is_whole(&bytes[..bytes.len() - 2], &header));
    }

    #[test]
    fn no_beginning_of_a_picture_is_taken_for_a_whole() {
        let bytes = noise(24, 16);
        for length in 0..bytes.len() {
            let whole = header(&bytes[..length]).is_some_and(|header| is_whole(&bytes[..length], &header));
            assert!(!whole, "{length} of {} bytes", bytes.len());
        }
    }

    #[test]
    fn a_stream_is_cut_into_its_pictures_however_it_arrives() {
        let pictures = [noise(24, 16), noise(40, 24), noise(8, 8)];
        let stream: Vec<u8> = pictures.concat();
        for step in [1, 7, 1000, stream.len()] {
            let (mut cutter, mut held, mut found) = (Cutter::default(), Vec::new(), Vec::new());
            for chunk in stream.chunks(step) {
                held.extend_from_slice(chunk);
                cut_all(&mut cutter, &mut held, &mut found);
            }
            assert_eq!(found, pictures, "in steps of {step}");
        }
    }

    fn cut_all(cutter: &mut Cutter, held: &mut Vec<u8>, found: &mut Vec<Vec<u8>>) {
        loop {
            match cutter.cut(held) {
                Cut::More => return,
                Cut::Torn(end) => drop(held.drain(..end)),
                Cut::Picture(end) => found.push(held.drain(..end).collect()),
            }
        }
    }

    #[test]
    fn a_picture_that_broke_off_does_not_take_the_next_with_it() {
        let (first, second) = (noise(40, 24), noise(24, 16));
        let stream = [b"\r\nwelcome", &first[..first.len() / 2], b"\xFF", &second, b"\0\0", &first].concat();
        for step in [1, 13, stream.len()] {
            let (mut cutter, mut held, mut found) = (Cutter::default(), Vec::new(), Vec::new());
            for chunk in stream.chunks(step) {
                held.extend_from_slice(chunk);
                cut_all(&mut cutter, &mut held, &mut found);
            }
            assert_eq!(found, [second.clone(), first.clone()], "in steps of {step}");
        }
    }
}
