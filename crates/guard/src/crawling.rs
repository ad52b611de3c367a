//! Crawlers that say who they are: what is believed, and what is to be asked of DNS.
//!
//! A request waits for no answer: until one is there a crawler is a program like others.

use crate::ruling::Asked;
use crate::{Guard, program, unpoisoned};
use shield::BotClass;
use shield::crawlers::{Crawler, Crawlers, Finding, Question};
use vocabulary::Timestamp;

impl Guard {
    /// The same, which knows these crawlers.
    #[must_use]
    pub fn knowing(self, crawlers: Crawlers) -> Self {
        Self { crawlers, ..self }
    }

    /// Whether any crawler is told by the names of its addresses: only then there are questions.
    pub fn asks_for_names(&self) -> bool {
        self.crawlers.are_named()
    }

    /// The next address of which it is to be established whether it is a crawler's, and whose.
    pub fn next_claim(&self) -> Option<(Question, &Crawler)> {
        let question = unpoisoned(&self.checks).pop()?;
        Some((question, self.crawlers.at(question.crawler)?))
    }

    /// Takes in what was established.
    pub fn settle_claim(&self, question: &Question, finding: Finding, now: Timestamp) {
        unpoisoned(&self.checks).learn(question, finding, now);
    }

    /// The class of whoever has sent a request.
    pub(crate) fn class(&self, asked: &Asked<'_>, cleared: bool) -> BotClass {
        let agent = program::Agent::of(&asked.request);
        match self.claim(asked, agent.lower()) {
            _ if cleared => BotClass::Browser,
            Some(Finding::Confirmed) => BotClass::Verified,
            Some(Finding::Refuted) => BotClass::Impostor,
            Some(Finding::Unknown) | None => program::class(&asked.request, &agent),
        }
    }

    /// Whether a request comes from a crawler that is who it says.
    pub(crate) fn is_verified(&self, asked: &Asked<'_>) -> bool {
        let agent = program::Agent::of(&asked.request);
        self.claim(asked, agent.lower()) == Some(Finding::Confirmed)
    }

    /// What is known of the crawler that a program says it is; none: it says no such thing.
    fn claim(&self, asked: &Asked<'_>, agent: &[u8]) -> Option<Finding> {
        let (place, crawler) = self.crawlers.claimed(agent)?;
        let address = asked.request.source.address;
        if crawler.has_address(address, |list, address| asked.gate.lists_address(list, address)) {
            return Some(Finding::Confirmed);
        }
        if !crawler.is_named() {
            return Some(Finding::Refuted);
        }
        Some(unpoisoned(&self.checks).look(Question { crawler: place, address }, asked.request.at))
    }
}
