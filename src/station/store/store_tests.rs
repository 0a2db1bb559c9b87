use serde_json::json;

use std::time::Duration;

use super::*;
use crate::control::Now;
use crate::control::chain::Entry;
use crate::publish::Message;
use crate::publish::reply::Judgement;
use crate::station::judge::judge;
use crate::station::review::{Label, Seen};

const DAY_MS: i64 = 86_400_000;
/// 2026-11-25T02:14:10Z
const NOW_MS: i64 = 1_795_572_850_000;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn opened(folder: &Path) -> Store {
    Store::open(&fresh(folder)).await.unwrap()
}

/// A database that nobody has used: a file in this folder, or one of a PostgreSQL where the tests run with BEARWATCH_STATION_ON=postgres.
pub fn fresh(folder: &Path) -> Address {
    match std::env::var("BEARWATCH_STATION_ON").as_deref() {
        Ok("postgres") => server::Postgres::shared().create().parse().unwrap(),
        _ => Address::File(folder.join("station.db")),
    }
}

#[path = "../../../tests/support/postgres.rs"]
mod server;

/// So much beyond what an empty database takes at a server, bytes.
async fn room(store: &Store, bytes: i64) -> i64 {
    let empty = "SELECT pg_database_size(current_database()) - pg_total_relation_size('picture') AS bytes";
    match &store.reading {
        Pool::Sqlite(_) => bytes,
        Pool::Postgres(..) => {
            let row = database::query(empty).fetch_one(&store.reading).await.unwrap();
            bytes + row.try_get::<i64, _>("bytes").unwrap()
        }
    }
}

fn step(seq: u64, heard_ms: i64) -> Filed {
    let message = json!({ "v": 1, "boot": "b1", "seq": seq, "uptime_ms": 1, "time": "2026-11-25T02:14:07.000Z", "clock_synced": true,
        "late": false, "id": format!("b1-{seq}"), "state": "opened", "class": "bear", "severity": "normal", "score": 0.9, "evidence": 7.5,
        "bbox": [1.0, 2.0, 3.0, 4.0], "frame": { "width": 640, "height": 360 }, "regime": "day", "model": { "name": "m", "sha256": "00" },
        "captured": "2026-11-25T02:14:06.500Z", "latency_ms": 412, "simulated": false, "drill": false, "open": 1 });
    let topic = "bearwatch/v1/creek/north/alert".into();
    let entry = judge(Message::json(topic, message.to_string().into_bytes(), Vec::new()), heard_ms).unwrap();
    Filed { entry, lives: vec!["b1".into()], history: false }
}

fn picture(seq: u64, heard_ms: i64, bytes: usize) -> Filed {
    let properties = [
        ("alert", format!("b1-{seq}")),
        ("captured", "2026-11-25T02:14:06.500Z".into()),
        ("boot", "b1".into()),
        ("seq", seq.to_string()),
    ];
    let properties = properties.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let jpeg = [&[0xff, 0xd8][..], &vec![7; bytes]].concat();
    let entry =
        judge(Message::json("bearwatch/v1/creek/north/snapshot".into(), jpeg, properties), heard_ms).unwrap();
    Filed { entry, lives: Vec::new(), history: false }
}

fn word(alert: &str) -> Word {
    Word { alert: alert.into(), verdict: Judgement::Bear, by: "anna".into(), note: None }
}

fn deed(unix_ms: i64) -> Deed {
    let now = Now { uptime: Duration::ZERO, unix_ms, synced: true };
    let entry = Entry { event: "word".into(), who: "anna".into(), ..Entry::default() };
    Deed { entry, boot: "b0".into(), now }
}

