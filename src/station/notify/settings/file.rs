//! Reads the tables of the file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use jiff::tz::TimeZone;
use url::Url;

use super::{Channel, EarthRanger, Email, Ntfy, Settings, TimeZoneName, Tls, To, Webhook};
use crate::perceive::observation::Severity;
use crate::station::notify::channel::{authorities, signing_key};
use crate::station::notify::rule::{Rule, Share, When};
use crate::station::notify::table::Table;
use crate::system::hours::{Hours, Stretch};

/// Channels that may be.
const MOST_CHANNELS: usize = 20;
const WHEN: [(&str, When); 7] = [
    ("opened", When::Opened),
    ("worse", When::Worse),
    ("picture", When::Picture),
    ("escalated", When::Escalated),
    ("unacknowledged", When::Unacknowledged),
    ("acknowledged", When::Acknowledged),
    ("closed", When::Closed),
];
/// What an event in EarthRanger can say.
const EVENTS: [When; 5] = [When::Opened, When::Worse, When::Picture, When::Acknowledged, When::Closed];
const SHARE: [(&str, Share); 3] = [("no", Share::No), ("also", Share::Also), ("only", Share::Only)];
/// Longest that something may wait to be delivered, minutes, and what holds where nothing is said.
const EXPIRE_MIN: (i64, i64) = (7 * 1440, 12 * 60);
/// Gundi's sensors API.
const GUNDI: &str = "https://sensors.api.gundiservice.org";

/// The whole file; what is wrong stands among the notes.
pub fn whole(mut file: Table<'_, '_>) -> Settings {
    let mut settings = Settings { zone: zone(&mut file), ..Settings::default() };
    file.tables("channel", |name, table| {
        if let Some(channel) = channel(name, table) {
            settings.channels.insert(name.to_owned(), channel);
        }
    });
    if !file.has("channel") {
        file.wrong("channel", "is missing", "nobody is told of anything: write [channel.NAME]");
    } else if settings.channels.len() > MOST_CHANNELS {
        file.wrong("channel", "are too many", format!("at most {MOST_CHANNELS} are taken"));
    }
    let (zone, known) = (settings.zone.0.clone(), settings.channels.clone());
    file.list("rule", |_, table| settings.rules.push(rule(table, &zone, &known)));
    if !file.has("rule") {
        file.wrong("rule", "is missing", "nobody is told of anything: write [[rule]]");
    }
    file.finish();
    settings
}

fn zone(file: &mut Table<'_, '_>) -> TimeZoneName {
    let Some(name) = file.text("time_zone") else { return TimeZoneName::default() };
    match TimeZone::get(&name) {
        Ok(zone) => TimeZoneName(zone),
        Err(error) => {
            file.wrong(
                "time_zone",
                error.to_string(),
                "give a name of the IANA database, as \"Europe/Bratislava\"",
            );
            TimeZoneName::default()
        }
    }
}

fn channel(name: &str, mut table: Table<'_, '_>) -> Option<Channel> {
    if !is_name(name) {
        table.wrong("", "is no name", "1 to 40 of a to z, 0 to 9 and -");
    }
    table.needed("kind", "\"ntfy\"");
    let kinds = [("ntfy", 0), ("webhook", 1), ("email", 2), ("earthranger", 3)];
    let kind = table.choice("kind", &kinds)?;
    let (to, most) = match kind {
        0 => (ntfy(&mut table).map(To::Ntfy), Some(10)),
        1 => (webhook(&mut table).map(To::Webhook), Some(60)),
        2 => (email(&mut table).map(To::Email), Some(6)),
        _ => (earthranger(&mut table).map(To::EarthRanger), None),
    };
    let most_a_minute = match most {
        Some(most) => {
            table.whole("most_a_minute", 1..=1000).and_then(|n| usize::try_from(n).ok()).or(Some(most))
        }
        None => None,
    };
    let expire_min = table.whole("expire_min", 1..=EXPIRE_MIN.0).unwrap_or(EXPIRE_MIN.1);
    let ca_file = table.text("ca_file").map(PathBuf::from);
    if let Some(file) = &ca_file
        && let Err(error) = authorities(Some(file))
    {
        table.wrong("ca_file", error, "give a PEM file with the certificate of the authority");
    }
    table.finish();
    Some(Channel { to: to?, ca_file, most_a_minute, expire_ms: expire_min * 60_000 })
}

