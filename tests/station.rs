//! The station: the real program against a real Mosquitto and its own database, killed, locked out, lied to.

#![cfg(feature = "station")]
#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

#[path = "station/commands.rs"]
mod commands;
#[path = "station/drift.rs"]
mod drift;
#[path = "station/notify.rs"]
mod notify;
#[path = "station/notify_file.rs"]
mod notify_file;
#[path = "station/people.rs"]
mod people;
#[path = "station/plan.rs"]
mod plan;
#[path = "station/review.rs"]
mod review;
#[path = "station/rollout.rs"]
mod rollout;
#[path = "station/several.rs"]
mod several;
mod support;
#[path = "support/desk.rs"]
mod support_desk;
#[path = "support/postgres.rs"]
mod support_postgres;
#[path = "support/receiver.rs"]
mod support_receiver;
#[path = "support/station.rs"]
mod support_station;
#[path = "support/witness.rs"]
mod support_witness;
#[path = "station/trial.rs"]
mod trial;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::Duration;

use bearwatch::capture::pixels::encode_jpeg;
use bearwatch::perceive::frame::Picture;
use serde_json::{Value, json};
use support::daemon::{Home, is_root};
use support::{ANONYMOUS, Broker, bearwatch, wait_for};
use support_desk::{alert, snapshot_options, status};
use support_station::{LIMIT, Station, TOKEN, on_postgres};
use support_witness::{Witness, numbers};

const ALERT: &str = "bearwatch/v1/creek/north/alert";
const SNAPSHOT: &str = "bearwatch/v1/creek/north/snapshot";
const STATUS: &str = "bearwatch/v1/creek/north/status";
/// A broker that keeps all of what a station misses.
const PATIENT: &str = "allow_anonymous true\nmax_queued_messages 0\n";

fn jpeg() -> Vec<u8> {
    encode_jpeg(&Picture::new(64, 48), 80, u32::MAX).unwrap()
}

fn refusals(station: &Station) -> Vec<String> {
    let told = station.fleet()["refusals"].as_array().unwrap().clone();
    told.iter().map(|one| one["reason"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn an_alert_comes_with_its_pictures_its_steps_and_its_marks() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &[]);
    let mut events = station.events();
    assert_eq!(events.next().unwrap().0, "pulse");
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({ "severity": "low" })));
    let (_, event) = events.by_ref().find(|(name, _)| name == "alert").unwrap();
    assert_eq!((&event["alert"]["id"], &event["rings"]), (&json!("b1-1"), &json!(false)), "quiet hours");
    broker.publish_with(SNAPSHOT, &jpeg(), &snapshot_options("b1-1", "4"));
    let escalation = json!({ "level": "chief", "step": 2, "of": 3, "after_s": 9 });
    broker.publish(
        ALERT,
        &alert(1, "b1-1", "updated", json!({ "severity": "high", "escalation": escalation })),
    );
    let (_, event) = events.by_ref().find(|(_, event)| event["alert"]["severity"] == "high").unwrap();
    assert_eq!(event["rings"], true, "worse than before");
    broker.publish(ALERT, &alert(2, "b1-1", "closed", json!({ "late": true })));
    broker.publish(ALERT, &alert(3, "b1-2", "opened", json!({ "drill": true, "simulated": true })));
    let told = station.alert("b1-1", |alert| alert["state"] == "closed");
    assert_eq!(
        (&told["site"], &told["camera"], &told["class"]),
        (&json!("creek"), &json!("north"), &json!("bear"))
    );
    assert_eq!((&told["escalation"]["level"], &told["escalation"]["step"]), (&json!("chief"), &json!(2)));
    // By hand they are of last week: history, whatever they say.
    assert_eq!((&told["late"], &told["drill"], &told["clock"]), (&json!(true), &json!(false), &json!("set")));
    assert_eq!(told["steps"].as_array().unwrap().len(), 3);
    let picture = station.get(&format!("/api/pictures/{}", told["pictures"][0]["id"])).unwrap();
    assert!(picture.head.contains("image/jpeg") && picture.body == jpeg(), "{}", picture.head);
    let drill = station.alert("b1-2", |_| true);
    assert_eq!((&drill["drill"], &drill["simulated"]), (&json!(true), &json!(true)));
}

