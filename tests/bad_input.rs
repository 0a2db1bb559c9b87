//! Whatever is wrong, the daemon names the thing and the remedy, ends with the right code or goes on, loses nothing and never panics.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test program: what cannot be set up is a failure"
)]

mod support;

use std::io::{Read, Write};
use std::net::TcpListener;
use std::path::Path;

use serde_json::Value;
use support::daemon::{Home, Listener, Post, SOON};
use support::{Broker, bearwatch, wait_for};

/// An address at which nobody listens.
const NOWHERE: &str = "mqtt://127.0.0.1:1";

// ---- pictures ----------------------------------------------------------------------------------------------------------------

#[test]
fn pictures_that_are_not_there_end_it_with_the_reason() {
    let home = Home::new(NOWHERE, "source = \"files\"\npath = \"/nowhere/pictures\"\n");
    let mut daemon = home.start(&[]);
    assert_eq!(daemon.ends_within(SOON), 66);
    daemon.says("/nowhere/pictures: no such file, folder or match; check the path");
}

/// The header of a JPEG or PNG of this size, and nothing behind it.
fn huge_png() -> Vec<u8> {
    let mut png = Vec::new();
    image::RgbImage::new(1, 1)
        .write_to(&mut std::io::Cursor::new(&mut png), image::ImageFormat::Png)
        .unwrap();
    png[16..20].copy_from_slice(&30_000u32.to_be_bytes());
    png[20..24].copy_from_slice(&30_000u32.to_be_bytes());
    png
}

/// A grey JPEG of four components with Adobe's mark, as print shops write them: all differences and frequencies are nought.
fn cmyk_jpeg(width: u16, height: u16) -> Vec<u8> {
    let segment =
        |mark: u8, body: &[u8]| [&[0xff, mark], &(body.len() as u16 + 2).to_be_bytes()[..], body].concat();
    let table = |class: u8| [&[class, 1][..], &[0; 16]].concat();
    let size = [height.to_be_bytes(), width.to_be_bytes()].concat();
    let components = [1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0, 4, 0x11, 0];
    [
        vec![0xff, 0xd8],
        segment(0xee, b"Adobe\0\x64\0\0\0\0\0"),
        segment(0xdb, &[&[0][..], &[1; 64]].concat()),
        segment(0xc0, &[&[8][..], &size, &[4], &components].concat()),
        segment(0xc4, &table(0x00)),
        segment(0xc4, &table(0x10)),
        segment(0xda, &[4, 1, 0, 2, 0, 3, 0, 4, 0, 0, 63, 0]),
        vec![0; usize::from(width / 8 * height / 8)],
        vec![0xff, 0xd9],
    ]
    .concat()
}

#[test]
fn bad_pictures_are_counted_and_the_others_are_seen() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 3, false);
    let whole = std::fs::read(home.pictures().join("000.jpg")).unwrap();
    let mut huge_jpeg = whole.clone();
    let frame = huge_jpeg.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
    huge_jpeg[frame + 5..frame + 9].copy_from_slice(&[0x75, 0x30, 0x75, 0x30]);
    let one_pixel =
        bearwatch::capture::pixels::encode_jpeg(&bearwatch::perceive::frame::Picture::new(1, 1), 90, 1)
            .unwrap();
    let bad: [(&str, &[u8]); 5] = [
        ("corrupt", &[0xff, 0xd8, 0xff, 0xc0, 0, 1]),
        ("empty", b""),
        ("huge", &huge_jpeg),
        ("huger", &huge_png()),
        ("truncated", &whole[..whole.len() / 3]),
    ];
    for (name, bytes) in bad {
        std::fs::write(home.pictures().join(format!("005-{name}.jpg")), bytes).unwrap();
    }
    std::fs::write(home.pictures().join("006-one.jpg"), one_pixel).unwrap();
    std::fs::write(home.pictures().join("007-cmyk.jpg"), cmyk_jpeg(64, 48)).unwrap();
    let mut daemon = home.start(&["capture.fps=2"]);
    assert_eq!(daemon.ends_within(2 * SOON), 0, "{}", daemon.log());
    desk.hears_state("offline", "stopped");
    let frames = desk.of("telemetry").last().unwrap().json()["frames"].clone();
    let count = |name: &str| frames[name].as_u64().unwrap();
    assert_eq!(count("seen"), 15 + 7, "{frames}");
    assert_eq!(count("bad") + count("dropped") + count("inferred"), 15 + 7, "{frames}");
    // The truncated one reaches the decoder, where a newer frame may have taken its place.
    assert!((4..=5).contains(&count("bad")), "{frames}; {}", daemon.log());
    assert!(desk.alerts().iter().any(|alert| alert["state"] == "opened"));
    assert!(
        desk.of("status").iter().all(|status| !status.json()["reason"].as_str().unwrap().contains("usable"))
    );
}

