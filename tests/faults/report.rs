//! What the rounds did, for people, and one line a fault for docs/delivery.py.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::time::Duration;

/// One round.
#[derive(Debug)]
pub struct Round {
    pub fault: &'static str,
    pub effect: String,
    pub happened: bool,
    pub alerts: usize,
    pub lost: usize,
    pub phantom: usize,
    pub disordered: usize,
    pub doubled: u64,
    pub recovery: Option<Duration>,
}

/// Many of them.
pub struct Report {
    pub seed: u64,
    rounds: Vec<Round>,
}

/// How often the usual number of rounds is played: 1 in `make test`.
pub fn times() -> usize {
    std::env::var("FAULTS_TIMES").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

impl Report {
    /// With `FAULTS_SEED`, or one that nobody has chosen.
    pub fn new() -> Report {
        let given = std::env::var("FAULTS_SEED").ok().and_then(|text| text.parse().ok());
        let any = || std::collections::hash_map::RandomState::new().hash_one("faults") % 1_000_000;
        let seed = given.unwrap_or_else(any);
        println!("FAULTS_SEED={seed}");
        Report { seed, rounds: Vec::new() }
    }

    pub fn add(&mut self, round: Round) {
        let recovery = round
            .recovery
            .map_or(String::new(), |time| format!(", all there {:.1} s later", time.as_secs_f64()));
        println!(
            "{} {}: {}; {} alerts, {} lost, {} phantom, {} disordered, {} doubled{recovery}",
            round.fault,
            self.rounds.len(),
            round.effect,
            round.alerts,
            round.lost,
            round.phantom,
            round.disordered,
            round.doubled
        );
        assert!(
            round.happened,
            "{}: it did nothing ({}); FAULTS_SEED={}",
            round.fault, round.effect, self.seed
        );
        assert_eq!((round.lost, round.phantom), (0, 0), "{}: FAULTS_SEED={}", round.fault, self.seed);
        self.rounds.push(round);
    }
}

impl Drop for Report {
    /// Also of a run that fails half-way.
    fn drop(&mut self) {
        let mut by_fault: BTreeMap<&str, Vec<&Round>> = BTreeMap::new();
        self.rounds.iter().for_each(|round| by_fault.entry(round.fault).or_default().push(round));
        for (fault, rounds) in by_fault {
            let sum = |count: fn(&Round) -> usize| rounds.iter().map(|round| count(round)).sum::<usize>();
            let mut recovery: Vec<f64> =
                rounds.iter().filter_map(|round| round.recovery).map(|time| time.as_secs_f64()).collect();
            recovery.sort_by(f64::total_cmp);
            let line = serde_json::json!({
                "fault": fault, "seed": self.seed, "rounds": rounds.len(), "messages": sum(|round| round.alerts),
                "lost": sum(|round| round.lost), "phantom": sum(|round| round.phantom),
                "disordered": sum(|round| round.disordered), "doubled": sum(|round| round.doubled as usize), "recovery_s": recovery, "effect": rounds[0].effect,
            });
            println!("summary: {line}");
        }
    }
}
