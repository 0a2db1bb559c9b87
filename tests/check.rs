//! `check`, `models` and `reset` on good and bad installations: each verdict with its remedy, each exit code.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be set up is a failure")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bearwatch::system::clock::Stopwatch;
use serde_json::Value;
use support::{Broker, bearwatch};
use tempfile::TempDir;

const ONNX: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/bearwatch-nano.onnx");
const CARD: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/bearwatch-nano.json");

/// A folder with a configuration for the simulated camera.
struct Installation {
    folder: TempDir,
    config: PathBuf,
}

impl Installation {
    fn new(broker: &str) -> Installation {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("bearwatch.toml");
        let text = format!(
            "[site]\nname = \"creek\"\ncamera = \"north\"\n[capture]\nsource = \"simulated\"\n[publish]\nbroker = \"{broker}\"\n\
             [store]\npath = {:?}\n",
            folder.path().join("store")
        );
        fs::write(&config, text).unwrap();
        Installation { folder, config }
    }

    /// Exit code and findings, the first of each subject by [`of`].
    fn check(&self, sets: &[&str]) -> (i32, Vec<Value>) {
        let sets = sets.iter().flat_map(|set| ["--set", set]);
        let output =
            bearwatch().args(["check", "--json", "--config"]).arg(&self.config).args(sets).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (
            output.status.code().unwrap(),
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect(),
        )
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Verdict, and what and remedy as one text, of a subject.
fn of(findings: &[Value], subject: &str) -> (String, String) {
    let finding = findings
        .iter()
        .find(|f| f["subject"] == subject)
        .unwrap_or_else(|| panic!("{subject}: {findings:#?}"));
    let text = |key: &str| finding[key].as_str().unwrap().to_owned();
    (text("verdict"), format!("{}; {}", text("what"), text("remedy")))
}

fn assert_says(findings: &[Value], subject: &str, verdict: &str, words: &[&str]) {
    let (found, text) = of(findings, subject);
    assert_eq!(found, verdict, "{subject}: {text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {subject}: {text}");
    }
}

#[test]
fn a_good_installation_passes_and_nothing_is_left_behind() {
    let broker = Broker::start();
    let installation = Installation::new(&broker.url);
    // A machine that runs many tests at once may be slow; what a slow model is called is shown below.
    let (code, findings) = installation.check(&["perceive.budget_ms=60000"]);
    assert_eq!(code, 0, "{findings:#?}");
    let subjects: Vec<_> = findings.iter().map(|f| f["subject"].as_str().unwrap()).collect();
    assert_eq!(subjects, ["config", "camera", "model", "broker", "disk", "board", "clock", "overrides"]);
    assert_says(&findings, "config", "ok", &["creek", "north"]);
    assert_says(&findings, "camera", "ok", &["SIMULATED", "640×360", "frames a second", "looks like day"]);
    assert_says(&findings, "model", "ok", &["embedded", "one look takes", "budget"]);
    assert_says(&findings, "broker", "ok", &["let us in"]);
    assert_says(&findings, "disk", "ok", &["does not exist yet", "MB free"]);
    assert!(!installation.path("store").exists(), "check creates nothing");
    let human = bearwatch().args(["check", "--config"]).arg(&installation.config).output().unwrap();
    let human = String::from_utf8(human.stdout).unwrap();
    assert_eq!(human.lines().count(), 8, "one line a subject: {human}");
    assert!(!human.contains('\x1b'), "colours are for terminals");
}

#[test]
fn a_bad_configuration_is_told_line_by_line_and_the_rest_waits() {
    let installation = Installation::new("mqtt://127.0.0.1:1");
    fs::write(&installation.config, "[site]\nname = \"A B\"\n[capture]\nsource = \"files\"\nfpss = 3\n")
        .unwrap();
    let (code, findings) = installation.check(&[]);
    assert_eq!(code, 78);
    let mistakes: Vec<_> = findings.iter().filter(|f| f["subject"] == "config").collect();
    assert_eq!(mistakes.len(), 4, "{findings:#?}");
    assert!(mistakes.iter().all(|f| f["verdict"] == "fail" && !f["remedy"].as_str().unwrap().is_empty()));
    assert!(mistakes[3]["what"].as_str().unwrap().contains(":5: capture.fpss"), "{}", mistakes[3]);
    assert_says(&findings, "camera", "unchecked", &[]);
    assert!(
        ["ok", "warning"].contains(&of(&findings, "clock").0.as_str()),
        "the clock needs no configuration"
    );
    fs::remove_file(&installation.config).unwrap();
    let (code, findings) = installation.check(&[]);
    assert_eq!(code, 78);
    assert_says(&findings, "config", "fail", &["cannot be read", "--config"]);
}

/// What the package asks before it replaces a daemon that runs.
#[test]
fn the_configuration_alone_is_checked_without_touching_anything_else() {
    let installation = Installation::new("mqtt://127.0.0.1:1");
    let ask = || {
        let mut command = bearwatch();
        command.args(["check", "--config-only", "--json", "--config"]).arg(&installation.config);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = ask();
    assert_eq!((code, said.lines().count()), (Some(0), 1), "the broker is away, and not asked: {said}");
    let right = fs::read_to_string(&installation.config).unwrap();
    let page = "[page]\nlisten = \"127.0.0.1:8080\"\ntoken_file = \"/etc\"";
    fs::write(&installation.config, format!("{right}\n{page}\n")).unwrap();
    let (code, said) = ask();
    assert!(code == Some(78) && said.contains("page.token_file: \\\"/etc\\\" is a folder"), "{said}");
    fs::write(&installation.config, "[site]\nnmae = \"a\"\n").unwrap();
    let (code, said) = ask();
    assert_eq!(code, Some(78));
    assert!(said.contains("site.nmae") && !said.contains("camera\",\"verdict"), "{said}");
    assert!(!said.contains("unchecked"), "{said}");
}

#[test]
fn the_code_is_that_of_the_first_failure() {
    let broker = Broker::start();
    let installation = Installation::new(&broker.url);
    let case = |sets: &[&str], code: i32, subject: &str, words: &[&str]| {
        let (found, findings) = installation.check(sets);
        assert_says(&findings, subject, "fail", words);
        assert_eq!(found, code, "{subject}: {findings:#?}");
    };
    let files = ["capture.source=files", "capture.path=/nowhere/at/all"];
    case(&files, 66, "camera", &["/nowhere/at/all", "check the path"]);
    case(
        &["capture.source=command", "capture.command=[\"/bin/false\"]", "capture.format=y4m"],
        69,
        "camera",
        &["/bin/false"],
    );
    case(&["capture.source=mjpeg", "capture.url=http://127.0.0.1:1/x"], 69, "camera", &["127.0.0.1:1"]);
    case(&["model.path=/nowhere.onnx"], 78, "model", &["/nowhere.onnx", "check the path"]);
    case(&["publish.broker=mqtt://127.0.0.1:1"], 69, "broker", &["refused", "wait on disk"]);
    case(&["store.path=/proc/bearwatch"], 73, "disk", &["cannot be created", "[store] path"]);
    case(&["store.path=/proc/sys"], 74, "disk", &["cannot be written", "[store] path"]);
    case(&["publish.broker=mqtt://127.0.0.1:1", "store.path=/proc/sys"], 69, "broker", &[]);
}

#[test]
fn what_runs_but_deserves_a_look_is_a_warning() {
    let broker = Broker::start();
    let installation = Installation::new(&broker.url);
    let black = vec![16u8; 64 * 48].into_iter().chain(vec![128u8; 64 * 48 / 2]);
    let stream: Vec<u8> =
        b"YUV4MPEG2 W64 H48 F5:1 Ip A1:1 C420jpeg\nFRAME\n".iter().copied().chain(black).collect();
    fs::write(installation.path("black.y4m"), stream).unwrap();
    let command = format!("capture.command=[\"cat\", {:?}]", installation.path("black.y4m"));
    let sets = [
        "capture.source=command",
        &command,
        "capture.format=y4m",
        "perceive.budget_ms=1",
        "store.max_mb=1000000",
    ];
    let (code, findings) = installation.check(&sets);
    assert_eq!(code, 0, "{findings:#?}");
    assert_says(&findings, "camera", "warning", &["it is black", "lens cap"]);
    assert_says(&findings, "model", "warning", &["raise perceive.budget_ms"]);
    assert_says(&findings, "disk", "warning", &["lower store.max_mb"]);
}

#[test]
fn every_broker_is_knocked_at_and_a_further_one_that_is_away_is_a_warning() {
    let (first, second) = (Broker::start(), Broker::start());
    let installation = Installation::new(&first.url);
    let of_fallback = |urls: String| {
        let (code, findings) = installation.check(&[&format!("publish.fallback=[{urls}]")]);
        assert_says(&findings, "broker", "ok", &[&first.url]);
        let told = findings.iter().filter(|finding| finding["subject"] == "fallback").cloned();
        (code, told.collect::<Vec<_>>())
    };
    let (code, told) = of_fallback(format!("{:?}, \"mqtt://127.0.0.1:1\"", second.url));
    assert_eq!((code, told.len()), (0, 2), "{told:#?}");
    assert_says(&told[..1], "fallback", "ok", &[&second.url, "let us in"]);
    assert_says(&told[1..], "fallback", "warning", &["127.0.0.1:1", "refused"]);
    let (code, told) = of_fallback("\"mqtts://127.0.0.1:1\"".into());
    assert_eq!((code, told.len()), (0, 1), "{told:#?}");
    assert_says(&told, "fallback", "warning", &["refused"]);
}

#[test]
fn what_never_answers_is_given_up() {
    let deaf = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = deaf.local_addr().unwrap().port();
    let installation = Installation::new(&format!("mqtt://127.0.0.1:{port}"));
    let sets = ["capture.source=command", "capture.command=[\"sleep\", \"1000\"]", "capture.format=y4m"];
    let watch = Stopwatch::start();
    let (code, findings) = installation.check(&sets);
    assert_eq!(code, 69);
    assert_says(&findings, "camera", "fail", &["no picture within 8 s"]);
    assert_says(&findings, "broker", "fail", &["no answer within 8 s"]);
    // Neither of the two ever ends by itself. How long the model takes on a busy machine is not the question.
    assert!(watch.elapsed() < Duration::from_secs(200), "{:?}", watch.elapsed());
}

#[test]
fn what_was_changed_at_run_time_is_shown_and_reset() {
    let broker = Broker::start();
    let installation = Installation::new(&broker.url);
    let reset = || {
        let output = bearwatch().args(["reset", "--config"]).arg(&installation.config).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, text) = reset();
    assert!(code == 0 && text.contains("nothing was changed"), "{text}");
    let file = installation.path("store/overrides.toml");
    fs::create_dir(installation.path("store")).unwrap();
    fs::write(&file, "[alert]\nupdate_s = 3\n").unwrap();
    assert_says(&installation.check(&[]).1, "overrides", "ok", &["alert.update_s = 3"]);
    fs::write(&file, "[alert]\nupdate_s = 3\ncooldown_s = -1\n[publish]\nbroker = \"mqtt://evil\"\n")
        .unwrap();
    assert_says(&installation.check(&[]).1, "overrides", "warning", &["2 of", "bearwatch reset"]);
    let (code, text) = reset();
    assert_eq!(code, 0);
    assert!(
        ["overrides.toml", "alert.update_s = 3", "alert.cooldown_s", "publish.broker"]
            .iter()
            .all(|w| text.contains(w)),
        "{text}"
    );
    assert!(!file.exists());
    fs::create_dir(&file).unwrap();
    assert_eq!(reset().0, 74, "what is no file cannot be removed as one");
    fs::write(&installation.config, "nonsense").unwrap();
    assert_eq!(reset().0, 78);
}

fn models(arguments: &[&str], path: &Path) -> (i32, String, String) {
    let output = bearwatch().arg("models").args(arguments).arg(path).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn damaged_models_are_told_from_good_ones() {
    let folder = tempfile::tempdir().unwrap();
    let (onnx, card) = (fs::read(ONNX).unwrap(), fs::read_to_string(CARD).unwrap());
    let put = |name: &str, onnx: &[u8], card: &str| {
        fs::write(folder.path().join(format!("{name}.onnx")), onnx).unwrap();
        fs::write(folder.path().join(format!("{name}.json")), card).unwrap();
    };
    assert_eq!(models(&["verify"], folder.path()).0, 66, "no model in it");
    put("a-good", &onnx, &card);
    assert_eq!(models(&["verify"], folder.path()).0, 0);
    put("b-cut", &onnx[..onnx.len() / 2], &card);
    let mut altered = onnx.clone();
    altered[onnx.len() / 2] ^= 1;
    put("c-altered", &altered, &card);
    put("d-other", &onnx, &card.replace("\"bear\"", "\"animal\""));
    let (code, text, _) = models(&["verify"], folder.path());
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(code, 65);
    assert!(lines[0].starts_with("ok") && lines[0].contains("a-good"), "{text}");
    assert!(lines[1].starts_with("BAD") && lines[1].contains("truncated or altered"), "{text}");
    assert!(lines[2].starts_with("BAD") && lines[2].contains("truncated or altered"), "{text}");
    assert!(lines[3].starts_with("BAD") && lines[3].contains("no class \"bear\""), "{text}");
    let (code, text, _) = models(&["list", "--json"], folder.path());
    let listed: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(code, 0, "listing judges nobody");
    let oks: Vec<_> = listed.iter().map(|m| m["ok"].as_bool().unwrap()).collect();
    assert_eq!(oks, [true, true, false, false, false], "the embedded one comes first: {text}");
    assert_eq!(models(&["verify"], &folder.path().join("a-good.onnx")).0, 0);
    assert_eq!(models(&["verify"], &folder.path().join("gone.onnx")).0, 66);
    assert_eq!(models(&["list"], &folder.path().join("gone")).0, 66);
}

#[test]
fn the_card_is_shown_for_people_and_as_it_is() {
    let (code, text, _) = models(&["show"], Path::new(ONNX));
    assert_eq!(code, 0);
    assert!(
        ["bear, operating point", "SHA-256", "licence", "training"].iter().all(|w| text.contains(w)),
        "{text}"
    );
    let (_, text, _) = models(&["show", "--json"], Path::new(ONNX));
    let shown: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown, serde_json::from_str::<Value>(&fs::read_to_string(CARD).unwrap()).unwrap());
    let (code, _, errors) = models(&["show"], Path::new("/nowhere.onnx"));
    assert!(code == 66 && errors.contains("/nowhere.onnx"), "{code} {errors}");
}

#[test]
fn who_may_command_a_camera_is_told() {
    let installation = Installation::new("mqtt://127.0.0.1:1");
    let key = "command.keys=[\"anna:HwHrIhbjo0oKKpcvLsd9BoiZSLu3kA49O7EVyPxuUVA=\"]";
    let (_, findings) = installation.check(&[]);
    assert!(findings.iter().all(|f| f["subject"] != "commands" && f["subject"] != "audit"));
    let (_, findings) = installation.check(&["command.accept=true"]);
    assert_says(
        &findings,
        "commands",
        "warning",
        &["bearwatch/v1/creek/north/set/#", "access rules", "command.keys"],
    );
    let (_, findings) = installation.check(&["command.accept=true", key]);
    assert_says(&findings, "commands", "ok", &["signed by anna"]);
    let (_, findings) = installation.check(&["acknowledge.ladder=[\"60 duty\"]", key]);
    assert_says(&findings, "commands", "ok", &["acknowledgements are taken, signed by anna"]);
    let (_, findings) = installation.check(&[key]);
    assert_says(&findings, "commands", "warning", &["none are taken", "accept = true"]);
}
