//! Signed commands to the real daemon: who has no key, or only what others have sent, moves nothing.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

mod support;

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};
use support::daemon::{Daemon, Home, Listener, Post, is_root};
use support::orders::{answer, born, command};
use support::{Broker, bearwatch};

const SIMULATED: &str = "source = \"simulated\"\nfps = 5\n";
const DISARM: &str = "bearwatch/v1/yellow-creek/north/set/disarm";

/// A camera that knows the key of anna, which lies beside it.
struct Camera {
    broker: Broker,
    home: Home,
    desk: Listener,
    keys: String,
}

impl Camera {
    fn new() -> Camera {
        let broker = Broker::start();
        let (desk, home) = (Listener::start(&broker), Home::new(&broker.url, SIMULATED));
        let keys = format!("command.keys={}", new_key(&home, "anna"));
        Camera { broker, home, desk, keys }
    }

    fn sets(&self) -> [&str; 2] {
        ["command.accept=true", &self.keys]
    }

    fn start(&mut self) -> Daemon {
        let daemon = self.home.start(&self.sets());
        born(&mut self.desk, daemon)
    }

    /// Exit code, stdout, stderr.
    fn command(&self, arguments: &[&str]) -> (i32, String, String) {
        command(&self.broker, arguments)
    }

    fn key(&self, name: &str) -> String {
        self.home.path(&format!("{name}.pem")).display().to_string()
    }

    /// Sends what was sent before, to the last byte, and gives the camera's answer.
    fn replay(&mut self, topic: &str, sent: &Post) -> Value {
        let before = self.desk.of("answer").len();
        let mut options = Vec::new();
        for name in ["key", "signature"] {
            options.extend(["-D", "publish", "user-property", name, &sent.properties[name]]);
        }
        self.broker.publish_with(topic, &sent.payload, &options);
        let count = |posts: &[Post]| posts.iter().filter(|post| post.kind == "answer").count();
        self.desk.until("one answer more", |posts| count(posts) > before);
        self.desk.of("answer").last().unwrap().json()
    }

    fn refuses(&mut self, topic: &str, sent: &Post, why: &str) {
        let answer = self.replay(topic, sent);
        assert_eq!(answer["verdict"], "refused", "{answer}");
        assert!(answer["reason"].as_str().unwrap().contains(why), "{answer}");
        assert_eq!(answer["signed"], false, "{answer}");
    }

    /// Disarms by anna's key, and gives the command as it went over the wire.
    fn disarm(&mut self) -> Post {
        let (code, out, err) = self.command(&["disarm", "--for", "10min", "--sign", &self.key("anna")]);
        assert_eq!(code, 0, "{out}{err}");
        let sent = self.desk.hears("set/disarm", |post| post.properties.contains_key("signature"));
        answer(&mut self.desk, sent.json()["id"].as_str().unwrap());
        sent
    }
}

/// The line of `command.keys` that `bearwatch command key` prints, for a `--set`.
fn new_key(home: &Home, name: &str) -> String {
    let file = home.path(&format!("{name}.pem"));
    let output = bearwatch().args(["command", "key"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mode = std::fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "others may read the private key");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("keys = ")).unwrap().to_owned()
}