#[test]
fn a_station_that_is_killed_amid_alerts_has_every_one_of_them_once() {
    let broker = Broker::with_config(PATIENT);
    let mut station = Station::at(&broker.url, &[]);
    let witness = Witness::start(&broker.url);
    let mut swarm = bearwatch();
    swarm.args([
        "swarm",
        "--broker",
        &broker.url,
        "--cameras",
        "25",
        "--seconds",
        "20",
        "--telemetry-s",
        "2",
    ]);
    swarm.args(["--bears-per-hour", "600", "--cuts-per-hour", "60", "--seed", "11", "--json", "-"]);
    let mut swarm = swarm.stdout(Stdio::null()).spawn().unwrap();
    let mut deaths = 0;
    while swarm.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(700 + 300 * (deaths % 4)));
        station.kill();
        deaths += 1;
        // Now and then it stays away for a while, and the broker keeps what comes.
        std::thread::sleep(Duration::from_millis(if deaths % 3 == 0 { 1500 } else { 0 }));
        station.start();
    }
    assert!(swarm.wait().unwrap().success(), "what the cameras said reached the broker");
    assert!(deaths > 8, "killed {deaths} times");
    let mut database = station.open();
    let heard = witness.end();
    for (kind, table) in [("alert", "step"), ("snapshot", "picture")] {
        let sent = numbers(&heard, kind);
        assert!(sent.len() > 200, "{} {kind}s", sent.len());
        let mut filed = Vec::new();
        let whole = wait_for(LIMIT, || {
            filed = database.numbers(table);
            filed.len() >= sent.len()
        });
        let distinct: BTreeSet<_> = filed.iter().cloned().collect();
        assert!(
            whole && distinct == sent && filed.len() == sent.len(),
            "{kind}: {} of {}",
            filed.len(),
            sent.len()
        );
    }
    let ids: BTreeSet<&str> = heard
        .iter()
        .filter(|line| line["kind"] == "alert")
        .filter_map(|line| line["message"]["id"].as_str())
        .collect();
    assert_eq!(database.count("SELECT count(*) FROM alert"), ids.len() as i64);
    let desk = station.until("the broker", |desk| desk["pulse"]["standing"]["link"]["connected"] == true);
    assert_eq!(desk["pulse"]["standing"]["gaps"], json!([]), "the broker remembered it all the time");
    assert_eq!(station.fleet()["refusals"], json!([]));
    assert_eq!(station.stop(), 0);
}

#[test]
fn a_database_that_is_locked_loses_nothing_not_even_over_a_death() {
    let broker = Broker::with_config(PATIENT);
    let mut station = Station::at(&broker.url, &[]);
    let mut database = station.open();
    database.hold();
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    let desk = station.until("trouble", |desk| !desk["pulse"]["standing"]["trouble"].is_null());
    let why = desk["pulse"]["standing"]["trouble"]["why"].as_str().unwrap();
    assert!(
        why.contains("another program holds it")
            && why.contains(station.address().split('?').next().unwrap()),
        "{why}"
    );
    assert_eq!(station.say("b1-1", "bear").status, 503, "what cannot be kept is not said");
    station.kill();
    database.let_go();
    station.start();
    station.alert("b1-1", |_| true);
    database.hold();
    broker.publish(ALERT, &alert(1, "b1-1", "closed", json!({})));
    station.until("trouble", |desk| !desk["pulse"]["standing"]["trouble"].is_null());
    database.let_go();
    station.alert("b1-1", |alert| alert["state"] == "closed");
    station.until("no trouble", |desk| desk["pulse"]["standing"]["trouble"].is_null());
}

#[test]
fn a_database_that_goes_away_is_told_and_what_comes_waits_at_the_broker() {
    if on_postgres() {
        return; // It is of a file.
    }
    let broker = Broker::with_config(PATIENT);
    let mut station = Station::at(&broker.url, &[]);
    let (here, away) = (station.path("data"), station.path("away"));
    std::fs::rename(&here, &away).unwrap();
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    let desk = station.until("trouble", |desk| !desk["pulse"]["standing"]["trouble"].is_null());
    let why = desk["pulse"]["standing"]["trouble"]["why"].as_str().unwrap();
    assert!(why.contains("put the file back"), "{why}");
    station.kill();
    std::fs::rename(&away, &here).unwrap();
    station.start();
    station.alert("b1-1", |_| true);
}

#[test]
fn a_disk_that_is_full_is_told_and_nothing_is_lost() {
    if !is_root() || on_postgres() {
        return;
    }
    let broker = Broker::with_config(PATIENT);
    let mut station = Station::new(&broker.url, &[]);
    let folder = station.path("data");
    let mount =
        |arguments: &[&str]| Command::new("mount").args(arguments).arg(&folder).status().unwrap().success();
    assert!(mount(&["-t", "tmpfs", "-o", "size=2m", "tmpfs"]), "no tmpfs");
    station.start();
    station.until("the broker", |desk| desk["pulse"]["standing"]["link"]["connected"] == true);
    let large = [jpeg(), vec![0; 400_000]].concat();
    for seq in 0..8 {
        broker.publish_with(SNAPSHOT, &large, &snapshot_options("b1-1", &seq.to_string()));
    }
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    let desk = station.until("trouble", |desk| !desk["pulse"]["standing"]["trouble"].is_null());
    let why = desk["pulse"]["standing"]["trouble"]["why"].as_str().unwrap().to_owned();
    let grown = mount(&["-o", "remount,size=64m"]);
    let told = station.alert("b1-1", |alert| alert["pictures"].as_array().unwrap().len() == 8);
    station.kill();
    let unmounted = Command::new("umount").arg("-l").arg(&folder).status().unwrap().success();
    assert!(grown && unmounted && why.contains("free space"), "{why}");
    assert_eq!(told["state"], "opened");
}

