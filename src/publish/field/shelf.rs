//! What stands in the field store, and what goes where there is no room. PURE.
//!
//! The least valuable go first, of these the oldest. The random sample is thinned instead, by numbers that were drawn when its pictures came: the one with
//! the largest goes, whatever it shows and however old it is, and those that stay were kept with the probability that their number is below it (bottom-k
//! sampling: Cohen and Kaplan 2007). So what is left speaks for all of it, with a weight that is known, and no stretch of time is lost as a whole.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Reason;

/// Of the room this part is the sample's own.
const SAMPLE_PART: u64 = 3;
const ENDING: &str = ".rec";

/// A picture on the shelf.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Counts up over all, and over restarts.
    pub number: u64,
    /// Why it is kept.
    pub reason: Reason,
    /// Drawn when it came, evenly over all numbers of 32 bits.
    pub draw: u32,
    /// Its size.
    pub bytes: u64,
}

impl Item {
    /// Name of its file.
    pub fn name(&self) -> String {
        format!("{:016x}.{}.{:08x}{ENDING}", self.number, self.reason.name(), self.draw)
    }

    /// From the name of its file, without its size.
    pub fn of_name(name: &str) -> Option<Item> {
        let mut parts = name.strip_suffix(ENDING)?.split('.');
        let number = u64::from_str_radix(parts.next()?, 16).ok()?;
        let reason = Reason::from_name(parts.next()?)?;
        let draw = u32::from_str_radix(parts.next()?, 16).ok()?;
        Some(Item { number, reason, draw, bytes: 0 }).filter(|item| item.name() == name)
    }
}

/// How the sample was thinned: up to a number, those that had drawn so much or more went. Both rise from one entry to the next: of two the lower draw
/// holds, for all up to the later number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Thinned(Vec<(u64, u32)>);

impl Thinned {
    fn add(&mut self, number: u64, draw: u32) {
        self.0.retain(|(_, earlier)| *earlier < draw);
        self.0.push((number, draw));
    }

    /// What is below the oldest picture matters to none any more.
    fn forget_before(&mut self, oldest: u64) {
        let newest = self.last();
        self.0.retain(|(number, _)| *number >= oldest || *number == newest);
    }

    fn limit(&self, item: &Item) -> Option<u32> {
        self.0.iter().find(|(number, _)| *number >= item.number).map(|(_, draw)| *draw)
    }

    /// Whether a picture was left.
    pub fn keeps(&self, item: &Item) -> bool {
        item.reason != Reason::Random || self.limit(item).is_none_or(|limit| item.draw < limit)
    }

    /// How probable it was that a picture is left.
    pub fn share(&self, item: &Item) -> f64 {
        self.limit(item).map_or(1.0, |limit| f64::from(limit) / (f64::from(u32::MAX) + 1.0))
    }

    /// Number of the last picture that was there when something went.
    pub fn last(&self) -> u64 {
        self.0.last().map_or(0, |(number, _)| *number)
    }
}

/// The pictures.
#[derive(Debug)]
pub struct Shelf {
    items: BTreeMap<u64, Item>,
    bytes: u64,
    most_bytes: u64,
    /// How the sample was thinned.
    pub thinned: Thinned,
}

impl Shelf {
    /// Empty.
    pub fn new(most_bytes: u64, thinned: Thinned) -> Shelf {
        Shelf { items: BTreeMap::new(), bytes: 0, most_bytes, thinned }
    }

    /// Puts one on it that stands in the folder already.
    pub fn put(&mut self, item: Item) {
        self.bytes += item.bytes;
        self.items.insert(item.number, item);
    }

    /// Takes one from it.
    pub fn take(&mut self, number: u64) -> Option<Item> {
        let item = self.items.remove(&number)?;
        self.bytes -= item.bytes;
        Some(item)
    }

    /// Puts a new one on it; what must go for that, which may be itself.
    pub fn place(&mut self, item: Item) -> Vec<Item> {
        self.put(item);
        let mut gone = Vec::new();
        while self.bytes > self.most_bytes {
            let Some(victim) = self.victim().and_then(|number| self.take(number)) else { break };
            if victim.reason == Reason::Random {
                self.thinned.add(item.number, victim.draw);
            }
            gone.push(victim);
        }
        let oldest = self.items.values().find(|item| item.reason == Reason::Random);
        self.thinned.forget_before(oldest.map_or(item.number, |oldest| oldest.number));
        gone
    }

    fn victim(&self) -> Option<u64> {
        let sample = || self.items.values().filter(|item| item.reason == Reason::Random);
        let largest = || sample().max_by_key(|item| (item.draw, item.number));
        let others = || self.items.values().filter(|item| item.reason != Reason::Random);
        let least = others().min_by_key(|item| (item.reason, item.number));
        let sample_bytes: u64 = sample().map(|item| item.bytes).sum();
        let beyond = sample_bytes > self.most_bytes / SAMPLE_PART;
        let victim = if beyond { largest() } else { least.or_else(largest) };
        victim.map(|item| item.number)
    }

    /// The oldest one.
    pub fn oldest(&self) -> Option<Item> {
        self.items.values().next().copied()
    }

    /// What they take.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What they may take.
    pub fn most_bytes(&self) -> u64 {
        self.most_bytes
    }

