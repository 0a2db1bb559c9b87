//! The header of YUV4MPEG2, the simplest form of raw video that says its own size.

use super::pixels::{check_size, raw_bytes};
use crate::perceive::frame::PixelFormat;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Y4m {
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// [`PixelFormat::I420`] or [`PixelFormat::Grey`].
    pub format: PixelFormat,
    /// Frames a second, numerator and denominator; not always stated.
    pub rate: Option<(u32, u32)>,
}

impl Y4m {
    /// Reads the header line: `YUV4MPEG2 W640 H480 F30:1 Ip A1:1 C420jpeg`.
    ///
    /// # Errors
    /// Says what is wrong: another format, no size or one beyond all measure, a colour space other than
    /// 8-bit 4:2:0 and grey.
    pub fn parse(line: &str) -> Result<Y4m, String> {
        let mut fields = line.trim_end().split(' ');
        if fields.next() != Some("YUV4MPEG2") {
            return Err("its output is not Y4M".to_owned());
        }
        let (mut width, mut height, mut format, mut rate) = (0, 0, PixelFormat::I420, None);
        for field in fields {
            match field.split_at_checked(1) {
                Some(("W", value)) => width = value.parse().map_err(|_| format!("Y4M width {value:?}"))?,
                Some(("H", value)) => height = value.parse().map_err(|_| format!("Y4M height {value:?}"))?,
                Some(("C", value)) => format = colour_space(value)?,
                Some(("F", value)) => rate = ratio(value),
                _ => {}
            }
        }
        check_size(width, height)?;
        Ok(Y4m { width, height, format, rate })
    }

    /// Bytes of one frame.
    pub fn bytes(&self) -> usize {
        raw_bytes(self.format, self.width, self.height).unwrap_or(0)
    }
}

fn ratio(value: &str) -> Option<(u32, u32)> {
    let (over, under) = value.split_once(':')?;
    let ratio = (over.parse().ok()?, under.parse().ok()?);
    (ratio.0 > 0 && ratio.1 > 0).then_some(ratio)
}

fn colour_space(name: &str) -> Result<PixelFormat, String> {
    match name {
        "420" | "420jpeg" | "420mpeg2" | "420paldv" => Ok(PixelFormat::I420),
        "mono" => Ok(PixelFormat::Grey),
        other => Err(format!("Y4M colour space {other} is not read")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_ffmpeg_and_others_are_read() {
        let header = Y4m::parse("YUV4MPEG2 W641 H361 F15:1 Ip A1:1 C420jpeg XYSCSS=420JPEG\n").unwrap();
        assert_eq!((header.width, header.height, header.format), (641, 361, PixelFormat::I420));
        assert_eq!(header.rate, Some((15, 1)));
        assert_eq!(header.bytes(), 641 * 361 + 2 * 321 * 181);
        assert_eq!(Y4m::parse("YUV4MPEG2 W8 H4 Cmono").unwrap().format, PixelFormat::Grey);
        assert_eq!(Y4m::parse("YUV4MPEG2 H4 W8 F25:1").unwrap().format, PixelFormat::I420);
    }

    #[test]
    fn other_headers_are_refused_with_the_reason() {
        assert!(Y4m::parse("RIFF").unwrap_err().contains("not Y4M"));
        assert!(Y4m::parse("YUV4MPEG2 W8 H4 C422").unwrap_err().contains("422"));
        assert!(Y4m::parse("YUV4MPEG2 W8 H4 C420p10").unwrap_err().contains("420p10"));
        assert!(Y4m::parse("YUV4MPEG2 Wx H4").unwrap_err().contains("width"));
        assert!(Y4m::parse("YUV4MPEG2 H3").unwrap_err().contains("is empty"));
        assert!(Y4m::parse("YUV4MPEG2 W4294967295 H4294967295").unwrap_err().contains("too many"));
    }
}
