//! The random sample, what people say of it, and what the week's report makes of that.

use std::path::Path;

use bearwatch::evaluate::audit::FEWEST_BEARS;
use serde_json::{Value, json};

use crate::support::daemon::{Home, Listener};
use crate::support::{Broker, bearwatch, wait_for};
use crate::support_desk::{alert, snapshot_options, status};
use crate::support_station::{Answer, LIMIT, Session, Station};
use crate::{ALERT, SNAPSHOT, STATUS, jpeg};

const BOOT: &str = "00000000000000b1";
const BEAR: &str = r#"[{"class":"bear","score":0.9,"bbox":[6.4,4.8,12.8,9.6]}]"#;
const DOUBTFUL: &str = r#"[{"class":"bear","score":0.12,"bbox":[6.4,4.8,12.8,9.6]}]"#;

/// Publishes a picture of the sample, taken so many minutes into a day.
fn sampled(broker: &Broker, seq: u64, minutes: u64, detections: &str) {
    let captured = format!("2026-11-24T{:02}:{:02}:00.000Z", minutes / 60, minutes % 60);
    let (seq, number, model) = (seq.to_string(), (seq + 1).to_string(), "ab".repeat(32));
    let mut options = Vec::new();
    for (name, value) in [
        ("alert", ""),
        ("captured", &captured),
        ("boot", BOOT),
        ("seq", &seq),
        ("audit", "random"),
        ("probability", "1.157e-3"),
        ("stands_s", "0.500"),
        ("watched_s", "3600.0"),
        ("number", &number),
        ("mode", "armed"),
        ("regime", "day"),
        ("model", &model),
        ("threshold", "0.4000"),
        ("size", "64x48"),
        ("clock_synced", "true"),
        ("simulated", "false"),
        ("detections", detections),
    ] {
        options.extend(["-D", "publish", "user-property", name, value]);
    }
    broker.publish_with(SNAPSHOT, &jpeg(), &options);
}

/// Somebody who reviews in a page of their own.
struct Reviewer<'a>(Session<'a>);

impl Reviewer<'_> {
    fn next(&self) -> Value {
        let answer = self.0.post("/api/review/next", &json!({ "page": "one" }));
        assert_eq!(answer.status, 200);
        answer.json()["task"].clone()
    }

    fn says(&self, key: &str, classes: &[&str]) -> Value {
        let thing = |class: &&str| json!({ "class": class, "bbox": [0.1, 0.1, 0.2, 0.2] });
        let things: Vec<Value> = classes.iter().map(thing).collect();
        let answer = self.label(key, &json!({ "things": things, "blind": true }));
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }

    fn label(&self, key: &str, body: &Value) -> Answer {
        self.0.post(&format!("/api/review/{key}/label"), body)
    }

    fn waiting(&self) -> Value {
        self.0.get("/api/review").json()
    }
}

fn reviewer<'a>(station: &'a Station, by: &str) -> Reviewer<'a> {
    station.account(by, "reviewer");
    Reviewer(station.sign_in(by))
}

#[test]
fn a_camera_sends_its_sample_and_the_station_keeps_how_it_was_chosen() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &[]);
    let home = Home::with_bear(&broker.url, 4, true);
    let audit = ["audit.per_day=20000", "audit.suspected_per_hour=2000", "audit.most_mb_a_day=100000"];
    let mut listener = Listener::start(&broker);
    let mut daemon = home.start(&audit);
    let mut database = station.open();
    let came = wait_for(LIMIT, || database.count("SELECT count(*) FROM sample") >= 5);
    assert!(came, "{}", daemon.log());
    let heard = listener.hears("snapshot", |post| post.properties.contains_key("audit"));
    assert!(heard.payload.starts_with(&[0xff, 0xd8]) && heard.properties["mode"] == "armed");
    assert_eq!(daemon.stop(), 0);
    let odd = database.count(
        "SELECT count(*) FROM sample WHERE probability <= 0 OR probability > 1 OR stands_s <= 0 OR mode <> 'armed' OR length(model) <> 64 OR number < 1",
    );
    assert_eq!(odd, 0);
    let drawn = database.count("SELECT count(*) FROM picture JOIN sample USING (camera, boot, seq) WHERE marked OR alert IS NOT NULL");
    assert_eq!(drawn, 0, "nothing of what the model said is on them");
    let led = database.count("SELECT count(*) FROM picture WHERE alert IS NOT NULL AND NOT marked");
    assert!(led > 0, "what led to an alert has no box");
    let next = reviewer(&station, "anna").next();
    let picture = station.get(&format!("/api/pictures/{}", next["picture"])).unwrap();
    assert!(picture.body.starts_with(&[0xff, 0xd8]));
}

