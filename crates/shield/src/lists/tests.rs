use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().expect("address")
}

fn named(text: &str) -> ListName {
    ListName::parse(text).expect("name")
}

#[test]
fn an_address_list_holds_addresses_networks_and_ranges() {
    let text = "# bad\n192.0.2.0/24\n198.51.100.3..198.51.100.7 ; office\n2001:db8::/32\n\n203.0.113.9\n";
    let list = List::parse(ListKind::Address, text, true).expect("list");
    for (address, inside) in [
        ("192.0.2.0", true),
        ("192.0.2.255", true),
        ("192.0.3.0", false),
        ("198.51.100.2", false),
        ("198.51.100.3", true),
        ("198.51.100.7", true),
        ("198.51.100.8", false),
        ("2001:db8:ffff::1", true),
        ("2001:db9::", false),
        ("203.0.113.9", true),
        ("::ffff:203.0.113.9", true),
    ] {
        assert_eq!(list.has_address(ip(address)), inside, "{address}");
    }
}

#[test]
fn ranges_that_touch_or_overlap_become_one() {
    let list = List::parse(ListKind::Address, "10.0.0.0/25\n10.0.0.128/25\n10.0.0.7\n", true).expect("list");
    assert_eq!(list.len(), 1);
    let whole = List::parse(ListKind::Address, "0.0.0.0/0\n10.0.0.0/8\n", false).expect("list");
    assert_eq!(whole.len(), 1);
    assert!(whole.has_address(ip("255.255.255.255")));
}

#[test]
fn a_search_agrees_with_looking_at_each_range() {
    let random = vocabulary::SeededRandom::new(7);
    let ranges: Vec<AddressRange> = (0..500)
        .map(|_| {
            let first = u32::try_from(random.below(1 << 16)).expect("small");
            let last = first + u32::try_from(random.below(40)).expect("small");
            AddressRange::new(Ipv4Addr::from(first).into(), Ipv4Addr::from(last).into()).expect("range")
        })
        .collect();
    let set = AddressSet::of(ranges.iter().copied());
    for value in 0..70_000u32 {
        let address = IpAddr::from(Ipv4Addr::from(value));
        let plainly = ranges.iter().any(|range| range.first <= address && address <= range.last);
        assert_eq!(set.contains(address), plainly, "{address}");
    }
}

#[test]
fn numbers_countries_and_hosts_are_found() {
    let asns = List::parse(ListKind::Asn, "AS64500\n64501\n", true).expect("list");
    assert!(asns.has_number(64_500) && asns.has_number(64_501) && !asns.has_number(-1));
    let countries = List::parse(ListKind::Country, "de\nFR\n", true).expect("list");
    assert!(countries.has_text(b"DE") && countries.has_text(b"FR") && !countries.has_text(b"DEU"));
    let hosts = List::parse(ListKind::Host, "example.org\n*.example.net\n", true).expect("list");
    for (name, inside) in [
        ("example.org", true),
        ("EXAMPLE.org", true),
        ("www.example.org", false),
        ("example.net", false),
        ("a.b.example.net", true),
        ("badexample.net", false),
    ] {
        assert_eq!(hosts.has_text(name.as_bytes()), inside, "{name}");
    }
    assert!(!hosts.has_text(&[b'a'; 300]));
}

#[test]
fn mistakes_in_a_list_name_their_line() {
    for (kind, text) in [
        (ListKind::Address, "\n192.0.2.256"),
        (ListKind::Address, "\n192.0.2.0/33"),
        (ListKind::Address, "\n2001:db8::/129"),
        (ListKind::Address, "\n192.0.2.9..192.0.2.1"),
        (ListKind::Address, "\n192.0.2.9..2001:db8::1"),
        (ListKind::Asn, "\nAS"),
        (ListKind::Asn, "\n4294967296"),
        (ListKind::Country, "\nDEU"),
        (ListKind::Country, "\n12"),
        (ListKind::Host, "\nnot a host"),
        (ListKind::Host, "\n*."),
    ] {
        let error = List::parse(kind, text, true).expect_err(text);
        assert!(matches!(error, ListError::Item { line: 2, .. }), "{text}: {error}");
    }
}

