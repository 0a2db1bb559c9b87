//! Bytes to pictures.

use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};

use super::CaptureError;
use crate::perceive::frame::Picture;

/// Most pixels that a picture may have: a 100-megapixel still is more than any camera here gives, and 300 MB as RGB.
const MOST_PIXELS: u64 = 100_000_000;

/// Reads a picture from a file (JPEG or PNG, by content), upright after its EXIF orientation.
///
/// # Errors
/// [`CaptureError::BadFrame`] names the file and what is wrong: unreadable, unknown format, truncated, too large.
pub fn read_picture(path: &Path) -> Result<Picture, CaptureError> {
    let bad = |what: String| CaptureError::BadFrame { source_name: path.display().to_string(), what };
    let mut reader =
        ImageReader::open(path).and_then(ImageReader::with_guessed_format).map_err(|e| bad(e.to_string()))?;
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_PIXELS * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| bad(e.to_string()))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        return Err(bad(format!("{width}×{height} pixels are more than {MOST_PIXELS}; scale it down")));
    }
    let orientation = decoder.orientation().map_err(|e| bad(e.to_string()))?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| bad(e.to_string()))?;
    image.apply_orientation(orientation);
    let rgb = image.into_rgb8();
    Ok(Picture { width: rgb.width(), height: rgb.height(), data: rgb.into_raw() })
}
