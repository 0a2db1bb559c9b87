use super::room::MEMORY_BYTES;
use super::*;
use crate::publish::disk::Disk;
use std::fs;
use std::path::Path;

/// An outbox of `max_mb` in a folder, with its counters.
fn opened(folder: &Path, max_mb: u64) -> (Outbox, Arc<Metrics>) {
    let metrics = Arc::new(Metrics::default());
    let settings = StoreSettings { path: folder.into(), max_mb, review_mb: 0 };
    (Outbox::open(&settings, Clock::start(), metrics.clone()).unwrap(), metrics)
}

fn put(outbox: &mut Outbox, lane: Lane, texts: &[&str]) {
    outbox.put(texts.iter().map(|text| (lane, text.as_bytes().to_vec())).collect());
}

/// What waits in a lane, in the order in which it would be sent.
fn waiting(outbox: &mut Outbox, lane: Lane) -> Vec<(u64, Vec<u8>)> {
    let (mut found, mut after) = (Vec::new(), 0);
    while let Some((key, record)) = outbox.next(lane, after) {
        after = key.number;
        found.push((after, record));
    }
    found
}

fn texts(outbox: &mut Outbox, lane: Lane) -> Vec<String> {
    waiting(outbox, lane).into_iter().map(|(_, record)| String::from_utf8(record).unwrap()).collect()
}

fn lost(metrics: &Metrics) -> (u64, u64) {
    let read = |counter: &std::sync::atomic::AtomicU64| counter.load(Ordering::Relaxed);
    (read(&metrics.counters.lost_alerts), read(&metrics.counters.lost_snapshots))
}

fn key(lane: Lane, number: u64) -> Key {
    Key { lane, number }
}

/// A record of 300 kB that begins with a mark.
fn large(mark: u8) -> Vec<u8> {
    let mut record = vec![0; 300_000];
    record[0] = mark;
    record
}

fn marks(outbox: &mut Outbox, lane: Lane) -> Vec<u8> {
    waiting(outbox, lane).into_iter().map(|(_, record)| record[0]).collect()
}

#[test]
fn messages_come_out_in_the_order_in_which_they_went_in_and_stay_until_removed() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, metrics) = opened(folder.path(), 10);
    put(&mut outbox, Lane::Alerts, &["opened", "updated"]);
    put(&mut outbox, Lane::Snapshots, &["picture"]);
    put(&mut outbox, Lane::Alerts, &["closed"]);
    assert_eq!(texts(&mut outbox, Lane::Alerts), ["opened", "updated", "closed"]);
    assert_eq!(
        texts(&mut outbox, Lane::Alerts),
        ["opened", "updated", "closed"],
        "reading takes nothing away"
    );
    assert_eq!((outbox.depth(), metrics.counters.waiting.stored()), (4, 4));
    outbox.remove(&[key(Lane::Alerts, 2)]);
    assert_eq!(texts(&mut outbox, Lane::Alerts), ["opened", "closed"]);
    assert_eq!(texts(&mut outbox, Lane::Snapshots), ["picture"]);
    assert_eq!(outbox.depth(), 3);
    outbox.remove(&[key(Lane::Alerts, 2), key(Lane::Snapshots, 77)]);
    assert_eq!(outbox.depth(), 3, "what is gone already takes nothing else with it");
}

#[test]
fn what_was_put_is_there_after_a_restart_and_numbers_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = opened(folder.path(), 10);
    put(&mut outbox, Lane::Alerts, &["a", "b"]);
    put(&mut outbox, Lane::Snapshots, &["c"]);
    outbox.write(Lane::Snapshots);
    drop(outbox);
    let (mut outbox, metrics) = opened(folder.path(), 10);
    assert_eq!((outbox.depth(), metrics.counters.waiting.stored()), (3, 3));
    put(&mut outbox, Lane::Alerts, &["d"]);
    let numbers: Vec<u64> =
        waiting(&mut outbox, Lane::Alerts).into_iter().map(|(number, _)| number).collect();
    assert_eq!(numbers, [1, 2, 4], "over both lanes");
    assert_eq!(texts(&mut outbox, Lane::Alerts), ["a", "b", "d"]);
}

