//! A site's shield on the way of its requests: rules, rates, profiles, the operator's word, challenges.

use crate::support::{HOST, Stage, get};
use crate::tls::connect;
use edge::EventFilter;
use shield::challenge::Issue;
use shield::events::{EventCause, EventKind};
use shield::rates::RateAction;
use shield::rules::{CacheSetting, ChallengeKind, RedirectStatus};
use snapshot::{
    Effect, Entry, Profile, RateTerms, RuleAction, Service, ShieldRule, ShieldSettings, Subject, UnderAttack,
};
use std::time::Duration;
use testkit::{Head, Peer};
use vocabulary::Clock;

const BROWSER: &str = "Accept: text/html\r\nUser-Agent: Firefox\r\nSec-Fetch-Mode: navigate\r\n";

fn rule(name: &str, when: &str, action: RuleAction) -> ShieldRule {
    ShieldRule { name: name.to_owned(), when: when.to_owned(), action }
}

async fn stage(rules: Vec<ShieldRule>) -> Stage {
    stage_with(ShieldSettings { rules, ..ShieldSettings::default() }).await
}

async fn stage_with(settings: ShieldSettings) -> Stage {
    let set = |site: &mut snapshot::Site| {
        site.services.insert(Service::Shield);
        site.shield = settings;
    };
    Stage::set_with(|_| {}, set).await
}

fn ask(path: &str, fields: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n")
}

/// Sends a request and plays the origin for it: what the origin was sent, and the answer.
async fn pass(stage: &Stage, request: &str, fields: &str) -> (Head, Head) {
    let mut visitor = stage.visit().await;
    visitor.send(request).await;
    let mut origin = stage.origin.accept().await;
    let asked = origin.head().await;
    origin.send(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\nConnection: close\r\n\r\nok")).await;
    let head = visitor.head().await;
    visitor.text("ok").await;
    (asked, head)
}

fn one<'a>(head: &'a Head, name: &str) -> &'a str {
    head.all(name).first().copied().unwrap_or_default()
}

#[tokio::test]
async fn rules_block_and_redirect_and_an_allowance_beats_every_ban() {
    let moved = RuleAction::Redirect {
        status: RedirectStatus::new(301).expect("a status"),
        target: "concat(\"/new\", http.request.uri.path)".to_owned(),
        keep_query: true,
    };
    let mut stage = stage(vec![
        rule("friends", "http.request.headers[\"x-friend\"][0] eq \"yes\"", RuleAction::Allow),
        rule("no-php", "ends_with(http.request.uri.path, \".php\")", RuleAction::Block),
        rule("moved", "starts_with(http.request.uri.path, \"/old\")", moved),
    ])
    .await;
    let (head, body) = stage.ask(&ask("/x.php", "")).await;
    assert_eq!(head.status(), 403);
    assert!(String::from_utf8(body).expect("text").contains("blocked-by-rule"));
    let (head, _) = stage.ask(&get("/old/a?b=c")).await;
    assert_eq!((head.status(), one(&head, "location")), (301, "/new/old/a?b=c"));
    pass(&stage, &ask("/x.php", "X-Friend: yes\r\n"), "").await;

    let now = stage.clock.now();
    stage.operator.entries = vec![Entry {
        number: 7,
        effect: Effect::Ban,
        subject: Subject::Network("127.0.0.0/8".parse().expect("a network")),
        site: None,
        since: now,
        until: now.plus(Duration::from_secs(60)),
        reason: "a flood".to_owned(),
        by: "operator".to_owned(),
    }];
    stage.publish().await;
    let (head, body) = stage.ask(&get("/")).await;
    assert_eq!(head.status(), 403);
    assert!(String::from_utf8(body).expect("text").contains("banned"));
    pass(&stage, &ask("/", "X-Friend: yes\r\n"), "").await;
    stage.clock.advance(Duration::from_secs(61));
    pass(&stage, &get("/after"), "").await;

    let events = stage.edge.insight().shield_events(&EventFilter::default());
    let causes: Vec<_> = events.iter().map(|event| (event.what, event.cause.clone())).collect();
    let by_rule = EventCause::Rule("no-php".to_owned());
    assert_eq!(causes, [(EventKind::Blocked, EventCause::Entry(7)), (EventKind::Blocked, by_rule)]);
    assert!(events.iter().all(|event| event.acted && !event.why.is_empty() && !event.undo.is_empty()));
    let ray = events[1].ray.as_deref().expect("a ray");
    let explained = stage.edge.insight().explain_ray(ray).expect("an explanation");
    let step = explained.steps.iter().find(|step| step.step == "shield").expect("a step of the shield's");
    assert!(step.text.contains("no-php"), "{}", step.text);
}

