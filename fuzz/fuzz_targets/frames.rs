//! What a camera sends: JPEG, streams of JPEG with and without multipart, Y4M headers, raw frames.

#![no_main]

use bearwatch::capture::jpeg::{Cut, Cutter, header, is_whole};
use bearwatch::capture::multipart::{Part, Parts};
use bearwatch::capture::pixels::to_picture;
use bearwatch::capture::y4m::Y4m;
use bearwatch::perceive::frame::{Frame, Picture, PixelFormat};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((&kind, data)) = data.split_first() else { return };
    match kind % 5 {
        0 => jpeg(data),
        1 => multipart(data),
        2 => stream(data),
        3 => {
            let line = String::from_utf8_lossy(data);
            if let Ok(header) = Y4m::parse(&line) {
                assert!(header.width > 0 && header.bytes() > 0);
            }
        }
        _ => raw(data),
    }
});

fn jpeg(data: &[u8]) {
    // A large picture takes its time and proves nothing more.
    let small = |width: u32, height: u32| u64::from(width) * u64::from(height) < 1 << 20;
    if let Some(found) = header(data) {
        let _ = is_whole(data, &found);
        if !small(found.width, found.height) {
            return;
        }
    }
    decode(PixelFormat::Jpeg, 0, 0, data);
}

fn decode(format: PixelFormat, width: u32, height: u32, data: &[u8]) {
    let frame = Frame { format, width, height, data: data.to_vec(), ..Frame::empty() };
    let mut picture = Picture::default();
    if to_picture(&frame, &mut picture).is_ok() {
        assert_eq!(picture.data.len(), picture.width as usize * picture.height as usize * 3);
    }
}

fn raw(data: &[u8]) {
    let [format, width, height, data @ ..] = data else { return };
    let formats = [PixelFormat::Rgb, PixelFormat::Grey, PixelFormat::Yuyv, PixelFormat::Nv12, PixelFormat::I420];
    let format = formats[usize::from(*format) % formats.len()];
    decode(format, u32::from(*width), u32::from(*height), data);
}

/// In pieces, as a network delivers them; all that comes out was in it.
fn multipart(data: &[u8]) {
    let (Some(&step), Some(mut parts)) = (data.first(), Parts::new("multipart/x-mixed-replace; boundary=frame")) else {
        return;
    };
    let mut body = Vec::new();
    for piece in data[1..].chunks(usize::from(step).max(1)) {
        parts.push(piece);
        loop {
            match parts.next(&mut body) {
                Ok(Part::Body) => assert!(body.len() <= data.len()),
                Ok(Part::More) => break,
                Ok(Part::End) | Err(_) => return,
            }
        }
    }
}

/// In pieces again; what is cut off was there, and something is.
fn stream(data: &[u8]) {
    let Some((&step, data)) = data.split_first() else { return };
    let mut cutter = Cutter::default();
    let mut held: Vec<u8> = Vec::new();
    for piece in data.chunks(usize::from(step).max(1)) {
        held.extend_from_slice(piece);
        loop {
            match cutter.cut(&held) {
                Cut::More => break,
                Cut::Picture(end) | Cut::Torn(end) => {
                    assert!((1..=held.len()).contains(&end), "{end} of {}", held.len());
                    held.drain(..end);
                }
            }
            if held.is_empty() {
                break;
            }
        }
    }
}
