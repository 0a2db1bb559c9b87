//! The short sections: who we are, the model, what makes an alert, the store.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use jiff::tz::{TimeZone, db};

use super::keys::nearest;
use super::reader::{Reader, short};
use super::{ModelSettings, PageSettings, SYSFS};
use crate::perceive::audit::Settings as Audit;
use crate::perceive::settings::{RegionMode, Settings as Perceive};
use crate::perceive::zone::Polygon;
use crate::publish::settings::{DrillSettings, Settings as Publish, Site, StoreSettings};
use crate::system::hours::{Hours, Stretch};

/// How much rarer the other pictures of the random sample may be: up to there docs/review.md has measured what estimates are worth.
const MOST_SUSPECTED: f64 = 3.0;
const DAY_S: f64 = 86_400.0;

/// `[site]`.
pub fn site(reader: &mut Reader) -> Site {
    let name = wire_name(reader, "site.name", "\"yellow-creek\"");
    Site { name, camera: wire_name(reader, "site.camera", "\"north\"") }
}

/// A level of every topic: `[a-z0-9-]{1,40}`.
fn wire_name(reader: &mut Reader, key: &str, example: &str) -> String {
    if !reader.has(key) {
        reader.missing(key, example);
    }
    let Some(name) = reader.text(key) else { return String::new() };
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() > 40 || !name.chars().all(good) {
        let what = format!("\"{}\" cannot be part of a topic", name.chars().take(60).collect::<String>());
        reader.wrong(key, what, "use 1 to 40 of a to z, 0 to 9 and -");
    }
    name
}

/// `[model]`.
pub fn model(reader: &mut Reader) -> ModelSettings {
    let default = ModelSettings::default();
    let path = reader.path("model.path");
    let threads = reader.whole("model.threads", default.threads, 1..=64);
    ModelSettings { path, threads, trusted_keys: trusted_keys(reader) }
}

/// Files of public keys. Whether they can be read is found out where they are needed.
fn trusted_keys(reader: &mut Reader) -> Vec<PathBuf> {
    let key = "model.trusted_keys";
    let files = reader.texts(key, "a list of files, [\"/etc/bearwatch/models.pub\"]").unwrap_or_default();
    let files: Vec<PathBuf> = files.into_iter().map(PathBuf::from).collect();
    if let Some(file) = files.iter().find(|file| !file.is_absolute()) {
        reader.wrong(key, format!("\"{}\" is no absolute path", file.display()), "begin it with /");
    }
    files
}

/// `[perceive]`, `[alert]`, and what `[board]` says of heat.
pub fn perceive(reader: &mut Reader) -> Perceive {
    let default = Perceive::default();
    let modes = [("whole", RegionMode::Whole), ("tiles", RegionMode::Tiles), ("auto", RegionMode::Auto)];
    let threshold = reader.maybe_number("perceive.bear_threshold", 0.01..=0.99, "the model card's");
    Perceive {
        regions: reader.choice("perceive.regions", &modes).unwrap_or(default.regions),
        budget_ms: reader.number("perceive.budget_ms", default.budget_ms, 1.0..=60_000.0),
        hot_c: reader.number("board.hot_c", default.hot_c, 30.0..=120.0),
        bear_threshold: threshold.map(|threshold| threshold as f32),
        enhance: reader.flag("perceive.enhance", default.enhance),
        privacy: areas(reader, "perceive.privacy"),
        watch: areas(reader, "perceive.watch"),
        guard: areas(reader, "alert.guard"),
        false_alarms_per_day: reader.number(
            "alert.false_alarms_per_day",
            default.false_alarms_per_day,
            0.001..=1000.0,
        ),
        min_visible_s: reader.number("alert.min_visible_s", default.min_visible_s, 0.0..=60.0),
        update_s: reader.number("alert.update_s", default.update_s, 0.5..=3600.0),
        close_after_s: reader.number("alert.close_after_s", default.close_after_s, 0.5..=3600.0),
        cooldown_s: reader.number("alert.cooldown_s", default.cooldown_s, 0.0..=DAY_S),
    }
}

/// A list of polygons. One that is wrong is refused, for what it should have hidden or guarded would not be.
fn areas(reader: &mut Reader, key: &str) -> Vec<Polygon> {
    let mut areas = Vec::new();
    for text in reader.list(key, "a list of areas, [\"tents: 0,0 0.3,0 0.3,1 0,1\"]").unwrap_or_default() {
        match Polygon::parse(&text) {
            Ok(area) => areas.push(area),
            Err(what) => reader.wrong(key, format!("area \"{text}\" {what}"), "draw it anew"),
        }
    }
    areas
}

