//! Faults, many and at random: the real program against a real Mosquitto, with a network, a disk, a clock and a broker that fail. Nothing that
//! was told may be lost, nothing made up. Each round prints what its fault did; a round whose fault did nothing has failed.
//! `FAULTS_SEED` plays a run again, `FAULTS_TIMES` multiplies the rounds (`make faults`). Power cuts, which no process can be given, are
//! played below the outbox: src/publish/outbox/faults_tests.rs.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test program: what cannot be set up is a failure, and what a round did is its result"
)]

#[path = "../support/mod.rs"]
mod support;
#[cfg(feature = "station")]
#[path = "../support/postgres.rs"]
mod support_postgres;
#[cfg(feature = "station")]
#[path = "../support/station.rs"]
mod support_station;

mod camp;
mod desk;
mod figures;
mod machine;
mod networks;
mod report;
mod services;
#[cfg(feature = "station")]
mod stations;
mod store;
mod wire;

use camp::{Camp, Strike};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use report::{Report, times};
use support::daemon::is_root;

/// What may strike a camp, and in how many rounds of the usual run.
type Plan = &'static [(&'static str, usize, Strike)];

/// Plays the rounds of a plan in an order of chance, as often as is asked for, each time at a camp of its own.
fn play(plan: Plan, camp: impl Fn() -> Camp) {
    let mut report = Report::new();
    let mut rng = Pcg64::seed_from_u64(report.seed);
    for _ in 0..times() {
        let mut rounds: Vec<_> = plan.iter().flat_map(|round| std::iter::repeat_n(round, round.1)).collect();
        rounds.shuffle(&mut rng);
        let mut camp = camp();
        for (fault, _, strike) in rounds {
            camp.round(fault, &mut rng, *strike, &mut report);
        }
        assert_eq!(camp.desk.pictures_too_early, 0, "pictures came before their alert");
        assert_eq!(camp.daemon.stop(), 0, "{}", camp.daemon.log());
    }
}

#[test]
fn networks_that_tamper_delay_and_fall_silent_cost_no_alert() {
    play(networks::PLAN, networks::camp);
}

#[test]
fn daemons_and_brokers_that_die_cost_no_alert() {
    play(services::PLAN, services::camp);
}

#[cfg(feature = "station")]
#[test]
fn stations_that_die_have_every_alert_on_a_file() {
    play(stations::ON_A_FILE, stations::on_a_file);
}

#[cfg(feature = "station")]
#[test]
fn stations_and_databases_that_die_have_every_alert_on_a_server() {
    play(stations::ON_A_SERVER, stations::on_a_server);
}

#[test]
fn certificates_that_expire_cost_no_alert() {
    play(services::CERTIFICATES, services::camp_with_tls);
}

#[test]
fn packets_names_and_disks_that_go_cost_no_alert() {
    if is_root() {
        play(machine::PLAN, machine::camp);
    }
}
