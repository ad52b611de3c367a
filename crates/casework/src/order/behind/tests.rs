//! How far an order reaches, and what lies beyond it.

use super::*;
use crate::fixtures::*;
use crate::{Demanded, Request, assess, propose};
use policy::{Ground, Salt, ServiceClass, Territory};
use std::collections::BTreeSet;
use std::time::Duration;
use vocabulary::{AccountId, DecisionId, SiteId};

const DAY: Duration = Duration::from_secs(86_400);

fn site(hosts: &[&str], urls: &[&str]) -> ScopeSite {
    ScopeSite {
        site: SiteId::from_bytes([1; 16]),
        account: AccountId::from_bytes([1; 16]),
        hosts: hosts.iter().map(|host| host.parse().expect("a pattern")).collect(),
        except: BTreeSet::new(),
        urls: urls.iter().map(|url| url.parse().expect("an address")).collect(),
        features: BTreeSet::new(),
        reason: "carries the items".to_owned(),
    }
}

/// What becomes of a proposal on the ground order: nothing stands against it, or the name of what does.
fn proposed(
    order: &Order,
    measure: Measure,
    territories: &[&str],
    site: ScopeSite,
    lease: Duration,
) -> String {
    let (case, trial) = (open_case(), Trial::new());
    let request = Request {
        decision: DecisionId::from_bytes([7; 16]),
        measure,
        class: ServiceClass::S,
        ground: Ground::Order,
        lease,
        demand: Some(demand()),
        territories: territories.iter().map(|code| code.parse::<Territory>().expect("a code")).collect(),
        scope: Scope::new(Salt::from_bytes([3; 32]), vec![site]).expect("a scope"),
        title: text("By order"),
        summary: paragraphs("A court ordered it."),
        facts: Vec::new(),
    };
    let footing = (&case, Some(order));
    let verdict = assess(footing, measure, Ground::Order, now());
    let made = propose(footing, &verdict, request, duty(), &trial.setting(), &no_earlier(), now());
    made.map_or_else(|refusal| refusal.name().to_owned(), |made| format!("by {}", made.order.expect("named")))
}

#[test]
fn a_measure_lies_within_what_its_order_demands() {
    let block = || valid(&demanded(Measure::M4, &["board.test", "*.forum.test", "https://shop.test/a?id=5"]));
    let page = || valid(&demanded(Measure::M3, &["https://board.test/a"]));
    let board = || site(&["board.test"], &[]);
    let (aa, fine) = (&["AA"][..], "by ord_");
    let listed = |host, url| site(&[host], &[url]);
    for (order, measure, territories, site, lease, expected) in [
        (block(), Measure::M4, aa, board(), DAY * 90, fine),
        (block(), Measure::M6, aa, board(), DAY * 14, fine),
        (block(), Measure::M4, aa, site(&["*.forum.test"], &[]), DAY, fine),
        (block(), Measure::M4, aa, site(&["www.forum.test"], &[]), DAY, fine),
        (block(), Measure::M3, aa, listed("board.test", "/any"), DAY, fine),
        (block(), Measure::M3, aa, listed("shop.test", "/a?id=5"), DAY, fine),
        (page(), Measure::M3, aa, listed("board.test", "/a"), DAY, fine),
        (page(), Measure::M3, aa, listed("board.test", "/a?id=5"), DAY, fine),
        // More than one page, another page, another host.
        (page(), Measure::M6, aa, board(), DAY, "beyond-ordered-measure"),
        (page(), Measure::M4, aa, board(), DAY, "beyond-ordered-measure"),
        (page(), Measure::M3, aa, listed("board.test", "/b"), DAY, "beyond-ordered-addresses"),
        (page(), Measure::M3, aa, listed("*.board.test", "/a"), DAY, "beyond-ordered-addresses"),
        (block(), Measure::M3, aa, listed("shop.test", "/a"), DAY, "beyond-ordered-addresses"),
        (block(), Measure::M4, aa, site(&["shop.test"], &[]), DAY, "beyond-ordered-addresses"),
        (block(), Measure::M4, aa, site(&["*.board.test"], &[]), DAY, "beyond-ordered-addresses"),
        (block(), Measure::M4, aa, site(&["forum.test"], &[]), DAY, "beyond-ordered-addresses"),
        // Everywhere, elsewhere, longer.
        (block(), Measure::M6, &[], board(), DAY, "beyond-ordered-territories"),
        (block(), Measure::M4, &["BB"], board(), DAY, "beyond-ordered-territories"),
        (block(), Measure::M4, &["AA", "BB"], board(), DAY, "beyond-ordered-territories"),
        (
            valid(&Demanded { until: now().plus(DAY), ..demanded(Measure::M4, &["board.test"]) }),
            Measure::M4,
            aa,
            board(),
            DAY * 2,
            "beyond-ordered-end",
        ),
        (
            valid(&Demanded { law: text("Another law"), ..demanded(Measure::M4, &["board.test"]) }),
            Measure::M4,
            aa,
            board(),
            DAY,
            "order-of-other-law",
        ),
    ] {
        let what = format!("{measure} {territories:?} {:?} {:?}", site.hosts, site.urls);
        let said = proposed(&order, measure, territories, site, lease);
        assert!(said.starts_with(expected), "{what}: {said}, not {expected}");
    }
}
