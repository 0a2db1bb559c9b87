//! Home Assistant's discovery: what the real daemon puts on a real Mosquitto for it. That Home Assistant takes it is for
//! tests/home_assistant/check.mjs to say, which runs its own code.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

mod support;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use support::daemon::{Home, Listener, Post, SOON};
use support::orders::{ACCEPT, command, started};
use support::{ANONYMOUS, Broker, wait_for};

const SIMULATED: &str = "source = \"simulated\"\nfps = 5\n";
const ON: &str = "home_assistant.discovery=true";
const TOPIC: &str = "homeassistant/device/bearwatch_yellow-creek_north/config";
const BIRTH: &str = "homeassistant/status";
/// A key that nobody has: with it unsigned commands are refused.
const KEY: &str = "command.keys=[\"anna:HwHrIhbjo0oKKpcvLsd9BoiZSLu3kA49O7EVyPxuUVA=\"]";

fn desk(broker: &Broker) -> Listener {
    Listener::with(broker, &["-t", "homeassistant/#", "-t", "ha/#"])
}

fn device(desk: &mut Listener) -> Value {
    desk.hears(TOPIC, |post| !post.payload.is_empty()).json()
}

fn topics(component: &Value) -> Vec<&str> {
    let fields = ["state_topic", "command_topic", "image_topic"].into_iter();
    fields.filter_map(|field| component[field].as_str()).collect()
}

#[test]
fn it_is_told_nothing_unless_that_is_wanted() {
    let broker = Broker::start();
    let mut desk = desk(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[ACCEPT]);
    desk.hears("telemetry", |_| true);
    assert_eq!(daemon.stop(), 0);
    desk.hears_state("offline", "stopped");
    let foreign = desk.posts.iter().find(|post| !post.topic.starts_with("bearwatch/v1/"));
    assert!(foreign.is_none(), "{foreign:?}");
    assert!(!broker.log().contains(BIRTH), "listens to Home Assistant");
}

