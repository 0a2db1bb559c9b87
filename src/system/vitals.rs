//! How the board itself is doing: heat, memory, disk, load.

use std::fs;
use std::path::{Path, PathBuf};

/// One look at the board. What this board does not tell is `None`, never a made-up number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Vitals {
    /// The hottest of the processor's sensors, degrees Celsius.
    pub temperature_c: Option<f32>,
    /// Whether the processor runs as fast as it could.
    pub clocking: Option<Clocking>,
    /// Memory of this process that is in RAM, megabytes (10⁶ bytes).
    pub memory_mb: Option<f32>,
    /// Room that we may still write to where the outbox stands, megabytes.
    pub disk_free_mb: Option<f64>,
    /// Processes that wait for a core, mean of the last minute.
    pub load: Option<f32>,
    /// What this process has written to disks since its start, megabytes.
    pub written_mb: Option<f64>,
}

/// What the system lets the processor do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clocking {
    /// All that it can.
    Free,
    /// Less, for its heat.
    Throttled,
    /// The voltage of the power supply is too low; a Raspberry Pi then holds the processor down, too.
    Undervolted,
}

impl Vitals {
    /// Looks at this board: `sysfs` is where the kernel tells of it (`/sys`), `store` the folder of the outbox. Takes well under a
    /// millisecond.
    pub fn read(sysfs: &Path, store: &Path) -> Vitals {
        Vitals::read_from(sysfs, Path::new("/proc"), store)
    }

    fn read_from(sysfs: &Path, proc: &Path, store: &Path) -> Vitals {
        Vitals {
            temperature_c: temperature_c(&sysfs.join("class/thermal")),
            clocking: clocking(sysfs),
            memory_mb: resident_mb(&proc.join("self/status")),
            disk_free_mb: disk_free_mb(store),
            load: load(&proc.join("loadavg")),
            written_mb: written_mb(&proc.join("self/io")),
        }
    }
}

/// The kernel gives thousandths of a degree. A zone whose sensor is off fails to read, or gives a value far below freezing:
/// it is left out.
fn temperature_c(zones: &Path) -> Option<f32> {
    let zone = |folder: PathBuf| text(&folder.join("temp"))?.parse::<f32>().ok();
    let zones = folders(zones).filter_map(zone).map(|thousandths| thousandths / 1e3);
    zones.filter(|degrees| (-60.0..=200.0).contains(degrees)).reduce(f32::max)
}

/// What any of those that tell of it tells; the worst.
fn clocking(sysfs: &Path) -> Option<Clocking> {
    let told = [firmware(sysfs), supply(sysfs), cooling(sysfs)];
    let tells = |wanted: Clocking| told.contains(&Some(wanted)).then_some(wanted);
    tells(Clocking::Undervolted).or(tells(Clocking::Throttled)).or(tells(Clocking::Free))
}

/// A Raspberry Pi's firmware, by the driver of its makers: hexadecimal, the four lowest bits speak of now. Bit 0: too little voltage;
/// 1 frequency capped, 2 throttled, 3 soft temperature limit (raspberrypi.com, vcgencmd get_throttled). The device has another name on
/// each generation, and some kernels for the Raspberry Pi 5 do not tell.
fn firmware(sysfs: &Path) -> Option<Clocking> {
    let folders = folders(&sysfs.join("bus/platform/drivers/raspberrypi-firmware"));
    let places = folders.chain([sysfs.join("devices/platform/soc/soc:firmware")]);
    let text = places.filter_map(|folder| text(&folder.join("get_throttled"))).next()?;
    let bits = u32::from_str_radix(text.trim_start_matches("0x"), 16).ok()?;
    Some(match bits & 0xF {
        0 => Clocking::Free,
        now if now & 1 == 1 => Clocking::Undervolted,
        _ => Clocking::Throttled,
    })
}

/// The same firmware's alarm of voltage, by the kernel's own driver.
fn supply(sysfs: &Path) -> Option<Clocking> {
    let mut sensors = folders(&sysfs.join("class/hwmon"));
    let sensor = sensors.find(|folder| text(&folder.join("name")).as_deref() == Some("rpi_volt"))?;
    let alarm = text(&sensor.join("in0_lcrit_alarm"))?;
    Some(if alarm == "1" { Clocking::Undervolted } else { Clocking::Free })
}

/// The kernel's thermal framework, where it cools by lowering the processor's frequency: "cpufreq-cpu0", "thermal-cpufreq-0".
fn cooling(sysfs: &Path) -> Option<Clocking> {
    let by_frequency =
        |folder: &PathBuf| text(&folder.join("type")).is_some_and(|kind| kind.contains("cpufreq"));
    let devices = folders(&sysfs.join("class/thermal")).filter(by_frequency);
    let states = devices.filter_map(|folder| text(&folder.join("cur_state"))?.parse::<u32>().ok());
    states.max().map(|worst| if worst > 0 { Clocking::Throttled } else { Clocking::Free })
}

