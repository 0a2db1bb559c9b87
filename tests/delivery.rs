//! Every alert reaches the broker, whatever happens to it, to the network or to the daemon: the real program against a real
//! Mosquitto that is away, killed, refuses or limits, and against things that are no broker.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be set up is a failure"
)]

mod support;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use support::daemon::{Home, Listener, Post, SOON};
use support::network::{Proxy, something_else};
use support::{ANONYMOUS, Broker, wait_for};

/// An address at which nobody listens.
fn nowhere() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("mqtt://127.0.0.1:{port}")
}

fn to(broker: &str) -> String {
    format!("publish.broker={broker}")
}

/// The alerts of one boot by number: all of them from 0, whatever came twice.
fn check_complete(alerts: &[Value]) {
    let numbers: BTreeSet<u64> = alerts.iter().map(|alert| alert["seq"].as_u64().unwrap()).collect();
    assert!(!numbers.is_empty(), "no alert");
    assert_eq!(numbers.iter().copied().collect::<Vec<_>>(), (0..numbers.len() as u64).collect::<Vec<_>>());
    let boots: BTreeSet<&str> = alerts.iter().map(|alert| alert["boot"].as_str().unwrap()).collect();
    assert_eq!(boots.len(), 1);
    let last = alerts.iter().max_by_key(|alert| alert["seq"].as_u64()).unwrap();
    assert_eq!(last["state"], "closed", "the last one is missing");
}

/// Runs a daemon over a bear until its end while nobody takes what it says, and leaves all of it in the store of `home`.
fn fill_outbox(home: &Home) {
    let mut daemon = home.start(&[&to(&nowhere()), "capture.loop=true"]);
    let full =
        || std::fs::metadata(home.store().join("outbox.redb")).map_or(0, |file| file.len()) > 1_600_000;
    assert!(wait_for(SOON, full), "nothing came into the outbox: {}", daemon.log());
    daemon.kill();
}

#[test]
fn a_broker_that_comes_later_gets_what_it_missed_marked_late() {
    let broker = Broker::start();
    let proxy = Proxy::start(broker.port);
    proxy.close();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&proxy.url, 3, false);
    let mut daemon = home.start(&[]);
    daemon.says("messages wait, trying again");
    daemon.says("the pictures have come to their end");
    // What is older than ten seconds is late; the last frame is still on its way through the model.
    std::thread::sleep(Duration::from_secs(13));
    proxy.open();
    assert_eq!(daemon.ends_within(SOON), 0, "{}", daemon.log());
    desk.hears_state("offline", "stopped");
    check_complete(&desk.alerts());
    for alert in desk.alerts() {
        assert_eq!(alert["late"], true, "{alert}");
    }
}

#[test]
fn telemetry_of_a_time_without_connection_comes_afterwards_as_history() {
    let broker = Broker::start();
    let proxy = Proxy::start(broker.port);
    proxy.close();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&proxy.url, "source = \"simulated\"\nfps = 1\n");
    let mut daemon = home.start(&[]);
    daemon.says("messages wait, trying again");
    // What is older than ten seconds is late.
    std::thread::sleep(Duration::from_secs(13));
    proxy.open();
    let first = desk.hears("telemetry", |post| post.json()["seq"] == 0);
    assert_eq!((&first.json()["late"], first.properties["late"].as_str()), (&true.into(), "true"));
    let all = |post: &Post| post.json()["late"] == false && post.json()["messages"]["history"] == 0;
    let last = desk.hears("telemetry", all).json()["seq"].as_u64().unwrap();
    let heard: BTreeSet<u64> =
        desk.of("telemetry").iter().map(|post| post.json()["seq"].as_u64().unwrap()).collect();
    assert!((0..=last).all(|seq| heard.contains(&seq)), "of {last}: {heard:?}");
    assert_eq!(daemon.stop(), 0);
}

/// Kills the broker and starts it again, with the daemon shut out until the desk listens again: mosquitto_sub comes back by itself.
fn restart(broker: &mut Broker, proxy: &Proxy, meanwhile: impl FnOnce()) {
    proxy.close();
    broker.kill();
    meanwhile();
    broker.start_again();
    assert!(wait_for(SOON, || broker.log().matches("Sending SUBACK").count() == 2), "{}", broker.log());
    proxy.open();
}

