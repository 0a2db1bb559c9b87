//! Phones with the app ntfy (docs.ntfy.sh/publish): a text, or a picture as an attachment.

use serde_json::json;
use ureq::Agent;

use super::http::ask;
use super::{Message, Outcome, Urgency};
use crate::station::notify::settings::Ntfy;

/// Of ntfy: 1 is silent, 3 ordinary, 5 goes on until somebody looks.
fn priority(urgency: Urgency) -> u8 {
    match urgency {
        Urgency::Quiet => 2,
        Urgency::Usual => 3,
        Urgency::Urgent => 4,
        Urgency::Alarm => 5,
    }
}

pub fn send(to: &Ntfy, agent: &Agent, message: &Message) -> Result<Outcome, Outcome> {
    let token = to.token.as_ref().map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Content-Type", "application/json")];
    headers.extend(token.iter().map(|token| ("Authorization", token.as_str())));
    let server = to.url.as_str().trim_end_matches('/');
    let priority = priority(message.urgency);
    let answer = match &message.picture {
        // A picture's own words stand in headers, which are encoded as those of an e-mail where they are not ASCII.
        Some(jpeg) => {
            let (priority, title) = (
                priority.to_string(),
                message.title.replace(|c: char| !c.is_ascii_graphic() && c != ' ', "?"),
            );
            headers[0].1 = "image/jpeg";
            headers.extend([
                ("Title", title.as_str()),
                ("Priority", &priority),
                ("Filename", "bear.jpg"),
                ("X-Sequence-ID", &message.key),
            ]);
            headers.extend(message.link.iter().map(|link| ("Click", link.as_str())));
            ask(agent, "PUT", &format!("{server}/{}", to.topic), &headers, jpeg)?
        }
        None => {
            let mut said = json!({
                "topic": to.topic, "title": message.title, "message": message.text, "priority": priority, "tags": ["bear"],
                // The same number takes the place of what was sent before under it (ntfy 2.16; older ones pass over it).
                "sequence_id": message.key,
            });
            if let Some(link) = &message.link {
                said["click"] = json!(link);
            }
            ask(agent, "POST", server, &headers, said.to_string().as_bytes())?
        }
    };
    let id = serde_json::from_str::<serde_json::Value>(&answer)
        .ok()
        .and_then(|answer| answer["id"].as_str().map(str::to_owned));
    Ok(Outcome::Delivered { answer: "the server has it".into(), receipt: id })
}
