//! Commands from a station's page to a real daemon: kept, signed, sent once, answered, and never late.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use bearwatch::system::clock::Clock;
use serde_json::{Value, json};

use crate::support::daemon::Home;
use crate::support::{Broker, bearwatch, wait_for};
use crate::support_desk::status;
use crate::support_station::{LIMIT, Station};
use crate::{PATIENT, STATUS};

const NORTH: &str = "yellow-creek/north";

/// A key that the station signs with, and the camera's setting that trusts it.
fn key(folder: &Path) -> (String, String) {
    let file = folder.join("station.pem").display().to_string();
    let output = bearwatch().args(["command", "key", &file]).output().unwrap();
    let words = String::from_utf8(output.stdout).unwrap();
    let line = words.lines().find_map(|line| line.strip_prefix("keys = ")).unwrap();
    (file, format!("command.keys={line}"))
}

#[test]
fn a_camera_does_what_a_signed_command_says_and_its_answer_is_kept() {
    let broker = Broker::start();
    let folder = tempfile::tempdir().unwrap();
    let (file, keys) = key(folder.path());
    let station = Station::at(&broker.url, &["--sign", &file]);
    let people = [("vera", "viewer"), ("anna", "ranger"), ("maria", "administrator")];
    people.iter().for_each(|(name, role)| station.account(name, role));
    let [vera, anna, maria] = people.map(|(name, _)| station.sign_in(name));
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon =
        home.start(&["command.accept=true", "command.longest_s=7200", &keys, "alert.cooldown_s=3600"]);
    station.until("the camera", |desk| desk["pulse"]["call"]["online"] == 1);
    let mode = |wanted: &str| {
        let is = || station.fleet()["cameras"][0]["mode"] == wanted;
        assert!(wait_for(LIMIT, is), "{wanted}: {}", station.fleet()["cameras"]);
        station.fleet()["cameras"][0].clone()
    };
    let mute = json!({ "word": "disarm", "for_s": 3600 });
    assert_eq!((vera.tell(NORTH, &mute).status, anna.tell("no/where", &mute).status), (403, 404));
    assert_eq!(anna.tell(NORTH, &mute).status, 200);
    let told = anna.told(|command| command["fate"] == "applied");
    assert_eq!(
        (&told["by"], &told["word"], &told["fields"]["for_s"]),
        (&json!("anna"), &json!("disarm"), &json!(3600))
    );
    assert!(told["reason"].as_str().unwrap().starts_with("disarmed"), "{told}");
    assert_eq!(mode("disarmed")["ordered_by"], "station", "the camera knows by whose key");
    // What a camera does not take it says why, and that is kept.
    assert_eq!(anna.tell(NORTH, &json!({ "word": "disarm", "for_s": 9000 })).status, 200);
    let told = anna.told(|command| command["fate"] == "refused");
    assert!(told["reason"].as_str().unwrap().contains("longer than the 7200 s"), "{told}");
    assert_eq!(anna.tell(NORTH, &json!({ "word": "disarm", "for_s": 0 })).status, 422);
    assert_eq!(anna.tell(NORTH, &json!({ "word": "arm" })).status, 200);
    mode("armed");
    // What changes how it judges is for administrators.
    for wish in [json!({ "word": "shadow", "for_s": 600 }), json!({ "word": "threshold", "bear": 0.5 })] {
        assert_eq!(anna.tell(NORTH, &wish).status, 403, "{wish}");
        assert_eq!(maria.tell(NORTH, &wish).status, 200, "{wish}");
        maria.told(|command| command["word"] == wish["word"] && command["fate"] == "applied");
    }
    assert_eq!(mode("shadow")["bear_threshold"], json!(0.5));
    assert_eq!(maria.tell(NORTH, &json!({ "word": "threshold", "bear": 0.99 })).status, 200);
    let told = maria.told(|command| command["fate"] == "refused");
    assert!(told["reason"].as_str().unwrap().contains("threshold_min and threshold_max"), "{told}");
    assert_eq!(
        anna.tell(NORTH, &json!({ "word": "arm" })).status,
        200,
        "whoever may mute may arm, whoever ordered it"
    );
    mode("armed");
    // A picture comes with what asked for it; an exercise comes as an alert.
    assert_eq!(anna.tell(NORTH, &json!({ "word": "snapshot" })).status, 200);
    let told = anna.told(|command| !command["picture"].is_null());
    let picture = anna.get(&format!("/api/pictures/{}", told["picture"]));
    assert!(picture.status == 200 && picture.body.starts_with(&[0xff, 0xd8]), "{told}");
    assert_eq!(anna.tell(NORTH, &json!({ "word": "test" })).status, 200);
    station.until("the exercise", |desk| {
        desk["alerts"].as_array().unwrap().iter().any(|alert| alert["drill"] == true)
    });
    for line in ["arm yellow-creek/north", "threshold yellow-creek/north"] {
        let (_, lines, _) = station.tool(&["audit", "--lines"], "");
        assert!(lines.contains(line), "{lines}");
    }
    assert_eq!(daemon.stop(), 0);
    station.until("its goodbye", |desk| desk["pulse"]["call"]["offline"] == 1);
    let away = anna.tell(NORTH, &json!({ "word": "arm" }));
    assert_eq!(away.status, 409, "commands are not kept for a camera that is away");
}