#[test]
fn what_comes_twice_is_filed_once_and_a_commit_is_all_or_none() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let store = opened(folder.path()).await;
        let changes =
            store.commit(&[step(0, NOW_MS), picture(0, NOW_MS, 10), step(0, NOW_MS)], &[]).await.unwrap();
        assert_eq!((changes.repeated, changes.alerts.len(), changes.refused.len()), (1, 1, 0));
        let again = store.commit(&[step(0, NOW_MS + 1), picture(0, NOW_MS + 1, 10)], &[]).await.unwrap();
        assert_eq!((again.repeated, again.alerts.len()), (2, 0));
        assert_eq!(store.alerts(i64::MAX).await.unwrap().len(), 1);
    });
}

#[test]
fn words_wait_until_they_are_answered_or_nobody_can_answer_any_more() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let store = opened(folder.path()).await;
        store.commit(&[step(0, NOW_MS)], &[]).await.unwrap();
        assert!(store.say(&word("b1-0"), "c1", &deed(NOW_MS)).await.unwrap());
        assert!(!store.say(&word("b1-404"), "c2", &deed(NOW_MS)).await.unwrap());
        store.commit(&[step(1, NOW_MS)], &[]).await.unwrap();
        let (waiting, count) = store.waiting().await.unwrap();
        assert_eq!((waiting.len(), waiting[0].id(), count), (1, "b1-1", 1), "what was said of waits no more");
        let letters = store.letters(NOW_MS).await.unwrap();
        assert_eq!(
            (letters.len(), letters[0].command.as_str(), letters[0].site.camera.as_str()),
            (1, "c1", "north")
        );
        assert!(store.letters(NOW_MS + 2 * DAY_MS).await.unwrap().is_empty(), "a day is enough");
    });
}

#[test]
fn everything_has_its_time_and_pictures_their_room() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention {
        alerts_days: 10,
        pictures_days: 2,
        labels_days: 10,
        samples_days: 10,
        notices_days: 10,
        telemetry_days: 1,
        audit_days: 9,
        most_bytes: i64::MAX,
    };
    run(async {
        let store = opened(folder.path()).await;
        let filed = [
            step(0, NOW_MS),
            picture(0, NOW_MS, 100),
            step(1, NOW_MS + 5 * DAY_MS),
            picture(1, NOW_MS + 5 * DAY_MS, 2_000_000),
        ];
        store.commit(&filed, &[]).await.unwrap();
        store.say(&word("b1-0"), "c1", &deed(NOW_MS)).await.unwrap();
        let left = async |store: &Store| {
            let alerts = store.alerts(i64::MAX).await.unwrap();
            let pictures = [store.jpeg(1).await.unwrap(), store.jpeg(2).await.unwrap()];
            (alerts.len(), pictures.iter().flatten().count())
        };
        let tidied = async |days: i64, retention: &Retention| {
            while store.tidy(retention, NOW_MS + days * DAY_MS).await.unwrap() > 0 {}
        };
        tidied(1, &retention).await;
        assert_eq!(left(&store).await, (2, 2));
        tidied(3, &retention).await;
        assert_eq!(left(&store).await, (2, 1), "the old picture is gone");
        tidied(6, &Retention { most_bytes: room(&store, 1_000_000).await, ..retention }).await;
        assert_eq!(left(&store).await, (2, 0), "the large one is gone for room");
        tidied(11, &retention).await;
        assert_eq!(left(&store).await, (1, 0), "the old alert is gone with its word");
        tidied(16, &retention).await;
        assert_eq!(left(&store).await, (0, 0));
        assert!(store.lives().await.unwrap().is_empty(), "nothing is left of its life");
        if let Address::File(path) = &store.address {
            let size = std::fs::metadata(path).unwrap().len();
            assert!(size < 1_000_000, "room is given back: {size}");
        }
    });
}

#[test]
fn a_file_that_was_taken_away_takes_nothing_along() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let store = Store::open(&Address::File(folder.path().join("station.db"))).await.unwrap();
        std::fs::rename(folder.path().join("station.db"), folder.path().join("elsewhere.db")).unwrap();
        let error = store.commit(&[step(0, NOW_MS)], &[]).await.unwrap_err();
        assert!(error.to_string().contains("put the file back"), "{error}");
    });
}