#[test]
fn nothing_is_believed_that_no_camera_says_and_the_person_is_told() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &[]);
    broker.publish(STATUS, &status(0, "online", "camera"));
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    station.alert("b1-1", |_| true);
    let large = vec![b'x'; 100_000];
    let junk: [(&str, &[u8]); 6] = [
        (ALERT, b"{"),
        (ALERT, &[0xff, 0x00, 0x1b]),
        (ALERT, &large),
        (STATUS, br#"{"v":1,"state":"dancing"}"#),
        (SNAPSHOT, b"no picture"),
        ("bearwatch/v1/a/\u{202e}b/status", b"{}"),
    ];
    junk.iter().for_each(|(topic, payload)| broker.publish(topic, payload));
    // Another camera speaks for this one: by its life, and by an alert of it.
    let impostor = "bearwatch/v1/creek/south/alert";
    broker.publish(impostor, &alert(1, "b1-1", "closed", json!({})));
    broker.publish(impostor, &alert(1, "b1-1", "closed", json!({ "boot": "00000000000000b2" })));
    // The number of an alert, used for something else; a replay from the broker's memory; the same again, which is allowed.
    broker.publish(ALERT, &alert(0, "b1-9", "opened", json!({})));
    broker.publish_with(ALERT, &alert(5, "b1-5", "opened", json!({})), &["--retain"]);
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({ "late": true })));
    // A bear is believed whatever the clock says; the clock is not.
    broker.publish(ALERT, &alert(6, "b1-6", "opened", json!({ "captured": "2036-01-01T00:00:00.000Z" })));
    assert_eq!(station.alert("b1-6", |_| true)["clock"], "ahead");
    let wanted =
        ["larger than", "dancing", "is no JPEG", "not a topic", "speaks for creek/north", "used before"];
    let all = || {
        let told = refusals(&station);
        wanted.iter().all(|word| told.iter().any(|reason| reason.contains(word)))
    };
    assert!(wait_for(LIMIT, all), "{:#?}", refusals(&station));
    let desk = station.desk().unwrap();
    let ids: BTreeSet<&str> =
        desk["alerts"].as_array().unwrap().iter().filter_map(|alert| alert["id"].as_str()).collect();
    assert_eq!(ids, BTreeSet::from(["b1-1", "b1-5", "b1-6"]));
    assert_eq!(station.alert("b1-1", |_| true)["state"], "opened", "nobody else closes it");
    assert_eq!(desk["pulse"]["standing"]["counts"]["repeated"], 1);
    // One that comes later hears what the broker had kept, and does not take it for an alert.
    let later = Station::at(&broker.url, &[]);
    assert!(wait_for(LIMIT, || refusals(&later).iter().any(|reason| reason.contains("a replay"))));
}

#[test]
fn silence_is_shown_as_silence_and_a_lost_broker_above_all() {
    let mut broker = Broker::start();
    let station = Station::at(&broker.url, &["--silence", "5"]);
    broker.publish(STATUS, &status(0, "online", "camera"));
    broker.publish(
        "bearwatch/v1/creek/south/status",
        &status_of("00000000000000b2", "offline", "connection lost"),
    );
    let desk = station.until("silence", |desk| desk["pulse"]["call"]["silent"] == 1);
    let first = &desk["pulse"]["call"]["first"];
    assert_eq!((&first[0]["camera"], &first[1]["camera"]), (&json!("north"), &json!("south")));
    assert!(
        first[0]["silent_s"].as_u64().unwrap() >= 5 && first[1]["reason"] == "connection lost",
        "{first}"
    );
    broker.kill();
    let desk = station.until("no broker", |desk| desk["pulse"]["standing"]["link"]["connected"] == false);
    assert_eq!(desk["pulse"]["call"]["unknown"], 2, "who is deaf says nothing of others");
    let why = desk["pulse"]["standing"]["link"]["why"].as_str().unwrap();
    assert!(why.contains("broker mqtt://"), "{why}");
    broker.start_again();
    let desk = station.until("the gap", |desk| desk["pulse"]["standing"]["gaps"] != json!([]));
    assert_eq!(
        desk["pulse"]["standing"]["link"]["connected"], true,
        "a broker that forgot us may have lost something"
    );
}

