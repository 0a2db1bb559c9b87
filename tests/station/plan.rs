//! Plans of sites: given, filled, replaced and removed by administrators, seen by everybody, and what is refused.

use std::io::Cursor;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::{ImageFormat, Rgb, RgbImage};
use serde_json::{Value, json};

use crate::support::{Broker, bearwatch, wait_for};
use crate::support_desk::{alert, status};
use crate::support_postgres::Postgres;
use crate::support_station::{LIMIT, Session, Station};
use crate::{ALERT, STATUS};

const CREEK: &str = "/api/plans/creek";
const NORTH: &str = "/api/plans/creek/cameras/north";

/// Of one colour, so that no two of different colour are the same.
fn picture(grey: u8) -> String {
    let mut bytes = Cursor::new(Vec::new());
    RgbImage::from_pixel(320, 200, Rgb([grey; 3])).write_to(&mut bytes, ImageFormat::Png).unwrap();
    BASE64_STANDARD.encode(bytes.into_inner())
}

fn given(picture: &str, instead_of: Option<&str>) -> Value {
    json!({ "give": { "picture": picture, "instead_of": instead_of } })
}

fn plans(session: &Session) -> Vec<Value> {
    session.get("/api/plans").json()["plans"].as_array().unwrap().clone()
}

fn sha256(session: &Session) -> String {
    plans(session)[0]["sha256"].as_str().unwrap().into()
}

/// A station with an administrator, a viewer and a camera.
fn station(broker: &Broker) -> Station {
    let station = Station::at(&broker.url, &[]);
    [("maria", "administrator"), ("tom", "administrator"), ("vera", "viewer"), ("rita", "ranger")]
        .iter()
        .for_each(|(name, role)| station.account(name, role));
    broker.publish(STATUS, &status(0, "online", "camera 0"));
    station.until("the camera", |desk| desk["pulse"]["call"]["online"] == 1);
    station
}

#[track_caller]
fn refuses(answer: &crate::support_station::Answer, status: u16, says: &str) {
    let told = answer.json()["reason"].as_str().unwrap().to_owned();
    assert!(answer.status == status && told.contains(says), "{} {told}", answer.status);
    assert!(answer.head.contains("content-security-policy: default-src 'none'"), "{}", answer.head);
}

#[test]
fn a_plan_is_given_filled_replaced_and_removed_and_the_audit_log_says_by_whom() {
    let broker = Broker::start();
    let station = station(&broker);
    let [maria, vera] = ["maria", "vera"].map(|name| station.sign_in(name));
    assert_eq!(station.fleet()["plans"], json!([]));
    assert_eq!(maria.post(CREEK, &given(&picture(9), None)).status, 200);
    let first = sha256(&maria);
    let shown = vera.get(&format!("{CREEK}/picture/{first}"));
    assert!(shown.status == 200 && shown.head.contains("image/jpeg"), "{}", shown.head);
    let back = image::load_from_memory_with_format(&shown.body, ImageFormat::Jpeg).unwrap();
    assert_eq!((back.width(), back.height()), (320, 200));
    assert_eq!(maria.post(NORTH, &json!({ "sha256": first, "at": [0.25, 1.0] })).status, 200);
    assert_eq!(maria.post(NORTH, &json!({ "sha256": first, "at": [0.5, 0.75] })).status, 200);
    let seen = vera.get("/api/fleet").json()["plans"][0].clone();
    assert_eq!(
        (&seen["site"], &seen["width"], &seen["given_by"]),
        (&json!("creek"), &json!(320), &json!("maria"))
    );
    assert_eq!(seen["places"], json!({ "north": [0.5, 0.75] }));
    // Cameras stay where they are when the picture is another one, which has another name.
    assert_eq!(maria.post(CREEK, &given(&picture(99), Some(&first))).status, 200);
    let second = sha256(&maria);
    assert_eq!(plans(&vera)[0]["places"], json!({ "north": [0.5, 0.75] }));
    assert_eq!(vera.get(&format!("{CREEK}/picture/{first}")).status, 404);
    assert_eq!(maria.post(NORTH, &json!({ "sha256": second, "at": null })).status, 200);
    assert_eq!(plans(&vera)[0]["places"], json!({}));
    // A site may have a plan before its cameras are heard.
    assert_eq!(maria.post("/api/plans/new-lake", &given(&picture(7), None)).status, 200);
    assert_eq!(maria.post(NORTH, &json!({ "sha256": second, "at": [0.0, 0.0] })).status, 200);
    assert_eq!(maria.post(CREEK, &json!({ "remove": { "sha256": second } })).status, 200);
    assert_eq!(plans(&vera).len(), 1);
    assert_eq!(station.open().count("SELECT count(*) FROM plan_camera"), 0);
    let (code, lines, _) = station.tool(&["audit", "--lines"], "");
    assert_eq!(code, 0);
    let did = ["give creek", "place creek/north", "replace creek", "take off creek/north", "remove creek"];
    let of_maria = |what: &&str| lines.contains(&format!("plan · maria · {what}"));
    assert!(did.iter().all(of_maria) && lines.contains(&second), "{lines}");
}

