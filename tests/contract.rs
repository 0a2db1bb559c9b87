//! What other programs may rely on, as it is published: docs/asyncapi.json and docs/schema, held against the program, against
//! docs/messages.md, against AsyncAPI itself, and against what a camera really sends.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

mod support;
#[path = "support/desk.rs"]
mod support_desk;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use boon::{Compiler, Draft, Schemas};
use serde_json::{Value, json};
use support::contract::{document, fault};
use support::daemon::{Home, SOON};
use support::orders::{ACCEPT, command};
use support::{Broker, bearwatch, wait_for};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let read = |path: PathBuf| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(path).unwrap())
    };
    fs::read_dir(folder).unwrap().map(|entry| read(entry.unwrap().path())).collect()
}

// ---- the copies in docs ------------------------------------------------------------------------------------------------------

#[test]
fn what_stands_in_docs_is_what_the_program_says_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    assert!(bearwatch().args(["schema", "--out"]).arg(folder.path()).status().unwrap().success());
    let remedy = "write them anew: bearwatch schema --out docs";
    let read = |folder: &Path| fs::read_to_string(folder.join("asyncapi.json")).unwrap();
    assert!(read(folder.path()) == read(&docs()), "docs/asyncapi.json is not of this program; {remedy}");
    let (generated, committed) = (files(&folder.path().join("schema")), files(&docs().join("schema")));
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&generated), names(&committed), "docs/schema: {remedy}");
    for (name, text) in generated {
        assert!(committed[&name] == text, "docs/schema/{name} is not of this program; {remedy}");
    }
}

#[test]
fn one_schema_is_printed_by_its_name() {
    let printed = bearwatch().args(["schema", "alert"]).output().unwrap();
    let printed: Value = serde_json::from_slice(&printed.stdout).unwrap();
    assert_eq!(printed["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(printed["required"].as_array().unwrap().contains(&json!("severity")), "{printed}");
    let listed = String::from_utf8(bearwatch().arg("schema").output().unwrap().stdout).unwrap();
    assert!(listed.contains("bearwatch/v1/{site}/{camera}/set/disarm"), "{listed}");
    for wrong in ["alarm", "snapshot"] {
        assert_eq!(bearwatch().args(["schema", wrong]).status().unwrap().code(), Some(64), "{wrong}");
    }
}

#[test]
fn the_document_is_what_asyncapi_asks_for_and_no_reference_leads_nowhere() {
    let official = include_str!("fixtures/asyncapi/3.0.0.json");
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.set_default_draft(Draft::V7);
    compiler.add_resource("http://asyncapi.com/3.0.0.json", serde_json::from_str(official).unwrap()).unwrap();
    let index = compiler.compile("http://asyncapi.com/3.0.0.json", &mut schemas).unwrap();
    let mut document = document();
    if let Err(error) = schemas.validate(&document, index) {
        panic!("{error:#}");
    }
    assert_references(&document, &document);
    // The check sees what it must.
    document["operations"]["send-alert"]["action"] = json!("shout");
    assert!(schemas.validate(&document, index).is_err());
}

fn assert_references(document: &Value, value: &Value) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                assert!(
                    document.pointer(reference.trim_start_matches('#')).is_some(),
                    "{reference} leads nowhere"
                );
            }
            fields.values().for_each(|value| assert_references(document, value));
        }
        Value::Array(items) => items.iter().for_each(|value| assert_references(document, value)),
        _ => {}
    }
}

/// The rows of a table of docs/messages.md whose heading begins so, split at the bars, without ticks.
fn table(heading: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(docs().join("messages.md")).unwrap();
    let lines = text.lines().skip_while(|line| !line.starts_with(heading)).skip(2);
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().replace('`', "")).collect::<Vec<_>>();
    lines.take_while(|line| line.starts_with('|')).map(|line| cells(line)[1..].to_vec()).collect()
}

#[test]
fn the_document_and_the_page_name_the_same_topics_with_the_same_delivery() {
    let document = document();
    let below = |address: &str| {
        address.strip_prefix("bearwatch/v1/{site}/{camera}/").map(|rest| rest.replace(['{', '}'], "|"))
    };
    let mut described = BTreeMap::new();
    for operation in document["operations"].as_object().unwrap().values() {
        let channel = document.pointer(&operation["channel"]["$ref"].as_str().unwrap()[1..]).unwrap();
        if let Some(rest) = below(channel["address"].as_str().unwrap()) {
            let mqtt = &operation["bindings"]["mqtt"];
            described.insert(rest, (mqtt["qos"].to_string(), mqtt["retain"] == true));
        }
    }
    let mut told = BTreeMap::new();
    for row in table("| kind | payload") {
        let delivery = (row[2].clone(), row[3] == "yes");
        match row[0].replace(['<', '>'], "|") {
            commands if commands == "set/|command|" => {
                for row in table("| topic | own fields") {
                    told.insert(row[0].clone(), delivery.clone());
                }
            }
            topic => {
                told.insert(topic, delivery);
            }
        }
    }
    assert_eq!(told, described, "docs/messages.md and docs/asyncapi.json");
}

// ---- the check of what tests hear ----------------------------------------------------------------------------------------------

const BASE: &str = "bearwatch/v1/creek/north";

