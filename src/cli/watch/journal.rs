//! The same as JSON, for programs: a line for every message that is heard, and for what the desk notices by itself.

use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use super::desk::{Notice, place};
use super::ledger::{Finding, Sums};
use crate::publish::message::{Kind, rfc3339};
use crate::publish::subscriber::{Body, Received};

/// Common to all lines.
#[derive(Serialize)]
pub struct Line {
    /// Topic's last level, or what the desk noticed.
    kind: &'static str,
    /// When we heard it, RFC 3339.
    heard: String,
    #[serde(flatten)]
    rest: Value,
}

fn line(kind: &'static str, unix_ms: i64, rest: Value) -> Line {
    Line { kind, heard: rfc3339(unix_ms), rest }
}

/// A message. Pictures are told by their properties and where they were saved.
pub fn message(received: &Received, saved: Option<&Path>, unix_ms: i64) -> Line {
    let (site, camera, retained) = (&received.site.name, &received.site.camera, received.retained);
    let mut rest = json!({ "site": site, "camera": camera, "retained": retained });
    match &received.body {
        Body::Snapshot(s) => {
            rest["alert"] = json!(s.alert);
            rest["request"] = json!(s.request);
            rest["audit"] = json!(s.audit.as_ref().map(|audit| &audit.draw));
            rest["captured"] = json!(s.captured);
            rest["boot"] = json!(s.boot);
            rest["seq"] = json!(s.seq);
            rest["late"] = json!(s.late);
            rest["bytes"] = json!(s.jpeg.len());
            rest["saved"] = json!(saved.map(|path| path.display().to_string()));
        }
        _ => rest["message"] = received.json.clone(),
    }
    line(received.body.kind().name(), unix_ms, rest)
}

/// Something on a topic of ours that cannot be read.
pub fn unreadable(topic: &str, reason: &str, unix_ms: i64) -> Line {
    line("unreadable", unix_ms, json!({ "topic": topic, "reason": reason }))
}

/// What the desk noticed; `None` for what has a line of its own as a message.
pub fn notice(notice: &Notice, unix_ms: i64) -> Option<Line> {
    let (kind, rest) = match notice {
        Notice::Alert { .. }
        | Notice::Status { .. }
        | Notice::Answer { .. }
        | Notice::Ack { .. }
        | Notice::Unreadable { .. } => {
            return None;
        }
        Notice::Connected { again } => ("connected", json!({ "again": again })),
        Notice::Lost { why, refused } => ("lost", json!({ "why": why, "refused": refused })),
        Notice::Silent { place, time } => ("silent", json!({ "place": place, "seconds": time.as_secs() })),
        Notice::Back { place, time } => ("back", json!({ "place": place, "seconds": time.as_secs() })),
        Notice::Nobody { time } => ("nobody", json!({ "seconds": time.as_secs() })),
        Notice::RollCall(call) => ("roll_call", json!(call)),
    };
    Some(line(kind, unix_ms, rest))
}

/// What a sequence number told.
pub fn finding(finding: Finding, received: &Received, unix_ms: i64) -> Line {
    let (kind, first, last) = match finding {
        Finding::Gap { first, last } => ("gap", first, last),
        Finding::Filled { first, last } => ("filled", first, last),
        Finding::Doubled(number) => ("doubled", number, number),
    };
    let (place, topic): (_, Kind) = (place(&received.site), received.body.kind());
    line(kind, unix_ms, json!({ "place": place, "topic": topic.name(), "first": first, "last": last }))
}

/// The last line.
pub fn end(sums: Option<Sums>, unix_ms: i64) -> Line {
    let rest = sums.map_or_else(
        || json!({}),
        |s| {
            json!({ "numbered": s.heard, "missing": s.missing, "missing_telemetry": s.missing_telemetry, "doubled": s.doubled })
        },
    );
    line("end", unix_ms, rest)
}
