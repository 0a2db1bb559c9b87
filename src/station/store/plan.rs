//! Plans of sites: a picture of each, and where its cameras stand on it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::database::{Connection, Row, query};
use super::read::WAITS;
use super::trail::{Deed, append};
use super::{Store, StoreError};
use crate::publish::reply::Head;
use crate::station::plan::Sheet;

/// A plan, without its picture.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SitePlan {
    /// Of which site.
    pub site: String,
    /// Of its picture: names it.
    pub sha256: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Who gave it.
    pub given_by: String,
    /// When, milliseconds since 1970.
    pub given_ms: i64,
    /// By the camera's name: shares of width and height, from the upper left corner.
    pub places: BTreeMap<String, [f64; 2]>,
}

/// A camera at which an alert waits for somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Waiting {
    /// Its site.
    pub site: String,
    /// Its name.
    pub camera: String,
    /// Only exercises do.
    pub drill: bool,
}

/// What is changed of a plan. Each names the picture that whoever changes it has before him: what was meant for one that is gone is not done to another.
#[derive(Clone, Copy, Debug)]
pub enum PlanChange<'a> {
    /// A picture, instead of this one or where there is none; cameras stay where they were.
    Give(&'a Sheet, Option<&'a str>),
    /// Picture and places go.
    Remove(&'a str),
    /// A camera stands here.
    Place(&'a str, &'a str, [f64; 2]),
    /// A camera stands nowhere on it any more.
    Lift(&'a str, &'a str),
}

impl Store {
    /// Plans of all sites.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn plans(&self) -> Result<Vec<SitePlan>, StoreError> {
        let found = async {
            let rows =
                query("SELECT site, sha256, width, height, given_by, given_ms FROM plan ORDER BY site")
                    .fetch_all(&self.reading)
                    .await?;
            let mut plans = rows.iter().map(plan).collect::<sqlx::Result<Vec<_>>>()?;
            if plans.is_empty() {
                return Ok(plans);
            }
            for row in query("SELECT site, camera, x, y FROM plan_camera").fetch_all(&self.reading).await? {
                let (site, camera): (String, String) = (row.try_get("site")?, row.try_get("camera")?);
                if let Some(plan) = plans.iter_mut().find(|plan| plan.site == site) {
                    plan.places.insert(camera, [row.try_get("x")?, row.try_get("y")?]);
                }
            }
            Ok(plans)
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    /// The picture of a plan; `None` where the site has none, or another one.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn plan_picture(&self, site: &str, sha256: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let row = query("SELECT jpeg FROM plan WHERE site = $1 AND sha256 = $2")
            .bind(site)
            .bind(sha256)
            .fetch_optional(&self.reading)
            .await;
        let jpeg = row.and_then(|row| row.map(|row| row.try_get("jpeg")).transpose());
        jpeg.map_err(|error| self.fault(&error))
    }

