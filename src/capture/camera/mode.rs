//! Which of a camera's modes is asked for. Pure: what the camera offers goes in, our choice comes out.

use std::time::Duration;

use crate::capture::settings::CameraSettings;
use crate::perceive::frame::PixelFormat;

/// The formats that are read here, best first, by their V4L2 codes: uncompressed before MJPEG, which a frame's picture must be
/// decoded from; grey last, because it hides whether a camera that could show colour sees infrared.
pub const FORMATS: [([u8; 4], PixelFormat); 5] = [
    (*b"YUYV", PixelFormat::Yuyv),
    (*b"NV12", PixelFormat::Nv12),
    (*b"MJPG", PixelFormat::Jpeg),
    (*b"JPEG", PixelFormat::Jpeg),
    (*b"GREY", PixelFormat::Grey),
];

/// Frames a second as the fraction that V4L2 states: 30/1, 30000/1001.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// In `seconds`.
    pub frames: u32,
    /// At least 1.
    pub seconds: u32,
}

impl Rate {
    /// From the time that one frame takes, in seconds; `None` for what is no time.
    pub fn of_interval(numerator: u32, denominator: u32) -> Option<Rate> {
        (numerator > 0 && denominator > 0).then_some(Rate { frames: denominator, seconds: numerator })
    }

    /// So many in one second.
    pub fn whole(fps: u32) -> Rate {
        Rate { frames: fps.max(1), seconds: 1 }
    }

    /// The nearest that is neither slower nor faster.
    pub fn within(self, slowest: Rate, fastest: Rate) -> Rate {
        match self.milli() {
            rate if rate < slowest.milli() => slowest,
            rate if rate > fastest.milli() => fastest,
            _ => self,
        }
    }

    /// What one frame takes.
    pub fn period(self) -> Duration {
        Duration::from_secs(u64::from(self.seconds)) / self.frames.max(1)
    }

    /// Frames in 1,000 seconds.
    fn milli(self) -> u64 {
        u64::from(self.frames) * 1000 / u64::from(self.seconds)
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rounded = (self.milli() as f64 / 10.0).round() / 100.0;
        write!(f, "{rounded} fps")
    }
}

/// From one value to another in steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Smallest.
    pub least: u32,
    /// Largest.
    pub most: u32,
    /// 0 and 1 mean that every value is there.
    pub step: u32,
}

impl Range {
    /// The value of the range that is nearest to `wanted`.
    pub fn nearest(self, wanted: u32) -> u32 {
        let (most, step) = (self.most.max(self.least), self.step.max(1));
        let steps = (wanted.clamp(self.least, most) - self.least + step / 2) / step;
        let whole = (most - self.least) / step;
        self.least + steps.min(whole) * step
    }
}

/// One way in which a camera can give frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode {
    /// V4L2 code.
    pub fourcc: [u8; 4],
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// `None` where the camera does not say.
    pub rate: Option<Rate>,
    /// The camera lists this very size and rate; others are computed from a range.
    pub listed: bool,
}

/// The nearest size; of these the rate that is reached, or missed least; of these the format that stands first in [`FORMATS`]; of
/// these the rate that is exceeded least. `None` where no format can be read.
pub fn choose(modes: &[Mode], wanted: &CameraSettings) -> Option<Mode> {
    let cost = |mode: &Mode| {
        let place = FORMATS.iter().position(|(code, _)| *code == mode.fourcc)?;
        let size = mode.width.abs_diff(wanted.width) + mode.height.abs_diff(wanted.height);
        let (missed, exceeded) = rate_cost(mode.rate, wanted.fps);
        Some((size, missed, place, exceeded))
    };
    modes.iter().filter_map(|mode| Some((cost(mode)?, mode))).min_by_key(|(cost, _)| *cost).map(|(_, m)| *m)
}

/// By how much a rate falls short, and by how much it goes beyond, in frames in 1,000 seconds. 29.97 counts as 30; a rate that the
/// camera does not state counts as right.
fn rate_cost(rate: Option<Rate>, wanted_fps: u32) -> (u64, u64) {
    let wanted = u64::from(wanted_fps) * 1000;
    let Some(rate) = rate.map(Rate::milli) else { return (0, 0) };
    let missed = if rate * 100 >= wanted * 99 { 0 } else { wanted - rate };
    (missed, rate.saturating_sub(wanted))
}

