//! The station: hears every camera of a broker, keeps what they tell, shows it to the people on duty, and carries their word back.
//!
//! Not on the device. It sits beside [`crate::app`] and knows of the lower parts the wire contract, the broker's other end, commands and the web's frame.
//!
//! ```text
//! broker ──▶ intake ──▶ judge, claims ──▶ store (commit) ──▶ acknowledgement to the broker
//!                          └▶ fleet (memory)   └▶ live ──▶ the duty desk's page
//!                                              ├▶ drift: what has shifted, once a day
//!                                              ├▶ notify: whom else to tell
//!                                              └▶ rollout: whether a new model earns its place; pieces of it ──▶ broker ──▶ camera
//! the page's word on an alert ──▶ store ──▶ post ──▶ broker ──▶ camera ──▶ answer, ack
//! the page's command ──▶ store ──▶ dispatch, once ──▶ broker ──▶ camera ──▶ answer
//! ```

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::control::request::Signer;
use crate::infer::succession::signed::Keys;
use crate::publish::intake::{self, Custody};
use crate::publish::message::BootId;
use crate::publish::settings::Settings as Publish;
use crate::publish::{Kind, PublishError};
use crate::system::clock::Clock;
use crate::system::notify::Notifier;
use crate::system::stop::Stop;
use crate::web::door::Door;
use crate::web::{Limits, Place, Server};

mod alert;
mod claims;
mod command;
pub mod drift;
mod export;
mod fleet;
mod judge;
mod keeper;
mod live;
mod made;
pub mod notify;
mod others;
mod page;
pub mod people;
mod plan;
mod post;
pub mod report;
mod review;
pub mod rollout;
mod standing;
mod store;
mod texts;
mod trial;

use claims::Claims;
use command::Dispatch;
pub use export::{ExportError, Exported};
use fleet::Fleet;
use keeper::{Keeper, Shared};
use live::Live;
pub use made::{Made, export, report_of};
pub use page::Public;
use page::{Bells, Desk, Ways};
use people::{Lifetime, Pen, People};
use post::Post;
use rollout::runner::Runner;
use standing::Standing;
use store::Duty;
pub use store::{Address, Given, Retention, Store, StoreError};
use trial::Conduct;

/// People who look at once, and what their pages fetch beside that.
const LIMITS: Limits = Limits { connections: 96, patience: Duration::from_secs(3600) };
/// Whoever looks hears from the station this often: a page that does not knows that it is deaf.
const PULSE: Duration = Duration::from_secs(2);

/// What an administrator decides.
pub struct Settings {
    /// The broker, and who we are to it.
    pub publish: Publish,
    /// Which site; all of them where there is none.
    pub site: Option<String>,
    /// Which of several stations on one database this is; empty where there is one.
    pub instance: String,
    /// Whether they share the pictures that come.
    pub share: bool,
    /// How long the broker keeps what we miss while we are away, seconds.
    pub memory_s: u32,
    /// Where the data are.
    pub database: Address,
    /// How long they are kept.
    pub retention: Retention,
    /// Where the pages are.
    pub listen: SocketAddr,
    /// The way in for programs; people have accounts.
    pub token: Option<Door>,
    /// How long people stay signed in.
    pub lifetime: Lifetime,
    /// Where people find the page, if a web server stands in front of it.
    pub public: Option<Public>,
    /// Who signs what is told to cameras.
    pub signer: Option<Signer>,
    /// Whose signatures on bundles of models count, and how many keys these are.
    pub trusted_keys: (Keys, usize),
    /// A camera that is not heard for so long is silent.
    pub silence: Duration,
    /// Who is told of alerts outside the page.
    pub notify: Option<notify::settings::Settings>,
}

/// Why a station cannot be.
#[derive(Debug, thiserror::Error)]
pub enum StationError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The connection.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The system gives nothing to make hashes with.
    #[error("the system gives no random numbers; try again")]
    Random,
    /// The machine gives no thread.
    #[error("cannot start the station's threads: {0}")]
    Thread(#[from] std::io::Error),
}

/// Runs until `stop` is raised.
///
/// # Errors
/// Before anything runs: the database, the configuration, the machine.
pub fn run(settings: Settings, stop: &Stop) -> Result<(), StationError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let ended = runtime.block_on(begin(settings, stop));
    // A look-up of a name may still be under way and cannot be interrupted: it is not waited for.
    runtime.shutdown_background();
    ended
}

