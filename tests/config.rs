//! The configuration as an administrator meets it: the smallest file, the sample, mistakes, overrides.

#![allow(clippy::unwrap_used, reason = "a test program: what cannot be read is a failure")]

use std::path::{Path, PathBuf};

use bearwatch::capture::settings::{CommandFormat, RawPixels, SceneSettings, SourceSettings};
use bearwatch::config::keys::{KEYS, Kind};
use bearwatch::config::mistake::{ConfigErrors, Mistake, Origin};
use bearwatch::config::overrides::Override;
use bearwatch::config::{Config, ModelSettings};
use bearwatch::perceive::settings::RegionMode;
use bearwatch::system::hours::Hours;
use bearwatch::{capture, perceive, publish};

const SAMPLE: &str = include_str!("../deploy/bearwatch.toml");
const SITE: &str = "[site]\nname = \"creek\"\ncamera = \"north\"\n";

fn parse(text: &str) -> Result<Config, ConfigErrors> {
    Config::parse(text, "bearwatch.toml", &[])
}

fn with_sets(text: &str, sets: &[&str]) -> Result<Config, ConfigErrors> {
    Config::parse(text, "bearwatch.toml", &sets.iter().map(ToString::to_string).collect::<Vec<_>>())
}

/// The mistakes without the heading.
fn mistakes(text: &str) -> Vec<String> {
    parse(text).unwrap_err().mistakes.iter().map(ToString::to_string).collect()
}

#[test]
fn the_smallest_configuration_is_enough() {
    let text = "[site]\nname = \"creek\"\ncamera = \"north\"\n[capture]\nsource = \"files\"\npath = \"/pictures\"\n\
                fps = 2\nloop = false\n[publish]\nbroker = \"mqtt://127.0.0.1:1883\"\n[store]\npath = \"/var/tmp/b\"\n";
    let config = parse(text).unwrap();
    assert_eq!(config.site, publish::settings::Site { name: "creek".into(), camera: "north".into() });
    let SourceSettings::Files(files) = &config.capture.source else { panic!("{:?}", config.capture.source) };
    assert_eq!((files.path.as_path(), files.fps, files.repeat), (Path::new("/pictures"), 2.0, false));
    assert_eq!(config.publish.broker, "mqtt://127.0.0.1:1883");
    assert_eq!(config.publish.store.path, PathBuf::from("/var/tmp/b"));
    assert_eq!(config.model, ModelSettings::default());
}

#[test]
fn the_sample_equals_the_defaults() {
    let config = parse(SAMPLE).unwrap();
    assert_eq!(config.capture, capture::settings::Settings::default());
    assert_eq!(config.model, ModelSettings::default());
    assert_eq!(config.perceive, perceive::settings::Settings::default());
    assert_eq!(config.quiet, Hours::default());
    assert_eq!(config.publish, publish::settings::Settings::default());
    assert_eq!(config.commands, publish::settings::CommandSettings::default());
}

/// Lines of the sample with the `#` of commented keys and sections taken away; prose has a space after its `#`.
fn sample_lines() -> impl Iterator<Item = &'static str> {
    SAMPLE.lines().map(|line| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()) => rest,
        _ => line,
    })
}

/// Key names of the sample in its order.
fn sample_keys() -> Vec<String> {
    let mut section = "";
    let mut keys = Vec::new();
    for line in sample_lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_end_matches(']');
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            keys.push(format!("{section}.{key}"));
        }
    }
    keys
}

#[test]
fn the_sample_has_every_key_once_and_no_other() {
    let mut found = sample_keys();
    let mut known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    found.sort();
    known.sort_unstable();
    assert_eq!(found, known);
}

