//! Reason codes of MQTT v5, one by one: what each means for the connection or for the message, and who can do something about it.

use std::time::Duration;

use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Disconnect, DisconnectReasonCode, PubAckReason};

/// Longest pause before a broker is tried again that is merely away.
pub const SOON: Duration = Duration::from_secs(4);
/// Likewise where somebody has to act first.
const REFUSED: Duration = Duration::from_secs(30);
/// Likewise where it asks for less: it has too much to do, or we send too much.
const BUSY: Duration = Duration::from_secs(60);
/// Likewise where it shuts us out, or sends us to another one.
const BANNED: Duration = Duration::from_secs(300);

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// For people: what happened and what to do.
    pub text: String,
    /// The broker or the certificates refused us: trying again soon is useless, somebody has to act.
    pub refused: bool,
    /// Longest pause before this broker is tried again.
    pub rest: Duration,
    /// The broker sends us to another one.
    pub redirected: Option<Redirection>,
    /// Topic aliases led to it: none are used from now on.
    pub aliases: bool,
    /// No message of ours led to it.
    pub innocent: bool,
}

/// Where a broker sends us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirection {
    /// The address as the broker gave it; the client library does not tell it where the broker did not let us in at all.
    pub to: Option<String>,
    /// For ever, not for now.
    pub moved: bool,
}

impl Trouble {
    /// The broker is away, and may be back at any time.
    pub fn passing(text: String) -> Trouble {
        Trouble { text, refused: false, rest: SOON, redirected: None, aliases: false, innocent: false }
    }

    /// Somebody has to act.
    pub fn refusal(text: String) -> Trouble {
        Trouble { refused: true, rest: REFUSED, ..Trouble::passing(text) }
    }
}

/// Why the broker does not take a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// The code's name in the standard.
    pub code: String,
    /// For people: what it means, and who can do something about it.
    pub text: &'static str,
    /// What becomes of it.
    pub effect: Effect,
}

/// What an objection comes to. No message leaves the outbox for it: an alert that nobody takes is still one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The message is offered again later, the others go on.
    Waits,
    /// Nothing is sent for a while: every further message would make it worse.
    Rests,
    /// Broker and client no longer speak of the same messages: only a new connection helps.
    Reconnects,
}

/// What the code of an acknowledgement means; `Ok` where the broker has the message.
pub fn acknowledgement(reason: PubAckReason) -> Result<(), Objection> {
    use Effect::{Reconnects, Rests, Waits};
    let (effect, text) = match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => return Ok(()),
        PubAckReason::NotAuthorized => {
            (Waits, "whoever runs the broker: its access rules do not let this camera write there")
        }
        PubAckReason::QuotaExceeded => (
            Rests,
            "whoever runs the broker: its quota for this camera is used up, or its disk is full; less is sent until it takes more",
        ),
        PubAckReason::TopicNameInvalid => (
            Waits,
            "whoever runs the broker: it allows no such topic; does a bridge or namespace rewrite it?",
        ),
        PubAckReason::PayloadFormatInvalid => (
            Waits,
            "whoever runs the broker: a rule of it finds fault with the content, which is UTF-8 JSON or a JPEG",
        ),
        PubAckReason::PacketIdentifierInUse => {
            (Reconnects, "broker and camera lost count of each other's messages; they connect anew")
        }
        PubAckReason::UnspecifiedError => (Waits, "whoever runs the broker: its log says why"),
        PubAckReason::ImplementationSpecificError => {
            (Waits, "whoever runs the broker: a plugin or rule of it refuses the message; its log says why")
        }
    };
    Err(Objection { code: format!("{reason:?}"), text, effect })
}

/// How much a code weighs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Weight {
    /// The broker may be back at any time.
    Passing,
    /// It asks for less.
    Busy,
    /// Somebody has to act first.
    Refusal,
    /// It shuts us out.
    Ban,
}

