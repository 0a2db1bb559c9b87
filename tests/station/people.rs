//! Accounts, roles, sessions and the audit log of a station, over HTTP and on its command line.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Broker, wait_for};
use crate::support_desk::alert;
use crate::support_station::{LIMIT, Session, Station, on_postgres, password};
use crate::{ALERT, STATUS};

fn reason(answer: &crate::support_station::Answer) -> String {
    answer.json()["reason"].as_str().unwrap().to_owned()
}

#[test]
fn accounts_are_made_where_the_database_is_and_who_is_changed_is_signed_out_at_once() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &[]);
    assert!(reason(&station.knock("anna", "anything at all")).contains("there is no account yet"));
    let wrong: [(&[&str], &str, i32, &str); 4] = [
        (&["account", "add", "anna", "--role", "chief"], "", 64, "administrator"),
        (&["account", "add", "anna", "--role", "ranger"], "short\n", 65, "needs 12 or more"),
        (
            &["account", "add", "a\tb", "--role", "ranger"],
            "correct horse battery\n",
            65,
            "no name for an account",
        ),
        (&["account", "remove", "nobody"], "", 65, "there is no account nobody"),
    ];
    for (arguments, stdin, code, told) in wrong {
        let (exit, _, words) = station.tool(arguments, stdin);
        assert!(exit == code && words.contains(told) && !words.contains("battery"), "{exit} {words}");
    }
    station.account("maria", "administrator");
    station.account("anna", "ranger");
    let (code, _, words) =
        station.tool(&["account", "add", "ANNA", "--role", "viewer"], "correct horse battery\n");
    assert!(code == 65 && words.contains("there is an account ANNA already"), "{code} {words}");
    let (code, _, words) = station.tool(&["account", "remove", "maria"], "");
    assert!(code == 65 && words.contains("last administrator"), "{code} {words}");

    let anna = station.sign_in("ANNA");
    assert_eq!((&anna.get("/api/me").json()["name"], anna.get("/api/desk").status), (&json!("anna"), 200));
    let mut events = station.events_of(&anna.headers());
    assert_eq!(events.next().unwrap().0, "pulse");
    let (_, listed, _) = station.tool(&["account", "list"], "");
    assert!(listed.contains("anna: ranger, changed 20") && listed.contains("signed in 1 ×"), "{listed}");
    let other = station.sign_in("anna");
    assert_eq!(station.tool(&["account", "password", "anna"], "another horse altogether\n").0, 0);
    let answer = anna.get("/api/desk");
    assert!(answer.status == 401 && reason(&answer).contains("sign in again"), "{}", answer.status);
    assert_eq!(other.get("/api/me").status, 401);
    // The stream ends: nothing is read for ever.
    assert!(events.take(100).count() < 100, "who looks hears no more");
    assert_eq!(station.knock("anna", &password("anna")).status, 401);
    assert_eq!(station.knock("anna", "another horse altogether").status, 200);
}

#[test]
fn everybody_may_what_the_role_says_and_the_word_bears_the_account_s_name() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &[]);
    let people = [("vera", "viewer"), ("anna", "ranger"), ("rosa-1", "reviewer"), ("maria", "administrator")];
    people.iter().for_each(|(name, role)| station.account(name, role));
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    station.alert("b1-1", |_| true);
    let sessions = people.map(|(name, _)| station.sign_in(name));
    let all = |ask: &dyn Fn(&Session) -> u16| sessions.each_ref().map(ask);
    assert_eq!(all(&|who| who.get("/api/desk").status), [200; 4]);
    assert_eq!(all(&|who| who.get("/api/audit").status), [403, 403, 403, 200]);
    assert_eq!(all(&|who| who.get("/api/accounts").status), [403, 403, 403, 200]);
    let word = json!({ "verdict": "bear", "by": "somebody else", "note": "by the bins" });
    assert_eq!(all(&|who| who.post("/api/alerts/b1-1/word", &word).status), [403, 200, 403, 200]);
    let told = station.alert("b1-1", |alert| alert["word"]["by"] == "maria");
    assert_eq!(told["word"]["note"], "by the bins");
    let refused = sessions[0].post("/api/alerts/b1-1/word", &word);
    assert_eq!(reason(&refused), "vera is a viewer here; that is for a ranger or an administrator");
    // An administrator does the same on the page as on the command line, and sees who did what.
    let [.., maria] = &sessions;
    let new = json!({ "name": "ben", "role": "ranger", "password": "correct horse of number 3" });
    assert_eq!(maria.post("/api/accounts", &new).status, 200);
    assert_eq!(maria.post("/api/accounts", &new).status, 409);
    let ben = station.sign_in("ben");
    assert_eq!(maria.post("/api/accounts/ben", &json!({ "role": "viewer" })).status, 200);
    assert_eq!(ben.get("/api/me").status, 401, "another role is another session");
    let ben = station.sign_in("ben");
    let wrong = json!({ "old": "not this one at all", "new": "correct horse of mine" });
    assert_eq!(ben.post("/api/me/password", &wrong).status, 422);
    let right = json!({ "old": password("ben"), "new": "correct horse of mine" });
    assert_eq!((ben.post("/api/me/password", &right).status, ben.get("/api/me").status), (200, 401));
    assert_eq!(maria.post("/api/accounts/ben", &json!({ "remove": true })).status, 200);
    assert_eq!(station.knock("ben", "correct horse of mine").status, 401);
    assert_eq!(maria.post("/api/accounts/maria", &json!({ "role": "viewer" })).status, 409, "the last one");
    let trail = maria.get("/api/audit").json();
    let did: BTreeSet<String> = trail["lines"].as_array().unwrap().iter().map(sentence).collect();
    for line in [
        "account maria add ben",
        "word anna b1-1",
        "account ben password ben",
        "account maria remove ben",
        "login vera viewer",
    ] {
        assert!(did.contains(line), "{line}: {did:#?}");
    }
    assert_eq!(trail["chain"]["faults"], json!([]));
}