/// The sample with the keys of one source uncommented and those of the others taken away.
fn sample_for(kind: Kind) -> String {
    let mut section = "";
    let mut text = String::new();
    for line in sample_lines().filter(|line| !line.starts_with('#')) {
        let key = line.split_once(" = ").map(|(key, _)| format!("{section}.{key}"));
        let key = key.and_then(|name| KEYS.iter().find(|key| key.name == name));
        section = line.strip_prefix('[').map_or(section, |name| name.trim_end_matches(']'));
        let foreign = key.is_some_and(|key| !key.kinds.is_empty() && !key.kinds.contains(&kind));
        let elsewhere =
            key.is_some_and(|key| key.name.starts_with("publish.") && key.name.ends_with("_file"));
        let elsewhere = elsewhere || key.is_some_and(|key| key.name == "capture.exposure_limit");
        let only_raw = ["pixels", "width", "height", "fps"].iter().any(|start| line.starts_with(start));
        if line == "source = \"camera\"" {
            text += &format!("source = \"{}\"\n", kind.name());
        } else if !foreign && !elsewhere && (!only_raw || kind == Kind::Camera) {
            text += &format!("{line}\n");
        }
    }
    text
}

#[test]
fn the_commented_keys_of_the_sample_are_right_for_each_source() {
    let source = |kind| parse(&sample_for(kind)).unwrap_or_else(|errors| panic!("{errors}")).capture.source;
    let SourceSettings::Camera(camera) = source(Kind::Camera) else { panic!() };
    assert_eq!((camera.exposure, camera.gain), (Some(200), Some(64)));
    let SourceSettings::Command(command) = source(Kind::Command) else { panic!() };
    assert_eq!((command.command[0].as_str(), command.format), ("rpicam-vid", CommandFormat::Mjpeg));
    let SourceSettings::Files(files) = source(Kind::Files) else { panic!() };
    assert_eq!((files.fps, files.repeat), (5.0, false));
    let SourceSettings::Mjpeg(mjpeg) = source(Kind::Mjpeg) else { panic!() };
    assert_eq!(mjpeg.user.as_deref(), Some("bearwatch"));
    assert_eq!(source(Kind::Simulated), SourceSettings::Simulated(SceneSettings::default()));
}

/// A date is what no key wants, so that a key which is known but not read would go unnoticed.
#[test]
fn every_known_key_is_read() {
    for key in KEYS {
        let kind = key.kinds.first().copied().unwrap_or(Kind::Camera);
        let format = if kind == Kind::Command { "capture.format = \"raw\"\n" } else { "" };
        let source = if key.name == "capture.source" {
            String::new()
        } else {
            format!("capture.source = \"{}\"\n", kind.name())
        };
        let format = if key.name == "capture.format" { "" } else { format };
        // Full names with dots, as keys of the top table.
        let errors = parse(&format!("{source}{format}{} = 1979-05-27\n", key.name)).unwrap_err();
        let read =
            |mistake: &Mistake| mistake.key == key.name && mistake.what.starts_with("1979-05-27 is not ");
        assert!(errors.mistakes.iter().any(read), "{} is not read: {errors}", key.name);
    }
}

#[test]
fn ten_mistakes_are_told_at_once_with_line_and_remedy() {
    let text = r#"[site]
name = "Yellow Creek"

[capture]
source = "file"
stall_s = "five"

[perceive]
budgetms = 300
enhance = 1

[alert]
update_s = 0

[publish]
broker = "http://127.0.0.1"
password = "hunter2"

[stores]
max_mb = 1
"#;
    let told = parse(text).unwrap_err().to_string();
    let expected = r#"the configuration has 10 mistakes:
  bearwatch.toml:1: site.camera: is missing; add camera = "north" to [site]
  bearwatch.toml:2: site.name: "Yellow Creek" cannot be part of a topic; use 1 to 40 of a to z, 0 to 9 and -
  bearwatch.toml:5: capture.source: "file" is not known; did you mean "files"? Known are "camera", "command", "files", "mjpeg", "simulated"
  bearwatch.toml:6: capture.stall_s: "five" is not a number from 0.5 to 600; correct it, or leave it out for 5
  bearwatch.toml:9: perceive.budgetms: unknown key; did you mean budget_ms?
  bearwatch.toml:10: perceive.enhance: 1 is not true or false; correct it, or leave it out for true
  bearwatch.toml:13: alert.update_s: 0 is not a number from 0.5 to 3600; correct it, or leave it out for 10
  bearwatch.toml:16: publish.broker: "http" is not spoken here; write it as mqtt://host[:1883], or mqtts://host[:8883] for TLS
  bearwatch.toml:17: publish.password: unknown key; secrets do not belong here: write it into a file that only bearwatch may read, and name that file in password_file
  bearwatch.toml:19: stores: unknown section; did you mean [store]?"#;
    assert_eq!(told, expected);
}

