//! The ways of challenges: what a visitor says on them counts only as far as a token stands for it.

use super::*;
use crate::Refusal;
use crate::{COOKIE, COOKIE_OVER_TLS, ChallengePage, Errand, PageKind, Stuck};
use http::Method;
use shield::rates::RateAction;
use snapshot::{RateTerms, RuleAction, ShieldRule};

fn attacked() -> Scene {
    Scene::set(&ShieldSettings { under_attack: UnderAttack::On, ..ShieldSettings::default() })
}

/// A tool that asks for pages as browsers do.
fn disguised() -> HeaderMap {
    let mut fields = tool();
    fields.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
    fields
}

fn with_cookie(mut fields: HeaderMap, line: &str) -> HeaderMap {
    fields.insert(header::COOKIE, line.parse().expect("a field"));
    fields
}

fn page(ruling: Ruling) -> ChallengePage {
    match ruling {
        Ruling::Challenge(Handed::Page(page)) | Ruling::Errand(Errand::Page(page)) => *page,
        other => panic!("no page: {other:?}"),
    }
}

/// A second of a flood, after which a signature of it is tried.
fn flood_until_found(scene: &mut Scene, fields: &HeaderMap) {
    calm(scene, 240);
    for tenth in 0..100u32 {
        for place in 0..200u32 {
            let client = [172, 16, (place % 200) as u8, (tenth % 250) as u8];
            scene.served(client, "/search", fields, 900);
        }
        scene.turn();
        if scene.guard.signatures().iter().any(|own| own.stage == "challenge") {
            return;
        }
    }
    panic!("no signature: {:?}", scene.guard.signatures());
}

/// Passes by waiting, from the page on; the cookie's value.
fn waited(scene: &mut Scene, client: [u8; 4], page: &ChallengePage, fields: &HeaderMap) -> String {
    scene.ms += 4_000;
    match scene.ask(client, &page.next, fields).ruling {
        Ruling::Errand(Errand::Onward { granted: Some(granted), .. }) => granted.value,
        other => panic!("not passed: {other:?}"),
    }
}

#[test]
fn nobody_passes_for_a_signature_by_an_address_of_its_own_making() {
    let mut scene = attacked();
    flood_until_found(&mut scene, &disguised());
    let own = scene.guard.signatures().remove(0);
    let forged = format!("/.wardmote/check?c={}&w=1&to=/", own.id);
    let page = page(scene.ask([172, 16, 1, 1], &forged, &disguised()).ruling);
    assert_eq!(page.kind, PageKind::Explanation(Stuck::NoCookie), "no step of the ladder: {page:?}");
    assert!(page.next.contains("&c=0&"), "{}", page.next);
}

#[test]
fn a_network_passes_once_for_a_signature_however_often_it_solves() {
    let mut scene = Scene::set(&ShieldSettings::default());
    flood_until_found(&mut scene, &disguised());
    let client = [172, 16, 1, 1];
    for _ in 0..30 {
        let page = page(scene.ask(client, "/search", &disguised()).ruling);
        scene.ms += 4_000;
        let onward = scene.ask(client, &page.next, &disguised()).ruling;
        assert!(matches!(onward, Ruling::Errand(Errand::Onward { granted: Some(_), .. })), "{onward:?}");
        scene.turn();
    }
    let found = scene.guard.signatures();
    assert_eq!(found.iter().map(|own| own.passed).sum::<u32>(), 1, "{found:?}");
    assert!(found[0].challenged >= 30);
}