#[test]
fn an_alert_that_waits_is_told_where_it_is_and_an_exercise_as_one() {
    let broker = Broker::start();
    let station = station(&broker);
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({ "drill": true })));
    station.alert("b1-1", |_| true);
    let waiting = |drill: bool| json!([{ "site": "creek", "camera": "north", "drill": drill }]);
    assert_eq!(station.fleet()["waiting"], waiting(true));
    broker.publish(ALERT, &alert(1, "b1-2", "opened", json!({})));
    station.alert("b1-2", |_| true);
    assert_eq!(station.fleet()["waiting"], waiting(false));
    ["b1-1", "b1-2"].iter().for_each(|id| assert_eq!(station.say(id, "bear").status, 200));
    assert_eq!(station.fleet()["waiting"], json!([]));
}

#[test]
fn what_is_no_plan_is_refused_and_so_is_who_may_not() {
    let broker = Broker::start();
    let station = station(&broker);
    let [maria, vera, rita] = ["maria", "vera", "rita"].map(|name| station.sign_in(name));
    for session in [&vera, &rita] {
        refuses(&session.post(CREEK, &given(&picture(9), None)), 403, "an administrator");
        refuses(&session.post(NORTH, &json!({ "sha256": "", "at": null })), 403, "an administrator");
    }
    refuses(&station.post(CREEK, &given(&picture(9), None)), 403, "an administrator");
    let foreign = maria.post_with(CREEK, &given(&picture(9), None), "Origin: https://evil.example");
    refuses(&foreign, 403, "evil.example");
    let [cookie, key] = maria.headers();
    let form = station.send(&format!("POST {CREEK}"), &[&cookie, &key, "Content-Type: text/plain"], b"{}");
    refuses(&form.unwrap(), 415, "application/json");
    let bytes = |bytes: &[u8]| maria.post(CREEK, &given(&BASE64_STANDARD.encode(bytes), None));
    refuses(
        &bytes(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"),
        422,
        "neither JPEG nor PNG",
    );
    refuses(&bytes(b""), 422, "neither");
    refuses(&bytes(b"\x89PNG\r\n\x1a\n and no more"), 422, "cannot be read");
    refuses(&maria.post(CREEK, &given("no base64 !", None)), 400, "base64");
    refuses(&maria.post(CREEK, &json!({ "give": {} })), 400, "not what is asked for");
    refuses(&bytes(&vec![0; 8_100_000]), 413, "more than");
    // 100 million grey pixels in some kilobytes: seen by the header, not by the memory that they take.
    let mut bomb = Cursor::new(Vec::new());
    image::GrayImage::new(10_000, 10_000).write_to(&mut bomb, ImageFormat::Png).unwrap();
    let bomb = bomb.into_inner();
    assert!(bomb.len() < 1_000_000, "{}", bomb.len());
    refuses(&bytes(&bomb), 422, "10000×10000 pixels are too many");
    for name in ["Creek", "a%20b", "a%2fb", "a%0ab", &"x".repeat(41)] {
        let answer = maria.post(&format!("/api/plans/{name}"), &given(&picture(9), None));
        refuses(&answer, 422, "1 to 40 of a-z");
    }
    assert_eq!(plans(&maria), [Value::Null; 0]);
    refuses(&maria.post(CREEK, &json!({ "remove": { "sha256": "" } })), 409, "meanwhile");
    refuses(&maria.post(NORTH, &json!({ "sha256": "", "at": [0.5, 0.5] })), 409, "meanwhile");
    assert_eq!(maria.post(CREEK, &given(&picture(9), None)).status, 200);
    let sha256 = sha256(&maria);
    for at in [json!([-0.01, 0.5]), json!([0.5, 1.01]), json!([1e300, 0.5])] {
        refuses(&maria.post(NORTH, &json!({ "sha256": sha256, "at": at })), 422, "from 0 to 1");
    }
    for at in [json!([0.5]), json!(["0.5", 0.5]), json!([null, 0.5]), json!(0.5)] {
        refuses(&maria.post(NORTH, &json!({ "sha256": sha256, "at": at })), 400, "not what is asked for");
    }
    let nobody =
        maria.post(&format!("{CREEK}/cameras/south"), &json!({ "sha256": sha256, "at": [0.5, 0.5] }));
    refuses(&nobody, 404, "no camera creek/south is known here");
    assert_eq!(plans(&maria)[0]["places"], json!({}));
    assert_eq!(vera.get(&format!("{CREEK}/picture/{sha256}")).status, 200);
    let lines = station.tool(&["audit", "--lines"], "").1;
    assert_eq!(lines.matches("plan · maria · give").count(), 1, "what is refused is not done: {lines}");
}

#[test]
fn of_two_administrators_at_once_the_second_is_told_that_it_is_another_picture() {
    let broker = Broker::start();
    let station = station(&broker);
    let [maria, tom] = ["maria", "tom"].map(|name| station.sign_in(name));
    let codes = std::thread::scope(|scope| {
        let both = [(&maria, 10), (&tom, 200)]
            .map(|(who, grey)| scope.spawn(move || who.post(CREEK, &given(&picture(grey), None)).status));
        let mut codes = both.map(|one| one.join().unwrap());
        codes.sort_unstable();
        codes
    });
    assert_eq!(codes, [200, 409], "neither is written over unseen");
    let first = sha256(&maria);
    assert_eq!(tom.post(CREEK, &given(&picture(77), Some(&first))).status, 200);
    // Maria still has the first one before her.
    refuses(&maria.post(NORTH, &json!({ "sha256": first, "at": [0.1, 0.1] })), 409, "look again");
    refuses(&maria.post(CREEK, &json!({ "remove": { "sha256": first } })), 409, "look again");
    refuses(&maria.post(CREEK, &given(&picture(11), Some(&first))), 409, "look again");
    let second = sha256(&maria);
    for (who, x) in [(&maria, 0.1), (&tom, 0.9)] {
        assert_eq!(who.post(NORTH, &json!({ "sha256": second, "at": [x, 0.5] })).status, 200);
    }
    assert_eq!(
        plans(&maria)[0]["places"],
        json!({ "north": [0.9, 0.5] }),
        "who moves a camera last has moved it"
    );
    let mut events = station.events();
    events.next().unwrap();
    assert_eq!(tom.post(NORTH, &json!({ "sha256": second, "at": [0.2, 0.5] })).status, 200);
    assert!(events.any(|(name, _)| name == "plans"), "who looks is told");
}

#[test]
fn a_plan_stays_over_a_restart_and_moves_with_everything_else() {
    let broker = Broker::start();
    let mut station = station(&broker);
    let sha256 = {
        let maria = station.sign_in("maria");
        assert_eq!(maria.post(CREEK, &given(&picture(9), None)).status, 200);
        let sha256 = sha256(&maria);
        assert_eq!(maria.post(NORTH, &json!({ "sha256": sha256, "at": [0.125, 0.5] })).status, 200);
        sha256
    };
    station.kill();
    station.start();
    assert!(wait_for(LIMIT, || station.desk().is_some()), "{}", station.log());
    let before = station.fleet()["plans"].clone();
    assert_eq!((&before[0]["sha256"], &before[0]["places"]["north"]), (&json!(sha256), &json!([0.125, 0.5])));
    let path = format!("{CREEK}/picture/{sha256}");
    let drawn = station.get(&path).unwrap().body;
    assert_eq!(station.stop(), 0);
    let target = Postgres::shared().create();
    let mut server = Station::on(&target, &broker.url, &[]);
    let output =
        bearwatch().args(["station", "move", "--from", station.address(), "--to", &target]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(String::from_utf8_lossy(&output.stdout).contains("plan: 1"));
    server.start();
    assert!(wait_for(LIMIT, || server.desk().is_some()), "{}", server.log());
    assert_eq!(server.fleet()["plans"], before);
    assert_eq!(server.get(&path).unwrap().body, drawn);
}
