//! Observe, assist, live, and trials that end by themselves.

use serde_json::{Value, json};

use crate::SIMULATED;
use crate::support::Broker;
use crate::support::daemon::{Home, Listener, Post};
use crate::support::orders::{ACCEPT, audit, command, overrides, started};

/// Listens until the newest state is so.
fn state(desk: &mut Listener, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    let newest = |posts: &[Post]| posts.iter().rev().find(|post| post.kind == "state").map(Post::json);
    newest(desk.until(what, |posts| newest(posts).is_some_and(|state| is(&state)))).unwrap()
}

#[test]
fn in_assist_mode_reviewers_alone_are_told_until_the_camera_is_live() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::with_bear(&broker.url, 4, true);
    let mut daemon =
        started(&home, &mut desk, &[ACCEPT, "site.mode=assist", "acknowledge.ladder=[\"1 chief\"]"]);
    desk.hears_state("degraded", "ASSIST MODE as site.mode says: reviewers alone are told");
    let told = desk.hears("alert", |post| post.json()["state"] == "opened").json();
    assert_eq!((&told["audience"], &told["open"]), (&json!("reviewers"), &json!(0)), "{told}");
    let id = told["id"].as_str().unwrap();
    let picture = desk.hears("snapshot", |post| post.properties["alert"] == id);
    assert_eq!(picture.properties["audience"], "reviewers");
    let (code, out, _) = command(&broker, &["live", "--for", "60s", "--by", "bert"]);
    assert!(code == 0 && out.starts_with("applied: armed until "), "{out}");
    let everybodys = |post: &Post| {
        let alert = post.json();
        alert["state"] == "opened" && alert["audience"].is_null() && alert["open"] == 1
    };
    desk.hears("alert", everybodys);
    // Somebody is called for what everybody was told, and for nothing before.
    desk.hears("escalation/chief", |_| true);
    let at = desk.posts.iter().position(|post| post.kind == "escalation/chief").unwrap();
    assert!(desk.posts[..at].iter().any(|post| post.kind == "alert" && everybodys(post)));
    let (code, out, _) = command(&broker, &["arm"]);
    assert_eq!((code, out.trim()), (0, "applied: armed: alerts are told"), "arming makes nobody quieter");
    let now = state(&mut desk, "armed", |state| state["mode"] == "armed");
    assert_eq!((&now["usual"], &now["by"]), (&json!("assist"), &json!("bert")));
    assert_eq!(command(&broker, &["disarm", "--for", "60s"]).0, 0);
    let (_, out, _) = command(&broker, &["arm"]);
    assert!(out.starts_with("applied: nothing is ordered any more: ASSIST MODE as site.mode says"), "{out}");
    assert_eq!(daemon.stop(), 0);
}

#[test]
fn a_trial_outlives_mutes_and_power_cuts_and_ends_by_itself() {
    let broker = Broker::start();
    let mut desk = Listener::start(&broker);
    let home = Home::new(&broker.url, SIMULATED);
    let sets = [ACCEPT, "site.mode=observe", "command.longest_trial_days=1"];
    let mut daemon = started(&home, &mut desk, &sets);
    let usual = state(&mut desk, "the usual mode", |state| state["mode"] == "shadow");
    assert_eq!((&usual["usual"], &usual["trial"]), (&json!("shadow"), &Value::Null));
    let begin = ["trial", "spring, north", "--mode", "assist", "--for", "20h", "--by", "maria"];
    let (code, out, _) = command(&broker, &begin);
    assert!(code == 0 && out.starts_with("applied: assist in the trial \"spring, north\" until "), "{out}");
    desk.hears_state("degraded", "ASSIST MODE in the trial \"spring, north\" until ");
    for (words, why) in [
        (["trial", "other", "--mode", "live", "--for", "1h"], "it takes part in the trial \"spring, north\""),
        (["trial", "spring, north", "--mode", "live", "--for", "25h"], "longer than the 1 days"),
    ] {
        let (code, out, _) = command(&broker, &words);
        assert!(code == 65 && out.contains(why), "{out}");
    }
    // A mute in it ends, and the trial goes on.
    assert_eq!(command(&broker, &["disarm", "--for", "3s", "--by", "bert"]).0, 0);
    let muted = state(&mut desk, "the mute", |state| state["mode"] == "disarmed");
    assert_eq!((&muted["trial"]["trial"], &muted["by"]), (&json!("spring, north"), &json!("bert")));
    state(&mut desk, "the trial again", |state| state["mode"] == "assist");
    daemon.kill();
    let mut daemon = started(&home, &mut desk, &sets);
    let is_new = |state: &Value| state["boot"] != muted["boot"];
    let again =
        state(&mut desk, "the trial after the cut", |state| state["mode"] == "assist" && is_new(state));
    assert_eq!((&again["trial"]["mode"], &again["by"]), (&json!("assist"), &json!("maria")));
    assert!(again["trial"]["until_uptime_ms"].as_u64().unwrap() <= 72_000_000, "{again}");
    daemon.kill();
    // The end came while the board was off, or nearly: it has no clock, and what was left is less than a start takes off.
    let kept = overrides(&home);
    let lines = kept.lines().filter(|line| !line.starts_with("trial_until"));
    let shortened = |line: &str| {
        if line.starts_with("trial_left_s") { "trial_left_s = 2".into() } else { line.to_owned() }
    };
    std::fs::write(home.store().join("overrides.toml"), lines.map(shortened).collect::<Vec<_>>().join("\n"))
        .unwrap();
    let mut daemon = started(&home, &mut desk, &sets);
    let over = state(&mut desk, "the end", |state| state["trial"].is_null() && state["mode"] == "shadow");
    assert_eq!(over["by"], "");
    assert_eq!(overrides(&home), "");
    let expired = |line: &Value| {
        line["event"] == "expired" && line["reason"].as_str().unwrap().contains("spring, north")
    };
    assert!(audit(&home).iter().any(expired));
    // One that somebody ends.
    assert_eq!(command(&broker, &["trial", "autumn", "--mode", "live", "--for", "1h"]).0, 0);
    state(&mut desk, "live", |state| state["mode"] == "armed");
    let (code, out, _) = command(&broker, &["end-trial", "spring, north"]);
    assert!(code == 65 && out.contains("it takes part in no trial \"spring, north\""), "{out}");
    let (code, out, _) = command(&broker, &["end-trial", "autumn"]);
    let said = "applied: the trial \"autumn\" is over here: SHADOW MODE as site.mode says";
    assert_eq!((code, out.trim()), (0, said));
    state(&mut desk, "observe", |state| state["mode"] == "shadow");
    assert_eq!(daemon.stop(), 0);
}