#[test]
fn broken_syntax_is_told_line_by_line_and_the_rest_is_still_checked() {
    let text =
        "[site]\nname = creek\ncamera = \"a\"\ncamera = \"b\"\n[model\nthreads = 0\n[alert]\nupdate_s = 0\n";
    let told = mistakes(text);
    assert_eq!(told.len(), 4, "{told:#?}");
    assert!(told[0].starts_with("bearwatch.toml:2: "), "{}", told[0]);
    assert!(told[0].ends_with("write it as TOML: key = value, text in \"quotes\""), "{}", told[0]);
    assert_eq!(told[1], "bearwatch.toml:4: duplicate key camera; remove one of the two");
    assert!(told[2].starts_with("bearwatch.toml:5: "), "{}", told[2]);
    assert!(told[3].starts_with("bearwatch.toml:8: alert.update_s: 0 is not"), "{}", told[3]);
}

#[test]
fn secrets_are_refused_and_never_shown() {
    let text = "[site]\nname = \"a\"\ncamera = \"b\"\n[capture]\nsource = \"mjpeg\"\nurl = \"http://me:hunter2@cam/s\"\n\
                passwd = \"hunter2\"\n[publish]\nbroker = \"mqtt://me:hunter2@broker\"\npassword = \"hunter2\"\n";
    let told = mistakes(text);
    let expected = [
        "bearwatch.toml:6: capture.url: holds a user or a password; give them as user and password_file",
        "bearwatch.toml:7: capture.passwd: unknown key; secrets do not belong here: write it into a file that only bearwatch may \
         read, and name that file in password_file",
        "bearwatch.toml:9: publish.broker: holds a password; write the password into a file that only bearwatch may read, and \
         give user and password_file",
        "bearwatch.toml:10: publish.password: unknown key; secrets do not belong here: write it into a file that only bearwatch \
         may read, and name that file in password_file",
    ];
    assert_eq!(told, expected);
    let camera =
        "[capture]\nsource = \"command\"\ncommand = [\"ffmpeg\", \"-i\", \"rtsp://me:hunter2@cam/\"]\n";
    let told = mistakes(&format!("{SITE}{camera}"));
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("bearwatch.toml:6: capture.command: holds a password")
            && !told[0].contains("hunter2")
    );
}

#[test]
fn secret_files_are_absolute_or_credentials() {
    let publish =
        |lines: &str| format!("{SITE}[publish]\nbroker = \"mqtts://broker\"\nuser = \"me\"\n{lines}\n");
    let config = parse(&publish("password_file = \"/etc/p\"\nca_file = \"/etc/ca.pem\"")).unwrap();
    assert_eq!(config.publish.password_file, Some("/etc/p".into()));
    assert_eq!(config.publish.ca_file, Some("/etc/ca.pem".into()));
    let told = mistakes(&publish("password_file = \"secrets/p\""));
    assert!(told[0].ends_with(
        "is neither an absolute path nor the name of a systemd credential; begin the path with /"
    ));
    let told = mistakes(&publish("password_file = \"mqtt\""));
    assert!(
        told[0]
            .contains("there is no systemd credential \"mqtt\"; start with systemd's LoadCredential=mqtt:")
    );
}

