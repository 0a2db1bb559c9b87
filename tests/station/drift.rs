//! What a camera's pictures and finds were like, and what the station says when that is not any more what it was.

use std::process::Stdio;

use serde_json::{Value, json};

use crate::PATIENT;
use crate::support::{Broker, bearwatch, wait_for};
use crate::support_station::{LIMIT, Station};

/// What has shifted at a camera, as the fleet tells it.
fn shifts(station: &Station, camera: &str) -> Vec<Value> {
    let told = station.fleet()["shifts"].as_array().unwrap().clone();
    told.into_iter().filter(|shift| shift["camera"] == camera).collect()
}

fn needs(station: &Station, camera: &str) -> Value {
    let cameras = station.fleet()["cameras"].as_array().unwrap().clone();
    cameras.into_iter().find(|one| one["camera"] == camera).unwrap()["needs"].clone()
}

#[test]
fn a_lamp_that_failed_is_told_as_a_shift_until_somebody_says_that_it_is_meant_to_be_so() {
    let broker = Broker::with_config(PATIENT);
    let mut station = Station::at(&broker.url, &[]);
    let mut swarm = bearwatch();
    swarm.args([
        "swarm",
        "--broker",
        &broker.url,
        "--cameras",
        "2",
        "--seconds",
        "2",
        "--seed",
        "5",
        "--json",
        "-",
    ]);
    swarm.args(["--past-days", "50", "--lamps-failed", "1"]).stdout(Stdio::null());
    assert!(swarm.status().unwrap().success(), "what the cameras said reached the broker");
    let dark = || {
        shifts(&station, "c0").into_iter().find(|one| one["feature"] == "luma" && one["regime"] == "infrared")
    };
    let mut told = None;
    assert!(
        wait_for(LIMIT, || {
            told = dark();
            told.is_some()
        }),
        "{:#}\n{}",
        station.fleet()["shifts"],
        station.log()
    );
    let told = told.unwrap();
    assert!(told["became"].as_f64() < told["was"].as_f64(), "{told}");
    assert!(wait_for(LIMIT, || needs(&station, "c0").as_array().unwrap().contains(&json!("shifted"))));
    assert!(station.log().contains("something has shifted at swarm-5-000/c0"), "{}", station.log());
    let drift = "/api/cameras/swarm-5-000/c0/drift";
    let charts = station.get(drift).unwrap().json();
    let chart = charts["shifts"].as_array().unwrap().iter().find(|one| one["feature"] == "luma").unwrap();
    assert!(chart["days"].as_array().unwrap().len() > 30, "{chart}");
    assert!(chart["before"].as_array().unwrap().len() == 16 && chart["after"][0].is_u64(), "{chart}");
    // It is known over a death, and told once.
    station.kill();
    station.start();
    station.until("the broker", |desk| desk["pulse"]["standing"]["link"]["connected"] == true);
    assert!(wait_for(LIMIT, || needs(&station, "c0").as_array().unwrap().contains(&json!("shifted"))));
    let mut database = station.open();
    let one = "SELECT count(*) FROM shift WHERE feature = 'luma' AND regime = 'infrared' AND ended IS NULL";
    assert_eq!(database.count(one), 1);
    assert_eq!(station.post(drift, &json!({})).status, 200);
    assert!(wait_for(LIMIT, || !needs(&station, "c0").as_array().unwrap().contains(&json!("shifted"))));
    assert_eq!(shifts(&station, "c0"), Vec::<Value>::new());
    let accepted =
        "SELECT count(*) FROM shift WHERE ended = 'accepted' AND ended_by = 'token' AND feature = 'luma'";
    assert!(database.count(accepted) >= 1);
    let (code, lines, _) = station.tool(&["audit", "--lines"], "");
    assert!(
        code == 0 && lines.contains("accepted · token · ") && lines.contains("/c0 · shifts: "),
        "{lines}"
    );
    assert_eq!(station.stop(), 0);
}