#[test]
fn a_silent_clearance_does_not_pass_a_signature_and_waiting_does() {
    let mut scene = Scene::set(&ShieldSettings::default());
    flood_until_found(&mut scene, &disguised());
    let client = [172, 16, 1, 1];
    let first = page(scene.ask(client, "/search", &disguised()).ruling);
    let token = first.next.split(['=', '&']).nth(1).expect("a token");
    let downgraded = first.next.replace("&w=1", "&w=0").replace("pass", "probe.css");
    let style = scene.ask(client, &downgraded, &disguised()).ruling;
    assert!(matches!(style, Ruling::Errand(Errand::Style(None))), "{token}: {style:?}");

    let cookie = waited(&mut scene, client, &first, &disguised());
    let fields = with_cookie(disguised(), &format!("{COOKIE}={cookie}"));
    assert!(matches!(scene.ask(client, "/search", &fields).ruling, Ruling::Pass(_)));

    let silent = silent_clearance(&scene, client);
    let fields = with_cookie(disguised(), &format!("{COOKIE}={silent}"));
    let ruling = scene.ask(client, "/search", &fields).ruling;
    assert!(matches!(ruling, Ruling::Challenge(_)), "{ruling:?}");
}

/// What loading a style sheet gives.
fn silent_clearance(scene: &Scene, client: [u8; 4]) -> String {
    let fields = disguised();
    let request = request(client.into(), "/", &fields, scene.now());
    let round = crate::challenge::Round {
        site: scene.watch.site(),
        settings: scene.settings.challenge(),
        request: &request,
        cause: 0,
        wanted: shield::rules::ChallengeKind::Silent,
        now: scene.now(),
    };
    let Handed::Page(page) = scene.guard.challenge(&round, 0, "/", true) else { panic!("no page") };
    let PageKind::Silent { probe } = page.kind else { panic!("not silent") };
    match scene.ask(client, &probe, &fields).ruling {
        Ruling::Errand(Errand::Style(Some(granted))) => granted.value,
        other => panic!("no clearance: {other:?}"),
    }
}

#[test]
fn a_visitor_whose_network_changes_at_every_step_is_not_sent_round() {
    let mut scene = attacked();
    let first = page(scene.ask([10, 0, 1, 1], "/", &browser(0)).ruling);
    scene.ms += 4_000;
    let second = page(scene.ask([10, 0, 2, 1], &first.next, &browser(0)).ruling);
    assert_eq!(second.kind, PageKind::Explanation(Stuck::NoCookie));
    // Who only comes late is where it was.
    scene.ms += 600_000;
    let late = page(scene.ask([10, 0, 1, 1], &first.next, &browser(0)).ruling);
    assert_eq!(late.kind, PageKind::Wait);
}

#[test]
fn who_clicks_before_the_wait_is_over_climbs_no_step_and_keeps_what_it_has_waited() {
    let mut scene = attacked();
    let client = [10, 0, 0, 1];
    let first = page(scene.ask(client, "/", &browser(0)).ruling);
    for _ in 0..5 {
        let again = page(scene.ask(client, &first.next, &browser(0)).ruling);
        assert_eq!((&again.kind, &again.next), (&PageKind::Wait, &first.next));
    }
    waited(&mut scene, client, &first, &browser(0));
    // The same at the end of the ladder.
    let stuck = page(scene.ask([10, 0, 2, 1], &first.next, &browser(0)).ruling);
    let again = page(scene.ask([10, 0, 2, 1], &stuck.next, &browser(0)).ruling);
    assert_eq!((&again.kind, &again.next), (&PageKind::Explanation(Stuck::NoCookie), &stuck.next));
    assert!(again.after_seconds > 0, "it leads on by itself");
    scene.ms += 3_000;
    let slow = scene.ask([10, 0, 2, 1], &again.next, &browser(0)).ruling;
    assert!(matches!(slow, Ruling::Errand(Errand::Onward { .. })), "{slow:?}");
}

#[test]
fn what_was_handed_out_before_a_start_counts_no_more_after_it_and_costs_no_step() {
    let mut scene = attacked();
    let client = [10, 0, 0, 1];
    let first = page(scene.ask(client, "/", &browser(0)).ruling);
    waited(&mut scene, client, &first, &browser(0));
    // The next process has the same secret, and knows nothing of what was used.
    let guard = Guard::new(Arc::new(SeededRandom::new(4)), ChallengeSecret::new([7; 32]), scene.now());
    scene.guard = Arc::new(guard);
    scene.desk = scene.guard.desk();
    let again = page(scene.ask(client, &first.next, &browser(0)).ruling);
    assert_eq!(again.kind, PageKind::Wait);
    waited(&mut scene, client, &again, &browser(0));
}