#[test]
fn a_picture_is_written_when_the_broker_has_not_taken_it_for_a_while_and_at_a_clean_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = opened(folder.path(), 10);
    let on_disk = |outbox: &Outbox| outbox.on_disk[Lane::Snapshots as usize].count;
    put(&mut outbox, Lane::Snapshots, &["a", "b"]);
    outbox.maintain();
    assert_eq!((on_disk(&outbox), outbox.depth()), (0, 2));
    outbox.remove(&[key(Lane::Snapshots, 1)]);
    outbox.due.pictures_ms = Some(0);
    outbox.maintain();
    assert_eq!((on_disk(&outbox), outbox.depth()), (1, 1));
    put(&mut outbox, Lane::Snapshots, &["c"]);
    outbox.sync();
    drop(outbox);
    assert_eq!(texts(&mut opened(folder.path(), 10).0, Lane::Snapshots), ["b", "c"]);
}

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
fn more_alerts_than_the_journal_takes_move_on_and_none_is_there_twice() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = opened(folder.path(), 10);
    let all: Vec<String> = (0..100).map(|number| format!("alert {number}")).collect();
    all.iter().for_each(|text| put(&mut outbox, Lane::Alerts, &[text]));
    assert_eq!((texts(&mut outbox, Lane::Alerts), outbox.depth()), (all.clone(), 100));
    outbox.remove(&[key(Lane::Alerts, 1), key(Lane::Alerts, 100)]);
    put(&mut outbox, Lane::Alerts, &["last"]);
    drop(outbox);
    let (mut outbox, _) = opened(folder.path(), 10);
    let expected: Vec<String> = all[1..99].iter().cloned().chain(["last".into()]).collect();
    let found = texts(&mut outbox, Lane::Alerts);
    // The removal in the database is durable with its next commit.
    assert_eq!(found.strip_prefix(&all[..1]).unwrap_or(&found), expected);
}

#[test]
fn what_has_left_the_database_is_gone_over_a_power_cut_a_while_later() {
    let (folder, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut outbox, _) = opened(folder.path(), 10);
    (0..40).for_each(|_| put(&mut outbox, Lane::Alerts, &["a"]));
    (1..=40).for_each(|number| outbox.remove(&[key(Lane::Alerts, number)]));
    outbox.maintain();
    assert!(!after_a_cut(folder.path(), cut.path()).is_empty());
    outbox.due.removals_ms = Some(0);
    outbox.maintain();
    assert_eq!(after_a_cut(folder.path(), cut.path()), [""; 0]);
    assert_eq!(outbox.due.removals_ms, None);
}

#[test]
fn removals_hold_over_a_clean_end() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, _) = opened(folder.path(), 10);
    put(&mut outbox, Lane::Alerts, &["a", "b"]);
    outbox.remove(&[key(Lane::Alerts, 1)]);
    outbox.sync();
    drop(outbox);
    let (mut outbox, _) = opened(folder.path(), 10);
    assert_eq!(texts(&mut outbox, Lane::Alerts), ["b"]);
}

#[test]
fn a_file_copied_after_put_holds_the_message_as_after_a_power_cut() {
    let (folder, cut) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut outbox, _) = opened(folder.path(), 10);
    put(&mut outbox, Lane::Alerts, &["a"]);
    outbox.remove(&[key(Lane::Alerts, 1)]);
    put(&mut outbox, Lane::Alerts, &["b"]);
    outbox.remove(&[key(Lane::Alerts, 2)]);
    // The first removal was made durable by the second put; the last one may come back and is then sent twice.
    let found = after_a_cut(folder.path(), cut.path());
    assert_eq!(found, ["b"]);
    put(&mut outbox, Lane::Alerts, &["c"]);
    assert_eq!(after_a_cut(folder.path(), cut.path()).last().map(String::as_str), Some("c"));
}

/// The alerts that are found in the file as it stands, without a clean end.
fn after_a_cut(folder: &Path, cut: &Path) -> Vec<String> {
    for file in ["outbox.redb", "outbox.journal"] {
        fs::copy(folder.join(file), cut.join(file)).unwrap();
    }
    texts(&mut opened(cut, 10).0, Lane::Alerts)
}

#[test]
fn snapshots_give_way_before_alerts_and_every_loss_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, metrics) = opened(folder.path(), 1);
    for (lane, mark) in [(Lane::Alerts, 1), (Lane::Snapshots, 2), (Lane::Snapshots, 3)] {
        outbox.put(vec![(lane, large(mark))]);
    }
    assert_eq!(lost(&metrics), (0, 0));
    outbox.put(vec![(Lane::Snapshots, large(4))]);
    assert_eq!(marks(&mut outbox, Lane::Snapshots), [3, 4], "the oldest picture gave way");
    outbox.put(vec![(Lane::Alerts, large(5))]);
    outbox.put(vec![(Lane::Alerts, large(6))]);
    assert_eq!(
        (marks(&mut outbox, Lane::Alerts), marks(&mut outbox, Lane::Snapshots)),
        (vec![1, 5, 6], vec![])
    );
    assert_eq!(lost(&metrics), (0, 3));
    outbox.put(vec![(Lane::Snapshots, large(7))]);
    assert!(marks(&mut outbox, Lane::Snapshots).is_empty(), "no alert gives way to a picture");
    assert_eq!(lost(&metrics), (0, 4));
    outbox.put(vec![(Lane::Alerts, large(8))]);
    assert_eq!(marks(&mut outbox, Lane::Alerts), [5, 6, 8], "the oldest alert gives way last of all");
    assert_eq!(lost(&metrics), (1, 4));
    outbox.remove(&[key(Lane::Alerts, 5)]);
    outbox.put(vec![(Lane::Snapshots, large(9))]);
    assert_eq!((marks(&mut outbox, Lane::Snapshots), lost(&metrics)), (vec![9], (1, 4)), "room was made");
}

