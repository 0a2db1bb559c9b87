//! `[capture]`: the kind of source decides which keys are wanted.

use url::Url;

use super::keys::Kind;
use super::reader::Reader;
use crate::capture::settings::{
    CameraSettings, CommandFormat, CommandSettings, FilesSettings, MjpegSettings, RawPixels, SceneSettings,
    Settings, SourceSettings,
};

/// Rate of the files source where none is given, frames a second.
const FILES_FPS: f64 = 5.0;
/// Longest side of a frame, pixels.
const MOST_PX: i64 = 16_384;
const MOST_FPS: f64 = 240.0;

/// `[capture]` and `[capture.scene]`.
pub fn capture(reader: &mut Reader) -> Settings {
    let default = Settings::default();
    let given = reader.has("capture.source");
    let kind = reader.choice("capture.source", &Kind::ALL.map(|kind| (kind.name(), kind)));
    let kind = if given { kind } else { Some(Kind::Camera) };
    let source = match kind {
        Some(kind) => source(reader, kind),
        None => default.source,
    };
    Settings {
        source,
        stall_s: reader.number("capture.stall_s", default.stall_s, 0.5..=600.0),
        history_s: reader.number("capture.history_s", default.history_s, 0.0..=120.0),
        history_mb: reader.whole("capture.history_mb", default.history_mb, 1..=1024),
    }
}

fn source(reader: &mut Reader, kind: Kind) -> SourceSettings {
    reader.refuse_keys_of_other_sources(kind);
    match kind {
        Kind::Camera => SourceSettings::Camera(camera(reader)),
        Kind::Command => SourceSettings::Command(command(reader)),
        Kind::Files => SourceSettings::Files(files(reader)),
        Kind::Mjpeg => SourceSettings::Mjpeg(mjpeg(reader)),
        Kind::Simulated => SourceSettings::Simulated(scene(reader)),
    }
}

fn camera(reader: &mut Reader) -> CameraSettings {
    for key in ["capture.exposure", "capture.gain"] {
        if reader.has(key) && reader.has("capture.exposure_limit") {
            reader.wrong(key, "is given beside exposure_limit, which steers it", "remove one of the two");
        }
    }
    CameraSettings {
        device: reader.text_or_index("capture.device").unwrap_or_else(|| "0".into()),
        width: reader.whole("capture.width", 1280, 16..=MOST_PX),
        height: reader.whole("capture.height", 720, 16..=MOST_PX),
        fps: reader.whole("capture.fps", 15, 1..=MOST_FPS as i64),
        exposure: reader.maybe_whole("capture.exposure", 1..=1_000_000, "the camera's own control"),
        gain: reader.maybe_whole("capture.gain", 0..=1_000_000, "the camera's own control"),
        exposure_limit: reader.maybe_whole("capture.exposure_limit", 1..=10_000, "the camera's own control"),
    }
}

fn command(reader: &mut Reader) -> CommandSettings {
    let formats = [("y4m", CommandFormat::Y4m), ("mjpeg", CommandFormat::Mjpeg), ("raw", CommandFormat::Raw)];
    let format = reader.choice("capture.format", &formats).unwrap_or(CommandFormat::Mjpeg);
    let command = program(reader);
    if format != CommandFormat::Raw {
        for key in ["capture.pixels", "capture.width", "capture.height"] {
            if reader.has(key) {
                reader.wrong(key, "belongs to format = \"raw\"", "remove it: the stream says it itself");
            }
        }
        return CommandSettings { command, format, pixels: RawPixels::I420, width: 0, height: 0 };
    }
    raw(reader, command)
}

fn program(reader: &mut Reader) -> Vec<String> {
    let key = "capture.command";
    if !reader.has(key) {
        reader.missing(key, "[\"ffmpeg\", \"-i\", …]");
    }
    let command = reader.texts(key, "a list of texts, [\"program\", \"argument\"]").unwrap_or_default();
    let has_password = |argument: &String| Url::parse(argument).is_ok_and(|url| url.password().is_some());
    if command.iter().any(has_password) {
        let remedy = "write the command into a script that only bearwatch may read, and name the script here";
        reader.wrong(key, "holds a password, which every user of the machine could read", remedy);
    }
    command
}

