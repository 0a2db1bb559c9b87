//! What the daemon tells Prometheus: the real program, a real Mosquitto, a real Prometheus, the shipped rules and dashboard.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be set up is a failure"
)]

mod support;

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use support::daemon::{Home, Listener, SOON};
use support::scrape::{Scrape, ask, free_port};
use support::{Broker, wait_for};

fn listen(port: u16) -> String {
    format!("metrics.listen=127.0.0.1:{port}")
}

/// Each counter of the telemetry, and the series that must say the same.
fn pairs(telemetry: &Value, scrape: &Scrape) -> Vec<(String, f64, f64)> {
    let mut pairs = Vec::new();
    let frames = [
        ("seen", "frames_seen"),
        ("dropped", "frames_dropped"),
        ("bad", "frames_bad"),
        ("inferred", "frames_inferred"),
        ("deadline_misses", "deadline_misses"),
        ("reopens", "capture_reopenings"),
    ];
    for (key, name) in frames {
        let told = telemetry["frames"][key].as_f64().unwrap();
        pairs.push((name.to_owned(), told, scrape.of_series(&format!("bearwatch_{name}_total"), "")));
    }
    let messages = &telemetry["messages"];
    let mut message =
        |key: &str, value: f64| pairs.push((key.into(), messages[key].as_f64().unwrap(), value));
    let stored = |name: &str| scrape.sum(name, "kind=\"alert\"") + scrape.sum(name, "kind=\"snapshot\"");
    message("waiting", stored("bearwatch_outbox_messages"));
    let history = |name: &str| scrape.sum(name, "kind=\"telemetry\"");
    let acknowledged = "bearwatch_messages_acknowledged_total";
    message("acknowledged", stored(acknowledged) + history(acknowledged));
    message("history", scrape.of_series("bearwatch_outbox_history_messages", ""));
    message("refused", scrape.sum("bearwatch_messages_refused_total", ""));
    for kind in ["telemetry", "snapshot", "alert"] {
        let key = if kind == "telemetry" { "lost_telemetry".into() } else { format!("lost_{kind}s") };
        message(&key, scrape.of_series("bearwatch_messages_lost_total", &format!("kind=\"{kind}\"")));
    }
    for class in ["bear", "person", "animal"] {
        for (tenth, count) in telemetry["scores"][class].as_array().unwrap().iter().enumerate() {
            let labels = format!("class=\"{class}\",score_from=\"0.{tenth}\"");
            let value = scrape.of_series("bearwatch_detections_total", &labels);
            pairs.push((format!("scores of {class} from 0.{tenth}"), count.as_f64().unwrap(), value));
        }
    }
    pairs
}

/// Latencies stand in the telemetry by interval: all intervals together are what is told here.
fn latencies(telemetry: &[Value], scrape: &Scrape) -> Vec<(String, f64, f64)> {
    let stages = ["decode", "prepare", "inference", "perceive", "publish", "capture_to_puback"];
    let counted =
        |stage: &str| -> f64 { telemetry.iter().filter_map(|t| t["stages"][stage]["count"].as_f64()).sum() };
    let told = |stage: &str| match stage {
        "capture_to_puback" => scrape.of_series("bearwatch_capture_to_puback_seconds_count", ""),
        _ => scrape.of_series("bearwatch_stage_seconds_count", &format!("stage=\"{stage}\"")),
    };
    stages.iter().map(|stage| ((*stage).to_owned(), counted(stage), told(stage))).collect()
}

#[test]
fn what_is_told_to_prometheus_agrees_with_the_telemetry() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 5, true);
    let port = free_port();
    let mut daemon = home.start(&[&listen(port), "capture.fps=2"]);
    desk.hears("alert", |post| post.json()["state"] == "updated");
    desk.hears("snapshot", |_| true);
    let mut differences = Vec::new();
    // Between a telemetry message and the next frame there is a moment in which both must say the same.
    let agreed = wait_for(SOON, || {
        let heard = desk.of("telemetry").len();
        let telemetry: Vec<Value> = desk
            .until("telemetry", |posts| posts.iter().filter(|p| p.kind == "telemetry").count() > heard)
            .iter()
            .filter(|post| post.kind == "telemetry")
            .map(|post| post.json())
            .collect();
        let scrape = Scrape::of(port).expect("no answer");
        scrape.check_histograms();
        let mut all = pairs(telemetry.last().unwrap(), &scrape);
        all.extend(latencies(&telemetry, &scrape));
        assert!(all.len() > 40);
        differences = all.into_iter().filter(|(_, told, value)| told != value).collect();
        differences.is_empty()
    });
    assert!(agreed, "{differences:?}");
    let scrape = Scrape::of(port).unwrap();
    check_what_telemetry_does_not_tell(&scrape);
    assert_eq!(daemon.stop(), 0);
    assert!(Scrape::of(port).is_none(), "it answers after its end");
}

