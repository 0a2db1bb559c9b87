//! Bytes to pictures, and pictures to JPEG.

use std::io::Cursor;
use std::path::Path;

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::PngDecoder;
use image::imageops::thumbnail;
use image::metadata::Orientation;
use image::{
    ColorType, DynamicImage, ExtendedColorType, ImageBuffer, ImageDecoder, ImageFormat, Limits, Rgb,
};

use super::{CaptureError, jpeg, yuv};
use crate::perceive::frame::{Frame, Picture, PixelFormat};

/// Most pixels that a picture may have: more than a 48-megapixel trail camera gives, and 150 MB as RGB.
pub const MOST_PIXELS: u64 = 50_000_000;

/// Most bytes that an encoded picture may have: far above any JPEG or PNG of [`MOST_PIXELS`] that is worth reading.
pub const MOST_BYTES: u64 = 256 << 20;

/// Bytes of a raw frame; `None` for JPEG, whose length says nothing of its size.
pub fn raw_bytes(format: PixelFormat, width: u32, height: u32) -> Option<usize> {
    let (width, height) = (width as usize, height as usize);
    let chroma = width.div_ceil(2) * height.div_ceil(2) * 2;
    match format {
        PixelFormat::Rgb => Some(width * height * 3),
        PixelFormat::Grey => Some(width * height),
        PixelFormat::Yuyv => Some(width.div_ceil(2) * 4 * height),
        PixelFormat::Nv12 | PixelFormat::I420 => Some(width * height + chroma),
        PixelFormat::Jpeg => None,
    }
}

/// Turns a frame of any format into RGB; the picture's buffer is used again.
///
/// # Errors
/// [`CaptureError::BadFrame`] for frames that are cut off, corrupt, empty or larger than [`MOST_PIXELS`].
pub fn to_picture(frame: &Frame, picture: &mut Picture) -> Result<(), CaptureError> {
    let name =
        || if frame.name.is_empty() { format!("frame {}", frame.sequence) } else { frame.name.clone() };
    decode(frame, picture).map_err(|what| CaptureError::BadFrame { source_name: name(), what })
}

/// Reads a picture from a file (JPEG or PNG, by content), upright after its EXIF orientation.
///
/// # Errors
/// [`CaptureError::BadFrame`] names the file and what is wrong: unreadable, unknown format, truncated, too large.
pub fn read_picture(path: &Path) -> Result<Picture, CaptureError> {
    let mut bytes = Vec::new();
    let mut picture = Picture::default();
    read_file(path, &mut bytes)
        .and_then(|()| decode_still(&bytes, &mut picture))
        .map_err(|what| CaptureError::BadFrame { source_name: path.display().to_string(), what })?;
    Ok(picture)
}

/// A copy whose longer side has at most `max_side` pixels.
pub fn shrunk(picture: &Picture, max_side: u32) -> Picture {
    let (width, height) = scaled_size(picture.width, picture.height, max_side);
    let whole = ImageBuffer::<Rgb<u8>, _>::from_raw(picture.width, picture.height, picture.data.as_slice());
    match whole.filter(|_| (width, height) != (picture.width, picture.height)) {
        Some(whole) => Picture { width, height, data: thumbnail(&whole, width, height).into_raw() },
        None => picture.clone(),
    }
}

/// Makes a JPEG of `quality` 1..=100 whose longer side has at most `max_side` pixels.
///
/// # Errors
/// [`CaptureError::BadFrame`] for an empty picture or one that JPEG cannot hold (65,535 pixels a side).
pub fn encode_jpeg(picture: &Picture, quality: u8, max_side: u32) -> Result<Vec<u8>, CaptureError> {
    let bad = |what: String| CaptureError::BadFrame { source_name: "picture for JPEG".to_owned(), what };
    let (width, height) = scaled_size(picture.width, picture.height, max_side);
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, quality.clamp(1, 100));
    if (width, height) == (picture.width, picture.height) {
        encoder.encode(&picture.data, width, height, ExtendedColorType::Rgb8)
    } else {
        let whole =
            ImageBuffer::<Rgb<u8>, _>::from_raw(picture.width, picture.height, picture.data.as_slice())
                .ok_or_else(|| bad("its size and its data do not agree".to_owned()))?;
        encoder.encode_image(&thumbnail(&whole, width, height))
    }
    .map_err(|e| bad(e.to_string()))?;
    Ok(bytes)
}

