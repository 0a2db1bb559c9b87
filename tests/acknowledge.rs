//! Has a ranger read it? Acknowledgement and escalation of the real daemon over a real Mosquitto.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

#[path = "support/desk.rs"]
mod desk;
mod support;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use support::daemon::{Daemon, Home, Listener, Post, SOON};
use support::network::Proxy;
use support::{Broker, bearwatch, wait_for};

const LADDER: &str = "acknowledge.ladder=[\"2 duty\", \"4 chief\"]";
const ACK: &str = "bearwatch/v1/yellow-creek/north/set/ack";

fn opened(desk: &mut Listener) -> Value {
    desk.hears("alert", |post| post.json()["state"] == "opened").json()
}

/// Levels that the alert has reached on the topic of alerts, in order.
fn levels(desk: &Listener, id: &Value) -> Vec<String> {
    let alerts = desk.alerts();
    let climbed = alerts.iter().filter(|alert| alert["id"] == *id && alert["escalation"].is_object());
    climbed.map(|alert| alert["escalation"]["level"].as_str().unwrap().to_owned()).collect()
}

fn acknowledge(broker: &Broker, alert: &Value, verdict: &str) {
    let command = json!({ "v": 1, "alert": alert, "verdict": verdict, "by": "anna", "id": verdict });
    broker.publish(ACK, command.to_string().as_bytes());
}

/// One bear that walks by once: the pictures end with it, and a folder that is played again would raise alert after alert.
fn one_bear(broker: &str) -> Home {
    Home::with_bear(broker, 4, true)
}

/// Alerts are told once in this run: a bear that comes back to its place raises no new one.
const ONCE: &str = "alert.cooldown_s=3600";

fn start(home: &Home) -> Daemon {
    home.start(&[LADDER, ONCE])
}

#[test]
fn an_alert_that_nobody_acknowledges_is_told_again_on_every_step_of_the_ladder() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = one_bear(&broker.url);
    let mut daemon = start(&home);
    let alert = opened(&mut desk);
    assert!(alert.get("escalation").is_none());
    let again = desk.hears("escalation/duty", |_| true).json();
    assert_eq!((&again["id"], &again["boot"], &again["seq"]), (&alert["id"], &alert["boot"], &json!(0)));
    assert_eq!(again["escalation"], json!({ "level": "duty", "step": 1, "of": 2, "after_s": 2 }));
    let waited = again["uptime_ms"].as_u64().unwrap() - alert["uptime_ms"].as_u64().unwrap();
    assert!((1_500..20_000).contains(&waited), "{waited} ms");
    desk.hears("escalation/chief", |post| post.json()["id"] == alert["id"]);
    desk.until("both on the topic of alerts", |posts| {
        posts.iter().filter(|post| post.kind == "alert" && post.json()["escalation"].is_object()).count() >= 2
    });
    assert_eq!(levels(&desk, &alert["id"]), ["duty", "chief"]);
    let numbers: Vec<u64> = desk.alerts().iter().map(|alert| alert["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (0..numbers.len() as u64).collect::<Vec<_>>(), "numbers without a gap");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn an_acknowledgement_stops_the_ladder_is_told_to_all_and_kept_beside_the_pictures() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = one_bear(&broker.url);
    let mut daemon = home.start(&["acknowledge.ladder=[\"6 duty\"]", ONCE]);
    let alert = opened(&mut desk);
    acknowledge(&broker, &alert["id"], "not-bear");
    let ack = desk.hears("ack", |_| true).json();
    assert_eq!((&ack["alert"], &ack["alert_boot"]), (&alert["id"], &alert["boot"]));
    assert_eq!(
        (&ack["verdict"], &ack["by"], &ack["signed"]),
        (&json!("not-bear"), &json!("anna"), &json!(false))
    );
    assert!((0.0..6.0).contains(&ack["waited_s"].as_f64().unwrap()), "{ack}");
    assert_eq!(desk.hears("answer", |_| true).json()["verdict"], "applied");
    let id = alert["id"].as_str().unwrap();
    let review = home.store().join("review");
    let verdict = std::fs::read(review.join(format!("{id}.verdict.json"))).unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&verdict).unwrap()["verdict"], "not-bear");
    assert!(review.join(format!("{id}.jsonl")).exists(), "the steps of the alert");
    let pictures = || {
        let files =
            std::fs::read_dir(&review).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
        files.filter(|name| name.starts_with(id) && name.ends_with(".jpg")).count()
    };
    assert!(wait_for(SOON, || pictures() > 0), "no picture to judge by");
    std::thread::sleep(Duration::from_secs(7));
    // Somebody looks again and knows better.
    acknowledge(&broker, &alert["id"], "bear");
    let better = desk.hears("ack", |post| post.json()["verdict"] == "bear").json();
    assert_eq!(better["waited_s"], Value::Null);
    assert_eq!(levels(&desk, &alert["id"]), [""; 0], "acknowledged in time");
    acknowledge(&broker, &json!("feedbeef-1"), "unsure");
    let refused = desk.hears("answer", |post| post.json()["id"] == "unsure").json();
    assert_eq!(refused["reason"], "no alert feedbeef-1 waits for an acknowledgement here");
    // Acknowledgements alone were configured.
    broker.publish("bearwatch/v1/yellow-creek/north/set/disarm", br#"{"v":1,"for_s":60}"#);
    desk.hears_state("online", "");
    assert_eq!(daemon.stop(), 0);
    assert!(desk.of("state").iter().all(|post| post.json()["mode"] == "armed"));
}