#[tokio::test]
async fn rules_change_what_the_origin_is_asked_and_how_its_answer_is_cached() {
    let stage = stage(vec![
        rule(
            "rewrite",
            "starts_with(http.request.uri.path, \"/v1\")",
            RuleAction::Rewrite {
                path: Some("concat(\"/v2\", substring(http.request.uri.path, 3))".to_owned()),
                query: None,
            },
        ),
        rule(
            "header",
            "true",
            RuleAction::SetHeader { name: "x-site".to_owned(), value: "\"a\"".to_owned() },
        ),
        rule("strip", "true", RuleAction::RemoveHeader { name: "x-debug".to_owned() }),
        rule("fresh", "http.request.uri.path eq \"/fresh\"", RuleAction::Cache(CacheSetting::TimeToLive(60))),
        rule("never", "http.request.uri.path eq \"/never\"", RuleAction::Cache(CacheSetting::Bypass)),
    ])
    .await;
    let (asked, _) = pass(&stage, &ask("/v1/a?b=c", "X-Debug: 1\r\n"), "").await;
    assert!(asked.line().starts_with("GET /v2/a?b=c "), "{}", asked.line());
    assert_eq!((one(&asked, "x-site"), asked.all("x-debug").len()), ("a", 0));
    pass(&stage, &get("/fresh"), "").await;
    let (head, _) = stage.ask(&get("/fresh")).await;
    assert!(one(&head, "cache-status").contains("hit"), "{}", one(&head, "cache-status"));
    for _ in 0..2 {
        let (_, head) = pass(&stage, &get("/never"), "Cache-Control: max-age=60\r\n").await;
        assert!(one(&head, "cache-status").contains("bypass"), "{}", one(&head, "cache-status"));
    }
}

fn limited(by: &str, counting: Option<&str>, over: RateAction) -> RuleAction {
    RuleAction::RateLimit(RateTerms {
        by: vec![by.to_owned()],
        counting: counting.map(ToOwned::to_owned),
        requests: 2,
        period_seconds: 10,
        mitigation_seconds: 60,
        over,
    })
}

#[tokio::test]
async fn a_rate_refuses_with_429_what_is_over_and_nobody_else() {
    let stage = stage(vec![rule(
        "rate",
        "true",
        limited("http.request.headers[\"x-key\"][0]", None, RateAction::Refuse),
    )])
    .await;
    for path in ["/1", "/2"] {
        pass(&stage, &ask(path, "X-Key: a\r\n"), "").await;
    }
    let (head, _) = stage.ask(&ask("/3", "X-Key: a\r\n")).await;
    assert_eq!((head.status(), one(&head, "retry-after")), (429, "60"));
    pass(&stage, &ask("/4", "X-Key: b\r\n"), "").await;
    stage.clock.advance(Duration::from_secs(61));
    pass(&stage, &ask("/5", "X-Key: a\r\n"), "").await;
}

#[tokio::test]
async fn a_rate_may_count_answers() {
    let counting = Some("http.response.code eq 200 and http.response.headers[\"x-login\"][0] eq \"failed\"");
    let stage = stage(vec![rule("logins", "true", limited("ip.src", counting, RateAction::Refuse))]).await;
    for path in ["/1", "/2", "/3"] {
        pass(&stage, &get(path), "X-Login: fine\r\n").await;
    }
    for path in ["/4", "/5"] {
        pass(&stage, &get(path), "X-Login: failed\r\n").await;
    }
    let (head, _) = stage.ask(&get("/7")).await;
    assert_eq!(head.status(), 429);
}

