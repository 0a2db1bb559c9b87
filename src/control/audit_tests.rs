use std::time::Duration;

use super::*;

const NOW: Now = Now { uptime: Duration::from_secs(7), unix_ms: 1_800_000_000_000, synced: true };

fn command(reason: &str) -> Entry {
    Entry { event: "command".into(), who: "anna".into(), reason: reason.into(), ..Entry::default() }
}

/// A log of so many lines.
fn log(folder: &Path, lines: u64) -> Audit {
    let mut audit = Audit::new(folder, "b1", &NOW);
    (0..lines).for_each(|i| audit.append(command(&format!("command {i}")), &NOW).unwrap());
    audit
}

fn text(folder: &Path) -> String {
    std::fs::read_to_string(path(folder, 0)).unwrap()
}

#[test]
fn lines_are_chained_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let head = log(folder.path(), 3).head().clone();
    let mut next = Audit::new(folder.path(), "b2", &NOW);
    assert_eq!(*next.head(), head);
    next.append(command("later"), &NOW).unwrap();
    let found = examine(folder.path()).unwrap();
    assert_eq!((found.lines, found.first, found.torn, found.faults.len()), (4, 1, false, 0));
    assert_eq!(found.head, *next.head());
    let last: Line = serde_json::from_str(text(folder.path()).lines().last().unwrap()).unwrap();
    assert_eq!((last.seq, last.boot.as_str(), last.uptime_ms, last.prev), (4, "b2", 7_000, head.sha256));
    assert_eq!((last.entry.who.as_str(), last.time.as_str()), ("anna", "2027-01-15T08:00:00.000Z"));
}

#[test]
fn a_line_that_was_changed_taken_out_or_put_in_shows() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path(), 5);
    let whole = text(folder.path());
    let lines: Vec<&str> = whole.lines().collect();
    let found = |lines: &[&str]| {
        std::fs::write(path(folder.path(), 0), lines.join("\n") + "\n").unwrap();
        examine(folder.path()).unwrap().faults
    };
    assert_eq!(found(&lines), [""; 0]);
    let changed = lines[2].replace("anna", "bert");
    let faults = found(&[lines[0], lines[1], &changed, lines[3], lines[4]]);
    assert!(faults.len() == 1 && faults[0].contains("audit.jsonl:4: line 4 does not follow"), "{faults:?}");
    let faults = found(&[lines[0], lines[1], lines[3], lines[4]]);
    assert!(faults[0].contains("line 4 follows where 3 should"), "{faults:?}");
    let faults = found(&[lines[0], "junk", lines[1]]);
    assert!(faults[0].contains(":2: the line was changed"), "{faults:?}");
    assert!(!found(&[lines[0], lines[1], lines[1], lines[2]]).is_empty());
}

#[test]
fn a_line_that_a_power_cut_tore_is_cut_off_told_and_its_number_used() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path(), 2);
    let whole = text(folder.path());
    std::fs::write(path(folder.path(), 0), format!("{whole}{}", &whole[..40])).unwrap();
    assert!(examine(folder.path()).unwrap().torn);
    let audit = Audit::new(folder.path(), "b2", &NOW);
    assert_eq!(audit.head().seq, 3);
    let found = examine(folder.path()).unwrap();
    assert_eq!((found.lines, found.torn, found.faults.len()), (3, false, 0));
    assert!(text(folder.path()).contains("\"event\":\"torn\""));
    assert!(text(folder.path()).contains("40 bytes of a line"));
}

#[test]
fn what_cannot_be_read_any_more_never_makes_a_number_repeat() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path(), 3);
    let whole = text(folder.path());
    let lines: Vec<&str> = whole.lines().collect();
    std::fs::write(path(folder.path(), 0), format!("{}\n{}\njunk\n", lines[0], lines[1])).unwrap();
    let mut audit = Audit::new(folder.path(), "b2", &NOW);
    assert_eq!(audit.head().seq, 3);
    audit.append(command("goes on"), &NOW).unwrap();
    assert_eq!(examine(folder.path()).unwrap().faults.len(), 1, "the junk, and it stays told");
}

#[test]
fn room_is_bounded_and_what_goes_for_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut audit = Audit::with_limit(folder.path(), "b1", &NOW, 2_000);
    (0..200).for_each(|i| audit.append(command(&format!("command {i}")), &NOW).unwrap());
    let size: u64 =
        std::fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(size < 4 * 2_300, "{size} bytes");
    let found = examine(folder.path()).unwrap();
    assert_eq!(found.faults, [""; 0]);
    assert!(found.first > 100 && found.head.seq > 200, "{found:?}");
    let first = text(folder.path()).lines().next().unwrap().to_owned();
    assert!(
        first.contains("\"event\":\"rotated\"") && first.contains("lines were removed for room"),
        "{first}"
    );
    assert_eq!(Audit::with_limit(folder.path(), "b2", &NOW, 2_000).head(), audit.head());
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let blocked = folder.path().join("state");
    std::fs::write(&blocked, "a file where the folder should be").unwrap();
    let mut audit = Audit::new(&blocked, "b1", &NOW);
    assert!(audit.append(command("x"), &NOW).is_err());
    std::fs::remove_file(&blocked).unwrap();
    audit.append(command("x"), &NOW).unwrap();
    assert_eq!(audit.head().seq, 1);
}

/// Power cuts at every byte of the last two lines: nothing that was whole is lost, nothing is called a forgery, no number repeats.
#[test]
fn a_log_that_is_cut_anywhere_goes_on_with_what_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    log(folder.path(), 4);
    let whole = std::fs::read(path(folder.path(), 0)).unwrap();
    let second = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0 + 1;
    for length in second..=whole.len() {
        std::fs::write(path(folder.path(), 0), &whole[..length]).unwrap();
        let lines = whole[..length].iter().filter(|byte| **byte == b'\n').count() as u64;
        let mut audit = Audit::new(folder.path(), "b2", &NOW);
        audit.append(command("after the cut"), &NOW).unwrap();
        let torn = u64::from(whole[length - 1] != b'\n');
        let found = examine(folder.path()).unwrap();
        assert_eq!((found.lines, found.head.seq), (lines + torn + 1, lines + torn + 1), "cut at {length}");
        assert_eq!((found.faults.len(), found.torn), (0, false), "cut at {length}: {:?}", found.faults);
    }
}
