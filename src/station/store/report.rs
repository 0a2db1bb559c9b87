//! What reports and exports are made from: read beside a station that runs, or without one.

use std::collections::HashMap;

use serde_json::Value;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, query};

use super::opinion::{is_twice, label};
use super::review::PictureKey;
use super::steps::audience;
use super::{Store, StoreError};
use crate::publish::reply::Judgement;
use crate::station::judge::unix_ms;
use crate::station::report::{Camera, Evidence, First, Heard, Period, Sampled, Told};
use crate::station::review::{Label, Seen};

/// When an alert was, as well as is known: [`Told::at_ms`].
const AT: &str =
    "CASE WHEN alert.clock = 'set' THEN coalesce(alert.captured_ms, alert.heard_ms) ELSE alert.heard_ms END";

/// A picture that people labelled, with what is known of it.
#[derive(Clone, Debug)]
pub struct Labelled {
    /// Names it.
    pub key: PictureKey,
    /// "site/camera".
    pub camera: String,
    /// When it was taken, or came in where that is not known.
    pub at_ms: i64,
    /// What holds of what people said.
    pub label: Label,
    /// Another person is still to look at it.
    pub another: bool,
    /// The model's box is drawn on it: nobody must learn from it.
    pub marked: bool,
    /// What the model saw, where that is known: JSON.
    pub detections: Option<String>,
    /// Its operating point.
    pub threshold: Option<f64>,
    /// The simulator drew it.
    pub simulated: bool,
}

/// The label that holds of each picture, and whether another person is to look at it.
type Held = HashMap<PictureKey, (Label, bool)>;
/// What each person said of a picture.
type Opinions = HashMap<PictureKey, Vec<Seen>>;

