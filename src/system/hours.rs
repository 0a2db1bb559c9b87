//! Hours of the day, as people state them, in a time zone.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// From one time of each day to another, by the clock on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Its first minute since midnight.
    from: u16,
    /// The first minute that is not of it any more; of the next day where it is before `from`.
    to: u16,
}

impl Stretch {
    /// Reads `22:00-06:00`. A stretch without length is refused: it could as well mean the whole day.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str) -> Result<Stretch, String> {
        let (from, to) = text.split_once('-').ok_or("is not from and to, as 22:00-06:00")?;
        let stretch = Stretch { from: minute(from)?, to: minute(to)? };
        match stretch {
            Stretch { from: DAY, .. } => Err("begins when the day is over: write 00:00".into()),
            Stretch { from, to } if from == to => Err("has no length (the whole day is 00:00-24:00)".into()),
            good => Ok(good),
        }
    }

    fn covers(self, minute: u16) -> bool {
        if self.from < self.to {
            (self.from..self.to).contains(&minute)
        } else {
            minute >= self.from || minute < self.to
        }
    }
}

/// Minutes since midnight of `HH:MM`, 24:00 included.
fn minute(text: &str) -> Result<u16, String> {
    let text = text.trim();
    let two_digits = |part: &str| {
        let good = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        good.then(|| part.parse::<u16>().ok()).flatten()
    };
    let time = text.split_once(':').and_then(|(hour, minute)| two_digits(hour).zip(two_digits(minute)));
    match time {
        Some((hour, minute)) if minute < 60 && hour * 60 + minute <= DAY => Ok(hour * 60 + minute),
        _ => Err(format!("holds \"{text}\", which is no time of day from 00:00 to 24:00")),
    }
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stretch { from, to } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02}", from / 60, from % 60, to / 60, to % 60)
    }
}

/// Stretches of each day in one time zone; they may overlap.
///
/// The clock on the wall decides, for that is what people at the site live by: where it is put forward, a stretch that lies in the
/// hour left out does not come; where it is put back, the hour that comes twice belongs to its stretch both times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    zone: TimeZone,
    stretches: Vec<Stretch>,
}

impl Default for Hours {
    /// None at all.
    fn default() -> Hours {
        Hours { zone: TimeZone::UTC, stretches: Vec::new() }
    }
}

impl Hours {
    /// In a time zone.
    pub fn new(zone: TimeZone, stretches: Vec<Stretch>) -> Hours {
        Hours { zone, stretches }
    }

    /// Whether there are none at all.
    pub fn are_none(&self) -> bool {
        self.stretches.is_empty()
    }

