//! How one model follows another, with all that is real about it: keys, bundles, Mosquitto, the daemon, the network, the disk.

use std::path::{Path, PathBuf};
use std::process::Output;

use bearwatch::infer::succession::archive;
use bearwatch::infer::succession::choice::{Settings, choose};
use bearwatch::infer::succession::shelf::{Challenger, Memory, Shelf};
use bearwatch::infer::succession::signed::{Keys, SIGNATURE, SignedBundle, sha256};
use bearwatch::publish::models::PIECE;
use serde_json::{Value, json};

use crate::ONNX;
use crate::support::daemon::{Home, Listener, Post};
use crate::support::orders::{ACCEPT, command, started, topic};
use crate::support::{Broker, bearwatch};

/// On a machine that does much else at the same time no frame shall be late: a board that is late lends none to a challenger.
const PATIENT: &str = "perceive.budget_ms=20000";

/// Keys and bundles of a test.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    /// A key pair `park`.
    fn new() -> Bench {
        let bench = Bench { folder: tempfile::tempdir().unwrap() };
        bench.models(&["key", &bench.text("park"), "--no-password"]);
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    /// `bearwatch models …`, which must do as it is told; what it says.
    fn models(&self, arguments: &[&str]) -> String {
        let (code, said) = self.tries(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    fn tries(&self, arguments: &[&str]) -> (i32, String) {
        let ran = bearwatch().arg("models").args(arguments).env("NO_COLOR", "1").output().unwrap();
        let Output { status, stdout, stderr } = ran;
        let said = [stdout, stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        (status.code().unwrap(), said)
    }

    /// The carried network under another name and hash (a remark at the end of its file, where ONNX allows one), its card changed by `change`, as a bundle.
    fn pack(&self, name: &str, version: u64, change: impl Fn(&mut Value)) -> PathBuf {
        let mut onnx = std::fs::read(ONNX).unwrap();
        let remark = format!("of {name}");
        onnx.extend([0x32, remark.len() as u8]);
        onnx.extend(remark.as_bytes());
        let model = crate::write(self.folder.path(), &onnx, |card| {
            card["name"] = json!(name);
            change(card);
        });
        let out = self.path(&format!("{name}-{version}.bwm"));
        let (model, out_text) = (model.display().to_string(), out.display().to_string());
        let version = version.to_string();
        let created = "2026-11-26T20:00:00Z";
        let options = ["--secret-key", &self.text("park.key"), "--version", &version, "--created", created];
        self.models(&[&["pack", &model, "--out", &out_text][..], &options].concat());
        out
    }

    fn trusted(&self) -> String {
        format!("trusted_keys = [\"{}\"]", self.text("park.pub"))
    }

    fn settings(&self, store: &Path) -> Settings {
        Settings { path: None, trusted_keys: vec![self.path("park.pub")], store: store.to_owned() }
    }
}

/// What is wrong with a bundle.
fn refused(bytes: &[u8], keys: &Keys) -> String {
    SignedBundle::read(bytes, keys).err().unwrap_or_default()
}

#[test]
fn a_bundle_is_the_same_each_time_and_refused_once_any_byte_of_it_is_another() {
    let bench = Bench::new();
    let file = bench.pack("one", 3, |_| {});
    let bytes = std::fs::read(&file).unwrap();
    // Chance is mixed into signatures, and into nothing else.
    let again = std::fs::read(bench.pack("one", 3, |_| {})).unwrap();
    let unsigned = |bytes: &[u8]| {
        let files = archive::read(bytes).unwrap().into_iter();
        files.filter(|file| file.name != SIGNATURE).collect::<Vec<_>>()
    };
    assert!(unsigned(&bytes) == unsigned(&again), "packing is not deterministic");
    let keys = Keys::read(&[bench.path("park.pub")]).unwrap();
    let read = SignedBundle::read(&bytes, &keys).unwrap();
    assert_eq!((read.manifest.version, read.model.id.name.as_str(), read.pictures.len()), (3, "one", 3));
    // Every byte of the headers, manifest and signature, and a sample of the others.
    let places = (0..6_000).chain((6_000..bytes.len()).step_by(9_973)).chain(bytes.len() - 600..bytes.len());
    for at in places.step_by(7) {
        let mut altered = bytes.clone();
        altered[at] ^= 1 << (at % 8);
        assert_ne!(refused(&altered, &keys), "", "byte {at} of {}", bytes.len());
    }
    for cut in [0, 1, 511, 512, 5_000, bytes.len() / 2, bytes.len() - 512, bytes.len() - 1] {
        assert!(refused(&bytes[..cut], &keys).contains("cut off"), "{cut}");
    }
    assert!(refused(&bytes, &Keys::default()).contains("none of model.trusted_keys has signed it"));
    bench.models(&["key", &bench.text("stranger"), "--no-password"]);
    let stranger = Keys::read(&[bench.path("stranger.pub")]).unwrap();
    assert!(refused(&bytes, &stranger).contains("none of model.trusted_keys has signed it"));
    let text = file.display().to_string();
    let said = bench.models(&["verify", &text, "--key", &bench.text("park.pub")]);
    assert!(said.contains("one version 3, for amd64, arm64, armhf"), "{said}");
    let (code, said) = bench.tries(&["verify", &text, "--key", &bench.text("stranger.pub")]);
    assert!(code == 65 && said.contains("none of model.trusted_keys"), "{code} {said}");
}

#[test]
fn a_promoted_model_runs_until_it_was_started_too_often_within_its_trial_and_is_believed_at_no_start() {
    let (bench, store) = (Bench::new(), tempfile::tempdir().unwrap());
    let (settings, shelf) = (bench.settings(store.path()), Shelf::new(store.path()));
    let bytes = std::fs::read(bench.pack("loop", 5, |_| {})).unwrap();
    shelf.put(5, &bytes).unwrap();
    let challenger = Some(Challenger { version: Some(5), bundle: sha256(&bytes), refused: None, tries: 0 });
    let mut memory = Memory { challenger, ..Memory::default() };
    assert!(memory.promote());
    shelf.keep(&memory).unwrap();
    for _ in 0..3 {
        let chosen = choose(&settings).unwrap();
        assert_eq!((chosen.stand.name.as_str(), chosen.stand.version), ("loop", Some(5)));
    }
    let chosen = choose(&settings).unwrap();
    assert_eq!(chosen.stand.version, None, "{:?}", chosen.memory);
    assert!(
        chosen.memory.event.contains("version 5 was taken back: the daemon started 4 times"),
        "{}",
        chosen.memory.event
    );
    assert_eq!((chosen.memory.newest, shelf.get(5).is_err()), (5, true));
    // Altered on the card, by whatever.
    let mut broken = bytes.clone();
    broken[700_000] ^= 1;
    shelf.put(5, &broken).unwrap();
    shelf.keep(&memory).unwrap();
    let chosen = choose(&settings).unwrap();
    assert!(
        chosen.stand.version.is_none() && chosen.memory.event.contains("version 5 does not run"),
        "{}",
        chosen.memory.event
    );
    // What the administrator says goes first.
    let fixed = choose(&Settings { path: Some(ONNX.into()), ..settings }).unwrap();
    assert!(fixed.fixed.unwrap().contains("[model] path"));
}

/// The configuration: with bears or without, with the tests' own operating point or those of the cards.
fn watch(home: &Home, bench: &Bench, bears: bool, own_point: bool) {
    let config = std::fs::read_to_string(home.path("bearwatch.toml")).unwrap();
    let (head, rest) = config.split_once("[capture]").unwrap();
    let (_, rest) = rest.split_once("regions = ").unwrap();
    let source = match bears {
        true => {
            format!("source = \"files\"\npath = \"{}\"\nfps = 5\nloop = true\n", home.pictures().display())
        }
        false => "source = \"simulated\"\nfps = 5\n[capture.scene]\nbears = 0\n".into(),
    };
    let keys =
        if config.contains("[model]") { String::new() } else { format!("[model]\n{}\n", bench.trusted()) };
    let rest = match own_point {
        true => rest.replace("#bear_threshold", "bear_threshold"),
        false => rest.replace("\nbear_threshold", "\n#bear_threshold"),
    };
    let text = format!("{keys}{head}[capture]\n{source}[perceive]\nregions = {rest}");
    std::fs::write(home.path("bearwatch.toml"), text).unwrap();
}

fn hears(desk: &mut Listener, wanted: impl Fn(&Value) -> bool) -> Value {
    desk.hears("models", |post| wanted(&post.json())).json()
}

fn looks(models: &Value, of: &str) -> u64 {
    let card = &models["challenger"]["comparison"]["card"];
    ["day", "dusk", "infrared"].iter().filter_map(|light| card[light][of].as_u64()).sum()
}

#[test]
fn a_model_that_is_too_slow_for_its_board_or_sees_bears_everywhere_shows_before_it_decides_anything() {
    let (bench, broker) = (Bench::new(), Broker::start());
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    watch(&home, &bench, true, false);
    let senseless = bench.pack("senseless", 1, |card| card["classes"][0]["threshold"] = json!(0.03));
    let config = home.path("bearwatch.toml").display().to_string();
    let install = ["install", &senseless.display().to_string(), "--config", &config];
    let mut daemon = started(&home, &mut desk, &[ACCEPT, "perceive.budget_ms=1"]);
    let said = bench.models(&install);
    assert!(said.contains("tries version 1 out"), "{said}");
    let slow = hears(&mut desk, |m| m["challenger"]["course"] == "refused");
    assert!(slow["challenger"]["reason"].as_str().unwrap().contains("a look takes"), "{slow}");
    assert_eq!(daemon.stop(), 0);
    let mut daemon = started(&home, &mut desk, &[ACCEPT, PATIENT]);
    bench.models(&install);
    let seen = hears(&mut desk, |m| looks(m, "only_challenger") > 0);
    assert_eq!(
        (&seen["challenger"]["course"], &seen["running"]["version"]),
        (&json!("shadow"), &json!(null))
    );
    let sha256 = seen["challenger"]["sha256"].as_str().unwrap();
    let picture = desk
        .hears("snapshot", |post| post.properties.get("audit").is_some_and(|audit| audit == "challenger"));
    assert_eq!(
        (picture.properties["challenger"].as_str(), picture.properties["stands_s"].as_str()),
        (sha256, "0.000")
    );
    assert!(picture.properties["challenger_detections"].contains("bear"), "{:?}", picture.properties);
    let nano = |post: &Post| post.json()["model"]["name"] == "bearwatch-nano";
    assert!(desk.of("alert").into_iter().all(nano), "the challenger decided");
    assert_eq!(daemon.stop(), 0);
    let listed = bench.models(&["list", "--config", &config]);
    assert!(listed.contains("senseless version 1") && listed.contains(", challenger"), "{listed}");
}

#[test]
fn a_model_comes_by_pieces_looks_on_runs_tells_of_bears_and_is_taken_back() {
    let (bench, mut broker) = (Bench::new(), Broker::start());
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    watch(&home, &bench, false, false);
    let next = bench.pack("next", 2, |_| {});
    let (bytes, file) = (std::fs::read(&next).unwrap(), next.display().to_string());
    let hash = sha256(&bytes);
    let mut daemon = started(&home, &mut desk, &[ACCEPT, PATIENT]);
    let first = hears(&mut desk, |m| m["fixed"].is_null());
    assert_eq!((&first["running"]["name"], &first["newest"]), (&json!("bearwatch-nano"), &json!(0)));
    // Two pieces by a client that is not ours, then everything dies.
    let order = json!({ "v": 1, "do": "shadow", "version": 2, "bundle": hash, "bytes": bytes.len() });
    broker.publish(&topic("model"), order.to_string().as_bytes());
    for offset in [0, PIECE] {
        hears(&mut desk, |m| m["download"]["want"]["offset"] == offset);
        let (from, at) = (offset as usize, offset.to_string());
        let property = |name, value| ["-D", "publish", "user-property", name, value];
        let properties = [property("bundle", &hash), property("offset", &at)].concat();
        broker.publish_with(&topic("piece"), &bytes[from..from + PIECE as usize], &properties);
    }
    hears(&mut desk, |m| m["download"]["have"] == 2 * PIECE);
    broker.kill();
    daemon.kill();
    broker.start_again();
    let mut desk = Listener::start(&broker);
    let mut daemon = started(&home, &mut desk, &[ACCEPT, PATIENT]);
    hears(&mut desk, |m| m["download"]["have"] == PIECE);
    let (code, out, err) = command(&broker, &["model", "shadow", &file]);
    assert!(code == 0 && out.starts_with("applied: version 2 is fetched"), "{code} {out}{err}");
    let shadow = hears(&mut desk, |m| m["challenger"]["comparison"]["looks"].as_u64() > Some(2));
    assert_eq!(
        (&shadow["challenger"]["course"], &shadow["challenger"]["version"]),
        (&json!("shadow"), &json!(2))
    );
    assert_eq!((looks(&shadow, "only_running"), looks(&shadow, "only_challenger")), (0, 0), "{shadow}");
    assert_eq!(shadow["download"], json!(null));

    let (code, out, err) = command(&broker, &["model", "promote", &file]);
    assert!(code == 0 && out.contains("starts anew with version 2, on trial"), "{code} {out}{err}");
    let promoted = hears(&mut desk, |m| m["running"]["version"] == 2);
    assert!(promoted["trial"].is_object() && promoted["boot"] != shadow["boot"], "{promoted}");
    assert_eq!((&promoted["newest"], &promoted["challenger"]), (&json!(2), &json!(null)));
    hears(&mut desk, |m| m["previous"]["name"] == "bearwatch-nano");
    let config = home.path("bearwatch.toml").display().to_string();
    let old = bench.pack("old", 2, |_| {});
    let (code, said) = bench.tries(&["install", &old.display().to_string(), "--config", &config]);
    assert!(code == 65 && said.contains("version 2 has run here"), "{code} {said}");
    assert_eq!(daemon.stop(), 0);

    watch(&home, &bench, true, true);
    let mut daemon = started(&home, &mut desk, &[ACCEPT, PATIENT]);
    let alert = desk.hears("alert", |_| true).json();
    assert_eq!(
        (&alert["model"]["name"], &alert["model"]["sha256"]),
        (&json!("next"), &promoted["running"]["sha256"])
    );
    let (code, out, err) = command(&broker, &["model", "revert"]);
    assert!(code == 0 && out.contains("starts anew with the model before"), "{code} {out}{err}");
    let back = hears(&mut desk, |m| m["running"]["version"].is_null() && m["newest"] == 2);
    assert!(
        back["previous"].is_null() && back["event"].as_str().unwrap().contains("runs again, as ordered"),
        "{back}"
    );
    desk.hears("alert", |post| {
        post.json()["model"]["name"] == "bearwatch-nano" && post.json()["boot"] == back["boot"]
    });
    assert_eq!(daemon.stop(), 0);
}