fn folders(above: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    fs::read_dir(above).into_iter().flatten().flatten().map(|entry| entry.path())
}

fn text(file: &Path) -> Option<String> {
    fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

/// Memory of this process that is in RAM, megabytes.
pub fn memory_mb() -> Option<f32> {
    resident_mb(Path::new("/proc/self/status"))
}

fn resident_mb(status: &Path) -> Option<f32> {
    let text = fs::read_to_string(status).ok()?;
    let value = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f32 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}

/// Room that we may still write to on the disk of a folder, megabytes.
pub fn disk_free_mb(folder: &Path) -> Option<f64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail as f64 * disk.f_frsize as f64 / 1e6)
}

/// Pages that went to storage on our account (proc(5), write_bytes): whole pages, be only a byte of them new. What a file system adds of its
/// own, and what an SD card moves about inside, is not in it.
fn written_mb(io: &Path) -> Option<f64> {
    let text = fs::read_to_string(io).ok()?;
    let bytes: f64 = text.lines().find_map(|line| line.strip_prefix("write_bytes:"))?.trim().parse().ok()?;
    Some(bytes / 1e6)
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

    /// A board of files below a root.
    fn below(root: &Path, store: &Path) -> Vitals {
        Vitals::read_from(&root.join("sys"), &root.join("proc"), store)
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
        put(root.path(), "proc/self/io", "rchar: 1\nwrite_bytes: 4096000\ncancelled_write_bytes: 0\n");
        let vitals = below(root.path(), root.path());
        assert_eq!(vitals.temperature_c, Some(61.0));
        assert_eq!(vitals.memory_mb, Some(64.0));
        assert_eq!((vitals.load, vitals.written_mb), (Some(1.25), Some(4.096)));
        assert!(vitals.disk_free_mb.unwrap() > 0.0);
    }

    #[test]
    fn what_a_board_does_not_tell_is_not_made_up() {
        let root = tempfile::tempdir().unwrap();
        let nothing = below(root.path(), &root.path().join("gone"));
        assert_eq!(nothing, Vitals::default());
        put(root.path(), "sys/class/thermal/thermal_zone0/temp", "off\n");
        put(root.path(), "proc/self/status", "VmRSS:\tmuch\n");
        put(root.path(), "proc/loadavg", "");
        assert_eq!(below(root.path(), &root.path().join("gone")), Vitals::default());
    }

    #[test]
    fn a_raspberry_pi_says_whether_heat_or_voltage_holds_it_down() {
        for (bits, wanted) in [
            ("0\n", Some(Clocking::Free)),
            ("0x50000\n", Some(Clocking::Free)),
            ("50005\n", Some(Clocking::Undervolted)),
            ("80008\n", Some(Clocking::Throttled)),
            ("6\n", Some(Clocking::Throttled)),
            ("many\n", None),
        ] {
            for place in [
                "sys/devices/platform/soc/soc:firmware/get_throttled",
                "sys/bus/platform/drivers/raspberrypi-firmware/soc@107c000000:firmware/get_throttled",
            ] {
                let root = tempfile::tempdir().unwrap();
                put(root.path(), place, bits);
                assert_eq!(below(root.path(), root.path()).clocking, wanted, "{bits:?} at {place}");
            }
        }
    }

    #[test]
    fn the_worst_that_anybody_tells_of_the_clock_counts() {
        let root = tempfile::tempdir().unwrap();
        let clocking = || below(root.path(), root.path()).clocking;
        put(root.path(), "sys/class/thermal/cooling_device0/type", "pwm-fan\n");
        put(root.path(), "sys/class/thermal/cooling_device0/cur_state", "4\n");
        assert_eq!(clocking(), None, "a fan that turns is no harm");
        put(root.path(), "sys/class/thermal/cooling_device1/type", "cpufreq-cpu0\n");
        put(root.path(), "sys/class/thermal/cooling_device1/cur_state", "0\n");
        assert_eq!(clocking(), Some(Clocking::Free));
        put(root.path(), "sys/class/thermal/cooling_device1/cur_state", "2\n");
        assert_eq!(clocking(), Some(Clocking::Throttled));
        put(root.path(), "sys/class/hwmon/hwmon1/name", "rpi_volt\n");
        put(root.path(), "sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n");
        assert_eq!(clocking(), Some(Clocking::Undervolted));
    }

    #[test]
    fn this_machine_tells_its_memory_and_load() {
        let vitals = Vitals::read(Path::new("/sys"), Path::new("/tmp"));
        assert!(vitals.memory_mb.unwrap() > 1.0);
        assert!(vitals.load.unwrap() >= 0.0);
    }
}
