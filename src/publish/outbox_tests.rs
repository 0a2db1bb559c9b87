use super::room::MEMORY_BYTES;
use super::*;
use crate::publish::disk::Disk;
use std::fs;
use std::path::Path;

#[path = "outbox/recovery_tests.rs"]
mod recovery;

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

/// The disk fails, as it does when it is full.
fn failed(outbox: &mut Outbox) {
    outbox.disk_failed(&DiskError::Unusable { path: "outbox.redb".into(), reason: "full".into() });
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

#[test]
fn the_random_sample_gives_way_before_everything_and_evenly() {
    let folder = tempfile::tempdir().unwrap();
    let (mut outbox, metrics) = opened(folder.path(), 4);
    let small = |mark: u8| [vec![mark], vec![0; 99_999]].concat();
    // A quarter of four megabytes is room for ten: then every second one goes.
    (0..11).for_each(|mark| outbox.put(vec![(Lane::Audit, small(mark))]));
    assert_eq!(marks(&mut outbox, Lane::Audit), [1, 3, 5, 7, 9, 10]);
    (0..12).for_each(|mark| outbox.put(vec![(Lane::Snapshots, large(mark))]));
    assert_eq!(marks(&mut outbox, Lane::Snapshots).len(), 12, "no picture of an alert gave way to it");
    assert_eq!(marks(&mut outbox, Lane::Audit), [3, 7, 10]);
    let counted = metrics.counters.lost_audits.load(Ordering::Relaxed);
    assert_eq!((counted, lost(&metrics), outbox.depth()), (8, (0, 0), 12));
    outbox.sync();
    drop(outbox);
    assert_eq!(marks(&mut opened(folder.path(), 4).0, Lane::Audit), [3, 7, 10]);
}
