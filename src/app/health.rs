//! What the camera's state is called on the status topic. Pure: told facts, answers with a verdict.
//!
//! Silence must never be mistaken for "all quiet": whatever keeps the detector from seeing is `degraded`, with its reason.

use std::time::Duration;

use crate::control::Warning;
use crate::perceive::governor::{Effort, Strain};
use crate::perceive::liveness::Impairment;
use crate::publish::{Health, State};

/// A detector that has not seen a picture for so long is blind, whatever the camera says. Told within ten seconds, on its way included.
const BLIND_AFTER: Duration = Duration::from_secs(8);

/// What the camera last told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Camera {
    /// Not opened yet.
    Opening,
    /// Open, and what was got.
    Open(String),
    /// Closed, and why.
    Lost(String),
    /// The pictures have come to their end.
    Ended,
}

/// What is known when the verdict is asked for.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// What the camera last told.
    pub camera: &'a Camera,
    /// Time since the capture of the last frame that the model saw; `None` before the first.
    pub since_last: Option<Duration>,
    /// Why the newest frame could not be used.
    pub fault: Option<&'a str>,
    /// What the newest frames show to be wrong with the picture.
    pub impairment: Option<Impairment>,
    /// How much is done at present, and why no more.
    pub effort: Effort,
    /// Room where the outbox stands, megabytes, where the system tells.
    pub room_mb: Option<f64>,
    /// What was ordered that keeps anybody from being told, or a drill that shows that nobody may be.
    pub warning: Option<&'a Warning>,
    /// Longest time between two frames of this source in ordinary life (files at one frame a minute).
    pub interval: Duration,
}

/// Below this the outbox cannot grow, megabytes.
const LEAST_ROOM_MB: f64 = 1.0;
const FULL: &str = "the disk where the outbox stands is full: alerts go out, and would find no place if the broker were away for long; free space there";

/// The verdict. A camera that tells nobody by order says so before anything else: it must not be taken for one that sees nothing.
pub fn judge(facts: &Facts) -> Health {
    let health = judge_sight(facts);
    match (facts.warning, health.state) {
        (None, _) => health,
        (Some(warning), State::Online) => {
            Health { state: State::Degraded, reason: warning.text.clone(), cause: warning.cause }
        }
        (Some(Warning { text, .. }), _) => Health { reason: format!("{text}; {}", health.reason), ..health },
    }
}

fn judge_sight(facts: &Facts) -> Health {
    let degraded = |cause, reason: String| Health { state: State::Degraded, reason, cause };
    match (facts.camera, facts.since_last) {
        (Camera::Lost(why), _) => degraded("camera-lost", why.clone()),
        (Camera::Ended, _) => degraded("camera-ended", "the pictures have come to their end".into()),
        (_, None) => degraded("no-picture", waiting(facts)),
        (_, Some(since)) if since > BLIND_AFTER + 2 * facts.interval => degraded("blind", blind(facts)),
        (Camera::Open(what), _) => match (facts.impairment, facts.effort.sentence()) {
            (Some(impairment), _) => degraded(impairment.name(), impairment.sentence().into()),
            (None, Some(less)) => degraded(facts.effort.strain.map_or("busy", Strain::name), less),
            (None, None) if facts.room_mb.is_some_and(|mb| mb < LEAST_ROOM_MB) => {
                degraded("disk-full", FULL.into())
            }
            (None, None) => Health { state: State::Online, reason: what.clone(), cause: "ok" },
        },
        (Camera::Opening, _) => degraded("opening", "the source is being opened".into()),
    }
}

fn waiting(facts: &Facts) -> String {
    match facts.fault {
        Some(fault) => format!("no usable picture yet: {fault}"),
        None => "no picture yet".into(),
    }
}