fn check_what_telemetry_does_not_tell(scrape: &Scrape) {
    let opened =
        scrape.of_series("bearwatch_alerts_total", "state=\"opened\",severity=\"normal\",drill=\"false\"");
    assert!(opened >= 1.0, "no alert was counted");
    assert_eq!(scrape.sum("bearwatch_alerts_total", "drill=\"true\""), 0.0);
    let looks = scrape.of_series("bearwatch_look_seconds_count", "");
    assert!(looks >= scrape.of_series("bearwatch_frames_inferred_total", ""), "fewer looks than frames");
    for kind in ["alert", "snapshot", "present"] {
        let [published, acknowledged] = ["published", "acknowledged"].map(|word| {
            scrape.of_series(&format!("bearwatch_messages_{word}_total"), &format!("kind=\"{kind}\""))
        });
        assert!(acknowledged >= 1.0 && published >= acknowledged, "{kind}: {published}, {acknowledged}");
    }
    for one_of in ["bearwatch_health", "bearwatch_regime", "bearwatch_effort", "bearwatch_health_cause"] {
        assert_eq!(scrape.sum(one_of, ""), 1.0, "{one_of}");
    }
    assert!(scrape.of_series("bearwatch_resident_memory_bytes", "") > 1e6);
    assert!(scrape.of_series("bearwatch_last_frame_age_seconds", "") < 5.0);
    assert!(scrape.of_series("bearwatch_last_acknowledgement_age_seconds", "") < 20.0);
    assert!(!scrape.knows("bearwatch_temperature_celsius"), "a temperature is made up");
}

#[test]
fn a_broker_that_goes_away_shows_in_the_metrics() {
    let mut broker = Broker::start();
    let home = Home::with_bear(&broker.url, 5, true);
    let port = free_port();
    let mut daemon = home.start(&[&listen(port)]);
    let shows = |what: &str, wanted: &dyn Fn(&Scrape) -> bool| {
        let shown = wait_for(SOON, || Scrape::of(port).is_some_and(|scrape| wanted(&scrape)));
        assert!(shown, "{what}: {:#?}\n{}", Scrape::of(port), daemon.log());
    };
    let connected = |s: &Scrape| s.of_series("bearwatch_broker_connected", "") == 1.0;
    let waiting = |s: &Scrape| s.of_series("bearwatch_outbox_messages", "kind=\"alert\"");
    let online = |s: &Scrape| s.of_series("bearwatch_health", "state=\"online\"") == 1.0;
    shows("connected", &|s| connected(s) && online(s) && s.knows("bearwatch_model_info"));
    broker.kill();
    shows("what waits", &|s| {
        let bytes = s.of_series("bearwatch_outbox_bytes", "kind=\"alert\"");
        !connected(s) && waiting(s) > 0.0 && bytes > 100.0 * waiting(s)
    });
    shows("attempts", &|s| s.of_series("bearwatch_broker_connection_failures_total", "") >= 2.0);
    broker.start_again();
    shows("connected anew", &|s| {
        connected(s) && s.of_series("bearwatch_broker_connections_total", "") >= 2.0
    });
    shows("nothing waits", &|s| waiting(s) < 3.0);
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_camera_that_never_gave_a_picture_grows_old_in_the_metrics() {
    let home = Home::new(
        "mqtt://127.0.0.1:1",
        "source = \"command\"\nformat = \"mjpeg\"\ncommand = [\"sleep\", \"600\"]\n",
    );
    let port = free_port();
    let mut daemon = home.start(&[&listen(port)]);
    let blind = |s: &Scrape| s.of_series("bearwatch_health", "state=\"degraded\"") == 1.0;
    let old = |s: &Scrape| s.of_series("bearwatch_last_frame_age_seconds", "") > 2.0;
    assert!(wait_for(SOON, || Scrape::of(port).is_some_and(|s| blind(&s) && old(&s))), "{}", daemon.log());
    let scrape = Scrape::of(port).unwrap();
    let cause = scrape.samples.keys().find(|series| series.starts_with("bearwatch_health_cause")).unwrap();
    assert!(
        cause.contains("cause=\"opening\"") || cause.contains("no-picture") || cause.contains("camera-lost"),
        "{cause}"
    );
    assert_eq!(scrape.sum("bearwatch_regime", ""), 0.0, "a light is made up");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn strangers_get_nothing_and_a_port_that_is_taken_keeps_no_camera_dark() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let home = Home::new(&broker.url, "source = \"simulated\"\nfps = 2\n");
    let mut daemon = home.start(&[&listen(port)]);
    desk.hears_state("online", "SIMULATED");
    daemon.says("no metrics: cannot listen at");
    drop(taken);
    assert!(wait_for(SOON, || Scrape::of(port).is_some()), "not tried again: {}", daemon.log());
    let status = |request: &str, host: &str| ask(port, request, host).unwrap().status;
    assert_eq!(status("GET /metrics", "localhost"), 200);
    assert_eq!(status("GET /metrics", "bears.example"), 403, "a page of a stranger can read it");
    assert_eq!(status("GET /", "127.0.0.1"), 404);
    assert_eq!(status("POST /metrics", "127.0.0.1"), 405);
    // Who says nothing holds none of the places for long; the others are served meanwhile.
    let idle: Vec<_> = (0..6).map(|_| std::net::TcpStream::connect(("127.0.0.1", port)).unwrap()).collect();
    assert_eq!(status("GET /metrics", "127.0.0.1"), 200);
    drop(idle);
    assert_eq!(daemon.stop(), 0);
    let mut open = home.start(&["metrics.listen=0.0.0.0:9555"]);
    assert_eq!(open.ends_within(SOON), 78);
    open.says("metrics.listen: can be reached from other machines");
}

// ---- Prometheus itself -------------------------------------------------------------------------------------------------------

fn deploy(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy").join(file)
}

/// Every name of ours in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("bearwatch_")).collect()
}