impl Store {
    /// What stands in the database of a period, and of the one before it.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn evidence(&self, period: Period) -> Result<Evidence, StoreError> {
        let found = async {
            let from_ms = period.before().from_ms;
            let rows = query("SELECT * FROM camera ORDER BY site, name").fetch_all(&self.reading).await?;
            let mut index = HashMap::new();
            let mut evidence = Evidence::default();
            for row in &rows {
                index.insert(row.try_get::<i64, _>("id")?, evidence.cameras.len());
                let (site, name): (String, String) = (row.try_get("site")?, row.try_get("name")?);
                evidence
                    .cameras
                    .push(Camera { name: format!("{site}/{name}"), first_ms: row.try_get("first_ms")? });
            }
            let camera = |row: &SqliteRow| {
                Ok::<usize, sqlx::Error>(index.get(&row.try_get("camera")?).copied().unwrap_or(0))
            };
            self.alerts_of(&mut evidence, &camera, from_ms, period.to_ms).await?;
            self.samples_of(&mut evidence, &camera, period).await?;
            let rows = query("SELECT camera, heard_ms, late, message FROM telemetry WHERE heard_ms >= $1")
                .bind(from_ms)
                .fetch_all(&self.reading)
                .await?;
            for row in rows {
                let (heard_ms, late): (i64, bool) = (row.try_get("heard_ms")?, row.try_get("late")?);
                let at_ms =
                    if late { made_ms(&row.try_get::<String, _>("message")?) } else { Some(heard_ms) };
                if let Some(at_ms) = at_ms {
                    evidence.heard.push(Heard { camera: camera(&row)?, at_ms, live: !late });
                }
            }
            let rows = query("SELECT * FROM version").fetch_all(&self.reading).await?;
            for row in rows {
                let (value, at_ms) = (row.try_get("version")?, row.try_get("first_ms")?);
                evidence.firsts.push(First { camera: camera(&row)?, what: "version", value, at_ms });
            }
            Ok(evidence)
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    /// Alerts, and which models told of them.
    async fn alerts_of(
        &self,
        evidence: &mut Evidence,
        camera: &impl Fn(&SqliteRow) -> sqlx::Result<usize>,
        from_ms: i64,
        to_ms: i64,
    ) -> sqlx::Result<()> {
        let mut ended: HashMap<String, i64> = HashMap::new();
        let mut models: HashMap<usize, String> = HashMap::new();
        let rows = query(&format!(
            "SELECT camera, alert, heard_ms, message FROM step WHERE alert IN (SELECT id FROM alert WHERE {AT} >= $1 AND {AT} < $2) ORDER BY heard_ms"
        ))
        .bind(from_ms)
        .bind(to_ms)
        .fetch_all(&self.reading)
        .await?;
        for row in &rows {
            let message: Value =
                serde_json::from_str(&row.try_get::<String, _>("message")?).unwrap_or_default();
            if let Some(at_ms) = message["captured"].as_str().and_then(unix_ms) {
                let last = ended.entry(row.try_get("alert")?).or_insert(at_ms);
                *last = (*last).max(at_ms);
            }
            let (at, hash) = (camera(row)?, message["model"]["sha256"].as_str().unwrap_or_default());
            let known = models.get(&at).is_some_and(|known| known == hash);
            // A drill tells of the same model; what an exercise says of one is true, too.
            if !hash.is_empty() && !known {
                models.insert(at, hash.into());
                let name = message["model"]["name"].as_str().unwrap_or_default();
                let value = format!("{name} {}", hash.get(..12).unwrap_or(hash));
                evidence.firsts.push(First {
                    camera: at,
                    what: "model",
                    value,
                    at_ms: row.try_get("heard_ms")?,
                });
            }
        }
        let judged = self.judged_alerts().await?;
        let rows = query(&format!(
            "SELECT alert.*, (SELECT word.verdict FROM word WHERE word.alert = alert.id ORDER BY word.id DESC LIMIT 1) AS said FROM alert
             WHERE {AT} >= $1 AND {AT} < $2 ORDER BY heard_ms"
        ))
        .bind(from_ms)
        .bind(to_ms)
        .fetch_all(&self.reading)
        .await?;
        for row in &rows {
            let id: String = row.try_get("id")?;
            let said: Option<String> = row.try_get::<Option<String>, _>("said")?.or(row.try_get("verdict")?);
            evidence.alerts.push(Told {
                camera: camera(row)?,
                heard_ms: row.try_get("heard_ms")?,
                captured_ms: row.try_get("captured_ms")?,
                ended_ms: ended.get(&id).copied(),
                clock_set: row.try_get::<String, _>("clock")? == "set",
                late: row.try_get("late")?,
                drill: row.try_get("drill")?,
                simulated: row.try_get("simulated")?,
                audience: audience(&row.try_get::<String, _>("audience")?),
                regime: row.try_get("regime")?,
                said: said.and_then(|said| Judgement::from_name(&said)).or_else(|| judged.get(&id).copied()),
                id,
            });
        }
        Ok(())
    }

    /// What reviewers saw on pictures of alerts that were for them: nobody else says what these were.
    async fn judged_alerts(&self) -> sqlx::Result<HashMap<String, Judgement>> {
        let rows = query(
            "SELECT picture.alert, label.verdict FROM judged JOIN label ON label.id = judged.label
                 JOIN picture ON picture.camera = judged.camera AND picture.boot = judged.boot AND picture.seq = judged.seq
                 JOIN alert ON alert.id = picture.alert WHERE alert.audience = 'reviewers' ORDER BY judged.judged_ms",
        )
        .fetch_all(&self.reading)
        .await?;
        let said = |row: &SqliteRow| {
            let said = match row.try_get::<String, _>("verdict")?.as_str() {
                "bear" => Judgement::Bear,
                "cannot-tell" => Judgement::Unsure,
                _ => Judgement::NotBear,
            };
            Ok((row.try_get("alert")?, said))
        };
        rows.iter().map(said).collect()
    }

    /// The random sample, and which operating points were in force.
    async fn samples_of(
        &self,
        evidence: &mut Evidence,
        camera: &impl Fn(&SqliteRow) -> sqlx::Result<usize>,
        period: Period,
    ) -> sqlx::Result<()> {
        let (labels, opinions) = self.held().await?;
        let rows = query("SELECT * FROM sample WHERE coalesce(captured_ms, heard_ms) >= $1 AND coalesce(captured_ms, heard_ms) < $2 ORDER BY heard_ms")
            .bind(period.from_ms)
            .bind(period.to_ms)
            .fetch_all(&self.reading)
            .await?;
        let mut points: HashMap<usize, String> = HashMap::new();
        for row in &rows {
            let key = PictureKey::of(row)?;
            let (at, threshold, heard_ms): (usize, f64, i64) =
                (camera(row)?, row.try_get("threshold")?, row.try_get("heard_ms")?);
            let value = format!("{threshold:.2}");
            if points.insert(at, value.clone()).is_none_or(|known| known != value) {
                evidence.firsts.push(First { camera: at, what: "threshold", value, at_ms: heard_ms });
            }
            let held = labels.get(&key);
            evidence.samples.push(Sampled {
                camera: at,
                boot: key.boot.clone(),
                number: row.try_get("number")?,
                captured_ms: row.try_get("captured_ms")?,
                heard_ms,
                probability: row.try_get("probability")?,
                room: row.try_get("room")?,
                stands_s: row.try_get("stands_s")?,
                mode: row.try_get("mode")?,
                regime: row.try_get("regime")?,
                model: row.try_get("model")?,
                threshold,
                size: (row.try_get("width")?, row.try_get("height")?),
                simulated: row.try_get("simulated")?,
                detections: serde_json::from_str(&row.try_get::<String, _>("detections")?)
                    .unwrap_or_default(),
                label: held.map(|(label, _)| label.clone()),
                another: held.is_some_and(|(_, another)| *another),
                twice: opinions.get(&key).filter(|_| is_twice(&key)).cloned().unwrap_or_default(),
                key: key.to_string(),
            });
        }
        Ok(())
    }

    /// What holds of each picture that was labelled and whether another person is to look, and what each person said of it.
    async fn held(&self) -> sqlx::Result<(Held, Opinions)> {
        let rows = query("SELECT label.*, judged.another, judged.label = label.id AS holds FROM label
                 JOIN judged ON judged.camera = label.camera AND judged.boot = label.boot AND judged.seq = label.seq ORDER BY label.id")
            .fetch_all(&self.reading)
            .await?;
        let (mut held, mut said) = (HashMap::new(), HashMap::<PictureKey, Vec<(String, Seen)>>::new());
        for row in &rows {
            let (key, label) = (PictureKey::of(row)?, label(row)?);
            let opinions = said.entry(key.clone()).or_default();
            opinions.retain(|(by, _)| *by != label.by);
            opinions.push((label.by.clone(), label.seen));
            if row.try_get::<Option<bool>, _>("holds")?.unwrap_or(false) {
                held.insert(key, (label, row.try_get("another")?));
            }
        }
        let words =
            said.into_iter().map(|(key, said)| (key, said.into_iter().map(|(_, seen)| seen).collect()));
        Ok((held, words.collect()))
    }

    /// Pictures that people labelled and that are still kept, in the order in which they came in.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn labelled(&self) -> Result<Vec<Labelled>, StoreError> {
        let found = async {
            let (mut held, _) = self.held().await?;
            let rows = query(
                "SELECT picture.camera, picture.boot, picture.seq, picture.captured_ms, picture.heard_ms, picture.marked, site, name,
                     sample.detections, sample.threshold, coalesce(sample.simulated, alert.simulated, FALSE) AS simulated
                 FROM judged JOIN picture ON picture.camera = judged.camera AND picture.boot = judged.boot AND picture.seq = judged.seq
                     JOIN camera ON camera.id = picture.camera
                     LEFT JOIN sample ON sample.camera = picture.camera AND sample.boot = picture.boot AND sample.seq = picture.seq
                     LEFT JOIN alert ON alert.id = picture.alert
                 ORDER BY picture.id",
            )
            .fetch_all(&self.reading)
            .await?;
            let mut all = Vec::new();
            for row in &rows {
                let key = PictureKey::of(row)?;
                let Some((label, another)) = held.remove(&key) else { continue };
                let (site, name): (String, String) = (row.try_get("site")?, row.try_get("name")?);
                all.push(Labelled {
                    key,
                    camera: format!("{site}/{name}"),
                    at_ms: row.try_get::<Option<i64>, _>("captured_ms")?.unwrap_or(row.try_get("heard_ms")?),
                    label,
                    another,
                    marked: row.try_get("marked")?,
                    detections: row.try_get("detections")?,
                    threshold: row.try_get("threshold")?,
                    simulated: row.try_get("simulated")?,
                });
            }
            Ok(all)
        };
        found.await.map_err(|error: sqlx::Error| self.fault(&error))
    }

    /// The bytes of a picture; `None` where it is not kept any more.
    ///
    /// # Errors
    /// Where the database is away.
    pub async fn jpeg_of(&self, key: &PictureKey) -> Result<Option<Vec<u8>>, StoreError> {
        let row = query("SELECT jpeg FROM picture WHERE camera = $1 AND boot = $2 AND seq = $3")
            .bind(key.camera)
            .bind(&key.boot)
            .bind(key.seq)
            .fetch_optional(&self.reading)
            .await;
        let jpeg = row.and_then(|row| row.map(|row| row.try_get("jpeg")).transpose());
        jpeg.map_err(|error| self.fault(&error))
    }
}

/// When a message was made, by the camera's clock, where that was synchronised.
fn made_ms(message: &str) -> Option<i64> {
    let message: Value = serde_json::from_str(message).ok()?;
    let synced = message["clock_synced"].as_bool()?;
    message["time"].as_str().filter(|_| synced).and_then(unix_ms)
}