/// `alert.quiet` in `alert.time_zone`.
pub fn quiet(reader: &mut Reader) -> Hours {
    let zone = zone(reader);
    hours(reader, "alert.quiet", zone)
}

/// `[drill]`.
pub fn drill(reader: &mut Reader) -> DrillSettings {
    let default = DrillSettings::default();
    let every_h = reader.number("drill.every_h", default.every.as_secs_f64() / 3600.0, 0.0..=720.0);
    let within_s = reader.whole("drill.within_s", default.within.as_secs(), 10..=600);
    // What is wrong with it is told where alerts are read.
    let zone = reader.text("alert.time_zone").and_then(|name| TimeZone::get(&name).ok());
    DrillSettings {
        every: Duration::from_secs_f64(3600.0 * every_h),
        hours: hours(reader, "drill.hours", zone),
        within: Duration::from_secs(within_s),
    }
}

/// Stretches of the day in `alert.time_zone`. The zone is asked for, not taken from the board: that is often left as it was delivered.
fn hours(reader: &mut Reader, key: &str, zone: Option<TimeZone>) -> Hours {
    let mut stretches = Vec::new();
    for text in reader.texts(key, "a list of hours, [\"22:00-06:00\"]").unwrap_or_default() {
        match Stretch::parse(&text) {
            Ok(stretch) => stretches.push(stretch),
            Err(what) => {
                reader.wrong(key, format!("\"{}\" {what}", short(&text)), "write HH:MM-HH:MM, as 22:00-06:00")
            }
        }
    }
    if reader.has(key) && !reader.has("alert.time_zone") {
        let remedy = "add time_zone = \"Europe/Bratislava\", or where the site is, to [alert]";
        reader.wrong(key, "is given without time_zone", remedy);
    }
    Hours::new(zone.unwrap_or(TimeZone::UTC), stretches)
}

fn zone(reader: &mut Reader) -> Option<TimeZone> {
    let key = "alert.time_zone";
    let name = reader.text(key)?;
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        let known: Vec<String> = db().available().map(|known| known.as_str().to_owned()).collect();
        let remedy = match nearest(&name, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None if known.len() <= 1 => "install the package tzdata, or write \"UTC\"".to_owned(),
            None => {
                "give a name of the IANA database, as \"Europe/Bratislava\" (`timedatectl list-timezones`)"
                    .to_owned()
            }
        };
        reader.wrong(key, format!("\"{}\" is no time zone known here", short(&name)), remedy);
    }
    zone
}

/// `[store]`.
pub fn store(reader: &mut Reader) -> StoreSettings {
    let default = Publish::default().store;
    let path: PathBuf = reader.path("store.path").unwrap_or(default.path);
    StoreSettings {
        path,
        max_mb: reader.whole("store.max_mb", default.max_mb, 4..=1_000_000),
        review_mb: reader.whole("store.review_mb", default.review_mb, 0..=1_000_000),
    }
}

/// `[audit]`.
pub fn audit(reader: &mut Reader) -> Audit {
    let audit = Audit {
        per_day: reader.number("audit.per_day", 0.0, 0.0..=20_000.0),
        suspected_per_hour: reader.number("audit.suspected_per_hour", 0.0, 0.0..=3600.0),
        most_mb_a_day: reader.number("audit.most_mb_a_day", 20.0, 0.1..=100_000.0),
    };
    let most = MOST_SUSPECTED * audit.per_day / 24.0;
    if audit.suspected_per_hour > most {
        let what = format!("is more than {MOST_SUSPECTED} times what per_day gives in an hour");
        let remedy = format!(
            "raise per_day, or write at most {most:.1}: else the few pictures on which the model suspects nothing weigh so much that nothing can be told of them"
        );
        reader.wrong("audit.suspected_per_hour", what, remedy);
    }
    audit
}

/// `[metrics]`. They tell when bears are there and when the camera does not see.
pub fn metrics(reader: &mut Reader) -> Option<SocketAddr> {
    listen(reader, "metrics", "can be reached from other machines, and has no password")
}

/// `[page]`. Never without a token, not on loopback either: other users and programs of the machine are there, too.
pub fn page(reader: &mut Reader) -> Option<PageSettings> {
    let listen = listen(
        reader,
        "page",
        "can be reached from other machines, and its token goes over the network for everybody to read",
    );
    let token_file = reader.secret("page.token_file");
    if listen.is_some() && !reader.has("page.token_file") {
        let remedy = "write a long random word into a file that only bearwatch may read, and name that file in token_file";
        reader.wrong("page.listen", "is given without token_file", remedy);
    }
    Some(PageSettings { listen: listen?, token_file: token_file? })
}