    /// How many there are, by reason.
    pub fn counts(&self) -> BTreeMap<Reason, u64> {
        let mut counts = BTreeMap::new();
        self.items.values().for_each(|item| *counts.entry(item.reason).or_default() += 1);
        counts
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg32;

    use super::*;

    fn item(number: u64, reason: Reason, draw: u32, bytes: u64) -> Item {
        Item { number, reason, draw, bytes }
    }

    #[test]
    fn a_name_is_read_again_and_what_is_none_is_not() {
        let one = item(17, Reason::NearMiss, 0x00ab_cdef, 0);
        assert_eq!(one.name(), "0000000000000011.near-miss.00abcdef.rec");
        assert_eq!(Item::of_name(&one.name()), Some(one));
        for name in
            [".tmp1a2b", "11.near-miss.00abcdef.rec", "0000000000000011.wolf.00abcdef.rec", "thinned.json"]
        {
            assert_eq!(Item::of_name(name), None, "{name}");
        }
    }

    #[test]
    fn the_oldest_of_the_least_valuable_go_first_and_never_for_less() {
        let mut shelf = Shelf::new(40, Thinned::default());
        for (number, reason) in
            [(1, Reason::Alert), (2, Reason::NearMiss), (3, Reason::Challenger), (4, Reason::NearMiss)]
        {
            assert_eq!(shelf.place(item(number, reason, 0, 10)), []);
        }
        let gone = |gone: Vec<Item>| gone.iter().map(|item| item.number).collect::<Vec<_>>();
        assert_eq!(gone(shelf.place(item(5, Reason::Alert, 0, 10))), [2]);
        assert_eq!(gone(shelf.place(item(6, Reason::Asked, 0, 20))), [4, 3]);
        assert_eq!(gone(shelf.place(item(7, Reason::NearMiss, 0, 10))), [7], "others are worth more");
        assert_eq!(gone(shelf.place(item(8, Reason::Alert, 0, 10))), [1]);
    }

    #[test]
    fn the_sample_gives_way_beyond_its_part_alone() {
        let mut shelf = Shelf::new(60, Thinned::default());
        (1..=4).for_each(|number| drop(shelf.place(item(number, Reason::Alert, 0, 10))));
        (5..=6).for_each(|number| drop(shelf.place(item(number, Reason::Random, 7, 10))));
        assert_eq!(shelf.place(item(7, Reason::Alert, 0, 10))[0].number, 1, "its part is its own");
        assert_eq!(shelf.place(item(8, Reason::Random, 9, 10))[0].number, 8, "it had drawn the largest");
        assert!(shelf.thinned.share(&item(6, Reason::Random, 7, 10)) < 1e-8);
        assert_eq!(shelf.thinned.share(&item(9, Reason::Random, 7, 10)), 1.0);
    }

    /// Bears are larger pictures, come in bursts, and much is sent in between: sums over what was left are right in the mean all the same.
    #[test]
    fn what_is_left_of_the_sample_speaks_for_all_of_it() {
        let mut random = Pcg32::seed_from_u64(7);
        let (rounds, mut estimates, mut left) = (400, Vec::new(), 0);
        for _ in 0..rounds {
            let mut shelf = Shelf::new(30 * 10 * SAMPLE_PART, Thinned::default());
            let mut estimate = 0.0;
            // Others take all that is not the sample's own.
            shelf.place(item(0, Reason::Alert, 0, 30 * 10 * (SAMPLE_PART - 1)));
            for number in 1..=200 {
                let bear = (60..90).contains(&number);
                shelf.place(item(number, Reason::Random, random.random(), if bear { 14 } else { 10 }));
                if number == 120 {
                    // Half of it is sent meanwhile.
                    for _ in 0..15 {
                        let Some(oldest) = shelf.items.values().find(|i| i.reason == Reason::Random).copied()
                        else {
                            break;
                        };
                        let weight = 1.0 / shelf.thinned.share(&oldest);
                        estimate += if (60..90).contains(&oldest.number) { weight } else { 0.0 };
                        shelf.take(oldest.number);
                        left += 1;
                    }
                }
            }
            let rest = shelf.items.values().filter(|item| item.reason == Reason::Random);
            left += rest.clone().count();
            estimate += rest
                .filter(|item| (60..90).contains(&item.number))
                .map(|item| 1.0 / shelf.thinned.share(item))
                .sum::<f64>();
            estimates.push(estimate);
        }
        let mean = estimates.iter().sum::<f64>() / rounds as f64;
        let variance = estimates.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / rounds as f64;
        let error = (variance / rounds as f64).sqrt();
        assert!((mean - 30.0).abs() < 3.0 * error, "{mean} ± {error} of 30");
        assert!(left < rounds * 50, "hardly anything was thinned");
    }

    #[test]
    fn what_was_thinned_is_the_same_after_a_restart_and_stays_small() {
        let mut random = Pcg32::seed_from_u64(9);
        let mut shelf = Shelf::new(300, Thinned::default());
        for number in 1..=5000 {
            shelf.place(item(number, Reason::Random, random.random(), 10));
            let text = serde_json::to_vec(&shelf.thinned).unwrap();
            let thinned: Thinned = serde_json::from_slice(&text).unwrap();
            assert!(shelf.items.values().all(|item| thinned.keeps(item)));
            assert!(thinned.0.len() < 40, "{}", thinned.0.len());
        }
    }
}
