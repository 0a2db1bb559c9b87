//! Stations that keep what the camera tells, on a file and on a PostgreSQL that they share, and what strikes them. What the camera decided is held
//! against what stands in their database and on their pages.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bearwatch::system::clock::Stopwatch;
use rand::RngExt;
use rand_pcg::Pcg64;
use serde_json::Value;

use crate::Plan;
use crate::camp::{ARRIVES, Camp, Effect, Ground, Site};
use crate::desk::Name;
use crate::networks::PATIENT;
use crate::support::{ANONYMOUS, Broker, wait_for};
use crate::support_postgres::Postgres;
use crate::support_station::Station;

pub const ON_A_FILE: Plan =
    &[("station killed, SQLite", 2, station_killed), ("station's database locked, SQLite", 1, locked)];

pub const ON_A_SERVER: Plan = &[
    ("one of two stations killed, PostgreSQL", 2, station_killed),
    ("stations' database killed", 2, database_killed),
    ("stations' database and one station killed", 1, both_killed),
    ("stations' database hangs", 1, database_hangs),
];

/// Alerts of the newest that must be on every page.
const SHOWN: usize = 5;

/// Those that receive.
pub struct Stations {
    all: Vec<Station>,
    server: Option<Postgres>,
}

pub fn on_a_file() -> Camp {
    camp(None)
}

pub fn on_a_server() -> Camp {
    camp(Some(Postgres::start()))
}

fn camp(server: Option<Postgres>) -> Camp {
    let broker = Broker::with_config(&format!("{ANONYMOUS}{PATIENT}"));
    let mut all = match &server {
        None => vec![Station::on("", &broker.url, &[])],
        Some(server) => {
            let address = server.create();
            let named = |name| Station::on(&address, &broker.url, &["--instance", name, "--share"]);
            ["a", "b"].map(named).into()
        }
    };
    for station in &mut all {
        station.start();
        station.until("the broker", connected);
    }
    Camp::new(Site {
        broker,
        encrypted: None,
        url: "mqtt://127.0.0.1:PORT".into(),
        sets: Vec::new(),
        start: Box::new(|home, sets| home.start(sets)),
        ground: Ground { stations: Some(Stations { all, server }), ..Ground::default() },
    })
}

fn connected(desk: &Value) -> bool {
    desk["pulse"]["standing"]["link"]["connected"] == true
}

impl Stations {
    /// What does not stand in the database in time, or is not on every page; and how much stands there that nobody told.
    pub fn held_to(
        &mut self,
        wanted: &[Name],
        told: &dyn Fn() -> BTreeMap<Name, Value>,
    ) -> (Vec<Name>, usize) {
        for station in &mut self.all {
            assert!(station.back(), "a station does not come back: {}", station.log());
        }
        let mut filed = BTreeMap::new();
        wait_for(ARRIVES, || {
            filed = self.filed();
            wanted.iter().all(|name| filed.contains_key(name))
        });
        let mut missing: Vec<Name> =
            wanted.iter().filter(|name| !filed.contains_key(*name)).cloned().collect();
        // Read after what was filed: what the camera told meanwhile is not made up.
        let told = told();
        let newest: BTreeSet<&str> =
            wanted.iter().rev().filter_map(|name| told[name]["id"].as_str()).take(SHOWN).collect();
        let on_every_page = wait_for(ARRIVES, || self.all.iter().all(|station| shows(station, &newest)));
        if !on_every_page {
            missing.extend(wanted.last().cloned());
        }
        let made_up = |(name, message): &(&Name, &Value)| {
            let mut as_told = (*message).clone();
            as_told["late"] = false.into();
            told.get(*name) != Some(&as_told)
        };
        (missing, filed.iter().filter(made_up).count())
    }

    /// Steps of alerts, as they came.
    fn filed(&self) -> BTreeMap<Name, Value> {
        let rows = self.all[0].open().texts("SELECT boot || ' ' || seq || ' ' || message FROM step");
        let parsed = rows.iter().map(|row| {
            let mut parts = row.splitn(3, ' ');
            let mut part = || parts.next().unwrap();
            ((part().to_owned(), part().parse().unwrap()), serde_json::from_str(part()).unwrap())
        });
        parsed.collect()
    }
}

fn shows(station: &Station, ids: &BTreeSet<&str>) -> bool {
    let Some(desk) = station.desk() else { return false };
    let shown: BTreeSet<&str> =
        desk["alerts"].as_array().unwrap().iter().filter_map(|alert| alert["id"].as_str()).collect();
    ids.is_subset(&shown)
}

fn stations(camp: &mut Camp) -> &mut Stations {
    camp.ground.stations.as_mut().unwrap()
}

fn station_killed(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let (hit, told) = (rng.random_range(0..stations(camp).all.len()), rng.random_range(1..4));
    std::thread::sleep(Duration::from_millis(rng.random_range(0..500)));
    stations(camp).all[hit].kill();
    let watch = Stopwatch::start();
    camp.wait_told(told);
    stations(camp).all[hit].start();
    camp.wait_told(1);
    Effect::new(true, format!("killed, and away for {:.1} s", watch.elapsed().as_secs_f64()))
}

/// As by a backup of the wrong kind: nothing can be written meanwhile.
fn locked(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    let mut beside = stations(camp).all[0].open();
    beside.hold();
    camp.wait_told(rng.random_range(1..4));
    let told = trouble(camp);
    beside.let_go();
    camp.wait_told(1);
    Effect::new(told.contains("another program holds it"), told)
}

fn database_killed(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    std::thread::sleep(Duration::from_millis(rng.random_range(0..500)));
    stations(camp).server.as_mut().unwrap().kill();
    camp.wait_told(rng.random_range(1..4));
    let told = trouble(camp);
    stations(camp).server.as_mut().unwrap().start_again();
    camp.wait_told(1);
    Effect::new(!told.is_empty(), told)
}

fn both_killed(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    stations(camp).all[1].kill();
    let effect = database_killed(camp, rng);
    stations(camp).all[1].start();
    camp.wait_told(1);
    effect
}

fn database_hangs(camp: &mut Camp, rng: &mut Pcg64) -> Effect {
    stations(camp).server.as_ref().unwrap().hang();
    camp.wait_told(rng.random_range(1..3));
    let told = trouble(camp);
    stations(camp).server.as_ref().unwrap().wake();
    camp.wait_told(1);
    Effect::new(!told.is_empty(), told)
}

/// What the first station tells whoever looks is wrong with its database.
fn trouble(camp: &mut Camp) -> String {
    stations(camp).all[0].trouble("")
}