fn sentence(line: &Value) -> String {
    let word = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    format!("{} {} {}", word("event"), word("who"), word("command"))
}

#[test]
fn no_other_page_acts_for_somebody_and_half_a_session_is_none() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &[]);
    station.account("anna", "ranger");
    broker.publish(STATUS, &crate::support_desk::status(0, "online", "camera"));
    broker.publish(ALERT, &alert(0, "b1-1", "opened", json!({})));
    station.alert("b1-1", |_| true);
    let anna = station.sign_in("anna");
    for mark in ["httponly", "samesite=strict", "path=/", "max-age=86400"] {
        assert!(anna.cookie.contains(mark) && !anna.cookie.contains("secure"), "{}", anna.cookie);
    }
    let word = json!({ "verdict": "bear" });
    let path = "/api/alerts/b1-1/word";
    let from = |header: &str| anna.post_with(path, &word, header).status;
    for stranger in [
        "Origin: https://evil.example",
        "Origin: http://127.0.0.1:1",
        "Origin: null",
        "Sec-Fetch-Site: same-site",
    ] {
        assert_eq!(from(stranger), 403, "{stranger}");
    }
    assert_eq!(from("Origin: http://127.0.0.1"), 200);
    let [cookie, key] = anna.headers();
    for half in [&cookie, &key] {
        assert_eq!(station.send("GET /api/desk", &[half], b"").unwrap().status, 401);
    }
    let form = station.send(&format!("POST {path}"), &[&cookie, &key, "Content-Type: text/plain"], b"{}");
    assert_eq!(form.unwrap().status, 415);
    // Whoever signs in gets a session that nobody knew before, and the one of before is over.
    let body = json!({ "name": "anna", "password": password("anna") }).to_string();
    let again =
        station.send("POST /api/login", &[&cookie, &key, "Content-Type: application/json"], body.as_bytes());
    let again = again.unwrap();
    assert!(
        again.status == 200 && !again.head.contains(cookie.split('=').next_back().unwrap()),
        "{}",
        again.head
    );
    assert_eq!(anna.get("/api/me").status, 401);
    let anna = station.sign_in("anna");
    assert_eq!((anna.post("/api/logout", &json!({})).status, anna.get("/api/me").status), (200, 401));
    // Nobody who reads the database can enter by what stands there.
    let dump = station.dump();
    let holds = |text: &str| dump.windows(text.len()).any(|part| part == text.as_bytes());
    let anna = station.sign_in("anna");
    assert!(!holds(&anna.key) && !holds(&password("anna")) && holds("$argon2id$v=19$m=19456,t=2,p=1$"));
    // Behind a web server with TLS the cookie is for it alone.
    let mut behind = Station::new(&broker.url, &["--public", "https://bears.example"]);
    behind.start();
    behind.until("it answers", |_| true);
    behind.account("anna", "ranger");
    let anna = behind.sign_in("anna");
    assert!(
        anna.cookie.starts_with("__host-bearwatch-") && anna.cookie.contains("secure"),
        "{}",
        anna.cookie
    );
}

