//! TLS between camera and broker: who is not the one he says he is hears nothing, and what ends is told before it does.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

mod support;

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use bearwatch::publish::message::rfc3339;
use bearwatch::system::clock::Clock;
use serde_json::{Value, json};
use support::daemon::{Home, SOON};
use support::orders::born;
use support::park::Park;
use support::{bearwatch, free_port, wait_for};

const SIMULATED: &str = "source = \"simulated\"\nfps = 2\n";
const LONG_AGO: [(&str, &str); 2] = [("SINCE", "250101000000Z"), ("UNTIL", "250201000000Z")];

/// A day that lies so far ahead, as people and as openssl read it.
fn in_days(days: i64) -> (String, String) {
    let time = rfc3339(Clock::start().unix_ms() + days * 86_400_000);
    let digits: String = time.chars().skip(2).take(17).filter(char::is_ascii_digit).collect();
    (time[..10].to_owned(), format!("{digits}Z"))
}

/// The broker shows another certificate from now on.
fn new_certificate(park: &mut Park, words: &[&str], life: &[(&str, &str)]) {
    park.keys(&[&["broker"], words].concat(), life);
    park.restart();
}

/// The daemon, told these settings, is refused and says why; it goes on trying and can be ended.
fn fails(url: &str, sets: &[String], says: &str) {
    let home = Home::new(url, SIMULATED);
    let mut daemon = home.start(&sets.iter().map(String::as_str).collect::<Vec<_>>());
    daemon.says(says);
    assert_eq!(daemon.stop(), 0, "{}", daemon.log());
}

#[test]
fn a_broker_that_cannot_prove_its_name_is_told_nothing() {
    let mut park = Park::new("");
    let mut key = park.camera("north").to_vec();
    new_certificate(&mut park, &["park.example"], &[]);
    let says = "the broker's certificate is for DnsName(\"park.example\"), not for 127.0.0.1; address the broker by a name of its certificate";
    fails(&park.url(), &key, says);
    // Somebody else's broker, with a certificate of somebody else's authority for the right name.
    let other = Park::new("");
    fails(
        &other.url(),
        &key,
        "is not of the authority that we trust (BadSignature); check ca_file, and whether this is our broker",
    );
    // Without a pinned authority those of the system count, and none of them knows a park.
    key.remove(0);
    fails(&park.url(), &key, "is not of the authority that we trust");
    assert!(!park.broker.log().contains("New client connected"), "{}", park.broker.log());
    assert!(!other.broker.log().contains("New client connected"));
}

#[test]
fn a_broker_whose_certificate_has_ended_or_not_begun_is_told_apart_from_a_stranger() {
    let mut park = Park::new("");
    let key = park.camera("north").to_vec();
    new_certificate(&mut park, &["127.0.0.1"], &LONG_AGO);
    let says = "TLS failed: the broker's certificate ended on 2025-02-01; have a new one made for the broker and restart it (nothing is to be \
                done at the camera, unless its clock is wrong: it says 20";
    fails(&park.url(), &key, says);
    let (_, begin) = in_days(10);
    let (_, end) = in_days(20);
    new_certificate(&mut park, &["127.0.0.1"], &[("SINCE", &begin), ("UNTIL", &end)]);
    fails(
        &park.url(),
        &key,
        "set the clock (without power it stands still, and without a time server it stays wrong)",
    );
}

#[test]
fn a_camera_without_a_certificate_or_with_one_that_has_ended_learns_what_to_do() {
    let park = Park::new("");
    let mut key = park.camera("north").to_vec();
    key.truncate(1);
    fails(
        &park.url(),
        &key,
        "the broker answers CertificateRequired; check cert_file and key_file, and what it expects",
    );
    let key = park.camera("south").to_vec();
    park.keys(&["camera", "yellow-creek", "south"], &LONG_AGO);
    let says = "the broker answers CertificateExpired; our certificate has ended: have a new one made and put it in the place of \
                cert_file and key_file: it counts from the next connection on";
    fails(&park.url(), &key, says);
    park.camera("east");
    park.keys(&["revoke", "yellow-creek/east"], &[]);
    let mut park = park;
    park.restart();
    let east = key.iter().map(|set| set.replace("south", "east")).collect::<Vec<_>>();
    fails(&park.url(), &east, "the broker answers CertificateRevoked; our certificate was revoked");
}

