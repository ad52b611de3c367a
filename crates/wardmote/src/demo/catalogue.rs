//! The catalogue: a page made anew for each request, which no cache may keep.

use super::pages::in_frame;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

/// Title, subject, shelf mark. All invented.
const BOOKS: &[(&str, &str, &str)] = &[
    ("A Field Guide to Puddles", "nature", "N 12"),
    ("The Bridge at Lower Marlow", "local history", "L 3"),
    ("Bread for Slow Mornings", "cooking", "C 41"),
    ("Clocks That Run Backwards", "science", "S 7"),
    ("The Cartographer’s Umbrella", "stories", "F 118"),
    ("Eleven Ways to Mend a Chair", "making", "M 20"),
    ("Fog, and How to Walk in It", "nature", "N 31"),
    ("The Night Ferry Keeps Time", "stories", "F 64"),
    ("Gardens on a Windowsill", "nature", "N 8"),
    ("How Towns Get Their Names", "local history", "L 9"),
    ("The Island That Moved at Night", "children", "K 77"),
    ("Jam, Pickle, Chutney", "cooking", "C 15"),
    ("Knots for Every Sunday", "making", "M 4"),
    ("The Last Lamplighter of Mill Row", "stories", "F 92"),
    ("Letters Nobody Sent", "stories", "F 12"),
    ("Marlow Lane in Forty Maps", "local history", "L 1"),
    ("Numbers Are Friendly", "children", "K 21"),
    ("An Orchard Year", "nature", "N 44"),
    ("The Patient Astronomer", "science", "S 19"),
    ("Quiet Machines", "science", "S 23"),
    ("Rain on a Tin Roof", "poetry", "P 5"),
    ("A Short History of the Long Bench", "local history", "L 16"),
    ("Tea with the Lighthouse", "children", "K 40"),
    ("Under the Old Viaduct", "stories", "F 33"),
];

/// Characters of a search that are used.
const SEARCH_MAX: usize = 60;

static ANSWERS: AtomicU64 = AtomicU64::new(0);

/// The page for a query string such as `q=fog`.
pub(super) fn page(query: &str) -> String {
    let wanted = searched(query);
    let folded = wanted.to_lowercase();
    let found = BOOKS
        .iter()
        .filter(|(title, subject, _)| title.to_lowercase().contains(&folded) || subject.contains(&folded));
    let mut rows = String::new();
    let mut count = 0;
    for (title, subject, shelf) in found {
        count += 1;
        // Writing to a String cannot fail.
        let _ = write!(rows, "<tr><td>{title}</td><td>{subject}</td><td>{shelf}</td></tr>");
    }
    let result = match (count, wanted.is_empty()) {
        (_, true) => format!("All {count} books on our shelves"),
        (0, _) => "Nothing found. Try a shorter word, or ask at the desk.".to_owned(),
        (1, _) => "One book found".to_owned(),
        _ => format!("{count} books found"),
    };
    let table = if count == 0 {
        String::new()
    } else {
        format!(
            "<table><thead><tr><th>Title</th><th>Subject</th><th>Shelf</th></tr></thead><tbody>{rows}</tbody></table>"
        )
    };
    let answers = ANSWERS.fetch_add(1, Ordering::Relaxed) + 1;
    let body = include_str!("site/catalogue.html")
        .replace("{search}", &escaped(&wanted))
        .replace("{result}", &result)
        .replace("{table}", &table)
        .replace("{answers}", &answers.to_string());
    in_frame("Catalogue", "/catalogue", &body)
}

/// The value of `q`, decoded; what cannot be decoded is left out.
fn searched(query: &str) -> String {
    let value = query.split('&').find_map(|pair| pair.strip_prefix("q=")).unwrap_or_default();
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits =
                    [rest.next(), rest.next()].map(|digit| (digit.unwrap_or(b'x') as char).to_digit(16));
                if let [Some(high), Some(low)] = digits {
                    bytes.extend(u8::try_from(high * 16 + low));
                }
            }
            byte => bytes.push(byte),
        }
    }
    let text = String::from_utf8_lossy(&bytes);
    text.chars()
        .filter(|c| !c.is_control() && *c != '\u{fffd}')
        .take(SEARCH_MAX)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// Escaped for element content and quoted attributes; braces too, so that a search cannot name a placeholder.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut out, c| {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '{' => out.push_str("&#123;"),
            c => out.push(c),
        }
        out
    })
}