#[test]
fn a_command_that_is_late_is_not_sent_and_one_that_the_broker_refuses_says_so() {
    let mut broker = Broker::with_config(PATIENT);
    let mut station = Station::at(&broker.url, &[]);
    station.account("anna", "ranger");
    broker.publish(STATUS, &status(0, "online", "camera"));
    station.until("the camera", |desk| desk["pulse"]["call"]["online"] == 1);
    // Kept, and the power fails before it is sent: an hour later nobody wants it.
    assert_eq!(station.stop(), 0);
    let mut database = station.open();
    let now_ms = Clock::start().unix_ms();
    let row = |nonce: &str, ago_s: i64| {
        format!(
            "INSERT INTO command (nonce, camera, word, fields, asked_by, asked_ms)
             SELECT '{nonce}', id, 'disarm', '{{\"for_s\":3600}}', 'anna', {} FROM camera",
            now_ms - ago_s * 1000
        )
    };
    database.run(&row("late", 3600));
    let heard = Heard::start(&broker);
    station.start();
    station.until("the broker", |desk| desk["pulse"]["standing"]["link"]["connected"] == true);
    let anna = station.sign_in("anna");
    anna.told(|command| command["fate"] == "unsent");
    assert_eq!(anna.tell("creek/north", &json!({ "word": "drill" })).status, 200);
    // This camera does not answer. That is told, too; and it is not sent again meanwhile.
    anna.told(|command| command["word"] == "drill" && command["fate"] == "sent");
    database.run("UPDATE command SET sent_ms = sent_ms - 100000 WHERE word = 'drill'");
    anna.told(|command| command["fate"] == "unanswered");
    let drills = || heard.topics().iter().filter(|topic| topic.ends_with("/set/drill")).count();
    assert!(wait_for(LIMIT, || drills() > 0));
    broker.kill();
    station.until("no broker", |desk| desk["pulse"]["standing"]["link"]["connected"] == false);
    let deaf = anna.tell("creek/north", &json!({ "word": "disarm", "for_s": 60 }));
    assert_eq!(deaf.status, 409, "it does not wait for a broker");
    assert_eq!(drills(), 1, "{:?}", heard.topics());
    assert!(!heard.topics().iter().any(|topic| topic.ends_with("/set/disarm")), "{:?}", heard.topics());

    let folder = tempfile::tempdir().unwrap();
    let rules = "topic readwrite bearwatch/v1/+/+/+\ntopic write bearwatch/v1/+/+/set/ack\n";
    std::fs::write(folder.path().join("acl"), rules).unwrap();
    let strict = format!("allow_anonymous true\nacl_file {}\n", folder.path().join("acl").display());
    let broker = Broker::with_config(&strict);
    let station = Station::at(&broker.url, &[]);
    station.account("anna", "ranger");
    broker.publish(STATUS, &status(0, "online", "camera"));
    station.until("the camera", |desk| desk["pulse"]["call"]["online"] == 1);
    let anna = station.sign_in("anna");
    assert_eq!(anna.tell("creek/north", &json!({ "word": "drill" })).status, 200);
    let told: Value = anna.told(|command| command["fate"] == "refused");
    let reason = told["reason"].as_str().unwrap();
    assert!(reason.contains("access rules must allow …/set/drill"), "{reason}");
}

/// Topics of commands that went over a broker.
pub struct Heard {
    child: Child,
    topics: Arc<Mutex<Vec<String>>>,
}

impl Heard {
    pub fn start(broker: &Broker) -> Heard {
        let mut child = Command::new("mosquitto_sub")
            .args(["-V", "5", "-p", &broker.port.to_string(), "-q", "1", "-F", "%t"])
            .args(["-t", "bearwatch/v1/+/+/set/+", "-t", STATUS])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let heard = Heard { child, topics: Arc::default() };
        let topics = heard.topics.clone();
        std::thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|topic| topics.lock().unwrap().push(topic))
        });
        // The camera says that it lives until that is heard: from then on everything is.
        let hears = wait_for(LIMIT, || {
            broker.publish(STATUS, &status(1, "online", "camera"));
            !heard.topics().is_empty()
        });
        assert!(hears, "mosquitto_sub hears nothing");
        heard
    }

    pub fn topics(&self) -> Vec<String> {
        self.topics.lock().unwrap().clone()
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
