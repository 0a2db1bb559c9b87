//! What of `[store]` is kept for training and review.

use jiff::tz::TimeZone;

use super::Config;
use super::reader::Reader;
use super::sections::hours;
use crate::publish::settings::{FieldSettings, When};

const ROOM: &str = "store.field_mb";
const A_DAY: &str = "store.field_mb_a_day";
const HOURS: &str = "store.field_hours";
/// Pictures in an hour, at most.
const MOST: f64 = 3600.0;

/// The keys of `[store]` that begin with `field_`.
pub fn field(reader: &mut Reader) -> FieldSettings {
    let default = FieldSettings::default();
    let words = [("always", When::Always), ("hours", When::Hours), ("asked", When::Asked)];
    let send = reader.choice("store.field_send", &words).unwrap_or_default();
    // What is wrong with it is told where alerts are read.
    let zone = reader.text("alert.time_zone").and_then(|name| TimeZone::get(&name).ok());
    let hours = hours(reader, HOURS, zone);
    if send == When::Hours && hours.are_none() {
        reader.wrong(
            "store.field_send",
            "says \"hours\", and there are none",
            "give field_hours, as [\"01:00-05:00\"]",
        );
    }
    let mut rate = |key: &'static str, default: f64| reader.number(key, default, 0.0..=MOST);
    let alerts_per_hour = rate("store.field_alerts_per_hour", default.alerts_per_hour);
    let near_misses_per_hour = rate("store.field_near_misses_per_hour", default.near_misses_per_hour);
    let challenger_per_hour = rate("store.field_challenger_per_hour", default.challenger_per_hour);
    let asked_per_hour = rate("store.field_asked_per_hour", default.asked_per_hour);
    FieldSettings {
        mb: reader.whole(ROOM, default.mb, 0..=1_000_000),
        mb_a_day: reader.number(A_DAY, default.mb_a_day, 1.0..=100_000.0),
        reserved_mb_a_day: 0.0,
        alerts_per_hour,
        near_misses_per_hour,
        near_from: reader.number("store.field_near_from", f64::from(default.near_from), 0.01..=0.99) as f32,
        challenger_per_hour,
        asked_per_hour,
        send,
        hours,
    }
}

/// The random sample goes the same way: what it may take is left to it.
pub fn fit(reader: &mut Reader, config: &mut Config) {
    let field = &mut config.publish.field;
    if field.mb == 0 || config.audit.per_day <= 0.0 {
        return;
    }
    field.reserved_mb_a_day = config.audit.most_mb_a_day;
    if field.reserved_mb_a_day > field.mb_a_day {
        let remedy = "raise it, or lower audit.most_mb_a_day: pictures of the sample must not be dropped for what they show";
        reader.wrong(A_DAY, "is less than audit.most_mb_a_day", remedy);
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    fn read(more: &str) -> Result<Config, String> {
        let text = format!(
            "[site]\nname = \"creek\"\ncamera = \"north\"\n[publish]\nbroker = \"mqtt://127.0.0.1\"\n{more}"
        );
        Config::parse(&text, "x.toml", &[]).map_err(|errors| errors.to_string())
    }

    #[test]
    fn the_sample_has_its_share_of_what_may_be_written() {
        let config = read("[audit]\nper_day = 50.0\n[store]\nfield_mb = 64\n").unwrap();
        assert_eq!(config.publish.field.reserved_mb_a_day, 20.0);
        let told =
            read("[audit]\nper_day = 50.0\n[store]\nfield_mb = 64\nfield_mb_a_day = 10.0\n").unwrap_err();
        assert!(told.contains("store.field_mb_a_day: is less than audit.most_mb_a_day"), "{told}");
        assert!(read("[store]\nfield_mb = 64\nfield_mb_a_day = 10.0\n").is_ok(), "there is no sample");
    }

    #[test]
    fn hours_are_needed_where_they_decide() {
        let told = read("[store]\nfield_mb = 64\nfield_send = \"hours\"\n").unwrap_err();
        assert!(told.contains("store.field_send: says \"hours\", and there are none"), "{told}");
        let hours = "[alert]\ntime_zone = \"Europe/Bratislava\"\n[store]\nfield_send = \"hours\"\nfield_hours = [\"01:00-05:00\"]\n";
        assert!(read(hours).is_ok());
    }
}
