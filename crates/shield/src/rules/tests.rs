use super::*;
use crate::expression::Scratch;
use crate::lists::{List, ListKind, ListName};
use crate::request::{BotClass, NoFields, Request, Source};
use std::sync::Arc;
use vocabulary::Timestamp;

fn request(target: &str) -> Request<'_> {
    Request {
        method: "GET",
        host: "www.example.org",
        target,
        secure: true,
        version: "HTTP/1.1",
        fields: &NoFields,
        source: Source::at([203, 0, 113, 7].into()),
        tls_fingerprint: None,
        http2_fingerprint: None,
        bot: BotClass::Unknown,
        at: Timestamp::from_secs(1_795_000_000),
        response: None,
    }
}

fn rule(name: &str, when: &str, action: Action) -> RuleText {
    RuleText { name: name.to_owned(), when: when.to_owned(), action }
}

fn compiled(texts: &[RuleText]) -> RuleSet {
    RuleSet::compile(texts, &Lists::none()).unwrap_or_else(|error| panic!("{error}"))
}

fn evaluated<'a>(set: &'a RuleSet, target: &str) -> (Decision<'a>, Verdict) {
    let mut verdict = Verdict::default();
    let decision = set.evaluate(&request(target), &Lists::none(), &mut Scratch::default(), &mut verdict);
    (decision, verdict)
}

#[test]
fn an_allowance_beats_every_ban_wherever_it_stands() {
    let set = compiled(&[
        rule("ban", "true", Action::Block),
        rule("office", "ip.src in {203.0.113.0/24}", Action::Allow),
    ]);
    assert_eq!(evaluated(&set, "/").0, Decision::Allow { rule: "office" });
}

