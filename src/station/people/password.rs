//! Passwords: what is taken for one, and how it is kept.
//!
//! Argon2id with 19 MiB of memory, two passes and one lane: the least that OWASP's Password Storage Cheat Sheet recommends
//! (cheatsheetseries.owasp.org, RFC 9106). Parameters and salt stand in the text that is kept, so that they can grow without anybody's password
//! being lost.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

/// Memory, KiB.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Shorter ones can be guessed, characters: NIST SP 800-63B asks for length and for no signs, numbers or changes by the calendar.
const LEAST: usize = 12;
/// Longer ones are no password but a mistake, characters.
const MOST: usize = 200;

/// A password as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept(pub String);

/// What is wrong with a password, for people; nothing of the password.
pub fn objection(password: &str, name: &str) -> Option<String> {
    let length = password.chars().count();
    let first = password.chars().next();
    if length < LEAST {
        return Some(format!(
            "the password has {length} characters and needs {LEAST} or more: three or four words that do not belong together are good"
        ));
    }
    if length > MOST || password.chars().any(char::is_control) {
        return Some(format!("the password may have {MOST} characters at most, on one line"));
    }
    let simple =
        password.chars().all(|c| Some(c) == first) || password.to_lowercase().contains(&name.to_lowercase());
    simple.then(|| "the password is the account's name or a single sign: everybody guesses that first".into())
}

/// Takes some 40 ms and 19 MiB. `None` where the system gives no random numbers.
pub fn keep(password: &str) -> Option<Kept> {
    let hash: PasswordHash = argon2().hash_password(password.as_bytes()).ok()?;
    Some(Kept(hash.to_string()))
}

/// Takes as long whether it is right or wrong, and in which character it is wrong.
pub fn is(password: &str, kept: &Kept) -> bool {
    let known = PasswordHash::new(&kept.0);
    known.is_ok_and(|known| argon2().verify_password(password.as_bytes(), &known).is_ok())
}

fn argon2() -> Argon2<'static> {
    // The numbers are within its limits: the test below would not pass otherwise.
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_cannot_be_read() {
        let (one, other) = (keep("correct horse battery").unwrap(), keep("correct horse battery").unwrap());
        assert!(one.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !one.0.contains("horse"), "{one:?}");
        assert_ne!(one, other, "each with its own salt");
        assert!(is("correct horse battery", &one) && !is("correct horse batterz", &one) && !is("", &one));
        assert!(!is("x", &Kept("no hash".into())));
    }

    #[test]
    fn a_password_that_is_guessed_first_is_not_taken_and_never_told() {
        for password in
            ["", "short", "aaaaaaaaaaaaaaaa", "Anna-the-ranger", "two\nlines-of-it", &"x y".repeat(99)]
        {
            let told = objection(password, "anna").unwrap();
            assert!(password.is_empty() || !told.contains(password), "{told}");
        }
        assert_eq!(objection("correct horse battery", "anna"), None);
        assert_eq!(objection("дванадесет знака", "anna"), None);
    }
}
