//! One frame from a source, to see whether it works: for `bearwatch check`.

use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use super::settings::SourceSettings;
use super::{CaptureError, Next, Source};
use crate::perceive::frame::Frame;
use crate::system::stop::Stop;

/// How long a source may take to end once it was asked.
const GRACE: Duration = Duration::from_secs(2);
/// The first frames of a camera may be damaged.
const MOST_BAD: usize = 10;

/// Opens a source, takes one good frame and closes it; says what was got: "YUYV 640×480 at 15 fps".
///
/// # Errors
/// As the source gives them; [`CaptureError::Broken`] where no frame came in time, [`CaptureError::Stuck`] where a call does not
/// return: its thread is then left behind.
pub fn probe(settings: &SourceSettings, patience: Duration) -> Result<String, CaptureError> {
    let source = super::open(settings)?;
    let source_name = source.name();
    let (stop, (answer, answers)) = (Stop::default(), sync_channel(1));
    let flag = stop.clone();
    let look = move || drop(answer.send(first_frame(source, &flag)));
    if let Err(error) = thread::Builder::new().name("probe".to_owned()).spawn(look) {
        return Err(CaptureError::Broken { source_name, what: error.to_string() });
    }
    if let Ok(result) = answers.recv_timeout(patience) {
        return result;
    }
    stop.raise(); // ends a source that is merely silent
    answers.recv_timeout(GRACE).unwrap_or_else(|_| {
        Err(CaptureError::Stuck {
            source_name,
            what: format!("a call has not returned for {:.0} s", (patience + GRACE).as_secs_f64()),
            remedy: "unplug the camera or restart the board".to_owned(),
        })
    })
}

fn first_frame(mut source: Box<dyn Source>, stop: &Stop) -> Result<String, CaptureError> {
    let mut stream = source.open(stop)?;
    let mut frame = Frame::empty();
    let mut bad = 0;
    loop {
        match stream.next(&mut frame, stop) {
            Ok(Next::Frame) => return Ok(stream.describe()),
            Ok(Next::End) => {
                let what = "gave no frame".to_owned();
                return Err(CaptureError::Broken { source_name: source.name(), what });
            }
            Err(CaptureError::BadFrame { .. }) if bad < MOST_BAD => bad += 1,
            Err(error) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::settings::{CommandFormat, CommandSettings, RawPixels, SceneSettings};
    use crate::system::clock::Stopwatch;

    fn command(script: &str) -> SourceSettings {
        SourceSettings::Command(CommandSettings {
            command: ["sh", "-c", script].map(str::to_owned).to_vec(),
            format: CommandFormat::Raw,
            pixels: RawPixels::Grey,
            width: 4,
            height: 4,
        })
    }

    #[test]
    fn a_source_that_works_says_what_it_gives() {
        let found = probe(&SourceSettings::Simulated(SceneSettings::default()), Duration::from_secs(20));
        assert!(found.unwrap().contains("640×360"));
    }

    #[test]
    fn a_silent_source_is_told_from_one_that_works() {
        let lived = Stopwatch::start();
        let error = probe(&command("sleep 60"), Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, CaptureError::Broken { .. }), "{error}");
        assert!(lived.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_source_that_ends_at_once_says_why() {
        let error = probe(&command("echo no lens >&2; exit 3"), Duration::from_secs(20)).unwrap_err();
        assert!(error.to_string().contains("no lens"), "{error}");
    }
}
