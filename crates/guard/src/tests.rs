//! The whole of the guard, with a clock of the test's own: what is decided, in which order, and what comes of it.

use crate::{Asked, Desk, Driver, EventFilter, Guard, Handed, Judged, Ruling, Watch};
use http::{HeaderMap, HeaderValue, header};
use shield::adaptive::Outcome;
use shield::budgets::{Breach, Prefix};
use shield::challenge::ChallengeSecret;
use shield::events::EventKind;
use shield::rates::RateAction;
use shield::{BotClass, Request, Source};
use snapshot::{
    Gate, OperatorShield, Profile, RateTerms, RuleAction, ShieldRule, ShieldSettings, SiteShield, UnderAttack,
};
use std::net::IpAddr;
use std::sync::Arc;
use vocabulary::{SeededRandom, SiteId, Timestamp};

mod carpet;
mod crawling;
mod ways;

const BEGAN: i64 = 1_795_000_000;

struct Scene {
    guard: Arc<Guard>,
    desk: Arc<Desk>,
    driver: Driver,
    watch: Arc<Watch>,
    settings: SiteShield,
    gate: Gate,
    ms: i64,
}

impl Scene {
    fn set(settings: &ShieldSettings) -> Self {
        let now = Timestamp::from_secs(BEGAN);
        let guard = Arc::new(Guard::new(Arc::new(SeededRandom::new(3)), ChallengeSecret::new([7; 32]), now));
        Self {
            desk: guard.desk(),
            driver: Driver::new(Arc::clone(&guard)),
            guard,
            watch: Watch::new(SiteId::from_bytes([5; 16])),
            settings: SiteShield::check(settings, 1, &OperatorShield::default()).expect("settings"),
            gate: Gate::default(),
            ms: BEGAN * 1000,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.ms)
    }

    fn ask(&self, client: [u8; 4], target: &str, fields: &HeaderMap) -> Judged {
        self.judge(request(client.into(), target, fields, self.now()), false)
    }

    fn judge(&self, request: Request<'_>, is_proof: bool) -> Judged {
        self.guard.judge(
            &self.desk,
            &Asked {
                request,
                locate: &Source::at,
                watch: &self.watch,
                settings: &self.settings,
                gate: &self.gate,
                ray: &"00",
                is_proof,
            },
        )
    }

    /// A request that passes costs the origin so many milliseconds.
    fn served(&self, client: [u8; 4], target: &str, fields: &HeaderMap, ms: u32) -> bool {
        let passed = matches!(self.ask(client, target, fields).ruling, Ruling::Pass(_));
        if passed {
            let outcome = Outcome { ms, failed: false };
            let seen = || request(client.into(), target, fields, self.now());
            self.guard.answered(&self.desk, &self.watch, outcome, seen);
        }
        passed
    }

    /// Lets a tenth of a second go by.
    fn turn(&mut self) {
        self.ms += 100;
        self.driver.turn(self.now());
    }
}

fn request<'a>(client: IpAddr, target: &'a str, fields: &'a HeaderMap, at: Timestamp) -> Request<'a> {
    Request {
        method: "GET",
        host: "a.test",
        target,
        secure: false,
        version: "HTTP/1.1",
        fields,
        source: Source::at(client),
        tls_fingerprint: None,
        http2_fingerprint: None,
        bot: BotClass::Unknown,
        at,
        response: None,
    }
}

