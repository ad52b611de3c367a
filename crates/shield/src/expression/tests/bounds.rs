//! Bounds: length, depth, steps, memory; and that no input panics.

use super::*;
use crate::expression::scratch::SCRATCH_BYTES;
use vocabulary::SeededRandom;

fn refused(source: &str) -> String {
    match Condition::parse(source, Phase::Request, &lists()) {
        Err(error) => error.to_string(),
        Ok(_) => panic!("accepted: {}", &source[..source.len().min(80)]),
    }
}

fn accepted(source: &str) -> Condition {
    Condition::parse(source, Phase::Request, &lists()).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn an_expression_has_at_most_4_kib() {
    let of = |length: usize| format!("ssl{}", " ".repeat(length - 3));
    accepted(&of(EXPRESSION_BYTES_MAX));
    assert!(refused(&of(EXPRESSION_BYTES_MAX + 1)).contains("at most 4096"));
}

#[test]
fn nesting_ends_at_32_levels_of_any_kind() {
    for (open, close) in [("(", ")"), ("not ", ""), ("!", ""), ("(not ", ")")] {
        let levels = NESTING_MAX / open.matches(['(', '!', 'n']).count().clamp(1, 2);
        accepted(&format!("{}ssl{}", open.repeat(levels), close.repeat(levels)));
        assert!(
            refused(&format!("{}ssl{}", open.repeat(levels + 1), close.repeat(levels + 1))).contains("32")
        );
    }
    let calls = |levels| format!("{}http.host{} eq \"x\"", "lower(".repeat(levels), ")".repeat(levels));
    accepted(&calls(NESTING_MAX));
    assert!(refused(&calls(NESTING_MAX + 1)).contains("nested"));
    // Chains are not nested, however long.
    accepted(&format!("ssl{}", " or ssl".repeat(500)));
}

#[test]
fn patterns_of_one_expression_are_counted() {
    let of = |count: usize| vec![r#"http.host ~ "a""#; count].join(" or ");
    accepted(&of(PATTERNS_MAX));
    assert!(refused(&of(PATTERNS_MAX + 1)).contains("patterns"));
}

#[test]
fn a_set_of_rules_costs_few_steps_and_no_memory() {
    // Twenty ordinary rules of which none holds, so that all are looked at.
    let rules = [
        r#"http.request.uri.path contains "/wp-login.php""#,
        r#"http.request.uri.path in {"/xmlrpc.php" "/.env" "/.git/config"}"#,
        r#"ip.src in {192.0.2.0/24 198.51.100.0/24} and not ssl"#,
        r#"ip.src in $elsewhere"#,
        r#"ip.src.country in {"XA" "XB" "XC"} and http.request.method eq "POST""#,
        r#"ip.src.asnum in {1 2 3 64600..64700}"#,
        r#"http.user_agent contains "sqlmap" or http.user_agent contains "nikto""#,
        r#"http.host ne "www.example.org""#,
        r#"starts_with(http.request.uri.path, "/admin") and not ip.src in $office"#,
        r#"http.request.method in {"TRACE" "TRACK"}"#,
        r#"len(http.request.uri.query) gt 2048"#,
        r#"lower(http.request.uri.path) contains "/etc/passwd""#,
        r#"any(http.request.headers["x-token"][*] eq "forged")"#,
        r#"http.referer contains "spam.example""#,
        r#"http.request.uri.path matches "^/api/v[0-9]+/internal""#,
        r#"http.request.full_uri wildcard "https://old.example.org/*""#,
        r#"not ssl and http.request.uri.path eq "/login""#,
        r#"http.request.version eq "HTTP/1.0""#,
        r#"url_decode(http.request.uri.query) contains "<script""#,
        r#"tls.fingerprint in {"t13d1516h2_000000000000_000000000000"}"#,
    ];
    let (lists, map) = (lists(), usual_fields());
    let request = request(&map, TARGET);
    let conditions: Vec<Condition> = rules.iter().map(|rule| accepted(rule)).collect();
    let mut scratch = Scratch::default();
    let reserved = scratch.reserved();
    for _ in 0..1_000 {
        scratch.begin();
        for condition in &conditions {
            assert_eq!(condition.holds(&request, &lists, &mut scratch), Ok(false), "{condition:?}");
        }
    }
    assert!(scratch.steps() <= 60, "{} steps", scratch.steps());
    assert_eq!(scratch.reserved(), reserved, "the working memory has not grown");
}

#[test]
fn a_request_made_to_cost_much_ends_within_the_budget() {
    let target = format!("/?{}", "a=b&".repeat(8_000));
    let map = usual_fields();
    let request = request(&map, &target);
    let part = r#"any(lower(http.request.uri.args.values[*])[*] eq "x")"#;
    let condition = accepted(&vec![part; 40].join(" or "));
    let mut scratch = Scratch::default();
    assert_eq!(condition.holds(&request, &lists(), &mut scratch), Err(Overrun));
    assert_eq!(scratch.steps(), STEPS_MAX + 1);
    scratch.begin();
    let one = accepted(part);
    assert_eq!(one.holds(&request, &lists(), &mut scratch), Ok(false), "what fits the budget is evaluated");
}

#[test]
fn texts_that_grow_end_at_the_scratch_memory() {
    let target = format!("/{}", "a".repeat(31_000));
    let map = usual_fields();
    let request = request(&map, &target);
    let doubled = |levels: usize| {
        (0..levels).fold("http.request.uri.path".to_owned(), |inner, _| format!("concat({inner}, {inner})"))
    };
    let condition = accepted(&format!("{} eq \"x\"", doubled(4)));
    let mut scratch = Scratch::default();
    assert_eq!(condition.holds(&request, &lists(), &mut scratch), Err(Overrun));
    assert_eq!(scratch.reserved(), SCRATCH_BYTES);
    scratch.begin();
    // Eight built parts fit; the copy that joins them does not.
    let joined = accepted(&format!("concat({}) eq \"x\"", ["upper(http.request.uri.path)"; 8].join(", ")));
    assert_eq!(joined.holds(&request, &lists(), &mut scratch), Err(Overrun));
    assert_eq!(scratch.reserved(), SCRATCH_BYTES);
    scratch.begin();
    let small = accepted(&format!("len({}) gt 60000", doubled(1)));
    assert_eq!(small.holds(&request, &lists(), &mut scratch), Ok(true));
}

#[test]
fn no_text_panics_and_what_is_accepted_can_be_evaluated() {
    let seed = std::env!("CARGO_PKG_NAME").len() as u64;
    let random = SeededRandom::new(seed);
    let (lists, map) = (lists(), usual_fields());
    let request = request(&map, TARGET);
    let mut scratch = Scratch::default();
    let mut accepted = 0;
    for _ in 0..20_000 {
        let source = mutated(&random);
        scratch.begin();
        match Condition::parse(&source, Phase::Response, &lists) {
            Ok(condition) => {
                accepted += 1;
                let _ = condition.holds(&request, &lists, &mut scratch);
            }
            Err(error) => {
                assert!(error.at() <= source.len());
                let _ = (error.to_string(), error.pointer(&source));
            }
        }
        let mut out = Vec::new();
        if let Ok(value) = Value::parse(&source, Phase::Response, &lists) {
            let _ = value.write(&request, &lists, &mut scratch, &mut out);
        }
    }
    assert!(accepted > 200, "only {accepted} were accepted: the mutations are too coarse");
}

/// Words of the language thrown together, some of them cut.
fn mutated(random: &SeededRandom) -> String {
    const WORDS: [&str; 40] = [
        "http.host",
        "http.request.uri.path",
        "ip.src",
        "ssl",
        "ip.src.asnum",
        "http.request.headers",
        "http.request.uri.args.values",
        "[*]",
        "[0]",
        "[\"accept\"]",
        "eq",
        "==",
        "ne",
        "lt",
        "contains",
        "matches",
        "wildcard",
        "strict wildcard",
        "in",
        "not",
        "and",
        "or",
        "xor",
        "(",
        ")",
        "{",
        "}",
        "\"www\"",
        "\"a*\"",
        "r#\"\\d+\"#",
        "64500",
        "1..9",
        "203.0.113.0/24",
        "$office",
        "any(",
        "lower(",
        "len(",
        "concat(",
        ",",
        "☁",
    ];
    let templates = [
        "http.host eq \"www\"",
        "ip.src in {203.0.113.0/24}",
        "any(lower(http.request.headers.names[*])[*] eq \"x\")",
        "not ssl and http.request.uri.path matches \"^/a\"",
        "substring(http.host, 1, -2) eq \"x\"",
    ];
    let pick = |count: usize| usize::try_from(random.below(count as u64)).unwrap_or(0);
    let mut source = templates[pick(templates.len())].to_owned();
    for _ in 0..pick(4) {
        let at = (0..=source.len()).filter(|at| source.is_char_boundary(*at)).nth(pick(source.len() + 1));
        let at = at.unwrap_or(0);
        match pick(3) {
            0 => source.insert_str(at, WORDS[pick(WORDS.len())]),
            1 => source.truncate(at),
            _ => source = format!("{source} {} {}", WORDS[19 + pick(6)], templates[pick(templates.len())]),
        }
    }
    source
}
