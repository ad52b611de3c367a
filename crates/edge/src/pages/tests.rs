//! What must hold of every page, whatever goes in.

use super::*;

fn error<'a>(text: &'a str, side: Side) -> ErrorView<'a> {
    ErrorView {
        status: 502,
        title: text,
        text,
        reason: text,
        ray: text,
        host: text,
        side,
        retry_after: Some(30),
    }
}

fn block(text: &str) -> BlockView<'_> {
    BlockView {
        host: text,
        decision: text,
        statement_url: text,
        title: text,
        meaning: text,
        contact: text,
        site_contact: Some(text),
        until: vocabulary::Timestamp::from_secs(1_795_488_000),
        now: vocabulary::Timestamp::from_secs(1_795_400_000),
        ray: text,
        emergency: true,
        closed: Closed::Here,
        trial: true,
        demand: Some(DemandView { authority: text, law: text, url: text }),
    }
}

fn warning(text: &str) -> WarningView<'_> {
    WarningView {
        host: text,
        decision: text,
        statement_url: text,
        title: text,
        meaning: text,
        contact: text,
        until: vocabulary::Timestamp::from_secs(1_795_488_000),
        ray: text,
        trial: true,
        onward: text,
    }
}

fn every_page(text: &str) -> Vec<String> {
    vec![
        warning_page(&warning(text)),
        block_page(&BlockView { closed: Closed::Page, ..block(text) }),
        error_page(&error(text, Side::Visitor)),
        error_page(&error(text, Side::Edge)),
        error_page(&error(text, Side::Origin)),
        error_page(&error(text, Side::Owner)),
        block_page(&block(text)),
        block_page(&BlockView { demand: None, trial: false, emergency: false, ..block(text) }),
    ]
}

#[test]
fn every_page_has_a_language_a_title_one_headline_and_no_script() {
    for page in every_page("board.example.test") {
        assert!(page.starts_with("<!doctype html><html lang=\"en\">"));
        assert!(page.contains("<title>") && page.contains("<main>"));
        assert_eq!(page.matches("<h1>").count(), 1);
        for forbidden in ["<script", "javascript:", "style=\"", "src=", "@import", "url("] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
        assert!(!page.split_whitespace().any(is_event_handler));
    }
}

/// Whether a word is an attribute such as `onclick=`.
fn is_event_handler(word: &str) -> bool {
    let name = word.split_once('=').map_or("", |(name, _)| name);
    name.starts_with("on") && name.chars().all(|c| c.is_ascii_lowercase())
}

#[test]
fn outside_text_never_becomes_markup() {
    let attack = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>";
    for page in every_page(attack) {
        assert!(!page.contains("<script") && !page.contains("<img") && page.contains("&lt;script&gt;"));
    }
}

#[test]
fn pages_stay_in_their_bounds_whatever_goes_in() {
    for text in ["x".repeat(100_000), "<".repeat(100_000), "\"".repeat(100_000), "😀".repeat(100_000)] {
        for page in every_page(&text) {
            let of_a_decision =
                ["describedby", "Blocked by", "A warning by"].iter().any(|word| page.contains(word));
            let bound = if of_a_decision { 15_000 } else { 12_000 };
            assert!(page.len() < bound, "{} bytes", page.len());
        }
    }
    let longest_link = format!("https://record.test/{}", "&".repeat(130));
    let page = block_page(&block(&longest_link));
    assert!(page.contains("rel=\"describedby\"") && page.len() < 15_000, "{} bytes", page.len());
}

#[test]
fn the_policy_permits_exactly_the_style_sheet_of_the_pages() {
    let expected =
        format!("style-src 'sha256-{}'", base64(vocabulary::Digest::of(STYLE.as_bytes()).as_bytes()));
    assert!(CONTENT_SECURITY_POLICY.contains(&expected), "after a change of page.css write: {expected}");
    for page in every_page("x") {
        assert!(page.contains(&format!("<style>{STYLE}</style>")));
    }
}

#[test]
fn a_block_page_says_all_that_it_owes() {
    let view = BlockView {
        host: "board.example.test",
        decision: "dec_01",
        statement_url: "http://localhost:9091/record/decisions/dec_01",
        contact: "desk@record.test",
        ray: "r4y",
        ..block("words")
    };
    let page = block_page(&view);
    for owed in [
        "board.example.test is closed for now",
        "rel=\"describedby\" href=\"http://localhost:9091/record/decisions/dec_01\"",
        "Tuesday 24 November 2026",
        "in about 25 hours",
        "Nothing was deleted",
        "may appeal",
        "mailto:desk@record.test",
        "<code>dec_01</code>",
        "<code>r4y</code>",
        "This is a trial",
    ] {
        assert!(page.contains(owed), "{owed}\n{page}");
    }
}

#[test]
fn a_legal_demand_turns_403_into_451_and_is_named() {
    let demanded = BlockView {
        demand: Some(DemandView {
            authority: "District Court",
            law: "Act 7",
            url: "https://court.example/7",
        }),
        ..block("words")
    };
    assert_eq!(demanded.status(), 451);
    let page = block_page(&demanded);
    assert!(page.contains("District Court") && page.contains("Act 7"));
    assert!(page.contains("rel=\"blocked-by\" href=\"https://court.example/7\""));
    let own = BlockView { demand: None, ..demanded };
    assert_eq!(own.status(), 403);
    assert!(!block_page(&own).contains("legal demand"));
}

#[test]
fn problem_documents_carry_the_same_facts_as_the_pages() -> Result<(), serde_json::Error> {
    let document: serde_json::Value = serde_json::from_str(&block("words").problem_json())?;
    assert_eq!(document["title"], "Unavailable For Legal Reasons");
    assert_eq!(document["status"], 451);
    assert_eq!(document["reason"], "blocked-by-decision");
    assert_eq!(document["until"], "2026-11-24T02:40:00.000Z");
    assert_eq!(document["demand"]["law"], "words");
    let document: serde_json::Value = serde_json::from_str(&error("a\"b\n", Side::Origin).problem_json())?;
    assert_eq!(document["title"], "Bad Gateway");
    assert_eq!(document["ray"], "a\"b\n");
    assert_eq!(document["retry_after"], 30);
    Ok(())
}

/// Standard base 64 with padding, written out: the crate needs it nowhere else.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let letter = ALPHABET[(word >> (18 - 6 * i) & 63) as usize] as char;
            out.push(if i <= chunk.len() { letter } else { '=' });
        }
    }
    out
}
