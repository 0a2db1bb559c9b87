//! What the station tells others: to real receivers over HTTP and SMTP, which fail, hang and refuse; killed, started anew, with a clock that is set.

use bearwatch::publish::message::rfc3339;
use bearwatch::system::clock::Clock;
use serde_json::{Value, json};

use super::support_receiver::{MAIL_PASSWORD, MailServer, Manner, Proof, Receiver, Request};
use super::{ALERT, SNAPSHOT, jpeg};
use crate::support::{ANONYMOUS, Broker, wait_for};
use crate::support_desk::{alert, snapshot_options};
use crate::support_station::{LIMIT, Station};

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";
const WAITS: &str = "allow_anonymous true\nmax_queued_messages 0\n";

/// A station with this file; `FOLDER` in it is the folder of the secrets.
fn station(broker: &Broker, notify: &str) -> Station {
    let mut station = Station::new(&broker.url, &[]);
    let folder = station.path("");
    std::fs::write(station.path("secret"), format!("{SECRET}\n")).unwrap();
    std::fs::write(station.path("password"), MAIL_PASSWORD).unwrap();
    std::fs::write(
        station.path("notify.toml"),
        notify.replace("FOLDER", folder.to_str().unwrap().trim_end_matches('/')),
    )
    .unwrap();
    station.with(&["--notify", station.path("notify.toml").to_str().unwrap()]);
    station.start();
    heard(&station);
    station
}

fn heard(station: &Station) {
    station.until("the broker", |desk| desk["pulse"]["standing"]["link"]["connected"] == true);
}

pub fn webhook(name: &str, url: &str, more: &str) -> String {
    format!(
        "[channel.{name}]\nkind = \"webhook\"\nurl = \"{url}\"\nsecret_file = \"FOLDER/secret\"\n{more}\n"
    )
}

pub fn rule(channels: &str, more: &str) -> String {
    format!("[[rule]]\nchannels = [{channels}]\n{more}\n")
}

/// An alert of now.
fn now(seq: u64, id: &str, state: &str, more: Value) -> Vec<u8> {
    let time = rfc3339(Clock::start().unix_ms());
    let mut fields = json!({ "captured": time, "time": time });
    fields.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    alert(seq, id, state, fields)
}

/// The causes that a request of a webhook tells, with their alerts.
fn told(request: &Request) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    request.json()["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(&one["cause"]), text(&one["id"])))
        .collect()
}

fn tells(request: &Request, cause: &str, id: &str) -> bool {
    request.line.starts_with("POST /hook") && told(request).contains(&(cause.into(), id.into()))
}

/// What the desk shows of it: fate and number of attempts of a cause on a channel.
fn record(alert: &Value, channel: &str, cause: &str) -> Option<(String, i64)> {
    let notices = alert["told"]["notices"].as_array().unwrap();
    let one = notices.iter().find(|one| one["channel"] == channel && one["cause"] == cause)?;
    Some((one["fate"].as_str().unwrap().into(), one["tries"].as_i64().unwrap()))
}

fn is(alert: &Value, channel: &str, cause: &str, fate: &str) -> bool {
    record(alert, channel, cause).is_some_and(|(found, _)| found == fate)
}

