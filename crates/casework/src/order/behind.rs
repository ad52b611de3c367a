//! Whether an order stands behind a measure: accepted, not taken back, not over, and reaching as far as the measure does.
//!
//! Asked each time something is carried further, of the order as it is then: an authority that takes its order back
//! takes with it whatever would rest on it next.

use super::{Demanded, Order, OrderState};
use crate::Case;
use policy::{AskedUrl, ListedUrl, Measure, Scope, ScopeSite, Terms, Territory, lies_below};
use vocabulary::{CaseId, Hostname, OrderId, SitePattern, Timestamp};

#[cfg(test)]
mod tests;

/// What a decision stands on: its case, and on the ground order the order as the records have it now.
#[derive(Debug, Clone, Copy)]
pub struct Footing<'a> {
    /// The case.
    pub case: &'a Case,
    /// The order that the decision names; on every other ground none is asked for.
    pub order: Option<&'a Order>,
}

impl<'a> From<&'a Case> for Footing<'a> {
    fn from(case: &'a Case) -> Self {
        Self { case, order: None }
    }
}

impl<'a> From<(&'a Case, Option<&'a Order>)> for Footing<'a> {
    fn from((case, order): (&'a Case, Option<&'a Order>)) -> Self {
        Self { case, order }
    }
}

/// Why an order does not stand behind a measure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotBehind {
    /// None is named, or another one.
    #[error("what is done on the ground order names the order that it carries out")]
    Unnamed,
    /// Nobody accepted it, or it was taken back.
    #[error("the order is {0}; only an accepted one carries a measure")]
    NotAccepted(&'static str),
    /// It has ended.
    #[error("the order ended on {0}")]
    Over(Timestamp),
    /// It answers a referral of another case.
    #[error("the order answers a referral of another case")]
    OtherCase,
    /// Its text is none any more.
    #[error("the order's text cannot be read")]
    Unreadable,
    /// The public demand names another law.
    #[error("the demand names another law than the order: {0}")]
    OtherLaw(String),
    /// More than it demands.
    #[error("the order demands {demanded}; {measure} is more or something else")]
    Measure {
        /// What it demands.
        demanded: Measure,
        /// What would be done.
        measure: Measure,
    },
    /// A host or a page that it does not name.
    #[error("the order does not name {0}")]
    Address(String),
    /// A country that it does not name, or all of them.
    #[error("the order acts in {}, and {}", .demanded.join(", "), beyond(.territory))]
    Territory {
        /// Where it acts.
        demanded: Vec<String>,
        /// Where it does not; none: everywhere else.
        territory: Option<Territory>,
    },
    /// Longer than it demands.
    #[error("the order demands it until {demanded}; the lease would end on {expires}")]
    Until {
        /// Its end.
        demanded: Timestamp,
        /// The lease's.
        expires: Timestamp,
    },
}

fn beyond(territory: &Option<Territory>) -> String {
    match territory {
        Some(territory) => format!("not in {territory}"),
        None => "the measure would act everywhere; name its territories".to_owned(),
    }
}

impl NotBehind {
    /// The stable name, kebab-case.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unnamed => "order-unnamed",
            Self::NotAccepted(_) => "order-not-accepted",
            Self::Over(_) => "order-over",
            Self::OtherCase => "order-of-other-case",
            Self::Unreadable => "order-unreadable",
            Self::OtherLaw(_) => "order-of-other-law",
            Self::Measure { .. } => "beyond-ordered-measure",
            Self::Address(_) => "beyond-ordered-addresses",
            Self::Territory { .. } => "beyond-ordered-territories",
            Self::Until { .. } => "beyond-ordered-end",
        }
    }
}

impl<'a> Footing<'a> {
    /// The order, if one is named.
    pub(crate) fn ordered(&self) -> Result<&'a Order, NotBehind> {
        self.order.ok_or(NotBehind::Unnamed)
    }

    /// The order, if it is the one that a record named.
    pub(crate) fn named(&self, id: Option<OrderId>) -> Result<&'a Order, NotBehind> {
        self.order.filter(|order| Some(order.id) == id).ok_or(NotBehind::Unnamed)
    }
}

impl Order {
    /// Whether it stands in a case at `now`: accepted, not taken back, not over. Gives what it demands.
    pub fn stands(&self, case: CaseId, now: Timestamp) -> Result<Demanded, NotBehind> {
        match &self.state {
            OrderState::Valid { .. } | OrderState::Executed { .. } | OrderState::EffectReported { .. } => {}
            state => return Err(NotBehind::NotAccepted(state.name())),
        }
        if self.answers.is_none_or(|(answered, _)| answered != case) {
            return Err(NotBehind::OtherCase);
        }
        let demanded = self.demanded().map_err(|_| NotBehind::Unreadable)?;
        if now >= demanded.until { Err(NotBehind::Over(demanded.until)) } else { Ok(demanded) }
    }