#[test]
fn a_broker_killed_in_mid_run_loses_nothing() {
    let mut broker = Broker::start();
    let proxy = Proxy::start(broker.port);
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&proxy.url, 8, false);
    let mut daemon = home.start(&[]);
    desk.hears("alert", |_| true);
    restart(&mut broker, &proxy, || daemon.says("messages wait, trying again"));
    assert_eq!(daemon.ends_within(2 * SOON), 0, "{}", daemon.log());
    desk.hears_state("offline", "stopped");
    check_complete(&desk.alerts());
}

#[test]
fn what_a_killed_daemon_left_is_sent_by_the_next_one_as_history_of_the_old_boot() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    fill_outbox(&home);
    let mut next = home.start(&[]);
    let birth = desk.hears("status", |_| true).json();
    let first = desk.hears("alert", |post| post.json()["late"] == true);
    let oldest = desk.hears("alert", |post| post.json()["late"] == true && post.json()["seq"] == 0);
    let snapshot = desk.hears("snapshot", |post| post.properties["late"] == "true");
    assert_eq!(next.stop(), 0);
    let boot = &oldest.json()["boot"];
    assert_ne!(*boot, birth["boot"]);
    for post in [&first, &oldest, &snapshot] {
        assert_eq!(post.properties["late"], "true", "{post:?}");
        assert_eq!(post.properties["boot"], boot.as_str().unwrap());
    }
    let of_then: Vec<Value> = desk.alerts().into_iter().filter(|alert| alert["boot"] == *boot).collect();
    let newest = of_then.iter().max_by_key(|alert| alert["seq"].as_u64()).unwrap();
    assert_eq!(first.json()["id"], newest["id"], "the newest alert goes before what has waited longer");
    assert!(of_then.iter().any(|alert| alert["id"].as_str() == Some(&snapshot.properties["alert"])));
}

// ---- who may talk to the broker ----------------------------------------------------------------------------------------------

fn password_file(folder: &Path) -> String {
    let file = folder.join("passwords");
    let made =
        Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(&file).args(["ranger", "salmon"]).status();
    assert!(made.expect("apt-get install mosquitto").success());
    file.display().to_string()
}

#[test]
fn a_wrong_password_is_told_with_its_file_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let broker = Broker::with_config(&format!("password_file {}", password_file(folder.path())));
    let mut desk = Listener::with(&broker, &["-u", "ranger", "-P", "salmon"]);
    let home = Home::with_bear(&broker.url, 3, false);
    let secret = home.path("secret");
    let sets = ["publish.user=ranger".to_owned(), format!("publish.password_file={}", secret.display())];
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    std::fs::write(&secret, "honey\n").unwrap();
    let mut daemon = home.start(&sets);
    daemon.says("refused us (NotAuthorized); check user and password_file, and the broker's list of users");
    assert_eq!(daemon.ends_within(SOON), 75, "a new start may help, when somebody has acted");
    daemon.says("messages wait in the store; the next start sends them");
    assert!(!daemon.log().contains("honey"), "the password is in the log");
    std::fs::write(&secret, "salmon\n").unwrap();
    assert_eq!(home.start(&sets).ends_within(SOON), 0);
    desk.hears_state("offline", "stopped");
    let (old, new): (Vec<Value>, Vec<Value>) =
        desk.alerts().into_iter().partition(|alert| alert["late"] == true);
    check_complete(&old);
    check_complete(&new);
}

#[test]
fn a_password_file_that_is_not_there_is_a_mistake_of_configuration() {
    let home = Home::new(&nowhere(), "source = \"simulated\"");
    let mut daemon = home.start(&["publish.user=ranger", "publish.password_file=/nowhere/secret"]);
    assert_eq!(daemon.ends_within(SOON), 78);
    daemon.says("password file /nowhere/secret: No such file or directory");
}

