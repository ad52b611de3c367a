//! What reads outside input, on seeded mutations of what is well-formed: expressions, frames, tokens and cookies.
//!
//! `fuzz/` drives the same entry points with coverage. `WARDMOTE_SEED` replays a run.

use crate::budgets::{Frame, FrameBudget, FrameLimits, FrameVerdict, Prefix};
use crate::challenge::{ChallengeSecret, Clearance, Client, Issue, IssueError, Keyring, Solved, SolvedOnce};
use crate::expression::Phase;
use crate::rules::ChallengeKind;
use crate::{BotClass, Condition, Lists, NoFields, Request, Scratch, Source, Value};
use vocabulary::{SeededRandom, Timestamp};

const NOW: i64 = 1_795_000_000;

#[allow(clippy::disallowed_methods, reason = "a test is told by the environment which run to replay")]
fn of_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// So many rounds, ten times as many when long.
fn rounds(usual: usize) -> (SeededRandom, usize) {
    let seed = of_environment("WARDMOTE_SEED").unwrap_or(1);
    println!("WARDMOTE_SEED={seed}");
    let is_long = of_environment("WARDMOTE_LONG").is_some();
    (SeededRandom::new(seed), if is_long { usual * 10 } else { usual })
}

fn below(random: &SeededRandom, most: usize) -> usize {
    random.below(most.max(1) as u64) as usize
}

/// Changed in one to four places: a byte, a piece left out, a piece said twice.
fn mutated(good: &[u8], random: &SeededRandom) -> Vec<u8> {
    let mut bytes = good.to_vec();
    for _ in 0..=random.below(4) {
        let at = below(random, bytes.len());
        let end = (at + below(random, 9)).min(bytes.len());
        match random.below(4) {
            0 if at < bytes.len() => bytes[at] = random.next_u64() as u8,
            1 => drop(bytes.drain(at..end)),
            2 => bytes.extend_from_within(at..end),
            _ => bytes.insert(at, b"()\"\\{}$.*r#~ne0"[below(random, 15)]),
        }
    }
    bytes
}

const EXPRESSIONS: [&str; 8] = [
    r#"(http.request.uri.path contains "/wp-login.php" or http.request.uri.path matches r"^/admin/.*\.php$")"#,
    r#"not ip.src in {203.0.113.0/24 2001:db8::/32 192.0.2.1..192.0.2.9} and ip.src.country ne "DE""#,
    r#"any(lower(http.request.headers["x-a"][*])[*] eq "x") xor ssl"#,
    r#"http.request.uri.args["b"][0] strict wildcard "*c*" && len(http.host) gt 3"#,
    r#"cidr(ip.src, 24, 48) eq 203.0.113.0 || http.response.code in {401 403}"#,
    r##"concat(http.host, r#"/"x"#, to_string(ip.src.asnum)) eq "\x41\"""##,
    r#"regex_replace(http.request.uri.path, "^/(a)/", "/${1}/")"#,
    r#"substring(url_decode(http.request.uri), 0, -1) in {"a" "b"}"#,
];

fn request(target: &str) -> Request<'_> {
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
        at: Timestamp::from_secs(NOW),
        response: None,
    }
}

#[test]
fn no_expression_panics_and_an_error_points_into_it() {
    let (random, rounds) = rounds(4_000);
    let (lists, mut scratch) = (Lists::none(), Scratch::default());
    let (mut taken, mut refused) = (0, 0);
    for round in 0..rounds {
        let good = EXPRESSIONS[round % EXPRESSIONS.len()].as_bytes();
        let source = String::from_utf8_lossy(&mutated(good, &random)).into_owned();
        match Condition::parse(&source, Phase::Response, &lists) {
            Ok(condition) => {
                taken += 1;
                let _ = condition.holds(&request("/a/b.php?b=c&b=%41"), &lists, &mut scratch);
            }
            Err(error) => {
                refused += 1;
                assert!(error.at() <= source.len(), "{source:?}");
                let _ = (error.to_string(), error.pointer(&source));
            }
        }
        if let Ok(value) = Value::parse(&source, Phase::Request, &lists) {
            let _ = value.write(&request("/a"), &lists, &mut scratch, &mut Vec::new());
        }
    }
    assert!(taken > rounds / 100 && refused > rounds / 2, "{taken} taken, {refused} refused");
}

#[test]
fn any_frames_at_any_instants_leave_a_verdict_and_a_flood_a_breach() {
    let (random, rounds) = rounds(300);
    let mut breached = 0;
    for _ in 0..rounds {
        let mut ms = NOW * 1000;
        let mut budget = FrameBudget::new(&FrameLimits::USUAL, Timestamp::from_millis(ms));
        let is_flood = random.below(2) == 0;
        let kind = random.below(10);
        let mut ended = false;
        for _ in 0..3_000 {
            // A clock may step back.
            ms += if is_flood { 0 } else { random.below(200) as i64 - 20 };
            let of = if is_flood { kind } else { random.below(10) };
            let verdict = budget.count(frame(of, &random, ms), Timestamp::from_millis(ms));
            ended |= verdict != FrameVerdict::Fine;
        }
        // What may come as often as one likes is told apart by its own tests.
        breached += usize::from(is_flood && ended);
    }
    assert!(breached > rounds / 4, "{breached} of {rounds}");
}

fn frame(kind: u64, random: &SeededRandom, ms: i64) -> Frame {
    match kind {
        0 => Frame::Headers,
        1 => Frame::Continuation,
        2 => Frame::Reset {
            answered: random.below(2) == 0,
            opened: Timestamp::from_millis(ms - random.below(3_000) as i64),
        },
        3 => Frame::ForcedReset,
        4 => Frame::Ping,
        5 => Frame::Settings,
        6 => Frame::WindowUpdate,
        7 => Frame::Priority,
        8 => Frame::Data { bytes: random.below(32) as u32, ends: random.below(2) == 0 },
        _ => Frame::Other,
    }
}

fn solve(token: &str, keys: &Keyring, client: &Client<'_>, now: Timestamp) -> Result<Solved, IssueError> {
    Issue::verify(token, 0, keys, client, now)?.once(&mut SolvedOnce::since(Timestamp::from_secs(0)), now)
}

#[test]
fn no_token_or_cookie_that_was_changed_is_taken() {
    let (random, rounds) = rounds(20_000);
    let now = Timestamp::from_secs(NOW);
    let keys = Keyring::new(ChallengeSecret::new([9; 32]), now);
    let client = Client {
        site: b"site",
        prefix: Prefix::of([203, 0, 113, 7].into()),
        tls: Some("t13d"),
        user_agent: b"Firefox",
    };
    let issue = Issue { kind: ChallengeKind::Silent, difficulty: 8, attempt: 0 };
    let token = issue.offer(&keys, &client, &random, now).token;
    let solved = solve(&token, &keys, &client, now).expect("it is good");
    let cookie = Clearance::grant(&solved, 3600, &keys, &client, &random, now);
    for _ in 0..rounds {
        let changed = mutated(token.as_bytes(), &random);
        if changed != token.as_bytes() {
            let text = String::from_utf8_lossy(&changed);
            assert!(solve(&text, &keys, &client, now).is_err(), "{text}");
        }
        let changed = mutated(cookie.as_bytes(), &random);
        assert!(changed == cookie.as_bytes() || Clearance::open(&changed, &keys, &client, now).is_err());
    }
}