fn ntfy(table: &mut Table<'_, '_>) -> Option<Ntfy> {
    let url = address(table, "url", Some("https://ntfy.sh"));
    let topic = table.needed("topic", "\"bears-and-what-nobody-guesses\"");
    let fits = |topic: &String| {
        topic.len() <= 64 && topic.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    if topic.as_ref().is_some_and(|topic| !fits(topic)) {
        table.wrong("topic", "is no topic", "1 to 64 letters, digits, - and _");
    }
    let token = table.secret("token_file");
    Some(Ntfy { url: url?, topic: topic?, token })
}

fn webhook(table: &mut Table<'_, '_>) -> Option<Webhook> {
    let url = address(table, "url", None);
    let key = table.secret("secret_file").and_then(|secret| {
        let key = signing_key(&secret);
        if key.is_none() {
            table.wrong(
                "secret_file",
                "holds no secret of 24 bytes or more",
                "write one with `openssl rand -hex 24`",
            );
        }
        key
    });
    let authorization = table.secret("authorization_file");
    if authorization.as_ref().is_some_and(|text| !text.bytes().all(|byte| (32..127).contains(&byte))) {
        table.wrong("authorization_file", "holds what no header takes", "write it in ASCII, as: Bearer …");
    }
    Some(Webhook { url: url?, key, authorization })
}

fn email(table: &mut Table<'_, '_>) -> Option<Email> {
    let server = table.needed("server", "\"smtps://mail.example\"");
    let form = "write smtps://host[:465], smtp://host[:587] for STARTTLS, or smtp+plain://127.0.0.1:25 for a server on this machine";
    let parsed =
        server.as_deref().map(|server| server_of(server).map_err(|what| table.wrong("server", what, form)));
    let user = table.text("user");
    let password = table.secret("password_file");
    if user.is_some() != password.is_some() && user.is_some() != table.has("password_file") {
        let which = if user.is_some() { "password_file" } else { "user" };
        table.wrong(which, "is missing", "user and password_file belong together");
    }
    let from = table.needed("from", "\"Bear alarm <bears@park.example>\"");
    let from = from.and_then(|from| {
        from.parse()
            .map_err(|error| table.wrong("from", format!("{error}"), "write it as \"Name <name@host>\""))
            .ok()
    });
    if !table.has("to") {
        table.wrong("to", "is missing", "add to = [\"chief@park.example\"]");
    }
    let is_mailbox = |text: &str| text.parse::<lettre::message::Mailbox>().is_ok();
    let to = table.texts("to", "a list of addresses, [\"chief@park.example\"]", is_mailbox);
    let (host, port, tls) = parsed?.ok()?;
    let to = to.iter().filter_map(|text| text.parse().ok()).collect();
    Some(Email { host, port, tls, login: user.zip(password), from: from?, to })
}

fn server_of(server: &str) -> Result<(String, u16, Tls), String> {
    let url = Url::parse(server).map_err(|error| error.to_string())?;
    let (tls, port) = match url.scheme() {
        "smtps" => (Tls::Always, 465),
        "smtp" => (Tls::Start, 587),
        "smtp+plain" => (Tls::Never, 25),
        other => return Err(format!("{other}: is not spoken here")),
    };
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or("names no host")?;
    if !url.username().is_empty() || url.password().is_some() || !matches!(url.path(), "" | "/") {
        return Err("holds more than host and port: name and password stand in user and password_file".into());
    }
    if tls == Tls::Never && !is_here(host) {
        return Err("would send mail and password in clear: without TLS it must be this machine".into());
    }
    // The brackets of an IPv6 address are the URL's.
    Ok((host.trim_matches(['[', ']']).to_owned(), url.port().unwrap_or(port), tls))
}

fn earthranger(table: &mut Table<'_, '_>) -> Option<EarthRanger> {
    let url = address(table, "url", Some(GUNDI));
    table.needed("key_file", "\"/etc/bearwatch/gundi-key\"");
    let key = table.secret("key_file");
    let event_type = table.text("event_type").unwrap_or_else(|| "wildlife_sighting_rep".into());
    let mut places = BTreeMap::new();
    table.tables("places", |name, mut place| {
        places.extend(place.place().map(|at| (name.to_owned(), at)));
        place.finish();
    });
    Some(EarthRanger { url: url?, key: key?, event_type, places })
}

/// An address over TLS, or on this machine.
fn address(table: &mut Table<'_, '_>, key: &'static str, usual: Option<&str>) -> Option<Url> {
    let text = match (table.text(key), usual) {
        (Some(text), _) => text,
        (None, Some(usual)) if !table.has(key) => usual.into(),
        (None, _) => {
            if !table.has(key) {
                table.wrong(key, "is missing", format!("add {key} = \"https://…\""));
            }
            return None;
        }
    };
    let url = match Url::parse(&text) {
        Ok(url) => url,
        Err(error) => {
            table.wrong(key, error.to_string(), "write it as https://host/path");
            return None;
        }
    };
    let host = url.host_str().unwrap_or_default();
    let wrong = match url.scheme() {
        "https" if !host.is_empty() => None,
        "http" if is_here(host) => None,
        "http" => Some("is without TLS, and everybody on the way reads where bears are"),
        _ => Some("is no address of the web"),
    };
    if let Some(what) = wrong {
        table.wrong(key, what, "write it as https://host/path; http:// is taken for this machine alone");
    } else if url.password().is_some() || !url.username().is_empty() {
        table.wrong(
            key,
            "holds a user or password",
            "move them into a file (token_file, authorization_file)",
        );
    }
    Some(url)
}

/// Whether a host is this machine.
fn is_here(host: &str) -> bool {
    host == "localhost"
        || host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn is_name(text: &str) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=40).contains(&text.len()) && text.chars().all(good)
}

