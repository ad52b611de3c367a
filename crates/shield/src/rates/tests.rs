use super::*;
use crate::request::{BotClass, Fields, NoFields, Request, Response, Source};
use vocabulary::{SeededRandom, Timestamp};

const START: i64 = 1_795_000_000_000;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(START + ms)
}

fn table() -> RateTable {
    RateTable::new(TableSize::SMALL, at(0))
}

fn limit(requests: u32, period: u32, mitigation: u32) -> Limit {
    Limit::new(requests, period, mitigation).expect("limit")
}

fn is_within(standing: Standing) -> bool {
    standing == Standing::Within
}

/// A key as a hash would give it.
fn key(number: u64) -> RateKey {
    let mut hasher = SipHasher24::new_with_key(&[7; 16]);
    hasher.write_u64(number);
    RateKey(hasher.finish())
}

#[test]
fn a_whole_limit_may_come_at_once_and_then_evenly() {
    let (table, limit) = (table(), limit(10, 10, 0));
    let passed = (0..20).filter(|_| is_within(table.hit(key(1), &limit, at(0)))).count();
    assert_eq!(passed, 10);
    assert!(!is_within(table.hit(key(1), &limit, at(999))));
    assert!(is_within(table.hit(key(1), &limit, at(1_000))), "one has drained");
    assert!(!is_within(table.hit(key(1), &limit, at(1_000))));
    assert!(is_within(table.hit(key(2), &limit, at(0))), "another key");
    let later = (0..20).filter(|_| is_within(table.hit(key(1), &limit, at(60_000)))).count();
    assert_eq!(later, 10, "all has drained");
}

#[test]
fn mitigation_lasts_as_long_as_it_says_and_is_told_once() {
    let (table, limit) = (table(), limit(2, 10, 30));
    for _ in 0..2 {
        assert!(is_within(table.hit(key(1), &limit, at(0))));
    }
    let over = |began| Standing::Over { retry_after: Duration::from_secs(30), began };
    assert_eq!(table.hit(key(1), &limit, at(0)), over(true));
    assert_eq!(table.hit(key(1), &limit, at(0)), over(false));
    assert!(!is_within(table.hit(key(1), &limit, at(29_999))), "although the bucket has drained");
    assert!(is_within(table.hit(key(1), &limit, at(30_000))));
}

#[test]
fn looking_counts_nothing() {
    let (table, limit) = (table(), limit(3, 10, 0));
    for _ in 0..50 {
        assert!(is_within(table.look(key(1), &limit, at(0))));
    }
    for _ in 0..3 {
        assert!(is_within(table.hit(key(1), &limit, at(0))));
    }
    assert!(!is_within(table.look(key(1), &limit, at(0))));
    assert!(is_within(table.look(key(1), &limit, at(4_000))));
}

#[test]
fn a_clock_that_steps_back_breaks_nothing() {
    let (table, limit) = (table(), limit(3, 10, 5));
    assert!(is_within(table.hit(key(1), &limit, at(100_000))));
    table.hit(key(1), &limit, at(-100_000));
    let passed = (0..20).filter(|_| is_within(table.hit(key(1), &limit, at(100_000)))).count();
    assert!(passed <= 3, "{passed}");
}

#[test]
fn every_period_and_limit_agrees_with_a_bucket_counted_plainly() {
    let random = SeededRandom::new(11);
    for _ in 0..200 {
        let requests = 1 + random.below(50) as u32;
        let period = 10 + random.below(100) as u32;
        let (table, limit) = (table(), limit(requests, period, 0));
        // Plainly: a level that drains at requests per period and may not pass the limit.
        let (mut level, mut last) = (0.0f64, 0i64);
        let mut now = 0i64;
        for _ in 0..200 {
            now += random.below(2_000) as i64;
            level =
                (level - (now - last) as f64 * f64::from(requests) / (f64::from(period) * 1000.0)).max(0.0);
            last = now;
            let passes = is_within(table.hit(key(1), &limit, at(now)));
            let room = level + 1.0 <= f64::from(requests);
            let near = (level + 1.0 - f64::from(requests)).abs() < 0.02;
            assert!(passes == room || near, "level {level} of {requests} in {period} s");
            if passes {
                level += 1.0;
            }
        }
    }
}

/// Keys that each come once, over ten seconds, while honest clients come and a busy one goes on. Gives
/// how many requests of honest clients were refused, and how many of the busy one passed.
fn flooded(table: &RateTable, keys: u64) -> (usize, usize) {
    let limit = limit(50, 10, 0);
    let busy = key(u64::MAX);
    for _ in 0..50 {
        table.hit(busy, &limit, at(0));
    }
    let (mut refused, mut passed) = (0, 0);
    for number in 0..keys {
        let now = at((number / (keys / 10_000)) as i64);
        table.hit(key(number), &limit, now);
        if number % (keys / 10_000) == 0 {
            // 500 honest clients, each every half second, and the busy one.
            let honest = key(u64::MAX - 1 - (number / (keys / 10_000)) % 500);
            refused += usize::from(!is_within(table.hit(honest, &limit, now)));
            for _ in 0..10 {
                passed += usize::from(is_within(table.hit(busy, &limit, now)));
            }
        }
    }
    (refused, passed)
}

#[test]
fn ten_million_distinct_keys_change_neither_memory_nor_the_honest() {
    let keys: u64 = if std::env::var_os("WARDMOTE_LONG").is_some() { 10_000_000 } else { 1_000_000 };
    let table = RateTable::new(TableSize::USUAL, at(0));
    let before = table.memory_bytes();
    assert!(before <= 13 * 1024 * 1024, "{before} bytes");
    let (refused, passed) = flooded(&table, keys);
    assert_eq!(table.memory_bytes(), before);
    assert_eq!(refused, 0, "no honest client was taken for a busy one");
    assert!(passed <= 60, "the busy client is still held to its limit: {passed}");
}