    /// Whether a moment, milliseconds since 1970, lies in one of them.
    pub fn cover(&self, unix_ms: i64) -> bool {
        let Ok(at) = Timestamp::from_millisecond(unix_ms) else { return false };
        let wall = self.zone.to_datetime(at);
        let minute = u16::from(wall.hour().unsigned_abs()) * 60 + u16::from(wall.minute().unsigned_abs());
        self.stretches.iter().any(|stretch| stretch.covers(minute))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stretches: Vec<String> = self.stretches.iter().map(Stretch::to_string).collect();
        write!(f, "{} {}", stretches.join(", "), self.zone.iana_name().unwrap_or("UTC"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hours(zone: &str, stretches: &[&str]) -> Hours {
        let stretches = stretches.iter().map(|text| Stretch::parse(text).unwrap()).collect();
        Hours::new(TimeZone::get(zone).unwrap(), stretches)
    }

    fn at(time: &str) -> i64 {
        time.parse::<Timestamp>().unwrap().as_millisecond()
    }

    /// Minutes of the 24 hours from `start` on that are covered.
    fn minutes_covered(hours: &Hours, start: &str) -> usize {
        (0..24 * 60).filter(|minute| hours.cover(at(start) + minute * 60_000)).count()
    }

    #[test]
    fn a_stretch_holds_its_first_minute_and_not_its_last() {
        let day = hours("UTC", &["08:00-17:30"]);
        let covered = |time: &str| day.cover(at(time));
        assert!(covered("2026-07-01T08:00:00Z") && covered("2026-07-01T17:29:59.999Z"));
        assert!(!covered("2026-07-01T07:59:59.999Z") && !covered("2026-07-01T17:30:00Z"));
        assert!(!Hours::default().cover(at("2026-07-01T12:00:00Z")) && Hours::default().are_none());
    }

    #[test]
    fn stretches_may_pass_midnight_overlap_and_fill_the_day() {
        let night = hours("UTC", &["22:00-06:00"]);
        let covered = |time: &str| night.cover(at(time));
        assert!(covered("2026-07-01T22:00:00Z") && covered("2026-07-02T05:59:00Z"));
        assert!(!covered("2026-07-02T06:00:00Z") && !covered("2026-07-01T21:59:00Z"));
        for (stretches, minutes) in [
            (&["22:00-06:00", "05:00-07:00"][..], 9 * 60),
            (&["00:00-24:00"], 24 * 60),
            (&["22:00-24:00", "00:00-06:00"], 8 * 60),
            (&["18:00-00:00"], 6 * 60),
            (&["12:00-11:59"], 24 * 60 - 1),
        ] {
            let covered = minutes_covered(&hours("UTC", stretches), "2026-07-01T00:00:00Z");
            assert_eq!(covered, minutes, "{stretches:?}");
        }
    }

    #[test]
    fn the_clock_on_the_wall_decides_when_it_is_put_forward_and_back() {
        let evening = hours("Europe/Bratislava", &["20:00-21:00"]);
        assert!(evening.cover(at("2026-01-10T19:30:00Z")) && !evening.cover(at("2026-01-10T18:30:00Z")));
        assert!(evening.cover(at("2026-07-10T18:30:00Z")) && !evening.cover(at("2026-07-10T19:30:00Z")));
        // 29 March 2026: 02:00 becomes 03:00. 25 October: 03:00 becomes 02:00.
        let small = hours("Europe/Bratislava", &["02:00-03:00"]);
        assert_eq!(minutes_covered(&small, "2026-03-28T12:00:00Z"), 0);
        assert_eq!(minutes_covered(&small, "2026-10-24T12:00:00Z"), 120);
        assert_eq!(minutes_covered(&small, "2026-06-01T12:00:00Z"), 60);
        let night = hours("Europe/Bratislava", &["22:00-06:00"]);
        assert_eq!(minutes_covered(&night, "2026-03-28T12:00:00Z"), 7 * 60);
        assert_eq!(minutes_covered(&night, "2026-10-24T12:00:00Z"), 9 * 60);
    }

    #[test]
    fn offsets_that_are_no_whole_hours_and_times_before_1970_count_too() {
        let nepal = hours("Asia/Kathmandu", &["06:00-06:15"]);
        assert!(nepal.cover(at("2026-07-01T00:15:00Z")) && !nepal.cover(at("2026-07-01T00:30:00Z")));
        assert!(hours("UTC", &["23:00-24:00"]).cover(-1));
        assert!(!hours("UTC", &["00:00-24:00"]).cover(i64::MAX), "no moment at all");
    }

    #[test]
    fn what_is_no_stretch_is_refused_in_words() {
        for (text, what) in [
            ("22:00", "is not from and to"),
            ("8:00-17:00", "\"8:00\", which is no time of day"),
            ("08:00-24:01", "\"24:01\""),
            ("08:60-09:00", "\"08:60\""),
            ("08:00-+9:00", "\"+9:00\""),
            ("08:00-08:00", "has no length (the whole day is 00:00-24:00)"),
            ("24:00-06:00", "begins when the day is over"),
            ("", "is not from and to"),
        ] {
            let told = Stretch::parse(text).unwrap_err();
            assert!(told.contains(what), "{text}: {told}");
        }
        assert_eq!(Stretch::parse(" 22:00 - 06:00 ").unwrap().to_string(), "22:00-06:00");
    }

    #[test]
    fn hours_are_told_as_they_were_stated() {
        let told = hours("Europe/Bratislava", &["22:00-06:00", "12:00-24:00"]).to_string();
        assert_eq!(told, "22:00-06:00, 12:00-24:00 Europe/Bratislava");
    }
}
