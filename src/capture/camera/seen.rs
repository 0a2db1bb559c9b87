//! The video nodes of this machine, for people.

use std::path::PathBuf;

use super::device::Device;
use super::node::{Node, Nodes};

/// A video node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// "/dev/video0".
    pub path: PathBuf,
    /// What the kernel calls it.
    pub name: String,
    /// The link that stays the same after replugging: the best value for `capture.device`.
    pub link: Option<PathBuf>,
    /// Why it cannot be used; `None` for a camera.
    pub problem: Option<String>,
}

impl std::fmt::Display for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.link.as_ref().unwrap_or(&self.path);
        write!(f, "{} ({})", path.display(), self.name)
    }
}

/// Looks at all of them, those without pictures included; none is set or started.
pub fn seen() -> Vec<Seen> {
    let nodes = Nodes::default();
    nodes.all().into_iter().map(|node| see(&nodes, node)).collect()
}

/// What a person can do who named no camera: the cameras that could be named.
pub fn usable() -> String {
    advice(&seen())
}

fn advice(seen: &[Seen]) -> String {
    let usable: Vec<String> = seen.iter().filter(|s| s.problem.is_none()).map(Seen::to_string).collect();
    if usable.is_empty() {
        return "no camera is seen here: check cable and power, `lsusb` and `dmesg`".to_owned();
    }
    format!("set capture.device to one of: {}", usable.join(", "))
}

fn see(nodes: &Nodes, node: Node) -> Seen {
    let name = nodes.name(&node);
    let problem = match &name {
        Err(_) => Some("its name is not UTF-8".to_owned()),
        Ok(_) => match Device::open(&node).and_then(|device| device.problem()) {
            Ok(problem) => problem.map(str::to_owned),
            Err(error) => Some(error.to_string()),
        },
    };
    let name = name.unwrap_or_else(Some).unwrap_or_else(|| "no name".to_owned());
    Seen { name, link: nodes.link_to(&node), problem, path: node.path }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_names_stable_links_and_leaves_out_what_cannot_be_used() {
        let seen = |path: &str, link: Option<&str>, problem: Option<&str>| Seen {
            path: path.into(),
            name: "Trail Cam".into(),
            link: link.map(PathBuf::from),
            problem: problem.map(str::to_owned),
        };
        let link = "/dev/v4l/by-id/usb-Trail_Cam-video-index0";
        let all = [
            seen("/dev/video0", Some(link), None),
            seen("/dev/video1", None, Some("gives no pictures")),
            seen("/dev/video2", None, None),
        ];
        assert_eq!(
            advice(&all),
            format!("set capture.device to one of: {link} (Trail Cam), /dev/video2 (Trail Cam)")
        );
        assert!(advice(&all[1..2]).contains("no camera is seen here"));
    }
}
