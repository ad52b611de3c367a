use super::*;

const HOUR: Duration = Duration::from_secs(3_600);

fn now() -> Timestamp {
    Timestamp::from_secs(1_700_000_000)
}

fn site(number: u8) -> SiteId {
    SiteId::from_bytes([number; 16])
}

fn subject(text: &str) -> Subject {
    match text.strip_prefix("AS") {
        Some(number) => Subject::Asn(number.parse().expect("a number")),
        None => Subject::Network(text.parse().expect("a network")),
    }
}

fn order(effect: Effect, of: &str, lasts: Duration) -> Order {
    let by = "operator".to_owned();
    Order { effect, subject: subject(of), site: None, lasts, reason: "a flood".to_owned(), by }
}

fn switch(of: SiteId, lasts: Duration) -> SwitchOrder {
    SwitchOrder { site: of, lasts, reason: "a flood".to_owned(), by: "operator".to_owned() }
}

#[test]
fn entries_are_numbered_end_by_themselves_and_may_be_ended() {
    let mut book = Book::default();
    let ban = book.enter(order(Effect::Ban, "192.0.2.0/24", HOUR), now()).expect("a ban");
    let allowance = book.enter(order(Effect::Allow, "192.0.2.7", 2 * HOUR), now()).expect("an allowance");
    assert_eq!((ban.number, allowance.number, ban.until), (1, 2, now().plus(HOUR)));
    book.end(2, now()).expect("ended");
    assert_eq!(book.end(2, now()), Err(BookRefusal::NoEntry(2)));
    book.prune(now().plus(HOUR));
    assert_eq!(book.shield.entries, []);
    let next = book.enter(order(Effect::Ban, "192.0.2.0/24", HOUR), now()).expect("a ban");
    assert_eq!(next.number, 3, "no number is used twice");
}

#[test]
fn what_has_no_end_no_reason_or_means_half_the_world_is_refused() {
    let mut book = Book::default();
    let day = 24 * HOUR;
    for (order, refusal) in [
        (order(Effect::Ban, "10.0.0.0/7", HOUR), BookRefusal::TooWide(subject("10.0.0.0/7"))),
        (order(Effect::Allow, "::/0", HOUR), BookRefusal::TooWide(subject("::/0"))),
        (order(Effect::Ban, "::ffff:0:0/96", HOUR), BookRefusal::TooWide(subject("::ffff:0:0/96"))),
        (order(Effect::Ban, "::fffe:0:0/95", HOUR), BookRefusal::TooWide(subject("::fffe:0:0/95"))),
        (order(Effect::Ban, "192.0.2.1", 91 * day), BookRefusal::Length(BAN_MAX)),
        (order(Effect::Ban, "192.0.2.1", Duration::ZERO), BookRefusal::Length(BAN_MAX)),
        (order(Effect::Allow, "192.0.2.1", 367 * day), BookRefusal::Length(ALLOWANCE_MAX)),
        (Order { reason: " ".to_owned(), ..order(Effect::Ban, "192.0.2.1", HOUR) }, BookRefusal::Reason),
        (
            Order { reason: "a\u{202e}b".to_owned(), ..order(Effect::Ban, "192.0.2.1", HOUR) },
            BookRefusal::Reason,
        ),
    ] {
        assert_eq!(book.enter(order, now()), Err(refusal));
    }
    assert_eq!(book, Book::default());
}

#[test]
fn a_broad_ban_is_capped_and_a_narrow_one_is_not() {
    for (of, broad) in [
        ("192.0.2.0/24", false),
        ("192.0.0.0/16", false),
        ("192.0.0.0/15", true),
        ("2001:db8::/31", true),
        ("2001:db8::/32", false),
        ("::ffff:192.0.0.0/111", true),
        ("::ffff:192.0.0.0/112", false),
        ("AS64500", true),
    ] {
        let mut book = Book::default();
        let entered = book.enter(order(Effect::Ban, of, 4 * HOUR), now());
        assert_eq!(entered.is_err(), broad, "{of}: {entered:?}");
        assert!(book.enter(order(Effect::Ban, of, 3 * HOUR), now()).is_ok(), "{of}");
        assert!(book.enter(order(Effect::Allow, of, 4 * HOUR), now()).is_ok(), "{of}");
    }
}

#[test]
fn three_hours_in_a_day_are_shared_by_switch_and_broad_bans() {
    let mut book = Book::default();
    book.switch_on(switch(site(1), HOUR), now()).expect("on");
    let mut broad = order(Effect::Ban, "AS64500", 2 * HOUR);
    broad.site = Some(site(1));
    let later = now().plus(2 * HOUR);
    let ban = book.enter(broad.clone(), later).expect("a ban");
    assert_eq!(book.switch_on(switch(site(1), HOUR), later), Err(BookRefusal::Capped(Duration::ZERO)));
    assert!(book.switch_on(switch(site(2), 3 * HOUR), later).is_ok(), "each site has its own");
    // What is ended early gives back what it did not use.
    book.end(ban.number, later.plus(HOUR / 2)).expect("ended");
    let after = later.plus(HOUR);
    assert_eq!(book.spent(site(1), after), HOUR + HOUR / 2);
    assert!(book.switch_on(switch(site(1), 2 * HOUR), after).is_err());
    assert!(book.switch_on(switch(site(1), HOUR), after).is_ok());
    assert_eq!(book.spent(site(1), now().plus(30 * HOUR)), Duration::ZERO);
}

