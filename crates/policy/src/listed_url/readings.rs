//! The readings of an address that is asked for, where servers differ.
//!
//! One that is listed in any of them is listed: which server stands behind a site nobody here knows. Everything is bounded by
//! the length of what was asked.

use super::{Empty, folded, pair_of, segments};
use std::collections::BTreeSet;

type Pairs = BTreeSet<(Vec<u8>, Vec<u8>)>;

/// Names of programs that answer for what follows them in a path (CGI's PATH_INFO, RFC 3875 §4.1.5).
const SCRIPTS: [&[u8]; 16] = [
    b".php", b".php5", b".php7", b".php8", b".phtml", b".cgi", b".fcgi", b".pl", b".py", b".rb", b".asp",
    b".aspx", b".ashx", b".jsp", b".cfm", b".do",
];

/// Most scripts in one path that are looked at. What follows a listed script changes nothing about those before it, so
/// only a path that is listed with more of them would need more.
const SCRIPTS_MAX: usize = 8;

/// What the path may be: with empty segments in one way and the other, whole and up to a zero byte, and up to each script in
/// it.
pub(super) fn paths(path: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    let whole = folded(path);
    let cut = before_zero(path).map(folded);
    for text in [Some(&whole), cut.as_ref()].into_iter().flatten() {
        for empty in [Empty::GoesFirst, Empty::IsTaken] {
            let segments = segments(text, empty);
            let scripts = segments.iter().enumerate().filter(|(_, segment)| is_script(segment));
            for (place, _) in scripts.take(SCRIPTS_MAX) {
                all.insert(segments[..=place].join(&b'/'));
            }
            all.insert(segments.join(&b'/'));
        }
    }
    all
}

/// Whether a path, or a segment of one, ends with the name of a program.
pub(super) fn is_script(path: &[u8]) -> bool {
    SCRIPTS.iter().any(|script| path.ends_with(script))
}

/// The pairs, split at `&` alone and at `;` too, with their names as they stand and as PHP has them.
pub(super) fn pairs(query: &[u8]) -> Pairs {
    let amp = query.split(|byte| *byte == b'&');
    let both = query.split(|byte| matches!(byte, b'&' | b';'));
    let mut all = Pairs::new();
    for pair in amp.chain(both) {
        all.extend(pair_of(pair));
        // In PHP a zero byte ends a name; the pair's value begins at `=` nevertheless.
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(place) => pair.split_at(place),
            None => (pair, &[][..]),
        };
        if let Some(name) = before_zero(name) {
            all.extend(pair_of(&[name, value].concat()));
        }
    }
    let changed = php(&all);
    all.extend(changed);
    all
}

/// Pairs with their names as PHP changes them: blanks before a name go; dots, blanks and a bracket that is never closed are
/// underlines.
pub(super) fn php(pairs: &Pairs) -> Pairs {
    pairs.iter().map(|(name, value)| (php_name(name), value.clone())).collect()
}

fn php_name(name: &[u8]) -> Vec<u8> {
    let start = name.iter().position(|byte| *byte != b' ').unwrap_or(name.len());
    let name = &name[start..];
    let bracket = name.iter().position(|byte| *byte == b'[').filter(|at| name[*at..].contains(&b']'));
    let (plain, index) = name.split_at(bracket.unwrap_or(name.len()));
    let underlined = plain.iter().map(|byte| if matches!(byte, b' ' | b'.' | b'[') { b'_' } else { *byte });
    underlined.chain(index.iter().copied()).collect()
}

/// What stands before the first zero byte, escaped or not; none where there is none.
fn before_zero(text: &[u8]) -> Option<&[u8]> {
    let zero = |at: &usize| text[*at] == 0 || (text[*at] == b'%' && is_zero(&text[*at..]));
    (0..text.len()).find(zero).map(|at| &text[..at])
}

/// Whether a text begins with an escape of a zero byte, escaped once more or not: `%00`, `%2500`, `%u0000`.
fn is_zero(text: &[u8]) -> bool {
    let mut rest = &text[1..];
    while let Some(inner) = rest.strip_prefix(b"25") {
        rest = inner;
    }
    rest.starts_with(b"00") || rest.starts_with(b"u0000") || rest.starts_with(b"U0000")
}
