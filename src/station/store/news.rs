//! What one station tells the others on the same database as it happens, so that whoever looks at them sees it, too: LISTEN and NOTIFY of PostgreSQL. On a
//! file nobody else listens.

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgListener;

use super::database::{Connection, Pool, postgres, query};
use super::write::Changes;
use super::{Place, Store, StoreError};

/// Where it is told.
const CHANNEL: &str = "bearwatch_station";
/// Alerts of one notification: PostgreSQL takes 8,000 bytes, and an id is 80 characters at most.
const AT_ONCE: usize = 60;

/// What has changed.
#[derive(Clone, Debug, Default, Serialize, Deserialize, PartialEq, Eq)]
pub struct News {
    /// Alerts, and whether each is worth a bell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alerts: Vec<(String, bool)>,
    /// Commands to cameras, or what became of them.
    #[serde(default)]
    pub commands: bool,
    /// What is known of past days, or what somebody said of it.
    #[serde(default)]
    pub days: bool,
    /// Something may have been missed.
    #[serde(skip)]
    pub all: bool,
    /// Whose it is: what is one's own is known already.
    #[serde(default)]
    from: String,
}

impl News {
    /// One alert has changed.
    pub fn alert(id: &str) -> News {
        News { alerts: vec![(id.to_owned(), false)], ..News::default() }
    }

    /// What was told to cameras.
    pub fn commands() -> News {
        News { commands: true, ..News::default() }
    }

    /// What somebody said of past days.
    pub fn days() -> News {
        News { days: true, ..News::default() }
    }
}

impl Store {
    /// Tells the other stations. Where that fails whoever looks there sees it later.
    pub async fn announce(&self, news: News) {
        let Pool::Postgres(..) = self.writing else { return };
        let told = async {
            let mut connection = self.writing.acquire().await?;
            tell(&mut connection, &self.life, news).await
        };
        if let Err(error) = told.await {
            tracing::debug!("the other stations are not told: {error}");
        }
    }

    /// Hears what the others tell, from now on; `None` where there are none.
    pub fn ear(&self) -> Option<Ear> {
        let Place::Server(hold) = &self.place else { return None };
        Some(Ear { pool: hold.ear().ok()?, own: self.life.clone(), listener: None })
    }
}

/// What a commit has changed; part of its transaction, so that it is told if and only if it is kept.
pub(super) async fn tell_changes(db: &mut Connection, life: &str, changes: &Changes) -> sqlx::Result<()> {
    let Connection::Postgres(..) = db else { return Ok(()) };
    let alerts: Vec<_> = changes.alerts.iter().map(|(id, change)| (id.clone(), change.rings)).collect();
    for some in alerts.chunks(AT_ONCE) {
        tell(db, life, News { alerts: some.to_vec(), ..News::default() }).await?;
    }
    if changes.answers {
        tell(db, life, News::commands()).await?;
    }
    Ok(())
}

async fn tell(db: &mut Connection, life: &str, news: News) -> sqlx::Result<()> {
    let news = News { from: life.to_owned(), ..news };
    let text = serde_json::to_string(&news).map_err(|error| sqlx::Error::Encode(error.into()))?;
    query("SELECT pg_notify($1, $2)").bind(CHANNEL).bind(text).execute(db).await.map(|_| ())
}

/// Hears the other stations.
#[derive(Debug)]
pub struct Ear {
    pool: postgres::Own,
    own: String,
    listener: Option<PgListener>,
}

impl Ear {
    /// What is told next.
    ///
    /// # Errors
    /// Where nothing is heard now; whoever asks again hears it again, and first of all that something may have been missed.
    pub async fn next(&mut self) -> Result<News, StoreError> {
        let news = self.heard().await;
        news.map_err(|error| {
            self.listener = None;
            self.pool.fault(&error)
        })
    }

    async fn heard(&mut self) -> sqlx::Result<News> {
        let missed = News { all: true, ..News::default() };
        let listener = match &mut self.listener {
            Some(listener) => listener,
            None => {
                let mut listener = PgListener::connect_with(&self.pool.connections).await?;
                listener.listen(CHANNEL).await?;
                self.listener = Some(listener);
                return Ok(missed);
            }
        };
        loop {
            let Some(notification) = listener.try_recv().await? else { return Ok(missed) };
            // What a later version tells, or somebody else, is none of ours.
            let Ok(news) = serde_json::from_str::<News>(notification.payload()) else { continue };
            if news.from != self.own {
                return Ok(news);
            }
        }
    }
}
