//! A rollout with a real camera in it: the daemon asks the station for the bundle, tries it out, lets it look on, promotes it when the station says so, and
//! goes back when a person does.

use serde_json::{Value, json};

use super::park::Park;
use super::{Gift, until};
use crate::PATIENT;
use crate::support::Broker;
use crate::support::daemon::Home;
use crate::support_station::Station;

/// What is watched so far suffices soon: this test is about the way of a model, not about what it must show.
fn lenient() -> Value {
    let wide = json!({ "pass": 0.9, "stop": 0.95 });
    json!({ "days": 0.0, "looks": 1, "judged": 0, "missed": wide, "invented": wide, "by_itself": true })
}

#[test]
fn a_camera_takes_a_model_from_the_station_runs_it_and_gives_it_back() {
    let broker = Broker::with_config(PATIENT);
    let gift = Gift::pack();
    let station = Station::at(&broker.url, &["--trusted-key", &gift.key()]);
    station.account("maria", "administrator");
    let file = gift.file("bear-7.bwm").display().to_string();
    assert_eq!(station.tool(&["model", "add", &file, "--trusted-key", &gift.key()], "").0, 0);
    let home = Home::new(&broker.url, "source = \"simulated\"\nfps = 5\n[capture.scene]\nbears = 0\n");
    let keys = format!("model.trusted_keys=[\"{}\"]", gift.key());
    // On a busy machine no frame shall be late, and nothing shall look like a bear: neither is a moment for another model.
    let sets = ["command.accept=true", &keys, "perceive.budget_ms=20000", "perceive.bear_threshold=0.9"];
    let mut daemon = home.start(&sets);
    // Others that look on beside it show by themselves what is asked for.
    let mut park = Park { broker: &broker, seq: 0 };
    let played = ["c0", "c1", "c2", "c3"];
    for name in played {
        park.lives(name);
        park.says(name, json!({}));
    }
    let north = |told: &Value| {
        let mut cameras = told["cameras"].as_array().unwrap().iter();
        cameras.find(|one| one["camera"] == "yellow-creek/north").cloned().unwrap_or_default()
    };
    let maria = station.sign_in("maria");
    until(&maria, "the cameras", |told| told["cameras"].as_array().unwrap().len() == played.len() + 1);
    let own = || vec!["yellow-creek/north".to_owned()];
    let all: Vec<String> = played.iter().map(|name| format!("creek/{name}")).chain(own()).collect();
    let written = json!({ "bundle": gift.sha256, "criteria": lenient(),
        "rings": [{ "act": "shadow", "cameras": all }, { "act": "decide", "cameras": own() }] });
    assert_eq!(maria.post("/api/rollouts", &written).json(), json!({ "id": 1 }));
    assert_eq!(maria.post("/api/rollouts/1", &json!({ "do": "start" })).status, 200);
    let shadow = until(&maria, "that it looks on", |told| {
        north(told)["told"]["challenger"]["comparison"]["looks"].as_u64() > Some(2)
    });
    let told = &north(&shadow)["told"];
    assert_eq!(
        (&told["challenger"]["bundle"], &told["running"]["bundle"]),
        (&json!(gift.sha256), &Value::Null)
    );
    for name in played {
        park.looks_on(name, &gift.sha256, 300, 0);
    }
    let decides =
        until(&maria, "that it decides", |told| north(told)["told"]["running"]["bundle"] == gift.sha256);
    let (rollout, camera) = (&decides["rollouts"][0], north(&decides));
    assert_eq!((&rollout["ring"], &rollout["moved_by"]), (&json!(1), &json!("station")), "{rollout:#}");
    assert!(camera["told"]["trial"].is_object() && camera["told"]["newest"] == 7, "{camera:#}");
    assert_eq!(maria.post("/api/rollouts/1", &json!({ "do": "stop" })).status, 200);
    let back = until(&maria, "the model before", |told| {
        let told = &north(told)["told"];
        told["running"]["bundle"].is_null() && told["previous"].is_null()
    });
    assert!(north(&back)["told"]["event"].as_str().unwrap().contains("as ordered"), "{:#}", north(&back));
    assert_eq!(daemon.stop(), 0);
}
