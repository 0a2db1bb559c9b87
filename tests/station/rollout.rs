//! Rollouts of models: a bundle comes to the station and from there to cameras, and one that goes wrong in shadow is taken back by the station itself.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::{Broker, bearwatch, wait_for};
use crate::support_station::{LIMIT, Session, Station};
use crate::{PATIENT, jpeg};

#[path = "rollout_camera.rs"]
mod camera;
#[path = "rollout_park.rs"]
mod park;

use park::{Heard, Park, boot};

const PIECE: usize = 32 * 1024;

/// A key, and a bundle that it has signed.
struct Gift {
    folder: tempfile::TempDir,
    bytes: Vec<u8>,
    sha256: String,
}

impl Gift {
    fn pack() -> Gift {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        let run = |arguments: &[&str]| {
            let output = bearwatch().arg("models").args(arguments).output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        };
        run(&["key", &at("park"), "--no-password"]);
        run(&["pack", "--secret-key", &at("park.key"), "--version", "7", "--out", &at("bear-7.bwm")]);
        let bytes = std::fs::read(at("bear-7.bwm")).unwrap();
        Gift { sha256: sha256(&bytes), bytes, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn key(&self) -> String {
        self.file("park.pub").display().to_string()
    }

    /// Sends one piece to a station.
    fn send(&self, session: &Session, at: usize) -> (u16, Value) {
        let bytes = self.bytes[at..self.bytes.len().min(at + PIECE)].to_vec();
        piece(session, &self.sha256, self.bytes.len(), at, &bytes)
    }
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn piece(session: &Session, sha256: &str, of: usize, offset: usize, bytes: &[u8]) -> (u16, Value) {
    use base64::Engine as _;
    let bytes = base64::prelude::BASE64_STANDARD.encode(bytes);
    let body = json!({ "sha256": sha256, "of": of, "offset": offset, "bytes": bytes });
    let answer = session.post("/api/models/piece", &body);
    (answer.status, answer.json())
}

fn have(session: &Session, sha256: &str) -> u64 {
    session.post("/api/models/have", &json!({ "sha256": sha256 })).json()["have"].as_u64().unwrap()
}

fn models(session: &Session) -> Value {
    session.get("/api/models").json()
}

/// Waits until the models are so.
fn until(session: &Session, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let mut last = Value::Null;
    let came = wait_for(LIMIT, || {
        last = models(session);
        is(&last)
    });
    assert!(came, "never came: {what}: {last:#}");
    last
}

#[test]
fn a_bundle_comes_in_pieces_and_only_what_is_signed_is_kept() {
    let broker = Broker::start();
    let gift = Gift::pack();
    let mut station = Station::at(&broker.url, &["--trusted-key", &gift.key()]);
    [("vera", "viewer"), ("maria", "administrator")]
        .iter()
        .for_each(|(name, role)| station.account(name, role));
    let (status, _) = gift.send(&station.sign_in("vera"), 0);
    assert_eq!(status, 403);
    {
        let maria = station.sign_in("maria");
        assert_eq!(gift.send(&maria, PIECE).0, 422, "the first piece comes first");
        for at in [0, PIECE] {
            assert_eq!(gift.send(&maria, at), (200, json!({ "have": at + PIECE, "given": null })));
        }
    }
    // Cut off in the middle, by a station that dies; it goes on from there.
    station.kill();
    station.start();
    station.until("the broker", |desk| desk["pulse"]["standing"]["link"]["connected"] == true);
    let maria = station.sign_in("maria");
    let mut at = have(&maria, &gift.sha256) as usize;
    assert_eq!(at, 2 * PIECE);
    let mut last = Value::Null;
    while at < gift.bytes.len() {
        let (status, answer) = gift.send(&maria, at);
        assert_eq!(status, 200, "{answer}");
        (at, last) = (answer["have"].as_u64().unwrap() as usize, answer);
    }
    assert_eq!((&last["given"]["version"], &last["given"]["given_by"]), (&json!(7), &json!("maria")));
    // One byte differs: nothing of it stays.
    let mut other = gift.bytes.clone();
    *other.last_mut().unwrap() ^= 1;
    let hash = sha256(&other);
    let answers: Vec<(u16, Value)> = (0..other.len())
        .step_by(PIECE)
        .map(|at| piece(&maria, &hash, other.len(), at, &other[at..other.len().min(at + PIECE)]))
        .collect();
    let (status, told) = answers.last().unwrap();
    assert_eq!((*status, have(&maria, &hash)), (422, 0), "{told}");
    assert!(told["reason"].as_str().unwrap().contains("altered"), "{told}");
    assert_eq!(models(&maria)["bundles"].as_array().unwrap().len(), 1);
    // The same from a terminal; by a key that nobody trusts not at all.
    let file = gift.file("bear-7.bwm").display().to_string();
    let (code, words, _) = station.tool(&["model", "add", &file, "--trusted-key", &gift.key()], "");
    assert!(code == 0 && words.contains("bearwatch-nano version 7"), "{code} {words}");
    let stranger = gift.file("other").display().to_string();
    let made = bearwatch().args(["models", "key", &stranger, "--no-password"]).output().unwrap();
    assert!(made.status.success());
    let (code, _, words) =
        station.tool(&["model", "add", &file, "--trusted-key", &format!("{stranger}.pub")], "");
    assert!(code == 65 && words.contains("has signed it"), "{code} {words}");
    let (code, words, _) = station.tool(&["model", "list"], "");
    assert!(code == 0 && words.lines().count() == 1 && words.contains(&gift.sha256), "{words}");
    let (_, lines, _) = station.tool(&["audit", "--lines"], "");
    assert!(lines.contains(" bundle · maria") && lines.contains(&gift.sha256), "{lines}");
    refuses_without_keys(&broker, Path::new(&file));
}

fn refuses_without_keys(broker: &Broker, file: &Path) {
    let station = Station::at(&broker.url, &[]);
    station.account("maria", "administrator");
    let answer = station.sign_in("maria").post("/api/models/have", &json!({ "sha256": "00".repeat(32) }));
    assert!(answer.status == 409 && answer.json()["reason"].as_str().unwrap().contains("--trusted-key"));
    assert_eq!(models(&station.sign_in("maria"))["trusted"], false);
    let wrong = Station::new(&broker.url, &["--trusted-key", file.to_str().unwrap()]);
    let (code, words) = wrong.refuses();
    assert!(code == 78 && words.contains("--trusted-key"), "{code} {words}");
}

#[test]
fn a_model_that_goes_blind_in_shadow_is_taken_back_by_the_station_itself() {
    let broker = Broker::with_config(PATIENT);
    let gift = Gift::pack();
    let mut station = Station::at(&broker.url, &["--trusted-key", &gift.key()]);
    station.account("maria", "administrator");
    station.account("vera", "viewer");
    let file = gift.file("bear-7.bwm").display().to_string();
    assert_eq!(station.tool(&["model", "add", &file, "--trusted-key", &gift.key()], "").0, 0);
    let heard = Heard::start(&broker);
    let mut park = Park { broker: &broker, seq: 0 };
    let names = ["c0", "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "own"];
    for name in names {
        park.lives(name);
        let fixed = (name == "own").then_some("[model] path names the model that runs");
        park.says(name, json!({ "fixed": fixed }));
    }
    let all: Vec<String> = names.iter().map(|name| format!("creek/{name}")).collect();
    let mut shadow = all.clone();
    shadow.push("creek/away".into());
    let written = json!({ "bundle": gift.sha256, "criteria": { "days": 1.0 },
        "rings": [{ "act": "shadow", "cameras": shadow }, { "act": "decide", "cameras": ["creek/c0"] }, { "act": "decide", "cameras": all }] });
    {
        let (maria, vera) = (station.sign_in("maria"), station.sign_in("vera"));
        until(&maria, "the cameras", |told| told["cameras"].as_array().unwrap().len() == names.len());
        assert_eq!(vera.post("/api/rollouts", &written).status, 403);
        let worse = json!({ "bundle": gift.sha256, "rings": [{ "act": "decide", "cameras": ["creek/c0"] }] });
        let answer = maria.post("/api/rollouts", &worse);
        assert!(answer.status == 422 && answer.json()["reason"].as_str().unwrap().contains("in shadow"));
        assert_eq!(maria.post("/api/rollouts", &written).json(), json!({ "id": 1 }));
        assert_eq!(models(&vera)["rollouts"][0]["stage"], "written");
        assert_eq!(heard.count("set/model"), 0, "nothing is sent before somebody starts it");
        assert_eq!(vera.post("/api/rollouts/1", &json!({ "do": "start" })).status, 403);
        assert_eq!(maria.post("/api/rollouts/1", &json!({ "do": "start" })).status, 200);
        assert_eq!(
            maria.post("/api/rollouts/1", &json!({ "do": "next" })).status,
            409,
            "nothing is shown yet"
        );
    }
    for name in &names[..12] {
        let line = heard.expect(&format!("bearwatch/v1/creek/{name}/set/model"), "\"shadow\"");
        assert!(
            line.contains(&gift.sha256) && line.contains(&format!("\"bytes\":{}", gift.bytes.len())),
            "{line}"
        );
    }
    assert_eq!(heard.count("creek/own/set/model"), 0, "it has the administrator's own model");
    // Cameras ask for pieces; what is not the park's nobody is given.
    let last = (gift.bytes.len() - 1) / PIECE * PIECE;
    for at in [0, PIECE, last] {
        let want = json!({ "offset": at, "bytes": PIECE.min(gift.bytes.len() - at), "again": 0 });
        let download =
            json!({ "version": 7, "bundle": gift.sha256, "of": gift.bytes.len(), "have": at, "want": want });
        park.says("c0", json!({ "download": download }));
        let line = heard.expect("bearwatch/v1/creek/c0/set/piece", &format!("offset:{at} "));
        let hex: String = gift.bytes[at..gift.bytes.len().min(at + PIECE)]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        assert!(line.ends_with(&hex) && line.contains(&gift.sha256), "the bytes from {at} on");
    }
    let foreign = json!({ "version": 7, "bundle": "cd".repeat(32), "of": 9, "have": 0, "want": { "offset": 0, "bytes": 9, "again": 0 } });
    park.says("c1", json!({ "download": foreign }));
    // The station dies, and knows all of it again.
    station.kill();
    station.start();
    station.until("the broker", |desk| desk["pulse"]["standing"]["link"]["connected"] == true);
    let maria = station.sign_in("maria");
    for name in &names[..12] {
        park.looks_on(name, &gift.sha256, 0, 0);
    }
    let told =
        until(&maria, "looks", |told| told["rollouts"][0]["known"]["judgement"]["looks"] == json!(12 * 900));
    let rollout = &told["rollouts"][0];
    assert_eq!(
        (&rollout["stage"], &rollout["known"]["judgement"]["verdict"]["is"]),
        (&json!("watching"), &json!("open")),
        "{rollout:#}"
    );
    let need = |told: &Value, name: &str| {
        let cameras = told["cameras"].as_array().unwrap();
        cameras.iter().find(|one| one["camera"] == format!("creek/{name}")).unwrap()["rollout"][2].clone()
    };
    assert_eq!(need(&told, "own")["need"], "out");
    assert_eq!(need(&told, "c3")["need"], "settled");
    people_judge_a_disagreement(&station, &broker, &maria, rollout["known"]["unjudged"] == json!(0));
    // Bears come by night, and the new one sees none, at all cameras but one.
    park.looks_on("c0", &gift.sha256, 300, 0);
    for name in &names[1..12] {
        park.looks_on(name, &gift.sha256, 0, 300);
    }
    let told = until(&maria, "that it is stopped", |told| told["rollouts"][0]["stage"] == "stopped");
    let rollout = &told["rollouts"][0];
    assert_eq!(rollout["moved_by"], "station", "{rollout:#}");
    assert!(rollout["reason"].as_str().unwrap().contains("misses too much"), "{rollout:#}");
    for name in &names[..12] {
        heard.expect(&format!("bearwatch/v1/creek/{name}/set/model"), "\"stop\"");
    }
    assert_eq!(heard.count("\"promote\""), 0);
    assert_eq!(heard.count("creek/c1/set/piece"), 0, "nobody is given what is not the park's");
    let (_, lines, _) = station.tool(&["audit", "--lines"], "");
    for line in [
        "write bearwatch-nano version 7",
        "start bearwatch-nano version 7",
        "stop bearwatch-nano version 7",
        "misses too much",
    ] {
        assert!(lines.contains(line), "{line}: {lines}");
    }
    assert_eq!(maria.post("/api/rollouts/1", &json!({ "do": "stop" })).status, 409, "it is stopped");
}

/// A picture on which the new model alone saw a bear, and there is one.
fn people_judge_a_disagreement(station: &Station, broker: &Broker, session: &Session, before: bool) {
    assert!(before);
    let model = models(session)["bundles"][0]["model"].as_str().unwrap().to_owned();
    let boot = boot("c0");
    let mut options = Vec::new();
    let running = "00".repeat(32);
    for (name, value) in [
        ("alert", ""),
        ("captured", "2026-11-24T02:00:00.000Z"),
        ("boot", &boot),
        ("seq", "1"),
        ("audit", "challenger"),
        ("probability", "1"),
        ("stands_s", "0"),
        ("watched_s", "0"),
        ("number", "1"),
        ("mode", "armed"),
        ("regime", "infrared"),
        ("model", &running),
        ("threshold", "0.4000"),
        ("size", "64x48"),
        ("clock_synced", "true"),
        ("simulated", "false"),
        ("detections", "[]"),
        ("challenger", &model),
        ("challenger_threshold", "0.4000"),
        ("challenger_detections", r#"[{"class":"bear","score":0.9,"bbox":[6.4,4.8,12.8,9.6]}]"#),
    ] {
        options.extend(["-D", "publish", "user-property", name, value]);
    }
    broker.publish_with("bearwatch/v1/creek/c0/snapshot", &jpeg(), &options);
    let known = |told: &Value| told["rollouts"][0]["known"].clone();
    let told = until(session, "the disagreement", |told| known(told)["unjudged"] == json!(1));
    assert_eq!(known(&told)["pictures"], json!([]), "who reviews is not to know what either saw");
    let task = session.post("/api/review/next", &json!({ "page": "one" })).json()["task"].clone();
    assert_eq!(task["camera"], "c0", "{task}");
    let says = json!({ "things": [{ "class": "bear", "bbox": [0.1, 0.1, 0.2, 0.2] }], "blind": true });
    let label = session.post(&format!("/api/review/{}/label", task["key"].as_str().unwrap()), &says);
    assert_eq!((label.status, &label.json()["why"]), (200, &json!("challenger")));
    let told = until(session, "the verdict", |told| known(told)["unjudged"] == json!(0));
    let wrong = &known(&told)["judgement"]["readings"][2];
    assert_eq!(
        (&wrong["question"], &wrong["hours"], &wrong["mean"]),
        (&json!("wrong"), &json!(1), &json!(0.0)),
        "{wrong}"
    );
    let picture = &known(&told)["pictures"][0];
    assert_eq!(
        (&picture["saw"], &picture["said"], &picture["camera"]),
        (&json!("new"), &json!("bear"), &json!("creek/c0"))
    );
    assert!(station.log().lines().all(|line| !line.contains("ERROR")), "{}", station.log());
}
