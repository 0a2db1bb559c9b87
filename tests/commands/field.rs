//! The field store of the real daemon: what it keeps, what nobody may see on it, and how it goes out.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bearwatch::capture::pixels::to_picture;
use bearwatch::perceive::frame::{Frame, Picture, PixelFormat};
use serde_json::json;

use crate::support::daemon::{Home, Listener, Post, SOON};
use crate::support::orders::{ACCEPT, command, started};
use crate::support::{Broker, wait_for};

/// Keeps everything that it may, at once.
const KEEPS: [&str; 6] = [
    "store.field_mb=16",
    "store.field_mb_a_day=2000",
    "store.field_alerts_per_hour=3600",
    "audit.per_day=20000",
    "audit.suspected_per_hour=2400",
    "audit.most_mb_a_day=1000",
];

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn kept(home: &Home, reason: &str) -> usize {
    let names = files(&home.store().join("field"));
    names.iter().filter(|path| path.to_string_lossy().contains(&format!(".{reason}."))).count()
}

/// Every picture that can be read out of a file's bytes, whatever stands around it.
fn pictures(bytes: &[u8]) -> Vec<Picture> {
    let begins =
        bytes.windows(3).enumerate().filter(|(_, three)| *three == [0xff, 0xd8, 0xff]).map(|(at, _)| at);
    let whole = begins.filter_map(|begin| {
        let end = bytes[begin..].windows(2).position(|two| two == [0xff, 0xd9])?;
        let data = bytes[begin..begin + end + 2].to_vec();
        let frame = Frame { format: PixelFormat::Jpeg, data, ..Frame::empty() };
        let mut picture = Picture::default();
        to_picture(&frame, &mut picture).ok().map(|()| picture)
    });
    whole.collect()
}

#[test]
fn what_is_private_is_on_no_picture_on_the_disk() {
    // What waits for a broker that is away lies on the disk, too.
    let mut broker = Broker::start();
    broker.kill();
    let home = Home::with_bear(&broker.url, 4, true);
    let mut sets = vec!["perceive.privacy=[\"0,0 0.5,0 0.5,0.5 0,0.5\"]", "acknowledge.ladder=[\"60 duty\"]"];
    sets.extend(KEEPS);
    let mut daemon = home.start(&sets);
    let all_kept = || {
        let review = files(&home.store().join("review"));
        let reviewed = review.iter().any(|path| path.extension().is_some_and(|e| e == "jpg"));
        kept(&home, "alert") > 0 && kept(&home, "random") > 0 && reviewed
    };
    assert!(wait_for(SOON * 3, all_kept), "{:?}\n{}", files(&home.store()), daemon.log());
    assert_eq!(daemon.stop(), 0);
    let mut found = BTreeSet::new();
    for path in files(&home.store()) {
        for picture in pictures(&std::fs::read(&path).unwrap()) {
            let private = picture.pixel(picture.width / 4, picture.height / 8);
            let seen = picture.pixel(picture.width * 7 / 8, picture.height / 8);
            assert!(private.iter().all(|&c| c < 16), "{}: {private:?}", path.display());
            assert!(seen.iter().any(|&c| c > 18), "{}: {seen:?}: not a picture of the scene", path.display());
            let place = path.strip_prefix(home.store()).unwrap();
            found.insert(place.components().next().unwrap().as_os_str().to_string_lossy().into_owned());
        }
    }
    assert!(found.contains("field") && found.contains("review") && found.len() >= 3, "{found:?}");
}

#[test]
fn what_is_kept_goes_out_when_somebody_asks_and_a_power_cut_loses_nothing_of_it() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let mut sets = vec![ACCEPT, "store.field_send=asked"];
    sets.extend(KEEPS);
    let mut daemon = started(&home, &mut desk, &sets);
    let field = || files(&home.store().join("field"));
    assert!(wait_for(SOON * 2, || kept(&home, "alert") > 1 && kept(&home, "random") > 1), "{:?}", field());
    assert_eq!(command(&broker, &["snapshot"]).0, 0);
    assert!(wait_for(SOON, || kept(&home, "asked") == 1), "{:?}", field());
    daemon.kill();
    let left = field().len();
    // Nothing more comes: the bear is none any more.
    let quiet = [
        ACCEPT,
        "store.field_send=asked",
        "store.field_mb=16",
        "store.field_alerts_per_hour=0",
        "store.field_near_misses_per_hour=0",
    ];
    let mut daemon = started(&home, &mut desk, &quiet);
    let is_kept = |post: &&Post| {
        post.kind == "snapshot"
            && (post.properties.contains_key("kept") || post.properties.contains_key("audit"))
    };
    assert_eq!(desk.posts.iter().filter(is_kept).count(), 0, "nobody has asked");
    let (code, out, _) = command(&broker, &["send", "--for", "60s"]);
    assert!(code == 0 && out.starts_with("applied: what is kept is sent until "), "{out}");
    desk.until("all of it", |posts| posts.iter().filter(is_kept).count() >= left);
    assert!(wait_for(SOON, || field().is_empty()), "{:?}", field());
    let numbers: BTreeSet<_> = desk
        .posts
        .iter()
        .filter(is_kept)
        .map(|post| (post.properties["boot"].clone(), post.properties["seq"].clone()))
        .collect();
    assert_eq!(numbers.len(), left, "each was sent once");
    let alert = desk
        .posts
        .iter()
        .find(|post| post.properties.get("kept").is_some_and(|kept| kept == "alert"))
        .unwrap();
    assert_eq!((alert.properties["alert"].as_str(), alert.properties["late"].as_str()), ("", "true"));
    assert!(alert.properties["detections"].contains("\"class\":\"bear\""), "{:?}", alert.properties);
    let told =
        desk.hears("telemetry", |post| post.json()["field"]["sent"].as_u64() >= Some(left as u64)).json();
    assert_eq!((&told["field"]["pictures"], &told["field"]["most_mb"]), (&json!({}), &json!(16.0)), "{told}");
    assert_eq!(daemon.stop(), 0);
}
