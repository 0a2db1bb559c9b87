//! From what a person calls a camera to its device node.

use std::fs;
use std::path::{Path, PathBuf};

/// Where stable links to cameras stand below `/dev`, the better first.
const LINKS: [&str; 2] = ["v4l/by-id", "v4l/by-path"];

/// Why a name leads to no device node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lost {
    /// There is nothing of that name; it may be plugged in again.
    Missing,
    /// It is something else than a video node, and stays so.
    NotVideo,
}

/// A device node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Node {
    /// The number in its name, by which nokhwa knows it. Another after every replugging.
    pub index: u32,
    /// "/dev/video0".
    pub path: PathBuf,
}

/// The folder of device nodes and that of what the kernel says of them.
#[derive(Clone, Debug)]
pub struct Nodes {
    dev: PathBuf,
    sys: PathBuf,
}

impl Default for Nodes {
    fn default() -> Nodes {
        Nodes { dev: "/dev".into(), sys: "/sys/class/video4linux".into() }
    }
}

impl Nodes {
    /// Other folders than this machine's own.
    #[cfg(test)]
    pub fn below(dev: &Path, sys: &Path) -> Nodes {
        Nodes { dev: dev.into(), sys: sys.into() }
    }

    /// Finds the node by number ("0"), path ("/dev/video0"), link ("/dev/v4l/by-id/…") or the last part of such a link alone.
    /// To be asked anew before each opening: after replugging a stable link leads elsewhere.
    ///
    /// # Errors
    /// [`Lost`].
    pub fn find(&self, device: &str) -> Result<Node, Lost> {
        let path = match device.parse::<u32>() {
            Ok(index) => self.dev.join(format!("video{index}")),
            Err(_) if device.contains('/') => PathBuf::from(device),
            Err(_) => self.link_named(device).ok_or(Lost::Missing)?,
        };
        let real = path.canonicalize().map_err(|_| Lost::Missing)?;
        self.node(&real).ok_or(Lost::NotVideo)
    }

    /// Every video node, those without pictures included, in order of number.
    pub fn all(&self) -> Vec<Node> {
        let entries = fs::read_dir(&self.dev).into_iter().flatten().flatten();
        let mut nodes: Vec<Node> = entries
            .filter(|entry| entry.file_type().is_ok_and(|kind| !kind.is_symlink()))
            .filter_map(|entry| self.node(&entry.path()))
            .collect();
        nodes.sort();
        nodes
    }

    /// The stable link that leads to a node.
    pub fn link_to(&self, node: &Node) -> Option<PathBuf> {
        let leads_there =
            |link: &PathBuf| link.canonicalize().is_ok_and(|path| self.node(&path).as_ref() == Some(node));
        let links = LINKS
            .iter()
            .flat_map(|folder| fs::read_dir(self.dev.join(folder)).into_iter().flatten().flatten());
        let mut links: Vec<PathBuf> = links.map(|entry| entry.path()).collect();
        links.sort();
        links.into_iter().find(leads_there)
    }

    /// What the kernel calls the camera. `None` where it says nothing; an error for a name that is no UTF-8, which v4l answers with
    /// a panic.
    ///
    /// # Errors
    /// The name as far as it can be shown.
    pub fn name(&self, node: &Node) -> Result<Option<String>, String> {
        let file = self.sys.join(format!("video{}", node.index)).join("name");
        let Ok(bytes) = fs::read(file) else { return Ok(None) };
        let lossy = |e: std::string::FromUtf8Error| String::from_utf8_lossy(e.as_bytes()).trim().to_owned();
        String::from_utf8(bytes).map(|name| Some(name.trim().to_owned())).map_err(lossy)
    }

    fn link_named(&self, name: &str) -> Option<PathBuf> {
        LINKS.iter().map(|folder| self.dev.join(folder).join(name)).find(|path| path.exists())
    }

