use super::*;
use snapshot::{CacheMode, Origin, Scheme};
use std::collections::BTreeSet;
use vocabulary::AccountId;

fn site(number: u8, hosts: &[&str]) -> Site {
    Site {
        id: SiteId::from_bytes([number; 16]),
        account: AccountId::from_bytes([1; 16]),
        hosts: hosts.iter().map(|host| host.parse().expect("a pattern")).collect(),
        origins: vec![Origin::new(Scheme::Http, Hostname::parse("origin.test").expect("a name"), 80)],
        services: BTreeSet::new(),
        cache: CacheMode::Guarded,
        origin_policy: snapshot::OriginPolicy::default(),
        cache_rules: caching::Rules::default(),
        certificate: None,
        error_page: None,
        front: snapshot::Front::default(),
        pages: Default::default(),
        shield: Default::default(),
    }
}

fn fleet() -> Vec<Site> {
    vec![
        site(1, &["shop.test", "www.shop.test"]),
        site(2, &["*.shop.test"]),
        site(3, &["*.img.shop.test", "[::1]"]),
    ]
}

fn ask(subject: Subject, sites: &[&str]) -> Result<Vec<PurgeOrder>, OrderRefusal> {
    let whose = Whose::Named(sites.iter().map(|name| (*name).to_owned()).collect());
    orders(&Wish { subject, whose, soft: true }, &fleet())
}

fn read(subject: Subject, sites: &[&str]) -> Vec<(u8, &'static str, String)> {
    let orders = ask(subject, sites).expect("orders");
    assert!(orders.iter().all(|order| order.soft));
    let number = |id: SiteId| (1..9).find(|n| SiteId::from_bytes([*n; 16]) == id).expect("a site");
    orders
        .iter()
        .map(|order| {
            let (kind, text) = shown(&order.target);
            (number(order.site), kind, text)
        })
        .collect()
}

fn url(text: &str) -> Subject {
    Subject::Url(text.to_owned())
}

fn prefix(text: &str) -> Subject {
    Subject::Prefix(text.to_owned())
}

#[test]
fn an_address_finds_its_site_by_the_closest_host() {
    for (text, site, shown) in [
        ("http://shop.test/a?b=1#c", 1, "shop.test/a?b=1"),
        ("https://SHOP.test", 1, "shop.test/"),
        ("https://www.shop.test:443/x", 1, "www.shop.test/x"),
        ("http://www.shop.test:443/x", 1, "www.shop.test:443/x"),
        ("https://a.shop.test?q", 2, "a.shop.test/?q"),
        ("https://b.img.shop.test/%20//..;x", 3, "b.img.shop.test/%20//..;x"),
        ("http://[::1]:8080/ä", 3, "[::1]:8080/%C3%A4"),
    ] {
        assert_eq!(read(url(text), &[]), [(site, "url", shown.to_owned())], "{text}");
    }
}

#[test]
fn an_address_is_purged_under_the_key_that_the_rules_make_of_it() {
    let mut sites = fleet();
    sites[0].cache_rules.query = caching::QueryRule { ignore: vec!["utm_*".to_owned()], sort: true };
    let wish = |text| Wish { subject: url(text), whose: Whose::Named(vec![]), soft: false };
    let purged = |text| -> Vec<String> {
        orders(&wish(text), &sites).expect("orders").iter().map(|order| shown(&order.target).1).collect()
    };
    assert_eq!(purged("http://shop.test/?utm_x=1&b&a"), ["shop.test/?a&b", "shop.test/?utm_x=1&b&a"]);
    assert_eq!(purged("http://shop.test/?a&b"), ["shop.test/?a&b"]);
}

#[test]
fn a_prefix_names_its_host_or_means_every_host_of_the_site() {
    assert_eq!(
        read(prefix("/img/"), &["shop.test"]),
        [(1, "prefix", "shop.test/img/".to_owned()), (1, "prefix", "www.shop.test/img/".to_owned())]
    );
    for text in ["https://a.shop.test/img", "a.shop.test/img"] {
        assert_eq!(read(prefix(text), &["*.shop.test"]), [(2, "prefix", "a.shop.test/img".to_owned())]);
    }
    assert!(
        matches!(ask(prefix("/img"), &["*.shop.test"]), Err(OrderRefusal::Malformed(why)) if why.contains("www.shop.test/img"))
    );
    assert!(matches!(ask(prefix("shop.test:81/img"), &["shop.test"]), Err(OrderRefusal::Malformed(_))));
}

