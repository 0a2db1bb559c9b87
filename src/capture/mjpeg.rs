//! The HTTP multipart stream of an IP camera. Plain HTTP and basic authentication: cameras with HTTPS, digest authentication or RTSP
//! are reached through the `command` source.

use std::io::Read;
use std::path::Path;
use std::thread;
use std::time::Duration;

use ureq::{Agent, BodyReader};

use super::multipart::{Part, Parts};
use super::settings::MjpegSettings;
use super::{CaptureError, Next, Source, Stream, jpeg};
use crate::perceive::frame::{Frame, PixelFormat};
use crate::system::stop::Stop;

/// For looking the name up, for connecting, and for the answer's header, each.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often the flag is looked at while the network is silent.
const TICK: Duration = Duration::from_millis(100);
const CHUNK: usize = 64 << 10;

/// The source.
#[derive(Debug)]
pub struct Mjpeg {
    settings: MjpegSettings,
}

impl Mjpeg {
    /// Nothing is connected before it is opened.
    pub fn new(settings: MjpegSettings) -> Mjpeg {
        Mjpeg { settings }
    }

    fn address(&self) -> Result<url::Url, CaptureError> {
        let hopeless = |what: String, remedy: &str| CaptureError::Hopeless {
            source_name: self.name(),
            what,
            remedy: remedy.to_owned(),
        };
        let address = url::Url::parse(&self.settings.url)
            .map_err(|e| hopeless(e.to_string(), "set capture.url to http://host[:port]/path"))?;
        match address.scheme() {
            "http" if address.username().is_empty() && address.password().is_none() => Ok(address),
            "http" => Err(hopeless(
                "the address holds a user or password".to_owned(),
                "move them to capture.user and capture.password_file",
            )),
            other => Err(hopeless(
                format!("{other}: is not spoken here"),
                "use http:, or the command source with ffmpeg for https: and rtsp:",
            )),
        }
    }

    fn authorization(&self) -> Result<Option<String>, CaptureError> {
        let Some(user) = &self.settings.user else { return Ok(None) };
        let password =
            self.settings.password_file.as_deref().map(read_password).transpose()?.unwrap_or_default();
        Ok(Some(format!("Basic {}", base64(format!("{user}:{password}").as_bytes()))))
    }

    fn unavailable(&self, what: String, remedy: &str) -> CaptureError {
        CaptureError::Unavailable { source_name: self.name(), what, remedy: remedy.to_owned() }
    }

    fn refused(&self, error: ureq::Error) -> CaptureError {
        match error {
            ureq::Error::StatusCode(401 | 403) => self.unavailable(
                "the camera wants other credentials".to_owned(),
                "check capture.user and capture.password_file, and that the camera allows basic authentication",
            ),
            ureq::Error::StatusCode(code) => {
                self.unavailable(format!("the camera answers with status {code}"), "check the path in capture.url")
            }
            other => self.unavailable(other.to_string(), "check the address, the cable and the camera's power"),
        }
    }
}

impl Source for Mjpeg {
    /// Without the query, which may hold a key.
    fn name(&self) -> String {
        let address = self.settings.url.split(['?', '#']).next().unwrap_or_default();
        match url::Url::parse(address) {
            Ok(mut address) if address.has_host() => {
                let _ = address.set_username("").and_then(|()| address.set_password(None));
                format!("camera {address}")
            }
            _ => format!("camera {address}"),
        }
    }

    fn is_live(&self) -> bool {
        true
    }

    fn open(&mut self, stop: &Stop) -> Result<Box<dyn Stream>, CaptureError> {
        let address = self.address()?;
        let authorization = self.authorization()?;
        let agent: Agent = Agent::config_builder()
            .proxy(None)
            .timeout_resolve(Some(PATIENCE))
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .build()
            .into();
        let mut request =
            agent.get(address.as_str()).header("Accept", "multipart/x-mixed-replace, image/jpeg");
        if let Some(authorization) = authorization {
            request = request.header("Authorization", authorization);
        }
        let hangup = Hangup::new(&agent, stop);
        let response = request.call().map_err(|error| self.refused(error))?;
        let kind = response
            .headers()
            .get("content-type")
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("")
            .to_owned();
        let parts = Parts::new(&kind).ok_or_else(|| {
            let what = format!("answers with {kind:?} instead of a multipart stream");
            self.unavailable(what, "set capture.url to the camera's MJPEG stream")
        })?;
        let body = response.into_body().into_reader();
        Ok(Box::new(MjpegStream {
            name: self.name(),
            body,
            parts,
            chunk: vec![0; CHUNK],
            size: (0, 0),
            _hangup: hangup,
        }))
    }
}