/// What it means that the broker ends the connection with a code. One that is not here gives no more than its log.
const ENDED: &[(DisconnectReasonCode, Weight, &str)] = {
    use DisconnectReasonCode as Code;
    use Weight::{Ban, Busy, Passing, Refusal};
    const NOT_UNDERSTOOD: &str = "it does not understand us; see its log, and please report it";
    const TOO_BUSY: &str = "it has too much to do";
    const TOO_MUCH: &str =
        "we send more than it allows; publish.telemetry_s and publish.history_snapshots make it less";
    const NO_COMMANDS: &str = "it does not let us listen to commands as we do";
    const A_MESSAGE: &str = "it finds fault with a message; the others go on";
    &[
        (Code::ServerShuttingDown, Passing, "it is shutting down, and back soon or not"),
        (
            Code::KeepAliveTimeout,
            Passing,
            "it heard nothing of us for too long; publish.keep_alive_s may be longer than the network keeps a connection open",
        ),
        (Code::MaximumConnectTime, Passing, "it lets nobody stay connected for longer"),
        (Code::ServerBusy, Busy, TOO_BUSY),
        (Code::ConnectionRateExceeded, Busy, TOO_BUSY),
        (Code::MessageRateTooHigh, Busy, TOO_MUCH),
        (Code::QuotaExceeded, Busy, TOO_MUCH),
        (
            Code::SessionTakenOver,
            Refusal,
            "another client has the same name: is there a second daemon with this site and camera?",
        ),
        (
            Code::NotAuthorized,
            Refusal,
            "check user and password_file, and the broker's list of users and access rules",
        ),
        (Code::AdministrativeAction, Ban, "somebody has ended it there; ask whoever runs the broker"),
        (Code::UseAnotherServer, Passing, "it sends us to another broker"),
        (Code::ServerMoved, Passing, "it sends us to another broker"),
        (Code::TopicAliasInvalid, Passing, "it takes no topic aliases after all; none are used any more"),
        (
            Code::PacketTooLarge,
            Passing,
            "a message is larger than it takes: publish.snapshot_px makes pictures smaller; the others go on",
        ),
        (Code::TopicNameInvalid, Passing, A_MESSAGE),
        (Code::PayloadFormatInvalid, Passing, A_MESSAGE),
        (
            Code::RetainNotSupported,
            Refusal,
            "it keeps no retained messages, without which nobody knows whether this camera lives",
        ),
        (
            Code::QoSNotSupported,
            Refusal,
            "it acknowledges no messages (QoS 1), without which none can be told from a lost one",
        ),
        (Code::MalformedPacket, Passing, NOT_UNDERSTOOD),
        (Code::ProtocolError, Passing, NOT_UNDERSTOOD),
        (Code::ReceiveMaximumExceeded, Passing, NOT_UNDERSTOOD),
        (Code::TopicFilterInvalid, Passing, NOT_UNDERSTOOD),
        (Code::SharedSubscriptionNotSupported, Refusal, NO_COMMANDS),
        (Code::SubscriptionIdentifiersNotSupported, Refusal, NO_COMMANDS),
        (Code::WildcardSubscriptionsNotSupported, Refusal, NO_COMMANDS),
    ]
};

/// What it means that the broker does not let us in. One that is not here is a refusal that its log explains.
const REFUSED_US: &[(ConnectReturnCode, Weight, &str)] = {
    use ConnectReturnCode as Code;
    use Weight::{Ban, Busy, Passing, Refusal};
    const WHO_WE_ARE: &str = "check user and password_file, and the broker's list of users";
    const NAME: &str = "the broker does not allow this client id";
    const VERSION: &str = "the broker does not speak MQTT v5";
    const WILL: &str = "it does not take our last will: a retained status at QoS 1";
    const ELSEWHERE: &str = "it sends us to another broker; its log or its owner says which";
    &[
        (Code::BadUserNamePassword, Refusal, WHO_WE_ARE),
        (Code::NotAuthorized, Refusal, WHO_WE_ARE),
        (Code::BadAuthenticationMethod, Refusal, WHO_WE_ARE),
        (Code::ClientIdentifierNotValid, Refusal, NAME),
        (Code::BadClientId, Refusal, NAME),
        (Code::UnsupportedProtocolVersion, Refusal, VERSION),
        (Code::RefusedProtocolVersion, Refusal, VERSION),
        (Code::Banned, Ban, "it has banned this camera; ask whoever runs the broker"),
        (Code::ServiceUnavailable, Passing, "it is not ready"),
        (Code::ServerUnavailable, Passing, "it is not ready"),
        (Code::ServerBusy, Busy, "it has too much to do"),
        (Code::ConnectionRateExceeded, Busy, "it has too much to do"),
        (Code::QuotaExceeded, Busy, "its quota is used up; ask whoever runs the broker"),
        (Code::UseAnotherServer, Passing, ELSEWHERE),
        (Code::ServerMoved, Passing, ELSEWHERE),
        (Code::RetainNotSupported, Refusal, WILL),
        (Code::QoSNotSupported, Refusal, WILL),
        (Code::TopicNameInvalid, Refusal, WILL),
        (Code::PayloadFormatInvalid, Refusal, WILL),
        (Code::PacketTooLarge, Refusal, WILL),
    ]
};