fn browser(kind: usize) -> HeaderMap {
    let agents = ["Firefox/130", "Chrome/128", "Safari/17", "Edge/128"];
    let mut fields = HeaderMap::new();
    fields.insert(header::USER_AGENT, HeaderValue::from_static(agents[kind % agents.len()]));
    fields.insert(header::ACCEPT, HeaderValue::from_static("text/html"));
    if kind.is_multiple_of(2) {
        fields.insert(header::ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
    }
    fields
}

fn tool() -> HeaderMap {
    let mut fields = HeaderMap::new();
    fields.insert(header::USER_AGENT, HeaderValue::from_static("flood/1"));
    fields
}

/// A usual second: visitors from everywhere, several browsers, many pages.
fn calm(scene: &mut Scene, seconds: u32) {
    for n in 0..seconds * 10 {
        for place in 0..4u32 {
            let at = (n * 4 + place) as usize;
            let client = [10, (at % 97) as u8, (at % 251) as u8, 1];
            scene.served(client, &format!("/page/{}", at % 40), &browser(at), 20);
        }
        scene.turn();
    }
}

#[test]
fn a_flood_is_found_tried_and_stopped_and_visitors_are_not() {
    let mut scene = Scene::set(&ShieldSettings::default());
    calm(&mut scene, 240);
    let (mut stopped_after, mut lost) = (None, 0);
    for tenth in 0..300u32 {
        let mut through = 0;
        for place in 0..200u32 {
            let client = [172, 16, (place % 200) as u8, (tenth % 250) as u8];
            through += u32::from(scene.served(client, "/search", &tool(), 900));
        }
        if through * 10 <= 200 && stopped_after.is_none() {
            stopped_after = Some(tenth);
        }
        for place in 0..4u32 {
            let at = (tenth * 4 + place) as usize;
            let client = [10, (at % 97) as u8, (at % 251) as u8, 1];
            lost += u32::from(!scene.served(client, &format!("/page/{}", at % 40), &browser(at), 20));
        }
        scene.turn();
    }
    let stopped_after = stopped_after.expect("the flood is stopped");
    assert!(stopped_after <= 40, "after {stopped_after} tenths of a second");
    assert!(lost * 100 <= 1_200, "{lost} of 1200 visitors were lost");
    let found = scene.guard.signatures();
    assert_eq!(found.len(), 1, "one attack, one signature: {found:?}");
    assert!(found[0].items.iter().all(|item| item.value.is_some()), "{found:?}");
    let state = EventFilter { kind: Some(EventKind::Signature), ..EventFilter::default() };
    let told = scene.guard.events(&state);
    assert!(
        told.iter().any(|event| event.reason == "signature-found" && !event.evidence.is_empty()),
        "{told:?}"
    );
    // Somebody undoes it: what it stopped passes again, and it is left alone.
    for own in &found {
        assert!(scene.guard.undo(own.site, &own.id));
    }
    scene.turn();
    assert!(scene.guard.signatures().is_empty());
    assert!(scene.served([172, 16, 1, 1], "/search", &tool(), 20));
    assert!(!scene.guard.undo(found[0].site, &found[0].id), "there is none of it any more");
}

#[test]
fn a_crowd_that_follows_a_link_is_let_in() {
    let mut scene = Scene::set(&ShieldSettings::default());
    calm(&mut scene, 240);
    for tenth in 0..600u32 {
        for place in 0..60u32 {
            let at = (tenth * 60 + place) as usize;
            let client = [10, (at % 97) as u8, (at % 251) as u8, 1];
            assert!(scene.served(client, "/page/new", &browser(at), 30), "{tenth}");
        }
        scene.turn();
    }
    assert!(scene.guard.signatures().is_empty());
    assert!(scene.guard.events(&EventFilter::default()).is_empty());
}

#[test]
fn monitor_finds_the_flood_and_stops_nothing() {
    let mut scene = Scene::set(&ShieldSettings { profile: Profile::Monitor, ..ShieldSettings::default() });
    calm(&mut scene, 240);
    for tenth in 0..100u32 {
        for place in 0..200u32 {
            let client = [172, 16, (place % 200) as u8, (tenth % 250) as u8];
            assert!(scene.served(client, "/search", &tool(), 900));
        }
        scene.turn();
    }
    assert!(!scene.guard.signatures().is_empty());
    let events = scene.guard.events(&EventFilter { limit: 1_000, ..EventFilter::default() });
    let done = events.iter().filter(|event| event.what == EventKind::Challenged);
    assert!(done.clone().count() > 0 && done.clone().all(|event| !event.acted));
}

#[test]
fn buffers_stay_bounded_while_nobody_fetches() {
    let scene = Scene::set(&ShieldSettings::default());
    for n in 0..200_000u32 {
        scene.served([10, (n >> 16) as u8, (n >> 8) as u8, n as u8], "/", &tool(), 900);
    }
    let mut samples = Vec::new();
    let touched = scene.guard.fetch(&mut samples);
    assert!(samples.len() <= crate::SAMPLES_MAX, "{}", samples.len());
    assert_eq!(touched.len(), 1, "a site is named once");
}

#[test]
fn under_attack_challenges_browsers_and_turns_programs_away() {
    let scene = Scene::set(&ShieldSettings { under_attack: UnderAttack::On, ..ShieldSettings::default() });
    let page = scene.ask([10, 0, 0, 1], "/", &browser(0)).ruling;
    assert!(matches!(page, Ruling::Challenge(Handed::Page(_))), "{page:?}");
    let program = scene.ask([10, 0, 0, 1], "/", &tool()).ruling;
    assert!(matches!(program, Ruling::Challenge(Handed::ComeAgain(_))), "{program:?}");
}

#[test]
fn a_request_that_nothing_is_set_against_passes_without_a_note() {
    let scene = Scene::set(&ShieldSettings::default());
    let judged = scene.ask([10, 0, 0, 1], "/", &browser(0));
    assert!(judged.note.is_none());
    assert!(matches!(judged.ruling, Ruling::Pass(passage) if passage.changes.is_empty()));
}

#[test]
fn with_every_table_full_visitors_pass_and_a_rate_still_holds() {
    let limit = RateTerms {
        by: vec!["ip.src".to_owned()],
        counting: None,
        requests: 20,
        period_seconds: 3_600,
        mitigation_seconds: 0,
        over: RateAction::Refuse,
    };
    let rules = ["a", "b"].map(|name| ShieldRule {
        name: name.to_owned(),
        when: "not ssl".to_owned(),
        action: RuleAction::RateLimit(limit.clone()),
    });
    let mut scene = Scene::set(&ShieldSettings { rules: rules.into(), ..ShieldSettings::default() });
    // More keys than there are counters, more slow passes than places, more samples and events than are kept.
    for n in 0..600_000u32 {
        let [_, a, b, c] = n.to_be_bytes();
        scene.ask([a ^ 100, b, c, 1], "/", &tool());
        let visitor = (scene.watch.site(), Prefix::of([a, b, c, 1].into()), &b"tool"[..]);
        scene.guard.paced.grant(visitor, scene.now());
        scene.guard.note_breach([a, b, c, 1].into(), Breach::Continuation, scene.now());
    }
    scene.turn();
    let passed = |client: [u8; 4]| matches!(scene.ask(client, "/", &browser(1)).ruling, Ruling::Pass(_));
    let strangers = (0..200u8).filter(|n| passed([203, 0, *n, 7])).count();
    assert!(strangers >= 198, "{strangers} of 200");
    let busy = (0..200).filter(|_| passed([198, 51, 100, 1])).count();
    assert!((15..=30).contains(&busy), "{busy} of 200 from one address that may come 20 times");
    let kept = scene.guard.events(&EventFilter { limit: usize::MAX, ..EventFilter::default() }).len();
    assert!(kept <= crate::ALONE_MAX + crate::CROWDED_MAX + crate::STATE_MAX);
}
