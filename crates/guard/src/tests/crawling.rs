//! Crawlers that are who they say, and those that only say so.

use super::*;
use crate::Refusal;
use shield::crawlers::{Crawlers, Finding};
use shield::lists::ListKind;
use snapshot::{ListSource, OperatorList, RuleAction, ShieldRule};

const GENUINE: [u8; 4] = [192, 0, 2, 9];
const PRETENDING: [u8; 4] = [198, 51, 100, 9];

fn knowing(settings: &ShieldSettings) -> Scene {
    let mut scene = Scene::set(settings);
    let crawlers = Crawlers::parse("crawler ExampleBot .crawl.test\nlisted ListedBot 203.0.113.0/24 $own");
    let guard = Guard::new(Arc::new(SeededRandom::new(3)), ChallengeSecret::new([7; 32]), scene.now());
    scene.guard = Arc::new(guard.knowing(crawlers.expect("crawlers")));
    scene.desk = scene.guard.desk();
    scene.driver = Driver::new(Arc::clone(&scene.guard));
    scene
}

fn crawler(agent: &'static str) -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    fields
}

/// What DNS would say.
fn settle(scene: &Scene) -> usize {
    let mut settled = 0;
    while let Some((question, own)) = scene.guard.next_claim() {
        assert_eq!(own.name(), "crawler");
        let is_genuine = question.address == IpAddr::from(GENUINE);
        let finding = if is_genuine { Finding::Confirmed } else { Finding::Refuted };
        scene.guard.settle_claim(&question, finding, scene.now());
        settled += 1;
    }
    settled
}

fn attacked() -> ShieldSettings {
    ShieldSettings { under_attack: UnderAttack::On, ..ShieldSettings::default() }
}

#[test]
fn a_crawler_that_is_who_it_says_passes_challenges_at_its_pace_and_others_do_not() {
    let (scene, fields) = (knowing(&attacked()), crawler("Mozilla/5.0 (compatible; ExampleBot/2.1)"));
    let ask = |client| scene.ask(client, "/", &fields).ruling;
    for client in [GENUINE, PRETENDING] {
        let ruling = ask(client);
        assert!(
            matches!(ruling, Ruling::Challenge(Handed::ComeAgain(_))),
            "nothing is known yet: {ruling:?}"
        );
    }
    assert_eq!(settle(&scene), 2, "each is asked for once");
    assert!(matches!(ask(GENUINE), Ruling::Pass(_)));
    assert!(matches!(ask(PRETENDING), Ruling::Challenge(_)));
    assert_eq!(settle(&scene), 0);
    let passed = (0..1_000).filter(|_| matches!(ask(GENUINE), Ruling::Pass(_))).count();
    assert_eq!(passed, 599);
    assert!(matches!(ask(GENUINE), Ruling::Refuse(Refusal::Rate(_))));
}

#[test]
fn where_nobody_is_challenged_nobody_is_asked_for() {
    let (scene, fields) = (knowing(&ShieldSettings::default()), crawler("ExampleBot"));
    assert!(matches!(scene.ask(GENUINE, "/", &fields).ruling, Ruling::Pass(_)));
    assert_eq!(settle(&scene), 0);
}

#[test]
fn rules_see_who_was_verified_and_who_only_says_so_and_can_block_both() {
    let rule = |name: &str, when: &str| ShieldRule {
        name: name.to_owned(),
        when: when.to_owned(),
        action: RuleAction::Block,
    };
    let rules = vec![
        rule("impostors", "bot.class eq \"impostor\""),
        rule("not here", "cf.client.bot and http.request.uri.path eq \"/private\""),
    ];
    let (scene, fields) = (knowing(&ShieldSettings { rules, ..attacked() }), crawler("ExampleBot"));
    let ask = |client, target| scene.ask(client, target, &fields).ruling;
    ask(GENUINE, "/");
    ask(PRETENDING, "/");
    settle(&scene);
    assert!(matches!(ask(GENUINE, "/"), Ruling::Pass(_)));
    assert!(matches!(ask(GENUINE, "/private"), Ruling::Refuse(Refusal::Rule)));
    assert!(matches!(ask(PRETENDING, "/"), Ruling::Refuse(Refusal::Rule)));
}

#[test]
fn networks_and_lists_of_the_operator_need_no_name() {
    let mut scene = knowing(&attacked());
    let list = OperatorList {
        kind: ListKind::Address,
        source: ListSource::Items(vec!["192.0.2.0/24".to_owned()]),
        acting: None,
    };
    let operator = OperatorShield { lists: [("own".to_owned(), list)].into(), ..OperatorShield::default() };
    scene.gate = Gate::of(&operator).expect("a gate");
    let fields = crawler("ListedBot");
    for (client, passes) in [([203, 0, 113, 1], true), (GENUINE, true), (PRETENDING, false)] {
        let ruling = scene.ask(client, "/", &fields).ruling;
        assert_eq!(matches!(ruling, Ruling::Pass(_)), passes, "{client:?}: {ruling:?}");
    }
    assert_eq!(settle(&scene), 0);
}

#[test]
fn a_signature_that_meets_a_crawler_does_not_stop_it() {
    let mut scene = knowing(&ShieldSettings::default());
    calm(&mut scene, 240);
    let fields = crawler("ExampleBot");
    for tenth in 0..200u32 {
        for place in 0..200u32 {
            scene.served([172, 16, (place % 200) as u8, (tenth % 250) as u8], "/search", &fields, 900);
        }
        scene.turn();
    }
    assert!(scene.guard.signatures().iter().any(|own| own.stage == "block"));
    // Many pretend to be it; it is asked for when there is room.
    settle(&scene);
    scene.ask(GENUINE, "/search", &fields);
    settle(&scene);
    assert!(matches!(scene.ask(GENUINE, "/search", &fields).ruling, Ruling::Pass(_)));
    assert!(matches!(scene.ask([172, 16, 1, 1], "/search", &fields).ruling, Ruling::Refuse(Refusal::Attack)));
}
