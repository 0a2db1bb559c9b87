//! A short look at a source, to see whether it works: for `bearwatch check`.

use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use super::settings::SourceSettings;
use super::{CaptureError, Stream};
use crate::system::clock::Stopwatch;
use crate::system::stop::Stop;

/// How long a source may take to end once it was asked.
const GRACE: Duration = Duration::from_secs(2);
/// How often somebody is listened to who wants to end.
const TICK: Duration = Duration::from_millis(50);

/// Opens a source on a thread of its own, lets `look` take what it wants to see, and closes it. After `patience`, or when `stop` is
/// raised, the flag that `look` is given goes up: streams then end.
///
/// # Errors
/// As the source and `look` give them; [`CaptureError::Stuck`] where a call does not return even then: its thread is left behind.
pub fn probe<T: Send + 'static>(
    settings: &SourceSettings,
    patience: Duration,
    stop: &Stop,
    look: impl FnOnce(&mut dyn Stream, &Stop) -> Result<T, CaptureError> + Send + 'static,
) -> Result<T, CaptureError> {
    let mut source = super::open(settings)?;
    let source_name = source.name();
    let (flag, (answer, answers)) = (Stop::default(), sync_channel(1));
    let theirs = flag.clone();
    let work = move || {
        let seen = source.open(&theirs).and_then(|mut stream| look(&mut *stream, &theirs));
        drop(answer.send(seen));
    };
    if let Err(error) = thread::Builder::new().name("probe".to_owned()).spawn(work) {
        return Err(CaptureError::Broken { source_name, what: error.to_string() });
    }
    if let Some(result) = wait(&answers, patience, stop) {
        return result;
    }
    flag.raise(); // ends a source that is merely silent
    wait(&answers, GRACE, &Stop::default()).unwrap_or_else(|| {
        Err(CaptureError::Stuck {
            source_name,
            what: format!("a call has not returned for {:.0} s", (patience + GRACE).as_secs_f64()),
            remedy: "unplug the camera or restart the board".to_owned(),
        })
    })
}

fn wait<T>(answers: &Receiver<T>, limit: Duration, stop: &Stop) -> Option<T> {
    let watch = Stopwatch::start();
    while watch.elapsed() < limit && !stop.is_raised() {
        match answers.recv_timeout(TICK) {
            Ok(answer) => return Some(answer),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Next;
    use crate::capture::settings::{CommandFormat, CommandSettings, RawPixels, SceneSettings};
    use crate::perceive::frame::Frame;

    /// Takes one frame: what was got, nothing at the end.
    fn first_frame(settings: &SourceSettings, patience: Duration) -> Result<Option<String>, CaptureError> {
        probe(settings, patience, &Stop::default(), |stream, stop| {
            let next = stream.next(&mut Frame::empty(), stop)?;
            Ok((next == Next::Frame).then(|| stream.describe()))
        })
    }

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
        let found =
            first_frame(&SourceSettings::Simulated(SceneSettings::default()), Duration::from_secs(20));
        assert!(found.unwrap().unwrap().contains("640×360"));
    }

    #[test]
    fn a_silent_source_is_ended_and_gave_nothing() {
        let lived = Stopwatch::start();
        let found = first_frame(&command("sleep 60"), Duration::from_millis(300)).unwrap();
        assert!(found.is_none() && lived.elapsed() < Duration::from_secs(10), "{found:?}");
    }

    #[test]
    fn a_call_that_does_not_return_is_left_behind() {
        let settings = SourceSettings::Simulated(SceneSettings::default());
        let patience = Duration::from_millis(100);
        let stuck = probe(&settings, patience, &Stop::default(), |_, _| {
            thread::sleep(Duration::from_secs(60));
            Ok(())
        });
        assert!(matches!(stuck, Err(CaptureError::Stuck { .. })), "{stuck:?}");
    }

    #[test]
    fn whoever_wants_to_end_does_not_wait() {
        let (stop, lived) = (Stop::default(), Stopwatch::start());
        stop.raise();
        let found = probe(&command("sleep 60"), Duration::from_secs(60), &stop, |stream, stop| {
            stream.next(&mut Frame::empty(), stop)
        });
        assert!(matches!(found, Ok(Next::End)) && lived.elapsed() < Duration::from_secs(10), "{found:?}");
    }

    #[test]
    fn a_source_that_ends_at_once_says_why() {
        let error = first_frame(&command("echo no lens >&2; exit 3"), Duration::from_secs(20)).unwrap_err();
        assert!(error.to_string().contains("no lens"), "{error}");
    }
}