#[test]
fn two_who_review_at_once_lose_nothing_and_see_nothing_of_the_model_before_they_spoke() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &[]);
    broker.publish(STATUS, &status(0, "online", "camera"));
    sampled(&broker, 1, 60, BEAR);
    sampled(&broker, 2, 120, "[]");
    let (anna, ben, carl) =
        (reviewer(&station, "anna"), reviewer(&station, "ben"), reviewer(&station, "carl"));
    assert!(wait_for(LIMIT, || anna.waiting()["sample_waits"] == 2));
    let (hers, his) = (anna.next(), ben.next());
    assert_ne!(hers["key"], his["key"], "nobody has what another has");
    assert_eq!(carl.next(), Value::Null);
    for task in [&hers, &his] {
        let known: Vec<&String> = task.as_object().unwrap().keys().collect();
        assert_eq!(known, ["camera", "captured_ms", "heard_ms", "key", "marked", "picture", "site"]);
    }
    assert_eq!(anna.next()["key"], hers["key"], "whoever asks again has the same");
    // Both say something of one picture: two opinions, and none is lost.
    let key = format!("1.{BOOT}.1");
    let told = anna.says(&key, &["bear"]);
    assert_eq!(
        (&told["detections"][0]["score"], &told["another"], &told["why"]),
        (&json!(0.9), &json!(false), &json!("random"))
    );
    let told = ben.says(&key, &[]);
    assert_eq!(
        (&told["others"][0]["by"], &told["others"][0]["seen"], &told["another"]),
        (&json!("anna"), &json!("bear"), &json!(true))
    );
    let second = carl.next();
    assert_eq!(second["key"], json!(key), "a third decides");
    assert_eq!(carl.says(&key, &["bear", "person"])["another"], false);
    let mut database = station.open();
    assert_eq!(database.count("SELECT count(*) FROM label"), 3);
    assert_eq!(database.count("SELECT count(*) FROM judged JOIN label ON label.id = judged.label WHERE verdict = 'bear' AND NOT another"), 1);
    // What contradicts the model is looked at twice.
    assert_eq!(anna.says(&format!("1.{BOOT}.2"), &["bear"])["another"], true);
    assert_eq!(anna.waiting()["another"], 1);
    assert_eq!(anna.next(), Value::Null, "not by the same person");
    for (key, body, status) in [
        ("1.b9.1", json!({ "things": [] }), 404),
        (&*key, json!({ "things": [{ "class": "bear", "bbox": [0.9, 0.9, 0.5, 0.5] }] }), 422),
        (&*key, json!({ "things": [{ "class": "wolf" }] }), 400),
    ] {
        assert_eq!(anna.label(key, &body).status, status, "{body}");
    }
}

#[test]
fn alerts_that_people_doubt_are_worth_a_look_without_the_box_where_there_is_a_picture_without() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &[]);
    for (seq, id, score) in [
        (0, "00000000000000b1-1", 0.9),
        (1, "00000000000000b1-2", 0.5),
        (2, "00000000000000b1-3", 0.95),
        (3, "00000000000000b1-4", 0.95),
    ] {
        broker.publish(ALERT, &alert(seq, id, "opened", json!({ "score": score, "boot": BOOT })));
        broker.publish_with(SNAPSHOT, &jpeg(), &snapshot_options(id, &(10 * seq).to_string()));
    }
    let seq = "5".to_owned();
    let mut before = snapshot_options("00000000000000b1-1", &seq);
    before.extend(["-D", "publish", "user-property", "marked", "false"]);
    broker.publish_with(SNAPSHOT, &jpeg(), &before);
    station.alert("00000000000000b1-1", |alert| alert["pictures"].as_array().unwrap().len() == 2);
    station.alert("00000000000000b1-4", |alert| alert["pictures"].as_array().unwrap().len() == 1);
    for (id, verdict) in
        [("00000000000000b1-1", "unsure"), ("00000000000000b1-3", "bear"), ("00000000000000b1-4", "not-bear")]
    {
        assert_eq!(station.say(id, verdict).status, 200);
    }
    let anna = reviewer(&station, "anna");
    assert_eq!(anna.waiting()["alerts_wait"], 3, "what everybody is sure of is not");
    let mut found = Vec::new();
    loop {
        let task = anna.next();
        let Some(key) = task["key"].as_str() else { break };
        let why = anna.says(key, &["bear"])["why"].as_str().unwrap().to_owned();
        found.push((why, task["marked"] == true));
    }
    let expected = [("doubt", false), ("uncertain", true), ("false-alarm", true)];
    assert_eq!(found, expected.map(|(why, marked)| (why.to_owned(), marked)));
}