#[test]
fn who_cannot_do_the_work_goes_on_by_hand_and_slowly() {
    let rule = ShieldRule {
        name: "all".to_owned(),
        when: "not ssl".to_owned(),
        action: RuleAction::Challenge(shield::rules::ChallengeKind::Work),
    };
    let mut scene = Scene::set(&ShieldSettings { rules: vec![rule], ..ShieldSettings::default() });
    let client = [10, 0, 0, 1];
    let work = page(scene.ask(client, "/", &browser(0)).ruling);
    let PageKind::Work { without, .. } = &work.kind else { panic!("no work: {work:?}") };
    let by_hand = page(scene.ask(client, without, &browser(0)).ruling);
    assert_eq!(by_hand.kind, PageKind::Explanation(Stuck::NoWork));
    // A click that comes too soon is told the same.
    let again = page(scene.ask(client, &by_hand.next, &browser(0)).ruling);
    assert_eq!((&again.kind, &again.next), (&by_hand.kind, &by_hand.next));
    scene.ms += 3_000;
    let slow = scene.ask(client, &by_hand.next, &browser(0)).ruling;
    assert!(matches!(slow, Ruling::Errand(Errand::Onward { granted: None, .. })), "{slow:?}");
    assert!(matches!(scene.ask(client, "/", &browser(0)).ruling, Ruling::Pass(_)));
    // The way by hand begins at a page that offers it, and nowhere else.
    let forged = page(scene.ask([10, 0, 9, 1], without, &browser(0)).ruling);
    assert_eq!(forged.kind, PageKind::Explanation(Stuck::NoCookie));
}

#[test]
fn a_cookie_of_the_same_name_that_somebody_else_has_set_hides_none() {
    let mut scene = attacked();
    let client = [10, 0, 0, 1];
    let first = page(scene.ask(client, "/", &browser(0)).ruling);
    let cookie = waited(&mut scene, client, &first, &browser(0));
    for line in [
        format!("{COOKIE}=forged; {COOKIE}=x; a=b; {COOKIE}={cookie}"),
        format!("{COOKIE}=forged; {COOKIE_OVER_TLS}={cookie}"),
    ] {
        let fields = with_cookie(browser(0), &line);
        assert!(matches!(scene.ask(client, "/", &fields).ruling, Ruling::Pass(_)), "{line}");
    }
    let fields = with_cookie(browser(0), &format!("{}{COOKIE}={cookie}", format!("{COOKIE}=x; ").repeat(4)));
    assert!(matches!(scene.ask(client, "/", &fields).ruling, Ruling::Challenge(_)), "four are looked at");
}

#[test]
fn programs_that_read_no_page_are_not_counted_as_challenged() {
    let mut scene = Scene::set(&ShieldSettings::default());
    flood_until_found(&mut scene, &tool());
    for n in 0..50 {
        let ruling = scene.ask([172, 16, 1, n], "/search", &tool()).ruling;
        assert!(matches!(ruling, Ruling::Challenge(Handed::ComeAgain(_))), "{ruling:?}");
    }
    scene.turn();
    let found = scene.guard.signatures();
    assert!(found[0].matched >= 50 && found[0].challenged == 0, "{found:?}");
}

