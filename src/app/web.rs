//! What is answered over HTTP, where that is configured.

use std::net::SocketAddr;

use super::orders::Inlets;
use super::shared::Shared;
use crate::config::{Config, PageSettings};
use crate::perceive::reach::Lens;
use crate::publish::Handle;
use crate::web::door::{Door, Token, TokenError};
use crate::web::page::Page;
use crate::web::{Place, Server};

/// What of the page is known before anything runs.
pub(super) struct Front {
    address: SocketAddr,
    door: Door,
}

impl Front {
    /// Reads the token, so that a wrong one is told before the camera is opened.
    pub fn new(page: &PageSettings) -> Result<Front, TokenError> {
        let door = Door::new(Token::read("page.token_file", &page.token_file)?);
        Ok(Front { address: page.listen, door })
    }

    /// The page with what it shows of the others.
    pub fn page(
        self,
        config: &Config,
        lens: Lens,
        publish: &Handle,
        shared: &Shared,
        inlets: Inlets,
    ) -> Place {
        let page = Page {
            site: config.site.clone(),
            door: self.door,
            sight: shared.sight.clone(),
            standing: publish.standing(),
            notice: shared.notice.clone(),
            areas: shared.areas.clone(),
            orders: inlets.orders,
            errands: inlets.errands,
            clock: shared.clock,
            budget_ms: config.perceive.budget_ms,
            lens,
        };
        Place::page(self.address, page)
    }
}

/// Starts the server where there is anything to answer.
pub(super) fn serve(metrics: Option<Place>, page: Option<Place>) -> std::io::Result<Option<Server>> {
    let places: Vec<Place> = metrics.into_iter().chain(page).collect();
    (!places.is_empty()).then(|| Server::start(places)).transpose()
}
