//! What Home Assistant was told, over restarts: a description that is no longer wanted is taken back.

use std::path::PathBuf;

use super::home_assistant::{announcement, birth_topic, config_topic, is_birth, removal};
use super::mqtt::Message;
use super::settings::{HomeAssistant, Settings, Site};
use crate::system::file;

/// Holds the topic of the description that the broker has of us.
const FILE: &str = "home-assistant";

/// For one connection.
pub struct Announcement {
    told: Option<HomeAssistant>,
    site: Site,
    path: PathBuf,
    /// The description is to be sent.
    due: bool,
    /// Where an earlier one stands that is wanted no more.
    former: Option<String>,
    /// It was taken back, and the broker may not have heard of that.
    taken_back: bool,
}

impl Announcement {
    /// With what an earlier life left.
    pub fn new(settings: &Settings, site: &Site) -> Announcement {
        let told = settings.home_assistant.clone();
        let path = settings.store.path.join(FILE);
        let known = std::fs::read_to_string(&path).ok().filter(|topic| !topic.is_empty());
        let now = told.as_ref().map(|told| config_topic(told, site));
        let former = known.filter(|topic| now.as_ref() != Some(topic));
        Announcement { due: told.is_some(), told, site: site.clone(), path, former, taken_back: false }
    }

    /// What to listen to.
    pub fn birth_topic(&self) -> Option<String> {
        self.told.as_ref().map(birth_topic)
    }

    /// Whether a message is Home Assistant's birth: then the description is due again.
    pub fn hears(&mut self, message: &Message) -> bool {
        let born = self.told.as_ref().is_some_and(|told| is_birth(told, message));
        self.due |= born;
        born || self.birth_topic().as_ref() == Some(&message.topic)
    }

    /// What is to be sent now.
    pub fn due(&mut self) -> Option<Message> {
        if let Some(topic) = self.former.take() {
            self.taken_back = true;
            return Some(removal(topic));
        }
        let told = self.told.as_ref().filter(|_| std::mem::take(&mut self.due))?;
        // First on the disk: else it could stand with the broker for ever after a power cut.
        if let Err(error) = file::replace(&self.path, config_topic(told, &self.site).as_bytes()) {
            tracing::warn!(
                "{}: {error}; Home Assistant is not told to forget this camera later",
                self.path.display()
            );
        }
        Some(announcement(told, &self.site))
    }

    /// The broker has answered to all that was sent.
    pub fn settled(&mut self) {
        if std::mem::take(&mut self.taken_back) && self.told.is_none() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}
