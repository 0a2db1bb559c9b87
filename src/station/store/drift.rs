//! What cameras count of their pictures and finds, and what has shifted.

use super::database::{Connection, Row, query};
use super::trail::{Deed, append};
use super::write::number;
use super::{Store, StoreError};
use crate::perceive::observation::Regime;
use crate::publish::drift::DriftMessage;
use crate::publish::message::Envelope;
use crate::publish::reply::Head;
use crate::publish::settings::Site;
use crate::station::drift::days::{DAY_MS, Telling};
use crate::station::drift::inspection::{ALL, Ended, Key, Shift};
use crate::station::drift::series::Feature;
use crate::station::judge::{Entry, unix_ms};

/// Ahead of ours a camera's clock is not believed, milliseconds.
const AHEAD_MS: i64 = 120_000;

/// The last that is known of a day. Tells whether that day is over: then what was judged of it may change.
pub(super) async fn file(
    db: &mut Connection,
    camera: i64,
    entry: &Entry,
    envelope: &Envelope,
    told: &DriftMessage,
) -> sqlx::Result<bool> {
    let (Some(day), Ok(counts)) = (day(entry, envelope), serde_json::to_string(told)) else {
        return Ok(false);
    };
    let done = query(
        "INSERT INTO drift_day (camera, boot, day, uptime_ms, counts) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (camera, boot, day) DO UPDATE SET uptime_ms = excluded.uptime_ms, counts = excluded.counts
             WHERE excluded.uptime_ms > drift_day.uptime_ms",
    )
    .bind(camera)
    .bind(&envelope.boot.0)
    .bind(day)
    .bind(number(envelope.uptime_ms))
    .bind(counts)
    .execute(db)
    .await?;
    Ok(done.rows_affected() > 0 && day < entry.heard_ms.div_euclid(DAY_MS))
}

/// By the camera's clock where that is set; what is heard at once is of now. Of what came late without a clock nobody knows when it was.
fn day(entry: &Entry, envelope: &Envelope) -> Option<i64> {
    let own = unix_ms(&envelope.time).filter(|ms| envelope.clock_synced && *ms <= entry.heard_ms + AHEAD_MS);
    let ms = own.or((!entry.late).then_some(entry.heard_ms))?;
    Some(ms.div_euclid(DAY_MS))
}

impl Store {
    /// Cameras that have told of whole days, with their sites.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn counted(&self) -> Result<Vec<(i64, Site)>, StoreError> {
        let rows = query(
            "SELECT id, site, name FROM camera WHERE EXISTS (SELECT 1 FROM drift_day WHERE drift_day.camera = camera.id) ORDER BY id",
        )
        .fetch_all(&self.reading)
        .await;
        let camera = |row: &Row| {
            Ok((row.try_get("id")?, Site { name: row.try_get("site")?, camera: row.try_get("name")? }))
        };
        rows.and_then(|rows| rows.iter().map(camera).collect()).map_err(|error| self.fault(&error))
    }

    /// What a camera has told of the days before `day`.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn tellings(&self, camera: i64, day: i64) -> Result<Vec<Telling>, StoreError> {
        let rows = query("SELECT boot, day, counts FROM drift_day WHERE camera = $1 AND day < $2")
            .bind(camera)
            .bind(day)
            .fetch_all(&self.reading)
            .await;
        let telling = |row: &Row| {
            let counts: String = row.try_get("counts")?;
            let Ok(told) = serde_json::from_str(&counts) else { return Ok(None) };
            Ok(Some(Telling { boot: row.try_get("boot")?, day: row.try_get("day")?, told }))
        };
        let tellings = rows.and_then(|rows| rows.iter().filter_map(|row| telling(row).transpose()).collect());
        tellings.map_err(|error| self.fault(&error))
    }

    /// Shifts that hold, and those that have ended since `from_ms`.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn shifts(&self, from_ms: i64) -> Result<Vec<Shift>, StoreError> {
        let rows = query(
            "SELECT shift.*, camera.site, camera.name FROM shift JOIN camera ON camera.id = shift.camera
             WHERE ended IS NULL OR ended_ms >= $1 ORDER BY told_ms DESC, shift.id DESC",
        )
        .bind(from_ms)
        .fetch_all(&self.reading)
        .await;
        let shifts = rows.and_then(|rows| rows.iter().filter_map(|row| shift(row).transpose()).collect());
        shifts.map_err(|error| self.fault(&error))
    }

    /// Enters what has shifted, and what holds no more (by id, with why), all or none.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn shifted(&self, new: &[Shift], over: &[(i64, Ended)], now_ms: i64) -> Result<(), StoreError> {
        self.is_there().await?;
        let done = async {
            let mut connection = self.writing.acquire().await?;
            let mut transaction = connection.begin().await?;
            for shift in new {
                enter(&mut transaction, shift).await?;
            }
            for (id, ended) in over {
                query("UPDATE shift SET ended = $1, ended_ms = $2 WHERE id = $3 AND ended IS NULL")
                    .bind(ended.name())
                    .bind(now_ms)
                    .bind(id)
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await
        };
        done.await.map_err(|error| self.fault(&error))
    }

    /// Somebody says that this is how the camera is now; tells how many shifts that ends. The deed is written down where it ended any.
    ///
    /// # Errors
    /// Where the database is away: nothing is kept then.
    pub async fn accept(&self, site: &Site, deed: &Deed) -> Result<u64, StoreError> {
        let mut line = self.line().await?;
        let done = accept(&mut line, site, deed).await;
        let (ended, head) = self.settle(line, done).await?;
        head.inspect(|head| self.tell(deed, head));
        Ok(ended)
    }
}

