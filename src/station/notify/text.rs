//! What is said: one line, and some more. All words stand in the file of the page's.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::Sign;
use super::channel::{Item, Message, Urgency};
use super::rule::{Cause, Subject};
use crate::perceive::observation::Severity;
use crate::station::texts::t;

/// What is told so long after it was is told as late, milliseconds.
const LATE_MS: i64 = 120_000;
/// Lines of a message that gathers many.
const LINES: usize = 12;

/// What is to be told.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Why.
    pub cause: Cause,
    /// Of what.
    pub subject: Subject,
}

/// Puts it into words.
#[derive(Clone, Debug)]
pub struct Voice {
    /// Whose times.
    pub zone: TimeZone,
    /// Who speaks.
    pub sign: Sign,
}

/// Title of a test.
pub fn test_title() -> String {
    t("notice.test", &[])
}

/// Text of a test.
pub fn test_text() -> String {
    t("notice.test.text", &[])
}

impl Voice {
    /// One message of one topic or of many; `notice` is its number.
    pub fn message(&self, notice: i64, topics: Vec<Topic>, now_ms: i64) -> Message {
        let mut items: Vec<Item> = topics.into_iter().map(|topic| item(topic, now_ms)).collect();
        // The most urgent first, in the order in which they came.
        items.sort_by_key(|item| std::cmp::Reverse(urgency(item)));
        let (title, text) = match items.as_slice() {
            [one] => (title(one, now_ms), self.text(one)),
            many => self.gathered(many, now_ms),
        };
        Message {
            key: format!("{}-{notice}", self.sign.station),
            thread: items.first().filter(|_| items.len() == 1).map(|item| item.subject.alert.id.clone()),
            title,
            text,
            urgency: items.first().map_or(Urgency::Usual, urgency),
            link: self.sign.link.clone(),
            now_ms,
            receipt: None,
            picture: None,
            items,
        }
    }

    fn text(&self, item: &Item) -> String {
        let (subject, alert) = (&item.subject, &item.subject.alert);
        let seen =
            alert.captured_ms.filter(|_| alert.clock == "set").map_or_else(|| "–".into(), |ms| self.time(ms));
        let mut lines = vec![t(
            "notice.facts",
            &[
                ("score", &format!("{:.0}", alert.score * 100.0)),
                ("severity", &severity(subject.severity())),
                ("regime", &t(&format!("regime.{}", alert.regime), &[])),
                ("seen", &seen),
                ("heard", &self.time(alert.heard_ms)),
            ],
        )];
        if let Some(late_ms) = item.late_ms {
            lines.push(t("notice.age", &[("age", &span(late_ms))]));
        }
        if alert.clock != "set" {
            lines.push(t("notice.unset", &[]));
        }
        if let Cause::Undelivered(channel) = &item.cause {
            lines.push(t("notice.undelivered.how", &[("channel", channel)]));
        }
        if let Some((verdict, by)) = &subject.word {
            lines.push(t("notice.said", &[("by", by), ("verdict", &t(&format!("verdict.{verdict}"), &[]))]));
        }
        lines.join("\n")
    }

    fn gathered(&self, items: &[Item], now_ms: i64) -> (String, String) {
        let mut sites: BTreeMap<&str, usize> = BTreeMap::new();
        for item in items {
            *sites.entry(&item.subject.site).or_default() += 1;
        }
        let mut sites: Vec<_> = sites.into_iter().collect();
        sites.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        let places: Vec<String> =
            sites.iter().map(|(site, n)| t("notice.more.place", &[("n", n), ("site", site)])).collect();
        let head = t("notice.more", &[("n", &items.len()), ("places", &places.join(", "))]);
        let line = |item: &Item| {
            let time = self.time(item.subject.alert.heard_ms);
            t("notice.more.line", &[("time", &time), ("title", &title(item, now_ms))])
        };
        let mut lines: Vec<String> = items.iter().take(LINES).map(line).collect();
        if items.len() > LINES {
            lines.push(t("notice.more.rest", &[("n", &(items.len() - LINES))]));
        }
        (head, lines.join("\n"))
    }

