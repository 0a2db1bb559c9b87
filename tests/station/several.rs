//! The station on PostgreSQL: several of them on one database, each and the database killed; databases that are away, hang, or are not theirs.

use std::collections::BTreeSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::commands::Heard;
use crate::support::{Broker, bearwatch, wait_for};
use crate::support_desk::{alert, snapshot_options, status};
use crate::support_postgres::Postgres;
use crate::support_station::{LIMIT, Station};
use crate::support_witness::{Witness, numbers};
use crate::{ALERT, PATIENT, SNAPSHOT, STATUS, jpeg, refusals};

fn connected(desk: &Value) -> bool {
    desk["pulse"]["standing"]["link"]["connected"] == true
}

/// Two stations that share what comes to a broker.
fn pair(address: &str, broker: &str) -> [Station; 2] {
    let both = ["a", "b"].map(|name| Station::on(address, broker, &["--instance", name, "--share"]));
    both.map(|mut station| {
        station.start();
        station.until("the broker", connected);
        station
    })
}

fn swarm(broker: &str, seconds: &str) -> Child {
    let mut swarm = bearwatch();
    swarm.args(["swarm", "--broker", broker, "--cameras", "20", "--seconds", seconds, "--telemetry-s", "2"]);
    swarm.args(["--bears-per-hour", "600", "--cuts-per-hour", "60", "--seed", "11", "--json", "-"]);
    swarm.stdout(Stdio::null()).spawn().unwrap()
}

