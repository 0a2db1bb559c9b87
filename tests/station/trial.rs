//! Trials from the station's page with a real daemon: written, joined, stopped, judged; and alerts that are for reviewers alone.

use serde_json::{Value, json};

use crate::support::daemon::Home;
use crate::support::{Broker, wait_for};
use crate::support_desk::{alert, snapshot_options, status};
use crate::support_station::{LIMIT, Session, Station};
use crate::{ALERT, SNAPSHOT, STATUS, jpeg};

const NORTH: &str = "yellow-creek/north";
const SIMULATED: &str = "source = \"simulated\"\nfps = 5\n";

fn now_ms() -> i64 {
    bearwatch::system::clock::Clock::start().unix_ms()
}

fn plan(name: &str, camera: &str, begin_ms: Option<i64>) -> Value {
    json!({ "name": name, "mode": "assist", "begin_ms": begin_ms, "end_ms": now_ms() + 3_600_000, "cameras": [camera],
        "criteria": { "false_alarms_most": 0.5, "silence_most_h": 20.0 } })
}

fn trials(session: &Session) -> Vec<Value> {
    session.get("/api/trials").json()["trials"].as_array().unwrap().clone()
}

/// Waits until the newest trial is so.
fn until(session: &Session, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let done = wait_for(LIMIT * 2, || is(&trials(session)[0]));
    let trial = trials(session)[0].clone();
    assert!(done, "{what}: {trial}");
    trial
}