#[test]
fn certificates_that_end_are_told_a_month_ahead_in_log_status_telemetry_and_check() {
    let mut park = Park::new("");
    let key = park.camera("north");
    let sets: Vec<&str> = key.iter().map(String::as_str).collect();
    let ((day, soon), (far_day, far)) = (in_days(20), in_days(500));
    new_certificate(&mut park, &["127.0.0.1", "localhost"], &[("UNTIL", &soon)]);
    park.keys(&["camera", "yellow-creek", "north"], &[("UNTIL", &far)]);
    let mut desk = park.chief();
    let home = Home::new(&park.url(), SIMULATED);
    let mut daemon = born(&mut desk, home.start(&sets));
    let text =
        format!("the broker's certificate ends on {day}; have a new one made for the broker and restart it");
    desk.hears_state("online", &text);
    daemon.says(&format!("WARN {text}"));
    let ends = |post: &Value| {
        let ends = post["certificates"].as_array().unwrap().iter();
        ends.map(|end| (end["of"].clone(), end["until"].as_str().unwrap()[..10].to_owned()))
            .collect::<Vec<_>>()
    };
    let told = desk.hears("telemetry", |post| ends(&post.json()).len() == 3).json();
    assert_eq!(ends(&told)[..2], [(json!("broker"), day.clone()), (json!("camera"), far_day.clone())]);
    // check is let in under the name of the daemon, which comes back.
    let (code, tls) = check(&home, &sets);
    assert_eq!(
        (code, &tls["verdict"], &tls["what"]),
        (0, &json!("warning"), &json!(format!("the broker's certificate ends on {day}")))
    );
    assert!(tls["remedy"].as_str().unwrap().starts_with("have a new one made for the broker"), "{tls}");
    // In the last week it is more than a remark, and a new certificate of ours counts without a restart.
    let (last_day, last) = in_days(3);
    park.keys(&["camera", "yellow-creek", "north"], &[("UNTIL", &last)]);
    new_certificate(&mut park, &["127.0.0.1"], &[]);
    let mut desk = park.chief();
    desk.hears_state(
        "degraded",
        &format!(
            "our certificate ends on {last_day}; have a new one made and put it in the place of cert_file"
        ),
    );
    assert_eq!(check(&home, &sets).1["verdict"], "warning");
    park.keys(&["camera", "yellow-creek", "north"], &[]);
    park.restart();
    let mut desk = park.chief();
    desk.hears("status", |post| {
        post.json()["state"] == "online" && !post.json()["reason"].to_string().contains("certificate")
    });
    daemon.says("the certificates were renewed");
    assert_eq!(daemon.stop(), 0, "{}", daemon.log());
    let (code, tls) = check(&home, &sets);
    assert_eq!((code, &tls["verdict"]), (0, &json!("ok")));
    assert!(tls["what"].as_str().unwrap().starts_with("certificates: broker until 20"), "{tls}");
}

/// Exit code, and the finding on TLS.
fn check(home: &Home, sets: &[&str]) -> (i32, Value) {
    let sets = sets.iter().flat_map(|set| ["--set", set]);
    let output = bearwatch()
        .args(["check", "--json", "--config"])
        .arg(home.path("bearwatch.toml"))
        .args(sets)
        .output()
        .unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let findings = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let tls = findings.filter(|finding| finding["subject"] == "tls").collect::<Vec<_>>();
    assert_eq!(tls.len(), 1, "{lines}");
    (output.status.code().unwrap(), tls[0].clone())
}

// ---- old TLS -----------------------------------------------------------------------------------------------------------------

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn tls_older_than_1_2_is_spoken_by_nobody_here() {
    let park = Park::new("");
    let key = park.camera("north").to_vec();
    let port = free_port();
    let file = |name: &str| park.file(name).display().to_string();
    let server = |version: &str, port: u16| {
        let words =
            ["s_server", "-quiet", version, "-cipher", "ALL:@SECLEVEL=0", "-accept", &port.to_string()];
        let files = ["-cert", &file("broker.pem"), "-key", &file("broker.key")];
        let mut openssl = Command::new("openssl");
        openssl.args(words).args(files).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Server(openssl.spawn().expect("apt-get install openssl"));
        assert!(wait_for(SOON, || TcpStream::connect(("127.0.0.1", port)).is_ok()));
        server
    };
    let old = server("-tls1_1", port);
    fails(&format!("mqtts://127.0.0.1:{port}"), &key, "update it, or let it speak TLS 1.2 or newer");
    drop(old);
    // And the broker as shipped does not speak it either: the same client is let in with 1.2 alone.
    let speaks = |version: &str| {
        let place = format!("127.0.0.1:{}", park.cameras);
        let words = [
            "s_client",
            "-connect",
            &place,
            version,
            "-cipher",
            "ALL:@SECLEVEL=0",
            "-CAfile",
            &file("broker-ca.pem"),
        ];
        let camera = [
            "-cert",
            &file("cameras/yellow-creek/north.pem"),
            "-key",
            &file("cameras/yellow-creek/north.key"),
        ];
        let out = Command::new("openssl")
            .args(words)
            .args(camera)
            .arg("-verify_return_error")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        out.status.success()
    };
    assert_eq!(["-tls1", "-tls1_1", "-tls1_2"].map(speaks), [false, false, true]);
}