#[test]
fn the_device_has_its_entities_on_topics_that_are_really_used() {
    let broker = Broker::start();
    let mut desk = desk(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon = started(&home, &mut desk, &[ACCEPT, ON]);
    let device = device(&mut desk);
    assert_eq!(device["device"]["identifiers"], json!(["bearwatch_yellow-creek_north"]));
    assert_eq!(
        (&device["device"]["sw_version"], &device["origin"]["name"]),
        (&json!(env!("CARGO_PKG_VERSION")), &json!("bearwatch"))
    );
    assert_eq!(device["availability"][0]["topic"], "bearwatch/v1/yellow-creek/north/status");
    let components = device["components"].as_object().unwrap();
    let of =
        |platform: &str| components.values().filter(|component| component["platform"] == platform).count();
    assert_eq!((of("binary_sensor"), of("image"), of("event"), of("button")), (2, 1, 1, 4), "{device:#}");
    let names: BTreeSet<&str> =
        components.values().map(|component| component["unique_id"].as_str().unwrap()).collect();
    assert_eq!(names.len(), components.len(), "unique ids are not unique");
    desk.hears("snapshot", |_| true);
    desk.hears("telemetry", |_| true);
    let sent: BTreeSet<&str> = desk.posts.iter().map(|post| post.topic.as_str()).collect();
    for (name, component) in components {
        for topic in topics(component) {
            assert!(sent.contains(topic) || topic.contains("/set/"), "{name}: nothing comes on {topic}");
        }
        let template = component["value_template"].as_str().unwrap_or_default();
        for field in template.split("value_json.").skip(1) {
            let path = field.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).next().unwrap();
            let pointer = format!("/{}", path.trim_end_matches('.').replace('.', "/"));
            let posts = desk
                .posts
                .iter()
                .filter(|post| Some(post.topic.as_str()) == component["state_topic"].as_str());
            let known = posts.map(Post::json).any(|message| message.pointer(&pointer).is_some());
            assert!(known || ["escalation", "audience"].contains(&path), "{name}: no message has {path}");
        }
    }
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn its_buttons_give_commands_that_the_camera_takes_and_there_are_none_where_it_asks_for_signatures() {
    let broker = Broker::start();
    let mut desk = desk(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    for sets in [&[ON][..], &[ON, ACCEPT, KEY], &[ON, "acknowledge.ladder=[\"60 duty\"]"]] {
        desk.posts.clear();
        let mut daemon = started(&home, &mut desk, sets);
        let device = device(&mut desk);
        assert!(!device.to_string().contains("\"button\""), "{sets:?}: {device:#}");
        assert_eq!(
            device["components"].get("mode").is_some(),
            sets.len() > 1,
            "{sets:?}: only who takes orders tells of them"
        );
        assert_eq!(daemon.stop(), 0);
    }
    desk.posts.clear();
    let mut daemon = started(&home, &mut desk, &[ACCEPT, ON]);
    desk.hears_state("online", "SIMULATED");
    let device = device(&mut desk);
    for (name, component) in device["components"].as_object().unwrap() {
        if component["platform"] == "button" {
            desk.posts.retain(|post| post.kind != "answer");
            let payload = component["payload_press"].as_str().unwrap();
            broker.publish(component["command_topic"].as_str().unwrap(), payload.as_bytes());
            let answer = desk.hears("answer", |_| true).json();
            assert_eq!(answer["by"], "home-assistant", "{name}: {answer}");
            // No drill is given while one of the bears of the drawn campsite is in sight.
            let in_sight = name == "drill"
                && answer["reason"].as_str().is_some_and(|why| why.contains("may be a bear is in sight"));
            assert!(answer["verdict"] == "applied" || in_sight, "{name}: {answer}");
        }
    }
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn it_is_told_again_when_it_has_started_and_its_birth_is_no_command() {
    let broker = Broker::start();
    let mut desk = desk(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[ACCEPT, ON]);
    device(&mut desk);
    desk.posts.clear();
    broker.publish(BIRTH, b"offline");
    broker.publish(BIRTH, b"online");
    device(&mut desk);
    assert_eq!(desk.of(TOPIC).len(), 1, "its end is no reason to tell it again");
    assert_eq!(command(&broker, &["arm"]).0, 0);
    desk.hears("answer", |_| true);
    assert_eq!(desk.of("answer").len(), 1, "a birth was answered as a command");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_camera_that_is_not_wanted_there_any_more_is_taken_out_and_so_is_one_under_an_old_name() {
    let broker = Broker::start();
    let mut desk = desk(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = started(&home, &mut desk, &[ON]);
    device(&mut desk);
    assert_eq!(daemon.stop(), 0);
    let moved = "ha/device/bearwatch_yellow-creek_north/config";
    let mut daemon = started(&home, &mut desk, &[ON, "home_assistant.discovery_prefix=ha"]);
    desk.hears(TOPIC, |post| post.payload.is_empty());
    desk.hears(moved, |post| !post.payload.is_empty());
    assert_eq!(daemon.stop(), 0);
    let mut daemon = started(&home, &mut desk, &[]);
    desk.hears(moved, |post| post.payload.is_empty());
    assert!(wait_for(SOON, || !home.store().join("home-assistant").exists()), "taken back for ever");
    assert_eq!(daemon.stop(), 0);
    let mut late = self::desk(&broker);
    late.hears("status", |_| true);
    assert!(late.posts.iter().all(|post| post.topic.starts_with("bearwatch/")), "{:?}", late.posts);
}

#[test]
fn a_broker_that_does_not_let_the_camera_write_there_costs_no_alert() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::write(&rules, "topic readwrite bearwatch/#\n").unwrap();
    let broker = Broker::with_config(&format!("{ANONYMOUS}acl_file {}\n", rules.display()));
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon = started(&home, &mut desk, &[ON, ACCEPT]);
    desk.hears("alert", |post| post.json()["state"] == "opened");
    assert_eq!(command(&broker, &["arm"]).0, 0);
    daemon.says("the broker refuses status, state or an answer");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn the_number_of_open_alerts_goes_with_each_step() {
    let broker = Broker::start();
    let mut desk = desk(&broker);
    let home = Home::with_bear(&broker.url, 4, false);
    let mut daemon = home.start(&[]);
    assert_eq!(daemon.ends_within(SOON), 0);
    desk.hears_state("offline", "stopped");
    let mut open = BTreeSet::new();
    for step in desk.alerts() {
        let id = step["id"].as_str().unwrap().to_owned();
        if step["state"] == "closed" {
            open.remove(&id)
        } else {
            open.insert(id)
        };
        assert_eq!(step["open"].as_u64(), Some(open.len() as u64), "{step}");
    }
    assert!(open.is_empty() && !desk.alerts().is_empty());
}