    /// Cameras at which alerts wait for somebody.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn waiting_at(&self) -> Result<Vec<Waiting>, StoreError> {
        let found = async {
            let rows = query(&format!(
                "SELECT DISTINCT camera.site, camera.name, alert.drill FROM alert JOIN camera ON camera.id = alert.camera WHERE {WAITS}"
            ))
            .fetch_all(&self.reading)
            .await?;
            let mut at: BTreeMap<(String, String), BTreeSet<bool>> = BTreeMap::new();
            for row in &rows {
                at.entry((row.try_get("site")?, row.try_get("name")?))
                    .or_default()
                    .insert(row.try_get("drill")?);
            }
            let waiting = |((site, camera), drills): (_, BTreeSet<bool>)| {
                let drill = !drills.contains(&false);
                Waiting { site, camera, drill }
            };
            Ok(at.into_iter().map(waiting).collect())
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    /// Changes the plan of a site, with its line of the audit log; `false` where it is not as whoever changes it has seen it.
    ///
    /// # Errors
    /// Where the database is away: nothing is changed then.
    pub async fn change_plan(
        &self,
        site: &str,
        change: PlanChange<'_>,
        deed: &Deed,
    ) -> Result<bool, StoreError> {
        let mut line = self.line().await?;
        let done = changed(&mut line, site, change, deed).await;
        let head = self.settle(line, done).await?;
        Ok(head.inspect(|head| self.tell(deed, head)).is_some())
    }
}

async fn changed(
    db: &mut Connection,
    site: &str,
    change: PlanChange<'_>,
    deed: &Deed,
) -> sqlx::Result<Option<Head>> {
    let mut work = db.begin().await?;
    let rows = match change {
        PlanChange::Give(sheet, before) => give(&mut work, site, sheet, before, deed).await?,
        PlanChange::Remove(sha256) => remove(&mut work, site, sha256).await?,
        PlanChange::Place(camera, sha256, at) => place(&mut work, site, camera, sha256, at).await?,
        PlanChange::Lift(camera, sha256) => lift(&mut work, site, camera, sha256).await?,
    };
    if rows == 0 {
        work.rollback().await?;
        return Ok(None);
    }
    let head = append(&mut work, deed).await?;
    work.commit().await?;
    Ok(Some(head))
}

async fn give(
    db: &mut Connection,
    site: &str,
    sheet: &Sheet,
    before: Option<&str>,
    deed: &Deed,
) -> sqlx::Result<u64> {
    let sql = match before {
        None => {
            "INSERT INTO plan (site, sha256, width, height, jpeg, given_by, given_ms) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING"
        }
        Some(_) => {
            "UPDATE plan SET sha256 = $2, width = $3, height = $4, jpeg = $5, given_by = $6, given_ms = $7 WHERE site = $1 AND sha256 = $8"
        }
    };
    let values = query(sql)
        .bind(site)
        .bind(&sheet.sha256)
        .bind(sheet.width)
        .bind(sheet.height)
        .bind(&sheet.jpeg)
        .bind(&deed.entry.who)
        .bind(deed.now.unix_ms);
    let values = before.into_iter().fold(values, |values, before| values.bind(before));
    Ok(values.execute(db).await?.rows_affected())
}

/// Places go first: they refer to the plan. Where it is another one all of it is taken back.
async fn remove(db: &mut Connection, site: &str, sha256: &str) -> sqlx::Result<u64> {
    query("DELETE FROM plan_camera WHERE site = $1").bind(site).execute(&mut *db).await?;
    let gone = query("DELETE FROM plan WHERE site = $1 AND sha256 = $2").bind(site).bind(sha256).execute(db);
    Ok(gone.await?.rows_affected())
}

async fn place(
    db: &mut Connection,
    site: &str,
    camera: &str,
    sha256: &str,
    [x, y]: [f64; 2],
) -> sqlx::Result<u64> {
    let placed = query(
        "INSERT INTO plan_camera (site, camera, x, y) SELECT site, $2, $3, $4 FROM plan WHERE site = $1 AND sha256 = $5
         ON CONFLICT (site, camera) DO UPDATE SET x = excluded.x, y = excluded.y",
    );
    let placed = placed.bind(site).bind(camera).bind(x).bind(y).bind(sha256).execute(db);
    Ok(placed.await?.rows_affected())
}

async fn lift(db: &mut Connection, site: &str, camera: &str, sha256: &str) -> sqlx::Result<u64> {
    let lifted = query(
        "DELETE FROM plan_camera WHERE site = $1 AND camera = $2 AND EXISTS (SELECT 1 FROM plan WHERE site = $1 AND sha256 = $3)",
    );
    Ok(lifted.bind(site).bind(camera).bind(sha256).execute(db).await?.rows_affected())
}

fn plan(row: &Row) -> sqlx::Result<SitePlan> {
    let pixels =
        |name: &str| row.try_get::<i64, _>(name).map(|pixels| u32::try_from(pixels).unwrap_or_default());
    Ok(SitePlan {
        site: row.try_get("site")?,
        sha256: row.try_get("sha256")?,
        width: pixels("width")?,
        height: pixels("height")?,
        given_by: row.try_get("given_by")?,
        given_ms: row.try_get("given_ms")?,
        places: BTreeMap::new(),
    })
}