/// A code as people write it: "MJPG".
pub fn code(fourcc: [u8; 4]) -> String {
    String::from_utf8_lossy(&fourcc).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(code: &[u8; 4], width: u32, height: u32, fps: u32) -> Mode {
        let rate = Rate::of_interval(1, fps);
        Mode { fourcc: *code, width, height, rate, listed: true }
    }

    fn wanted(width: u32, height: u32, fps: u32) -> CameraSettings {
        CameraSettings {
            device: "0".into(),
            width,
            height,
            fps,
            exposure: None,
            gain: None,
            exposure_limit: None,
        }
    }

    /// What a common USB camera lists.
    fn usb_camera() -> Vec<Mode> {
        vec![
            mode(b"MJPG", 1920, 1080, 30),
            mode(b"MJPG", 1280, 720, 30),
            mode(b"MJPG", 1280, 720, 15),
            mode(b"MJPG", 640, 480, 30),
            mode(b"YUYV", 1280, 720, 10),
            mode(b"YUYV", 640, 480, 30),
            mode(b"YUYV", 640, 480, 15),
            mode(b"H264", 1280, 720, 15),
        ]
    }

    #[test]
    fn uncompressed_frames_are_chosen_where_they_are_fast_enough() {
        assert_eq!(choose(&usb_camera(), &wanted(640, 480, 15)), Some(mode(b"YUYV", 640, 480, 15)));
        assert_eq!(choose(&usb_camera(), &wanted(1280, 720, 15)), Some(mode(b"MJPG", 1280, 720, 15)));
        assert_eq!(choose(&usb_camera(), &wanted(1280, 720, 8)), Some(mode(b"YUYV", 1280, 720, 10)));
        assert_eq!(choose(&usb_camera(), &wanted(1280, 720, 60)), Some(mode(b"MJPG", 1280, 720, 30)));
    }

    #[test]
    fn the_nearest_size_goes_before_everything_else() {
        assert_eq!(choose(&usb_camera(), &wanted(1600, 1000, 5)), Some(mode(b"MJPG", 1920, 1080, 30)));
        assert_eq!(choose(&usb_camera(), &wanted(64, 64, 15)), Some(mode(b"YUYV", 640, 480, 15)));
    }

    #[test]
    fn formats_that_cannot_be_read_are_not_chosen() {
        assert_eq!(
            choose(&[mode(b"H264", 640, 480, 30), mode(b"UYVY", 640, 480, 30)], &wanted(640, 480, 30)),
            None
        );
        assert_eq!(
            choose(&[mode(b"H264", 640, 480, 30), mode(b"GREY", 320, 240, 9)], &wanted(640, 480, 30)),
            Some(mode(b"GREY", 320, 240, 9))
        );
        assert_eq!(choose(&[], &wanted(640, 480, 30)), None);
    }

    #[test]
    fn television_rates_count_as_the_whole_number_beside_them() {
        let ntsc = Mode { rate: Rate::of_interval(1001, 30_000), ..mode(b"YUYV", 640, 480, 1) };
        let jpeg = mode(b"MJPG", 640, 480, 30);
        assert_eq!(choose(&[jpeg, ntsc], &wanted(640, 480, 30)), Some(ntsc));
        assert_eq!(ntsc.rate.unwrap().to_string(), "29.97 fps");
        assert_eq!(Rate::of_interval(1, 30).unwrap().to_string(), "30 fps");
        assert_eq!(Rate::of_interval(2, 15).unwrap().to_string(), "7.5 fps");
        assert_eq!(Rate::of_interval(0, 30), None);
    }

    #[test]
    fn a_rate_of_a_range_is_held_within_it() {
        let (slow, fast) = (Rate { frames: 1, seconds: 2 }, Rate::whole(60));
        assert_eq!(Rate::whole(15).within(slow, fast), Rate::whole(15));
        assert_eq!(Rate::whole(90).within(slow, fast), fast);
        assert_eq!(Rate { frames: 1, seconds: 9 }.within(slow, fast), slow);
        assert_eq!(slow.period(), Duration::from_secs(2));
        assert_eq!(Rate::whole(0), Rate::whole(1));
    }

    #[test]
    fn ranges_give_a_value_that_they_hold() {
        let range = Range { least: 48, most: 1928, step: 16 };
        assert_eq!(range.nearest(640), 640);
        assert_eq!(range.nearest(645), 640);
        assert_eq!(range.nearest(10), 48);
        assert_eq!(range.nearest(5000), 1920, "1928 is not on the grid");
        assert_eq!(Range { least: 2, most: 4000, step: 0 }.nearest(721), 721);
        assert_eq!(Range { least: 7, most: 3, step: 1 }.nearest(9), 7, "a driver that mixes them up");
    }
}
