//! The life of a mitigation, the sharing of slabs, and what a request's attributes are.

use super::population::Draw::{Own, Rank};
use super::*;
use crate::adaptive::record::SiteRecord;
use crate::request::{BotClass, NoFields, Request, Source};
use Attribute::{
    Address, HeaderOrder, Http2, Path, PathTemplate, Prefix, QueryKeys, Referer, Tls, UserAgent,
};

/// A site that is asked a hundred times a second by visitors and, when attacked, a thousand times more.
struct Site {
    engine: Adaptive,
    record: SiteRecord,
    random: SeededRandom,
    visitors: Visitors,
    second: i64,
    events: Vec<Event>,
}

const SITE: SiteKey = SiteKey(1);

impl Site {
    fn learnt() -> Self {
        let random = SeededRandom::new(3);
        let visitors = Visitors::new(&random);
        let engine = Adaptive::with_slabs(&random, 2);
        let mut site =
            Self { engine, record: SiteRecord::default(), random, visitors, second: 0, events: Vec::new() };
        for _ in 0..200 {
            site.second_with(None, 0.0);
        }
        assert_eq!(site.events, []);
        site
    }

    /// One second; a part of those challenged passes. How many of the crowd were acted upon.
    fn second_with(&mut self, crowd: Option<Crowd>, passes: f64) -> usize {
        let now = at(self.second * 1_000);
        self.second += 1;
        self.engine.tick(SITE, &mut self.record, false, now, &mut self.events);
        let mut acted = 0;
        let of_crowd = if crowd.is_some() { 1_000 } else { 0 };
        for number in 0..100 + of_crowd {
            let kind = if number < 100 { Crowd::usual(0) } else { crowd.unwrap_or(Crowd::usual(0)) };
            let row = kind.request(&self.visitors, &self.random);
            let treatment = self.engine.observe(SITE, &mut self.record, &row, false, now);
            acted += usize::from(number >= 100 && treatment != Treatment::Pass);
            if let Treatment::Challenge(signature) = treatment
                && (self.random.below(100) as f64) < passes * 100.0
            {
                self.engine.passed(SITE, &self.record, &signature);
            }
        }
        acted
    }
}

fn tool() -> Crowd {
    Crowd::usual(9).with(Tls, Own(1)).with(HeaderOrder, Own(1)).with(Http2, Own(1)).with(Path, Rank(0))
}

fn stages(events: &[Event]) -> Vec<String> {
    events
        .iter()
        .map(|event| match event {
            Event::Began(..) => "began".to_owned(),
            Event::Became(_, _, stage) => format!("{stage:?}"),
            Event::Ended { why, .. } => format!("{why:?}"),
        })
        .collect()
}

#[test]
fn it_is_tried_then_challenged_then_blocked_then_forgotten() {
    let mut site = Site::learnt();
    for _ in 0..20 {
        site.second_with(Some(tool()), 0.0);
    }
    for _ in 0..70 {
        site.second_with(None, 0.0);
    }
    assert_eq!(stages(&site.events), ["began", "Challenge", "Block", "Forgotten"]);
    let Some(Event::Began(_, signature, evidence)) = site.events.first() else { panic!("it began") };
    assert!(evidence.usual_share <= 0.01 && evidence.coverage > 0.5 && !evidence.distress, "{evidence:?}");
    assert!((1..=4).contains(&signature.items().len()), "{signature}");
    assert_eq!(site.engine.mitigations(SITE, &site.record).count(), 0);
}

#[test]
fn when_those_challenged_are_people_it_is_undone_and_left_alone() {
    let mut site = Site::learnt();
    for _ in 0..30 {
        site.second_with(Some(tool()), 0.9);
    }
    let stages = stages(&site.events);
    assert_eq!(stages.iter().filter(|stage| *stage == "Mistaken").count(), 1, "{stages:?}");
    assert_eq!(stages.iter().filter(|stage| *stage == "began").count(), 1, "{stages:?}");
    assert!(!stages.contains(&"Block".to_owned()));
}