/// Without the seconds that pass: a reason that does not change is told once.
fn blind(facts: &Facts) -> String {
    let fault = facts.fault.map_or(String::new(), |f| format!(": {f}"));
    format!("no usable picture for more than {} s{fault}", BLIND_AFTER.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::perceive::governor::Level;

    fn verdict(camera: Camera, since_s: Option<u64>, fault: Option<&str>) -> Health {
        let since_last = since_s.map(Duration::from_secs);
        judge(&Facts {
            camera: &camera,
            since_last,
            fault,
            impairment: None,
            effort: Effort::default(),
            room_mb: Some(100.0),
            warning: None,
            interval: Duration::from_millis(66),
        })
    }

    /// While the broker takes everything at once nothing else says so: alerts have their room in the journal.
    #[test]
    fn a_disk_that_is_full_is_told_before_anything_has_to_wait_there() {
        let camera = Camera::Open("YUYV 640×480".into());
        let state = |room_mb| {
            let (since_last, interval) = (Some(Duration::ZERO), Duration::from_millis(66));
            let effort = Effort::default();
            judge(&Facts {
                camera: &camera,
                since_last,
                fault: None,
                impairment: None,
                effort,
                room_mb,
                warning: None,
                interval,
            })
        };
        assert_eq!(state(Some(0.0)).cause, "disk-full");
        assert!(state(Some(0.0)).reason.contains("is full"));
        assert_eq!((state(Some(5.0)).state, state(None).state), (State::Online, State::Online));
    }

    #[test]
    fn a_camera_that_delivers_is_online_and_says_what_it_is() {
        let health = verdict(Camera::Open("YUYV 640×480".into()), Some(1), None);
        assert_eq!((health.state, health.reason.as_str()), (State::Online, "YUYV 640×480"));
    }

    #[test]
    fn before_the_first_picture_nothing_is_called_online() {
        let health = verdict(Camera::Open("YUYV".into()), None, None);
        assert_eq!(health.state, State::Degraded);
    }

    #[test]
    fn an_open_camera_whose_frames_cannot_be_used_is_degraded_with_the_reason() {
        let health = verdict(Camera::Open("MJPEG".into()), Some(30), Some("JPEG ends early"));
        assert_eq!(health.state, State::Degraded);
        assert_eq!(health.reason, "no usable picture for more than 8 s: JPEG ends early");
    }

    #[test]
    fn a_lost_camera_is_degraded_at_once() {
        assert_eq!(verdict(Camera::Lost("unplugged".into()), Some(0), None).reason, "unplugged");
    }

    #[test]
    fn a_slow_source_is_given_its_own_time() {
        let camera = Camera::Open("files".into());
        let facts = Facts {
            camera: &camera,
            since_last: Some(Duration::from_secs(55)),
            fault: None,
            impairment: None,
            effort: Effort::default(),
            room_mb: None,
            warning: None,
            interval: Duration::from_secs(60),
        };
        assert_eq!(judge(&facts).state, State::Online);
    }

    #[test]
    fn a_camera_that_delivers_what_nobody_can_see_on_is_degraded_with_the_remedy() {
        let camera = Camera::Open("MJPEG 1280×720".into());
        let (since_last, interval) = (Some(Duration::from_millis(50)), Duration::from_millis(66));
        let impairment = Some(Impairment::Obstructed);
        let effort = Effort { level: Level::Half, strain: Some(Strain::Hot) };
        let facts = Facts {
            camera: &camera,
            since_last,
            fault: None,
            impairment,
            effort,
            room_mb: None,
            warning: None,
            interval,
        };
        let health = judge(&facts);
        assert_eq!(health.state, State::Degraded);
        assert!(health.reason.contains("a web") && health.reason.contains("please wipe it"), "{health:?}");
        let health = judge(&Facts { impairment: None, ..facts });
        assert_eq!(health.state, State::Degraded);
        assert!(health.reason.contains("is hot: please give the board shade"), "{health:?}");
        assert_eq!(health.cause, "hot");
    }

    #[test]
    fn a_camera_that_tells_nobody_by_order_is_never_online() {
        let (open, lost) = (Camera::Open("MJPEG".into()), Camera::Lost("unplugged".into()));
        let ordered = "DISARMED until noon by anna: nobody is told of bears";
        let warning = Warning { text: ordered.into(), cause: "ordered" };
        let facts = Facts {
            camera: &open,
            since_last: Some(Duration::ZERO),
            fault: None,
            impairment: None,
            effort: Effort::default(),
            room_mb: None,
            warning: Some(&warning),
            interval: Duration::from_secs(1),
        };
        let health = judge(&facts);
        assert_eq!((health.state, health.reason.as_str()), (State::Degraded, ordered));
        assert_eq!(health.cause, "ordered");
        let health = judge(&Facts { camera: &lost, ..facts });
        assert_eq!(health.reason, format!("{}; unplugged", ordered));
    }
}
