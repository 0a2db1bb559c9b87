//! Who may use a page: whoever knows its token.
//!
//! It comes in a header that scripts of this page alone set: no cookie, so that no page of a stranger can have a browser send it along, and
//! none of the other programs on 127.0.0.1, for which browsers keep one jar of cookies, gets to see it; not in the address, which ends up in
//! histories and logs. One token for one camera: whoever has it may do all that the page can. A station, which many people use, has accounts beside it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::header::{AUTHORIZATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use ring::hmac;
use ring::rand::SystemRandom;
use serde_json::json;

use super::answers::json;
use super::tries::{Limit, Tries};

/// Shorter tokens can be guessed, characters.
const LEAST: usize = 12;
/// Longer ones are no token but another file, characters.
const MOST: usize = 256;
/// Wrong tokens, or passwords, that one machine may show.
pub const OF_A_MACHINE: Limit = Limit { burst: 10.0, a_second: 0.2, apart: 64 };

/// Why there can be no page: a mistake of configuration.
#[derive(Debug, thiserror::Error)]
#[error("{option} {}: {reason}", path.display())]
pub struct TokenError {
    option: &'static str,
    path: PathBuf,
    reason: String,
}

/// The token, in a form from which nobody can read it: its authentication code under a key that nobody knows.
#[derive(Debug)]
pub struct Token {
    key: hmac::Key,
    code: hmac::Tag,
}

impl Token {
    /// Reads it from its file, without the line's end; `option` is what names the file to people.
    ///
    /// # Errors
    /// What is wrong with the file and what to do; nothing of its content.
    pub fn read(option: &'static str, path: &Path) -> Result<Token, TokenError> {
        let wrong = |reason: String| TokenError { option, path: path.to_owned(), reason };
        let text = std::fs::read_to_string(path).map_err(|error| {
            wrong(format!("{error}; it must hold the token alone and be readable by bearwatch"))
        })?;
        let token = text.trim_end_matches(['\r', '\n']);
        let fits = (LEAST..=MOST).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
        if !fits {
            let remedy = "write one with `openssl rand -hex 8`";
            return Err(wrong(format!(
                "is no line of {LEAST} to {MOST} letters, digits and signs without spaces; {remedy}"
            )));
        }
        Token::new(token).ok_or_else(|| wrong("the system gives no random numbers; try again".into()))
    }

    fn new(token: &str) -> Option<Token> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).ok()?;
        let code = hmac::sign(&key, token.as_bytes());
        Some(Token { key, code })
    }

    /// Takes as long whatever is wrong with it.
    fn is(&self, shown: &str) -> bool {
        hmac::verify(&self.key, shown.as_bytes(), self.code.as_ref()).is_ok()
    }
}

/// The token that a request shows.
pub fn shown(headers: &HeaderMap) -> Option<&str> {
    headers.get(AUTHORIZATION)?.to_str().ok()?.strip_prefix("Bearer ")
}

/// What the door says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Come in.
    Welcome,
    /// That is not it, or nothing was shown.
    Wrong,
    /// Too many were wrong; nothing is looked at for so many seconds.
    Wait(u64),
}

/// The door, and who has tried it.
#[derive(Debug)]
pub struct Door {
    token: Token,
    tries: Tries<IpAddr>,
}

impl Door {
    /// Nobody has tried it yet.
    pub fn new(token: Token) -> Door {
        Door { token, tries: Tries::new(OF_A_MACHINE) }
    }

    /// Somebody shows a token, or nothing. Machines are counted apart, so that one that guesses shuts out nobody else.
    pub fn knock(&self, shown: Option<&str>, from: IpAddr, now: Duration) -> Answer {
        let Some(shown) = shown else { return Answer::Wrong };
        if let Err(seconds) = self.tries.take(&from, now) {
            return Answer::Wait(seconds);
        }
        if !self.token.is(shown) {
            return Answer::Wrong;
        }
        self.tries.give_back(&from);
        Answer::Welcome
    }

    /// Lets in who shows the token; `whose` names it to people: "this camera's token: it stands in the file that page.token_file names".
    ///
    /// # Errors
    /// What whoever is not let in is told.
    pub fn admit(
        &self,
        headers: &HeaderMap,
        from: IpAddr,
        now: Duration,
        whose: &str,
    ) -> Result<(), Box<Response>> {
        match self.knock(shown(headers), from, now) {
            Answer::Welcome => Ok(()),
            Answer::Wrong => {
                let told = refused(StatusCode::UNAUTHORIZED, &format!("that is not {whose}"));
                Err(Box::new(([(WWW_AUTHENTICATE, "Bearer")], told).into_response()))
            }
            Answer::Wait(seconds) => Err(Box::new(wait("too many wrong tokens", seconds))),
        }
    }
}

/// Too many of something, as wrong tokens or passwords: nothing is looked at for so many seconds.
pub fn wait(too_many: &str, seconds: u64) -> Response {
    let reason = format!("{too_many}; wait {seconds} seconds and try again");
    ([(RETRY_AFTER, seconds.to_string())], refused(StatusCode::TOO_MANY_REQUESTS, &reason)).into_response()
}

fn refused(status: StatusCode, reason: &str) -> Response {
    json(status, &json!({ "reason": reason }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str) -> Result<Token, TokenError> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        Token::read("page.token_file", file.path())
    }

    #[test]
    fn a_token_is_one_long_word_and_never_shown() {
        assert!(written("correct-horse-battery\n").is_ok_and(|token| token.is("correct-horse-battery")));
        for text in [
            "",
            "short\n",
            "two words are no token\n",
            "line-one-of-two\nline-two-of-two\n",
            "ünïcödé-ünïcödé",
        ] {
            let told = written(text).unwrap_err().to_string();
            assert!(told.contains("page.token_file /") && told.contains("openssl rand"), "{told}");
            assert!(text.is_empty() || !told.contains(text.trim()), "{told}");
        }
        let told = Token::read("page.token_file", Path::new("/nowhere/token")).unwrap_err().to_string();
        assert!(told.contains("/nowhere/token: No such file"), "{told}");
    }

    #[test]
    fn who_guesses_waits_and_shuts_out_nobody_else() {
        let door = Door::new(Token::new("correct-horse-battery").unwrap());
        let (guesser, technician) = (IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        let knock = |shown: &str, from, at_s| door.knock(Some(shown), from, Duration::from_secs(at_s));
        assert_eq!(door.knock(None, guesser, Duration::ZERO), Answer::Wrong);
        assert!((0..10).all(|i| knock(&format!("guess-{i}"), guesser, 0) == Answer::Wrong));
        assert_eq!(knock("correct-horse-battery", guesser, 0), Answer::Wait(5), "a flood finds it");
        assert_eq!(knock("correct-horse-battery", technician, 0), Answer::Welcome);
        assert_eq!(knock("correct-horse-battery", guesser, 5), Answer::Welcome);
        assert_eq!(knock("correct-horse-batterz", guesser, 5), Answer::Wrong);
        assert_eq!(knock("correct-horse-battery", guesser, 6), Answer::Wait(4));
        for i in 0..1000u16 {
            let [high, low] = i.to_be_bytes();
            knock("guess", IpAddr::from([10, 1, high, low]), 7);
        }
        assert!(door.tries.counted() <= OF_A_MACHINE.apart + 1, "memory grows with who tries");
    }
}
