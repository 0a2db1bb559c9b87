//! Whose is a life? Each message names the life of the daemon that it comes from (`boot`, 64 random bits, and the beginning of every alert's id); the
//! camera that used it first owns it. So a camera that speaks for another one, or on the topic of another one, is found out. PURE.

use std::collections::HashMap;

use super::judge::Entry;
use crate::publish::incoming::Body;
use crate::publish::settings::Site;

/// Lives that are remembered; strangers who invent more are not believed.
const MOST: usize = 500_000;

/// Lives by their owner, "site/camera".
#[derive(Clone, Debug, Default)]
pub struct Claims {
    owners: HashMap<String, String>,
}

impl Claims {
    /// As they stand in the database.
    pub fn new(owners: impl IntoIterator<Item = (String, String)>) -> Claims {
        Claims { owners: owners.into_iter().collect() }
    }

    /// Lives that the message names and that nobody has used yet.
    ///
    /// # Errors
    /// Why it is not believed: another camera owns one of them.
    pub fn examine(&self, entry: &Entry) -> Result<Vec<String>, String> {
        let own = place(&entry.site);
        let mut new = Vec::new();
        for life in lives(&entry.body) {
            match self.owners.get(life) {
                Some(owner) if *owner != own => {
                    return Err(speaks_for(life, owner));
                }
                Some(_) => {}
                None if self.owners.len() >= MOST => {
                    return Err(format!("{MOST} lives of cameras are known: nobody has so many"));
                }
                None => new.push(life.to_owned()),
            }
        }
        Ok(new)
    }

    /// From now on this camera owns a life.
    pub fn enter(&mut self, life: String, site: &Site) {
        self.owners.entry(life).or_insert_with(|| place(site));
    }

    /// Another station heard it first, and knows whose it is.
    pub fn correct(&mut self, life: String, site: &Site) {
        self.owners.insert(life, place(site));
    }

    /// Nothing of this life was kept.
    pub fn forget(&mut self, life: &str) {
        self.owners.remove(life);
    }
}

/// Why a message is not believed that names a life of another camera.
pub fn speaks_for(life: &str, owner: &str) -> String {
    format!("it speaks for {owner}: {life} is a life of that camera; somebody else uses its name or its key")
}

/// "site/camera".
pub fn place(site: &Site) -> String {
    format!("{}/{}", site.name, site.camera)
}

/// The lives that a message names; a later life tells again of an alert of an earlier one.
fn lives(body: &Body) -> Vec<&str> {
    let of_alert = |id: &str| id.rfind('-').unwrap_or(0);
    let (boot, alert) = match body {
        Body::Alert(alert) => (&alert.envelope.boot, alert.id.as_str()),
        Body::Snapshot(picture) => (&picture.boot, picture.alert.as_str()),
        Body::Ack(ack) => (&ack.envelope.boot, ack.alert.as_str()),
        other => match other.envelope() {
            Some(envelope) => (&envelope.boot, ""),
            None => return Vec::new(),
        },
    };
    let earlier = &alert[..of_alert(alert)];
    let mut lives = vec![boot.0.as_str()];
    if !earlier.is_empty() && earlier != boot.0 {
        lives.push(earlier);
    }
    lives
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::publish::Message;
    use crate::station::judge::judge;

    fn status(camera: &str, boot: &str) -> Entry {
        let payload = format!(
            r#"{{"v":1,"boot":"{boot}","seq":0,"uptime_ms":1,"time":"2026-11-25T02:14:07.000Z","clock_synced":true,"late":false,
                "state":"online","reason":"r","version":"0"}}"#
        );
        let topic = format!("bearwatch/v1/creek/{camera}/status");
        judge(Message::json(topic, payload.into_bytes(), Vec::new()), 0).unwrap()
    }

    #[test]
    fn who_speaks_for_another_is_found_out() {
        let mut claims = Claims::default();
        let north = status("north", "b1");
        assert_eq!(claims.examine(&north), Ok(vec!["b1".into()]));
        claims.enter("b1".into(), &north.site);
        assert_eq!(claims.examine(&north), Ok(vec![]));
        assert!(claims.examine(&status("south", "b1")).unwrap_err().contains("speaks for creek/north"));
        assert_eq!(claims.examine(&status("south", "b2")), Ok(vec!["b2".into()]));
    }
}