#[test]
fn a_switch_is_replaced_and_a_refused_one_leaves_it() {
    let mut book = Book::default();
    book.switch_on(switch(site(1), 2 * HOUR), now()).expect("on");
    let later = now().plus(HOUR);
    let longer = book.switch_on(switch(site(1), 2 * HOUR), later).expect("longer");
    assert_eq!(book.shield.under_attack, std::slice::from_ref(&longer));
    assert_eq!(book.switch_on(switch(site(1), 3 * HOUR), later), Err(BookRefusal::Capped(2 * HOUR)));
    assert_eq!(book.shield.under_attack, [longer]);
    book.switch_off(site(1), later).expect("off");
    assert_eq!(book.switch_off(site(1), later), Err(BookRefusal::NotOn));
}

fn list(kind: ListKind, items: &[&str], acting: Option<Acting>) -> OperatorList {
    let items = items.iter().map(ToString::to_string).collect();
    OperatorList { kind, source: ListSource::Items(items), acting }
}

#[test]
fn a_list_that_keeps_ordinary_visitors_out_by_itself_is_capped_as_a_ban_is() {
    let acting = |effect, lasts| Some(Acting { effect, until: now().plus(lasts) });
    for (kind, items, broad) in [
        (ListKind::Asn, &["64500"][..], true),
        (ListKind::Country, &["DE"], true),
        (ListKind::Address, &["192.0.0.0/15"], true),
        (ListKind::Address, &["192.0.0.0/16", "192.1.0.0-192.1.0.9"], true),
        (ListKind::Address, &["192.0.2.0/24", "2001:db8::/32"], false),
    ] {
        let mut book = Book::default();
        let mut put = |acting| book.put_list("bad", list(kind, items, acting), now());
        assert_eq!(put(acting(Effect::Ban, 4 * HOUR)).is_err(), broad, "{items:?}");
        assert_eq!(put(acting(Effect::Allow, 4 * HOUR)), Ok(()), "{items:?}");
        assert_eq!(put(acting(Effect::Ban, 3 * HOUR)), Ok(()), "{items:?}");
        assert_eq!(put(acting(Effect::Ban, 3 * HOUR)), Ok(()), "again: {items:?}");
        assert_eq!(book.switch_on(switch(site(1), HOUR), now()).is_err(), broad, "{items:?}");
        book.remove_list("bad", now()).expect("removed");
        assert!(book.switch_on(switch(site(1), HOUR), now()).is_ok(), "{items:?}");
    }
    for items in ["0.0.0.0/0", "::/0", "::ffff:0:0/96"] {
        let wide = list(ListKind::Address, &[items], acting(Effect::Allow, HOUR));
        let refused = Book::default().put_list("bad", wide, now()).expect_err(items);
        assert!(matches!(refused, BookRefusal::List(_)), "{refused:?}");
    }
}

#[test]
fn spans_are_bounded_and_joining_them_counts_no_less() {
    let mut book = Book::default();
    for minute in 0..150 {
        let at = now().plus(Duration::from_secs(minute * 60));
        book.switch_on(switch(site(1), HOUR / 120), at).expect("on");
        book.switch_on(switch(site(2), HOUR / 120), at).expect("on");
        book.switch_off(site(2), at).expect("off");
    }
    let end = now().plus(150 * HOUR / 60);
    assert!(book.lowerings.len() <= SPANS_MAX + 1, "{}", book.lowerings.len());
    assert!(book.spent(site(1), end) >= 75 * HOUR / 60);
    assert_eq!(book.spent(site(2), end), Duration::ZERO);
}

#[test]
fn lists_are_compiled_before_they_are_taken() {
    let mut book = Book::default();
    let acting = Some(Acting { effect: Effect::Ban, until: now().plus(HOUR) });
    book.put_list("bad", list(ListKind::Address, &["192.0.2.1"], acting), now()).expect("a list");
    for (name, list) in [
        ("bad", list(ListKind::Address, &["nonsense"], None)),
        ("Bad", list(ListKind::Address, &[], None)),
        ("hosts", list(ListKind::Host, &["a.test"], acting)),
        (
            "late",
            list(ListKind::Asn, &[], Some(Acting { effect: Effect::Ban, until: now().plus(BAN_MAX * 2) })),
        ),
    ] {
        let before = book.clone();
        assert!(book.put_list(name, list, now()).is_err(), "{name}");
        assert_eq!(book, before);
    }
    book.remove_list("bad", now()).expect("removed");
    assert_eq!(book.remove_list("bad", now()), Err(BookRefusal::NoList("bad".to_owned())));
}

#[test]
fn a_book_is_read_as_it_was_written() {
    let mut book = Book::default();
    book.enter(order(Effect::Ban, "AS64500", HOUR), now()).expect("a ban");
    book.switch_on(switch(site(1), HOUR), now()).expect("on");
    let bytes = serde_json::to_vec(&book).expect("bytes");
    assert_eq!(serde_json::from_slice::<Book>(&bytes).expect("a book"), book);
}