    /// Whether it stands behind a measure: it stands, and measure, addresses, territories and end lie within what it
    /// demands.
    pub fn stands_behind(
        &self,
        case: CaseId,
        (terms, scope): (&Terms, &Scope),
        now: Timestamp,
    ) -> Result<(), NotBehind> {
        let demanded = self.stands(case, now)?;
        match &terms.demand {
            Some(demand) if demand.law != demanded.law.as_str() => {
                return Err(NotBehind::OtherLaw(demand.law.clone()));
            }
            _ => {}
        }
        if terms.expires > demanded.until {
            return Err(NotBehind::Until { demanded: demanded.until, expires: terms.expires });
        }
        demanded.reaches_measure(terms.measure)?;
        demanded.reaches_territories(terms)?;
        scope.sites().iter().try_for_each(|site| demanded.reaches_site(terms.measure, site))
    }
}

impl Demanded {
    /// A block of whole hosts does what every one of them demands (M7 demands more); pages alone are less.
    fn reaches_measure(&self, measure: Measure) -> Result<(), NotBehind> {
        let blocks = matches!(self.measure, Measure::M4 | Measure::M6 | Measure::M7);
        let within = match measure {
            Measure::M3 => blocks || self.measure == Measure::M3,
            Measure::M4 | Measure::M6 => blocks,
            Measure::M7 => self.measure == Measure::M7,
            _ => false,
        };
        if within { Ok(()) } else { Err(NotBehind::Measure { demanded: self.measure, measure }) }
    }

    fn reaches_territories(&self, terms: &Terms) -> Result<(), NotBehind> {
        let demanded: Vec<String> = self.territories.iter().map(ToString::to_string).collect();
        let beyond = terms.territories.iter().find(|territory| !demanded.contains(&territory.to_string()));
        match beyond {
            None if !terms.territories.is_empty() => Ok(()),
            territory => Err(NotBehind::Territory { demanded, territory: territory.copied() }),
        }
    }

    /// Every host of a site in scope is named whole; for M3 it is enough that each listed page is named on it.
    fn reaches_site(&self, measure: Measure, site: &ScopeSite) -> Result<(), NotBehind> {
        let named: Vec<Address> = self.addresses.iter().filter_map(|text| Address::parse(text)).collect();
        for host in &site.hosts {
            if named.iter().any(|address| address.is_whole(host)) {
                continue;
            }
            if measure != Measure::M3 {
                return Err(NotBehind::Address(host.to_string()));
            }
            let missing =
                site.urls.iter().find(|url| !named.iter().any(|address| address.is_page(host, url)));
            if let Some(page) = missing {
                return Err(NotBehind::Address(format!("{host}{page}")));
            }
        }
        Ok(())
    }
}

/// What an order names: a host, all hosts below one, or one page.
pub(super) enum Address {
    Host(SitePattern),
    Page(Hostname, ListedUrl),
}

impl Address {
    /// `https://…` for one page, a host name or `*.NAME` for a whole one; none where it is neither.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = match text.split_once("://") {
            Some(("http" | "https", rest)) => rest,
            Some(_) => return None,
            None if text.contains(['@', '/', '\\', ' ', '?', '#']) => return None,
            None => return without_port(text).parse().ok().map(Self::Host),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (host, page) = rest.split_at(end);
        if host.contains(['@', '\\', ' ', '*']) {
            return None;
        }
        let page = if page.starts_with('/') { page.to_owned() } else { format!("/{page}") };
        Some(Self::Page(Hostname::parse(without_port(host)).ok()?, page.parse().ok()?))
    }

    /// The host, or the one below which all are meant.
    pub(super) fn pattern(&self) -> SitePattern {
        match self {
            Self::Host(pattern) => pattern.clone(),
            Self::Page(host, _) => SitePattern::Exact(host.clone()),
        }
    }

    fn is_whole(&self, host: &SitePattern) -> bool {
        matches!(self, Self::Host(named) if named == host || lies_below(host, named))
    }

    fn is_page(&self, host: &SitePattern, url: &ListedUrl) -> bool {
        let asked = AskedUrl::of(&url.to_string());
        matches!(self, Self::Page(named, page)
            if *host == SitePattern::Exact(named.clone()) && page.covers(&asked))
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