/// Every expression of the dashboard, as Grafana would send it.
fn expressions() -> Vec<String> {
    let dashboard: Value =
        serde_json::from_str(&std::fs::read_to_string(deploy("grafana/bearwatch.json")).unwrap()).unwrap();
    let targets =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array());
    let asked = targets.flatten().map(|target| &target["expr"]);
    let marked = dashboard["annotations"]["list"].as_array().unwrap().iter().map(|one| &one["expr"]);
    asked
        .chain(marked)
        .map(|expr| {
            expr.as_str()
                .unwrap()
                .replace("$site", ".*")
                .replace("$camera", ".*")
                .replace("$__rate_interval", "1m")
        })
        .collect()
}

/// A real Prometheus with the shipped configuration, asking often.
struct Prometheus {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    fn asking(target: u16) -> Prometheus {
        let folder = tempfile::tempdir().unwrap();
        let config = std::fs::read_to_string(deploy("prometheus/prometheus.yml")).unwrap();
        let config = config
            .replace("127.0.0.1:9555", &format!("127.0.0.1:{target}"))
            .replace("interval: 15s", "interval: 1s\n  evaluation_interval: 1s");
        std::fs::write(folder.path().join("prometheus.yml"), config).unwrap();
        std::fs::copy(deploy("prometheus/alerts.yml"), folder.path().join("alerts.yml")).unwrap();
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", folder.path().join("prometheus.yml").display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus does not run: apt-get install prometheus");
        Prometheus { child, port, _folder: folder }
    }

    fn api(&self, path: &str) -> Option<Value> {
        let answer = ask(self.port, &format!("GET /api/v1/{path}"), "127.0.0.1")?;
        serde_json::from_str(&answer.body).ok()
    }

    fn query(&self, expression: &str) -> Option<Vec<Value>> {
        let encoded: String = url::form_urlencoded::byte_serialize(expression.as_bytes()).collect();
        let answer = self.api(&format!("query?query={encoded}"))?;
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        Some(answer["data"]["result"].as_array()?.clone())
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_real_prometheus_reads_it_and_rules_and_dashboard_ask_for_what_is_there() {
    let broker = Broker::start();
    let home = Home::with_bear(&broker.url, 5, true);
    let zone = home.sysfs().join("class/thermal/thermal_zone0");
    std::fs::create_dir_all(&zone).unwrap();
    std::fs::write(zone.join("temp"), "48312\n").unwrap();
    let port = free_port();
    let mut daemon = home.start(&[&listen(port)]);
    assert!(wait_for(SOON, || Scrape::of(port).is_some()), "{}", daemon.log());
    let prometheus = Prometheus::asking(port);
    let scrape = Scrape::of(port).unwrap();
    for file in ["grafana/bearwatch.json", "prometheus/alerts.yml", "prometheus/alerts_test.yml"] {
        let text = std::fs::read_to_string(deploy(file)).unwrap();
        let strangers: Vec<&str> = names(&text).into_iter().filter(|name| !scrape.knows(name)).collect();
        assert_eq!(strangers, [""; 0], "deploy/{file} asks for what nobody tells");
    }
    let reads = || prometheus.query("up{job=\"bearwatch\"} == 1").is_some_and(|found| found.len() == 1);
    assert!(wait_for(SOON, reads), "Prometheus does not read it: {:?}", prometheus.api("targets"));
    let expressions = expressions();
    assert!(expressions.len() > 40);
    for expression in expressions {
        // Those that hold something against 0 find nothing on a good day; the others must find something.
        let found = || {
            prometheus.query(&expression).is_some_and(|found| {
                expression.contains("== 0") || expression.contains("> 0") || !found.is_empty()
            })
        };
        assert!(wait_for(SOON, found), "nothing is found by {expression}");
    }
    check_rules(&prometheus);
    assert_eq!(daemon.stop(), 0);
}

/// All rules are evaluated without an error, and none is raised by a camera that is well.
fn check_rules(prometheus: &Prometheus) {
    let rules = || -> Vec<Value> {
        let answer = prometheus.api("rules").unwrap_or_default();
        answer["data"]["groups"][0]["rules"].as_array().cloned().unwrap_or_default()
    };
    assert!(
        wait_for(3 * SOON, || rules().len() >= 15 && rules().iter().all(|r| r["health"] != "unknown")),
        "{:?}",
        rules()
    );
    for rule in rules() {
        assert_eq!(rule["health"], "ok", "{rule}");
        assert_ne!(rule["state"], "firing", "{rule}");
    }
}