#[test]
fn a_trial_is_joined_by_its_camera_whenever_it_is_there_and_left_when_it_is_stopped() {
    let broker = Broker::start();
    let mut station = Station::at(&broker.url, &[]);
    [("vera", "viewer"), ("maria", "administrator")]
        .iter()
        .for_each(|(name, role)| station.account(name, role));
    let home = Home::new(&broker.url, SIMULATED);
    let mut daemon = home.start(&["command.accept=true"]);
    let here = |desk: &Value| ["online", "degraded"].iter().any(|how| desk["pulse"]["call"][how] == 1);
    station.until("the camera", here);
    {
        let [vera, maria] = ["vera", "maria"].map(|name| station.sign_in(name));
        assert_eq!(vera.post("/api/trials", &plan("spring", NORTH, None)).status, 403);
        let mut nothing = plan("spring", NORTH, None);
        nothing["criteria"] = json!({});
        let answer = maria.post("/api/trials", &nothing);
        assert!(answer.status == 422 && answer.json()["reason"].as_str().unwrap().contains("must show"));
        assert_eq!(maria.post("/api/trials", &plan("spring", "no/where", None)).status, 409);
        let kept = maria.post("/api/trials", &plan("spring", NORTH, None));
        assert_eq!(kept.status, 200, "{}", String::from_utf8_lossy(&kept.body));
        let sha256 = kept.json()["sha256"].as_str().unwrap().to_owned();
        for (name, begin) in [("spring", None), ("other", None)] {
            assert_eq!(maria.post("/api/trials", &plan(name, NORTH, begin)).status, 409, "{name}");
        }
        let joined = until(&vera, "joined", |trial| !trial["members"][0]["joined_ms"].is_null());
        assert_eq!((&joined["phase"], &joined["sha256"]), (&json!("running"), &json!(sha256)));
        assert!(joined["is_as_written"] == true && joined["members"][0]["part"] == "in", "{joined}");
        assert_eq!(station.fleet()["cameras"][0]["mode"], "assist");
        let (_, lines, _) = station.tool(&["audit", "--lines"], "");
        assert!(lines.contains(&sha256) && lines.contains("trial yellow-creek/north"), "{lines}");
    }
    // It goes on without the station, and with a camera that was set up anew while the station was away.
    station.stop();
    assert_eq!(daemon.stop(), 0);
    std::fs::remove_file(home.store().join("overrides.toml")).unwrap();
    station.start();
    station.until("the broker", |desk| desk["pulse"]["standing"]["link"]["connected"] == true);
    let maria = station.sign_in("maria");
    until(&maria, "the camera is away", |trial| trial["members"][0]["presence"] == "offline");
    let mut daemon = home.start(&["command.accept=true"]);
    // What it said in its earlier life stands there until it is heard again; its own folder tells that it has joined anew.
    let joined = || {
        std::fs::read_to_string(home.store().join("overrides.toml")).is_ok_and(|text| text.contains("spring"))
    };
    assert!(wait_for(LIMIT * 2, joined), "{}", daemon.log());
    let id = trials(&maria)[0]["id"].clone();
    let stop = format!("/api/trials/{id}/stop");
    assert_eq!(maria.post(&stop, &json!({ "reason": " " })).status, 422);
    assert_eq!(maria.post(&stop, &json!({ "reason": "snow on the lens" })).status, 200);
    assert_eq!(maria.post(&stop, &json!({ "reason": "again" })).status, 409);
    let left = until(&maria, "left", |trial| {
        trial["members"][0]["part"] == "out" && !trial["members"][0]["left_ms"].is_null()
    });
    assert_eq!((&left["phase"], &left["stopped"]["by"]), (&json!("stopped"), &json!("maria")));
    assert!(wait_for(LIMIT, || station.fleet()["cameras"][0]["mode"] == "armed"));
    let sheet = maria.get(&format!("/api/trials/{id}/result?zone=UTC"));
    let html = String::from_utf8(sheet.body).unwrap();
    assert!(html.contains("snow on the lens") && html.contains("Not enough data"), "{html}");
    // Who changes what was written is found out.
    station.open().run("UPDATE trial SET plan = replace(plan, '0.5', '9.5')");
    assert_eq!(trials(&maria)[0]["is_as_written"], false);
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn an_alert_for_reviewers_rings_nowhere_is_reviewed_and_judged_in_its_trial() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &[]);
    [("rita", "reviewer"), ("maria", "administrator")]
        .iter()
        .for_each(|(name, role)| station.account(name, role));
    let [rita, maria] = ["rita", "maria"].map(|name| station.sign_in(name));
    broker.publish(STATUS, &status(0, "online", "camera 0"));
    station.until("the camera", |desk| desk["pulse"]["call"]["online"] == 1);
    assert_eq!(maria.post("/api/trials", &plan("spring", "creek/north", None)).status, 200);
    let waits = until(&maria, "told in vain", |trial| trial["members"][0]["part"] == "waits");
    assert_eq!(waits["members"][0]["joined_ms"], Value::Null);
    let reviewers = || json!({ "audience": "reviewers", "clock_synced": false, "open": 0 });
    broker.publish(ALERT, &alert(0, "b1-1", "opened", reviewers()));
    broker.publish_with(SNAPSHOT, &jpeg(), &snapshot_options("b1-1", "4"));
    let mut kept = snapshot_options("", "5");
    kept.extend(["-D", "publish", "user-property", "kept", "near-miss"]);
    broker.publish_with(SNAPSHOT, &jpeg(), &kept);
    let counts = || rita.get("/api/review").json();
    assert!(wait_for(LIMIT, || counts()["kept_wait"] == 1 && counts()["alerts_wait"] == 1), "{}", counts());
    let desk = station.desk().unwrap();
    assert_eq!((&desk["waiting"], &desk["alerts"]), (&json!(0), &json!([])), "nobody on duty hears of it");
    let mut why = Vec::new();
    for _ in 0..2 {
        let task = rita.post("/api/review/next", &json!({ "page": "one" })).json()["task"].clone();
        let key = task["key"].as_str().unwrap_or_else(|| panic!("{task}")).to_owned();
        let told =
            rita.post(&format!("/api/review/{key}/label"), &json!({ "things": [], "blind": true })).json();
        why.push(told["why"].as_str().unwrap().to_owned());
    }
    assert_eq!(why, ["assist", "near-miss"]);
    let id = trials(&maria)[0]["id"].clone();
    let result = maria.get(&format!("/api/trials/{id}/result?form=json")).json();
    let alarms = &result["report"]["false_alarms"];
    assert_eq!((&alarms["alerts"], &alarms["all"]["count"]), (&json!(1), &json!(1)), "{alarms}");
    assert_eq!(result["findings"]["all"][0]["criterion"], "false_alarms_most");
    // The camera is live now, and the bear is still there: that is news for those on duty.
    let mut events = station.events();
    // Whoever hears anything has joined.
    events.next().unwrap();
    broker.publish(ALERT, &alert(1, "b1-1", "opened", json!({})));
    let (_, event) = events.by_ref().find(|(name, _)| name == "alert").unwrap();
    assert_eq!((&event["alert"]["id"], &event["rings"]), (&json!("b1-1"), &json!(true)));
    assert_eq!(station.desk().unwrap()["waiting"], 1);
}
