use std::time::Duration;

use super::super::command::{Action, read};
use super::super::signing::SigningKey;
use super::*;

const TOPIC: &str = "bearwatch/v1/creek/north/set/disarm";
const HOUR_MS: i64 = 3_600_000;
/// 2027-01-15T08:00:00Z.
const NOW: Now = Now { uptime: Duration::from_secs(7), unix_ms: 1_800_000_000_000, synced: true };
const UNSET: Now = Now { synced: false, ..NOW };

/// A camera that knows one key, in a state directory of its own.
struct Camera {
    folder: tempfile::TempDir,
    key: SigningKey,
    trust: Trust,
}

impl Camera {
    fn new() -> Camera {
        let (folder, (key, _)) = (tempfile::tempdir().unwrap(), SigningKey::generate().unwrap());
        let trust = trust(&key, folder.path(), "b1");
        Camera { folder, key, trust }
    }

    fn message(&self, nonce: &str, more: &str) -> Message {
        let payload = format!(r#"{{"v":1,"for_s":60,"nonce":"{nonce}"{more}}}"#).into_bytes();
        let properties =
            vec![(KEY.into(), "anna".into()), (SIGNATURE.into(), self.key.sign(TOPIC, &payload))];
        Message::json(TOPIC.into(), payload, properties)
    }

    fn hears(&mut self, message: &Message, now: &Now) -> Result<Who, String> {
        let command = read("disarm", &message.payload).unwrap();
        let credentials = self.trust.examine(&command, message, now)?;
        self.trust.admit(credentials, command.action.is_always_possible(), now)
    }

    fn refuses(&mut self, message: &Message, now: &Now, why: &str) {
        let told = self.hears(message, now).unwrap_err();
        assert!(told.contains(why), "{told}");
    }

    fn restarts(&mut self, boot: &str) {
        self.trust = trust(&self.key, self.folder.path(), boot);
    }
}

fn trust(key: &SigningKey, store: &Path, boot: &str) -> Trust {
    let key = BASE64_STANDARD.decode(key.public()).unwrap().try_into().unwrap();
    Trust::new(vec![TrustedKey { name: "anna".into(), key }], store, boot)
}

const IN_TIME: &str = r#","expires":"2027-01-15T08:01:00Z""#;

#[test]
fn a_signed_command_counts_once_also_after_a_restart() {
    let mut camera = Camera::new();
    let message = camera.message("n1", IN_TIME);
    assert_eq!(camera.hears(&message, &NOW).unwrap(), Who { name: "anna".into(), signed: true });
    camera.refuses(&message, &NOW, "used before");
    camera.restarts("b2");
    camera.refuses(&message, &NOW, "used before");
    let later = Now { unix_ms: NOW.unix_ms + 60_000, ..NOW };
    camera.refuses(&message, &later, "came too late: by the camera's clock it is 2027-01-15T08:01:00.000Z");
    let next = camera.message("n2", r#","expires":"2027-01-15T08:02:00Z""#);
    assert!(camera.hears(&next, &later).is_ok());
    assert_eq!(camera.trust.used.len(), 1, "what expired is forgotten");
}

#[test]
fn nothing_of_a_signed_command_can_be_exchanged() {
    let mut camera = Camera::new();
    let good = camera.message("n1", IN_TIME);
    let mut payload = good.clone();
    payload.payload = String::from_utf8(good.payload.clone()).unwrap().replace("60", "99").into_bytes();
    camera.refuses(&payload, &NOW, "its signature is not one of anna");
    let topic = Message { topic: TOPIC.replace("north", "south"), ..good.clone() };
    camera.refuses(&topic, &NOW, "its signature is not one of anna");
    let mut stranger = Camera::new().message("n1", IN_TIME);
    camera.refuses(&stranger, &NOW, "its signature is not one of anna");
    stranger.properties[0].1 = "bert".into();
    camera.refuses(&stranger, &NOW, "does not know");
    camera.refuses(&Message { properties: Vec::new(), ..good.clone() }, &NOW, "not signed");
    let junk = vec![(KEY.into(), "anna".into()), (SIGNATURE.into(), "%%%".into())];
    camera.refuses(&Message { properties: junk, ..good.clone() }, &NOW, "its signature is not one of anna");
    assert!(camera.hears(&good, &NOW).is_ok(), "refused ones use up nothing");
}

#[test]
fn a_command_is_good_for_an_hour_at_most() {
    let mut camera = Camera::new();
    camera.refuses(&camera.message("n1", ""), &NOW, "needs a time in \"expires\"");
    camera.refuses(
        &camera.message("n1", r#","expires":"2027-01-15T09:00:01Z""#),
        &NOW,
        "more than an hour ahead",
    );
    let no_nonce = format!(r#"{{"v":1,"for_s":60{IN_TIME}}}"#).into_bytes();
    let properties = vec![(KEY.into(), "anna".into()), (SIGNATURE.into(), camera.key.sign(TOPIC, &no_nonce))];
    camera.refuses(&Message::json(TOPIC.into(), no_nonce, properties), &NOW, "needs a \"nonce\"");
}

#[test]
fn without_a_clock_a_command_is_good_for_the_life_of_the_daemon_that_it_names() {
    let mut camera = Camera::new();
    camera.refuses(&camera.message("n1", IN_TIME), &UNSET, "clock is not set");
    camera.refuses(
        &camera.message("n1", r#","boot":"b0","expires":"2027-01-15T08:01:00Z""#),
        &UNSET,
        "another life",
    );
    // What it says of time cannot be judged.
    let message = camera.message("n1", r#","boot":"b1","expires":"2001-01-01T00:00:00Z""#);
    assert!(camera.hears(&message, &UNSET).is_ok());
    let much_later = Now { unix_ms: NOW.unix_ms + 100 * HOUR_MS, ..UNSET };
    camera.refuses(&message, &much_later, "used before");
    camera.refuses(&message, &NOW, "came too late");
    camera.restarts("b2");
    camera.refuses(&message, &UNSET, "another life");
}

#[test]
fn without_keys_the_broker_alone_decides_and_the_sender_is_taken_at_its_word() {
    let folder = tempfile::tempdir().unwrap();
    let trust = Trust::new(Vec::new(), folder.path(), "b1");
    let message = |text: &str| Message::json(TOPIC.into(), text.into(), Vec::new());
    let who = |text: &str| {
        let command = read("arm", text.as_bytes()).unwrap();
        trust.examine(&command, &message(text), &NOW).map(|credentials| credentials.who)
    };
    assert_eq!(who(r#"{"v":1,"by":"bert"}"#).unwrap(), Who { name: "bert".into(), signed: false });
    assert_eq!(who(r#"{"v":1}"#).unwrap().name, "somebody");
    assert!(who(r#"{"v":1,"boot":"b0"}"#).is_err());
}

#[test]
fn without_a_disk_nothing_is_taken_but_arming() {
    let mut camera = Camera::new();
    let blocked = camera.folder.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    camera.trust = trust(&camera.key, &blocked, "b1");
    camera.refuses(&camera.message("n1", IN_TIME), &NOW, "cannot remember it");
    let message = camera.message("n2", IN_TIME);
    let arm = Command { action: Action::Arm, ..read("disarm", &message.payload).unwrap() };
    let credentials = camera.trust.examine(&arm, &message, &NOW).unwrap();
    assert!(camera.trust.admit(credentials, arm.action.is_always_possible(), &NOW).is_ok());
}

#[test]
fn a_key_of_openssl_is_read_and_a_file_that_is_none_is_told_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("anna.pem");
    let made = std::process::Command::new("openssl")
        .args(["genpkey", "-algorithm", "ed25519", "-out"])
        .arg(&path)
        .output();
    assert!(made.expect("apt-get install openssl").status.success());
    assert_eq!(SigningKey::read(&path).unwrap().public().len(), 44);
    let (key, pem) = SigningKey::generate().unwrap();
    std::fs::write(&path, pem).unwrap();
    assert_eq!(SigningKey::read(&path).unwrap().public(), key.public());
    std::fs::write(&path, "no key").unwrap();
    let told = SigningKey::read(&path).err().unwrap().to_string();
    assert!(told.contains("anna.pem") && told.contains("bearwatch command key"), "{told}");
}

/// A board without a clock must not run out of room for what can never be used again.
#[test]
fn what_named_an_earlier_life_is_forgotten_and_what_named_none_is_not() {
    let mut camera = Camera::new();
    let anywhere = camera.message("n0", IN_TIME);
    assert!(camera.hears(&anywhere, &NOW).is_ok());
    for life in 1..4 {
        camera.restarts(&format!("b{life}"));
        let bound = camera.message("n1", &format!(r#","boot":"b{life}","expires":"2001-01-01T00:00:00Z""#));
        assert!(camera.hears(&bound, &UNSET).is_ok(), "the same nonce in another life");
        camera.refuses(&bound, &UNSET, "used before");
        assert_eq!(camera.trust.used.len(), 2);
    }
    camera.refuses(&anywhere, &NOW, "used before");
}