#[test]
fn only_bad_pictures_are_no_quiet_camera() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 1, true);
    for picture in std::fs::read_dir(home.pictures()).unwrap() {
        let picture = picture.unwrap().path();
        let bytes = std::fs::read(&picture).unwrap();
        std::fs::write(&picture, &bytes[..bytes.len() / 3]).unwrap();
    }
    let mut daemon = home.start(&[]);
    desk.hears_state("degraded", "no usable picture yet: ");
    assert_eq!(daemon.stop(), 0);
    assert!(desk.of("status").iter().all(|status| status.json()["state"] != "online"));
}

// ---- programs and streams ----------------------------------------------------------------------------------------------------

fn command(format: &str, words: &[&str]) -> String {
    format!("source = \"command\"\nformat = \"{format}\"\ncommand = {words:?}\nstall_s = 1\n")
}

#[test]
fn a_program_that_is_not_there_is_a_mistake_of_configuration() {
    let home = Home::new(NOWHERE, &command("y4m", &["no-such-program"]));
    let mut daemon = home.start(&[]);
    assert_eq!(daemon.ends_within(SOON), 78);
    daemon.says("command no-such-program: No such file or directory (os error 2); install the program or correct capture.command");
}

/// One that ends at once, one that stops in mid-frame, one that hangs: told on the status topic, started again, and seen again.
#[test]
fn programs_that_fail_are_told_by_their_last_words_and_started_again() {
    let broker = Broker::start();
    let raw =
        "source = \"command\"\nformat = \"raw\"\npixels = \"grey\"\nwidth = 64\nheight = 48\nstall_s = 0.5\n";
    for (script, why) in [
        ("echo no lens >&2; exit 3", "ended with exit status: 3; it said: no lens"),
        ("head -c 4000 /dev/zero", "in the middle of a frame"),
        ("head -c 3072 /dev/zero; sleep 600", "gave no frame for 0.5 s"),
    ] {
        let mut desk = Listener::start(&broker);
        let home = Home::new(&broker.url, raw);
        let marked = format!("echo >> {}; {script}", home.path("starts").display());
        let mut daemon = home.start(&[&format!("capture.command={:?}", ["sh", "-c", &marked])]);
        desk.hears_state("degraded", why);
        let starts = || std::fs::read_to_string(home.path("starts")).unwrap_or_default().len();
        assert!(wait_for(SOON, || starts() >= 3), "not started again: {}", daemon.log());
        let reopened = |post: &Post| post.json()["frames"]["reopens"].as_u64().unwrap() >= 1;
        desk.hears("telemetry", reopened);
        assert_eq!(daemon.stop(), 0);
    }
}

#[test]
fn what_ffmpeg_writes_is_seen_in_every_format() {
    let broker = Broker::start();
    let words = |format: &[&str]| {
        let input = ["ffmpeg", "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=5"];
        [&input[..], format, &["-"]].concat().iter().map(|word| word.to_string()).collect::<Vec<_>>()
    };
    let raw = "pixels = \"nv12\"\nwidth = 320\nheight = 240\n";
    for (format, options, more) in [
        ("y4m", &["-pix_fmt", "yuv420p", "-f", "yuv4mpegpipe"][..], ""),
        ("mjpeg", &["-f", "mjpeg"], ""),
        ("raw", &["-pix_fmt", "nv12", "-f", "rawvideo"], raw),
    ] {
        let mut desk = Listener::start(&broker);
        let source =
            format!("source = \"command\"\nformat = \"{format}\"\ncommand = {:?}\n{more}", words(options));
        let home = Home::new(&broker.url, &source);
        let mut daemon = home.start(&[]);
        let seen = |post: &Post| post.json()["frames"]["inferred"].as_u64().unwrap() >= 2;
        let last = desk.hears("telemetry", seen).json();
        assert_eq!(last["frames"]["bad"], 0, "{format}: {last}");
        assert!(last["scene"]["luma"].as_f64().unwrap() > 0.2, "{format}: {last}");
        assert_eq!(daemon.stop(), 0);
    }
}

