//! The parts of an HTTP multipart stream, as IP cameras send them: with or without `Content-Length`, with a boundary that may or may
//! not repeat the dashes of its declaration.

/// Longest header of a part, and largest part, in bytes: beyond them the stream is none.
const MOST_HEADER: usize = 8 << 10;
const MOST_PART: usize = 32 << 20;

/// What the held bytes give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// More bytes are needed.
    More,
    /// The body of a part was taken out.
    Body,
    /// The closing boundary was reached.
    End,
}

/// Cuts the stream.
#[derive(Debug)]
pub struct Parts {
    boundary: Vec<u8>,
    held: Vec<u8>,
    /// Where the body begins and how long it is, where its header says so, once the header is read.
    body: Option<(usize, Option<usize>)>,
    /// How far the boundary was looked for.
    looked: usize,
}

impl Parts {
    /// From the response's content type: `multipart/x-mixed-replace; boundary=…`. `None` for any other type.
    pub fn new(content_type: &str) -> Option<Parts> {
        let (kind, parameters) = content_type.split_once(';')?;
        if !kind.trim().to_ascii_lowercase().starts_with("multipart/") {
            return None;
        }
        let value = parameters.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"'))
        })?;
        // Some declare the boundary with its dashes, some without, some send more of them: two are there in any case.
        let core = value.trim_start_matches('-');
        let boundary =
            if core.is_empty() { value.as_bytes().to_vec() } else { [b"--", core.as_bytes()].concat() };
        Some(Parts { boundary, held: Vec::new(), body: None, looked: 0 })
    }

    /// Adds what came from the network.
    pub fn push(&mut self, bytes: &[u8]) {
        self.held.extend_from_slice(bytes);
    }

    /// Whether a part has begun.
    pub fn is_inside(&self) -> bool {
        self.body.is_some()
    }

    /// Takes the next whole body into `body`.
    ///
    /// # Errors
    /// Says what is wrong with a stream that cannot be cut.
    pub fn next(&mut self, body: &mut Vec<u8>) -> Result<Part, String> {
        let (start, length) = match self.body {
            Some(known) => known,
            None => match self.header()? {
                Header::At(start, length) => *self.body.insert((start, length)),
                Header::More => return Ok(Part::More),
                Header::Closing => return Ok(Part::End),
            },
        };
        let end = match length {
            Some(length) => start + length,
            None => match self.find_boundary(start) {
                Some(at) => at,
                None => return self.more(),
            },
        };
        let Some(bytes) = self.held.get(start..end) else { return self.more() };
        body.clear();
        body.extend_from_slice(if length.is_some() { bytes } else { without_line_end(bytes) });
        self.drop_until(end);
        Ok(Part::Body)
    }

    fn more(&self) -> Result<Part, String> {
        if self.held.len() > MOST_PART {
            return Err(format!("no part ended within {} MB", MOST_PART >> 20));
        }
        Ok(Part::More)
    }

    /// Finds the next boundary and reads the header behind it.
    fn header(&mut self) -> Result<Header, String> {
        let Some(at) = self.find_boundary(0) else {
            let last = self.held.len().saturating_sub(self.boundary.len());
            self.drop_until(last);
            return Ok(Header::More);
        };
        self.drop_until(at);
        let rest = &self.held[self.boundary.len()..];
        if rest.starts_with(b"--") {
            return Ok(Header::Closing);
        }
        match header_end(rest) {
            Some(end) => Ok(Header::At(self.boundary.len() + end, content_length(&rest[..end]))),
            None if rest.len() > MOST_HEADER => Err("a part's header does not end".to_owned()),
            None => Ok(Header::More),
        }
    }

    fn find_boundary(&mut self, from: usize) -> Option<usize> {
        let from = from.max(self.looked);
        let found =
            self.held.get(from..)?.windows(self.boundary.len()).position(|bytes| bytes == self.boundary);
        if found.is_none() {
            self.looked = self.held.len().saturating_sub(self.boundary.len());
        }
        found.map(|at| from + at)
    }

    fn drop_until(&mut self, at: usize) {
        self.held.drain(..at);
        (self.body, self.looked) = (None, 0);
    }
}

enum Header {
    At(usize, Option<usize>),
    More,
    Closing,
}

/// Behind the empty line.
fn header_end(bytes: &[u8]) -> Option<usize> {
    let after =
        |mark: &[u8]| bytes.windows(mark.len()).position(|found| found == mark).map(|at| at + mark.len());
    match (after(b"\r\n\r\n"), after(b"\n\n")) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// A length of zero, which some cameras send, says nothing.
fn content_length(header: &[u8]) -> Option<usize> {
    let text = String::from_utf8_lossy(header);
    let length = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.filter(|length| (1..=MOST_PART).contains(length))
}

fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bodies(content_type: &str, stream: &[u8], step: usize) -> (Vec<String>, Part) {
        let (mut parts, mut body, mut found) = (Parts::new(content_type).unwrap(), Vec::new(), Vec::new());
        let mut last = Part::More;
        for chunk in stream.chunks(step) {
            parts.push(chunk);
            loop {
                last = parts.next(&mut body).unwrap();
                match last {
                    Part::Body => found.push(String::from_utf8(body.clone()).unwrap()),
                    _ => break,
                }
            }
        }
        (found, last)
    }

    fn in_all_steps(content_type: &str, stream: &[u8]) -> (Vec<String>, Part) {
        let whole = bodies(content_type, stream, stream.len());
        for step in 1..20 {
            assert_eq!(bodies(content_type, stream, step), whole, "in steps of {step}");
        }
        whole
    }

    #[test]
    fn lengths_are_believed_even_where_a_body_holds_the_boundary() {
        let stream = b"--cam\r\nContent-Type: image/jpeg\r\nContent-Length: 9\r\n\r\nab--camcd\r\n\
            --cam\r\nContent-LENGTH:2\r\n\r\nxy\r\n--cam--\r\n";
        let (found, last) = in_all_steps("multipart/x-mixed-replace;boundary=cam", stream);
        assert_eq!((found, last), (vec!["ab--camcd".to_owned(), "xy".to_owned()], Part::End));
    }

    #[test]
    fn without_lengths_the_boundary_ends_a_part() {
        let stream = b"junk\r\n--cam\r\nContent-Type: image/jpeg\r\n\r\nfirst\r\n--cam\nA: b\n\nsecond\n--cam\r\n\r\nthi";
        for declared in ["cam", "--cam", "\"--cam\""] {
            let kind = format!("Multipart/X-Mixed-Replace; charset=x; Boundary={declared}");
            let (found, last) = in_all_steps(&kind, stream);
            assert_eq!(
                (found, last),
                (vec!["first".to_owned(), "second".to_owned()], Part::More),
                "{declared}"
            );
        }
    }

    #[test]
    fn what_is_no_multipart_stream_is_refused() {
        for kind in
            ["image/jpeg", "text/html; charset=utf-8", "multipart/x-mixed-replace", "multipart/mixed; a=b"]
        {
            assert!(Parts::new(kind).is_none(), "{kind}");
        }
    }

    #[test]
    fn memory_stays_bounded() {
        let mut parts = Parts::new("multipart/x-mixed-replace; boundary=cam").unwrap();
        for _ in 0..100 {
            parts.push(&[0; 10_000]);
            assert_eq!(parts.next(&mut Vec::new()), Ok(Part::More));
        }
        assert!(parts.held.len() < 20_000);
        parts.push(b"--cam\r\n");
        parts.push(&[b'a'; 9000]);
        assert!(parts.next(&mut Vec::new()).is_err());
    }
}
