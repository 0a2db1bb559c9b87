use super::*;
use std::path::Path;

fn camera(device: &str) -> Camera {
    Camera::new(CameraSettings {
        device: device.to_owned(),
        width: 640,
        height: 360,
        fps: 15,
        exposure: None,
        gain: None,
        exposure_limit: None,
    })
}

fn error(mut camera: Camera) -> CaptureError {
    match camera.open(&Stop::default()) {
        Err(error) => error,
        Ok(stream) => panic!("opened: {}", stream.describe()),
    }
}

#[test]
fn a_camera_that_is_away_is_waited_for_and_named() {
    for device in ["/dev/video3999", "3999", "/dev/v4l/by-id/usb-Nobody-video-index0"] {
        let error = error(camera(device));
        let text = error.to_string();
        assert!(matches!(error, CaptureError::Unavailable { .. }), "{text}");
        assert!(text.starts_with(&format!("camera {device}: is not there; ")), "{text}");
    }
}

#[test]
fn what_is_no_camera_ends_the_daemon_with_the_remedy() {
    for device in ["/dev/null", "/etc/hostname", "/dev"] {
        let error = error(camera(device));
        let text = error.to_string();
        assert!(matches!(error, CaptureError::Hopeless { .. }), "{text}");
        assert!(text.contains("is not a V4L2 camera; "), "{text}");
    }
}

/// A node of the right name that is something else: a file answers V4L2's questions as any foreign device does.
#[test]
fn a_node_that_does_not_speak_v4l2_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("video0"), "").unwrap();
    let nodes = Nodes::below(folder.path(), folder.path());
    let error = error(Camera { nodes, ..camera("0") });
    assert!(matches!(error, CaptureError::Hopeless { .. }), "{error}");
}

#[test]
fn a_name_that_the_library_cannot_bear_is_refused_before_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("video0"), "").unwrap();
    let name = folder.path().join("sys/video0/name");
    std::fs::create_dir_all(name.parent().unwrap()).unwrap();
    std::fs::write(name, b"Trail \xE4\xB8\n").unwrap();
    let nodes = Nodes::below(folder.path(), &folder.path().join("sys"));
    let error = error(Camera { nodes, ..camera("0") });
    assert!(error.to_string().contains("not UTF-8"), "{error}");
}

#[test]
fn every_refusal_of_the_system_has_its_remedy() {
    let node = Node { index: 5, path: Path::new("/dev/video5").to_owned() };
    let text = |errno: Errno| camera("5").refused(&node, &errno.into()).to_string();
    assert!(text(Errno::BUSY).contains("fuser -v /dev/video5"));
    assert!(text(Errno::ACCESS).contains("usermod -aG video"));
    assert!(text(Errno::NODEV).contains("is not there"));
    assert!(text(Errno::IO).contains("dmesg"));
    // The last semicolon parts what happened from what to do: `check` shows them apart.
    for errno in [Errno::BUSY, Errno::ACCESS, Errno::NODEV, Errno::NOTTY, Errno::IO] {
        assert_eq!(text(errno).matches("; ").count(), 1, "{}", text(errno));
    }
    assert!(broken("camera 5", &Errno::NODEV.into()).to_string().ends_with("was unplugged"));
}

#[test]
fn a_driver_that_does_not_let_go_costs_a_new_start() {
    let camera = camera("0");
    camera.wedged.store(true, Ordering::Relaxed);
    assert!(matches!(error(camera), CaptureError::Stuck { .. }));
}