/// An IP camera that wants a password at first, then breaks off in mid-frame, then gives what it should.
#[test]
fn an_ip_camera_that_refuses_and_breaks_off_is_told_and_seen_when_it_is_well_again() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let jpeg =
        bearwatch::capture::pixels::encode_jpeg(&bearwatch::perceive::frame::Picture::new(64, 48), 90, 64)
            .unwrap();
    let part =
        [format!("--cam\r\nContent-Length: {}\r\n\r\n", jpeg.len()).as_bytes(), &jpeg, b"\r\n"].concat();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/video", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let ok = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=cam\r\n\r\n";
        for (turn, socket) in listener.incoming().enumerate() {
            let mut socket = socket.unwrap();
            let _ = socket.read(&mut [0; 1024]);
            let _ = match turn {
                0 => socket.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
                1 => socket.write_all(&[ok, &part[..], &part[..part.len() / 2]].concat()),
                _ => socket.write_all(ok),
            };
            while turn > 1 && socket.write_all(&part).is_ok() {
                std::thread::sleep(std::time::Duration::from_millis(100));
            }
        }
    });
    let home = Home::new(&broker.url, &format!("source = \"mjpeg\"\nurl = \"{url}\"\n"));
    let mut daemon = home.start(&[]);
    desk.hears_state("degraded", "capture.password_file");
    desk.hears_state("degraded", "closed the connection in the middle of a frame");
    desk.hears_state("online", "MJPEG 64×48 over HTTP");
    assert_eq!(daemon.stop(), 0);
}

// ---- the model ---------------------------------------------------------------------------------------------------------------

#[test]
fn a_model_that_is_not_what_its_card_says_is_a_mistake_of_configuration() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("models");
    let home = Home::new(NOWHERE, "source = \"simulated\"\n");
    let (onnx, card) = (home.path("m.onnx"), home.path("m.json"));
    let model = std::fs::read(shipped.join("bearwatch-nano.onnx")).unwrap();
    let text = std::fs::read_to_string(shipped.join("bearwatch-nano.json")).unwrap();
    let refused = |says: &str| {
        let mut daemon = home.start(&[&format!("model.path={}", onnx.display())]);
        assert_eq!(daemon.ends_within(SOON), 78, "{says}: {}", daemon.log());
        daemon.says(says);
    };
    refused("m.onnx: ");
    std::fs::write(&onnx, &model).unwrap();
    refused("m.json");
    std::fs::write(&card, text.replace("\"bear\"", "\"wolf\"")).unwrap();
    refused("m.json");
    let mut other: Value = serde_json::from_str(&text).unwrap();
    other["output"]["strides"] = serde_json::json!([8, 16]);
    std::fs::write(&card, other.to_string()).unwrap();
    refused("m.onnx");
    std::fs::write(&card, &text).unwrap();
    std::fs::write(&onnx, &model[..model.len() / 2]).unwrap();
    refused("copy it again");
}

// ---- the configuration -------------------------------------------------------------------------------------------------------

fn run(arguments: &[&str]) -> (Option<i32>, String) {
    let output = bearwatch().env("NO_COLOR", "1").arg("run").args(arguments).output().unwrap();
    assert!(output.stdout.is_empty(), "stdout is for results");
    (output.status.code(), String::from_utf8(output.stderr).unwrap())
}

#[test]
fn ten_mistakes_are_told_at_once_with_their_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bearwatch.toml");
    let text = "[site]\nname = \"Yellow Creek\"\n[capture]\nsource = \"film\"\nstall_s = -1\nhistroy_s = 3\n[model]\nthreads = \"two\"\n\
                [perceive]\nbudget_ms = 0\nregions = \"some\"\n[alert]\nupdate_s = true\n[publish]\nbroker = \"park.example\"\n\
                [shop]\nopen = 1\n";
    std::fs::write(&file, text).unwrap();
    let (code, said) = run(&["--config", file.to_str().unwrap()]);
    assert_eq!(code, Some(78));
    // The camera's name is missing; the others stand on these lines.
    for line in [2, 4, 5, 6, 8, 10, 11, 13, 15, 16] {
        let place = format!("bearwatch.toml:{line}");
        assert!(said.contains(&place), "nothing of line {line}: {said}");
    }
    assert!(said.contains("site.camera"), "{said}");
    assert!(said.contains("history_s"), "no remedy for the mistyped key: {said}");
}

#[test]
fn unknown_keys_of_the_command_line_and_missing_files_are_told() {
    let home = Home::new(NOWHERE, "source = \"simulated\"\n");
    let config = home.path("bearwatch.toml").display().to_string();
    let (code, said) = run(&["--config", &config, "--set", "alert.update=3", "--set", "nonsense"]);
    assert_eq!(code, Some(78));
    assert!(
        said.contains("alert.update") && said.contains("update_s") && said.contains("nonsense"),
        "{said}"
    );
    let (code, said) = run(&["--config", "/nowhere/bearwatch.toml"]);
    assert_eq!(code, Some(78));
    assert!(said.contains("/nowhere/bearwatch.toml") && said.contains("--config"), "{said}");
}