/// Mosquitto acknowledges with an error code what its access rules forbid.
#[test]
fn messages_that_the_broker_refuses_wait_until_it_takes_them() {
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules");
    std::fs::write(
        &rules,
        "topic read #\ntopic write bearwatch/v1/+/+/status\ntopic write bearwatch/v1/+/+/telemetry\n",
    )
    .unwrap();
    let mut broker = Broker::with_config(&format!("{ANONYMOUS}acl_file {}", rules.display()));
    let proxy = Proxy::start(broker.port);
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&proxy.url, 4, true);
    let mut daemon = home.start(&[]);
    let counted = |post: &Post| post.json()["messages"]["refused"].as_u64().unwrap() >= 2;
    let waiting = desk.hears("telemetry", counted).json()["messages"]["waiting"].as_u64().unwrap();
    assert!(waiting >= 2);
    daemon.says("the broker refuses messages (NotAuthorized) on bearwatch/v1/yellow-creek/north/");
    daemon.says("its access rules do not let this camera write there");
    assert!(desk.of("alert").is_empty());
    restart(&mut broker, &proxy, || std::fs::write(&rules, "topic readwrite #\n").unwrap());
    desk.hears("alert", |post| post.json()["state"] == "opened");
    desk.hears("snapshot", |_| true);
    assert_eq!(daemon.stop(), 0);
}

/// The first two close the connection or answer in words that the client does not know; the third says so beforehand.
#[test]
fn a_snapshot_that_is_too_large_for_the_broker_does_not_keep_the_others_from_it() {
    for limit in ["message_size_limit 20000", "max_packet_size 20000"] {
        let broker = Broker::with_config(&format!("{ANONYMOUS}{limit}"));
        let mut desk = Listener::start(&broker);
        let home = Home::with_bear(&broker.url, 4, true);
        let mut daemon = home.start(&["publish.snapshot_quality=95"]);
        desk.hears("alert", |post| post.json()["state"] == "opened");
        daemon.says("publish.snapshot_px makes pictures smaller");
        let before = desk.alerts().len();
        desk.until("alerts after it", |posts| {
            posts.iter().filter(|p| p.kind == "alert").count() > before + 2
        });
        assert_eq!(daemon.stop(), 0, "{limit}");
    }
}

// ---- TLS ---------------------------------------------------------------------------------------------------------------------

/// An authority, a broker's certificate and a camera's, made for this test.
struct Certificates(tempfile::TempDir);

impl Certificates {
    fn make() -> Certificates {
        let all = Certificates(tempfile::tempdir().unwrap());
        for (name, subject) in [("ca", "/CN=park authority"), ("stranger", "/CN=somebody else")] {
            let authority = ["-x509", "-days", "2", "-subj", subject];
            all.openssl(name, &[&["req", "-newkey", "rsa:2048", "-nodes"], &authority[..]].concat());
        }
        for (name, subject) in [("broker", "/CN=127.0.0.1"), ("camera", "/CN=north")] {
            let signed = ["-CA", &all.file("ca.crt"), "-CAkey", &all.file("ca.key"), "-addext"];
            let made = ["req", "-x509", "-days", "2", "-newkey", "rsa:2048", "-nodes", "-subj", subject];
            let more = ["subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"];
            all.openssl(name, &[&made[..], &signed.map(|s| s), &more].concat());
        }
        all
    }