#[test]
fn an_audit_log_that_had_its_time_is_shortened_from_its_beginning_and_stays_whole() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let store = opened(folder.path()).await;
        for day in 0..6 {
            store.record(&deed(NOW_MS + day * DAY_MS)).await.unwrap();
        }
        let seen = async |store: &Store| {
            let found = store.examine(|_, _| {}).await.unwrap();
            assert_eq!(found.faults, [""; 0]);
            (found.first, found.head.seq)
        };
        store.shorten_trail(3, &deed(NOW_MS + 4 * DAY_MS)).await.unwrap();
        assert_eq!(seen(&store).await, (1, 6), "not for a day that is not over");
        store.shorten_trail(3, &deed(NOW_MS + 5 * DAY_MS)).await.unwrap();
        assert_eq!(seen(&store).await, (3, 7));
        assert!(store.trail(i64::MAX).await.unwrap()[0].entry.reason.contains("the oldest 2 lines"));
        // All of it is old: the last line stays, so that numbers go on.
        store.shorten_trail(3, &deed(NOW_MS + 99 * DAY_MS)).await.unwrap();
        assert_eq!(seen(&store).await, (7, 8));
    });
}

#[test]
fn a_command_beside_a_station_changes_nothing_under_another_version() {
    let folder = tempfile::tempdir().unwrap();
    let address = Address::File(folder.path().join("station.db"));
    run(async {
        let station = Store::open(&address).await.unwrap();
        assert!(matches!(Store::open(&address).await, Err(StoreError::InUse(_))));
        Store::beside(&address).await.unwrap().record(&deed(NOW_MS)).await.unwrap();
        assert_eq!(station.examine(|_, _| {}).await.unwrap().lines, 1);
        let newest = MIGRATIONS[MIGRATIONS.len() - 1].0;
        let older = format!("DELETE FROM _sqlx_migrations WHERE version = {newest}");
        database::query(&older).execute(&station.writing).await.unwrap();
        let refused = Store::beside(&address).await.unwrap_err().to_string();
        assert!(refused.contains("start its station with this version"), "{refused}");
    });
}

#[test]
fn what_somebody_labelled_is_kept_as_long_as_alerts_unless_there_is_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention {
        alerts_days: 10,
        pictures_days: 2,
        labels_days: 10,
        samples_days: 10,
        notices_days: 10,
        telemetry_days: 1,
        audit_days: 1,
        most_bytes: i64::MAX,
    };
    run(async {
        let store = opened(folder.path()).await;
        let filed = [picture(0, NOW_MS, 100), picture(1, NOW_MS, 500_000), picture(2, NOW_MS, 100)];
        store.commit(&filed, &[]).await.unwrap();
        let label = Label {
            id: 0,
            by: "anna".into(),
            at_ms: NOW_MS,
            seen: Seen::Nothing,
            things: Vec::new(),
            blind: true,
        };
        for seq in [1, 2] {
            let key = format!("1.b1.{seq}").parse().unwrap();
            assert!(store.label(&key, &label, NOW_MS).await.unwrap().is_some());
        }
        let left = async |store: &Store| {
            let mut left = Vec::new();
            for id in 1..=3 {
                left.extend(store.jpeg(id).await.unwrap().map(|_| id));
            }
            left
        };
        let tidied = async |days: i64, retention: &Retention| {
            while store.tidy(retention, NOW_MS + days * DAY_MS).await.unwrap() > 0 {}
        };
        tidied(3, &retention).await;
        assert_eq!(left(&store).await, [2, 3]);
        assert_eq!(store.labelled().await.unwrap().len(), 2);
        tidied(4, &Retention { most_bytes: room(&store, 400_000).await, ..retention }).await;
        assert!(!left(&store).await.contains(&2), "for room");
        tidied(11, &retention).await;
        assert_eq!(left(&store).await, [0; 0]);
        assert!(store.labelled().await.unwrap().is_empty());
    });
}
