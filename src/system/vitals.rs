//! How the board itself is doing: heat, memory, disk, load.

use std::fs;
use std::path::Path;

/// One look at the board. What this board does not tell is `None`, never a made-up number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vitals {
    /// The hottest of the processor's sensors, degrees Celsius.
    pub temperature_c: Option<f32>,
    /// Memory of this process that is in RAM, megabytes (10⁶ bytes).
    pub memory_mb: Option<f32>,
    /// Room that we may still write to where the outbox stands, megabytes.
    pub disk_free_mb: Option<f64>,
    /// Processes that wait for a core, mean of the last minute.
    pub load: Option<f32>,
}

impl Vitals {
    /// Looks at this board; `store` is the folder of the outbox. Takes well under a millisecond.
    pub fn read(store: &Path) -> Vitals {
        Vitals::read_below(Path::new("/"), store)
    }

    /// As [`Vitals::read`], with `sys` and `proc` below another root.
    fn read_below(root: &Path, store: &Path) -> Vitals {
        Vitals {
            temperature_c: temperature_c(&root.join("sys/class/thermal")),
            memory_mb: memory_mb(&root.join("proc/self/status")),
            disk_free_mb: disk_free_mb(store),
            load: load(&root.join("proc/loadavg")),
        }
    }
}

/// The kernel gives thousandths of a degree. A zone whose sensor is off fails to read, or gives a value far below freezing:
/// it is left out.
fn temperature_c(zones: &Path) -> Option<f32> {
    let zone = |folder: fs::DirEntry| {
        fs::read_to_string(folder.path().join("temp")).ok()?.trim().parse::<f32>().ok()
    };
    let zones = fs::read_dir(zones).ok()?.flatten().filter_map(zone).map(|thousandths| thousandths / 1e3);
    zones.filter(|degrees| (-60.0..=200.0).contains(degrees)).reduce(f32::max)
}

fn memory_mb(status: &Path) -> Option<f32> {
    let text = fs::read_to_string(status).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f32 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

fn disk_free_mb(folder: &Path) -> Option<f64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail as f64 * disk.f_frsize as f64 / 1e6)
}

fn load(file: &Path) -> Option<f32> {
    fs::read_to_string(file).ok()?.split_whitespace().next()?.parse().ok()
}

/// The processor's name, for reports; the architecture where the kernel tells no name (ARM).
pub fn cpu_model() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = |line: &str| Some(line.strip_prefix("model name")?.split_once(':')?.1.trim().to_owned());
    text.lines().find_map(named).unwrap_or_else(|| std::env::consts::ARCH.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, file: &str, text: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn a_board_tells_all_it_knows() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "sys/class/thermal/thermal_zone0/temp", "48312\n");
        put(root.path(), "sys/class/thermal/thermal_zone1/temp", "61000\n");
        put(root.path(), "sys/class/thermal/thermal_zone2/temp", "-273200\n");
        put(root.path(), "sys/class/thermal/cooling_device0/type", "fan\n");
        put(root.path(), "proc/self/status", "Name:\tbearwatch\nVmHWM:\t  90000 kB\nVmRSS:\t   62500 kB\n");
        put(root.path(), "proc/loadavg", "1.25 0.80 0.60 2/345 6789\n");
        let vitals = Vitals::read_below(root.path(), root.path());
        assert_eq!(vitals.temperature_c, Some(61.0));
        assert_eq!(vitals.memory_mb, Some(64.0));
        assert_eq!(vitals.load, Some(1.25));
        assert!(vitals.disk_free_mb.unwrap() > 0.0);
    }

    #[test]
    fn what_a_board_does_not_tell_is_not_made_up() {
        let root = tempfile::tempdir().unwrap();
        let nothing = Vitals::read_below(root.path(), &root.path().join("gone"));
        assert_eq!(nothing, Vitals::default());
        put(root.path(), "sys/class/thermal/thermal_zone0/temp", "off\n");
        put(root.path(), "proc/self/status", "VmRSS:\tmuch\n");
        put(root.path(), "proc/loadavg", "");
        assert_eq!(Vitals::read_below(root.path(), &root.path().join("gone")), Vitals::default());
    }

    #[test]
    fn this_machine_tells_its_memory_and_load() {
        let vitals = Vitals::read(Path::new("/tmp"));
        assert!(vitals.memory_mb.unwrap() > 1.0);
        assert!(vitals.load.unwrap() >= 0.0);
    }
}