fn rule(mut table: Table<'_, '_>, zone: &TimeZone, channels: &BTreeMap<String, Channel>) -> Rule {
    if !table.has("channels") {
        table.wrong("channels", "is missing", "add channels = [\"NAME\"]");
    }
    let names: Vec<&str> = channels.keys().map(String::as_str).collect();
    let known = format!("a list of channels of this file that are right: {}", names.join(", "));
    let to = table.texts("channels", &known, |name| channels.contains_key(name));
    let known: Vec<&str> = WHEN.iter().map(|(word, _)| *word).collect();
    let wanted = format!("a list of {}", known.join(", "));
    let when = table.texts("when", &wanted, |word| known.contains(&word));
    let events = to.iter().any(|name| matches!(channels[name].to, To::EarthRanger(_)));
    let usual = || {
        if events { EVENTS.to_vec() } else { vec![When::Opened, When::Worse, When::Picture, When::Escalated] }
    };
    let word = |word: &String| WHEN.iter().find(|(known, _)| known == word).map(|(_, when)| *when);
    let when: Vec<When> = if table.has("when") { when.iter().filter_map(word).collect() } else { usual() };
    if events && when.iter().any(|one| !EVENTS.contains(one)) {
        let remedy = "EarthRanger takes opened, worse, picture, acknowledged and closed; write a rule of its own for it";
        table.wrong("when", "holds what makes no event", remedy);
    }
    let after_min = table.whole("after_min", 1..=600);
    if when.contains(&When::Unacknowledged) != table.has("after_min") {
        table.wrong("after_min", "and when = [\"unacknowledged\"] belong together", "give both, or neither");
    }
    let rule = Rule {
        channels: to,
        when,
        after_min,
        sites: table.texts("sites", "a list of sites, [\"pine-lake\"]", is_name),
        cameras: table.texts("cameras", "a list of cameras, [\"pine-lake/north\"]", |text| {
            text.split_once('/').is_some_and(|(site, camera)| is_name(site) && is_name(camera))
        }),
        least: table
            .choice(
                "severity",
                &[Severity::Low, Severity::Normal, Severity::High].map(|one| (one.name(), one)),
            )
            .unwrap_or(Severity::Normal),
        modes: table.texts("modes", "a list of armed, disarmed, shadow", |text| {
            ["armed", "disarmed", "shadow"].contains(&text)
        }),
        hours: hours(&mut table, zone),
        drills: table.choice("drills", &SHARE).unwrap_or_default(),
        simulated: table.choice("simulated", &SHARE).unwrap_or_default(),
    };
    table.finish();
    rule
}

fn hours(table: &mut Table<'_, '_>, zone: &TimeZone) -> Hours {
    let is_stretch = |text: &str| Stretch::parse(text).is_ok();
    let texts = table.texts("hours", "a list of hours, [\"22:00-06:00\"]", is_stretch);
    Hours::new(zone.clone(), texts.iter().filter_map(|text| Stretch::parse(text).ok()).collect())
}