#[test]
fn each_service_is_told_once_in_its_own_way_whatever_is_started_anew() {
    let (broker, receiver) = (Broker::with_config(WAITS), Receiver::start(Manner::Answers(200)));
    let all = "when = [\"opened\", \"worse\", \"picture\", \"acknowledged\", \"closed\"]";
    let url = receiver.url("");
    let file = format!(
        "{}{}[channel.phones]\nkind = \"ntfy\"\nurl = \"{url}\"\ntopic = \"bears\"\ntoken_file = \"FOLDER/secret\"\n\
         [channel.park]\nkind = \"earthranger\"\nurl = \"{url}\"\nkey_file = \"FOLDER/secret\"\n[channel.park.places.\"creek/north\"]\nlat = 44.6\nlon = -110.5\n{}{}",
        webhook("desk", &receiver.url("/hook"), ""),
        webhook("drills", &receiver.url("/drills"), ""),
        rule("\"desk\", \"phones\", \"park\"", all),
        rule("\"drills\"", "drills = \"only\""),
    );
    let mut station = station(&broker, &file);
    broker.publish(ALERT, &now(0, "b1-1", "opened", json!({})));
    broker.publish_with(SNAPSHOT, &jpeg(), &snapshot_options("b1-1", "4"));
    broker.publish(ALERT, &now(1, "b1-2", "opened", json!({ "drill": true })));
    let hook = receiver.gets("the webhook", |request| tells(request, "opened", "b1-1"));
    assert!(hook.is_signed(SECRET) && !hook.is_signed("another key of as many bytes"));
    let said = hook.json();
    assert_eq!((&said["title"], &said["alerts"][0]["late_s"]), (&json!("Bear at creek/north"), &Value::Null));
    let phone = receiver.gets("the phones", |request| request.line.starts_with("POST / "));
    assert_eq!(phone.headers["authorization"], format!("Bearer {SECRET}"));
    assert_eq!((&phone.json()["topic"], &phone.json()["priority"]), (&json!("bears"), &json!(4)));
    let event = receiver.gets("EarthRanger", |request| request.line.starts_with("POST /v2/events/ ")).json();
    assert_eq!((&event[0]["source"], &event[0]["location"]["lat"]), (&json!("creek/north"), &json!(44.6)));
    let picture = receiver.gets("the picture", |request| request.line.starts_with("PUT /bears "));
    assert_eq!((picture.headers["content-type"].as_str(), picture.body), ("image/jpeg", jpeg()));
    let form = receiver
        .gets("the attachment", |request| request.line.starts_with("POST /v2/events/event-1/attachments/"));
    assert!(form.body.windows(jpeg().len()).any(|part| part == jpeg()), "whole");
    let drill = receiver.gets("the drill", |request| request.line.starts_with("POST /drills"));
    assert_eq!(
        (told(&drill), &drill.json()["title"]),
        (vec![("opened".into(), "b1-2".into())], &json!("DRILL: Bear at creek/north"))
    );
    station.alert("b1-1", |alert| {
        ["desk", "phones", "park"].iter().all(|name| is(alert, name, "picture", "delivered"))
    });

    // Started anew, and killed: nothing of it is told again.
    let before = receiver.requests().len();
    assert_eq!(station.stop(), 0);
    station.start();
    heard(&station);
    station.kill();
    station.start();
    heard(&station);
    assert_eq!(station.say("b1-1", "bear").status, 200);
    let word = receiver.gets("the word", |request| tells(request, "acknowledged", "b1-1")).json();
    assert_eq!(
        (&word["alerts"][0]["verdict"], &word["alerts"][0]["acknowledged_by"]),
        (&json!("bear"), &json!("token"))
    );
    broker.publish(ALERT, &now(2, "b1-1", "closed", json!({})));
    receiver.gets("the end", |request| tells(request, "closed", "b1-1"));
    receiver.gets("what became of the event", |request| {
        request.line.starts_with("PATCH /v2/events/event-1/")
            && request.json()["event_details"]["verdict"] == "bear"
    });
    station.alert("b1-1", |alert| {
        ["desk", "phones", "park"].iter().all(|name| is(alert, name, "closed", "delivered"))
    });
    assert_eq!(receiver.requests().len(), before + 6, "two things more for each of three");
}

