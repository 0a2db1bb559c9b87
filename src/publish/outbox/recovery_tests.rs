//! Files that are damaged or lost, disks that fail and come back.

use super::*;

#[test]
fn a_journal_that_is_damaged_is_told_and_what_can_be_read_of_it_arrives() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = opened(folder.path(), 10);
    ["a", "b", "c"].iter().for_each(|text| put(&mut outbox, Lane::Alerts, &[text]));
    drop(outbox);
    let path = folder.path().join("outbox.journal");
    let mut content = fs::read(&path).unwrap();
    let half = content.len() / 2;
    [4096, half + 4096].iter().for_each(|page| content[page + 8] ^= 1);
    fs::write(&path, content).unwrap();
    let (mut outbox, _) = opened(folder.path(), 10);
    let trouble = outbox.trouble().unwrap();
    assert!(trouble.contains("outbox.journal.damaged"), "{trouble}");
    assert_eq!(texts(&mut outbox, Lane::Alerts), ["a", "c"]);
    put(&mut outbox, Lane::Alerts, &["d"]);
    assert_eq!(waiting(&mut outbox, Lane::Alerts).last().unwrap(), &(4, b"d".to_vec()));
}

#[test]
fn a_damaged_file_is_set_aside_told_and_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("outbox.redb"), vec![0x5A; 20_000]).unwrap();
    let (mut outbox, _) = opened(folder.path(), 10);
    let trouble = outbox.trouble().unwrap();
    let aside = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().contains("damaged"))
        .unwrap();
    assert!(trouble.contains("was damaged") && trouble.contains(&aside.display().to_string()), "{trouble}");
    assert_eq!(fs::read(&aside).unwrap(), vec![0x5A; 20_000], "for whoever wants to examine it");
    put(&mut outbox, Lane::Alerts, &["a"]);
    assert_eq!(texts(&mut outbox, Lane::Alerts), ["a"]);
    fs::remove_file(aside).unwrap();
    outbox.maintain();
    assert_eq!(outbox.trouble(), None, "examined and removed");
}

#[test]
fn a_truncated_file_costs_no_start() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = opened(folder.path(), 10);
    put(&mut outbox, Lane::Alerts, &["a"]);
    drop(outbox);
    let file = folder.path().join("outbox.redb");
    let whole = fs::read(&file).unwrap();
    for length in [0, 1, 100, 5_000, whole.len() / 2, whole.len() - 1] {
        fs::write(&file, &whole[..length]).unwrap();
        let (mut outbox, _) = opened(folder.path(), 10);
        put(&mut outbox, Lane::Alerts, &["b"]);
        assert_eq!(
            texts(&mut outbox, Lane::Alerts).last().map(String::as_str),
            Some("b"),
            "{length} bytes left"
        );
    }
}

/// Clears the way and lets the time of the next try come.
fn repaired(outbox: &mut Outbox, folder: &Path) {
    fs::remove_file(folder.join("way")).unwrap();
    tried_again(outbox);
}

#[test]
fn without_a_disk_messages_wait_in_memory_and_move_to_it_when_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = without_disk(folder.path());
    assert!(outbox.trouble().unwrap().contains("check free space"));
    put(&mut outbox, Lane::Alerts, &["a", "b"]);
    put(&mut outbox, Lane::Snapshots, &["c"]);
    assert_eq!((texts(&mut outbox, Lane::Alerts), outbox.depth()), (vec!["a".into(), "b".into()], 3));
    outbox.maintain();
    assert!(outbox.trouble().is_some(), "not tried again before its time");
    repaired(&mut outbox, folder.path());
    assert_eq!((outbox.trouble(), outbox.depth()), (None, 3));
    drop(outbox);
    let (mut outbox, _) = opened(&folder.path().join("way/store"), 10);
    assert_eq!(texts(&mut outbox, Lane::Alerts), ["a", "b"]);
    assert_eq!(texts(&mut outbox, Lane::Snapshots), ["c"]);
}

#[test]
fn an_acknowledgement_from_before_the_disk_came_removes_nothing_that_was_never_sent() {
    let folder = tempfile::tempdir().unwrap();
    let hidden = folder.path().join("hidden");
    let (mut outbox, _) = opened(&hidden, 10);
    put(&mut outbox, Lane::Alerts, &["from the last boot"]);
    drop(outbox);
    let (mut outbox, _) = without_disk(folder.path());
    put(&mut outbox, Lane::Alerts, &["of this boot"]);
    let (on_its_way, _) = outbox.next(Lane::Alerts, 0).unwrap();
    fs::remove_file(folder.path().join("way")).unwrap();
    fs::create_dir(folder.path().join("way")).unwrap();
    fs::rename(hidden, folder.path().join("way/store")).unwrap();
    tried_again(&mut outbox);
    outbox.remove(&[on_its_way]);
    assert_eq!(texts(&mut outbox, Lane::Alerts), ["from the last boot", "of this boot"]);
    put(&mut outbox, Lane::Alerts, &["later"]);
    let numbers: Vec<u64> =
        waiting(&mut outbox, Lane::Alerts).into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [1, 2, 3]);
}

/// The time of the next try comes.
fn tried_again(outbox: &mut Outbox) {
    outbox.retry_at_ms = 0;
    outbox.maintain();
}

#[test]
fn a_disk_that_fails_keeps_no_fresh_alert_and_what_was_sent_meanwhile_is_gone_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = opened(folder.path(), 10);
    put(&mut outbox, Lane::Alerts, &["a", "b"]);
    put(&mut outbox, Lane::Snapshots, &["picture"]);
    failed(&mut outbox);
    put(&mut outbox, Lane::Alerts, &["c"]);
    assert_eq!(
        (texts(&mut outbox, Lane::Alerts), outbox.depth()),
        (vec!["a".into(), "b".into(), "c".into()], 4)
    );
    outbox.remove(&[key(Lane::Alerts, 1), key(Lane::Alerts, 4)]);
    outbox.remove(&[key(Lane::Alerts, 1)]);
    assert_eq!((texts(&mut outbox, Lane::Alerts), outbox.depth()), (vec!["b".into()], 2));
    tried_again(&mut outbox);
    assert_eq!((outbox.trouble(), outbox.depth()), (None, 2));
    assert_eq!(waiting(&mut outbox, Lane::Alerts), [(2, b"b".to_vec())]);
    assert_eq!(texts(&mut outbox, Lane::Snapshots), ["picture"]);
    outbox.remove(&[key(Lane::Alerts, 2), key(Lane::Snapshots, 3)]);
    assert_eq!(outbox.depth(), 0);
}

#[test]
fn alerts_of_a_file_that_is_lost_are_written_anew() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = opened(folder.path(), 10);
    put(&mut outbox, Lane::Alerts, &["a", "b"]);
    failed(&mut outbox);
    fs::remove_file(folder.path().join("outbox.redb")).unwrap();
    tried_again(&mut outbox);
    assert_eq!((outbox.trouble(), outbox.depth()), (None, 2));
    drop(outbox);
    assert_eq!(texts(&mut opened(folder.path(), 10).0, Lane::Alerts), ["a", "b"]);
}
