//! How answers look on a terminal: aligned rows, or one JSON document.

use serde_json::Value;
use std::fmt::Write as _;

/// Prints one JSON document, indented.
pub(crate) fn json(value: &Value) {
    println!("{value:#}");
}

/// Rows with columns as wide as their widest cell; the last column is never padded.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let pad = width.saturating_sub(cell.chars().count());
            line.push_str(cell);
            line.extend(std::iter::repeat_n(' ', pad + 2));
        }
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// A span for people: `2 h 5 min`, `47 s`.
pub(crate) fn span(span: std::time::Duration) -> String {
    let seconds = span.as_secs();
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0, s) => format!("{s} s"),
        (0, 0, m, s) => format!("{m} min {s} s"),
        (0, h, m, _) => format!("{h} h {m} min"),
        (d, h, _, _) => format!("{d} d {h} h"),
    }
}

/// Text of others made fit for one cell of a table: control characters (line ends and escape sequences
/// among them) and characters that nobody sees are shown, not obeyed, so that no text can look like a
/// row of ours.
pub(crate) fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() || is_unseen(letter) {
            let _ = write!(out, "\\u{{{:04x}}}", u32::from(letter));
        } else {
            out.push(letter);
        }
    }
    out
}

/// A query's value (RFC 3986 §3.4).
pub(crate) fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// Text of others in several lines, each marked as quoted.
pub(crate) fn quoted(text: &str) -> String {
    text.split('\n').fold(String::new(), |out, line| format!("{out}    | {}\n", plain(line)))
}

/// Format characters, separators and fillers without a shape of their own (Unicode categories Cf, Zl, Zp,
/// and the blank letters of some scripts), which hide or reorder what stands beside them.
fn is_unseen(letter: char) -> bool {
    matches!(letter,
        '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{8e2}'
        | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}'
        | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn columns_line_up() {
        let rows = [["a".into(), "one".into()], ["longer".into(), "two".into()]];
        assert_eq!(table(&rows), "a       one\nlonger  two\n");
    }

    #[test]
    fn spans_are_short() {
        for (seconds, text) in [(5, "5 s"), (125, "2 min 5 s"), (7_500, "2 h 5 min"), (180_000, "2 d 2 h")] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_terminal_obeys_no_text_of_others() {
        assert_eq!(plain("a\x1b[2Jb\u{202e}c\nd"), "a\\u{001b}[2Jb\\u{202e}c\\u{000a}d");
        for unseen in ['\u{61c}', '\u{e0041}', '\u{2028}', '\u{ad}', '\u{3164}', '\u{180e}', '\r'] {
            assert!(plain(&unseen.to_string()).starts_with("\\u{"), "{:x}", u32::from(unseen));
        }
        assert_eq!(plain("Straße, 東京, عربي"), "Straße, 東京, عربي");
    }

    #[test]
    fn quoted_text_cannot_look_like_a_row_of_ours() {
        assert_eq!(quoted("one\nsite  a.test\r"), "    | one\n    | site  a.test\\u{000d}\n");
    }
}