/// Reads a file of at most [`MOST_BYTES`] into `bytes`, using its room again.
pub(super) fn read_file(path: &Path, bytes: &mut Vec<u8>) -> Result<(), String> {
    use std::io::Read;
    bytes.clear();
    let file = std::fs::File::open(path).map_err(|e| e.to_string())?;
    let read = file.take(MOST_BYTES + 1).read_to_end(bytes).map_err(|e| e.to_string())?;
    match read as u64 {
        0 => Err("is empty".to_owned()),
        read if read > MOST_BYTES => Err(format!("is larger than {} MB", MOST_BYTES >> 20)),
        _ => Ok(()),
    }
}

/// Decodes a JPEG or PNG, upright.
pub(super) fn decode_still(bytes: &[u8], picture: &mut Picture) -> Result<(), String> {
    match image::guess_format(bytes) {
        Ok(ImageFormat::Jpeg) => decode_jpeg(bytes, picture),
        Ok(ImageFormat::Png) => decode_png(bytes, picture),
        _ => Err("is neither JPEG nor PNG".to_owned()),
    }
}

/// Refuses sizes that would not fit into the memory of a board.
pub(super) fn check_size(width: u32, height: u32) -> Result<(), String> {
    match u64::from(width) * u64::from(height) {
        0 => Err(format!("{width}×{height} pixels is empty")),
        pixels if pixels > MOST_PIXELS => Err(format!(
            "{width}×{height} pixels are too many; scale it down to {} megapixels or fewer",
            MOST_PIXELS / 1_000_000
        )),
        _ => Ok(()),
    }
}

fn decode(frame: &Frame, picture: &mut Picture) -> Result<(), String> {
    let Some(expected) = raw_bytes(frame.format, frame.width, frame.height) else {
        return decode_jpeg(&frame.data, picture);
    };
    check_size(frame.width, frame.height)?;
    let data = frame.data.get(..expected).ok_or_else(|| {
        format!(
            "cut off: {} of {expected} bytes of a {}×{} frame",
            frame.data.len(),
            frame.width,
            frame.height
        )
    })?;
    picture.resize(frame.width, frame.height);
    if frame.format == PixelFormat::Rgb {
        picture.data.copy_from_slice(data);
        return Ok(());
    }
    yuv::to_rgb(frame.format, data, picture).map_err(|e| e.to_string())
}

fn decode_jpeg(bytes: &[u8], picture: &mut Picture) -> Result<(), String> {
    let header = jpeg::header(bytes).ok_or("is not a JPEG, or cut off in its header")?;
    check_size(header.width, header.height)?;
    if !jpeg::is_whole(bytes, &header) {
        return Err("cut off: the JPEG has no end".to_owned());
    }
    let mut decoder = JpegDecoder::new(Cursor::new(bytes)).map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    let upright = decoder.orientation().map_err(|e| e.to_string())? == Orientation::NoTransforms;
    if upright && decoder.color_type() == ColorType::Rgb8 {
        picture.resize(width, height);
        return decoder.read_image(&mut picture.data).map_err(|e| e.to_string());
    }
    decode_any(decoder, picture)
}

fn decode_png(bytes: &[u8], picture: &mut Picture) -> Result<(), String> {
    let limits = || {
        let mut limits = Limits::default();
        limits.max_alloc = Some(MOST_PIXELS * 8);
        limits
    };
    let decoder = PngDecoder::with_limits(Cursor::new(bytes), limits()).map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    decode_any(decoder, picture)
}

/// The slow way: any colour type, any orientation, a new buffer.
fn decode_any(mut decoder: impl ImageDecoder, picture: &mut Picture) -> Result<(), String> {
    let orientation = decoder.orientation().map_err(|e| e.to_string())?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
    image.apply_orientation(orientation);
    let rgb = image.into_rgb8();
    *picture = Picture { width: rgb.width(), height: rgb.height(), data: rgb.into_raw() };
    Ok(())
}

/// The size after scaling the longer side down to `max_side`; never below one pixel, never up.
fn scaled_size(width: u32, height: u32, max_side: u32) -> (u32, u32) {
    let longest = width.max(height);
    if longest <= max_side {
        return (width, height);
    }
    let scaled =
        |side: u32| (f64::from(side) * f64::from(max_side) / f64::from(longest)).round().max(1.0) as u32;
    (scaled(width), scaled(height))
}

#[cfg(test)]
#[path = "pixels_tests.rs"]
mod tests;