#[test]
fn who_guesses_is_slow_and_learns_no_name_and_whoever_is_known_gets_in() {
    let broker = Broker::start();
    let station = Station::at(&broker.url, &["--public", "https://bears.example"]);
    station.account("anna", "ranger");
    let try_from = |machine: &str, name: &str, password: &str| {
        let body = json!({ "name": name, "password": password }).to_string();
        let headers = ["Content-Type: application/json", &format!("X-Forwarded-For: {machine}")];
        station.send("POST /api/login", &headers, body.as_bytes()).unwrap()
    };
    assert_eq!(try_from("10.0.0.1", "anna", &password("anna")).status, 200);
    let (known, unknown) = (try_from("10.0.0.2", "anna", "no"), try_from("10.0.0.3", "ben", "no"));
    assert_eq!((known.status, unknown.status), (401, 401));
    assert_eq!(known.body, unknown.body, "nobody learns who has an account");
    let guess = |machine: &str| try_from(machine, "anna", "guess").status;
    assert!((0..60).any(|_| guess("10.0.0.2") == 429), "one machine");
    assert!((0..250).any(|machine| guess(&format!("10.0.1.{machine}")) == 429), "many machines");
    // Even who knows it waits there, so that none of them finds it.
    let held = (0..50).any(|machine| {
        guess(&format!("10.0.2.{machine}"));
        try_from(&format!("10.0.3.{machine}"), "anna", &password("anna")).status == 429
    });
    assert!(held, "many machines");
    assert_eq!(try_from("10.0.0.1", "anna", &password("anna")).status, 200, "from where she was before");
    assert_eq!(try_from("10.0.2.2", "ben", "guess").status, 401, "another account is not held up");
    // What anybody can cause has an end in the log, and no password stands there.
    let (_, lines, _) = station.tool(&["audit", "--json"], "");
    let failed = lines.lines().filter(|line| line.contains("login-failed")).count();
    assert!((5..=32).contains(&failed) && !lines.contains("guess"), "{failed}");
}

#[test]
fn an_audit_log_that_was_changed_is_found_out() {
    let broker = Broker::start();
    let mut station = Station::at(&broker.url, &[]);
    station.account("maria", "administrator");
    station.account("anna", "ranger");
    station.sign_in("anna");
    let (code, words, _) = station.tool(&["audit"], "");
    assert!(code == 0 && words.starts_with("4 lines, 1 to 4, each follows"), "{code} {words}");
    let (_, lines, _) = station.tool(&["audit", "--lines"], "");
    assert!(lines.contains("account · command line, user ") && lines.contains("add anna"), "{lines}");
    let told = || {
        station
            .log()
            .lines()
            .filter_map(|line| line.split(" audit ").nth(1).map(str::to_owned))
            .collect::<Vec<_>>()
    };
    assert!(wait_for(LIMIT, || !told().is_empty()));
    let line = told().last().unwrap().clone();
    let mut parts = line.split([' ', ':']);
    let holds = format!("{}:{}", parts.next().unwrap(), parts.next().unwrap());
    assert_eq!(station.tool(&["audit", "--holds", &holds], "").0, 0, "{holds}");
    assert_eq!(station.stop(), 0);
    let mut database = station.open();
    database.run("UPDATE audit SET line = replace(line, 'anna', 'bert') WHERE seq = 3");
    let (code, _, words) = station.tool(&["audit"], "");
    assert!(code == 65 && words.contains("row 4: line 4 does not follow"), "{code} {words}");
    database.run("UPDATE audit SET line = replace(line, 'bert', 'anna') WHERE seq = 3");
    assert_eq!(station.tool(&["audit"], "").0, 0);
    database.run("DELETE FROM audit WHERE seq = 2");
    let (code, _, words) = station.tool(&["audit"], "");
    assert!(code == 65 && words.contains("lines were taken out"), "{code} {words}");
    // The end cut off leaves a chain that is whole: only what was told elsewhere shows it.
    database.run("DELETE FROM audit WHERE seq > 1");
    assert_eq!(station.tool(&["audit"], "").0, 0);
    let (code, _, words) = station.tool(&["audit", "--holds", &holds], "");
    assert!(code == 65 && words.contains("cut off or written anew"), "{code} {words}");
}

#[test]
fn a_database_that_is_not_there_is_no_log_that_is_whole_and_none_is_made() {
    if on_postgres() {
        return; // It is of a file.
    }
    let station = Station::new("mqtt://127.0.0.1:1", &[]);
    for words in [&["audit"][..], &["account", "list"], &["account", "remove", "anna"]] {
        let (code, told, why) = station.tool(words, "");
        assert_eq!((code, &*told), (74, ""), "{words:?}: {why}");
        assert!(why.contains("station.db") && !station.database().exists(), "{words:?}: {why}");
    }
}