#[test]
fn what_is_undone_by_hand_stays_undone() {
    let mut site = Site::learnt();
    for _ in 0..5 {
        site.second_with(Some(tool()), 0.0);
    }
    let (signature, _) = site.engine.mitigations(SITE, &site.record).next().expect("a mitigation");
    let now = at(site.second * 1_000);
    assert!(site.engine.undo(SITE, &site.record, &signature, now).is_some());
    assert!(site.engine.undo(SITE, &site.record, &signature, now).is_none());
    for _ in 0..10 {
        assert_eq!(site.second_with(Some(tool()), 0.0), 0, "nothing is acted upon any more");
    }
}

/// An attacker who looks exactly like the most usual visitors gets nobody else refused.
#[test]
fn the_innocent_cannot_be_framed() {
    let mut site = Site::learnt();
    let framing = Crowd::usual(9).with(UserAgent, Rank(0)).with(Tls, Rank(0)).with(HeaderOrder, Rank(0));
    let framing =
        framing.with(Http2, Rank(0)).with(Path, Rank(0)).with(Referer, Rank(0)).with(Prefix, Rank(0));
    for _ in 0..30 {
        site.second_with(Some(framing), 0.0);
    }
    let mut met = 0;
    for _ in 0..10_000 {
        let row = Crowd::usual(0).request(&site.visitors, &site.random);
        let now = at(site.second * 1_000);
        met += usize::from(site.engine.observe(SITE, &mut site.record, &row, false, now) != Treatment::Pass);
    }
    assert!(met <= 100, "{met} of 10,000 visitors were acted upon");
}

#[test]
fn a_record_has_64_bytes_and_a_million_sites_with_all_slabs_fit_600_mib() {
    assert_eq!(size_of::<SiteRecord>(), 64);
    let mut site = Site::learnt();
    site.second_with(None, 0.0);
    let slab = crate::adaptive::slab::Slab::new(SITE).memory_bytes();
    assert!(slab <= SLAB_BYTES_MAX, "{slab} bytes");
    let shared = site.engine.memory_bytes() - site.engine.hot().count() * slab;
    let all = 1_000_000 * size_of::<SiteRecord>() + HOT_SITES_MAX * slab + shared;
    assert!(all <= 600 << 20, "{all} bytes");
}

#[test]
fn busy_sites_share_the_slabs_and_a_site_in_trouble_takes_one() {
    let random = SeededRandom::new(4);
    let visitors = Visitors::new(&random);
    let mut engine = Adaptive::with_slabs(&random, 8);
    let mut records = vec![SiteRecord::default(); 100];
    for second in 0..120 {
        for (number, record) in records.iter_mut().enumerate() {
            // The last site is too quiet for a slab, until it is flooded.
            let quiet = number == 99;
            let count = if quiet && second < 110 {
                usize::from(second % 4 == 0)
            } else if quiet {
                500
            } else {
                2
            };
            for _ in 0..count {
                let row = Crowd::usual(0).request(&visitors, &random);
                engine.observe(SiteKey(number as u64), record, &row, false, at(second * 1_000));
            }
        }
    }
    let hot: Vec<SiteKey> = engine.hot().collect();
    assert!(hot.len() <= 8 && hot.contains(&SiteKey(99)), "{hot:?}");
    assert!(engine.memory_bytes() <= 8 * SLAB_BYTES_MAX + (5 << 20));
}

fn plain(target: &str) -> Request<'_> {
    Request {
        method: "GET",
        host: "www.example.org",
        target,
        secure: true,
        version: "HTTP/2",
        fields: &NoFields,
        source: Source::at([203, 0, 113, 7].into()),
        tls_fingerprint: None,
        http2_fingerprint: None,
        bot: BotClass::Unknown,
        at: at(0),
        response: None,
    }
}

#[test]
fn attributes_leave_out_what_changes_with_each_request() {
    let maker = Fingerprinter::fresh(&SeededRandom::new(1));
    let of = |target| maker.attributes(&plain(target), CacheStatus::Miss);
    let (one, other) = (of("/item/123/view?id=5&b=6"), of("/item/98765/view?id=7&b=8"));
    assert_eq!(one.hash(PathTemplate), other.hash(PathTemplate));
    assert_eq!(one.hash(QueryKeys), other.hash(QueryKeys));
    assert_ne!(one.hash(Path), other.hash(Path));
    assert_ne!(one.hash(PathTemplate), of("/shop/123/view").hash(PathTemplate));
    assert_ne!(one.hash(QueryKeys), of("/item/123/view?b=6&id=5").hash(QueryKeys));
    let another = Fingerprinter::fresh(&SeededRandom::new(2));
    assert_ne!(maker.0, another.0, "hashes cannot be known beforehand");
}

