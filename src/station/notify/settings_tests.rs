use super::*;
use crate::perceive::observation::Severity;
use crate::station::notify::rule::When;

/// The file that is shipped, with secrets that are there.
#[test]
fn the_shipped_example_is_right_with_every_key_that_it_shows() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ntfy-token", "mail-password", "webhook-secret", "webhook-authorization", "gundi-key"] {
        std::fs::write(folder.path().join(name), "a secret of thirty-two characters\n").unwrap();
    }
    let here = folder.path().display().to_string();
    let text = include_str!("../../../deploy/notify.toml").replace("/etc/bearwatch-station", &here);
    let settings = Settings::parse(&text, "notify.toml").unwrap();
    assert_eq!(settings.channels.keys().collect::<Vec<_>>(), ["chief", "dispatch", "park", "rangers"]);
    assert_eq!(settings.rules.len(), 3);
    assert_eq!((settings.rules[1].after_min, settings.rules[2].least), (Some(5), Severity::Low));
    // Every line `#key = value` shows a default, or a value that is taken as well.
    let all: Vec<String> = text
        .lines()
        .filter(|line| !line.contains("ca_file"))
        .map(|line| match line.strip_prefix('#') {
            Some(key) if key.starts_with(|c: char| c.is_ascii_lowercase()) && key.contains(" = ") => {
                key.to_owned()
            }
            _ => line.to_owned(),
        })
        .collect();
    let shown = Settings::parse(&all.join("\n"), "notify.toml").unwrap();
    let rangers = &shown.channels["rangers"];
    assert_eq!(
        (rangers.most_a_minute, rangers.expire_ms),
        (settings.channels["rangers"].most_a_minute, 43_200_000)
    );
    assert_eq!(shown.rules[0].when, settings.rules[0].when);
    assert_eq!(shown.rules[0].least, settings.rules[0].least);
    assert!(shown.rules[0].when.contains(&When::Escalated) && !shown.rules[0].hours.are_none());
}

#[test]
fn a_server_without_tls_is_taken_for_this_machine_alone() {
    let told = |url: &str| {
        let text =
            format!("[channel.a]\nkind = \"webhook\"\nurl = \"{url}\"\n[[rule]]\nchannels = [\"a\"]\n");
        Settings::parse(&text, "n.toml").map_err(|error| error.to_string())
    };
    for url in ["https://a.example/x", "http://127.0.0.1:9/x", "http://[::1]/x", "http://localhost/x"] {
        assert!(told(url).is_ok(), "{url}");
    }
    for url in ["http://a.example/", "ftp://a.example/", "https://anna:secret@a.example/", "a.example"] {
        let told = told(url).unwrap_err();
        assert!(told.contains("n.toml:3: channel.a.url: ") && !told.contains("secret@"), "{told}");
    }
}