#[test]
fn protecting_rules_apply_in_the_order_written_and_the_first_ends() {
    let set = compiled(&[
        rule("note", "true", Action::Log),
        rule("count", "true", Action::RateLimit(3)),
        rule("puzzle", r#"http.request.uri.path eq "/login""#, Action::Challenge(ChallengeKind::Wait)),
        rule("ban", r#"http.request.uri.path contains "log""#, Action::Block),
    ]);
    let (decision, verdict) = evaluated(&set, "/login");
    assert_eq!(decision, Decision::Challenge { rule: "puzzle", kind: ChallengeKind::Wait });
    assert_eq!((verdict.logged(), verdict.rates()), (&[0u16][..], &[3u16][..]));
    assert_eq!(evaluated(&set, "/blog").0, Decision::Block { rule: "ban" });
    assert_eq!(evaluated(&set, "/").0, Decision::Pass);
}

#[test]
fn skipping_challenges_leaves_blocks_alone() {
    let set = compiled(&[
        rule("puzzle", "true", Action::Challenge(ChallengeKind::Work)),
        rule("ban", r#"http.request.uri.path eq "/secret""#, Action::Block),
        rule("skip", "true", Action::SkipChallenge),
    ]);
    let (decision, verdict) = evaluated(&set, "/");
    assert!(decision == Decision::Pass && verdict.skips_challenge());
    assert_eq!(evaluated(&set, "/secret").0, Decision::Block { rule: "ban" });
}

#[test]
fn changes_are_made_in_their_order() {
    let set = compiled(&[
        rule(
            "path",
            "true",
            Action::Rewrite { path: Some(r#"concat("/v2", http.request.uri.path)"#.into()), query: None },
        ),
        rule("query", "true", Action::Rewrite { path: None, query: Some(r#""a=b""#.into()) }),
        rule("set", "true", Action::SetHeader { name: "X-From".into(), value: "to_string(ip.src)".into() }),
        rule("remove", "true", Action::RemoveHeader { name: "Cookie".into() }),
        rule("cache", "true", Action::Cache(CacheSetting::TimeToLive(60))),
        rule("origin", "true", Action::Origin(1)),
    ]);
    let (decision, verdict) = evaluated(&set, "/x?c=d");
    assert_eq!(decision, Decision::Pass);
    let name = |text| http::HeaderName::from_static(text);
    assert_eq!(
        verdict.changes(),
        [
            Change::Target("/v2/x?c=d".into()),
            Change::Target("/v2/x?a=b".into()),
            Change::SetHeader(name("x-from"), http::HeaderValue::from_static("203.0.113.7")),
            Change::RemoveHeader(name("cookie")),
            Change::Cache(CacheSetting::TimeToLive(60)),
            Change::Origin(1),
        ]
    );
}

#[test]
fn a_redirect_ends_and_stays_where_it_was_meant_to_go() {
    let status = RedirectStatus::new(301).expect("a redirect");
    let to = |target: &str, keep_query| {
        compiled(&[rule("move", "true", Action::Redirect { status, target: target.into(), keep_query })])
    };
    for (target, keep, request, location) in [
        (r#""https://new.example.org/""#, false, "/a?b=c", Some("https://new.example.org/")),
        (
            r#"concat("https://", http.host, http.request.uri.path)"#,
            true,
            "/a?b=c",
            Some("https://www.example.org/a?b=c"),
        ),
        (r#""/new?x""#, true, "/a?b=c", Some("/new?x")),
        (r#"http.request.uri.path"#, false, "//evil.example/", None),
        (r#""javascript:x""#, false, "/", None),
        (r#"concat("/", http.request.headers["absent"][0])"#, false, "/", Some("/")),
        (r#"http.request.headers["absent"][0]"#, false, "/", None),
        (r#"url_decode(http.request.uri.path)"#, false, "/a%0d%0aSet-Cookie:x", None),
        (r#"url_decode(http.request.uri.path)"#, false, "/a%20b", None),
    ] {
        let set = to(target, keep);
        let (decision, verdict) = evaluated(&set, request);
        match location {
            Some(location) => {
                assert_eq!(decision, Decision::Redirect { rule: "move", status }, "{target}");
                assert_eq!(verdict.location(), location);
            }
            None => {
                assert_eq!(decision, Decision::Pass, "{target}");
                assert_eq!(verdict.faults().len(), 1, "{target}");
            }
        }
    }
    assert_eq!(RedirectStatus::new(200), None);
}

#[test]
fn values_that_cannot_stand_do_nothing() {
    for (action, target) in [
        (Action::Rewrite { path: Some("http.host".into()), query: None }, "/"),
        (Action::Rewrite { path: Some("url_decode(http.request.uri.path)".into()), query: None }, "/a%3fb"),
        (Action::Rewrite { path: None, query: Some("url_decode(http.request.uri.query)".into()) }, "/?a%23b"),
        (
            Action::SetHeader { name: "x-a".into(), value: "url_decode(http.request.uri.path)".into() },
            "/%0d%0ax:y",
        ),
        (Action::SetHeader { name: "x-a".into(), value: "http2.fingerprint".into() }, "/"),
    ] {
        let set = compiled(&[rule("change", "true", action.clone())]);
        let (_, verdict) = evaluated(&set, target);
        assert!(verdict.changes().is_empty() && verdict.faults().len() == 1, "{action:?}");
    }
}

#[test]
fn a_rule_that_keeps_failing_is_disabled_once_and_one_bad_request_does_not_do_it() {
    let action = Action::SetHeader { name: "x-a".into(), value: "url_decode(http.request.uri.path)".into() };
    let set = compiled(&[rule("change", "true", action)]);
    for _ in 0..50 {
        evaluated(&set, "/fine");
    }
    let mut disabled = 0;
    for number in 1..=FAILURES_MIN {
        assert!(!set.is_disabled(0), "after {number}");
        disabled += evaluated(&set, "/%0a").1.faults().iter().filter(|(_, _, disabled)| *disabled).count();
    }
    assert_eq!(disabled, 1);
    assert!(set.is_disabled(0));
    assert!(evaluated(&set, "/fine").1.changes().is_empty(), "it stays disabled");

    let action = Action::SetHeader { name: "x-a".into(), value: "url_decode(http.request.uri.path)".into() };
    let works = compiled(&[rule("change", "true", action)]);
    for _ in 0..500 {
        evaluated(&works, "/fine");
    }
    for _ in 0..FAILURES_MIN * 2 {
        evaluated(&works, "/%0a");
    }
    assert!(!works.is_disabled(0), "visitors cannot switch off a rule that mostly works");
}

#[test]
fn a_request_too_large_for_a_rule_is_held_by_protecting_rules_alone() {
    let target = format!("/?{}", "a=b&".repeat(20_000));
    let costly = vec![r#"any(lower(http.request.uri.args.values[*])[*] eq "x")"#; 40].join(" or ");
    let blocking = compiled(&[rule("ban", &costly, Action::Block)]);
    let (decision, verdict) = evaluated(&blocking, &target);
    assert!(decision == Decision::Block { rule: "ban" } && verdict.overrun());
    let allowing = compiled(&[rule("let in", &costly, Action::Allow), rule("ban", "true", Action::Block)]);
    assert_eq!(evaluated(&allowing, &target).0, Decision::Block { rule: "ban" }, "no way past a ban");
    let changing = compiled(&[rule("origin", &costly, Action::Origin(1))]);
    assert!(evaluated(&changing, &target).1.changes().is_empty());
}

#[test]
fn mistakes_are_told_with_the_rules_place_and_name() {
    let fine = rule("fine", "ssl", Action::Log);
    for (text, words) in [
        (
            rule("bad", "sssl", Action::Log),
            "rule 2 (bad): condition: character 1: unknown field \"sssl\"; did you mean ssl?",
        ),
        (
            rule("bad", "ssl", Action::SetHeader { name: "a b".into(), value: "http.host".into() }),
            "no header field",
        ),
        (rule("bad", "ssl", Action::RemoveHeader { name: "Content-Length".into() }), "no header field"),
        (
            rule("bad", "ssl", Action::SetHeader { name: "Host".into(), value: "http.host".into() }),
            "no header field",
        ),
        (
            rule("bad", "ssl", Action::SetHeader { name: "x".into(), value: "ssl".into() }),
            "value: character 1",
        ),
        (rule("bad", "ssl", Action::Rewrite { path: None, query: None }), "a rewrite needs"),
        (rule("fine", "ssl", Action::Log), "each name once"),
        (rule("", "ssl", Action::Log), "each name once"),
        (rule(&"n".repeat(65), "ssl", Action::Log), "each name once"),
    ] {
        let error = RuleSet::compile(&[fine.clone(), text], &Lists::none()).expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
    }
    let many: Vec<RuleText> = (0..=RULES_MAX).map(|n| rule(&n.to_string(), "ssl", Action::Log)).collect();
    assert!(matches!(RuleSet::compile(&many, &Lists::none()), Err(RuleSetError::TooMany(_))));
}

#[test]
fn rules_of_a_set_share_their_lists() {
    let mut lists = Lists::none();
    let list = List::parse(ListKind::Address, "203.0.113.0/24", false).expect("list");
    lists.put(ListName::parse("banned").expect("name"), Arc::new(list)).expect("room");
    let set = RuleSet::compile(&[rule("ban", "ip.src in $banned", Action::Block)], &lists).expect("rules");
    let decision = set.evaluate(&request("/"), &lists, &mut Scratch::default(), &mut Verdict::default());
    assert_eq!(decision, Decision::Block { rule: "ban" });
}