/// The row of a code.
fn meaning<C: Copy + PartialEq>(
    table: &[(C, Weight, &'static str)],
    code: C,
) -> Option<(Weight, &'static str)> {
    table.iter().find(|(known, _, _)| *known == code).map(|(_, weight, what)| (*weight, *what))
}

/// What it means that the broker ends the connection.
pub fn disconnect(packet: &Disconnect) -> Trouble {
    use DisconnectReasonCode as Code;
    let code = packet.reason_code;
    let properties = packet.properties.as_ref();
    let said = properties.and_then(|p| p.reason_string.clone());
    let said = said.map_or(String::new(), |said| format!(", saying {said:?}"));
    let (weight, what) = meaning(ENDED, code).unwrap_or((Weight::Passing, "see its log"));
    let redirected = matches!(code, Code::UseAnotherServer | Code::ServerMoved).then(|| Redirection {
        to: properties.and_then(|p| p.server_reference.clone()),
        moved: code == Code::ServerMoved,
    });
    let aliases = code == Code::TopicAliasInvalid;
    let text = format!("ended the connection ({code:?}{said}); {what}");
    Trouble { aliases, innocent: is_innocent(code), ..weighed(weight, redirected, text) }
}

/// What it means that the broker does not let us in.
pub fn refused(code: ConnectReturnCode) -> Trouble {
    use ConnectReturnCode as Code;
    let (weight, what) = meaning(REFUSED_US, code).unwrap_or((Weight::Refusal, "see the broker's log"));
    let redirected = matches!(code, Code::UseAnotherServer | Code::ServerMoved)
        .then_some(Redirection { to: None, moved: code == Code::ServerMoved });
    weighed(weight, redirected, format!("refused us ({code:?}); {what}"))
}

fn weighed(weight: Weight, redirected: Option<Redirection>, text: String) -> Trouble {
    let rest = match weight {
        Weight::Passing if redirected.is_some() => BANNED,
        Weight::Passing => SOON,
        Weight::Busy => BUSY,
        Weight::Refusal => REFUSED,
        Weight::Ban => BANNED,
    };
    let refused = matches!(weight, Weight::Refusal | Weight::Ban);
    Trouble { refused, rest, redirected, ..Trouble::passing(text) }
}

/// Whether a broker that ends the connection so has nothing against what was on its way.
fn is_innocent(code: DisconnectReasonCode) -> bool {
    use DisconnectReasonCode as Code;
    matches!(
        code,
        Code::ServerShuttingDown
            | Code::KeepAliveTimeout
            | Code::ServerBusy
            | Code::ConnectionRateExceeded
            | Code::MessageRateTooHigh
            | Code::QuotaExceeded
            | Code::MaximumConnectTime
            | Code::SessionTakenOver
            | Code::AdministrativeAction
            | Code::UseAnotherServer
            | Code::ServerMoved
            | Code::TopicAliasInvalid
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_broker_does_not_take_waits_and_names_who_can_act() {
        let objection = |reason| acknowledgement(reason).unwrap_err();
        assert!(acknowledgement(PubAckReason::NoMatchingSubscribers).is_ok(), "the broker has it");
        let denied = objection(PubAckReason::NotAuthorized);
        assert_eq!((denied.code.as_str(), denied.effect), ("NotAuthorized", Effect::Waits));
        assert!(denied.text.contains("access rules"), "{denied:?}");
        assert_eq!(objection(PubAckReason::QuotaExceeded).effect, Effect::Rests);
        assert_eq!(objection(PubAckReason::PacketIdentifierInUse).effect, Effect::Reconnects);
    }

    fn ended(reason_code: DisconnectReasonCode) -> Trouble {
        disconnect(&Disconnect { reason_code, properties: None })
    }

    #[test]
    fn every_way_to_be_disconnected_says_what_to_do_and_when_to_come_back() {
        use DisconnectReasonCode as Code;
        let taken_over = ended(Code::SessionTakenOver);
        assert!(taken_over.refused && taken_over.text.contains("second daemon"), "{taken_over:?}");
        assert!(!ended(Code::ServerShuttingDown).refused && ended(Code::ServerShuttingDown).rest == SOON);
        assert!(
            ended(Code::ServerBusy).rest > SOON
                && ended(Code::AdministrativeAction).rest > ended(Code::ServerBusy).rest
        );
        assert!(
            ended(Code::ServerMoved).redirected.unwrap().moved
                && !ended(Code::UseAnotherServer).redirected.unwrap().moved
        );
        assert!(ended(Code::TopicAliasInvalid).aliases);
        assert!(ended(Code::MessageRateTooHigh).text.contains("telemetry_s"));
        // Whatever was on its way then is looked at more closely.
        assert!(!ended(Code::PacketTooLarge).innocent && ended(Code::QuotaExceeded).innocent);
    }

    #[test]
    fn a_broker_that_bans_us_is_left_alone_for_minutes_and_one_that_is_not_ready_is_not() {
        assert!(
            refused(ConnectReturnCode::Banned).refused && refused(ConnectReturnCode::Banned).rest == BANNED
        );
        assert!(!refused(ConnectReturnCode::ServerUnavailable).refused);
        assert!(refused(ConnectReturnCode::NotAuthorized).text.contains("check user and password_file"));
        assert!(refused(ConnectReturnCode::ServerMoved).redirected.is_some());
    }
}
