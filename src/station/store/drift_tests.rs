use serde_json::{Value, json};

use super::super::tests::fresh;
use super::super::{Filed, Retention};
use super::*;
use crate::publish::Message;
use crate::station::judge::judge;
use crate::station::people::Pen;
use crate::system::clock::Clock;

/// 2026-11-25T00:00:00Z
const TODAY: i64 = 20_782;
const NOW_MS: i64 = TODAY * DAY_MS + 8_000_000;

fn run<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

async fn opened(folder: &std::path::Path) -> Store {
    Store::open(&fresh(folder)).await.unwrap()
}

/// Telemetry of so many days ago that tells of so many seconds.
fn telling(seq: u64, days_ago: i64, uptime_ms: u64, watched_s: u64, more: Value) -> Filed {
    let time = crate::publish::message::rfc3339(NOW_MS - days_ago * DAY_MS);
    let mut message = json!({ "v": 1, "boot": "b1", "seq": seq, "uptime_ms": uptime_ms, "time": time, "clock_synced": true,
        "late": days_ago > 0, "interval_s": 10.0, "stages": {}, "scores": {}, "regime": "day", "scene": null, "temperature_c": null, "memory_mb": null,
        "frames": { "seen": 1, "dropped": 0, "bad": 0, "inferred": 1, "deadline_misses": 0, "reopens": 0 },
        "messages": { "waiting": 0, "acknowledged": 0, "refused": 0, "lost_telemetry": 0, "lost_snapshots": 0, "lost_alerts": 0 } });
    let none = [0; 16];
    let day = json!({ "watched_s": watched_s, "score": none, "height": none, "luma": none, "sharpness": none, "motion": none });
    message["drift"] = json!({ "model": "00", "regimes": { "day": day } });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let topic = "bearwatch/v1/creek/north/telemetry".into();
    let entry = judge(Message::json(topic, message.to_string().into_bytes(), Vec::new()), NOW_MS).unwrap();
    Filed { entry, lives: vec!["b1".into()], history: false }
}

fn watched(tellings: &[Telling]) -> Vec<(i64, u64)> {
    let mut all: Vec<_> = tellings
        .iter()
        .map(|telling| (TODAY - telling.day, telling.told.regimes[&Regime::Day].watched_s))
        .collect();
    all.sort_unstable();
    all
}

#[test]
fn of_each_day_the_last_telling_is_kept_in_whatever_order_they_come() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let store = opened(folder.path()).await;
        let unset = json!({ "clock_synced": false });
        let filed = [
            telling(7, 0, 900, 90, json!({})),
            telling(3, 2, 300, 30, json!({})),
            telling(2, 2, 200, 20, json!({})),
            telling(5, 1, 500, 50, json!({})),
            telling(6, 1, 600, 55, unset.clone()),
        ];
        let changes = store.commit(&filed, &[]).await.unwrap();
        assert!(changes.days, "days that are over have changed");
        assert!(!store.commit(&filed, &[]).await.unwrap().days, "nothing is new");
        let (camera, site) = store.counted().await.unwrap().remove(0);
        assert_eq!(site.camera, "north");
        let known = store.tellings(camera, TODAY + 1).await.unwrap();
        assert_eq!(
            watched(&known),
            [(0, 90), (1, 50), (2, 30)],
            "when the one without a clock was made nobody knows"
        );
        assert_eq!(store.tellings(camera, TODAY).await.unwrap().len(), 2, "today is not over");
        let now = telling(8, 0, 1000, 100, unset);
        assert!(!store.commit(&[now], &[]).await.unwrap().days);
        assert_eq!(
            watched(&store.tellings(camera, TODAY + 1).await.unwrap())[0],
            (0, 100),
            "what is heard is of now"
        );
    });
}

fn shift(camera: i64, feature: Feature) -> Shift {
    let key = Key { camera, model: "00".into(), light: Some(Regime::Infrared), feature };
    let site = Site { name: "creek".into(), camera: "north".into() };
    Shift {
        id: 0,
        site,
        key,
        since: TODAY - 3,
        told_ms: NOW_MS,
        was: 9.0,
        became: 6.0,
        p: 1e-6,
        ended: None,
        ended_ms: None,
    }
}

#[test]
fn a_shift_is_told_once_until_it_ends_and_may_then_come_again() {
    let folder = tempfile::tempdir().unwrap();
    run(async {
        let store = opened(folder.path()).await;
        store.commit(&[telling(0, 1, 1, 1, json!({}))], &[]).await.unwrap();
        let camera = store.counted().await.unwrap()[0].0;
        let (score, all) = (
            shift(camera, Feature::Score),
            Shift {
                key: Key { light: None, ..shift(camera, Feature::Visits).key },
                ..shift(camera, Feature::Visits)
            },
        );
        store.shifted(&[score.clone(), all.clone()], &[], NOW_MS).await.unwrap();
        store.shifted(std::slice::from_ref(&score), &[], NOW_MS + 1).await.unwrap();
        let open = store.shifts(i64::MAX).await.unwrap();
        assert_eq!(open.len(), 2, "{open:?}");
        assert!(open.iter().any(|one| Shift { id: 0, ..one.clone() } == all));
        let told = open.iter().find(|one| one.key == score.key).unwrap();
        store.shifted(&[], &[(told.id, Ended::Returned)], NOW_MS + 2).await.unwrap();
        assert_eq!(store.shifts(i64::MAX).await.unwrap().len(), 1);
        let known = store.shifts(NOW_MS).await.unwrap();
        assert!(
            known.iter().any(|one| one.ended == Some(Ended::Returned) && one.ended_ms == Some(NOW_MS + 2))
        );
        store.shifted(&[score], &[], NOW_MS + 3).await.unwrap();
        let deed = Pen::new(Clock::start()).deed("accepted", "anna", "creek/north", "");
        assert_eq!(store.accept(&told.site, &deed).await.unwrap(), 2);
        assert_eq!(store.accept(&told.site, &deed).await.unwrap(), 0);
        let lines = store.trail(i64::MAX).await.unwrap();
        assert_eq!(
            (lines.len(), lines[0].entry.who.as_str(), lines[0].entry.event.as_str()),
            (1, "anna", "accepted")
        );
        let years = Retention { alerts_days: 2, ..Retention::default() };
        while store.tidy(&years, NOW_MS + 200 * DAY_MS).await.unwrap() > 0 {}
        assert!(store.shifts(0).await.unwrap().is_empty() && store.counted().await.unwrap().is_empty());
    });
}