async fn accept(db: &mut Connection, site: &Site, deed: &Deed) -> sqlx::Result<(u64, Option<Head>)> {
    let mut work = db.begin().await?;
    let done = query(
        "UPDATE shift SET ended = 'accepted', ended_ms = $1, ended_by = $2 WHERE ended IS NULL
         AND camera = (SELECT id FROM camera WHERE site = $3 AND name = $4)",
    )
    .bind(deed.now.unix_ms)
    .bind(&deed.entry.who)
    .bind(&site.name)
    .bind(&site.camera)
    .execute(&mut *work)
    .await?;
    let head = match done.rows_affected() {
        0 => None,
        ended => {
            let mut deed = deed.clone();
            deed.entry.reason = format!("shifts: {ended}");
            Some(append(&mut work, &deed).await?)
        }
    };
    work.commit().await?;
    Ok((done.rows_affected(), head))
}

async fn enter(db: &mut Connection, shift: &Shift) -> sqlx::Result<()> {
    let Key { model, light, feature, .. } = &shift.key;
    query(
        "INSERT INTO shift (camera, model, regime, feature, since, told_ms, was, became, p) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT DO NOTHING",
    )
    .bind(shift.key.camera)
    .bind(model)
    .bind(light.map_or(ALL, Regime::name))
    .bind(feature.name())
    .bind(shift.since)
    .bind(shift.told_ms)
    .bind(shift.was)
    .bind(shift.became)
    .bind(shift.p)
    .execute(db)
    .await
    .map(|_| ())
}

/// `None` where a later version wrote what this one does not know.
fn shift(row: &Row) -> sqlx::Result<Option<Shift>> {
    let (regime, feature): (String, String) = (row.try_get("regime")?, row.try_get("feature")?);
    let lights = [Regime::Day, Regime::Dusk, Regime::Infrared].map(|known| (known.name(), Some(known)));
    let light =
        lights.into_iter().chain([(ALL, None)]).find(|(name, _)| *name == regime).map(|(_, light)| light);
    let feature = Feature::ALL.into_iter().find(|known| known.name() == feature);
    let (Some(light), Some(feature)) = (light, feature) else { return Ok(None) };
    let ended: Option<String> = row.try_get("ended")?;
    Ok(Some(Shift {
        id: row.try_get("id")?,
        site: Site { name: row.try_get("site")?, camera: row.try_get("name")? },
        key: Key { camera: row.try_get("camera")?, model: row.try_get("model")?, light, feature },
        since: row.try_get("since")?,
        told_ms: row.try_get("told_ms")?,
        was: row.try_get("was")?,
        became: row.try_get("became")?,
        p: row.try_get("p")?,
        ended: ended.and_then(|name| Ended::ALL.into_iter().find(|known| known.name() == name)),
        ended_ms: row.try_get("ended_ms")?,
    }))
}

#[cfg(test)]
#[path = "drift_tests.rs"]
mod tests;