    /// Hour and minute on the wall, where people are.
    fn time(&self, ms: i64) -> String {
        let at = Timestamp::from_millisecond(ms).map(|at| self.zone.to_datetime(at));
        at.map_or_else(|_| "–".into(), |at| at.strftime("%H:%M:%S").to_string())
    }
}

fn item(topic: Topic, now_ms: i64) -> Item {
    let alert = &topic.subject.alert;
    let at_ms = alert.captured_ms.filter(|_| alert.clock == "set").unwrap_or(alert.heard_ms);
    // Whatever waits for somebody says for how long anyway.
    let is_late = now_ms - at_ms > LATE_MS
        && matches!(topic.cause, Cause::Opened | Cause::Worse(_) | Cause::Undelivered(_));
    Item {
        late_ms: (is_late || alert.late).then_some(now_ms - at_ms),
        cause: topic.cause,
        subject: topic.subject,
    }
}

fn title(item: &Item, now_ms: i64) -> String {
    let (subject, alert) = (&item.subject, &item.subject.alert);
    let (class, place) = (t(&format!("class.{}", alert.class), &[]), subject.place());
    let (verdict, by) = subject.word.clone().unwrap_or_default();
    let said = t(&format!("verdict.{verdict}"), &[]);
    let level = alert.escalation.as_ref().map_or("", |escalation| escalation.level.as_str());
    let title = match &item.cause {
        Cause::Opened => t("notice.opened", &[("class", &class), ("place", &place)]),
        Cause::Worse(now) => {
            t("notice.worse", &[("class", &class), ("place", &place), ("severity", &severity(*now))])
        }
        Cause::Picture => t("notice.picture", &[("class", &class), ("place", &place)]),
        Cause::Escalated(_) => {
            t("notice.escalated", &[("class", &class), ("place", &place), ("level", &level)])
        }
        Cause::Unacknowledged(_) => {
            let age = span(now_ms - subject.since_ms);
            t("notice.unacknowledged", &[("class", &class), ("place", &place), ("age", &age)])
        }
        Cause::Acknowledged => {
            t("notice.acknowledged", &[("class", &class), ("place", &place), ("by", &by), ("verdict", &said)])
        }
        Cause::Closed => t("notice.closed", &[("class", &class), ("place", &place)]),
        Cause::Undelivered(channel) => {
            t("notice.undelivered", &[("class", &class), ("place", &place), ("channel", channel)])
        }
    };
    let title = match item.late_ms {
        Some(late_ms) => t("notice.late", &[("age", &span(late_ms)), ("title", &title)]),
        None => title,
    };
    match (alert.drill, alert.simulated) {
        (true, _) => t("notice.drill", &[("title", &title)]),
        (_, true) => t("notice.simulated", &[("title", &title)]),
        _ => title,
    }
}

/// History and exercises wake nobody.
fn urgency(item: &Item) -> Urgency {
    let alert = &item.subject.alert;
    if alert.drill || alert.simulated || item.subject.word.is_some() {
        return Urgency::Usual.min(loud(item));
    }
    match item.late_ms {
        Some(_) => loud(item).min(Urgency::Urgent),
        None => loud(item),
    }
}

fn loud(item: &Item) -> Urgency {
    match &item.cause {
        Cause::Escalated(_) | Cause::Unacknowledged(_) => Urgency::Alarm,
        Cause::Undelivered(_) => Urgency::Urgent,
        Cause::Picture | Cause::Acknowledged | Cause::Closed => Urgency::Quiet,
        Cause::Opened | Cause::Worse(_) => match item.subject.severity() {
            Severity::Low => Urgency::Quiet,
            Severity::Normal => Urgency::Urgent,
            Severity::High => Urgency::Alarm,
        },
    }
}

fn severity(severity: Severity) -> String {
    t(&format!("notice.severity.{}", severity.name()), &[])
}

/// "40 s", "12 min", "3 h".
fn span(ms: i64) -> String {
    match ms.max(0) / 1000 {
        seconds if seconds < 120 => t("notice.seconds", &[("n", &seconds)]),
        seconds if seconds < 7200 => t("notice.minutes", &[("n", &(seconds / 60))]),
        seconds => t("notice.hours", &[("n", &(seconds / 3600))]),
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
