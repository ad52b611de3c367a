//! What a style sheet refers to, put inside it.
//!
//! Reads comments, texts and `url(…)`; anything a reader of style sheets could take for a reference in another
//! spelling stays as it is, and the page's policy keeps it from being loaded.

use crate::inliner::{Inliner, Use};
use url::Url;

/// Style sheets within style sheets.
const DEPTH_MAX: usize = 4;

/// The style sheet with everything inside. `base`: where it came from; none: the page itself.
pub(crate) fn inline(
    sheet: &str,
    base: Option<&Url>,
    depth: usize,
    inliner: &mut Inliner<'_>,
) -> Result<String, String> {
    if depth > DEPTH_MAX {
        return Err(format!("style sheets import each other more than {DEPTH_MAX} deep, or in a circle"));
    }
    let mut out = String::with_capacity(sheet.len());
    let mut rest = sheet;
    while let Some(letter) = rest.chars().next() {
        let taken = match letter {
            '/' if rest.starts_with("/*") => {
                // Comments say nothing to anybody here.
                rest.find("*/").map_or(rest.len(), |end| end + 2)
            }
            '"' | '\'' => {
                let length = quoted(rest)?;
                out.push_str(&rest[..length]);
                length
            }
            '@' if begins(rest, "@import") => {
                let (reference, length) = import(rest)?;
                if let Some(text) = inliner.sheet(&reference, base)? {
                    let url = inliner.resolve(&reference, base)?;
                    out.push_str(&inline(&text, Some(&url), depth + 1, inliner)?);
                }
                length
            }
            'u' | 'U' if begins(rest, "url(") && !ends_in_name(&out) => {
                let (reference, length) = reference(rest)?;
                let inside = inliner.data(&reference, base, Use::Style)?;
                out.push_str("url(\"");
                out.push_str(&inside);
                out.push_str("\")");
                length
            }
            letter => {
                out.push(letter);
                letter.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    if out.contains("</") {
        return Err("a style sheet has \"</\" in it, which would end its element".to_owned());
    }
    Ok(out)
}

fn begins(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

fn ends_in_name(text: &str) -> bool {
    text.chars().next_back().is_some_and(|last| last.is_alphanumeric() || matches!(last, '-' | '_' | '\\'))
}

/// The length of the quoted text at the front.
fn quoted(text: &str) -> Result<usize, String> {
    let mark = text.chars().next().unwrap_or('"');
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '\n' => break,
            letter if letter == mark => return Ok(at + 1),
            _ => {}
        }
    }
    Err("a text in a style sheet is not closed".to_owned())
}

/// The reference in the `url(…)` at the front, and its length.
fn reference(text: &str) -> Result<(String, usize), String> {
    let open = "url(".len();
    let inner = text[open..].trim_start();
    let skipped = text.len() - inner.len();
    if inner.starts_with(['"', '\'']) {
        let length = quoted(inner)?;
        let after = &inner[length..];
        let close = after.find(')').filter(|close| after[..*close].trim().is_empty());
        let close = close.ok_or("url( in a style sheet is not closed")?;
        return Ok((inner[1..length - 1].to_owned(), skipped + length + close + 1));
    }
    let close = inner.find(')').ok_or("url( in a style sheet is not closed")?;
    Ok((inner[..close].trim().to_owned(), skipped + close + 1))
}

/// The reference in the `@import` at the front, and the length up to its end.
fn import(text: &str) -> Result<(String, usize), String> {
    let after = text["@import".len()..].trim_start();
    let skipped = text.len() - after.len();
    let (reference, length) = match after {
        _ if begins(after, "url(") => reference(after)?,
        _ if after.starts_with(['"', '\'']) => {
            let length = quoted(after)?;
            (after[1..length - 1].to_owned(), length)
        }
        _ => return Err("@import in a style sheet names nothing".to_owned()),
    };
    let end = after[length..].find(';').ok_or("@import in a style sheet does not end in ;")?;
    if !after[length..length + end].trim().is_empty() {
        return Err("@import with conditions is not taken; write the conditions into the sheet".to_owned());
    }
    Ok((reference, skipped + length + end + 1))
}