#[test]
fn a_browser_that_sends_a_form_is_the_same_program() {
    let maker = Fingerprinter::fresh(&SeededRandom::new(1));
    let of = |names: &[&'static str]| {
        let mut fields = http::HeaderMap::new();
        for name in names {
            fields.append(*name, http::HeaderValue::from_static("1"));
        }
        let request = Request { fields: &fields, ..plain("/vote?utm_source=a&fbclid=x1&id=2") };
        maker.attributes(&request, CacheStatus::Miss)
    };
    let page = of(&["user-agent", "accept", "accept-language"]);
    let form = of(&["user-agent", "accept", "origin", "accept-language", "content-type", "content-length"]);
    assert_eq!(page.hash(HeaderOrder), form.hash(HeaderOrder));
    assert_ne!(page.hash(HeaderOrder), of(&["accept", "user-agent", "accept-language"]).hash(HeaderOrder));
    let link = maker.attributes(&plain("/vote?fbclid=y2&id=2"), CacheStatus::Miss);
    assert_eq!((page.hash(Address), page.hash(QueryKeys)), (link.hash(Address), link.hash(QueryKeys)));
}

/// Rows of which a part has one TLS fingerprint and all else differs.
fn rows(count: u32, with: u32) -> Vec<Attributes> {
    let row = |number: u32| {
        let mut hashes = [0; 16];
        for (place, hash) in hashes.iter_mut().enumerate() {
            *hash = number * 16 + place as u32 + 1_000;
        }
        hashes[Tls as usize] = if number < with { 7 } else { number + 1_000_000 };
        Attributes::from_hashes(hashes)
    };
    (0..count).map(row).collect()
}

#[test]
fn a_signature_must_spare_the_usual_and_be_rare_among_them() {
    let reference = crate::adaptive::reference::Reference::new(1);
    // Of 1,000 calm requests so many have it, and of 1,000 now so many.
    for (calm, now, distress, is_found) in [
        (0, 950, false, true),
        (20, 950, false, true),
        (30, 200, false, false),
        (30, 200, true, true),
        (80, 990, false, false),
        (300, 990, true, false),
    ] {
        let now: Vec<(Attributes, f32)> = rows(1_000, now).into_iter().map(|row| (row, 1.0)).collect();
        let calm_rows = rows(1_000, calm);
        let question = crate::adaptive::search::Question {
            rows: &now,
            calm: &calm_rows,
            shared: (&reference, SITE),
            usual_weight: 50.0,
            distress,
            is_vast: true,
            knows_usual: true,
            is_everywhere: false,
        };
        let found = crate::adaptive::search::search(&question);
        assert_eq!(found.is_some(), is_found, "{calm} of 1,000: {found:?}");
        assert!(
            found.is_none_or(
                |found| found.usual_share <= 0.05 && found.lift >= if distress { 3.0 } else { 8.0 }
            )
        );
    }
}

/// Sites of an edge, and all of them together.
struct Edge {
    engine: Adaptive,
    all: SiteRecord,
    sites: Vec<SiteRecord>,
    random: SeededRandom,
    visitors: Visitors,
    second: i64,
    events: Vec<Event>,
}

impl Edge {
    /// Two hundred sites that are asked once in two seconds each; the last one by a program of its own alone.
    fn learnt() -> Self {
        let random = SeededRandom::new(5);
        let mut edge = Self {
            engine: Adaptive::with_slabs(&random, 8),
            all: SiteRecord::default(),
            sites: vec![SiteRecord::default(); 200],
            visitors: Visitors::new(&random),
            random,
            second: 0,
            events: Vec::new(),
        };
        // One window of the shared sketch and the beginning of the next.
        for _ in 0..620 {
            edge.second_with(None, 0);
        }
        assert_eq!(edge.events, []);
        edge
    }