fn read_password(path: &Path) -> Result<String, CaptureError> {
    let text = std::fs::read_to_string(path).map_err(|error| CaptureError::Hopeless {
        source_name: path.display().to_string(),
        what: error.to_string(),
        remedy: "make capture.password_file a file that this user may read".to_owned(),
    })?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

/// Breaks the connection when the flag is raised: a read from the network has no other end while the camera is silent.
struct Hangup(Stop);

impl Hangup {
    fn new(agent: &Agent, stop: &Stop) -> Hangup {
        let done = Stop::default();
        let (agent, stop, watching) = (agent.clone(), stop.clone(), done.clone());
        let watch = move || {
            while !watching.sleep(TICK) {
                if stop.is_raised() {
                    return agent.shutdown();
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("hangup".to_owned()).spawn(watch) {
            tracing::warn!("no thread to break off a silent camera with: {error}");
        }
        Hangup(done)
    }
}

impl Drop for Hangup {
    fn drop(&mut self) {
        self.0.raise();
    }
}

struct MjpegStream {
    name: String,
    body: BodyReader<'static>,
    parts: Parts,
    chunk: Vec<u8>,
    size: (u32, u32),
    _hangup: Hangup,
}

impl Stream for MjpegStream {
    fn describe(&self) -> String {
        format!("MJPEG {}×{} over HTTP", self.size.0, self.size.1)
    }

    fn next(&mut self, frame: &mut Frame, stop: &Stop) -> Result<Next, CaptureError> {
        loop {
            match self.parts.next(&mut frame.data).map_err(|what| self.broken(what))? {
                Part::Body => return self.finish(frame),
                Part::End => return Ok(Next::End),
                Part::More => {}
            }
            let read = self.body.read(&mut self.chunk);
            if stop.is_raised() {
                return Ok(Next::End);
            }
            match read {
                Ok(0) => return Err(self.broken(self.ending())),
                Ok(bytes) => self.parts.push(&self.chunk[..bytes]),
                Err(error) => return Err(self.broken(error.to_string())),
            }
        }
    }
}

impl MjpegStream {
    fn finish(&mut self, frame: &mut Frame) -> Result<Next, CaptureError> {
        let header = jpeg::header(&frame.data).filter(|header| jpeg::is_whole(&frame.data, header));
        let header = header.ok_or_else(|| CaptureError::BadFrame {
            source_name: self.name.clone(),
            what: "a part that is no whole JPEG".to_owned(),
        })?;
        self.size = (header.width, header.height);
        (frame.format, frame.width, frame.height) = (PixelFormat::Jpeg, header.width, header.height);
        Ok(Next::Frame)
    }

    fn ending(&self) -> String {
        let place = if self.parts.is_inside() { " in the middle of a frame" } else { "" };
        format!("the camera closed the connection{place}")
    }

    fn broken(&self, what: String) -> CaptureError {
        CaptureError::Broken { source_name: self.name.clone(), what }
    }
}

/// RFC 4648, with padding; the one place that needs it.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let group = |chunk: &[u8]| {
        let bits = (0..3).fold(0, |bits, i| bits << 8 | usize::from(chunk.get(i).copied().unwrap_or(0)));
        let digit =
            |i: usize| if i <= chunk.len() { char::from(DIGITS[bits >> (18 - 6 * i) & 63]) } else { '=' };
        [digit(0), digit(1), digit(2), digit(3)]
    };
    bytes.chunks(3).flat_map(group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_gives_the_examples_of_the_rfc() {
        let pairs = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, coded) in pairs {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    fn refusal(url: &str) -> String {
        let settings = MjpegSettings { url: url.to_owned(), user: None, password_file: None };
        match Mjpeg::new(settings).open(&Stop::default()) {
            Err(error @ CaptureError::Hopeless { .. }) => error.to_string(),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{url} opened"),
        }
    }

    #[test]
    fn addresses_that_cannot_work_are_refused_with_the_remedy() {
        assert!(refusal("camera/stream").contains("http://host"));
        assert!(refusal("https://camera/stream").contains("command source"));
        let secret = refusal("http://ranger:grizzly@camera/stream?key=salmon");
        assert!(
            secret.contains("password_file") && !secret.contains("grizzly") && !secret.contains("salmon"),
            "{secret}"
        );
    }
}
