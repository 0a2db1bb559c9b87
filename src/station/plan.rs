//! The picture of a site: what somebody gives is decoded here and kept as a JPEG of our own making, so that browsers are given nothing that a stranger wrote.

use std::io::Cursor;

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits, Rgb, RgbImage};
use sha2::{Digest, Sha256};

/// Largest file that is taken, bytes: a photograph of a printed map.
pub const MOST_BYTES: usize = 8_000_000;
/// Most pixels that are decoded: an A3 sheet scanned at 300 dots an inch, and 200 MB at worst while it is worked on.
const MOST_PIXELS: u64 = 24_000_000;
/// The longer side as it is kept, pixels: names of paths are read on it, and it goes over a slow link once.
const SIDE: u32 = 2000;
const QUALITY: u8 = 85;

/// A picture as it is kept.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The file.
    pub jpeg: Vec<u8>,
    /// Of that file.
    pub sha256: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
}

/// Makes a JPEG or PNG the picture of a plan: upright, on white where it is transparent.
///
/// # Errors
/// What is wrong with it.
pub fn sheet(bytes: &[u8]) -> Result<Sheet, String> {
    if bytes.len() > MOST_BYTES {
        return Err(format!("the picture is larger than {} MB", MOST_BYTES / 1_000_000));
    }
    let image = decoded(bytes)?;
    let large = image.width().max(image.height()) > SIDE;
    let image = flat(if large { image.thumbnail(SIDE, SIDE) } else { image });
    let mut jpeg = Vec::new();
    let made = JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&image);
    made.map_err(|error| format!("the picture cannot be kept: {error}"))?;
    let sha256 = Sha256::digest(&jpeg).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Sheet { jpeg, sha256, width: image.width(), height: image.height() })
}

/// What its header says is believed only as far as memory goes: a few bytes may claim to be any number of pixels.
fn decoded(bytes: &[u8]) -> Result<DynamicImage, String> {
    let broken = |error: image::ImageError| format!("the picture cannot be read: {error}");
    let format = image::guess_format(bytes).ok();
    let format = format.filter(|format| matches!(format, ImageFormat::Jpeg | ImageFormat::Png));
    let format = format.ok_or("this is neither JPEG nor PNG")?;
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_PIXELS * 8);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(broken)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MOST_PIXELS {
        let most = MOST_PIXELS / 1_000_000;
        return Err(format!("{width}×{height} pixels are too many: scale it down to {most} million"));
    }
    let orientation = decoder.orientation().map_err(broken)?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(broken)?;
    image.apply_orientation(orientation);
    Ok(image)
}

fn flat(image: DynamicImage) -> RgbImage {
    if !image.color().has_alpha() {
        return image.into_rgb8();
    }
    let image = image.into_rgba8();
    RgbImage::from_fn(image.width(), image.height(), |x, y| {
        let [red, green, blue, alpha] = image.get_pixel(x, y).0.map(u16::from);
        Rgb([red, green, blue].map(|part| ((part * alpha + 255 * (255 - alpha)) / 255) as u8))
    })
}

#[cfg(test)]
mod tests {
    use image::{Rgba, RgbaImage};

    use super::*;

    fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    #[test]
    fn a_picture_is_kept_as_a_jpeg_of_bounded_size_on_white() {
        let kept = sheet(&png(RgbaImage::from_pixel(3000, 600, Rgba([0, 0, 0, 0])))).unwrap();
        assert_eq!((kept.width, kept.height, kept.sha256.len()), (2000, 400, 64));
        let back = image::load_from_memory_with_format(&kept.jpeg, ImageFormat::Jpeg).unwrap().into_rgb8();
        assert_eq!((back.dimensions(), back.get_pixel(9, 9)), ((2000, 400), &Rgb([255; 3])));
        let small = sheet(&png(RgbImage::from_pixel(40, 30, Rgb([9, 99, 200])))).unwrap();
        assert_eq!((small.width, small.height), (40, 30));
    }

    #[test]
    fn what_is_no_picture_or_too_much_of_one_is_refused_in_words() {
        let png = png(RgbImage::new(40, 30));
        // The same picture, whose header claims more than any memory holds.
        let mut bomb = png.clone();
        bomb[16..24].copy_from_slice(&[0, 0, 0xc3, 0x50, 0, 0, 0xc3, 0x50]);
        let crc = crc32(&bomb[12..29]);
        bomb[29..33].copy_from_slice(&crc.to_be_bytes());
        for (bytes, says) in [
            (&b""[..], "neither"),
            (b"GIF89a", "neither"),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "neither"),
            (&png[..60], "cannot be read"),
            (&[0xff, 0xd8, 0xff, 0xe0, 0, 1], "cannot be read"),
            (&bomb, "too many"),
            (&vec![0; MOST_BYTES + 1], "larger than 8 MB"),
        ] {
            let told = sheet(bytes).unwrap_err();
            assert!(told.contains(says), "{told}");
        }
    }

    /// Of a chunk of a PNG.
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
        })
    }
}