#[test]
fn networks_are_read_as_search_engines_publish_them() {
    let text = r#"
        {"creationTime": "2026-01-01T00:00:00.0", "prefixes": [
            {"ipv6Prefix": "2001:db8:4860::/64"}, {"ipv4Prefix": "192.0.2.0/27", "service": "x"}, {}
        ]}"#;
    let list = List::parse(ListKind::Address, text, true).expect("list");
    let has = |address: &str| list.has_address(address.parse().expect("an address"));
    assert!(has("192.0.2.31") && has("2001:db8:4860::1") && !has("192.0.2.32") && list.len() == 2);
    for (text, wide) in
        [(r#"{"prefixes": [{"ipv4Prefix": "0.0.0.0/0"}]}"#, true), ("{", false), ("{}", false)]
    {
        match List::parse(ListKind::Address, text, true) {
            Err(ListError::TooWide { line: 1, .. }) => assert!(wide, "{text}"),
            Err(ListError::Published { .. }) => assert!(!wide, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn a_feed_that_names_half_the_internet_is_refused_and_an_own_list_is_not() {
    for text in ["0.0.0.0/0", "192.0.0.0/7", "::/0", "2000::/3", "0.0.0.0..255.255.255.255"] {
        assert!(
            matches!(List::parse(ListKind::Address, text, true), Err(ListError::TooWide { .. })),
            "{text}"
        );
        assert!(List::parse(ListKind::Address, text, false).is_ok(), "{text}");
    }
    for text in ["10.0.0.0/8", "2001::/16"] {
        assert!(List::parse(ListKind::Address, text, true).is_ok(), "{text}");
    }
}

#[test]
fn a_feed_that_loses_most_of_its_items_keeps_its_former_version() {
    let of = |count: u32| {
        let text: String = (0..count).map(|n| format!("{}\n", 64_000 + n)).collect();
        Arc::new(List::parse(ListKind::Asn, &text, true).expect("list"))
    };
    let mut lists = Lists::none();
    let name = named("bad_asns");
    assert!(matches!(lists.refresh(&name, of(1)), Err(ListError::Unknown(_))));
    lists.put(name.clone(), of(100)).expect("room");
    assert_eq!(lists.refresh(&name, of(49)), Err(ListError::Shrunk { before: 100, now: 49 }));
    assert_eq!(lists.refresh(&name, of(50)), Ok(()));
    let other = Arc::new(List::parse(ListKind::Country, "DE", true).expect("list"));
    assert!(matches!(lists.put(name, other), Err(ListError::OtherKind(..))));
}

#[test]
fn lists_and_items_have_an_end() {
    let empty = Arc::new(List::Asn(Box::default()));
    let mut lists = Lists::none();
    for number in 0..LISTS_MAX {
        lists.put(named(&format!("l{number}")), Arc::clone(&empty)).expect("room");
    }
    assert_eq!(lists.put(named("one_more"), empty), Err(ListError::TooManyLists));
    let many = "1\n".repeat(ITEMS_MAX + 1);
    assert_eq!(List::parse(ListKind::Asn, &many, true), Err(ListError::TooMany));
    let long = "#".repeat(FEED_BYTES_MAX + 1);
    assert_eq!(List::parse(ListKind::Asn, &long, true), Err(ListError::TooLong(FEED_BYTES_MAX + 1)));
}

#[test]
fn names_of_lists_are_plain() {
    for bad in ["", "1a", "A", "a-b", "a.b", "ä"] {
        assert!(ListName::parse(bad).is_err(), "{bad}");
    }
    assert!(ListName::parse("office_network_2").is_ok());
}