fn status_of(boot: &str, state: &str, reason: &str) -> Vec<u8> {
    let mut message: Value = serde_json::from_slice(&status(0, state, reason)).unwrap();
    message["boot"] = json!(boot);
    message.to_string().into_bytes()
}

#[test]
fn a_word_is_kept_carried_to_the_camera_and_told_when_the_camera_knows() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &[]);
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon = home.start(&["acknowledge.ladder=[\"2 duty\", \"60 chief\"]", "alert.cooldown_s=3600"]);
    let climbed = |desk: &Value| {
        let alerts = desk["alerts"].as_array().unwrap();
        let climbed = alerts.iter().find(|alert| alert["escalation"]["level"] == "duty");
        climbed.map(|alert| alert["id"].as_str().unwrap().to_owned())
    };
    let desk = station.until("an alert that nobody acknowledged", |desk| climbed(desk).is_some());
    let id = climbed(&desk).unwrap();
    assert_eq!(station.say(&id, "not-bear").status, 200);
    let told = station.alert(&id, |alert| !alert["ack"].is_null() && alert["word"]["fate"] == "heard");
    assert_eq!((&told["ack"]["verdict"], &told["ack"]["by"]), (&json!("not-bear"), &json!("token")));
    assert!(!told["pictures"].as_array().unwrap().is_empty(), "with what led to it");
    let kept = home.store().join("review").join(format!("{id}.verdict.json"));
    assert!(wait_for(LIMIT, || kept.exists()), "beside the camera's pictures");
    let cameras = station.fleet()["cameras"].clone();
    assert_eq!(
        (&cameras[0]["presence"], &cameras[0]["mode"]),
        (&json!("online"), &json!("armed")),
        "{cameras}"
    );
    assert_eq!(daemon.stop(), 0);
    station.until("its goodbye", |desk| desk["pulse"]["call"]["offline"] == 1);
    // Nobody answers any more: kept, sent, and waiting.
    assert_eq!(station.say(&id, "bear").status, 200);
    let told = station.alert(&id, |alert| alert["word"]["tries"].as_i64() > Some(0));
    assert_eq!((&told["word"]["fate"], &told["word"]["verdict"]), (&json!("waits"), &json!("bear")));
    assert_eq!(station.say("b1-404", "bear").status, 404);
    let nothing = station.post(&format!("/api/alerts/{id}/word"), &json!({ "by": "anna" }));
    assert_eq!(nothing.status, 400);
}

#[test]
fn only_who_knows_the_token_is_let_in_and_nobody_beyond_loopback_by_accident() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &[]);
    for path in ["/api/desk", "/api/fleet", "/api/events", "/api/pictures/1"] {
        assert_eq!(station.send(&format!("GET {path}"), &[], b"").unwrap().status, 401, "{path}");
    }
    let good = format!("Authorization: Bearer {TOKEN}");
    let form =
        station.send("POST /api/alerts/b1-1/word", &[&good, "Content-Type: text/plain"], b"{}").unwrap();
    assert_eq!(form.status, 415, "no form of a stranger's page");
    assert_eq!(station.send("GET /", &["Host: evil.example"], b"").unwrap().status, 403);
    let page = station.send("GET /", &[], b"").unwrap();
    assert!(page.head.contains("content-security-policy: default-src 'none'"), "{}", page.head);
    for _ in 0..10 {
        station.send("GET /api/desk", &["Authorization: Bearer guess-guess-guess"], b"");
    }
    assert_eq!(station.get("/api/desk").unwrap().status, 429, "a flood finds nothing");

    let open = Station::new(&broker.url, &["--listen", "0.0.0.0:0"]);
    let mut command = bearwatch();
    command.args(["station", "--listen", "0.0.0.0:0", "--token-file"]).arg(open.path("token"));
    let output = command.output().unwrap();
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(78) && words.contains("--beyond-loopback"), "{words}");
}

#[test]
fn a_database_that_is_not_fit_is_refused_with_the_remedy() {
    if on_postgres() {
        return; // It is of a file.
    }
    let broker = Broker::with_config(ANONYMOUS);
    let mut station = Station::at(&broker.url, &[]);
    let (code, words) = station.refuses();
    assert!(code == 75 && words.contains("in use by another bearwatch station"), "{code} {words}");
    assert_eq!(station.stop(), 0);
    station.open().run(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (99, 'x', 1, x'00', 0)",
    );
    let (code, words) = station.refuses();
    assert!(code == 78 && words.contains("a newer bearwatch has written it"), "{code} {words}");
    std::fs::remove_dir_all(station.path("data")).unwrap();
    std::fs::create_dir(station.path("data")).unwrap();
    std::fs::write(station.database(), "x".repeat(10_000)).unwrap();
    let (code, words) = station.refuses();
    assert!(code == 78 && words.contains("no database of SQLite"), "{code} {words}");
}