#[test]
fn stations_and_their_database_are_killed_amid_alerts_and_every_one_is_there_once() {
    let broker = Broker::with_config(PATIENT);
    let mut database = Postgres::start();
    let address = database.create();
    let [mut a, mut b] = pair(&address, &broker.url);
    let witness = Witness::start(&broker.url);
    let mut swarm = swarm(&broker.url, "16");
    let mut deaths = 0;
    while swarm.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_millis(600 + 200 * (deaths % 3)));
        match deaths % 4 {
            0 => a.kill(),
            1 => b.kill(),
            2 => database.kill(),
            _ => {
                database.kill();
                a.kill();
            }
        }
        std::thread::sleep(Duration::from_millis(if deaths % 3 == 0 { 900 } else { 0 }));
        if deaths % 4 > 1 {
            database.start_again();
        }
        match deaths % 4 {
            0 | 3 => a.start(),
            1 => b.start(),
            _ => {}
        }
        deaths += 1;
    }
    assert!(swarm.wait().unwrap().success(), "what the cameras said reached the broker");
    assert!(deaths > 5, "killed {deaths} times");
    // One that was killed while its database was away gives up, as systemd would start it again.
    for station in [&mut a, &mut b] {
        assert!(station.back(), "{}", station.log());
        station.until("the broker", connected);
    }
    let heard = witness.end();
    let mut beside = a.open();
    for (kind, table) in [("alert", "step"), ("snapshot", "picture")] {
        let sent = numbers(&heard, kind);
        assert!(sent.len() > 100, "{} {kind}s", sent.len());
        let mut filed = Vec::new();
        let whole = wait_for(LIMIT, || {
            filed = beside.numbers(table);
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
    assert_eq!(beside.count("SELECT count(*) FROM alert"), ids.len() as i64);
    for station in [&mut a, &mut b] {
        let gaps = station.desk().unwrap()["pulse"]["standing"]["gaps"].clone();
        assert_eq!((gaps, refusals(station)), (json!([]), Vec::<String>::new()));
        let (code, _, words) = station.tool(&["audit"], "");
        assert_eq!(code, 0, "one chain, whoever writes to it: {words}");
        assert_eq!(station.stop(), 0);
    }
}

#[test]
fn what_one_station_hears_or_is_told_is_on_the_others_page() {
    let (here, there) = (Broker::start(), Broker::start());
    let address = Postgres::shared().create();
    // Each hears another broker: what it shows of the other's it has from the database alone.
    let mut a = Station::on(&address, &here.url, &["--instance", "a"]);
    let mut b = Station::on(&address, &there.url, &["--instance", "b"]);
    [&mut a, &mut b].into_iter().for_each(Station::start);
    [&a, &b].into_iter().for_each(|station| drop(station.until("the broker", connected)));
    // What was told before somebody listened is on the page as well, but not as an event.
    let (mut beside, listens) = (
        a.open(),
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'",
    );
    assert!(wait_for(LIMIT, || beside.count(listens) == 2), "{}", beside.count(listens));
    let mut events = b.events();
    assert_eq!(events.next().unwrap().0, "pulse");
    here.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    let (_, event) = events.by_ref().find(|(name, _)| name == "alert").unwrap();
    assert_eq!((&event["alert"]["id"], &event["rings"]), (&json!("b1-1"), &json!(true)), "there, too");
    assert_eq!(a.say("b1-1", "bear").status, 200);
    events.by_ref().find(|(_, event)| event["alert"]["word"]["verdict"] == "bear").unwrap();
    // An account of one is one of the other; who is signed out at one is so at both.
    a.account("anna", "ranger");
    let (anna, key) = (b.sign_in("anna"), "creek/north");
    assert_eq!(anna.get("/api/me").status, 200);
    assert_eq!(a.tool(&["account", "password", "anna"], "another long secret 1\n").0, 0);
    assert_eq!(anna.get("/api/me").status, 401);
    // Whose a life is the other one knows, too: it has not heard it itself.
    there.publish("bearwatch/v1/creek/south/alert", &alert(1, "b1-1", "closed", json!({})));
    assert!(wait_for(LIMIT, || refusals(&b)
        .iter()
        .any(|reason| reason.contains(&format!("speaks for {key}")))));
    assert_eq!(b.alert("b1-1", |_| true)["state"], "opened");
}

#[test]
fn an_alert_wakes_at_once_whichever_station_is_down_and_a_command_goes_out_once() {
    let broker = Broker::with_config(PATIENT);
    let address = Postgres::shared().create();
    let [a, mut b] = pair(&address, &broker.url);
    b.kill();
    for seq in 0..6 {
        broker.publish(ALERT, &alert(seq, &format!("b1-{seq}"), "opened", json!({})));
        broker.publish_with(
            SNAPSHOT,
            &jpeg(),
            &snapshot_options(&format!("b1-{seq}"), &(9 + seq).to_string()),
        );
    }
    (0..6).for_each(|seq| drop(a.alert(&format!("b1-{seq}"), |_| true)));
    // Its share of the pictures waits for it at the broker, as Mosquitto does it.
    b.start();
    let complete = |desk: &Value| {
        let alerts = desk["alerts"].as_array().unwrap();
        alerts.len() == 6 && alerts.iter().all(|alert| alert["pictures"].as_array().unwrap().len() == 1)
    };
    [&a, &b].into_iter().for_each(|station| drop(station.until("every picture", complete)));
    broker.publish_with(STATUS, &status(0, "online", "camera"), &["--retain"]);
    for station in [&a, &b] {
        station.until("the camera at each of them", |desk| desk["pulse"]["call"]["online"] == 1);
    }
    let heard = Heard::start(&broker);
    a.account("anna", "ranger");
    let anna = a.sign_in("anna");
    assert_eq!(anna.tell("creek/north", &json!({ "word": "drill" })).status, 200);
    anna.told(|command| command["fate"] == "sent");
    assert_eq!(a.say("b1-1", "bear").status, 200);
    let sent = |word: &str| heard.topics().iter().filter(|topic| topic.ends_with(word)).count();
    assert!(wait_for(LIMIT, || sent("/set/ack") == 1 && sent("/set/drill") == 1), "{:?}", heard.topics());
    assert_eq!(b.alert("b1-1", |alert| alert["word"]["tries"] == 1)["word"]["fate"], "waits");
    // Both write to one log of what people did.
    for (station, name) in [(&a, "ben"), (&b, "eva"), (&a, "ida"), (&b, "tom")] {
        station.account(name, "viewer");
        station.sign_in(name);
    }
    let (code, said, words) = b.tool(&["audit"], "");
    assert!(code == 0 && said.contains("each follows from the one before"), "{code} {said} {words}");
}

#[test]
fn a_database_that_is_gone_or_hangs_is_told_and_what_comes_waits_at_the_broker() {
    let broker = Broker::with_config(PATIENT);
    let mut database = Postgres::start();
    let address = database.create();
    let mut station = Station::on(&address, &broker.url, &[]);
    station.start();
    station.until("the broker", connected);
    database.kill();
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    let why = station.trouble("is the server up");
    assert!(!why.contains("password"), "{why}");
    station.kill();
    let (code, words) = station.refuses();
    assert!(code == 74 && words.contains("is the server up"), "{code} {words}");
    database.start_again();
    // One that begins before the server is ready gives up, as systemd would start it again.
    assert!(station.back(), "{}", station.log());
    station.alert("b1-1", |_| true);
    database.hang();
    broker.publish(ALERT, &alert(1, "b1-1", "closed", json!({})));
    station.trouble("is the server up");
    database.wake();
    station.alert("b1-1", |alert| alert["state"] == "closed");
    station.until("no trouble", |desk| desk["pulse"]["standing"]["trouble"].is_null());
    // Nothing may be written: a replica, or one that somebody made so.
    let name = address.split(['/', '?']).nth(3).unwrap();
    database.psql("postgres", &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    database.kill();
    database.start_again();
    broker.publish(ALERT, &alert(2, "b1-2", "opened", json!({})));
    station.trouble("may only be read");
    database.psql("postgres", &format!("ALTER DATABASE {name} RESET default_transaction_read_only"));
    database.kill();
    database.start_again();
    station.alert("b1-2", |_| true);
    assert_eq!(station.stop(), 0);
}

#[test]
fn a_database_of_others_is_refused_with_the_remedy() {
    let broker = Broker::start();
    let server = Postgres::shared();
    let address = server.create();
    let name = address.split(['/', '?']).nth(3).unwrap().to_owned();
    let mut station = Station::on(&address, &broker.url, &[]);
    // No station's yet: nothing that only looks makes it one.
    let (code, _, words) = station.tool(&["audit"], "");
    assert!(code == 78 && words.contains("no database of a station"), "{code} {words}");
    assert_eq!(server.psql(&name, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), "0");
    station.start();
    station.until("the broker", connected);
    let (code, words) = station.refuses();
    assert!(code == 75 && words.contains("in use by another bearwatch station"), "{code} {words}");
    // A newer one has written it: nobody of this version begins beside it.
    server.psql(&name, "INSERT INTO _sqlx_migrations VALUES (999, 'x', now(), true, '\\x00', 0)");
    let second = Station::on(&address, &broker.url, &["--instance", "b"]);
    let (code, words) = second.refuses();
    assert!(code == 78 && words.contains("a newer bearwatch has written it"), "{code} {words}");
    // An older one: it is brought up to date only when nobody has it open.
    server.psql(&name, "DELETE FROM _sqlx_migrations WHERE version >= 80");
    let (code, words) = second.refuses();
    assert!(code == 78 && words.contains("other stations have it open"), "{code} {words}");
    assert_eq!(station.stop(), 0);
    let wrong = |address: &str| Station::on(address, &broker.url, &[]).refuses();
    let (code, words) = wrong(&address.replace(&name, "nowhere"));
    assert!(code == 78 && words.contains("there is none of that name"), "{code} {words}");
    let other = station.path("other");
    std::fs::write(&other, "guess\n").unwrap();
    let with_other = format!("{}?password-file={}", address.split('?').next().unwrap(), other.display());
    let (code, words) = wrong(&with_other);
    assert!(code == 78 && words.contains("pg_hba.conf") && !words.contains("guess"), "{code} {words}");
    let (code, words) = wrong("postgres://127.0.0.1:1/park");
    assert!(code == 74 && words.contains("is the server up"), "{code} {words}");
    let (code, words) = wrong("postgres://bears:secret@127.0.0.1/park");
    assert!(code == 78 && words.contains("password-file") && !words.contains("secret"), "{code} {words}");
    let file = Station::on("bears.db", &broker.url, &["--instance", "a"]).refuses();
    assert!(file.0 == 78 && file.1.contains("share no file"), "{file:?}");
}

#[test]
fn a_station_moves_from_a_file_to_a_server_and_back_with_all_that_it_has() {
    let broker = Broker::with_config(PATIENT);
    let mut file = Station::on("", &broker.url, &[]);
    file.start();
    file.until("the broker", connected);
    file.account("anna", "administrator");
    file.account("eva", "viewer");
    assert_eq!(file.tool(&["account", "remove", "eva"], "").0, 0);
    for seq in 0..3 {
        broker.publish(ALERT, &alert(seq, &format!("b1-{seq}"), "opened", json!({})));
        broker.publish_with(
            SNAPSHOT,
            &jpeg(),
            &snapshot_options(&format!("b1-{seq}"), &(9 + seq).to_string()),
        );
        file.alert(&format!("b1-{seq}"), |alert| alert["pictures"].as_array().unwrap().len() == 1);
    }
    assert_eq!(file.say("b1-0", "bear").status, 200);
    let target = Postgres::shared().create();
    let moved = |from: &str, to: &str| {
        let output = bearwatch().args(["station", "move", "--from", from, "--to", to]).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    let (code, _, words) = moved(file.address(), &target);
    assert!(code == 75 && words.contains("in use"), "{code} {words}");
    let client = |station: &Station| station.open().text("SELECT id FROM station");
    assert_eq!(file.stop(), 0);
    // What comes now waits at the broker, which knows the station again at its new place.
    broker.publish(ALERT, &alert(3, "b1-3", "opened", json!({})));
    let (code, said, words) = moved(file.address(), &target);
    assert!(code == 0 && said.contains("picture: 3"), "{code} {said} {words}");
    let mut server = Station::on(&target, &broker.url, &[]);
    assert_eq!(client(&server), client(&file));
    server.start();
    server.alert("b1-3", |_| true);
    let told = server.alert("b1-0", |alert| alert["word"]["verdict"] == "bear");
    let picture = server.get(&format!("/api/pictures/{}", told["pictures"][0]["id"])).unwrap();
    assert!(picture.body == jpeg(), "{}", picture.head);
    assert_eq!(server.sign_in("anna").get("/api/me").status, 200);
    // No number of an account that is gone is given again.
    server.account("ben", "ranger");
    assert_eq!(server.open().count("SELECT id FROM account WHERE name = 'ben'"), 3);
    assert_eq!((server.tool(&["audit"], "").0, server.stop()), (0, 0));
    let (code, _, words) = moved(&target, file.address());
    assert!(code == 78 && words.contains("something is in it already"), "{code} {words}");
    let back = Station::on("", &broker.url, &[]);
    let (code, _, words) = moved(&target, back.address());
    assert_eq!(code, 0, "{words}");
    assert_eq!(back.open().count("SELECT count(*) FROM alert"), 4);
    let (code, said, words) = back.tool(&["audit"], "");
    assert_eq!(code, 0, "{said} {words}");
}

#[test]
fn a_server_that_speaks_tls_is_held_against_its_authority() {
    let (broker, mut database) = (Broker::start(), Postgres::start());
    let address = database.create().replace("127.0.0.1", "localhost");
    let authority = database.encrypt();
    let with = |mode: &str, file: &str| format!("{address}&sslmode={mode}&sslrootcert={file}");
    let (code, words) = Station::on(&with("verify-full", "/etc/hostname"), &broker.url, &[]).refuses();
    assert!(code == 78 && words.contains("sslrootcert"), "{code} {words}");
    let (code, words) = Station::on(&format!("{address}&sslmode=verify-full"), &broker.url, &[]).refuses();
    assert!(
        code == 78 && words.contains("UnknownIssuer") && words.contains("?sslrootcert=FILE"),
        "{code} {words}"
    );
    let full = with("verify-full", authority.to_str().unwrap());
    let other = full.replace("localhost", "127.0.0.1");
    let (code, words) = Station::on(&other, &broker.url, &[]).refuses();
    assert!(
        code == 78 && words.contains("not valid for name"),
        "a certificate for another name: {code} {words}"
    );
    let (code, words) = Station::on(&format!("{address}&sslmode=disable"), &broker.url, &[]).refuses();
    assert!(code == 78 && words.contains("no encryption"), "{code} {words}");
    let mut station = Station::on(&full, &broker.url, &[]);
    station.start();
    station.until("the broker", connected);
}
