//! The aiming page as a browser and as a stranger meet it: the real daemon, a real Mosquitto, real files. What a person sees of it is tried in
//! tests/page.py.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

#[path = "support/page.rs"]
mod camera;
mod support;

use std::net::TcpStream;

use bearwatch::perceive::frame::Picture;
use camera::{Camera, TOKEN};
use serde_json::{Value, json};
use support::daemon::{Home, Listener, SOON};
use support::orders::{audit, overrides};
use support::scrape::Scrape;
use support::{Broker, bearwatch, wait_for};

/// A campsite by day to which no bear comes.
const QUIET: &str =
    "source = \"simulated\"\nfps = 5\n[capture.scene]\nseed = 5\ndarkness_end = 0.0\nbears = 0\n";
const AREAS: &str =
    r#"{"privacy":["lake: 0,0 0.5,0 0.5,0.5 0,0.5"],"watch":[],"guard":["tents: 0,0.8 1,0.8 1,1"]}"#;

#[test]
fn without_the_token_nobody_sees_anything() {
    let camera = Camera::new("mqtt://127.0.0.1:1", QUIET);
    let mut daemon = camera.start(&[]);
    let page = camera.send("GET /", &[], b"").unwrap();
    let html = String::from_utf8(page.body.clone()).unwrap();
    assert!(
        page.status == 200 && html.contains("<html lang=\"en\">") && !html.contains("yellow-creek"),
        "{html}"
    );
    for rule in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "form-action 'none'"] {
        assert!(page.head.contains(rule), "{}", page.head);
    }
    assert!(!page.head.contains("access-control") && !page.head.contains("set-cookie"), "{}", page.head);
    let all = ["GET /api/state", "GET /api/picture", "GET /api/areas", "PUT /api/areas", "POST /api/drill"];
    for way in all {
        for shown in [
            &[][..],
            &["Authorization: Bearer correct-horse-batterx"],
            &["Cookie: token=correct-horse-battery"],
        ] {
            let answer = camera.send(way, shown, b"").unwrap();
            assert_eq!(answer.status, 401, "{way} {shown:?}");
            assert!(answer.reason().contains("page.token_file"), "{}", answer.reason());
        }
        let stranger = format!("Authorization: Bearer {TOKEN}");
        let answer = camera.send(way, &[&stranger, "Host: bears.example"], b"").unwrap();
        assert_eq!(answer.status, 403, "{way} by another name");
    }
    // Some were wrong; of ten that may be few are left, and then nothing is looked at, not even the right one.
    let guess = |i| {
        camera
            .send("GET /api/state", &[&format!("Authorization: Bearer guess-number-{i}")], b"")
            .unwrap()
            .status
    };
    let statuses: Vec<u16> = (0..12).map(guess).collect();
    assert_eq!((statuses[0], statuses[11]), (401, 429), "{statuses:?}");
    let waits = camera.get("/api/state");
    assert!(
        waits.status == 429 && waits.head.contains("retry-after: ") && waits.reason().contains("wait"),
        "{}",
        waits.head
    );
    assert!(wait_for(SOON, || camera.get("/api/state").status == 200), "it is shut for ever");
    assert!(!daemon.log().contains(TOKEN), "the token stands in the log");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn what_a_browser_has_is_not_sent_again_and_too_much_is_refused() {
    let camera = Camera::new("mqtt://127.0.0.1:1", QUIET);
    let mut daemon = camera.start(&[]);
    for path in ["/", "/page.css", "/page.js", "/areas.js"] {
        let first = camera.send(&format!("GET {path}"), &[], b"").unwrap();
        let tag = first.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
        assert!(first.status == 200 && first.body.len() > 1000, "{path}");
        let again = camera.send(&format!("GET {path}"), &[&format!("If-None-Match: {tag}")], b"").unwrap();
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
    }
    assert_eq!(camera.get("/api/state").json()["reach"], json!({"missing": "lens"}), "a reach is made up");
    let many = json!({"privacy": vec!["0,0 0.5,0 0.5,0.5"; 300], "watch": [], "guard": []}).to_string();
    let refused = camera.draw(&many);
    assert!(refused.status == 413 && refused.reason().contains("4096 bytes"), "{}", refused.head);
    let token = format!("Authorization: Bearer {TOKEN}");
    let form = ["Content-Type: application/x-www-form-urlencoded", &*token];
    assert_eq!(camera.send("PUT /api/areas", &form, AREAS.as_bytes()).unwrap().status, 415);
    let unknown = camera.draw(r#"{"privacy":[],"watch":[],"guard":[],"broker":["mqtt://elsewhere"]}"#);
    assert!(unknown.status == 400 && unknown.reason().contains("broker"), "{}", unknown.head);
    assert_eq!(overrides(&camera.home), "");
    // Who says nothing holds none of the places for long; the others are served meanwhile.
    let idle: Vec<_> = (0..6).map(|_| TcpStream::connect(("127.0.0.1", camera.port)).unwrap()).collect();
    assert_eq!(camera.get("/api/state").status, 200);
    drop(idle);
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn the_picture_and_the_state_are_those_of_the_camera() {
    let broker = Broker::start();
    let camera = Camera::at(Home::with_bear(&broker.url, 5, true));
    let mut daemon = camera.start(&["capture.lens_degrees=90"]);
    let heard = || {
        let alerts = camera.get("/api/state").json()["alerts"].clone();
        alerts.as_array().unwrap().iter().any(|alert| alert["class"] == "bear" && alert["fate"] == "heard")
    };
    assert!(wait_for(SOON, heard), "{} {}", camera.get("/api/state").json(), daemon.log());
    assert!(wait_for(SOON, || camera.get("/api/state").json()["health"]["state"] == "online"));
    let state = camera.get("/api/state").json();
    assert_eq!(
        (&state["site"], &state["camera"], &state["frame"]),
        (&json!("yellow-creek"), &json!("north"), &json!([640, 360]))
    );
    assert!(state["times"]["p95_ms"].as_f64() >= state["times"]["p50_ms"].as_f64(), "{state}");
    assert!(
        state["frame_age_ms"].as_u64().unwrap() < 5_000 && state["health"]["broker"] == "the broker hears us",
        "{state}"
    );
    assert!(state["seen"].as_array().unwrap().iter().any(|seen| seen["class"] == "bear"), "{state}");
    // As `bearwatch reach` has it.
    let config = camera.home.path("bearwatch.toml");
    let output = bearwatch()
        .args([
            "reach",
            "--json",
            "--board-ms",
            "20",
            "--lens",
            "90",
            "--width",
            "640",
            "--height",
            "360",
            "--config",
        ])
        .arg(config)
        .output()
        .unwrap();
    let reach: Value = serde_json::from_slice(&output.stdout).unwrap();
    for look in ["whole", "close"] {
        assert_eq!(state["reach"]["reach"][look], reach[look], "{state}");
    }
    let (small, answer) = camera.picture(320);
    assert_eq!((small.width, small.height), (320, 180));
    assert!(
        answer.head.contains("content-type: image/jpeg") && answer.head.contains("cache-control: no-store")
    );
    assert!(answer.head.contains("picture-age-ms: ") && answer.body.len() < 40_000, "{}", answer.head);
    assert_eq!(camera.picture(640).0.width, 640);
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn areas_hold_at_once_and_over_a_restart_until_they_are_reset() {
    let camera = Camera::new("mqtt://127.0.0.1:1", QUIET);
    let before = std::fs::read(camera.home.path("bearwatch.toml")).unwrap();
    let mut daemon = camera.start(&[]);
    let none = json!({"privacy": [], "watch": [], "guard": []});
    assert_eq!(camera.get("/api/areas").json(), none);
    assert!(camera.picture(320).0.pixel(60, 45) != [0; 3]);
    let wrong =
        r#"{"privacy":["lake: 0,0 0.5,0 0.5,0.5"],"watch":["0,0 1,1"],"guard":["tents: 0,0 1,1 1,0 0,1"]}"#;
    let refused = camera.draw(wrong);
    assert_eq!(refused.status, 422);
    let told = refused.json();
    let places: Vec<(&str, u64)> = told["mistakes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mistake| (mistake["kind"].as_str().unwrap(), mistake["index"].as_u64().unwrap()))
        .collect();
    assert_eq!(places, [("watch", 0), ("guard", 0)]);
    assert!(
        told["mistakes"][1]["what"].as_str().unwrap().contains("crosses itself: side 1 and side 3"),
        "{told}"
    );
    assert_eq!((camera.get("/api/areas").json(), overrides(&camera.home)), (none.clone(), String::new()));
    let done = camera.draw(AREAS);
    assert!(
        done.status == 200 && done.json()["done"].as_str().unwrap().contains("1 area is blackened"),
        "{}",
        done.head
    );
    assert_eq!(camera.get("/api/areas").json(), serde_json::from_str::<Value>(AREAS).unwrap());
    let black = |picture: &Picture| picture.pixel(60, 45).iter().all(|&value| value < 16);
    assert!(black(&camera.picture(320).0), "the next picture shows what is to be black");
    let kept = overrides(&camera.home);
    assert!(
        kept.contains("lake: 0,0 0.5,0 0.5,0.5 0,0.5")
            && kept.contains("tents: ")
            && !kept.contains("watch ="),
        "{kept}"
    );
    let lines = audit(&camera.home);
    let by_page: Vec<&Value> = lines.iter().filter(|line| line["event"] == "page").collect();
    let verdicts: Vec<(&Value, &Value)> =
        by_page.iter().map(|line| (&line["who"], &line["verdict"])).collect();
    assert_eq!(verdicts, [(&json!("page"), &json!("refused")), (&json!("page"), &json!("applied"))]);
    assert_eq!(by_page[1]["payload"], AREAS, "the log does not say what was drawn");
    assert_eq!(daemon.stop(), 0);
    let mut daemon = camera.start(&[]);
    assert!(black(&camera.picture(320).0), "a restart shows it again");
    assert_eq!(daemon.stop(), 0);
    let config = camera.home.path("bearwatch.toml");
    let run = |command: &str| {
        let output = bearwatch().args([command, "--config"]).arg(&config).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(
        run("check").contains("perceive.privacy = [\"lake: 0,0 0.5,0 0.5,0.5 0,0.5\"]"),
        "{}",
        run("check")
    );
    assert!(run("reset").contains("perceive.privacy"));
    let mut daemon = camera.start(&[]);
    assert_eq!(camera.get("/api/areas").json(), none);
    assert_eq!(daemon.stop(), 0);
    assert_eq!(std::fs::read(&config).unwrap(), before, "the administrator's file was written");
}

#[test]
fn what_the_file_blackens_can_be_taken_away_and_says_so() {
    let camera = Camera::new("mqtt://127.0.0.1:1", QUIET);
    let config = std::fs::read_to_string(camera.home.path("bearwatch.toml")).unwrap();
    let masked = config.replace("[perceive]\n", "[perceive]\nprivacy = [\"0,0 0.5,0 0.5,0.5 0,0.5\"]\n");
    std::fs::write(camera.home.path("bearwatch.toml"), masked).unwrap();
    let mut daemon = camera.start(&[]);
    assert_eq!(camera.get("/api/areas").json()["privacy"], json!(["0,0 0.5,0 0.5,0.5 0,0.5"]));
    assert_eq!(camera.draw(r#"{"privacy":[],"watch":[],"guard":[]}"#).status, 200);
    assert!(overrides(&camera.home).contains("privacy = []"), "{}", overrides(&camera.home));
    assert!(wait_for(SOON, || camera.picture(320).0.pixel(60, 45).iter().any(|&value| value > 16)));
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_drill_by_the_page_goes_all_the_way_to_the_broker() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let camera = Camera::new(&broker.url, QUIET);
    // Commands over the network are taken from nobody: the page's token is the authority here.
    let mut daemon =
        camera.start(&["drill.within_s=90", "alert.false_alarms_per_day=0.1", "alert.min_visible_s=0.4"]);
    desk.hears_state("online", "SIMULATED");
    let begun = camera.ask("POST /api/drill").unwrap();
    assert!(
        begun.status == 200 && begun.json()["done"].as_str().unwrap().contains("a drill begins"),
        "{}",
        begun.head
    );
    let again = camera.ask("POST /api/drill").unwrap();
    assert!(again.status == 422 && again.reason().contains("a drill is on"), "{}", again.head);
    let course = || camera.get("/api/state").json()["drill"]["course"].clone();
    assert!(wait_for(SOON, || course() != Value::Null));
    assert!(
        wait_for(3 * SOON, || course() == "passed"),
        "{} {}",
        camera.get("/api/state").json(),
        daemon.log()
    );
    let opened = desk.hears("alert", |post| post.json()["state"] == "opened").json();
    assert_eq!((&opened["drill"], &opened["simulated"]), (&json!(true), &json!(true)));
    desk.hears("state", |post| post.json()["drill"]["course"] == "passed");
    let state = camera.get("/api/state").json();
    let alert = &state["alerts"][0];
    assert_eq!(
        (&alert["id"], &alert["drill"], &alert["fate"]),
        (&opened["id"], &json!(true), &json!("heard")),
        "{state}"
    );
    let lines = audit(&camera.home);
    let asked: Vec<&Value> =
        lines.iter().filter(|line| line["who"] == "page" && line["command"] == "drill").collect();
    assert_eq!(asked.iter().map(|line| &line["verdict"]).collect::<Vec<_>>(), ["applied", "refused"]);
    assert_eq!(daemon.stop(), 0);
    assert!(desk.of("answer").is_empty(), "nobody asked over the network");
}

#[test]
fn a_page_that_cannot_be_is_told_with_its_key_and_exit_78() {
    let camera = Camera::new("mqtt://127.0.0.1:1", QUIET);
    let token = format!("page.token_file={}", camera.home.path("token").display());
    let says = |sets: &[&str], what: &str| {
        let mut daemon = camera.home.start(sets);
        assert_eq!(daemon.ends_within(SOON), 78, "{sets:?}");
        daemon.says(what);
    };
    says(&["page.listen=127.0.0.1:0"], "page.listen: is given without token_file");
    says(
        &["page.listen=0.0.0.0:8080", "page.beyond_loopback=true"],
        "page.listen: is given without token_file",
    );
    says(&["page.listen=0.0.0.0:8080", &token], "page.listen: can be reached from other machines");
    says(
        &["page.listen=127.0.0.1:0", "page.token_file=/nowhere/token"],
        "page.token_file /nowhere/token: No such file",
    );
    std::fs::write(camera.home.path("token"), "short").unwrap();
    says(&["page.listen=127.0.0.1:0", &token], "openssl rand");
}

#[test]
fn check_says_who_may_use_the_page_and_never_the_token() {
    let camera = Camera::new("mqtt://127.0.0.1:1", QUIET);
    let checked = |listen: &str, token: &str| {
        let sets = [
            format!("page.listen={listen}"),
            format!("page.token_file={token}"),
            "page.beyond_loopback=true".into(),
        ];
        let mut command = bearwatch();
        command.args(["check", "--config"]).arg(camera.home.path("bearwatch.toml"));
        for set in sets {
            command.args(["--set", &set]);
        }
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        assert!(!text.contains(TOKEN), "{text}");
        text.lines().find(|line| line.starts_with("page ")).unwrap().to_owned()
    };
    let token = camera.home.path("token").display().to_string();
    let line = checked("127.0.0.1:8080", &token);
    assert!(line.contains("ok") && line.contains("http://127.0.0.1:8080/"), "{line}");
    let line = checked("0.0.0.0:8080", &token);
    assert!(line.contains("warning") && line.contains("let a firewall guard the port"), "{line}");
    let line = checked("127.0.0.1:8080", "/nowhere/token");
    assert!(line.contains("FAIL") && line.contains("it must hold the token alone"), "{line}");
}

#[test]
fn metrics_and_page_share_an_address_where_that_is_wanted() {
    let camera = Camera::new("mqtt://127.0.0.1:1", QUIET);
    let metrics = format!("metrics.listen=127.0.0.1:{}", camera.port);
    let mut daemon = camera.start(&[&metrics]);
    assert!(
        Scrape::of(camera.port)
            .is_some_and(|scrape| scrape.of_series("bearwatch_frames_seen_total", "") > 0.0)
    );
    assert_eq!(camera.send("GET /", &[], b"").unwrap().status, 200);
    assert_eq!(daemon.stop(), 0);
}
