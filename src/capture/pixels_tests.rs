use super::*;

fn frame(format: PixelFormat, width: u32, height: u32, data: Vec<u8>) -> Frame {
    Frame { format, width, height, data, ..Frame::empty() }
}

fn picture_of(format: PixelFormat, width: u32, height: u32, data: Vec<u8>) -> Picture {
    let mut picture = Picture::default();
    to_picture(&frame(format, width, height, data), &mut picture).unwrap();
    picture
}

fn refusal(format: PixelFormat, width: u32, height: u32, data: Vec<u8>) -> String {
    to_picture(&frame(format, width, height, data), &mut Picture::default()).unwrap_err().to_string()
}

/// The real formula of BT.601, limited range.
fn reference(y: u8, u: u8, v: u8) -> [f32; 3] {
    let (y, u, v) = (1.164_383 * (f32::from(y) - 16.0), f32::from(u) - 128.0, f32::from(v) - 128.0);
    [y + 1.596_027 * v, y - 0.391_762 * u - 0.812_968 * v, y + 2.017_232 * u].map(|c| c.clamp(0.0, 255.0))
}

fn assert_near(pixel: [u8; 3], wanted: [f32; 3]) {
    for (got, wanted) in pixel.iter().zip(wanted) {
        assert!((f32::from(*got) - wanted).abs() <= 3.0, "{pixel:?} is not {wanted:?}");
    }
}

const LUMA: [u8; 6] = [16, 60, 110, 150, 200, 235];
const U: [u8; 2] = [90, 170];
const V: [u8; 2] = [200, 60];

/// Three by two pixels: odd width, so the last chroma column has one pixel a row.
fn assert_is_the_sample(picture: &Picture) {
    for (i, &y) in LUMA.iter().enumerate() {
        let (x, row) = (i % 3, i / 3);
        assert_near(picture.pixel(x as u32, row as u32), reference(y, U[x / 2], V[x / 2]));
    }
}

#[test]
fn every_yuv_layout_gives_the_colours_of_the_formula() {
    let planes = [&LUMA[..], &[U[0], V[0], U[1], V[1]]].concat();
    assert_is_the_sample(&picture_of(PixelFormat::Nv12, 3, 2, planes));
    let planes = [&LUMA[..], &U, &V].concat();
    assert_is_the_sample(&picture_of(PixelFormat::I420, 3, 2, planes));
    let rows = LUMA.chunks(3).flat_map(|l| [l[0], U[0], l[1], V[0], l[2], U[1], 0, V[1]]).collect();
    assert_is_the_sample(&picture_of(PixelFormat::Yuyv, 3, 2, rows));
}

/// Wide enough for the vectors of every processor, and odd, so that something is left over behind them.
#[test]
fn a_wide_frame_has_the_same_colours_to_its_last_pixel() {
    const WIDTH: usize = 203;
    let luma: Vec<u8> = (0..WIDTH).map(|x| 60 + (x * 7 % 120) as u8).collect();
    let chroma = |seed: usize| (0..WIDTH.div_ceil(2)).map(move |x| 108 + (x * seed % 40) as u8);
    let (u, v): (Vec<u8>, Vec<u8>) = (chroma(11).collect(), chroma(17).collect());
    let packed =
        luma.chunks(2).enumerate().flat_map(|(i, l)| [l[0], u[i], *l.last().unwrap(), v[i]]).collect();
    let pairs = u.iter().zip(&v).flat_map(|(u, v)| [*u, *v]).collect();
    for (format, data) in [
        (PixelFormat::Yuyv, packed),
        (PixelFormat::Nv12, [luma.clone(), pairs].concat()),
        (PixelFormat::I420, [&luma[..], &u, &v].concat()),
    ] {
        let picture = picture_of(format, WIDTH as u32, 1, data);
        for x in 0..WIDTH {
            assert_near(picture.pixel(x as u32, 0), reference(luma[x], u[x / 2], v[x / 2]));
        }
    }
}

#[test]
fn grey_stays_the_grey_that_it_is() {
    let greys: Vec<u8> = (0..=u8::MAX).collect();
    let picture = picture_of(PixelFormat::Grey, 256, 1, greys.clone());
    assert!(greys.iter().all(|&grey| picture.pixel(grey.into(), 0) == [grey; 3]));
}

#[test]
fn black_and_white_are_black_and_white() {
    assert_eq!(picture_of(PixelFormat::Yuyv, 2, 1, vec![16, 128, 235, 128]).data, [0, 0, 0, 255, 255, 255]);
    assert_eq!(picture_of(PixelFormat::Grey, 2, 1, vec![0, 255]).data, [0, 0, 0, 255, 255, 255]);
    assert_eq!(picture_of(PixelFormat::Rgb, 1, 1, vec![1, 2, 3]).data, [1, 2, 3]);
}

