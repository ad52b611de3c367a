//! What a scope would hit, before anybody signs it: which hosts, and who stands near them.
//!
//! Pure: the sites that are served come in, the ones that share something with the scope go out. Whoever is only near
//! is left alone by the measure; a host below a wildcard in scope that belongs to a site not in scope has to be an
//! exception of the scope to be so, and the preview names it as one.

use policy::{ListedUrl, Territory, lies_below};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use vocabulary::{AccountId, SiteId, SitePattern};

/// Most neighbours that a preview names; it counts all of them.
pub const NEIGHBOURS_MAX: usize = 200;

/// A site as it is served.
#[derive(Debug, Clone)]
pub struct ServedSite {
    /// Which.
    pub site: SiteId,
    /// Whose.
    pub account: AccountId,
    /// What it answers to.
    pub hosts: Vec<SitePattern>,
    /// Its origins, by a text that is the same for one place.
    pub origins: BTreeSet<String>,
}

/// What a scope would hit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The sites in scope, with the hosts that the measure covers.
    pub hits: Vec<Hit>,
    /// Sites in scope that are not served here: nothing would happen to them.
    pub absent: Vec<SiteId>,
    /// Who stands near, at most [`NEIGHBOURS_MAX`].
    pub neighbours: Vec<Neighbour>,
    /// How many stand near.
    pub neighbours_in_all: usize,
    /// How many customers besides those in scope stand near.
    pub other_customers: usize,
    /// Where it would act; nothing: in every country.
    pub territories: BTreeSet<Territory>,
    /// Listed addresses that stand for all that one program serves, which may be every page of the site.
    pub whole: Vec<WholeProgram>,
}

/// A listed address that is a program's, without a query ([`ListedUrl::is_whole_program`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WholeProgram {
    /// Of which site.
    pub site: SiteId,
    /// The address.
    pub url: ListedUrl,
}

/// One site in scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hit {
    /// Which.
    pub site: SiteId,
    /// Whose.
    pub account: AccountId,
    /// The hosts that are covered.
    pub hosts: Vec<SitePattern>,
    /// Hosts of the same site that are not covered, and stay open.
    pub open: Vec<SitePattern>,
    /// Host patterns of other sites below its wildcards: they have to be exceptions.
    pub except: BTreeSet<SitePattern>,
}

/// A site that is not in scope and shares something with one that is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Neighbour {
    /// Which.
    pub site: SiteId,
    /// Whose.
    pub account: AccountId,
    /// Its hosts.
    pub hosts: Vec<SitePattern>,
    /// What it shares, at least one.
    pub shares: BTreeSet<Shared>,
}

/// What a neighbour shares with the scope.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Shared {
    /// A host of it lies below a wildcard in scope: an exception keeps it open.
    Wildcard,
    /// One server stands behind both: nothing is done at the server, so it stays open.
    Origin,
    /// One customer has both: a site that is not listed stays open.
    Customer,
}

impl Shared {
    /// What it shares, for people.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Wildcard => "a name below a wildcard in scope",
            Self::Origin => "the same server",
            Self::Customer => "the same customer",
        }
    }
}

/// Looks at a scope, given as sites with the hosts to cover, among all sites that are served.
pub fn preview(
    scope: &BTreeMap<SiteId, Vec<SitePattern>>,
    territories: BTreeSet<Territory>,
    served: &[ServedSite],
) -> Preview {
    let (inside, outside): (Vec<_>, Vec<_>) = served.iter().partition(|one| scope.contains_key(&one.site));
    let covered = |site: &SiteId| scope.get(site).map_or(&[][..], Vec::as_slice);
    let hits = inside.iter().map(|one| hit(one, covered(&one.site), &outside)).collect();
    let known: BTreeSet<SiteId> = inside.iter().map(|one| one.site).collect();
    let accounts: BTreeSet<AccountId> = inside.iter().map(|one| one.account).collect();
    let origins: BTreeSet<&String> = inside.iter().flat_map(|one| &one.origins).collect();
    let hosts: Vec<&SitePattern> = scope.values().flatten().collect();
    let near = outside.iter().filter_map(|one| {
        let shares = [
            (Shared::Wildcard, one.hosts.iter().any(|host| hosts.iter().any(|wide| lies_below(host, wide)))),
            (Shared::Origin, one.origins.iter().any(|origin| origins.contains(origin))),
            (Shared::Customer, accounts.contains(&one.account)),
        ];
        let shares: BTreeSet<_> =
            shares.into_iter().filter(|(_, holds)| *holds).map(|(what, _)| what).collect();
        let hosts = one.hosts.clone();
        (!shares.is_empty()).then_some(Neighbour { site: one.site, account: one.account, hosts, shares })
    });
    let mut neighbours: Vec<Neighbour> = near.collect();
    // Strangers below a wildcard first: they are the ones to look at.
    neighbours.sort_by_key(|one| (one.shares.first().copied(), accounts.contains(&one.account), one.site));
    let others: BTreeSet<_> = neighbours.iter().map(|one| one.account).collect();
    let (neighbours_in_all, other_customers) = (neighbours.len(), others.difference(&accounts).count());
    neighbours.truncate(NEIGHBOURS_MAX);
    let absent = scope.keys().filter(|site| !known.contains(site)).copied().collect();
    let whole = Vec::new();
    Preview { hits, absent, neighbours, neighbours_in_all, other_customers, territories, whole }
}