fn properties() -> HashMap<String, String> {
    let pairs = [("boot", "00000000000000b1"), ("seq", "0"), ("late", "false")];
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn alert(change: Value) -> Option<String> {
    fault(&format!("{BASE}/alert"), &support_desk::alert(0, "b1-1", "opened", change), &properties())
}

#[test]
fn a_message_that_is_not_of_the_contract_is_told() {
    assert_eq!(alert(json!({})), None);
    assert_eq!(fault(&format!("{BASE}/status"), &support_desk::status(0, "online", ""), &properties()), None);
    let wrong = [
        json!({ "score": 1.5 }),
        json!({ "state": "vanished" }),
        json!({ "severity": null }),
        json!({ "bbox": [1.0, 2.0, 3.0] }),
        json!({ "frame": { "width": 640 } }),
        json!({ "captured": "yesterday" }),
        json!({ "v": 2 }),
        json!({ "latency_ms": -1 }),
        json!({ "whatever": 1 }),
        json!({ "escalation": { "level": "duty", "step": 0, "of": 2, "after_s": 60 } }),
        json!({ "model": { "name": "m", "sha256": "ab" } }),
    ];
    for change in wrong {
        assert!(alert(change.clone()).is_some(), "{change} passes");
    }
    assert!(
        fault(&format!("{BASE}/status"), &support_desk::status(0, "dancing", ""), &properties()).is_some()
    );
    assert!(fault(&format!("{BASE}/other"), b"{}", &properties()).is_some(), "an unknown topic passes");
    let payload = support_desk::alert(0, "b1-1", "opened", json!({}));
    let bare = HashMap::new();
    assert!(fault(&format!("{BASE}/alert"), &payload, &bare).is_some(), "without user properties it passes");
    assert!(fault(&format!("{BASE}/snapshot"), b"no picture", &properties()).is_some());
}

// ---- what a camera really sends ------------------------------------------------------------------------------------------------

/// A subscriber to everything that is told how each message was published: QoS, retain flag, content type, format indicator.
struct Tap {
    child: Child,
    lines: Receiver<String>,
}

impl Tap {
    fn start(broker: &Broker) -> Tap {
        let mut child = Command::new("mosquitto_sub")
            .args(["-V", "5", "-h", "127.0.0.1", "-p", &broker.port.to_string(), "-q", "1", "-i", "tap"])
            .args(["-t", "#", "--retain-as-published", "-F", "%t %q %r %C %F"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let read = BufReader::new(child.stdout.take().unwrap()).lines();
        let (sender, lines) = sync_channel(10_000);
        std::thread::spawn(move || read.map_while(Result::ok).all(|line| sender.send(line).is_ok()));
        assert!(wait_for(SOON, || broker.log().contains("Sending SUBACK to tap")), "{}", broker.log());
        Tap { child, lines }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the document says of the topics that a camera sends on, as the tap tells it.
fn promised() -> BTreeSet<String> {
    let document = document();
    let mut promised = BTreeSet::new();
    for operation in document["operations"].as_object().unwrap().values() {
        if operation["action"] == "send" {
            let channel = document.pointer(&operation["channel"]["$ref"].as_str().unwrap()[1..]).unwrap();
            let message = channel["messages"].as_object().unwrap().values().next().unwrap();
            let message = document.pointer(&message["$ref"].as_str().unwrap()[1..]).unwrap();
            let names = [
                ("{site}", "yellow-creek"),
                ("{camera}", "north"),
                ("{level}", "duty"),
                ("{prefix}", "homeassistant"),
            ];
            let address = channel["address"].as_str().unwrap().to_owned();
            let topic = names.iter().fold(address, |topic, (name, value)| topic.replace(name, value));
            let mqtt = &operation["bindings"]["mqtt"];
            let retain = u8::from(mqtt["retain"] == true);
            // What is no text has no indicator, as mosquitto_sub tells it.
            let text = if message["bindings"]["mqtt"]["payloadFormatIndicator"] == 1 { "1" } else { "" };
            promised.insert(format!(
                "{topic} {} {retain} {} {text}",
                mqtt["qos"],
                message["contentType"].as_str().unwrap()
            ));
        }
    }
    promised
}

#[test]
fn a_camera_sends_on_every_topic_of_the_document_as_it_says_and_on_no_other() {
    let broker = Broker::start();
    let tap = Tap::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let sets = [ACCEPT, "acknowledge.ladder=[\"1 duty\"]", "home_assistant.discovery=true"];
    let mut daemon = home.start(&sets);
    let mut heard = BTreeSet::new();
    let mut hears = |wanted: &str| {
        let found = wait_for(SOON, || {
            heard.extend(tap.lines.try_iter().filter(|line| !line.contains("/set/")));
            heard.iter().any(|line| line.contains(wanted))
        });
        assert!(found, "no {wanted} among {heard:#?}");
    };
    hears("/escalation/duty ");
    // The ladder has one step: who has climbed it waits no more, and can be acknowledged still.
    let pending: Value =
        serde_json::from_slice(&fs::read(home.store().join("pending.json")).unwrap()).unwrap();
    let id = pending["ended"][0]["id"].as_str().unwrap();
    assert_eq!(command(&broker, &["ack", id, "--verdict", "bear", "--by", "anna"]).0, 0, "{pending}");
    for kind in ["/ack ", "/answer ", "/state ", "/telemetry ", "/snapshot ", "/status ", "homeassistant/"] {
        hears(kind);
    }
    assert_eq!(daemon.stop(), 0);
    assert_eq!(heard, promised());
}
