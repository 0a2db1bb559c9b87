//! Can the aiming page be used, and by whom? Silent where there is none.

use super::Finding;
use crate::cli::exit::Exit;
use crate::config::{Config, PageSettings};
use crate::web::door::Token;

/// Reads the token, of which nothing is shown.
pub fn check(config: &Config) -> Option<Finding> {
    let subject = "page";
    let PageSettings { listen, token_file } = config.page.as_ref()?;
    let what = format!("http://{listen}/, for whoever knows the token in {}", token_file.display());
    Some(match Token::read("page.token_file", token_file) {
        Err(error) => Finding::failed(subject, Exit::Config, &error),
        Ok(_) if !listen.ip().is_loopback() => Finding::warning(
            subject,
            format!("{what}, which goes over the network in clear"),
            "let a firewall guard the port",
        ),
        Ok(_) => Finding::ok(subject, what),
    })
}
