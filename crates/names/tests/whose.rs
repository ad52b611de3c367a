//! Addresses whose names lead back to them, and those of which that is only said.

use names::Dns;
use std::net::IpAddr;
use testkit::{NameServer, Named};
use vocabulary::Hostname;

fn is_own(name: &Hostname) -> bool {
    name.as_str().ends_with(".crawl.test")
}

fn names(names: &[&str]) -> Named {
    Named::Names(names.iter().map(|name| (*name).to_owned()).collect())
}

fn addresses(addresses: &[&str]) -> Named {
    Named::Addresses(addresses.iter().map(|text| text.parse().expect("an address")).collect(), 60)
}

const HERE: &str = "9.2.0.192.in-addr.arpa";

#[tokio::test]
async fn an_address_is_whose_it_is_named_after_only_where_the_name_leads_back() {
    let server = NameServer::start().await;
    let dns = Dns::of_servers(&[server.address()]);
    server.say("a.crawl.test", addresses(&["192.0.2.1", "192.0.2.9", "2001:db8::9"]));
    server.say("b.crawl.test", addresses(&["192.0.2.1"]));
    server.say("c.crawl.test", Named::Failing);
    server.say("a.evil.test", addresses(&["192.0.2.9"]));
    let here = IpAddr::from([192, 0, 2, 9]);
    for (said, whose) in [
        (names(&["a.crawl.test"]), Some(true)),
        (names(&["A.Crawl.Test"]), Some(true)),
        (names(&["b.crawl.test", "a.crawl.test"]), Some(true)),
        (names(&["c.crawl.test", "a.crawl.test"]), Some(true)),
        // Who holds the address says so, and the name's owner does not.
        (names(&["b.crawl.test"]), Some(false)),
        (names(&["gone.crawl.test"]), Some(false)),
        // The name leads back, and is somebody else's.
        (names(&["a.evil.test"]), Some(false)),
        (Named::Absent, Some(false)),
        (names(&["c.crawl.test"]), None),
        (Named::Failing, None),
        // So many are followed.
        (
            names(&["b.crawl.test", "b.crawl.test", "b.crawl.test", "b.crawl.test", "a.crawl.test"]),
            Some(false),
        ),
    ] {
        server.say(HERE, said.clone());
        assert_eq!(dns.is_whose(here, is_own).await, whose, "{said:?}");
    }
}

#[tokio::test]
async fn addresses_of_ipv6_are_asked_for_by_their_digits() {
    let server = NameServer::start().await;
    let dns = Dns::of_servers(&[server.address()]);
    let digits = "9.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa";
    server.say(digits, names(&["a.crawl.test"]));
    server.say("a.crawl.test", addresses(&["192.0.2.9", "2001:db8::9"]));
    let v6: IpAddr = "2001:db8::9".parse().expect("an address");
    assert_eq!(dns.is_whose(v6, is_own).await, Some(true));
    // IPv4 in IPv6 is IPv4.
    server.say(HERE, names(&["a.crawl.test"]));
    let mapped: IpAddr = "::ffff:192.0.2.9".parse().expect("an address");
    assert_eq!(dns.is_whose(mapped, is_own).await, Some(true));
}