#[test]
fn frames_that_are_cut_off_empty_or_huge_are_refused_by_name() {
    assert!(refusal(PixelFormat::Yuyv, 4, 2, vec![0; 15]).contains("15 of 16 bytes"));
    assert!(refusal(PixelFormat::Rgb, 0, 9, Vec::new()).contains("empty"));
    assert!(refusal(PixelFormat::Grey, 60_000, 60_000, vec![0]).contains("megapixels"));
    let named = Frame { name: "den.jpg".to_owned(), ..frame(PixelFormat::Jpeg, 1, 1, b"no".to_vec()) };
    let error = to_picture(&named, &mut Picture::default()).unwrap_err();
    assert!(error.to_string().starts_with("den.jpg: "), "{error}");
}

fn gradient(width: u32, height: u32) -> Picture {
    let mut picture = Picture::new(width, height);
    for (i, pixel) in picture.data.chunks_exact_mut(3).enumerate() {
        let (x, y) = (i as u32 % width, i as u32 / width);
        pixel.copy_from_slice(&[(x * 255 / width) as u8, (y * 255 / height) as u8, 90]);
    }
    picture
}

#[test]
fn jpeg_goes_there_and_back_and_uses_the_buffer_again() {
    let original = gradient(320, 200);
    let bytes = encode_jpeg(&original, 95, 320).unwrap();
    let mut picture = Picture::new(640, 480);
    let at = picture.data.as_ptr();
    to_picture(&frame(PixelFormat::Jpeg, 0, 0, bytes), &mut picture).unwrap();
    assert_eq!((picture.width, picture.height, picture.data.as_ptr()), (320, 200, at));
    let worst = picture.data.iter().zip(&original.data).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst < Some(25), "{worst:?}");
}

#[test]
fn large_pictures_are_scaled_down_to_the_longer_side() {
    let size = |width, height, side| {
        let bytes = encode_jpeg(&gradient(width, height), 80, side).unwrap();
        jpeg::header(&bytes).map(|header| (header.width, header.height)).unwrap()
    };
    assert_eq!(size(1280, 720, 640), (640, 360));
    assert_eq!(size(300, 900, 300), (100, 300));
    assert_eq!(size(200, 100, 640), (200, 100));
    assert_eq!(size(1000, 1, 100), (100, 1));
    assert!(encode_jpeg(&Picture::default(), 80, 640).is_err());
}

#[test]
fn a_cut_off_jpeg_is_refused_instead_of_painted_grey() {
    let bytes = encode_jpeg(&gradient(200, 200), 90, 200).unwrap();
    for keep in [3, 100, bytes.len() / 2, bytes.len() - 2] {
        assert!(refusal(PixelFormat::Jpeg, 200, 200, bytes[..keep].to_vec()).contains("cut off"));
    }
}

/// An EXIF block that says: turn by 90° to the right.
const TURNED: &[u8] =
    b"\xFF\xE1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

#[test]
fn exif_orientation_is_applied() {
    let mut bytes = encode_jpeg(&gradient(64, 32), 95, 64).unwrap();
    bytes.splice(2..2, TURNED.iter().copied());
    let picture = picture_of(PixelFormat::Jpeg, 64, 32, bytes);
    assert_eq!((picture.width, picture.height), (32, 64));
    assert!(
        picture.pixel(16, 2)[0] < 40 && picture.pixel(16, 61)[0] > 200,
        "red grows downwards once turned"
    );
}

#[test]
fn files_are_read_by_content_and_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let written = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let one_pixel = written("pixel.jpg", &png(1, 1));
    assert_eq!(read_picture(&one_pixel).unwrap(), Picture { width: 1, height: 1, data: vec![10, 20, 30] });
    for (name, bytes, says) in [
        ("empty.jpg", &b""[..], "is empty"),
        ("text.jpg", b"hello", "neither JPEG nor PNG"),
        ("half.png", &png(40, 40)[..60], ""),
    ] {
        let error = read_picture(&written(name, bytes)).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains(says), "{error}");
    }
    assert!(read_picture(&folder.path().join("none.jpg")).unwrap_err().to_string().contains("none.jpg"));
    assert!(read_picture(folder.path()).is_err());
}

#[test]
fn a_png_that_claims_to_be_huge_is_refused_before_memory_is_taken() {
    let mut bytes = png(1, 1);
    bytes[16..20].copy_from_slice(&60_000_u32.to_be_bytes());
    bytes[20..24].copy_from_slice(&60_000_u32.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    let error = decode_still(&bytes, &mut Picture::default()).unwrap_err();
    assert!(error.contains("60000×60000"), "{error}");
}

fn png(width: u32, height: u32) -> Vec<u8> {
    let image = image::RgbImage::from_pixel(width, height, Rgb([10, 20, 30]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// CRC-32 as PNG uses it, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1));
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}
