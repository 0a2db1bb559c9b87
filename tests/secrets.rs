//! Passwords and private keys are in their files and nowhere else: not in the log at its most talkative, not in what the kernel shows of
//! the process, not in the store and not on the wire.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

mod support;

use std::path::Path;
use std::process::Command;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use support::Broker;
use support::daemon::{Home, Listener};
use support::orders::born;
use support::park::Park;

const SIMULATED: &str = "source = \"simulated\"\nfps = 5\n";
/// Found nowhere by chance.
const PASSWORD: &str = "hr8-Quendel-Zaunkoenig";

/// The secret as it is and as programs like to write it.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let list = format!("{secret:?}");
    vec![
        secret.to_vec(),
        hex.clone().into_bytes(),
        hex.to_uppercase().into_bytes(),
        list.trim_matches(['[', ']']).as_bytes().to_vec(),
        BASE64_STANDARD.encode(secret).trim_end_matches('=').as_bytes().to_vec(),
    ]
}

fn holds(text: &[u8], secret: &[u8]) -> bool {
    forms(secret).iter().any(|form| text.windows(form.len()).any(|part| part == form.as_slice()))
}

/// What the kernel shows to everybody (`cmdline`) and to the same user (`environ`).
fn process(pid: u32) -> Vec<u8> {
    ["cmdline", "environ"].map(|name| std::fs::read(format!("/proc/{pid}/{name}")).unwrap()).concat()
}

fn everything_below(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { everything_below(&path) } else { std::fs::read(&path).unwrap() });
    }
    all
}

#[test]
fn the_password_shows_nowhere_be_it_taken_or_refused() {
    assert!(
        holds(b"x hr8", b"hr8")
            && holds(b"687238", b"hr8")
            && holds(b"[104, 114, 56]", b"hr8")
            && !holds(b"hr", b"hr8")
    );
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    let made =
        Command::new("mosquitto_passwd").args(["-b", "-c", &file("users"), "north", PASSWORD]).status();
    assert!(made.unwrap().success());
    let broker = Broker::with_config(&format!("allow_anonymous false\npassword_file {}", file("users")));
    let mut desk = Listener::with(&broker, &["-u", "north", "-P", PASSWORD]);
    let home = Home::new(&broker.url, SIMULATED);
    let (right, wrong) = (file("right"), file("wrong"));
    std::fs::write(&right, PASSWORD).unwrap();
    std::fs::write(&wrong, format!("{PASSWORD}-not")).unwrap();
    let sets = |file: &str| {
        [
            "publish.user=north".to_owned(),
            format!("publish.password_file={file}"),
            "command.accept=true".into(),
        ]
    };
    let start = |file: &str| {
        let sets = sets(file);
        home.start_with(&sets.each_ref().map(String::as_str), |command| {
            command.env("RUST_LOG", "trace");
        })
    };
    let mut daemon = start(&right);
    daemon = born(&mut desk, daemon);
    desk.hears("telemetry", |_| true);
    let shown = process(daemon.id());
    assert_eq!(daemon.stop(), 0);
    let mut daemon = start(&wrong);
    daemon.says("refused us");
    let shown = [shown, process(daemon.id())].concat();
    assert_eq!(daemon.stop(), 0);
    let log = daemon.log();
    assert!(!holds(log.as_bytes(), PASSWORD.as_bytes()), "in the log");
    assert!(!holds(&shown, PASSWORD.as_bytes()), "in /proc");
    assert!(!holds(&everything_below(&home.store()), PASSWORD.as_bytes()), "in the store");
    for post in &desk.posts {
        assert!(!holds(&post.payload, PASSWORD.as_bytes()), "on {}", post.kind);
    }
}

#[test]
fn the_private_key_shows_nowhere() {
    let park = Park::new("");
    let sets = park.camera("north");
    let home = Home::new(&park.url(), SIMULATED);
    let mut desk = park.chief();
    let mut daemon = home.start_with(&sets.each_ref().map(String::as_str), |command| {
        command.env("RUST_LOG", "trace");
    });
    daemon = born(&mut desk, daemon);
    let pem = std::fs::read_to_string(park.file("cameras/yellow-creek/north.key")).unwrap();
    let key: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
    let der = BASE64_STANDARD.decode(key).unwrap();
    // PKCS #8 of P-256: the private number stands after 36 bytes.
    let private = &der[36..68];
    let shown = process(daemon.id());
    assert_eq!(daemon.stop(), 0);
    assert!(!holds(daemon.log().as_bytes(), private), "in the log");
    assert!(!holds(&shown, private), "in /proc");
    assert!(!holds(&everything_below(&home.store()), private), "in the store");
}