#[tokio::test]
async fn monitor_notes_and_acts_on_nothing_and_off_looks_at_nothing() {
    let rules = vec![
        rule("block", "true", RuleAction::Block),
        rule(
            "header",
            "true",
            RuleAction::SetHeader { name: "x-site".to_owned(), value: "\"a\"".to_owned() },
        ),
    ];
    for (profile, noted) in [(Profile::Monitor, 1), (Profile::Off, 0)] {
        let under_attack = UnderAttack::On;
        let stage = stage_with(ShieldSettings {
            profile,
            under_attack,
            rules: rules.clone(),
            ..ShieldSettings::default()
        })
        .await;
        let (asked, _) = pass(&stage, &ask("/", BROWSER), "").await;
        assert!(asked.all("x-site").is_empty());
        let events = stage.edge.insight().shield_events(&EventFilter::default());
        assert_eq!(events.len(), noted, "{profile:?}");
        assert!(events.iter().all(|event| !event.acted));
    }
}

#[tokio::test]
async fn a_measure_in_force_comes_before_a_challenge() {
    let settings = ShieldSettings { under_attack: UnderAttack::On, ..ShieldSettings::default() };
    let mut stage = stage_with(settings).await;
    stage.block(0, Duration::from_secs(3600)).await;
    let (head, _) = stage.ask(&ask("/", BROWSER)).await;
    assert_eq!((head.status(), head.all("wardmote-decision").len()), (403, 1));
}

/// The first address of a challenge in a page that begins so.
fn link(page: &str, verb: &str) -> String {
    let from = page.find(&format!("/.wardmote/{verb}")).unwrap_or_else(|| panic!("no {verb}: {page}"));
    let end = page[from..].find('"').expect("an attribute's end");
    page[from..from + end].replace("&amp;", "&")
}

fn cookie(head: &Head) -> String {
    one(head, "set-cookie").split(';').next().unwrap_or_default().to_owned()
}

async fn page(stage: &Stage, path: &str, fields: &str) -> (Head, String) {
    let (head, body) = stage.ask(&ask(path, &format!("{BROWSER}{fields}"))).await;
    (head, String::from_utf8(body).expect("text"))
}

#[tokio::test]
async fn a_browser_without_scripts_passes_by_waiting_and_its_cookie_stays_here() {
    let settings = ShieldSettings { under_attack: UnderAttack::On, ..ShieldSettings::default() };
    let stage = stage_with(settings).await;
    let (head, first) = page(&stage, "/shop?item=1", "").await;
    assert_eq!((head.status(), one(&head, "cache-control")), (403, "no-store"));
    assert!(one(&head, "content-security-policy").starts_with("default-src 'none'"));
    let onward = link(&first, "pass");
    let (head, _) = page(&stage, &onward, "").await;
    assert_eq!(head.status(), 403, "too early: once more");
    stage.clock.advance(Duration::from_secs(4));
    let (head, _) = page(&stage, &onward, "").await;
    assert_eq!(head.status(), 303);
    let (cookie, check) = (cookie(&head), one(&head, "location").to_owned());
    assert!(one(&head, "set-cookie").contains("HttpOnly; SameSite=Lax"));
    let (head, _) = page(&stage, &check, &format!("Cookie: {cookie}\r\n")).await;
    assert_eq!((head.status(), one(&head, "location")), (303, "/shop?item=1"));
    let (asked, _) =
        pass(&stage, &ask("/shop?item=1", &format!("{BROWSER}Cookie: a=b; {cookie}\r\n")), "").await;
    assert_eq!(asked.all("cookie"), ["a=b"]);
    let (head, _) = page(&stage, &onward, "").await;
    assert_eq!((head.status(), head.all("set-cookie").len()), (403, 0), "a solution counts once");
}

#[tokio::test]
async fn a_silent_challenge_is_passed_by_loading_a_style_sheet() {
    let stage = stage(vec![rule("silent", "true", RuleAction::Challenge(ChallengeKind::Silent))]).await;
    let (_, first) = page(&stage, "/", "").await;
    let (head, _) =
        stage.ask(&ask(&link(&first, "probe.css"), "User-Agent: Firefox\r\nAccept: text/css\r\n")).await;
    assert_eq!((head.status(), one(&head, "content-type")), (200, "text/css"));
    let cookie = cookie(&head);
    let (head, _) = page(&stage, &link(&first, "check"), &format!("Cookie: {cookie}\r\n")).await;
    assert_eq!((head.status(), one(&head, "location")), (303, "/"));
    pass(&stage, &ask("/", &format!("{BROWSER}Cookie: {cookie}\r\n")), "").await;
}

