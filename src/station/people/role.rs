//! What people may do. PURE.

use serde::{Deserialize, Serialize};

/// What somebody is at this station.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Looks, says what alerts were, mutes cameras for a time, gives drills, asks for pictures
    Ranger,
    /// Looks, and labels pictures
    Reviewer,
    /// All of that, accounts, shadow mode, thresholds, the audit log
    Administrator,
}

/// What a way of the page asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// To see alerts, pictures and cameras.
    Look,
    /// To say what an alert was.
    Speak,
    /// To tell cameras what a ranger may: see [`crate::station::command`].
    Order,
    /// To label pictures.
    Label,
    /// Accounts, the audit log, and what changes how cameras judge.
    Administer,
}

impl Role {
    /// The name in the database, on the page and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Role::Viewer => "viewer",
            Role::Ranger => "ranger",
            Role::Reviewer => "reviewer",
            Role::Administrator => "administrator",
        }
    }

    /// By that name.
    pub fn from_name(name: &str) -> Option<Role> {
        [Role::Viewer, Role::Ranger, Role::Reviewer, Role::Administrator]
            .into_iter()
            .find(|role| role.name() == name)
    }

    /// All that it may.
    pub fn rights(self) -> &'static [Right] {
        match self {
            Role::Viewer => &[Right::Look],
            Role::Ranger => &[Right::Look, Right::Speak, Right::Order],
            Role::Reviewer => &[Right::Look, Right::Label],
            Role::Administrator => {
                &[Right::Look, Right::Speak, Right::Order, Right::Label, Right::Administer]
            }
        }
    }

    /// Whether it may.
    pub fn may(self, right: Right) -> bool {
        self.rights().contains(&right)
    }
}

impl Right {
    /// Whom to ask for it, for people.
    pub fn whose(self) -> &'static str {
        match self {
            Right::Look => "anybody with an account",
            Right::Speak | Right::Order => "a ranger or an administrator",
            Right::Label => "a reviewer or an administrator",
            Right::Administer => "an administrator",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_known_by_its_name_and_nobody_but_the_administrator_may_all() {
        for role in [Role::Viewer, Role::Ranger, Role::Reviewer, Role::Administrator] {
            assert_eq!(Role::from_name(role.name()), Some(role));
            assert!(role.may(Right::Look));
            assert_eq!(role.may(Right::Administer), role == Role::Administrator);
        }
        assert_eq!(Role::from_name("chief"), None);
        assert!(
            !Role::Viewer.may(Right::Speak)
                && !Role::Reviewer.may(Right::Order)
                && !Role::Ranger.may(Right::Label)
        );
    }
}