    fn openssl(&self, name: &str, arguments: &[&str]) {
        let out = ["-keyout", &self.file(&format!("{name}.key")), "-out", &self.file(&format!("{name}.crt"))];
        let made =
            Command::new("openssl").args(arguments).args(out).output().expect("apt-get install openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    /// The listener's lines for Mosquitto.
    fn of_broker(&self, more: &str) -> String {
        let file = |name| self.file(name);
        format!(
            "{ANONYMOUS}cafile {}\ncertfile {}\nkeyfile {}\n{more}\n",
            file("ca.crt"),
            file("broker.crt"),
            file("broker.key")
        )
    }
}

#[test]
fn tls_with_a_pinned_authority_and_a_certificate_of_our_own() {
    let made = Certificates::make();
    let key = |name: &str, file: &str| format!("publish.{name}={}", made.file(file));
    let camera = [key("ca_file", "ca.crt"), key("cert_file", "camera.crt"), key("key_file", "camera.key")];
    let desk_files = ["--cafile", "ca.crt", "--cert", "camera.crt", "--key", "camera.key"];
    let desk_files =
        desk_files.map(|word| if word.starts_with('-') { word.to_owned() } else { made.file(word) });
    for (rule, ours) in [("require_certificate false", 1), ("require_certificate true", 3)] {
        let broker = Broker::with_config(&made.of_broker(rule));
        let desk_files: Vec<&str> = desk_files.iter().map(String::as_str).collect();
        let mut desk = Listener::with(&broker, &desk_files);
        let home = Home::with_bear(&broker.url.replace("mqtt:", "mqtts:"), 2, true);
        let sets: Vec<&str> = camera[..ours].iter().map(String::as_str).collect();
        let mut daemon = home.start(&sets);
        desk.hears("alert", |_| true);
        desk.hears("snapshot", |_| true);
        assert_eq!(daemon.stop(), 0, "{}", daemon.log());
    }
}

#[test]
fn tls_that_fails_is_told_with_what_to_check() {
    let made = Certificates::make();
    let broker = Broker::with_config(&made.of_broker("require_certificate true"));
    let url = broker.url.replace("mqtt:", "mqtts:");
    let home = Home::new(&url, "source = \"simulated\"\nfps = 1");
    let authority = |file: &str| format!("publish.ca_file={}", made.file(file));
    let failing = |sets: &[&str], says: &str| {
        let mut daemon = home.start(sets);
        daemon.says(says);
        assert_eq!(daemon.stop(), 0);
    };
    let untrusted = format!(
        "broker {url}: TLS failed: the broker's certificate is not of the authority that we trust (UnknownIssuer); check ca_file"
    );
    failing(&[&authority("stranger.crt")], &untrusted);
    failing(
        &[&authority("ca.crt")],
        "TLS failed: the broker answers CertificateRequired; check cert_file and key_file",
    );
    let wrong = |set: &str, says: &str| {
        let mut daemon = home.start(&[&authority("ca.crt"), set]);
        assert_eq!(daemon.ends_within(SOON), 78);
        daemon.says(says);
    };
    wrong(&format!("publish.ca_file={}", made.file("ca.key")), "ca.key: ");
    wrong("publish.ca_file=/nowhere.crt", "certificate authority /nowhere.crt: ");
}

// ---- what is no broker, and networks that misbehave --------------------------------------------------------------------------

#[test]
fn something_that_accepts_and_says_nothing_is_given_up_and_holds_nobody_up() {
    let (keep, kept) = std::sync::mpsc::sync_channel(9);
    let url = something_else(move |socket| keep.send(socket).unwrap());
    let home = Home::with_bear(&url, 2, true);
    let mut daemon = home.start(&[]);
    daemon.says("no answer within 15 s; is it an MQTT broker?");
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.ends_within(Duration::from_secs(5)), 0, "{}", daemon.log());
    drop(kept);
}

#[test]
fn a_web_server_is_told_from_a_broker() {
    let url = something_else(|mut socket| {
        let _ = socket.read(&mut [0; 512]);
        let _ = socket.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    });
    let home = Home::new(&url, "source = \"simulated\"\nfps = 1");
    let mut daemon = home.start(&[]);
    daemon.says("is it an MQTT v5 broker?");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_doubled_acknowledgement_loses_nothing() {
    let broker = Broker::start();
    let proxy = Proxy::start(broker.port);
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&proxy.url, 4, false);
    let mut daemon = home.start(&[]);
    desk.hears_state("online", "");
    proxy.double.store(true, Ordering::Relaxed);
    assert_eq!(daemon.ends_within(2 * SOON), 0, "{}", daemon.log());
    assert!(!proxy.double.load(Ordering::Relaxed), "nothing was doubled");
    check_complete(&{
        desk.until("the last alert", |posts| {
            posts.iter().any(|post| post.kind == "alert" && post.json()["state"] == "closed")
        });
        desk.alerts()
    });
}
