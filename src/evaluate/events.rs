//! Sequences: was the bear told of, how soon, and how often for nothing?

use super::PixelBox;
use super::intervals::{poisson_upper95, quantile};

/// Begin and end of events are set by hand, to about a second.
const SLACK_S: f64 = 1.0;

/// An alert means a bear when its box overlaps the bear's so much (IoU): a track may lag behind, or hold only the part in sight.
const MEANT_IOU: f64 = 0.1;

/// A bear in sight, seconds from the start of the sequence.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// First in sight.
    pub start_s: f64,
    /// Last in sight.
    pub end_s: f64,
}

/// An alert that was raised.
#[derive(Clone, Debug, PartialEq)]
pub struct Raised {
    /// When it opened, seconds from the start of the sequence.
    pub opened_s: f64,
    /// When it closed; the end of the sequence for those still open.
    pub closed_s: f64,
    /// Its box when it opened.
    pub bbox: PixelBox,
    /// The bears' boxes on that frame; `None` where nobody said where they are.
    pub bears: Option<Vec<PixelBox>>,
}

/// One sequence as it was played.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sequence {
    /// Its length, seconds.
    pub length_s: f64,
    /// Bears in sight.
    pub events: Vec<Event>,
    /// Alerts raised, in the order in which they opened.
    pub alerts: Vec<Raised>,
}

/// Figures over all sequences.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Bears that came into sight.
    pub events: usize,
    /// Those that an alert told of.
    pub found: usize,
    /// Median and 95th percentile from the first sight to the alert, seconds; `None` where none was found.
    pub time_to_alert_s: Option<(f64, f64)>,
    /// Hours played.
    pub hours: f64,
    /// Alerts that told of no bear.
    pub false_alarms: u64,
    /// Alerts that told of a bear once more.
    pub repeated: u64,
    /// False alarms a day, and the most that it may be with 95 % confidence (exact Poisson bound); `None` where nothing was played.
    pub false_alarms_per_day: Option<(f64, f64)>,
}

impl Report {
    /// Sums up.
    pub fn of(sequences: &[Sequence]) -> Report {
        let judged: Vec<Judged> = sequences.iter().map(Judged::of).collect();
        let mut times: Vec<f64> = judged.iter().flat_map(|j| j.times.iter().copied().flatten()).collect();
        times.sort_by(f64::total_cmp);
        let hours = sequences.iter().map(|s| s.length_s).sum::<f64>() / 3600.0;
        let false_alarms = judged.iter().map(|j| j.false_alarms).sum();
        let a_day = |count: f64| count / hours * 24.0;
        Report {
            events: judged.iter().map(|j| j.times.len()).sum(),
            found: times.len(),
            time_to_alert_s: quantile(&times, 0.5).zip(quantile(&times, 0.95)),
            hours,
            false_alarms,
            repeated: judged.iter().map(|j| j.repeated).sum(),
            false_alarms_per_day: (hours > 0.0)
                .then(|| (a_day(false_alarms as f64), a_day(poisson_upper95(false_alarms)))),
        }
    }
}

/// One sequence's alerts against its events.
struct Judged {
    /// Time to the alert of each event; `None` where none came.
    times: Vec<Option<f64>>,
    false_alarms: u64,
    repeated: u64,
}

impl Judged {
    fn of(sequence: &Sequence) -> Judged {
        let mut judged = Judged { times: vec![None; sequence.events.len()], false_alarms: 0, repeated: 0 };
        for alert in &sequence.alerts {
            judged.place(alert, &sequence.events);
        }
        judged
    }

    /// An alert tells of the first event of its time that was not told of yet. While it stays open it also tells of what comes then.
    fn place(&mut self, alert: &Raised, events: &[Event]) {
        let meant: Vec<usize> = (0..events.len()).filter(|&i| alert.means(events[i])).collect();
        let Some(&first) = meant.first() else {
            self.false_alarms += 1;
            return;
        };
        match meant.iter().find(|&&i| self.times[i].is_none()).copied() {
            None => self.repeated += 1,
            Some(new) => self.times[new] = Some((alert.opened_s - events[new].start_s).max(0.0)),
        }
        let later = |e: Event| e.start_s > alert.opened_s && e.start_s <= alert.closed_s;
        for i in (0..events.len()).filter(|&i| i != first && later(events[i])) {
            self.times[i].get_or_insert(0.0);
        }
    }
}

