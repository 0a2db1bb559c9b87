//! Who may do what at the broker, as `deploy/mosquitto` sets it up: a stolen key opens nothing but its own, and nobody is kept from
//! his work.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

mod support;

use serde_json::json;
use support::daemon::{Daemon, Home, Listener, Post, SOON};
use support::orders::{BASE, born};
use support::park::{Park, script};
use support::wait_for;

const SOUTH: &str = "bearwatch/v1/yellow-creek/south";

fn strings(list: &[String]) -> Vec<&str> {
    list.iter().map(String::as_str).collect()
}

fn camera(park: &Park, name: &str, home: &Home, desk: &mut Listener, more: &[&str]) -> Daemon {
    let (key, site) = (park.camera(name), format!("site.camera={name}"));
    let sets = [&strings(&key)[..], &[&site, "command.accept=true"], more].concat();
    let daemon = home.start(&sets);
    if name == "north" { born(desk, daemon) } else { daemon }
}

/// Everything that was sent before has arrived when this does.
fn fence(park: &Park, desk: &mut Listener, topic: &str) {
    let word = format!("fence-{}", desk.posts.len());
    let sent = park.publish(&park.as_person("maria"), topic, &word, &[]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
    desk.until("the fence", |posts| posts.iter().any(|post| post.payload == word.as_bytes()));
}

#[test]
fn the_rules_let_a_camera_and_its_people_do_all_of_their_work_and_nothing_is_refused() {
    let park = Park::new("anna ranger pictures\ntom technician\n");
    let mut desk = park.chief();
    let home = Home::with_bear(&park.url(), 4, true);
    let more = ["acknowledge.ladder=[\"1 duty\"]", "alert.cooldown_s=3600"];
    let mut daemon = camera(&park, "north", &home, &mut desk, &more);
    let alert = desk.hears("alert", |post| post.json()["state"] == "opened").json();
    desk.hears("snapshot", |_| true);
    desk.hears("escalation/duty", |_| true);
    desk.hears("state", |_| true);
    let (code, err) =
        park.command("anna", &["ack", alert["id"].as_str().unwrap(), "--verdict", "bear", "--by", "anna"]);
    assert_eq!(code, 0, "{err}");
    desk.hears("ack", |post| post.json()["by"] == "anna");
    assert_eq!(park.command("anna", &["snapshot"]).0, 0);
    assert_eq!(park.command("tom", &["test"]).0, 0);
    assert_eq!(park.command("maria", &["disarm", "--for", "60s"]).0, 0);
    assert_eq!(park.command("maria", &["arm"]).0, 0);
    let answers = |posts: &[Post]| posts.iter().filter(|post| post.kind == "answer").count();
    desk.until("an answer to each", |posts| answers(posts) >= 4);
    desk.hears("telemetry", |post| post.json()["messages"]["acknowledged"].as_u64() > Some(8));
    assert_eq!(daemon.stop(), 0, "{}", daemon.log());
    desk.hears_state("offline", "stopped");
    let refused = |post: &&Post| post.json()["messages"]["refused"] != json!(0);
    assert!(!desk.of("telemetry").iter().any(refused), "the broker refused something");
    let denied: Vec<_> =
        park.broker.log().lines().filter(|l| l.contains("Denied")).map(str::to_owned).collect();
    assert_eq!(denied, [""; 0]);
}

#[test]
fn a_stolen_camera_key_writes_nowhere_but_in_its_own_name() {
    let park = Park::new("");
    let mut desk = park.chief().taking_anything();
    park.camera("north");
    let thief = park.as_camera("north");
    let elsewhere = [
        "south/status",
        "south/alert",
        "south/snapshot",
        "south/telemetry",
        "south/state",
        "south/answer",
        "south/ack",
        "south/escalation/duty",
        "south/set/disarm",
        "north/set/disarm",
        "north/set/ack",
        "north/escalation/a/b",
    ]
    .map(|end| format!("bearwatch/v1/yellow-creek/{end}"));
    let others =
        ["bearwatch/v1/other-park/north/status", "homeassistant/device/x/config", "$CONTROL/x", "all"];
    for topic in elsewhere.iter().map(String::as_str).chain(others) {
        let told = park.publish(&thief, topic, "forged", &["--retain"]);
        let refused = String::from_utf8_lossy(&told.stderr).contains("Not authorized");
        assert!(refused, "{topic}: {told:?}");
    }
    let own = park.publish(&thief, &format!("{BASE}/alert"), "its own", &[]);
    assert!(own.status.success() && own.stderr.is_empty(), "{own:?}");
    desk.hears("alert", |post| post.payload == b"its own");
    fence(&park, &mut desk, &format!("{BASE}/set/log"));
    assert!(!desk.posts.iter().any(|post| post.payload == b"forged"), "{:?}", desk.posts);
    // What the broker kept would reach whoever comes later.
    let mut late = park.chief().taking_anything();
    fence(&park, &mut late, &format!("{BASE}/set/log"));
    assert!(!late.posts.iter().any(|post| post.payload == b"forged"), "{:?}", late.posts);
}

#[test]
fn a_last_will_in_another_camera_s_name_is_not_told() {
    let park = Park::new("");
    let mut desk = park.chief().taking_anything();
    park.camera("north");
    let status = format!("{SOUTH}/status");
    let will =
        ["--will-topic", &status, "--will-payload", "forged", "--will-retain", "--will-qos", "1", "-t", "x"];
    let mut thief = park.eavesdrop(&park.as_camera("north"), "thief", &will);
    park.says("Sending SUBACK to yellow-creek/north");
    thief.kill();
    park.says("Client yellow-creek/north closed its connection");
    fence(&park, &mut desk, &format!("{SOUTH}/set/log"));
    assert!(desk.of("status").is_empty() && !desk.posts.iter().any(|post| post.payload == b"forged"));
}

#[test]
fn a_stolen_camera_key_hears_nothing_of_other_cameras_and_throws_none_out() {
    let park = Park::new("anna ranger\n");
    let mut desk = park.chief().taking_anything();
    park.camera("north");
    let thief = park.as_camera("north");
    let filters = [
        "#",
        "bearwatch/v1/#",
        "$share/all/bearwatch/v1/+/+/+",
        "bearwatch/v1/yellow-creek/south/set/+",
        "$SYS/#",
    ];
    let filters: Vec<&str> = filters.iter().flat_map(|filter| ["-t", filter]).collect();
    let ears = park.eavesdrop(&thief, "bearwatch-yellow-creek-south", &filters);
    park.says("Sending SUBACK to yellow-creek/north");
    let home = Home::with_bear(&park.url(), 4, true);
    let mut south = camera(&park, "south", &home, &mut desk, &[]);
    let of_south =
        |posts: &[Post], kind: &str| posts.iter().any(|post| post.kind == format!("{SOUTH}/{kind}"));
    for kind in ["status", "alert", "snapshot", "telemetry", "state"] {
        desk.until(kind, |posts| of_south(posts, kind));
    }
    let command = park.publish(&park.as_person("maria"), &format!("{SOUTH}/set/snapshot"), r#"{"v":1}"#, &[]);
    assert!(command.status.success());
    desk.until("an answer", |posts| of_south(posts, "answer"));
    let own = format!("{BASE}/set/log");
    fence(&park, &mut desk, &own);
    let mut heard = ears.waits_for(&own);
    drop(ears);
    // Under the other's id, as the daemon gives it and as the broker calls it: neither throws the other out.
    let ears = park.eavesdrop(&thief, "yellow-creek/south", &filters);
    let let_in = || park.broker.log().matches("Sending SUBACK to yellow-creek/north").count();
    assert!(wait_for(SOON, || let_in() == 2));
    fence(&park, &mut desk, &own);
    heard.extend(ears.waits_for(&own));
    assert!(heard.iter().all(|topic| *topic == own), "{heard:?}");
    assert!(!park.broker.log().contains("Client yellow-creek/south already connected"));
    assert_eq!(south.stop(), 0, "{}", south.log());
    desk.until("its end", |posts| {
        posts.iter().any(|p| p.kind == format!("{SOUTH}/status") && p.json()["state"] == "offline")
    });
    let states = desk.of(&format!("{SOUTH}/status"));
    assert_eq!(
        states.iter().filter(|post| post.json()["state"] == "offline").count(),
        1,
        "it was never away"
    );
}

#[test]
fn a_camera_s_key_does_not_open_the_people_s_entrance_nor_a_revoked_one_any() {
    let park = Park::new("");
    park.camera("north");
    park.camera("south");
    park.as_person("maria");
    let knock = |who: &[String]| park.publish(who, &format!("{BASE}/status"), "x", &[]).status.success();
    let turned = |who: Vec<String>, from: u16, to: u16| -> Vec<String> {
        who.into_iter().map(|word| if word == from.to_string() { to.to_string() } else { word }).collect()
    };
    assert!(knock(&park.as_camera("north")));
    assert!(!knock(&turned(park.as_camera("north"), park.cameras, park.people)), "a camera's key");
    assert!(!knock(&turned(park.as_person("maria"), park.people, park.cameras)), "a person's key");
    assert!(!knock(&["-h", "127.0.0.1", "-p", &park.broker.port.to_string()].map(str::to_owned)), "no key");
    park.keys(&["revoke", "yellow-creek/north"], &[]);
    let mut park = park;
    park.restart();
    let knock = |who: &[String]| park.publish(who, &format!("{SOUTH}/status"), "x", &[]).status.success();
    assert!(!knock(&park.as_camera("north")), "a revoked key");
    assert!(knock(&park.as_camera("south")));
}

#[test]
fn roles_hear_what_they_need_and_nothing_that_tells_more() {
    let park = Park::new(
        "anna ranger\nben ranger@other-park\npia pictures\ntom technician\neve console@yellow-creek\nsam station\n",
    );
    let mut desk = park.chief().taking_anything();
    let mut all = ["anna", "ben", "pia", "tom", "eve"].map(|name| park.listener(name).taking_anything());
    let home = Home::with_bear(&park.url(), 4, true);
    let settings = ["acknowledge.ladder=[\"1 duty\"]", "command.accept=true"];
    let mut daemon = camera(&park, "north", &home, &mut desk, &settings);
    for kind in ["alert", "snapshot", "escalation/duty", "telemetry"] {
        desk.hears(kind, |_| true);
    }
    for person in ["anna", "tom", "eve"] {
        let (code, err) = park.command(person, &["disarm", "--for", "60s"]);
        assert!(code == 69 && err.contains("does not let us command"), "{person}: {err}");
    }
    let (code, err) = park.command("sam", &["arm"]);
    assert_eq!(code, 0, "a station hands on what its people tell cameras: {err}");
    assert_eq!(daemon.stop(), 0);
    desk.hears_state("offline", "");
    let mut kinds = all.each_mut().map(|listener| {
        let ended = |post: &Post| post.kind == "status" && post.json()["state"] == "offline";
        wait_for(std::time::Duration::from_secs(2), || {
            listener.posts.extend(listener.drain());
            listener.posts.iter().any(ended)
        });
        let mut kinds: Vec<String> = listener.posts.iter().map(|post| post.kind.clone()).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    });
    let [anna, ben, pia, tom, eve] = &mut kinds;
    assert_eq!(*anna, ["alert", "answer", "escalation/duty", "status"]);
    assert_eq!(*ben, [""; 0]);
    assert_eq!(*pia, ["snapshot"]);
    assert_eq!(*tom, ["answer", "models", "state", "status", "telemetry"]);
    let all = [
        "alert",
        "answer",
        "escalation/duty",
        "models",
        "set/arm",
        "snapshot",
        "state",
        "status",
        "telemetry",
    ];
    assert_eq!(*eve, all, "a desk sees what others tell cameras");
}

#[test]
fn a_site_s_broker_hands_on_what_headquarters_must_know_and_takes_its_acknowledgements() {
    let headquarters = Park::new("creek bridge@yellow-creek\n");
    headquarters.as_person("creek");
    let shipped = std::fs::read_to_string(format!("{}/bridge.conf", support::park::SHIPPED)).unwrap();
    let file = |name: &str| headquarters.file(name).display().to_string();
    let bridge = shipped
        .replace("headquarters.park.example:8884", &format!("127.0.0.1:{}", headquarters.people))
        .replace("/etc/mosquitto/bearwatch/headquarters-ca.pem", &file("broker-ca.pem"))
        .replace("/etc/mosquitto/bearwatch/creek.", &file("people/creek/creek."));
    let park = Park::with("", &bridge);
    let mut desk = park.chief().taking_anything();
    let mut far = headquarters.chief();
    let home = Home::with_bear(&park.url(), 4, true);
    let mut daemon = camera(
        &park,
        "north",
        &home,
        &mut desk,
        &["acknowledge.ladder=[\"60 duty\"]", "alert.cooldown_s=3600"],
    );
    desk.hears("snapshot", |_| true);
    let alert = far.hears("alert", |post| post.json()["state"] == "opened");
    assert!(alert.properties.contains_key("boot"), "its properties come along: {:?}", alert.properties);
    let id = alert.json()["id"].as_str().unwrap().to_owned();
    let word = json!({ "v": 1, "alert": id, "verdict": "bear", "by": "headquarters" }).to_string();
    let sent = headquarters.publish(&headquarters.as_person("maria"), &format!("{BASE}/set/ack"), &word, &[]);
    assert!(sent.status.success());
    far.hears("ack", |post| post.json()["by"] == "headquarters");
    far.hears("status", |post| post.json()["state"] == "online");
    assert_eq!(daemon.stop(), 0);
    far.hears_state("offline", "");
    assert!(far.of("snapshot").is_empty() && far.of("telemetry").is_empty(), "pictures stay in the park");
    // The bridge's stolen key speaks for its site alone.
    let told = headquarters.publish(
        &headquarters.as_person("creek"),
        "bearwatch/v1/other-park/north/alert",
        "x",
        &[],
    );
    assert!(String::from_utf8_lossy(&told.stderr).contains("Not authorized"), "{told:?}");
    let denied = |park: &Park| park.broker.log().lines().filter(|line| line.contains("Denied")).count();
    assert_eq!((denied(&park), denied(&headquarters)), (0, 1));
}

#[test]
fn rules_with_a_mistake_are_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let made = |text: &str| {
        let file = folder.path().join("people");
        std::fs::write(&file, text).unwrap();
        let output = script("access.sh").arg(&file).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    };
    for (people, why) in [
        ("anna boss\n", "line 1: \"boss\" is no role"),
        ("# first\nanna\n", "line 2: anna has no role"),
        ("yellow-creek/north chief\n", "is no name"),
        ("anna camera\n", "\"camera\" is no role"),
        ("anna ranger@# a remark\n", "\"\" is no site"),
        ("anna ranger@+\n", "\"+\" is no site"),
        ("anna ../roles/chief\n", "is no role"),
    ] {
        let (code, out, err) = made(people);
        assert!(code == 78 && out.is_empty() && err.contains(why), "{people}: {code} {out} {err}");
    }
    let (code, out, _) = made("anna ranger@yellow-creek # our best\n");
    assert!(code == 0 && out.contains("user anna\ntopic read bearwatch/v1/yellow-creek/+/status\n"), "{out}");
    assert!(out.contains("pattern read bearwatch/v1/%u/set/+"), "{out}");
}