#[test]
fn a_signed_command_counts_and_its_signer_is_told() {
    let mut camera = Camera::new();
    let mut daemon = camera.start();
    assert_eq!(camera.desk.hears("state", |_| true).json()["signed_only"], true);
    camera.disarm();
    camera.desk.hears_state("degraded", "by anna: nobody is told of bears");
    let answer = camera.desk.hears("answer", |_| true).json();
    assert_eq!((&answer["by"], &answer["signed"]), (&json!("anna"), &json!(true)));
    let (code, out, _) = camera.command(&["arm", "--sign", &camera.key("anna")]);
    assert_eq!((code, out.trim()), (0, "applied: armed: alerts are told"));
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn without_the_right_key_nothing_is_moved() {
    let mut camera = Camera::new();
    let mut daemon = camera.start();
    let (code, out, _) = camera.command(&["disarm", "--for", "1h"]);
    assert_eq!(
        (code, out.trim()),
        (65, "refused: it is not signed, and this camera takes signed commands only")
    );
    new_key(&camera.home, "bert");
    let (bert, as_anna) = (camera.key("bert"), ["--as", "anna"]);
    let (code, out, _) = camera.command(&["disarm", "--for", "1h", "--sign", &bert]);
    assert!(code == 65 && out.contains("a key that this camera does not know"), "{out}");
    let (code, out, _) =
        camera.command(&[&["disarm", "--for", "1h", "--sign", &bert], &as_anna[..]].concat());
    assert!(code == 65 && out.contains("its signature is not one of anna"), "{out}");
    camera.desk.hears_state("online", "SIMULATED");
    assert!(camera.desk.of("state").iter().all(|post| post.json()["mode"] == "armed"));
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_command_that_was_overheard_counts_only_once_and_for_no_other_camera() {
    let mut camera = Camera::new();
    let mut daemon = camera.start();
    let sent = camera.disarm();
    camera.refuses(DISARM, &sent, "it was used before");
    camera.refuses(&DISARM.replace("disarm", "shadow"), &sent, "its signature is not one of anna");
    daemon.kill();
    // The clock of this machine may not be set: then the command is one for another life.
    let mut daemon = camera.start();
    let answer = camera.replay(DISARM, &sent);
    assert_eq!(answer["verdict"], "refused", "{answer}");
    assert_eq!(daemon.stop(), 0);
}

/// Who may write to the topic and has no key keeps nobody out who has.
#[test]
fn a_flood_without_a_key_does_not_keep_out_who_has_one() {
    let mut camera = Camera::new();
    let mut daemon = camera.start();
    for i in 0..40 {
        camera.broker.publish(DISARM, format!(r#"{{"v":1,"for_s":60,"id":"{i}"}}"#).as_bytes());
    }
    camera.desk.hears("answer", |post| post.json()["command"] == "several");
    let sent = camera.disarm();
    camera.desk.hears_state("degraded", "by anna");
    // Nor does a flood of what she has sent.
    for _ in 0..40 {
        let options =
            ["key", "signature"].map(|name| ["-D", "publish", "user-property", name, &sent.properties[name]]);
        camera.broker.publish_with(DISARM, &sent.payload, options.as_flattened());
    }
    assert_eq!(camera.command(&["arm", "--sign", &camera.key("anna")]).0, 0);
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn with_a_clock_that_is_set_nonces_outlive_a_power_cut() {
    if !is_root() {
        return;
    }
    let mut camera = Camera::new();
    let daemon = camera.home.start_synchronised(&camera.sets());
    let mut daemon = born(&mut camera.desk, daemon);
    assert_eq!(camera.desk.of("status")[0].json()["clock_synced"], true, "timesyncd's mark was not seen");
    let sent = camera.disarm();
    assert!(camera.desk.hears("answer", |_| true).json()["until"].is_string());
    // As a foreign client would send it: good for any life until it expires.
    let mut anywhere: Value = serde_json::from_slice(&sent.payload).unwrap();
    anywhere.as_object_mut().unwrap().remove("boot");
    anywhere["nonce"] = json!("of a foreign client");
    let signed = sign_by_openssl(&camera, DISARM, &anywhere.to_string());
    assert_eq!(camera.replay(DISARM, &signed)["verdict"], "applied", "what any tool may sign");
    camera.refuses(DISARM, &signed, "it was used before");
    daemon.kill();
    let daemon = camera.home.start_synchronised(&camera.sets());
    let mut daemon = born(&mut camera.desk, daemon);
    camera.refuses(DISARM, &signed, "it was used before");
    camera.desk.hears_state("degraded", "DISARMED until ");
    assert_eq!(daemon.stop(), 0);
}

/// What is signed is the topic, a line feed and the payload; any tool can.
fn sign_by_openssl(camera: &Camera, topic: &str, payload: &str) -> Post {
    let bytes = camera.home.path("signed-bytes");
    std::fs::write(&bytes, format!("{topic}\n{payload}")).unwrap();
    // OpenSSL 3.0 reads the version of PKCS#8 that it writes itself, without the public key: the seed stands at bytes 16 to 48.
    let script = "set -e; grep -v -- ----- \"$1\" | base64 -d > \"$2.der\"\n\
        { printf '\\060\\056\\002\\001\\000\\060\\005\\006\\003\\053\\145\\160\\004\\042\\004\\040'; tail -c +17 \"$2.der\" | head -c 32; } > \"$2.v1\"\n\
        openssl pkeyutl -sign -rawin -keyform DER -inkey \"$2.v1\" -in \"$2\" | base64 -w 0";
    let output = std::process::Command::new("sh")
        .args(["-c", script, "sh", &camera.key("anna")])
        .arg(&bytes)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let signature = String::from_utf8(output.stdout).unwrap();
    let properties = [("key".to_owned(), "anna".to_owned()), ("signature".to_owned(), signature)];
    Post {
        topic: topic.into(),
        kind: topic.into(),
        retained: false,
        properties: properties.into(),
        payload: payload.into(),
    }
}

#[test]
fn a_key_is_never_overwritten_and_bad_ones_are_told() {
    let home = Home::new("mqtt://127.0.0.1:1", SIMULATED);
    new_key(&home, "anna");
    let before = std::fs::read(home.path("anna.pem")).unwrap();
    let make = |file: &str| {
        bearwatch().args(["command", "key"]).arg(home.path(file)).output().unwrap().status.code()
    };
    assert_eq!(make("anna.pem"), Some(73));
    assert_eq!(std::fs::read(home.path("anna.pem")).unwrap(), before);
    assert_eq!(make("Anna Maria.pem"), Some(64), "not a name for a key");
    let mut daemon = home.start(&["command.keys=[\"anna:short\"]"]);
    assert_eq!(daemon.ends_within(support::daemon::SOON), 78);
    daemon
        .says("command.keys: \"anna:short\" is no key; write name:key as `bearwatch command key` prints it");
    let address = ["--broker", "mqtt://127.0.0.1:1", "--site", "a", "--camera", "b"];
    let nowhere =
        bearwatch().args(["command", "arm", "--sign", "/nowhere.pem"]).args(address).output().unwrap();
    assert_eq!(nowhere.status.code(), Some(78));
    assert!(String::from_utf8_lossy(&nowhere.stderr).contains("/nowhere.pem"));
}
