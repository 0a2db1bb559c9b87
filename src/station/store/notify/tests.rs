use serde_json::json;

use super::*;
use crate::publish::Message;
use crate::station::judge::judge;
use crate::station::notify::rule::Step;
use crate::station::store::{Address, Filed, Retention};

const NOW_MS: i64 = 1_795_572_850_000;
const HOUR_MS: i64 = 3_600_000;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// A store that has heard of one alert, which is to be told on these channels.
async fn planned(folder: &std::path::Path, channels: &[&str]) -> (Store, Subject) {
    let store =
        Store::open(&folder.join("station.db").to_str().unwrap().parse::<Address>().unwrap()).await.unwrap();
    let message = json!({ "v": 1, "boot": "b1", "seq": 0, "uptime_ms": 60_000, "time": "2026-11-25T02:14:07.000Z", "clock_synced": true, "late": false,
        "id": "b1-1", "state": "opened", "class": "bear", "severity": "normal", "score": 0.9, "evidence": 7.5, "bbox": [1.0, 2.0, 3.0, 4.0],
        "frame": { "width": 640, "height": 360 }, "regime": "day", "model": { "name": "m", "sha256": "00" }, "captured": "2026-11-25T02:14:06.000Z",
        "latency_ms": 412, "simulated": false, "drill": false, "open": 1 });
    let topic = "bearwatch/v1/creek/north/alert".into();
    let entry = judge(Message::json(topic, message.to_string().into_bytes(), Vec::new()), NOW_MS).unwrap();
    store.commit(&[Filed { entry, lives: vec!["b1".into()], history: false }], &[]).await.unwrap();
    let kinds: Vec<(&str, &str)> = channels.iter().map(|name| (*name, "ntfy")).collect();
    store.channels_are(&kinds, NOW_MS).await.unwrap();
    let (subject, told) = store.to_tell(NOW_MS).await.unwrap().remove(0);
    assert_eq!((subject.place().as_str(), subject.since_ms, told.len()), ("creek/north", NOW_MS, 0));
    let due = channels.iter().map(|name| ((*name).to_owned(), Cause::Opened)).collect();
    let ahead = vec![Step { at_ms: NOW_MS + HOUR_MS, channel: channels[0].into() }];
    let plan = Plan { due, next_ms: Some(NOW_MS + HOUR_MS), ahead };
    store.plan(&[(subject.clone(), plan)], NOW_MS, |_| NOW_MS + 2 * HOUR_MS).await.unwrap();
    (store, subject)
}

fn delivered() -> Ended {
    Ended { fate: Some("delivered"), words: "it took it".into(), receipt: Some("event-1".into()) }
}

#[test]
fn what_is_planned_is_told_once_and_noted_before_and_after() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let (store, subject) = planned(folder.path(), &["a", "b"]).await;
        assert!(store.to_tell(NOW_MS).await.unwrap().is_empty(), "seen, and nothing has changed");
        let again = Plan { due: vec![("a".into(), Cause::Opened)], ..Plan::default() };
        store.plan(&[(subject, again)], NOW_MS, |_| 0).await.unwrap();
        let waiting = store.queued("a", NOW_MS).await.unwrap();
        assert_eq!(waiting.len(), 1);
        assert_eq!(store.going_out(&[waiting[0].id], NOW_MS).await.unwrap(), [waiting[0].id]);
        assert!(store.queued("a", NOW_MS + 1).await.unwrap().is_empty(), "somebody is at it");
        assert_eq!(store.queued("a", NOW_MS + UNDER_WAY_MS).await.unwrap().len(), 1, "nobody is any more");
        store.went_out("a", &[waiting[0].id], &delivered(), NOW_MS + 1).await.unwrap();
        assert!(
            store.queued("a", NOW_MS).await.unwrap().is_empty()
                && store.queued("b", NOW_MS).await.unwrap().len() == 1
        );
        assert!(store.going_out(&[waiting[0].id], NOW_MS).await.unwrap().is_empty(), "never again");
        assert_eq!(store.receipt("b1-1", "a").await.unwrap().as_deref(), Some("event-1"));
        assert_eq!(store.notices(i64::MAX).await.unwrap().len(), 2);
    });
}

#[test]
fn what_has_had_its_time_is_given_up_and_told_until_others_know() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let (store, subject) = planned(folder.path(), &["a"]).await;
        let id = store.queued("a", NOW_MS).await.unwrap()[0].id;
        store.going_out(&[id], NOW_MS).await.unwrap();
        let passing = Ended { fate: None, words: "it answers 503".into(), receipt: None };
        store.went_out("a", &[id], &passing, NOW_MS).await.unwrap();
        assert!(store.overdue(NOW_MS).await.unwrap().is_empty(), "it has been tried for no time at all");
        let overdue = store.overdue(NOW_MS + 1).await.unwrap();
        assert_eq!((overdue.len(), overdue[0].channel.as_str()), (1, "a"));
        let others = Plan { due: vec![("b".into(), Cause::Undelivered("a".into()))], ..Plan::default() };
        store.warned(&overdue[0], &(subject, others), NOW_MS, |_| NOW_MS + 9 * HOUR_MS).await.unwrap();
        assert!(store.overdue(NOW_MS + 1).await.unwrap().is_empty());
        // An hour forward: what waits has as long as before.
        store.clock_was_set(HOUR_MS).await.unwrap();
        assert!(!store.give_up(NOW_MS + 2 * HOUR_MS, 0).await.unwrap());
        assert!(store.give_up(NOW_MS + 3 * HOUR_MS, 0).await.unwrap());
        assert!(
            store.queued("a", NOW_MS).await.unwrap().is_empty()
                && store.queued("b", NOW_MS).await.unwrap().len() == 1
        );
        let channel = serde_json::to_value(store.channels(NOW_MS + 3 * HOUR_MS).await.unwrap()).unwrap();
        assert_eq!((&channel[0]["given_up"], &channel[0]["reason"]), (&json!(1), &json!("it answers 503")));
        let days = Retention { notices_days: 1, ..Retention::default() };
        while store.tidy(&days, NOW_MS + 50 * HOUR_MS).await.unwrap() > 0 {}
        assert!(store.notices(i64::MAX).await.unwrap().is_empty());
    });
}