#[test]
fn keys_that_belong_together_or_elsewhere() {
    let told =
        mistakes(&format!("{SITE}[publish]\npassword_file = \"/p\"\nkey_file = \"/k\"\nca_file = \"/c\"\n"));
    let expected = [
        "bearwatch.toml:5: publish.password_file: is given without user; add user to [publish]",
        "bearwatch.toml:6: publish.key_file: is given without cert_file; add cert_file to [publish]",
        "bearwatch.toml:6: publish.key_file: is for TLS, the broker is addressed without; write mqtts:// in broker, or remove it",
        "bearwatch.toml:7: publish.ca_file: is for TLS, the broker is addressed without; write mqtts:// in broker, or remove it",
    ];
    assert_eq!(told, expected);
    let told = mistakes(&format!(
        "{SITE}[capture]\nsource = \"files\"\npath = \"/p\"\ndevice = 0\nurl = \"x\"\n[capture.scene]\nseed = 2\n"
    ));
    let expected = [
        "bearwatch.toml:7: capture.device: belongs to source = \"camera\", the source is \"files\"; remove it, or choose that source",
        "bearwatch.toml:8: capture.url: belongs to source = \"mjpeg\", the source is \"files\"; remove it, or choose that source",
        "bearwatch.toml:10: capture.scene.seed: belongs to source = \"simulated\", the source is \"files\"; remove it, or choose \
         that source",
    ];
    assert_eq!(told, expected);
}

#[test]
fn each_source_says_what_it_lacks() {
    let capture = |lines: &str| mistakes(&format!("{SITE}[capture]\n{lines}\n"));
    assert_eq!(
        capture("source = \"files\""),
        ["bearwatch.toml:4: capture.path: is missing; add path = \"/folder/of/pictures\" to [capture]"]
    );
    assert_eq!(
        capture("source = \"mjpeg\"\nurl = \"https://camera/stream\""),
        [
            "bearwatch.toml:6: capture.url: https is not read by this source; use source = \"command\" with ffmpeg, as the sample \
          configuration shows"
        ]
    );
    let raw =
        capture("source = \"command\"\ncommand = [\"x\"]\nformat = \"raw\"\nwidth = 641\npixels = \"nv12\"");
    let expected = [
        "bearwatch.toml:4: capture.height: is missing; add height = the frames' size in pixels to [capture]",
        "bearwatch.toml:8: capture.width: is odd, which this pixel format cannot be; give an even number",
    ];
    assert_eq!(raw, expected);
    let not_raw = capture("source = \"command\"\ncommand = [\"x\"]\nformat = \"y4m\"\npixels = \"rgb\"");
    assert_eq!(
        not_raw,
        [
            "bearwatch.toml:8: capture.pixels: belongs to format = \"raw\"; remove it: the stream says it itself"
        ]
    );
}

#[test]
fn raw_commands_and_numbered_cameras_are_read() {
    let text = format!(
        "{SITE}[capture]\nsource = \"command\"\ncommand = [\"cat\", \"/f\"]\nformat = \"raw\"\npixels = \"grey\"\nwidth = 3\nheight = 5\n"
    );
    let SourceSettings::Command(command) = parse(&text).unwrap().capture.source else { panic!() };
    assert_eq!(command.command, ["cat", "/f"]);
    assert_eq!(
        (command.format, command.pixels, command.width, command.height),
        (CommandFormat::Raw, RawPixels::Grey, 3, 5)
    );
    let SourceSettings::Camera(camera) =
        parse(&format!("{SITE}[capture]\ndevice = 2\n")).unwrap().capture.source
    else {
        panic!()
    };
    assert_eq!(camera.device, "2");
}

#[test]
fn sets_win_over_the_file() {
    let sets = [
        "capture.source=files",
        "capture.path=/a=b",
        "capture.loop = true",
        "site.camera=7",
        "perceive.regions=\"whole\"",
    ];
    let config = with_sets(&format!("{SITE}[perceive]\nregions = \"tiles\"\n"), &sets).unwrap();
    let SourceSettings::Files(files) = &config.capture.source else { panic!() };
    assert_eq!((files.path.as_path(), files.repeat), (Path::new("/a=b"), true));
    assert_eq!(config.site.camera, "7");
    assert_eq!(config.perceive.regions, RegionMode::Whole);
}