impl Raised {
    fn means(&self, event: Event) -> bool {
        let in_time = self.opened_s >= event.start_s - SLACK_S && self.opened_s <= event.end_s + SLACK_S;
        let on_one = |bears: &Vec<PixelBox>| bears.iter().any(|b| b.iou(self.bbox) >= MEANT_IOU);
        let in_place = self.bears.as_ref().is_none_or(on_one);
        in_time && in_place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: PixelBox = PixelBox { x: 0.0, y: 0.0, w: 10.0, h: 10.0 };
    const ELSEWHERE: PixelBox = PixelBox { x: 50.0, y: 0.0, w: 10.0, h: 10.0 };

    fn alert(opened_s: f64, closed_s: f64) -> Raised {
        Raised { opened_s, closed_s, bbox: HERE, bears: None }
    }

    fn played(events: &[(f64, f64)], alerts: &[Raised]) -> Sequence {
        Sequence {
            length_s: 3600.0,
            events: events.iter().map(|&(start_s, end_s)| Event { start_s, end_s }).collect(),
            alerts: alerts.to_vec(),
        }
    }

    #[test]
    fn an_alert_in_time_finds_its_event_and_others_are_false() {
        let sequence = played(&[(10.0, 20.0), (100.0, 110.0)], &[alert(12.0, 25.0), alert(50.0, 55.0)]);
        let report = Report::of(&[sequence]);
        assert_eq!((report.events, report.found, report.false_alarms, report.repeated), (2, 1, 1, 0));
        assert_eq!(report.time_to_alert_s, Some((2.0, 2.0)));
        let (value, upper) = report.false_alarms_per_day.unwrap();
        assert!((value - 24.0).abs() < 1e-9 && (upper - 24.0 * 4.743864518).abs() < 1e-6);
    }

    #[test]
    fn an_alert_on_another_spot_than_the_bear_is_false() {
        let beside = Raised { bears: Some(vec![ELSEWHERE]), ..alert(12.0, 25.0) };
        assert_eq!(Report::of(&[played(&[(10.0, 20.0)], &[beside])]).found, 0);
        let on_it = Raised { bears: Some(vec![ELSEWHERE, HERE]), ..alert(12.0, 25.0) };
        assert_eq!(Report::of(&[played(&[(10.0, 20.0)], &[on_it])]).found, 1);
        let on_nothing = Raised { bears: Some(vec![]), ..alert(12.0, 25.0) };
        assert_eq!(Report::of(&[played(&[(10.0, 20.0)], &[on_nothing])]).found, 0);
    }

    #[test]
    fn a_second_alert_on_one_bear_is_a_repeat_and_on_two_bears_finds_both() {
        let alerts = [alert(12.0, 13.0), alert(15.0, 16.0)];
        let one = Report::of(&[played(&[(10.0, 20.0)], &alerts)]);
        assert_eq!((one.found, one.repeated, one.false_alarms), (1, 1, 0));
        let two = Report::of(&[played(&[(10.0, 20.0), (10.0, 20.0)], &alerts)]);
        assert_eq!((two.found, two.repeated), (2, 0));
    }

    #[test]
    fn an_alert_that_is_still_open_tells_of_the_bear_that_comes_back() {
        let open = [alert(11.0, 40.0)];
        let report = Report::of(&[played(&[(10.0, 20.0), (30.0, 35.0), (60.0, 70.0)], &open)]);
        assert_eq!(report.found, 2);
        let too_early = [alert(5.0, 40.0)];
        assert_eq!(Report::of(&[played(&[(10.0, 20.0)], &too_early)]).found, 0);
    }

    #[test]
    fn nothing_played_gives_no_rate() {
        let report = Report::of(&[]);
        assert_eq!((report.false_alarms_per_day, report.time_to_alert_s), (None, None));
    }
}