#[test]
fn a_service_that_fails_hangs_or_refuses_holds_up_no_other() {
    let broker = Broker::start();
    let [good, failing, hanging, refusing] =
        [Manner::Answers(204), Manner::Answers(503), Manner::Hangs, Manner::Answers(401)]
            .map(Receiver::start);
    let named = [("good", &good), ("failing", &failing), ("hanging", &hanging), ("refusing", &refusing)];
    let mut file: String =
        named.iter().map(|(name, receiver)| webhook(name, &receiver.url("/hook"), "")).collect();
    file.push_str(&rule("\"hanging\", \"failing\", \"refusing\", \"good\"", "when = [\"opened\"]"));
    let station = station(&broker, &file);
    broker.publish(ALERT, &now(0, "b1-1", "opened", json!({})));
    good.gets("the alert", |request| tells(request, "opened", "b1-1"));
    hanging.gets("a connection", |_| true);
    station.alert("b1-1", |alert| {
        record(alert, "failing", "opened").is_some_and(|(fate, tries)| fate == "queued" && tries > 1)
    });
    failing.is(Manner::Answers(200));
    let told = station.alert("b1-1", |alert| {
        is(alert, "failing", "opened", "delivered") && is(alert, "good", "undelivered", "delivered")
    });
    assert_eq!(
        record(&told, "refusing", "opened"),
        Some(("refused".into(), 1)),
        "a person must act: it is not tried again"
    );
    assert_eq!(record(&told, "hanging", "opened"), Some(("queued".into(), 1)), "it has its time");
    // The same message, however often it is sent; and others hear of who was not reached.
    let requests = failing.requests();
    let opened = requests.iter().filter(|request| tells(request, "opened", "b1-1"));
    let keys: Vec<&str> = opened.map(|request| request.headers["webhook-id"].as_str()).collect();
    assert!(keys.len() > 2 && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let warning = good.gets("the warning", |request| tells(request, "undelivered", "b1-1")).json();
    assert_eq!(warning["title"], "Bear at creek/north: refusing was not reached");
    let desk = station.until("the trouble", |desk| {
        desk["pulse"]["standing"]["channels"]
            .as_array()
            .unwrap()
            .iter()
            .any(|one| one["name"] == "refusing" && one["fault"] == "configuration")
    });
    assert!(desk.to_string().contains("it answers 401"), "{desk:#}");
    hanging.is(Manner::Closes);
    station.account("maria", "administrator");
    station.account("vera", "viewer");
    let list = station.sign_in("maria").get("/api/notices").json();
    assert_eq!(list["channels"].as_array().unwrap().len(), 4);
    assert!(list["notices"].as_array().unwrap().len() >= 5, "{list:#}");
    assert_eq!(station.sign_in("vera").get("/api/notices").status, 403);
}

#[test]
fn a_station_that_is_killed_between_sending_and_noting_sends_again_under_the_same_number() {
    let (broker, receiver) = (Broker::with_config(WAITS), Receiver::start(Manner::Hangs));
    let file =
        format!("{}{}", webhook("desk", &receiver.url("/hook"), ""), rule("\"desk\"", "when = [\"opened\"]"));
    let mut station = station(&broker, &file);
    broker.publish(ALERT, &now(0, "b1-1", "opened", json!({})));
    receiver.gets("the alert", |_| true);
    station.kill();
    receiver.is(Manner::Answers(200));
    station.start();
    let told = station.alert("b1-1", |alert| is(alert, "desk", "opened", "delivered"));
    assert_eq!(record(&told, "desk", "opened"), Some(("delivered".into(), 2)));
    let keys: Vec<String> = receiver.requests().iter().map(|one| one.headers["webhook-id"].clone()).collect();
    assert_eq!((keys.len(), &keys[0]), (2, &keys[1]), "who gets it twice knows it again");
    let mut database = station.open();
    assert_eq!(
        database.count("SELECT count(*) FROM attempt WHERE outcome IS NULL AND ended_ms IS NOT NULL"),
        1,
        "nobody knows how it ended"
    );
}

#[test]
fn an_escalation_needs_no_browser_and_ends_with_a_word() {
    let (broker, proof) = (Broker::start(), Proof::new());
    let mail = MailServer::start(&proof);
    let file = format!(
        "[channel.chief]\nkind = \"email\"\nserver = \"smtps://127.0.0.1:{}\"\nca_file = \"{}\"\nuser = \"station\"\npassword_file = \"FOLDER/password\"\n\
         from = \"Bear alarm <bears@park.example>\"\nto = [\"chief@park.example\"]\n{}",
        mail.smtps,
        proof.authority().display(),
        rule("\"chief\"", "when = [\"unacknowledged\"]\nafter_min = 10\ncameras = [\"creek/north\"]")
    );
    let station = station(&broker, &file);
    let mut database = station.open();
    for (seq, id) in [(0, "b1-1"), (1, "b1-2")] {
        broker.publish(ALERT, &now(seq, id, "opened", json!({})));
        let alert = station.alert(id, |alert| alert["told"]["ahead"][0]["channel"] == "chief");
        let due = alert["told"]["ahead"][0]["at_ms"].as_i64().unwrap() - alert["heard_ms"].as_i64().unwrap();
        assert_eq!(due, 600_000);
    }
    assert_eq!(station.say("b1-2", "not-bear").status, 200);
    station.alert("b1-2", |alert| alert["told"]["ahead"] == json!([]));
    // Ten minutes pass.
    database.run("UPDATE telling SET since_ms = since_ms - 600000, next_ms = next_ms - 600000");
    let sent = mail.gets("the mail", |mail| mail.contains("nobody has said anything for 10 min"));
    for part in [
        "Subject: Bear at creek/north",
        "To: chief@park.example",
        "Importance: high",
        "Auto-Submitted: auto-generated",
        "Message-ID: <",
    ] {
        assert!(sent.contains(part), "{part}: {sent}");
    }
    let told = station.alert("b1-1", |alert| is(alert, "chief", "unacknowledged", "delivered"));
    assert_eq!(told["told"]["ahead"], json!([]));
    assert_eq!(mail.mails().len(), 1, "of what somebody has dealt with nobody is told: {:?}", mail.mails());
}

#[test]
fn a_clock_that_is_set_makes_nothing_too_early_and_gives_nothing_up() {
    let (broker, failing, good) =
        (Broker::start(), Receiver::start(Manner::Answers(503)), Receiver::start(Manner::Answers(200)));
    let file = format!(
        "{}{}{}{}",
        webhook("failing", &failing.url("/hook"), "expire_min = 60"),
        webhook("good", &good.url("/hook"), ""),
        rule("\"failing\"", "when = [\"opened\"]"),
        rule("\"good\"", "when = [\"unacknowledged\"]\nafter_min = 30"),
    );
    let mut station = Station::new(&broker.url, &[]);
    let clock = station.path("clock");
    std::fs::write(&clock, "+0\n").unwrap();
    std::fs::write(station.path("secret"), SECRET).unwrap();
    let folder = station.path("").display().to_string();
    std::fs::write(station.path("notify.toml"), file.replace("FOLDER", folder.trim_end_matches('/')))
        .unwrap();
    station.with(&["--notify", station.path("notify.toml").to_str().unwrap()]);
    station.start_at_clock(&clock);
    heard(&station);
    broker.publish(ALERT, &now(0, "b1-1", "opened", json!({})));
    station.alert("b1-1", |alert| record(alert, "failing", "opened").is_some_and(|(_, tries)| tries > 0));
    std::fs::write(&clock, "+3h\n").unwrap();
    assert!(wait_for(LIMIT, || station.log().contains("the clock was set by")), "{}", station.log());
    let tries = |alert: &Value| record(alert, "failing", "opened").unwrap();
    let (_, then) = tries(&station.alert("b1-1", |_| true));
    let told = station.alert("b1-1", |alert| tries(alert).1 > then + 1);
    assert_eq!((tries(&told).0.as_str(), good.requests().len()), ("queued", 0), "{told:#}");
    failing.is(Manner::Answers(200));
    station.alert("b1-1", |alert| is(alert, "failing", "opened", "delivered"));
    assert!(good.requests().is_empty(), "half an hour has not passed");
}

#[test]
fn a_storm_is_gathered() {
    let (broker, receiver) = (Broker::with_config(ANONYMOUS), Receiver::start(Manner::Answers(200)));
    let file = format!(
        "{}{}",
        webhook("desk", &receiver.url("/hook"), "most_a_minute = 4"),
        rule("\"desk\"", "when = [\"opened\"]")
    );
    let mut station = station(&broker, &file);
    assert_eq!(station.stop(), 0);
    const ALL: u64 = 27;
    for number in 0..ALL {
        broker.publish(ALERT, &now(number, &format!("b1-{}", number + 1), "opened", json!({})));
    }
    station.start();
    let gathered = receiver.gets("many in one", |request| told(request).len() > 10).json();
    let n = gathered["alerts"].as_array().unwrap().len();
    assert_eq!(gathered["title"], format!("{n} more: {n} at creek"));
    let requests = receiver.requests();
    assert!(requests.len() <= 4, "so many a minute: {}", requests.len());
    let all: Vec<_> = requests.iter().flat_map(told).collect();
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert!(all.len() == distinct.len() && all.len() > 12, "each once: {all:?}");
    let (_, last) = told(requests.last().unwrap()).pop().unwrap();
    let alert = station.alert(&last, |alert| is(alert, "desk", "opened", "delivered"));
    assert_eq!(alert["told"]["notices"][0]["gathered"], true);
}