#[test]
fn mistakes_of_sets_are_told_as_such() {
    let errors =
        with_sets(SITE, &["alert.update_s=often", "model.threads", "publish.password=hunter2"]).unwrap_err();
    assert!(errors.mistakes.iter().all(|mistake| mistake.origin == Origin::Set));
    let told = errors.to_string();
    assert!(told.contains(
        "--set: alert.update_s: often is not a number from 0.5 to 3600; correct it, or leave it out for 10"
    ));
    assert!(told.contains("--set: model.threads: has no value; write --set section.key=value"));
    assert!(told.contains("--set: publish.password: unknown key") && !told.contains("hunter2"));
}

/// A configuration file in a folder of its own, its store beside it.
fn installed(overrides: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("state");
    std::fs::create_dir(&store).unwrap();
    std::fs::write(store.join("overrides.toml"), overrides).unwrap();
    let file = folder.path().join("bearwatch.toml");
    std::fs::write(&file, format!("{SITE}[alert]\nupdate_s = 20\n[store]\npath = {store:?}\n")).unwrap();
    (folder, file)
}

#[test]
fn overrides_lie_between_file_and_sets() {
    let (_folder, file) = installed("[alert]\nupdate_s = 5\ncooldown_s = 60\n[perceive]\nenhance = false\n");
    let config = Config::load(&file, &["alert.cooldown_s=1".into()]).unwrap();
    let perceive = &config.perceive;
    assert_eq!((perceive.update_s, perceive.cooldown_s, perceive.enhance), (5.0, 1.0, false));
    let applied = |key: &str, value: &str| Override { key: key.into(), value: value.into() };
    let expected = [
        applied("alert.cooldown_s", "60"),
        applied("alert.update_s", "5"),
        applied("perceive.enhance", "false"),
    ];
    assert_eq!(config.overrides.applied, expected);
    assert_eq!(config.overrides.refused, []);
}

#[test]
fn wrong_overrides_are_left_out_and_never_keep_a_device_from_starting() {
    let (_folder, file) = installed(
        "[alert]\nupdate_s = 5\ncooldown_s = -1\nshout = true\n[publish]\nbroker = \"mqtt://elsewhere\"\n",
    );
    let config = Config::load(&file, &[]).unwrap();
    assert_eq!((config.perceive.update_s, config.perceive.cooldown_s), (5.0, 30.0));
    assert_eq!(config.publish.broker, "mqtt://127.0.0.1:1883");
    let refused: Vec<&str> = config.overrides.refused.iter().map(|mistake| mistake.key.as_str()).collect();
    assert_eq!(refused, ["alert.shout", "publish.broker", "alert.cooldown_s"]);
    let (_folder, file) = installed("[alert]\nupdate_s = 5\ncooldown_s = \n");
    let config = Config::load(&file, &[]).unwrap();
    assert_eq!((config.perceive.update_s, config.overrides.refused.len()), (20.0, 1));
}

#[test]
fn a_file_that_cannot_be_read_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let told = Config::load(&folder.path().join("none.toml"), &[]).unwrap_err().to_string();
    assert!(told.contains("none.toml: cannot be read: No such file"), "{told}");
    assert!(told.contains("--config"), "{told}");
    let binary = folder.path().join("binary.toml");
    std::fs::write(&binary, [0xff, 0xfe, 0x00]).unwrap();
    let told = Config::load(&binary, &[]).unwrap_err().to_string();
    assert!(told.ends_with("save it as UTF-8 text"), "{told}");
    let told = Config::load(folder.path(), &[]).unwrap_err().to_string();
    assert!(told.contains("cannot be read"), "{told}");
}

#[test]
fn depth_and_size_do_no_harm() {
    assert_eq!(parse(&format!("x = {}", "[".repeat(100_000))).unwrap_err().mistakes.len(), 2);
    assert!(parse(&format!("[{}b]", "a.".repeat(100_000))).is_err());
    let many: String = (0..2_000).map(|n| format!("k{n} = 1\n")).collect();
    assert_eq!(parse(&many).unwrap_err().mistakes.len(), 2_002);
}
