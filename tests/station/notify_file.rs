//! The file of notifications, checked and tried by hand: `bearwatch station notify`.

use super::notify::{SECRET, rule, webhook};
use super::support_receiver::{MAIL_PASSWORD, MailServer, Manner, Proof, Receiver};
use crate::support::Broker;
use crate::support_station::Station;

#[test]
fn a_channel_is_tried_by_hand_over_tls_and_says_what_is_wrong() {
    let (proof, other, broker) = (Proof::new(), Proof::new(), Broker::start());
    let (receiver, mail) = (Receiver::with(Manner::Answers(200), Some(&proof)), MailServer::start(&proof));
    let station = Station::new(&broker.url, &[]);
    for (name, text) in [("secret", SECRET), ("password", MAIL_PASSWORD), ("wrong", "not the password")] {
        std::fs::write(station.path(name), text).unwrap();
    }
    let folder = station.path("").display().to_string();
    let https = |name: &str, authority: &Proof| {
        let ca = authority.authority().display().to_string();
        webhook(name, &format!("https://localhost:{}/hook", receiver.port), &format!("ca_file = \"{ca}\""))
    };
    let email = |name: &str, server: String, password: &str, to: &str| {
        let ca = proof.authority().display().to_string();
        format!(
            "[channel.{name}]\nkind = \"email\"\nserver = \"{server}\"\nca_file = \"{ca}\"\nuser = \"station\"\npassword_file = \"FOLDER/{password}\"\n\
             from = \"bears@park.example\"\nto = [\"{to}\"]\n"
        )
    };
    let (smtps, smtp) =
        (format!("smtps://localhost:{}", mail.smtps), format!("smtp://localhost:{}", mail.smtp));
    let file = [
        https("proven", &proof),
        https("stranger", &other),
        email("tls", smtps.clone(), "password", "chief@park.example"),
        email("starttls", smtp, "password", "chief@park.example"),
        email("login", smtps.clone(), "wrong", "chief@park.example"),
        email("nobody", smtps, "password", "nobody@park.example"),
        webhook("closed", "http://127.0.0.1:1/hook", ""),
        rule("\"proven\"", ""),
    ]
    .concat();
    std::fs::write(station.path("notify.toml"), file.replace("FOLDER", folder.trim_end_matches('/')))
        .unwrap();
    let path = station.path("notify.toml").display().to_string();
    for (channel, code, words) in [
        ("proven", 0, "delivered to localhost"),
        ("stranger", 78, "TLS fails"),
        ("tls", 0, "250 kept"),
        ("starttls", 0, "250 kept"),
        ("login", 78, "the mail server refuses"),
        ("nobody", 78, "there is no such mailbox"),
        ("closed", 69, "nobody listens there"),
    ] {
        let (found, out, err) = Station::words(&["notify", "test", channel, "--notify", &path]);
        assert!(found == code && format!("{out}{err}").contains(words), "{channel}: {found} {out}{err}");
    }
    assert!(
        receiver.requests().iter().all(|request| request.is_signed(SECRET) && request.json()["test"] == true)
    );
    assert_eq!((receiver.requests().len(), mail.mails().len()), (1, 2));
    let (code, out, _) = Station::words(&["notify", "check", &path]);
    assert!(
        code == 0 && out.contains("rule 1: opened, worse, picture, escalated → proven; every camera"),
        "{out}"
    );
}

#[test]
fn every_mistake_of_the_file_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify.toml");
    let text = "time_zone = \"Nowhere/Atlantis\"\n[channel.desk]\nkind = \"webhook\"\nurl = \"http://dispatch.example/\"\nsecret_file = \"/nowhere\"\ncolour = 1\n\
                [channel.mail]\nkind = \"email\"\nserver = \"smtp+plain://mail.example\"\nfrom = \"nobody\"\n[[rule]]\nchannels = [\"desk\", \"phones\"]\nafter_min = 5\nhours = [\"22:00\"]\n";
    std::fs::write(&path, text).unwrap();
    let path = path.display().to_string();
    let (code, _, told) = Station::words(&["notify", "check", &path]);
    assert_eq!(code, 78, "{told}");
    for words in [
        ":1: time_zone: ",
        ":4: channel.desk.url: is without TLS",
        ":5: channel.desk.secret_file: /nowhere",
        ":6: channel.desk.colour: unknown key",
        ":9: channel.mail.server: would send mail and password in clear",
        ":10: channel.mail.from: ",
        ":7: channel.mail.to: is missing",
        ":12: rule 1.channels: ",
        ":13: rule 1.after_min: ",
        ":14: rule 1.hours: ",
    ] {
        assert!(told.contains(&format!("{path}{words}")), "{words}: {told}");
    }
    let (code, _, told) = Station::words(&["--notify", "/nowhere/notify.toml"]);
    assert!(code == 78 && told.contains("/nowhere/notify.toml: cannot be read"), "{told}");
}