#[test]
fn a_site_is_named_by_host_pattern_or_id() {
    let id = SiteId::from_bytes([2; 16]).to_string();
    let everything = |site: u8| vec![(site, "everything", String::new())];
    for (name, number) in [("shop.test", 1), ("x.shop.test", 2), ("*.shop.test", 2), (id.as_str(), 2)] {
        assert_eq!(read(Subject::Everything, &[name]), everything(number), "{name}");
    }
    let twice = read(Subject::Tag(" a b ".to_owned()), &["shop.test", "www.shop.test", "x.shop.test"]);
    assert_eq!(twice, [(1, "tag", "a b".to_owned()), (2, "tag", "a b".to_owned())]);
}

#[test]
fn without_a_site_only_an_address_is_understood() {
    let host = Subject::Host("shop.test".to_owned());
    for subject in [Subject::Tag("a".to_owned()), prefix("shop.test/a"), host.clone(), Subject::Everything] {
        assert_eq!(ask(subject, &[]), Err(OrderRefusal::SiteMissing));
    }
    assert_eq!(read(host, &["shop.test"]), [(1, "host", "shop.test".to_owned())]);
}

#[test]
fn nothing_outside_the_named_site_is_purged() {
    let outside = [
        (url("http://shop.test/"), "x.shop.test"),
        (prefix("shop.test/a"), "x.shop.test"),
        (Subject::Host("www.shop.test".to_owned()), "b.img.shop.test"),
    ];
    for (subject, site) in outside {
        assert!(matches!(ask(subject, &[site]), Err(OrderRefusal::OutsideSite { .. })));
    }
    for (subject, site) in [
        (Subject::Everything, "other.test"),
        (Subject::Everything, "*"),
        (url("http://other.test/"), "shop.test"),
    ] {
        assert!(ask(subject, &[site]).is_err());
    }
    assert_eq!(ask(url("http://other.test/"), &[]), Err(OrderRefusal::SiteUnknown("other.test".to_owned())));
}

#[test]
fn all_sites_go_with_a_tag_or_everything_and_within_bounds() {
    let wish = |subject| Wish { subject, whose: Whose::All, soft: false };
    assert_eq!(orders(&wish(Subject::Everything), &fleet()).expect("orders").len(), 3);
    assert_eq!(orders(&wish(Subject::Tag("a".to_owned())), &fleet()).expect("orders").len(), 3);
    for subject in [url("http://shop.test/"), prefix("/a"), Subject::Host("shop.test".to_owned())] {
        assert_eq!(orders(&wish(subject), &fleet()), Err(OrderRefusal::NotForAll));
    }
    assert_eq!(orders(&wish(Subject::Everything), &[]), Err(OrderRefusal::SiteMissing));
    let many = vec![site(1, &["a.test"]); PURGES_PER_APPEND_MAX + 1];
    assert_eq!(
        orders(&wish(Subject::Everything), &many),
        Err(OrderRefusal::TooMany(PURGES_PER_APPEND_MAX + 1))
    );
}

#[test]
fn what_is_no_address_or_tag_is_refused_with_what_to_write() {
    for (subject, says) in [
        (url("shop.test/a"), "https://shop.example/page"),
        (url("ftp://shop.test/a"), "https://shop.example/page"),
        (url("http://user@shop.test/a"), "not a host name"),
        (url("http://shop.test:0/"), "1 to 65535"),
        (url("http://shop.test/a b"), "%20"),
        (url("http:///a"), "empty"),
        (url(&format!("http://shop.test/{}", "a".repeat(PATH_BYTES_MAX))), "longer"),
        (Subject::Tag(String::new()), "1 to 256"),
        (Subject::Tag("a,b".to_owned()), "commas"),
        (Subject::Tag("a\u{7}".to_owned()), "commas"),
        (Subject::Tag("a".repeat(257)), "1 to 256"),
        (Subject::Host("*.shop.test".to_owned()), "not a host name"),
    ] {
        let refused = ask(subject, &["shop.test"]).expect_err("a refusal").to_string();
        assert!(refused.contains(says), "{refused}");
    }
}