fn made(station: &Station, words: &[&str]) -> (i32, String) {
    let mut command = bearwatch();
    command.args(["station", words[0], "--database"]).arg(station.address()).args(&words[1..]);
    let output = command.output().unwrap();
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn the_weeks_report_and_the_data_set_come_from_what_people_said() {
    let broker = Broker::start();
    let mut station = Station::at(&broker.url, &[]);
    broker.publish(STATUS, &status(0, "online", "camera"));
    // Five visits of a bear, hours apart, the last one seen by nobody but people; ten pictures of nothing.
    for visit in 0..5u64 {
        sampled(&broker, visit, 60 + 180 * visit, if visit < 4 { BEAR } else { DOUBTFUL });
        if visit < 3 {
            let captured = format!("2026-11-24T{:02}:00:10.000Z", 1 + 3 * visit);
            let id = format!("{BOOT}-{}", visit + 1);
            broker
                .publish(ALERT, &alert(visit, &id, "opened", json!({ "captured": captured, "boot": BOOT })));
            station.alert(&id, |_| true);
            assert_eq!(station.say(&id, "bear").status, 200);
        }
    }
    (5..15).for_each(|seq| sampled(&broker, seq, 7 * seq, "[]"));
    let anna = reviewer(&station, "anna");
    assert!(wait_for(LIMIT, || anna.waiting()["sample_waits"] == 15));
    let days = ["--from", "2026-11-23", "--to", "2026-11-29", "--time-zone", "UTC"];
    let (_, help, _) = Station::words(&["report", "--help"]);
    assert!(help.contains("--time-zone") && !help.contains("--broker") && !help.contains("--sign"), "{help}");
    let (code, text) = made(&station, &[&["report"][..], &days].concat());
    assert!(code == 0 && text.contains("no estimate, 0 pictures of a bear"), "{code} {text}");
    for seq in 0..15 {
        let classes: &[&str] = if seq < 5 { &["bear"] } else { &[] };
        anna.says(&format!("1.{BOOT}.{seq}"), classes);
    }
    let ben = reviewer(&station, "ben");
    while let Some(key) = ben.next()["key"].as_str().map(str::to_owned) {
        let bear = key.rsplit('.').next().unwrap().parse::<u64>().unwrap() < 5;
        ben.says(&key, if bear { &["bear"] } else { &[] });
    }
    let (json_file, html_file) = (station.path("week.json"), station.path("week.html"));
    let files = ["--json", json_file.to_str().unwrap(), "--html", html_file.to_str().unwrap()];
    let (code, text) = made(&station, &[&["report"][..], &days, &files].concat());
    assert!(code == 0, "{text}");
    let report = read(&json_file);
    let told = &report["missed"]["told"];
    assert_eq!(
        (&told["is"], &told["bears"], &told["visits"]),
        (&json!("known"), &json!(FEWEST_BEARS), &json!(5)),
        "{report}"
    );
    assert!(
        (told["value"].as_f64().unwrap() - 0.6).abs() < 1e-9 && told["low"].as_f64().unwrap() < 0.3,
        "{told}"
    );
    assert!((report["missed"]["seen"]["value"].as_f64().unwrap() - 0.8).abs() < 1e-9);
    assert_eq!(
        (&report["confusion"]["pictures"][0], &report["confusion"]["pictures"][3][3]),
        (&json!([4, 0, 0, 1]), &json!(10))
    );
    assert_eq!(
        (&report["outcome"]["bears"], &report["sample"]["twice"], &report["sample"]["agreed"]),
        (&json!(3), &json!(2), &json!(2))
    );
    let html = std::fs::read_to_string(&html_file).unwrap();
    assert!(html.contains("60 %") && html.contains("data:image/jpeg;base64,"), "{html}");
    let page = station.get("/api/report?from=2026-11-23&to=2026-11-29&zone=UTC").unwrap();
    assert!(
        page.status == 200 && String::from_utf8(page.body).unwrap().contains("60 %"),
        "the page says the same"
    );
    assert_eq!(station.get("/api/report?from=tomorrow").unwrap().status, 422);

    let folder = station.path("labels");
    let (code, text) = made(&station, &["export", "--time-zone", "UTC", folder.to_str().unwrap()]);
    assert!(code == 0 && text.contains("5 boxes"), "{code} {text}");
    let sides = ["train", "val"].map(|side| read(&folder.join(side).join("annotations.json")));
    let count = |key: &str| sides.iter().map(|side| side[key].as_array().unwrap().len()).sum::<usize>();
    assert_eq!((count("images"), count("annotations")), (15, 5), "one day of one camera is on one side");
    assert!(sides.iter().any(|side| side["images"] == json!([])));
    let whole = if sides[0]["images"] == json!([]) { "val" } else { "train" };
    let doubts = read(&folder.join("doubts.json"));
    assert!(doubts[0]["missed"] == 1 && doubts[0]["loss"].as_f64() > doubts[1]["loss"].as_f64(), "{doubts}");
    let judged = bearwatch().arg("eval").arg(folder.join(whole)).args(["--json", "-"]).output().unwrap();
    let judged: Value = serde_json::from_slice(&judged.stdout).unwrap();
    assert_eq!(judged["data"]["images"], 15);
    assert_eq!(station.stop(), 0);
    let (code, text) = made(&station, &["export", folder.to_str().unwrap()]);
    assert!(code == 73 && text.contains("nothing is overwritten"), "{code} {text}");
    let (code, text) = made(&station, &["report", "--from", "2026-11-29", "--to", "2026-11-23"]);
    assert!(code == 64 && text.contains("the first day comes first"), "{code} {text}");
}
