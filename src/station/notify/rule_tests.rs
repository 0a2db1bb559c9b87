use super::*;
use crate::publish::message::{Audience, Escalation};

const NOW: i64 = 1_795_572_850_000;

fn subject() -> Subject {
    let alert = Alert {
        id: "b1-1".into(),
        heard_ms: NOW,
        changed_ms: NOW,
        captured_ms: Some(NOW),
        clock: "set".into(),
        state: "opened".into(),
        class: "bear".into(),
        severity: "normal".into(),
        score: 0.9,
        regime: "day".into(),
        latency_ms: 400,
        late: false,
        drill: false,
        simulated: false,
        escalation: None,
        audience: Audience::Everybody,
    };
    let (site, camera) = ("pine-lake".into(), "north".into());
    Subject { alert, site, camera, since_ms: NOW, word: None, mode: "armed".into(), picture: None, looks: 1 }
}

fn rule(when: &[When]) -> Rule {
    Rule { channels: vec!["a".into()], when: when.to_vec(), ..Rule::default() }
}

fn told(causes: &[Cause]) -> Vec<Told> {
    let told = |cause: &Cause| Told { channel: "a".into(), cause: cause.clone(), severity: Severity::Normal };
    causes.iter().map(told).collect()
}

fn due(rule: &Rule, subject: &Subject, known: &[Cause]) -> Vec<Cause> {
    let plan = plan(std::slice::from_ref(rule), subject, &told(known), NOW);
    plan.due.into_iter().map(|(_, cause)| cause).collect()
}

#[test]
fn a_rule_is_of_the_alerts_that_it_names() {
    let fits = |change: fn(&mut Rule), of: fn(&mut Subject)| {
        let (mut rule, mut subject) = (rule(&[When::Opened]), subject());
        change(&mut rule);
        of(&mut subject);
        rule.fits(&subject)
    };
    let as_is = |_: &mut Subject| {};
    assert!(fits(|_| {}, as_is) && fits(|rule| rule.sites = vec!["pine-lake".into()], as_is));
    assert!(!fits(|rule| rule.sites = vec!["creek".into()], as_is));
    assert!(fits(|rule| rule.cameras = vec!["pine-lake/north".into()], as_is));
    assert!(!fits(|rule| rule.cameras = vec!["pine-lake/south".into()], as_is));
    assert!(!fits(|rule| rule.least = Severity::High, as_is));
    assert!(!fits(|rule| rule.modes = vec!["disarmed".into()], as_is));
    let for_reviewers = |subject: &mut Subject| {
        subject.alert.audience = Audience::Reviewers;
        subject.mode = "assist".into();
    };
    assert!(!fits(|_| {}, for_reviewers), "a rule that does not name the mode");
    assert!(fits(|rule| rule.modes = vec!["assist".into()], for_reviewers));
    assert!(
        fits(|rule| rule.modes = vec!["disarmed".into()], |subject| subject.mode = String::new()),
        "nobody knows"
    );
    let drill = |subject: &mut Subject| subject.alert.drill = true;
    assert!(
        !fits(|_| {}, drill)
            && fits(|rule| rule.drills = Share::Also, drill)
            && fits(|rule| rule.drills = Share::Only, drill)
    );
    assert!(!fits(|rule| rule.drills = Share::Only, as_is));
    assert!(!fits(|_| {}, |subject| subject.alert.simulated = true));
}

#[test]
fn each_cause_is_due_once_and_what_follows_is_for_those_who_know() {
    let all = [When::Opened, When::Worse, When::Picture, When::Escalated, When::Acknowledged, When::Closed];
    let (rule, mut subject) = (rule(&all), subject());
    assert_eq!(due(&rule, &subject, &[]), [Cause::Opened]);
    assert_eq!(due(&rule, &subject, &[Cause::Opened]), []);
    (subject.alert.severity, subject.picture) = ("high".into(), Some(7));
    assert_eq!(due(&rule, &subject, &[Cause::Opened]), [Cause::Worse(Severity::High), Cause::Picture]);
    assert_eq!(due(&rule, &subject, &[]), [Cause::Opened, Cause::Picture], "worse than nothing is not worse");
    subject.alert.escalation = Some(Escalation { level: "chief".into(), step: 2, of: 3, after_s: 9 });
    assert_eq!(
        due(&rule, &subject, &[Cause::Opened, Cause::Worse(Severity::High), Cause::Picture]),
        [Cause::Escalated(2)]
    );
    (subject.alert.state, subject.word) = ("closed".into(), Some(("bear".into(), "anna".into())));
    assert_eq!(due(&rule, &subject, &[Cause::Opened, Cause::Picture]), [Cause::Acknowledged, Cause::Closed]);
    assert_eq!(due(&rule, &subject, &[]), [], "who was not told of it is not told of its end");
}

#[test]
fn an_escalation_waits_comes_and_ends_with_a_word() {
    let mut rule = rule(&[When::Unacknowledged]);
    rule.after_min = Some(5);
    let mut subject = subject();
    let plans = |subject: &Subject, known: &[Cause], now_ms: i64| {
        plan(std::slice::from_ref(&rule), subject, &told(known), now_ms)
    };
    let before = plans(&subject, &[], NOW + 299_999);
    assert_eq!((before.due.len(), before.next_ms), (0, Some(NOW + 300_000)));
    assert_eq!(before.ahead, [Step { at_ms: NOW + 300_000, channel: "a".into() }]);
    let at = plans(&subject, &[], NOW + 300_000);
    assert_eq!((at.due, at.next_ms), (vec![("a".into(), Cause::Unacknowledged(5))], None));
    assert_eq!(plans(&subject, &[Cause::Unacknowledged(5)], NOW + 900_000), Plan::default());
    subject.word = Some(("unsure".into(), "anna".into()));
    assert_eq!(plans(&subject, &[], NOW + 900_000), Plan::default());
}

#[test]
fn hours_keep_it_back_and_no_longer() {
    use crate::system::hours::Stretch;
    let mut rule = rule(&[When::Opened]);
    // NOW is 02:14:10 in UTC.
    rule.hours = Hours::new(jiff::tz::TimeZone::UTC, vec![Stretch::parse("02:15-06:00").unwrap()]);
    let early = plan(std::slice::from_ref(&rule), &subject(), &[], NOW);
    assert_eq!((early.due.len(), early.next_ms), (0, Some(NOW + 60_000)));
    assert_eq!(plan(std::slice::from_ref(&rule), &subject(), &[], NOW + 60_000).due.len(), 1);
    (rule.when, rule.after_min) = (vec![When::Unacknowledged], Some(300));
    assert!(plan(&[rule], &subject(), &[], NOW).ahead.is_empty(), "nobody is called at seven");
}

#[test]
fn causes_are_read_back_from_the_database() {
    for cause in [
        Cause::Opened,
        Cause::Worse(Severity::High),
        Cause::Picture,
        Cause::Escalated(3),
        Cause::Unacknowledged(15),
        Cause::Acknowledged,
        Cause::Closed,
        Cause::Undelivered("phones".into()),
    ] {
        let (name, detail) = cause.parts();
        assert_eq!(Cause::of(name, &detail), cause);
    }
}