/// Where a section listens. Another address than loopback is asked for twice, with what it `exposes`.
fn listen(reader: &mut Reader, section: &str, exposes: &str) -> Option<SocketAddr> {
    let key = format!("{section}.listen");
    let beyond = reader.flag(&format!("{section}.beyond_loopback"), false);
    let text = reader.text(&key)?;
    let Ok(address) = text.parse::<SocketAddr>() else {
        let what = format!("\"{}\" is no number with a port", short(&text));
        reader.wrong(&key, what, "write it as \"127.0.0.1:9555\"");
        return None;
    };
    if !address.ip().is_loopback() && !beyond {
        let remedy = "write 127.0.0.1, or add beyond_loopback = true where a firewall guards the port";
        reader.wrong(&key, exposes, remedy);
    }
    Some(address)
}

/// `capture.lens_degrees`.
pub fn lens(reader: &mut Reader) -> Option<f64> {
    reader.maybe_number("capture.lens_degrees", 1.0..=170.0, "a page that does not say how far it sees")
}

/// The rest of `[board]`: where the kernel tells of it.
pub fn sysfs(reader: &mut Reader) -> PathBuf {
    reader.path("board.sysfs").unwrap_or_else(|| SYSFS.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layer::Layer;

    #[test]
    fn metrics_stay_on_the_machine_unless_it_is_said_twice() {
        let read = |text: &str| {
            let mut reader = Reader::new(&[&Layer::file(text, "x.toml")], "x.toml", None);
            let address = metrics(&mut reader).map(|address| address.to_string());
            (address, reader.finish().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        };
        assert_eq!(read("[metrics]\n"), (None, String::new()));
        assert_eq!(read("[metrics]\nlisten = \"[::1]:9555\"\n"), (Some("[::1]:9555".into()), String::new()));
        let open = "[metrics]\nlisten = \"0.0.0.0:9555\"\n";
        assert!(read(open).1.contains("x.toml:2: metrics.listen: can be reached from other machines"));
        assert_eq!(read(&format!("{open}beyond_loopback = true\n")).1, "");
        assert!(
            read("[metrics]\nlisten = \"localhost\"\n").1.contains("\"localhost\" is no number with a port")
        );
    }

    #[test]
    fn a_page_has_a_token_wherever_it_listens() {
        let read = |text: &str| {
            let text = format!("[page]\n{text}\n");
            let mut reader = Reader::new(&[&Layer::file(&text, "x.toml")], "x.toml", None);
            let page = page(&mut reader);
            (page, reader.finish().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
        };
        assert_eq!(read(""), (None, String::new()));
        let (page, told) = read("listen = \"127.0.0.1:8080\"\ntoken_file = \"/etc/bearwatch/page-token\"");
        let address = "127.0.0.1:8080".parse().unwrap();
        let token_file = "/etc/bearwatch/page-token".into();
        assert_eq!((page, told.as_str()), (Some(PageSettings { listen: address, token_file }), ""));
        let open = "listen = \"0.0.0.0:8080\"";
        for (text, what) in [
            ("listen = \"127.0.0.1:8080\"", "x.toml:2: page.listen: is given without token_file"),
            (open, "x.toml:2: page.listen: is given without token_file"),
            (open, "x.toml:2: page.listen: can be reached from other machines"),
        ] {
            assert!(read(text).1.contains(what), "{text}: {}", read(text).1);
        }
        let said = format!("{open}\nbeyond_loopback = true\ntoken_file = \"/t\"");
        assert_eq!(read(&said).1, "");
    }

    #[test]
    fn an_area_that_is_drawn_wrongly_is_named_and_none_is_left_out_in_silence() {
        let text = "[perceive]\nprivacy = [\"0,0 1,1 1,0 0,1\", \"0,0 0.3,0 0.3,1\"]\n[alert]\nguard = [\"0,0 2,0 1,1\"]\n";
        let mut reader = Reader::new(&[&Layer::file(text, "x.toml")], "x.toml", None);
        assert_eq!(perceive(&mut reader).privacy.len(), 1);
        let mistakes: Vec<String> = reader.finish().iter().map(ToString::to_string).collect();
        let crossed = "area \"0,0 1,1 1,0 0,1\" crosses itself: side 1 and side 3";
        assert!(mistakes[0].contains("x.toml:2") && mistakes[0].contains(crossed), "{mistakes:?}");
        assert!(mistakes[1].contains("\"2,0\" is no corner; write x,y"), "{mistakes:?}");
    }
}