#[test]
fn what_waits_for_a_ranger_outlives_a_power_cut_and_so_does_the_acknowledgement() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = one_bear(&broker.url);
    let mut daemon = home.start(&["acknowledge.ladder=[\"600 duty\"]", ONCE]);
    let alert = opened(&mut desk);
    daemon.kill();
    // No bear any more, and a shorter ladder.
    let quiet = ["acknowledge.ladder=[\"1 duty\", \"600 chief\"]", "perceive.bear_threshold=0.99"];
    let mut daemon = home.start(&quiet);
    let again = desk.hears("escalation/duty", |post| post.json()["id"] == alert["id"]).json();
    assert_ne!(again["boot"], alert["boot"], "told by the present life");
    acknowledge(&broker, &alert["id"], "bear");
    assert_eq!(desk.hears("ack", |_| true).json()["alert_boot"], alert["boot"]);
    daemon.kill();
    let told = desk.of("escalation/duty").len();
    let mut daemon =
        home.start(&["acknowledge.ladder=[\"1 duty\", \"2 chief\"]", "perceive.bear_threshold=0.99"]);
    daemon.says("connected to broker");
    std::thread::sleep(Duration::from_secs(4));
    desk.until("everything so far", |_| true);
    assert_eq!(desk.of("escalation/duty").len(), told, "it was acknowledged");
    assert_eq!(desk.of("escalation/chief").len(), 0);
    assert_eq!(daemon.stop(), 0);
}

/// Power cuts at any moment: what a ranger has heard of can be acknowledged, and nothing is forgotten.
#[test]
fn no_alert_that_was_heard_is_forgotten_over_many_power_cuts() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = one_bear(&broker.url);
    let sets = ["acknowledge.ladder=[\"3600 duty\"]", "alert.cooldown_s=0", "alert.close_after_s=0.5"];
    for round in 0..8 {
        let mut daemon = home.start(&sets);
        let lives = |posts: &[Post]| -> BTreeSet<String> {
            let alerts = posts.iter().filter(|post| post.kind == "alert");
            alerts.map(|post| post.properties["boot"].clone()).collect()
        };
        desk.until("an alert of this life", |posts| lives(posts).len() > round);
        std::thread::sleep(Duration::from_millis(37 * round as u64));
        daemon.kill();
    }
    let mut daemon = home.start(&[&sets[..], &["perceive.bear_threshold=0.99"]].concat());
    daemon.says("connected to broker");
    std::thread::sleep(Duration::from_secs(2));
    desk.until("all that was left", |_| true);
    let ids: BTreeSet<String> =
        desk.alerts().iter().map(|alert| alert["id"].as_str().unwrap().to_owned()).collect();
    assert!(ids.len() >= 8, "{ids:?}");
    // No more than are looked at at once.
    for (i, id) in ids.iter().take(25).enumerate() {
        let command = json!({ "v": 1, "alert": id, "verdict": "unsure", "id": i.to_string() });
        broker.publish(ACK, command.to_string().as_bytes());
        let answer = desk.hears("answer", |post| post.json()["id"] == i.to_string().as_str()).json();
        assert_eq!(answer["verdict"], "applied", "{answer}");
    }
    assert_eq!(daemon.stop(), 0);
}