#[tokio::test]
async fn work_that_was_done_passes() {
    let mut settings = ShieldSettings {
        rules: vec![rule("work", "true", RuleAction::Challenge(ChallengeKind::Work))],
        ..ShieldSettings::default()
    };
    settings.challenge.difficulty = 6;
    let stage = stage_with(settings).await;
    let (_, first) = page(&stage, "/", "").await;
    let from = first.find("data-token=\"").expect("a token") + 12;
    let answer = Issue::work(&first[from..from + 80]).expect("an answer");
    let from = first.find("data-next=\"").expect("an address") + 11;
    let next = first[from..].split('"').next().expect("an address").replace("&amp;", "&");
    let (head, _) = page(&stage, &format!("{next}&a={answer}"), "").await;
    assert_eq!((head.status(), head.all("set-cookie").len()), (303, 1));
    let (head, body) = stage.ask(&get("/.wardmote/work.js")).await;
    assert_eq!(head.status(), 200);
    assert!(body.starts_with(b"\"use strict\""));
}

#[tokio::test]
async fn without_cookies_the_way_ends_at_an_explanation_and_goes_on_slowly() {
    let settings = ShieldSettings { under_attack: UnderAttack::On, ..ShieldSettings::default() };
    let stage = stage_with(settings).await;
    let (_, mut shown) = page(&stage, "/", "").await;
    let mut rounds = 0;
    while !shown.contains("/.wardmote/slow") {
        rounds += 1;
        assert!(rounds <= 4, "a loop");
        stage.clock.advance(Duration::from_secs(4));
        // Work is left to those who can: without a script there is another way.
        let verb = if shown.contains("id=\"work\"") { "manual" } else { "pass" };
        let (head, body) = page(&stage, &link(&shown, verb), "").await;
        shown = match head.status() {
            303 => page(&stage, one(&head, "location"), "").await.1,
            _ => body,
        };
    }
    stage.clock.advance(Duration::from_secs(4));
    let (head, _) = page(&stage, &link(&shown, "slow"), "").await;
    assert_eq!((head.status(), one(&head, "location")), (303, "/"));
    for n in 0..60 {
        pass(&stage, &ask(&format!("/{n}"), BROWSER), "").await;
    }
    let (head, _) = page(&stage, "/", "").await;
    assert_eq!(head.status(), 429);
    assert!(!one(&head, "retry-after").is_empty());
}

#[tokio::test]
async fn what_is_no_browser_is_told_to_come_again_and_gets_no_page() {
    let settings = ShieldSettings { under_attack: UnderAttack::On, ..ShieldSettings::default() };
    let stage = stage_with(settings).await;
    for fields in [
        "Accept: */*\r\nUser-Agent: curl/8.0\r\n",
        "Accept: application/rss+xml, text/html;q=0.5\r\n",
        "Accept: application/activity+json\r\n",
        "Accept: image/avif,image/*\r\nSec-Fetch-Mode: no-cors\r\n",
    ] {
        let (head, body) = stage.ask(&ask("/", fields)).await;
        assert_eq!((head.status(), one(&head, "retry-after")), (429, "30"), "{fields}");
        assert_eq!(one(&head, "content-type"), "application/problem+json");
        assert!(String::from_utf8(body).expect("text").contains("come-again"));
    }
    // Whoever looks for a proof that the host is its owner's is let through.
    pass(&stage, &get("/.well-known/acme-challenge/token"), "").await;
}

#[tokio::test]
async fn a_flood_of_frames_ends_its_connection_and_is_noted() {
    let stage = Stage::set().await;
    let mut visitor = Peer::over(connect(&stage, HOST, "h2").await.expect("a handshake"));
    // The preface and empty settings (RFC 9113 §3.4), then pings that ask for an answer.
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00".to_vec();
    for _ in 0..420 {
        flood.extend_from_slice(b"\x00\x00\x08\x06\x00\x00\x00\x00\x00abcdefgh");
    }
    visitor.send(flood).await;
    let answer = visitor.rest().await;
    // GOAWAY with ENHANCE_YOUR_CALM (RFC 9113 §6.8, §7).
    let goaway = answer.windows(17).any(|frame| frame[3] == 7 && frame[..3] == [0, 0, 8] && frame[16] == 0xb);
    assert!(goaway, "{answer:?}");
    let events = stage.edge.insight().shield_events(&EventFilter::default());
    assert_eq!(events.iter().map(|event| event.reason).collect::<Vec<_>>(), ["h2-ping-flood"]);
    assert_eq!(stage.edge.figures().connections_breached, 1);
}