fn hit(one: &ServedSite, covered: &[SitePattern], outside: &[&ServedSite]) -> Hit {
    let others = outside.iter().flat_map(|other| &other.hosts);
    let below = others.filter(|host| covered.iter().any(|wide| lies_below(host, wide)));
    Hit {
        site: one.site,
        account: one.account,
        hosts: covered.to_vec(),
        open: one.hosts.iter().filter(|host| !covered.contains(host)).cloned().collect(),
        except: below.cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(number: u8, account: u8, hosts: &[&str], origin: &str) -> ServedSite {
        ServedSite {
            site: SiteId::from_bytes([number; 16]),
            account: AccountId::from_bytes([account; 16]),
            hosts: hosts.iter().map(|host| host.parse().expect("a pattern")).collect(),
            origins: [origin.to_owned()].into(),
        }
    }

    fn of(scope: &[(u8, &[&str])], served: &[ServedSite]) -> Preview {
        let patterns = |hosts: &[&str]| hosts.iter().map(|host| host.parse().expect("a pattern")).collect();
        let scope = scope.iter().map(|(number, hosts)| (SiteId::from_bytes([*number; 16]), patterns(hosts)));
        preview(&scope.collect(), BTreeSet::new(), served)
    }

    #[test]
    fn who_shares_a_wildcard_a_server_or_a_customer_is_named_with_what_it_shares() {
        let all = [
            served(1, 1, &["board.test", "*.board.test"], "a:80"),
            served(2, 2, &["shop.board.test"], "b:80"),
            served(3, 3, &["wiki.test"], "a:80"),
            served(4, 1, &["blog.test"], "c:80"),
            served(5, 5, &["*.test"], "d:80"),
            served(6, 6, &["elsewhere.test"], "e:80"),
            served(7, 7, &["*.news.board.test"], "a:80"),
        ];
        let seen = of(&[(1, &["board.test", "*.board.test"])], &all);
        let shares: Vec<_> = seen
            .neighbours
            .iter()
            .map(|one| (one.site.as_bytes()[0], one.shares.iter().copied().collect()))
            .collect();
        use Shared::*;
        let expected: Vec<(u8, Vec<Shared>)> =
            vec![(2, vec![Wildcard]), (7, vec![Wildcard, Origin]), (3, vec![Origin]), (4, vec![Customer])];
        assert_eq!(shares, expected);
        assert_eq!((seen.neighbours_in_all, seen.other_customers), (4, 3));
        let except = ["*.news.board.test", "shop.board.test"].map(|host| host.parse().expect("a pattern"));
        assert_eq!(seen.hits[0].except, except.into());
    }

    #[test]
    fn hosts_of_a_site_that_are_not_listed_stay_open_and_a_site_unknown_here_is_said_to_be() {
        let all = [served(1, 1, &["board.test", "www.board.test"], "a:80")];
        let seen = of(&[(1, &["board.test"]), (9, &["gone.test"])], &all);
        assert_eq!(seen.hits[0].open, ["www.board.test".parse().expect("a pattern")]);
        assert_eq!(seen.absent, [SiteId::from_bytes([9; 16])]);
        assert!(seen.neighbours.is_empty() && seen.hits[0].except.is_empty());
    }

    #[test]
    fn a_crowd_of_neighbours_is_counted_whole_and_named_in_part() {
        let mut all = vec![served(0, 1, &["board.test"], "a:80")];
        for number in 1..=250 {
            all.push(served(number, 2, &[&format!("s{number}.test")], "a:80"));
        }
        let seen = of(&[(0, &["board.test"])], &all);
        assert_eq!(
            (seen.neighbours.len(), seen.neighbours_in_all, seen.other_customers),
            (NEIGHBOURS_MAX, 250, 1)
        );
    }
}