/// Nobody can acknowledge what nobody has heard.
#[test]
fn nobody_is_called_because_the_broker_was_away() {
    let broker = Broker::start();
    let proxy = Proxy::start(broker.port);
    let mut desk = Listener::start(&broker);
    let home = one_bear(&proxy.url);
    proxy.close();
    let mut daemon = home.start(&["acknowledge.ladder=[\"6 duty\"]", ONCE]);
    daemon.says("messages wait, trying again");
    std::thread::sleep(Duration::from_secs(8));
    proxy.open();
    let alert = opened(&mut desk);
    assert!(desk.of("escalation/duty").is_empty(), "called for nothing");
    acknowledge(&broker, &alert["id"], "bear");
    desk.hears("ack", |_| true);
    assert_eq!(daemon.stop(), 0);
    assert!(desk.of("escalation/duty").iter().all(|post| post.json()["id"] != alert["id"]));
}

#[test]
fn with_keys_an_acknowledgement_must_be_signed_for_it_silences() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = one_bear(&broker.url);
    let pem = home.path("anna.pem").display().to_string();
    let made = bearwatch().args(["command", "key", &pem]).output().unwrap();
    let text = String::from_utf8(made.stdout).unwrap();
    let keys = text.lines().find_map(|line| line.strip_prefix("keys = ")).unwrap();
    let mut daemon = home.start(&[LADDER, ONCE, &format!("command.keys={keys}")]);
    let alert = opened(&mut desk);
    acknowledge(&broker, &alert["id"], "bear");
    let refused = desk.hears("answer", |_| true).json();
    assert!(refused["reason"].as_str().unwrap().contains("not signed"), "{refused}");
    desk.hears("escalation/duty", |_| true);
    let place = ["--broker", &broker.url, "--site", "yellow-creek", "--camera", "north", "--sign", &pem];
    let id = alert["id"].as_str().unwrap();
    let acknowledged = bearwatch()
        .args(["command", "ack", id, "--verdict", "bear", "--note", "two cubs"])
        .args(place)
        .output()
        .unwrap();
    assert!(acknowledged.status.success(), "{acknowledged:?}");
    let ack = desk.hears("ack", |_| true).json();
    assert_eq!(
        (&ack["by"], &ack["signed"], &ack["note"]),
        (&json!("anna"), &json!(true), &json!("two cubs"))
    );
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn an_exercise_is_acknowledged_like_an_alert_and_calls_nobody_else() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, "source = \"simulated\"\nfps = 5\n");
    let sets = ["acknowledge.ladder=[\"1 duty\"]", "command.accept=true", "perceive.bear_threshold=0.99"];
    let mut daemon = home.start(&sets);
    desk.hears_state("online", "SIMULATED");
    broker.publish("bearwatch/v1/yellow-creek/north/set/test", br#"{"v":1}"#);
    let alert = opened(&mut desk);
    std::thread::sleep(Duration::from_secs(3));
    acknowledge(&broker, &alert["id"], "bear");
    desk.hears("ack", |post| post.json()["alert"] == alert["id"]);
    assert!(desk.of("escalation/duty").is_empty());
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn an_exercise_goes_up_the_ladder_where_that_is_wanted() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, "source = \"simulated\"\nfps = 5\n");
    let ladder = ["acknowledge.ladder=[\"1 duty\"]", "acknowledge.drills=true"];
    let mut daemon =
        home.start(&[&ladder[..], &["command.accept=true", "perceive.bear_threshold=0.99"]].concat());
    desk.hears_state("online", "SIMULATED");
    broker.publish("bearwatch/v1/yellow-creek/north/set/test", br#"{"v":1}"#);
    let told = desk.hears("escalation/duty", |_| true).json();
    assert_eq!(told["drill"], true, "{told}");
    assert_eq!(daemon.stop(), 0);
}

