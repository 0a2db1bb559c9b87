//! A session: two random texts that a browser has, of which the database keeps one hash.
//!
//! One half, 256 bits, is a cookie that no script can read (`HttpOnly`), so that a flaw in the page gives away no session. The other half, 128 bits, is
//! what the page's own scripts keep and send in a header of their own: browsers keep one jar of cookies for all ports of a machine, so that on
//! 127.0.0.1 every other program there sees the cookie, and none of them sees that half. Neither is of any use without the other.

use std::time::Duration;

use ring::rand::{SecureRandom, SystemRandom};

use crate::control::chain::sha256;

/// What a browser has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pass {
    /// In the cookie, hexadecimal.
    pub cookie: String,
    /// In the header, hexadecimal.
    pub key: String,
}

/// What the database has: SHA-256 of both halves. That needs no slow hash, for nobody guesses 384 random bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(pub String);

/// How long a session lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime {
    /// Without any page open.
    pub idle: Duration,
    /// In any case.
    pub most: Duration,
}

impl Pass {
    /// A new one; `None` where the system gives no random numbers.
    pub fn new() -> Option<Pass> {
        Some(Pass { cookie: random::<32>()?, key: random::<16>()? })
    }

    /// By what it is known again.
    pub fn id(&self) -> SessionId {
        SessionId(sha256(format!("{}.{}", self.cookie, self.key).as_bytes()))
    }
}

impl Lifetime {
    /// When a session ends that began then, milliseconds since 1970.
    pub fn ends_ms(self, began_ms: i64) -> i64 {
        began_ms.saturating_add(self.most_ms())
    }

    /// Milliseconds.
    pub fn most_ms(self) -> i64 {
        millis(self.most)
    }

    /// Milliseconds.
    pub fn idle_ms(self) -> i64 {
        millis(self.idle)
    }

    /// Whether it goes on.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn goes_on(self, began_ms: i64, seen_ms: i64, now_ms: i64) -> Result<(), String> {
        if now_ms >= self.ends_ms(began_ms) {
            return Err(format!(
                "your session has lasted {} hours: sign in again",
                self.most.as_secs() / 3600
            ));
        }
        if now_ms >= seen_ms.saturating_add(self.idle_ms()) {
            return Err(format!(
                "no page of yours was open for {} minutes: sign in again",
                self.idle.as_secs() / 60
            ));
        }
        Ok(())
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

fn random<const BYTES: usize>() -> Option<String> {
    let mut bytes = [0; BYTES];
    SystemRandom::new().fill(&mut bytes).ok()?;
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pass_is_like_no_other_and_worth_nothing_by_halves() {
        let (one, other) = (Pass::new().unwrap(), Pass::new().unwrap());
        assert_eq!((one.cookie.len(), one.key.len(), one.id().0.len()), (64, 32, 64));
        assert_ne!(one.id(), Pass { key: other.key.clone(), ..one.clone() }.id());
        assert_ne!(one.id(), Pass { cookie: other.cookie, ..one.clone() }.id());
    }

    #[test]
    fn a_session_ends_when_nobody_looks_and_in_any_case() {
        let lifetime = Lifetime { idle: Duration::from_secs(60), most: Duration::from_secs(3600) };
        assert!(lifetime.goes_on(0, 50_000, 100_000).is_ok());
        assert!(lifetime.goes_on(0, 50_000, 110_000).unwrap_err().contains("1 minutes"));
        assert!(lifetime.goes_on(0, 3_599_000, 3_600_000).unwrap_err().contains("1 hours"));
        assert!(lifetime.goes_on(0, 3_599_000, 3_599_999).is_ok());
    }
}
