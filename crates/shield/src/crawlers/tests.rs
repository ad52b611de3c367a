use super::*;
use vocabulary::{SeededRandom, Timestamp};

fn name(text: &str) -> Hostname {
    Hostname::parse(text).expect("a name")
}

fn crawlers(text: &str) -> Crawlers {
    Crawlers::parse(text).expect("crawlers")
}

fn none(_: &ListName, _: IpAddr) -> bool {
    false
}

#[test]
fn those_that_come_with_the_program_are_told_by_their_words_and_names() {
    let known = Crawlers::known();
    assert!(known.len() >= 9 && known.are_named());
    for (agent, says, owns, owns_not) in [
        (
            "mozilla/5.0 (compatible; googlebot/2.1; +http://www.google.com/bot.html)",
            Some("googlebot"),
            "crawl-66-249-66-1.googlebot.com",
            "googlebot.com.evil.test",
        ),
        (
            "mozilla/5.0 (compatible; bingbot/2.0)",
            Some("bingbot"),
            "msnbot-157-55-39-1.search.msn.com",
            "xsearch.msn.com",
        ),
        ("mozilla/5.0 firefox/130.0", None, "a.b", "a.b"),
    ] {
        let claimed = known.claimed(agent.as_bytes()).map(|(_, crawler)| crawler);
        assert_eq!(claimed.map(Crawler::name), says, "{agent}");
        if let Some(crawler) = claimed {
            assert!(crawler.has_name(&name(owns)) && !crawler.has_name(&name(owns_not)), "{agent}");
        }
    }
}

#[test]
fn networks_and_lists_of_the_operator_say_where_a_crawler_comes_from() {
    let own = crawlers("a AlphaBot 192.0.2.0/24 $alpha\nb BetaBot .beta.test 2001:db8::/32 # remark\n\n");
    let (_, alpha) = own.claimed(b"x alphabot/1").expect("alpha");
    let listed = |list: &ListName, address: IpAddr| {
        list.as_str() == "alpha" && address == IpAddr::from([198, 51, 100, 7])
    };
    for (address, inside) in [([192, 0, 2, 9], true), ([198, 51, 100, 7], true), ([198, 51, 100, 8], false)] {
        assert_eq!(alpha.has_address(address.into(), listed), inside, "{address:?}");
    }
    assert!(!alpha.is_named());
    let (_, beta) = own.claimed(b"betabot").expect("beta");
    assert!(beta.is_named() && beta.has_address("2001:db8::1".parse().expect("address"), none));
    assert!(beta.has_name(&name("x.beta.test")) && !beta.has_name(&name("beta.test")));
}

#[test]
fn own_crawlers_come_before_others_of_the_same_name() {
    let own = crawlers("googlebot Googlebot 192.0.2.0/24");
    let all = own.before(&Crawlers::known()).expect("few");
    assert_eq!(all.len(), Crawlers::known().len());
    let (_, google) = all.claimed(b"googlebot").expect("google");
    assert!(!google.is_named());
}

#[test]
fn mistakes_name_their_line() {
    for (line, what) in [
        ("x", LineError::Incomplete),
        ("x Word", LineError::Incomplete),
        ("x bot .a.test", LineError::Word("bot".into())),
        ("x Bot1,, .a.test", LineError::Word(String::new())),
        ("x Word .test", LineError::Place(".test".into())),
        ("x Word a.test", LineError::Place("a.test".into())),
        ("x Word .a b", LineError::Place(".a".into())),
        ("x Word 0.0.0.0/0", LineError::Place("0.0.0.0/0".into())),
        ("x Word $A", LineError::Place("$A".into())),
    ] {
        let error = Crawlers::parse(&format!("# remark\n{line}\n")).expect_err(line);
        assert_eq!(error, CrawlersError::Line { line: 2, what }, "{line}");
    }
    let many = |count: usize| (0..count).map(|n| format!("c{n} Word{n} .a.test\n")).collect::<String>();
    assert!(Crawlers::parse(&many(CRAWLERS_MAX)).is_ok());
    assert_eq!(Crawlers::parse(&many(CRAWLERS_MAX + 1)), Err(CrawlersError::TooMany));
    let long = "#".repeat(CRAWLERS_BYTES_MAX + 1);
    assert_eq!(Crawlers::parse(&long), Err(CrawlersError::TooLong(CRAWLERS_BYTES_MAX + 1)));
}

fn question(address: [u8; 4]) -> Question {
    Question { crawler: CrawlerPlace(0), address: address.into() }
}

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

#[test]
fn nothing_is_believed_until_it_was_established_and_then_for_a_while() {
    let mut checks = Checks::new(&SeededRandom::new(1));
    let asked = question([192, 0, 2, 1]);
    assert_eq!(checks.look(asked, at(0)), Finding::Unknown);
    assert_eq!((checks.pop(), checks.pop()), (Some(asked), None));
    // Under way: it is not asked twice, unless nobody answers.
    assert_eq!((checks.look(asked, at(29)), checks.pop()), (Finding::Unknown, None));
    assert_eq!((checks.look(asked, at(30)), checks.pop()), (Finding::Unknown, Some(asked)));
    for (finding, seconds) in
        [(Finding::Confirmed, 21_600), (Finding::Refuted, 3_600), (Finding::Unknown, 60)]
    {
        checks.learn(&asked, finding, at(100));
        assert_eq!((checks.look(asked, at(99 + seconds)), checks.pop()), (finding, None));
        assert_eq!((checks.look(asked, at(100 + seconds)), checks.pop()), (Finding::Unknown, Some(asked)));
    }
    let other = Question { crawler: CrawlerPlace(1), ..asked };
    checks.learn(&asked, Finding::Confirmed, at(0));
    assert_eq!(checks.look(other, at(1)), Finding::Unknown, "as somebody else it is not confirmed");
}

#[test]
fn however_many_pretend_memory_stays_and_who_was_confirmed_stays_known() {
    let mut checks = Checks::new(&SeededRandom::new(1));
    let memory = checks.memory_bytes();
    let genuine: Vec<_> = (0..200).map(|n| question([192, 0, 2, n])).collect();
    for asked in &genuine {
        checks.learn(asked, Finding::Confirmed, at(0));
    }
    for n in 0..100_000u32 {
        let [_, a, b, c] = n.to_be_bytes();
        checks.look(question([100 + a, b, c, 1]), at(1));
        if n % 3 == 0
            && let Some(next) = checks.pop()
        {
            checks.learn(&next, Finding::Refuted, at(1));
        }
    }
    assert_eq!(checks.memory_bytes(), memory);
    assert!(memory <= 128 << 10, "{memory}");
    assert!(genuine.iter().all(|asked| checks.look(*asked, at(2)) == Finding::Confirmed));
    assert!(std::iter::from_fn(|| checks.pop()).count() <= WAITING_MAX);
}

#[test]
fn one_network_does_not_take_all_places_of_those_who_wait() {
    let mut checks = Checks::new(&SeededRandom::new(1));
    for n in 0..=255 {
        checks.look(question([192, 0, 2, n]), at(0));
    }
    let stranger = question([198, 51, 100, 1]);
    checks.look(stranger, at(0));
    let waiting: Vec<_> = std::iter::from_fn(|| checks.pop()).collect();
    assert_eq!((waiting.len(), waiting.last()), (WAITING_EACH_MAX + 1, Some(&stranger)));
}
