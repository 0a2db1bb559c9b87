//! Pictures for training and review: into the field store where there is one; else the random sample goes out at once, and nothing else is kept.

use super::Worker;
use crate::publish::AuditDraft;
use crate::publish::delivery::Lane;
use crate::publish::field::{KeptDraft, Reason};
use crate::publish::message::Kind;
use crate::publish::record::Record;
use crate::publish::reply::Mode;

impl Worker {
    /// Whatever alerts are subject to: what was missed while nobody was to be told was missed all the same, and says so.
    pub(super) fn audit(&mut self, draft: AuditDraft) -> Option<(Lane, Vec<u8>)> {
        let properties = draft.properties(self.gate.mode());
        // What a challenger has chosen is of no sample: it takes none of the sample's room.
        let reason = if draft.challenger.is_some() { Reason::Challenger } else { Reason::Random };
        let envelope = self.shared.envelope(Kind::Snapshot);
        let record = Record::audit(&envelope, properties, draft.captured, draft.jpeg).encode();
        let (lane, bytes) = self.encoded(Lane::Audit, record)?;
        let Some(feed) = &mut self.feed else { return Some((lane, bytes)) };
        feed.field.keep(reason, &bytes, self.shared.clock.uptime());
        None
    }

    /// While a camera is disarmed nothing is kept but what somebody asks for.
    pub(super) fn keep(&mut self, draft: &KeptDraft) {
        let mode = self.gate.mode();
        let wanted = mode != Mode::Disarmed || draft.reason == Reason::Asked;
        let Some(feed) = self.feed.as_mut().filter(|_| wanted) else { return };
        let envelope = self.shared.envelope(Kind::Snapshot);
        let record = Record::audit(&envelope, draft.properties(mode), draft.captured, draft.jpeg.clone());
        match record.encode() {
            Ok(bytes) => feed.field.keep(draft.reason, &bytes, self.shared.clock.uptime()),
            Err(error) => tracing::error!("cannot write what goes beside a picture as JSON: {error}"),
        }
    }
}