    /// Only `video` and a number, in the folder itself: boards also have video-dec0 and the like, which v4l would take for video0.
    fn node(&self, path: &Path) -> Option<Node> {
        let dev = self.dev.canonicalize().ok()?;
        let digits = path.file_name()?.to_str()?.strip_prefix("video")?;
        let ours = path.parent() == Some(&dev) || path.parent() == Some(&self.dev);
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
        let index = digits.parse().ok().filter(|_| ours && plain)?;
        Some(Node { index, path: self.dev.join(format!("video{index}")) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// Two cameras with a metadata node each, as udev shows them, and a decoder.
    fn tree() -> (tempfile::TempDir, Nodes) {
        let folder = tempfile::tempdir().unwrap();
        let (dev, sys) = (folder.path().join("dev"), folder.path().join("sys"));
        for links in LINKS {
            fs::create_dir_all(dev.join(links)).unwrap();
        }
        for file in ["video0", "video1", "video2", "video10", "video-dec0", "video", "null"] {
            fs::write(dev.join(file), "").unwrap();
        }
        symlink("video2", dev.join("bearcam")).unwrap();
        symlink("../../video0", dev.join("v4l/by-id/usb-Lake_Cam_01-video-index0")).unwrap();
        symlink("../../video2", dev.join("v4l/by-id/usb-Trail_Cam_77-video-index0")).unwrap();
        symlink("../../video10", dev.join("v4l/by-path/platform-usb-0:1.2-video-index0")).unwrap();
        symlink("../../video7", dev.join("v4l/by-id/usb-Gone_Cam-video-index0")).unwrap();
        for (node, name) in [("video0", b"Lake Cam: Lake\n".as_slice()), ("video2", b"Trail \xE4\xB8\n")] {
            fs::create_dir_all(sys.join(node)).unwrap();
            fs::write(sys.join(node).join("name"), name).unwrap();
        }
        let nodes = Nodes::below(&dev, &sys);
        (folder, nodes)
    }

    fn index(nodes: &Nodes, device: &str) -> Result<u32, Lost> {
        nodes.find(device).map(|node| node.index)
    }

    #[test]
    fn a_camera_is_found_by_number_path_and_link() {
        let (_folder, nodes) = tree();
        assert_eq!(index(&nodes, "2"), Ok(2));
        assert_eq!(index(&nodes, "usb-Trail_Cam_77-video-index0"), Ok(2));
        assert_eq!(index(&nodes, "platform-usb-0:1.2-video-index0"), Ok(10));
        for (path, expected) in [
            ("video10", 10),
            ("bearcam", 2),
            ("v4l/by-id/usb-Lake_Cam_01-video-index0", 0),
            ("../dev/video1", 1),
        ] {
            let path = nodes.dev.join(path);
            let node = nodes.find(path.to_str().unwrap()).unwrap();
            assert_eq!(node, Node { index: expected, path: nodes.dev.join(format!("video{expected}")) });
        }
    }

    #[test]
    fn a_link_leads_to_another_node_after_replugging() {
        let (_folder, nodes) = tree();
        let link = nodes.dev.join("v4l/by-id/usb-Lake_Cam_01-video-index0");
        assert_eq!(index(&nodes, link.to_str().unwrap()), Ok(0));
        fs::remove_file(&link).unwrap();
        assert_eq!(index(&nodes, link.to_str().unwrap()), Err(Lost::Missing));
        symlink("../../video10", &link).unwrap();
        assert_eq!(index(&nodes, link.to_str().unwrap()), Ok(10));
    }

    #[test]
    fn what_is_no_camera_is_told_from_what_is_away() {
        let (_folder, nodes) = tree();
        for away in ["7", "usb-Nobody-video-index0", "usb-Gone_Cam-video-index0", "/dev/video4000"] {
            assert_eq!(index(&nodes, away), Err(Lost::Missing), "{away}");
        }
        for other in ["null", "video-dec0", "video"] {
            let path = nodes.dev.join(other);
            assert_eq!(index(&nodes, path.to_str().unwrap()), Err(Lost::NotVideo), "{other}");
        }
        assert_eq!(index(&Nodes::default(), "/dev/null"), Err(Lost::NotVideo));
    }

    #[test]
    fn nodes_are_listed_once_each_with_their_link() {
        let (_folder, nodes) = tree();
        let all = nodes.all();
        assert_eq!(all.iter().map(|node| node.index).collect::<Vec<_>>(), [0, 1, 2, 10]);
        let link =
            |at: usize| nodes.link_to(&all[at]).map(|path| path.strip_prefix(&nodes.dev).unwrap().to_owned());
        assert_eq!(link(2), Some("v4l/by-id/usb-Trail_Cam_77-video-index0".into()));
        assert_eq!(link(3), Some("v4l/by-path/platform-usb-0:1.2-video-index0".into()));
        assert_eq!(link(1), None);
    }

    #[test]
    fn a_name_that_would_end_the_library_is_seen_before() {
        let (_folder, nodes) = tree();
        let all = nodes.all();
        assert_eq!(nodes.name(&all[0]), Ok(Some("Lake Cam: Lake".to_owned())));
        assert_eq!(nodes.name(&all[1]), Ok(None));
        assert!(nodes.name(&all[2]).unwrap_err().starts_with("Trail"));
    }
}