fn raw(reader: &mut Reader, command: Vec<String>) -> CommandSettings {
    for key in ["capture.width", "capture.height"] {
        if !reader.has(key) {
            reader.missing(key, "the frames' size in pixels");
        }
    }
    let words = [
        ("rgb", RawPixels::Rgb),
        ("grey", RawPixels::Grey),
        ("yuyv", RawPixels::Yuyv),
        ("nv12", RawPixels::Nv12),
        ("i420", RawPixels::I420),
    ];
    let pixels = reader.choice("capture.pixels", &words).unwrap_or(RawPixels::I420);
    let width: u32 = reader.whole("capture.width", 2, 1..=MOST_PX);
    let height: u32 = reader.whole("capture.height", 2, 1..=MOST_PX);
    let halved = matches!(pixels, RawPixels::Nv12 | RawPixels::I420);
    if width % 2 == 1 && (halved || pixels == RawPixels::Yuyv) {
        reader.wrong("capture.width", "is odd, which this pixel format cannot be", "give an even number");
    }
    if height % 2 == 1 && halved {
        reader.wrong("capture.height", "is odd, which this pixel format cannot be", "give an even number");
    }
    CommandSettings { command, format: CommandFormat::Raw, pixels, width, height }
}

fn files(reader: &mut Reader) -> FilesSettings {
    if !reader.has("capture.path") {
        reader.missing("capture.path", "\"/folder/of/pictures\"");
    }
    FilesSettings {
        path: reader.path("capture.path").unwrap_or_default(),
        fps: reader.number("capture.fps", FILES_FPS, 0.01..=MOST_FPS),
        repeat: reader.flag("capture.loop", false),
        frames_each: 1,
    }
}

fn mjpeg(reader: &mut Reader) -> MjpegSettings {
    let key = "capture.url";
    if !reader.has(key) {
        reader.missing(key, "\"http://camera.local/stream\"");
    }
    let url = reader.text(key).unwrap_or_default();
    if !url.is_empty() {
        check_stream_url(reader, &url);
    }
    let password_file = reader.secret("capture.password_file");
    let user = reader.text("capture.user");
    if reader.has("capture.password_file") && !reader.has("capture.user") {
        reader.wrong("capture.password_file", "is given without a user", "add user = \"…\" to [capture]");
    }
    MjpegSettings { url, user, password_file }
}

/// Never shows the address: it may hold a password.
fn check_stream_url(reader: &mut Reader, url: &str) {
    let key = "capture.url";
    match Url::parse(url) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => {
            reader.wrong(key, "holds a user or a password", "give them as user and password_file");
        }
        Ok(url) if url.scheme() == "http" && url.has_host() => {}
        Ok(url) if matches!(url.scheme(), "https" | "rtsp" | "rtsps") => {
            let what = format!("{} is not read by this source", url.scheme());
            reader.wrong(
                key,
                what,
                "use source = \"command\" with ffmpeg, as the sample configuration shows",
            );
        }
        _ => reader.wrong(key, "is not an address", "write it as http://host[:port]/path"),
    }
}

fn scene(reader: &mut Reader) -> SceneSettings {
    let default = SceneSettings::default();
    let mut light = |key: &str, default: f32| reader.number(key, f64::from(default), 0.0..=1.0) as f32;
    let darkness_start = light("capture.scene.darkness_start", default.darkness_start);
    let darkness_end = light("capture.scene.darkness_end", default.darkness_end);
    SceneSettings {
        seed: reader.whole("capture.scene.seed", default.seed, 0..=i64::MAX),
        width: reader.whole("capture.width", default.width, 160..=1920),
        height: reader.whole("capture.height", default.height, 90..=1080),
        fps: reader.number("capture.fps", default.fps, 0.1..=MOST_FPS),
        darkness_start,
        darkness_end,
        duration_s: reader.number("capture.scene.duration_s", default.duration_s, 1.0..=86_400.0),
        bears: reader.whole("capture.scene.bears", default.bears, 0..=1000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::layer::Layer;

    #[test]
    fn exposure_is_steered_or_set_by_hand_and_not_both() {
        let read = |lines: &str| {
            let text = format!("[capture]\n{lines}\n");
            let mut reader = Reader::new(&[&Layer::file(&text, "x.toml")], "x.toml", None);
            let SourceSettings::Camera(camera) = capture(&mut reader).source else { panic!() };
            let mistakes: Vec<String> = reader.finish().iter().map(ToString::to_string).collect();
            (camera.exposure_limit, mistakes)
        };
        assert_eq!(read("exposure_limit = 333"), (Some(333), vec![]));
        assert_eq!(read("gain = 3"), (None, vec![]));
        let (_, told) = read("exposure = 200\nexposure_limit = 333");
        let expected = "x.toml:2: capture.exposure: is given beside exposure_limit, which steers it; remove one of the two";
        assert_eq!(told, [expected]);
    }
}