#[test]
fn a_batch_is_counted_as_a_whole_and_its_alert_goes_before_its_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, metrics) = opened(folder.path(), 1);
    let picture = |mark| (Lane::Snapshots, large(mark));
    outbox.put(vec![picture(1), picture(2), picture(3), picture(4), (Lane::Alerts, large(5))]);
    assert_eq!(
        (marks(&mut outbox, Lane::Alerts), marks(&mut outbox, Lane::Snapshots)),
        (vec![5], vec![1, 2])
    );
    assert_eq!(lost(&metrics), (0, 2));
}

#[test]
fn an_alert_larger_than_all_room_is_kept_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, metrics) = opened(folder.path(), 0);
    put(&mut outbox, Lane::Alerts, &["a"]);
    assert_eq!((texts(&mut outbox, Lane::Alerts), lost(&metrics)), (vec!["a".into()], (0, 0)));
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

#[test]
fn a_second_daemon_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (_outbox, metrics) = opened(folder.path(), 10);
    let settings = StoreSettings { path: folder.path().into(), max_mb: 10, review_mb: 0 };
    let refused = Outbox::open(&settings, Clock::start(), metrics).err().unwrap();
    assert!(matches!(refused, PublishError::InUse(_)), "{refused}");
}

/// An outbox whose folder cannot be made, for a file stands in its way.
fn without_disk(folder: &Path) -> (Outbox, Arc<Metrics>) {
    fs::write(folder.join("way"), "no folder").unwrap();
    opened(&folder.join("way/store"), 10)
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

/// The disk fails, as it does when it is full.
fn failed(outbox: &mut Outbox) {
    outbox.disk_failed(&DiskError::Unusable { path: "outbox.redb".into(), reason: "full".into() });
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

#[test]
fn room_for_new_messages_is_never_made_from_what_the_failed_disk_holds() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, metrics) = opened(folder.path(), 10);
    put(&mut outbox, Lane::Alerts, &["a"]);
    failed(&mut outbox);
    (0..40).for_each(|mark| outbox.put(vec![(Lane::Alerts, large(mark))]));
    assert_eq!(waiting(&mut outbox, Lane::Alerts)[0], (1, b"a".to_vec()));
    assert_eq!(lost(&metrics), (40 - MEMORY_BYTES / 300_000, 0));
}

#[test]
fn memory_is_bounded_too() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, metrics) = without_disk(folder.path());
    (0..40).for_each(|mark| outbox.put(vec![(Lane::Snapshots, large(mark))]));
    outbox.put(vec![(Lane::Alerts, large(100))]);
    assert_eq!(outbox.depth(), MEMORY_BYTES / 300_000);
    assert_eq!(marks(&mut outbox, Lane::Alerts), [100]);
    assert_eq!(marks(&mut outbox, Lane::Snapshots).last(), Some(&39), "the newest pictures stay");
    assert_eq!(lost(&metrics), (0, 41 - MEMORY_BYTES / 300_000));
}

#[test]
fn the_disk_counts_what_it_holds() {
    let folder = tempfile::tempdir().unwrap();
    let mut disk = Disk::open(folder.path(), &Medium::file()).unwrap();
    assert_eq!(disk.load(Lane::Alerts).unwrap(), Load::default());
    disk.put(&[
        (key(Lane::Alerts, 3), vec![1; 10]),
        (key(Lane::Snapshots, 4), vec![2; 20]),
        (key(Lane::Alerts, 9), vec![]),
    ])
    .unwrap();
    assert_eq!(disk.load(Lane::Alerts).unwrap(), Load { count: 2, bytes: 10, last: 9 });
    assert_eq!(disk.load(Lane::Snapshots).unwrap(), Load { count: 1, bytes: 20, last: 4 });
    assert_eq!(disk.next(Lane::Alerts, 3).unwrap(), Some((key(Lane::Alerts, 9), vec![])));
    assert_eq!(disk.next(Lane::Alerts, 9).unwrap(), None);
    assert_eq!(disk.remove(&[key(Lane::Alerts, 3), key(Lane::Alerts, 4)]).unwrap(), [Some(10), None]);
    assert!(matches!(Disk::open(folder.path(), &Medium::file()), Err(DiskError::InUse(_))));
}