#[test]
fn proofs_and_preflights_pass_a_challenge_at_a_limited_rate() {
    let scene = attacked();
    let mut fields = HeaderMap::new();
    fields.insert(header::ORIGIN, HeaderValue::from_static("https://b.test"));
    fields.insert(header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PUT"));
    for (method, is_proof, most) in [(Method::GET, true, 60), (Method::OPTIONS, false, 600)] {
        let asked = Request {
            method: method.as_str(),
            ..request([10, 0, 0, 1].into(), "/.well-known/acme-challenge/x", &fields, scene.now())
        };
        let passed = (0..700).filter(|_| matches!(scene.judge(asked, is_proof).ruling, Ruling::Pass(_)));
        assert_eq!(passed.count(), most, "{method}");
    }
}

#[test]
fn what_a_form_sends_is_not_lost_to_a_page() {
    let scene = attacked();
    let mut fields = browser(0);
    fields.insert("sec-fetch-mode", HeaderValue::from_static("navigate"));
    let asked = request([10, 0, 0, 1].into(), "/form", &fields, scene.now());
    let ruling = scene.judge(Request { method: "POST", ..asked }, false).ruling;
    assert!(matches!(ruling, Ruling::Challenge(Handed::ComeAgain(_))), "{ruling:?}");
}

#[test]
fn errands_do_not_look_like_a_flood_of_requests() {
    let scene = Scene::set(&ShieldSettings::default());
    for _ in 0..100 {
        scene.ask([10, 0, 0, 1], "/.wardmote/work.js", &browser(0));
    }
    scene.ask([10, 0, 0, 1], "/", &browser(0));
    assert_eq!(scene.watch.drain().0, 1);
}

#[test]
fn who_is_let_through_slowly_counts_once_for_each_rate_and_each_rule() {
    let rate = RateTerms {
        by: vec!["ip.src".to_owned()],
        counting: None,
        requests: 10,
        period_seconds: 3_600,
        mitigation_seconds: 0,
        over: RateAction::Refuse,
    };
    let rule = |name: &str, action| ShieldRule { name: name.to_owned(), when: "not ssl".to_owned(), action };
    let rules = vec![rule("noted", RuleAction::Log), rule("ten", RuleAction::RateLimit(rate))];
    let settings = ShieldSettings { under_attack: UnderAttack::On, rules, ..ShieldSettings::default() };
    let (scene, fields) = (Scene::set(&settings), tool());
    let path = "/.well-known/acme-challenge/x";
    let ask = || scene.judge(request([10, 0, 0, 1].into(), path, &fields, scene.now()), true).ruling;
    for turn in 0..10 {
        assert!(matches!(ask(), Ruling::Pass(_)), "{turn}");
    }
    assert!(matches!(ask(), Ruling::Refuse(Refusal::Rate(_))));
    let noted = EventFilter { kind: Some(EventKind::Logged), ..EventFilter::default() };
    let told: u32 = scene.guard.events(&noted).iter().map(|event| event.stands_for).sum();
    assert!((8..=11).contains(&told), "{told}");
}

#[test]
fn strict_challenges_who_pretends_to_be_a_browser_and_balanced_does_not() {
    let mut fields = HeaderMap::new();
    let agent = "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0";
    fields.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    for (profile, mode, challenged) in [
        (Profile::Balanced, None, false),
        (Profile::Strict, None, true),
        (Profile::Strict, Some("navigate"), false),
    ] {
        let scene = Scene::set(&ShieldSettings { profile, ..ShieldSettings::default() });
        let mut fields = fields.clone();
        if let Some(mode) = mode {
            fields.insert("sec-fetch-mode", HeaderValue::from_static(mode));
        }
        let asked = Request { secure: true, ..request([10, 0, 0, 1].into(), "/", &fields, scene.now()) };
        let ruling = scene.judge(asked, false).ruling;
        assert_eq!(matches!(ruling, Ruling::Challenge(_)), challenged, "{profile:?} {mode:?}");
    }
}

#[test]
fn strict_does_not_try_a_signature_on_few_first() {
    for (profile, most) in [(Profile::Balanced, 10), (Profile::Strict, 100)] {
        let mut scene = Scene::set(&ShieldSettings { profile, ..ShieldSettings::default() });
        calm(&mut scene, 240);
        for tenth in 0..100u32 {
            for place in 0..200u32 {
                scene.served([172, 16, (place % 200) as u8, (tenth % 250) as u8], "/search", &tool(), 900);
            }
            scene.turn();
            if !scene.guard.signatures().is_empty() {
                break;
            }
        }
        let own = scene.guard.signatures().remove(0);
        assert_eq!(own.stage, "canary");
        let stopped = (0..100).filter(|n| !scene.served([172, 16, *n, 1], "/search", &tool(), 900)).count();
        assert_eq!(stopped > 50, most == 100, "{profile:?}: {stopped}");
    }
}