#[test]
fn a_table_a_thousand_times_too_small_still_holds_the_busy_and_spares_the_honest() {
    let table = table();
    let before = table.memory_bytes();
    let (refused, passed) = flooded(&table, 1_000_000);
    assert_eq!(table.memory_bytes(), before);
    assert!(refused <= 100, "{refused} of 10,000 honest requests were refused");
    assert!(passed <= 60, "the busy client is still held to its limit: {passed}");
}

#[test]
fn where_the_table_is_full_a_new_busy_key_is_still_found() {
    let (table, limit) = (table(), limit(20, 10, 0));
    // Every slot holds somebody who came ten times.
    for number in 0..4_000u64 {
        for _ in 0..10 {
            table.hit(key(number), &limit, at(0));
        }
    }
    let passed = (0..500).filter(|_| is_within(table.hit(key(9_999_999), &limit, at(1)))).count();
    assert!(passed <= 250, "{passed} of 500 passed a limit of 20 in a full table");
}

fn request<'a>(address: [u8; 4], fields: &'a dyn Fields) -> Request<'a> {
    Request {
        method: "POST",
        host: "www.example.org",
        target: "/login?user=a",
        secure: true,
        version: "HTTP/2",
        fields,
        source: Source::at(address.into()),
        tls_fingerprint: None,
        http2_fingerprint: None,
        bot: BotClass::Unknown,
        at: at(0),
        response: None,
    }
}

fn text(characteristics: &[&str], counting: Option<&str>) -> RateRuleText {
    RateRuleText {
        name: "logins".into(),
        characteristics: characteristics.iter().map(|source| (*source).to_owned()).collect(),
        counting: counting.map(str::to_owned),
        requests: 5,
        period: 60,
        mitigation: 600,
        action: RateAction::Refuse,
    }
}

#[test]
fn keys_differ_by_site_rule_and_every_characteristic_and_by_nothing_else() {
    let lists = Lists::none();
    let rule = RateRule::compile(
        &text(&["cidr(ip.src, 24, 48)", r#"http.request.uri.args["user"][0]"#, "ip.src.asnum"], None),
        &lists,
    )
    .expect("rule");
    let secret = RateSecret([1; 16]);
    let of = |site: &[u8], place: u16, request: &Request<'_>, secret: &RateSecret| {
        rule.key((site, place), secret, request, &lists, (&mut Scratch::default(), &mut Vec::new()))
    };
    let usual = request([203, 0, 113, 7], &NoFields);
    let key = of(b"a", 0, &usual, &secret);
    assert_eq!(key, of(b"a", 0, &request([203, 0, 113, 99], &NoFields), &secret), "the same network");
    assert_ne!(key, of(b"b", 0, &usual, &secret));
    assert_ne!(key, of(b"a", 1, &usual, &secret));
    assert_ne!(key, of(b"a", 0, &request([203, 0, 114, 7], &NoFields), &secret));
    assert_ne!(key, of(b"a", 0, &Request { target: "/login?user=b", ..usual }, &secret));
    assert_ne!(key, of(b"a", 0, &Request { target: "/login", ..usual }, &secret), "missing is another");
    assert_ne!(key, of(b"a", 0, &usual, &RateSecret([2; 16])), "nobody can know it beforehand");
    // What is missing keeps its place.
    let two = [r#"http.request.uri.args["a"][0]"#, r#"http.request.uri.args["b"][0]"#];
    let rule = RateRule::compile(&text(&two, None), &lists).expect("rule");
    let of = |target| {
        let request = Request { target, ..usual };
        rule.key((b"a", 0), &secret, &request, &lists, (&mut Scratch::default(), &mut Vec::new()))
    };
    assert_ne!(of("/?a=x"), of("/?b=x"));
}

#[test]
fn answers_are_counted_by_the_counting_expression() {
    let lists = Lists::none();
    let rule =
        RateRule::compile(&text(&["ip.src"], Some("http.response.code in {401 403}")), &lists).expect("rule");
    assert!(rule.counts_answers());
    let answered = |status| {
        let mut request = request([203, 0, 113, 7], &NoFields);
        request.response = Some(Response { status, fields: &NoFields });
        rule.counts(&request, &lists, &mut Scratch::default())
    };
    assert!(answered(401) && !answered(200));
}

#[test]
fn mistakes_in_rate_rules_are_told() {
    let usual = text(&["ip.src"], None);
    for (text, words) in [
        (text(&[], None), "0 characteristics"),
        (text(&["ip.src"; 9], None), "9 characteristics"),
        (
            text(&["ip.src", "ip.scr"], None),
            "characteristic 2: character 1: unknown field \"ip.scr\"; did you mean ip.src?",
        ),
        (text(&["ip.src"], Some("http.response.code")), "counting: character 19"),
        (RateRuleText { period: 9, ..usual.clone() }, "10 to 3600 s"),
        (RateRuleText { period: 3601, ..usual.clone() }, "10 to 3600 s"),
        (RateRuleText { requests: 0, ..usual.clone() }, "0 requests"),
        (RateRuleText { mitigation: 86_401, ..usual }, "mitigation"),
    ] {
        let error = RateRule::compile(&text, &Lists::none()).expect_err(words);
        assert!(error.to_string().contains(words), "{error}");
    }
}