    fn second_with(&mut self, crowd: Option<Crowd>, sites: u64) {
        let now = at(self.second * 1_000);
        self.second += 1;
        self.engine.tick(EVERYWHERE, &mut self.all, false, now, &mut self.events);
        for site in 0..200 {
            if self.random.below(2) == 0 {
                let kind = if site == 199 { program() } else { Crowd::usual(0) };
                self.request(site, kind, now);
            }
        }
        for _ in 0..crowd.map_or(0, |_| 800) {
            self.request(self.random.below(sites) as usize, crowd.unwrap_or(Crowd::usual(0)), now);
        }
    }

    fn request(&mut self, site: usize, kind: Crowd, now: Timestamp) {
        let row = kind.request(&self.visitors, &self.random);
        let key = SiteKey(site as u64);
        if self.engine.mitigations(EVERYWHERE, &self.all).any(|(signature, _)| signature.matches(&row)) {
            return;
        }
        self.engine.show(key, &mut self.sites[site], (&row, 1), now);
        self.engine.show_everywhere(&mut self.all, (key, &row, 1), now);
    }
}

fn program() -> Crowd {
    Crowd::usual(3).with(Tls, Own(1)).with(HeaderOrder, Own(1)).with(UserAgent, Own(1))
}

#[test]
fn a_flood_over_many_sites_is_found_although_none_of_them_sees_much_of_it() {
    let mut edge = Edge::learnt();
    for _ in 0..4 {
        edge.second_with(Some(tool()), 200);
    }
    let found: Vec<Signature> =
        edge.engine.mitigations(EVERYWHERE, &edge.all).map(|(signature, _)| signature).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    let row = tool().request(&edge.visitors, &edge.random);
    assert!(found[0].matches(&row) && found[0].items().iter().all(|(attribute, _)| *attribute != Address));
}

#[test]
fn what_is_one_sites_affair_is_not_acted_upon_at_all_of_them() {
    let mut edge = Edge::learnt();
    for _ in 0..4 {
        edge.second_with(Some(tool()), 3);
    }
    assert_eq!(edge.engine.mitigations(EVERYWHERE, &edge.all).count(), 0, "three sites are not many");
    // The program that one site is asked by alone attacks all others.
    let mut edge = Edge::learnt();
    for _ in 0..4 {
        edge.second_with(Some(program()), 199);
    }
    let now = at(edge.second * 1_000);
    for (signature, _) in edge.engine.mitigations(EVERYWHERE, &edge.all) {
        let farthest = |site: usize| edge.engine.farthest_at(SiteKey(site as u64), true, &signature, now);
        assert_eq!(farthest(199), None, "{signature}");
        assert!(farthest(1).is_some(), "{signature}");
        // Of a quiet site nothing is known.
        let quiet = |pressed| edge.engine.farthest_at(SiteKey(7_777), pressed, &signature, now);
        assert_eq!((quiet(false), quiet(true)), (None, Some(Stage::Challenge)), "{signature}");
    }
}

/// One of forty people, each at home in a network of its own, with one of four browsers.
fn neighbour(number: u64, random: &SeededRandom) -> Attributes {
    let browser = number % 4;
    let values = Attribute::ALL.map(|attribute| match attribute {
        Prefix => number,
        Tls | Http2 | HeaderOrder | UserAgent | Attribute::Language => browser,
        Path | Address => random.below(40).min(random.below(40)),
        Referer | Attribute::Cookies => 0,
        _ => 1,
    });
    let mut place = 0;
    Attributes::from_hashes(values.map(|value| {
        place += 1;
        (place << 16) | value as u32
    }))
}

#[test]
fn failures_that_meet_visitors_by_chance_point_at_none_of_them() {
    let mut began = 0;
    for seed in 1..=20 {
        let random = SeededRandom::new(seed);
        let mut engine = Adaptive::with_slabs(&random, 2);
        let (mut record, mut events) = (SiteRecord::default(), Vec::new());
        for second in 0..120 {
            let now = at(second * 1_000);
            engine.tick(SITE, &mut record, false, now, &mut events);
            for number in 0..40 {
                let row = neighbour(number, &random);
                engine.observe(SITE, &mut record, &row, false, now);
                // Somebody else keeps the origin busy, a third of the time.
                let failed = second >= 70 && random.below(100) < 30;
                let ms = if failed { 3_000 } else { 20 };
                engine.answered(SITE, &mut record, &row, Outcome { ms, failed }, now);
            }
        }
        began += events.len();
    }
    assert_eq!(began, 0, "no visitor is taken for the attack");
}