async fn begin(settings: Settings, stop: &Stop) -> Result<(), StationError> {
    let clock = Clock::start();
    let store = Arc::new(Store::open_as(&settings.database, &settings.instance).await?);
    let kept = store.identity(&BootId::new().0, clock.unix_ms()).await?;
    let custody = Custody {
        client_id: match settings.instance.as_str() {
            "" => format!("bearwatch-station-{}", kept.id),
            name => format!("bearwatch-station-{}-{name}", kept.id),
        },
        filters: filters(settings.site.as_deref(), settings.share.then_some(&kept.id)),
        memory_s: settings.memory_s,
    };
    let (line, intake, keeping) = intake::prepare(&settings.publish, custody, stop.clone())?;
    let claims = Claims::new(store.lives().await?);
    let fleet = Fleet::new(store.cameras().await?, settings.silence);
    let shared = Shared {
        models: Arc::default(),
        store: store.clone(),
        fleet: Arc::new(Mutex::new(fleet)),
        standing: Arc::default(),
        live: Live::default(),
        days: Arc::default(),
        notices: Arc::default(),
        clock,
    };
    let bells = Bells::default();
    let people = people(&shared, settings.lifetime).await?;
    let link = settings.public.as_ref().map(|public| format!("{}/#desk", public.0));
    let sign = notify::Sign { station: kept.id.clone(), link };
    let lanes = notify::begin(settings.notify, &shared, sign, stop).await?;
    let ways = Ways {
        people: people.clone(),
        token: settings.token,
        public: settings.public,
        station: kept.id,
        keys: settings.trusted_keys,
    };
    let desk = Desk::new(shared.clone(), ways, bells.clone());
    let place = Place::new(settings.listen, ("station", "/"), desk.router(), LIMITS);
    let server = Server::start(vec![place])?;
    let mut notifier = Notifier::default();
    notifier.ready();
    let keeper = Keeper::new(shared.clone(), intake, keeping.clone(), claims, kept.heard_ms);
    let signer = settings.signer.map(Arc::new);
    let post = Post::new(shared.clone(), keeping.clone(), signer.clone(), bells.words);
    let dispatch = Dispatch::new(shared.clone(), keeping.clone(), signer, bells.commands.clone());
    tokio::spawn(others::run(shared.clone(), stop.clone()));
    let runner = Runner::new(shared.clone(), bells.commands.clone());
    tokio::spawn(rollout::pieces::serve(shared.clone(), keeping, stop.clone()));
    let conduct = Conduct::new(shared.clone(), people.pen().clone(), bells.commands);
    tokio::spawn(pulse(shared.clone(), stop.clone()));
    tokio::spawn(conduct.run(stop.clone()));
    tokio::spawn(drift::inspection::run(shared.clone(), stop.clone()));
    tokio::spawn(tidy(shared, people, settings.retention, stop.clone()));
    tokio::spawn(post.run(stop.clone()));
    tokio::spawn(dispatch.run(stop.clone()));
    tokio::spawn(runner.run(stop.clone()));
    let keeper = tokio::spawn(keeper.run());
    line.run().await;
    notifier.stopping();
    if keeper.await.is_err() {
        tracing::error!("the keeper panicked");
    }
    lanes.end().await;
    drop(server);
    store.close().await;
    Ok(())
}

/// What is subscribed to. Where several stations share, each picture goes to one of them: those are most of what comes. Whatever wakes people goes to all
/// of them all the same, and is filed once: a broker may keep a shared message for a station that is down (Mosquitto does), and an alert must not wait
/// for that. Nor does a broker hand what it retains to those who share, and each station's page shows how every camera is now.
fn filters(site: Option<&str>, group: Option<&String>) -> Vec<String> {
    let site = site.unwrap_or("+");
    let Some(group) = group else { return vec![format!("bearwatch/v1/{site}/+/+")] };
    let of = |kind: &Kind| match kind {
        Kind::Snapshot => format!("$share/bearwatch-{group}/bearwatch/v1/{site}/+/{}", kind.name()),
        kind => format!("bearwatch/v1/{site}/+/{}", kind.name()),
    };
    Kind::ALL.iter().map(of).collect()
}

/// What everybody who looks is told all the time: how station and cameras are.
async fn pulse(shared: Shared, stop: Stop) {
    while !stop.is_raised() {
        shared.live.tell("pulse", &page::pulse(&shared));
        sleep(PULSE).await;
    }
}

/// Those who use it. Its start stands in the audit log: what was done before it and after it is told apart.
async fn people(shared: &Shared, lifetime: Lifetime) -> Result<Arc<People>, StationError> {
    let pen = Pen::new(shared.clock);
    let start = pen.deed("start", "", "", &format!("version {}", env!("CARGO_PKG_VERSION")));
    if let Err(error) = shared.store.record(&start).await {
        tracing::warn!("the start is not in the audit log: {error}");
    }
    if shared.store.accounts().await?.is_empty() {
        tracing::warn!(
            "there is no account yet: `station account add NAME --role administrator` makes the first one"
        );
    }
    let people = People::new(shared.store.clone(), pen, lifetime);
    people.map(Arc::new).ok_or(StationError::Random)
}

/// Removes what has had its time.
async fn tidy(shared: Shared, people: Arc<People>, retention: Retention, stop: Stop) {
    while !stop.is_raised() {
        let tidied = shared.store.on_duty(Duty::Tidy, tidy_once(&shared, &people, &retention)).await;
        let rest = match tidied.map(|done| done.unwrap_or(Ok(0))).and_then(|done| done) {
            Ok(0) => Retention::REST,
            Ok(_) => Retention::BREATH,
            Err(error) => {
                tracing::debug!("nothing is tidied: {error}");
                Retention::REST
            }
        };
        let begun = shared.clock.uptime();
        while !stop.is_raised() && shared.clock.uptime().saturating_sub(begun) < rest {
            sleep(rest.min(Duration::from_secs(1))).await;
        }
    }
}

async fn tidy_once(shared: &Shared, people: &People, retention: &Retention) -> Result<u64, StoreError> {
    let deed = people.pen().deed("removed", "", "", "");
    if let Err(error) = shared.store.shorten_trail(retention.audit_days, &deed).await {
        tracing::debug!("the audit log is not shortened: {error}");
    }
    shared.store.tidy(retention, shared.clock.unix_ms()).await
}

fn standing(shared: &Shared) -> Standing {
    shared.standing.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
