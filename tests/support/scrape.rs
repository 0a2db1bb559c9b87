//! Asks the daemon's HTTP server, and reads what it tells as the OpenMetrics specification has it, strictly.

#![allow(dead_code, reason = "every test program uses a part")]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// An answer over HTTP.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// Sends a request; `None` where nobody answers. HTTP/1.0, so that answers come in one piece.
pub fn ask(port: u16, request: &str, host: &str) -> Option<Answer> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    write!(stream, "{request} HTTP/1.0\r\nHost: {host}\r\n\r\n").ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head: head.to_lowercase(), body: body.to_owned() })
}

/// What stood on the page: value by name and labels as written.
#[derive(Debug, Default)]
pub struct Scrape {
    pub samples: BTreeMap<String, f64>,
    types: BTreeMap<String, String>,
}

impl Scrape {
    /// Asks for `/metrics`.
    pub fn of(port: u16) -> Option<Scrape> {
        let answer = ask(port, "GET /metrics", &format!("127.0.0.1:{port}"))?;
        assert_eq!(answer.status, 200, "{}", answer.head);
        assert!(
            answer.head.contains("content-type: application/openmetrics-text; version=1.0.0; charset=utf-8")
        );
        Some(Scrape::read(&answer.body))
    }

    fn read(text: &str) -> Scrape {
        let mut scrape = Scrape::default();
        let body = text.strip_suffix("# EOF\n").expect("it does not end with # EOF");
        let mut family = String::new();
        for line in body.lines() {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some("HELP"), Some(name), Some(help)) => {
                    assert!(help.len() > 5 && !scrape.types.contains_key(name), "{line}");
                    family = name.to_owned();
                }
                (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                    assert_eq!(name, family, "a type without its help: {line}");
                    scrape.types.insert(name.to_owned(), kind.to_owned());
                }
                (Some("#"), Some("UNIT"), Some(name), Some(unit)) => {
                    assert!(name == family && name.ends_with(&format!("_{unit}")), "{line}");
                }
                _ => scrape.sample(&family, line),
            }
        }
        scrape
    }

    fn sample(&mut self, family: &str, line: &str) {
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}"));
        let name = series.split('{').next().unwrap();
        let endings: &[&str] = match self.types[family].as_str() {
            "counter" => &["_total"],
            "histogram" => &["_bucket", "_sum", "_count"],
            "gauge" => &[""],
            other => panic!("a family of the type {other}"),
        };
        assert!(endings.iter().any(|ending| name == format!("{family}{ending}")), "not of {family}: {line}");
        assert!(series.contains("{site=\"yellow-creek\",camera=\"north\""), "whose is it? {line}");
        let value = value.parse().unwrap_or_else(|_| panic!("no number: {line}"));
        assert!(self.samples.insert(series.to_owned(), value).is_none(), "twice: {line}");
    }

    /// The value of a series, by its name and its own labels: `bearwatch_health`, `state="online"`.
    pub fn of_series(&self, name: &str, labels: &str) -> f64 {
        let comma = if labels.is_empty() { "" } else { "," };
        let series = format!("{name}{{site=\"yellow-creek\",camera=\"north\"{comma}{labels}}}");
        *self.samples.get(&series).unwrap_or_else(|| panic!("no {series} in {:#?}", self.samples))
    }

    /// The sum over all series of a name that have such a label.
    pub fn sum(&self, name: &str, label: &str) -> f64 {
        let fits = |series: &str| series.starts_with(&format!("{name}{{")) && series.contains(label);
        self.samples.iter().filter(|(series, _)| fits(series)).map(|(_, value)| value).sum()
    }

    /// Whether there is any series of that name.
    pub fn knows(&self, name: &str) -> bool {
        self.samples.keys().any(|series| series.split('{').next() == Some(name))
    }

    /// The last bucket of each histogram holds all, and none holds less than the one before.
    pub fn check_histograms(&self) {
        for (family, _) in self.types.iter().filter(|(_, kind)| *kind == "histogram") {
            let mut last: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
            for (series, value) in
                self.samples.iter().filter(|(s, _)| s.starts_with(&format!("{family}_bucket")))
            {
                let (labels, bound) = series.split_once("le=\"").unwrap();
                let (bound, rest) = bound.split_once('"').unwrap();
                let bound = bound.replace("+Inf", "inf").parse().unwrap();
                last.entry(format!("{labels}{rest}")).or_default().push((bound, *value));
            }
            assert!(!last.is_empty(), "{family} has no buckets");
            let mut all = 0.0;
            for mut buckets in last.into_values() {
                buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
                assert!(buckets.is_sorted_by(|a, b| a.1 <= b.1), "{family}: {buckets:?}");
                all += buckets.last().unwrap().1;
            }
            assert_eq!(all, self.sum(&format!("{family}_count"), ""), "{family}");
        }
    }
}