// ---- the duty desk -----------------------------------------------------------------------------------------------------------

/// `bearwatch watch` with somebody at its keyboard.
struct Ranger {
    child: Child,
    keys: ChildStdin,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Ranger {
    fn at(broker: &Broker, arguments: &[&str]) -> Ranger {
        let mut child = bearwatch()
            .args(["watch", "--broker", &broker.url])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, out) = (Arc::new(Mutex::new(Vec::new())), child.stdout.take().unwrap());
        let sink = lines.clone();
        std::thread::spawn(move || {
            BufReader::new(out)
                .lines()
                .map_while(Result::ok)
                .for_each(|line| sink.lock().unwrap().push(line));
        });
        let keys = child.stdin.take().unwrap();
        Ranger { child, keys, lines }
    }

    fn sees(&self, text: &str) -> String {
        let find = || self.lines.lock().unwrap().iter().find(|line| line.contains(text)).cloned();
        assert!(
            wait_for(SOON, || find().is_some()),
            "{text:?} is not among {:#?}",
            self.lines.lock().unwrap()
        );
        find().unwrap()
    }

    fn types(&mut self, line: &str) {
        writeln!(self.keys, "{line}").unwrap();
    }
}

impl Drop for Ranger {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_ranger_at_the_desk_acknowledges_with_a_letter() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let mut ranger = Ranger::at(&broker, &["--ack", "anna"]);
    ranger.sees("connected");
    ranger.types("b");
    ranger.sees("no alert waits for an acknowledgement here");
    let home = one_bear(&broker.url);
    let mut daemon = home.start(&[LADDER, ONCE]);
    ranger.sees("BEAR opened");
    let repeated = ranger.sees("NOBODY HAS ACKNOWLEDGED IT after 2 s: to duty");
    assert!(repeated.contains("BEAR"), "{repeated}");
    let id = opened(&mut desk)["id"].as_str().unwrap().to_owned();
    ranger.types("what?");
    ranger.sees("type b (bear), n (not a bear) or u (unsure)");
    ranger.types(&format!("n {}", id.rsplit('-').next().unwrap()));
    let line = ranger.sees("acknowledged by anna");
    assert!(line.contains(": not-bear") && line.contains(&id), "{line}");
    ranger.sees(&format!("applied: alert {id} is acknowledged: not-bear"));
    let ack = desk.hears("ack", |_| true).json();
    assert_eq!((&ack["alert"], &ack["verdict"]), (&json!(id), &json!("not-bear")));
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_ranger_is_told_when_the_camera_did_not_hear_the_acknowledgement() {
    let broker = Broker::start();
    let mut ranger = Ranger::at(&broker, &["--ack", "anna"]);
    ranger.sees("connected");
    let topic = "bearwatch/v1/yellow-creek/north/alert";
    let alert = |id: &str| desk::alert(0, id, "opened", json!({}));
    broker.publish(topic, &alert("b1-1"));
    ranger.sees("BEAR opened");
    std::thread::sleep(Duration::from_millis(2_500));
    broker.publish(topic, &alert("b1-2"));
    let count = || ranger.lines.lock().unwrap().iter().filter(|line| line.contains("BEAR opened")).count();
    assert!(wait_for(SOON, || count() == 2));
    ranger.types("b");
    ranger.sees("another alert has just come in: look at it, and type again");
    ranger.types("b b1-1");
    let told = ranger.sees("NOT ACKNOWLEDGED");
    assert!(told.contains("yellow-creek/north does not answer") && told.contains("b1-1"), "{told}");
}

#[test]
fn without_a_ladder_nothing_of_it_is_there() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = one_bear(&broker.url);
    let mut daemon = home.start(&[ONCE]);
    let alert = opened(&mut desk);
    acknowledge(&broker, &alert["id"], "bear");
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(daemon.stop(), 0);
    desk.hears_state("offline", "stopped");
    let known = ["status", "alert", "snapshot", "telemetry", "models", "set/ack"];
    assert!(desk.posts.iter().all(|post: &Post| known.contains(&post.kind.as_str())));
    let mut files: Vec<String> = std::fs::read_dir(home.store())
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(files, ["outbox.journal", "outbox.redb"]);
}
