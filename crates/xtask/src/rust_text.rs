//! Reads Rust source as text: which lines are tests, where functions begin and end.
//!
//! A tokeniser, not a parser: it knows comments, strings, characters and lifetimes so that braces
//! can be matched, and nothing of the grammar beyond items' outlines.

use std::ops::RangeInclusive;

/// What a size budget needs to know of one file. Lines count from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Outline {
    /// Lines outside of tests.
    pub(crate) lines: usize,
    /// Lines of the opening `//!` comment.
    pub(crate) doc_lines: usize,
    /// Functions with a body, outside of tests.
    pub(crate) functions: Vec<Function>,
    /// Modules declared as `#[cfg(test)] mod name;`, whose files are tests.
    pub(crate) test_modules: Vec<String>,
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// The line of `fn`.
    pub(crate) line: usize,
    /// From `fn` to the closing brace, both included.
    pub(crate) lines: usize,
}

impl Outline {
    pub(crate) fn of(text: &str) -> Self {
        let total = text.lines().count();
        let tokens = tokens(text);
        let tests = test_items(&tokens, total);
        let in_tests = |line: usize| tests.lines.iter().any(|range| range.contains(&line));
        let functions = functions(&tokens).into_iter().filter(|function| !in_tests(function.line)).collect();
        let lines = (1..=total).filter(|line| !in_tests(*line)).count();
        let doc_lines = text.lines().take_while(|line| line.starts_with("//!")).count();
        Self { lines, doc_lines, functions, test_modules: tests.modules }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind<'a> {
    Word(&'a str),
    Mark(char),
}

#[derive(Debug, Clone, Copy)]
struct Token<'a> {
    kind: Kind<'a>,
    line: usize,
}

impl Token<'_> {
    fn is(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word(word)
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut line = 1;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment(rest),
            '"' => quoted(rest),
            'r' | 'b' | 'c' if literal_prefix(rest).is_some() => literal_prefix(rest).unwrap_or(1),
            '\'' => character_or_lifetime(rest),
            letter if letter.is_alphanumeric() || letter == '_' => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                out.push(Token { kind: Kind::Word(&rest[..end]), line });
                end
            }
            space if space.is_whitespace() => space.len_utf8(),
            mark => {
                out.push(Token { kind: Kind::Mark(mark), line });
                mark.len_utf8()
            }
        };
        let (passed, after) = rest.split_at(length);
        line += passed.matches('\n').count();
        rest = after;
    }
    out
}

/// Length of a `/* … */` comment, which may nest.
fn block_comment(text: &str) -> usize {
    let bytes = text.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => {
                (depth, at) = (depth - 1, at + 2);
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    text.len()
}

/// Length of a `"…"` literal with escapes.
fn quoted(text: &str) -> usize {
    let mut escaped = false;
    for (index, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    text.len()
}

/// Length of a literal that begins with `r`, `b` or `c`: raw, byte and C strings, byte characters.
fn literal_prefix(text: &str) -> Option<usize> {
    let prefix = ["br", "cr", "b", "c", "r"].into_iter().find(|prefix| {
        let after = text[prefix.len().min(text.len())..].chars().next();
        text.starts_with(prefix) && matches!(after, Some('"' | '#' | '\''))
    })?;
    let body = &text[prefix.len()..];
    if body.starts_with('\'') {
        return (prefix == "b").then(|| prefix.len() + character_or_lifetime(body));
    }
    if !prefix.ends_with('r') {
        return body.starts_with('"').then(|| prefix.len() + quoted(body));
    }
    let hashes = body.len() - body.trim_start_matches('#').len();
    // `r#name` is a raw identifier.
    if !body[hashes..].starts_with('"') {
        return None;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    let content = hashes + 1;
    let end = body[content..].find(&close).map_or(body.len(), |index| content + index + close.len());
    Some(prefix.len() + end)
}

/// Length of `'x'`, of `'\n'`, or of the quote alone before a lifetime's name.
fn character_or_lifetime(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    match letters.next() {
        Some((_, '\\')) => {
            // What is escaped may itself be a quote.
            letters.next();
            letters.find(|(_, letter)| *letter == '\'').map_or(text.len(), |(index, _)| index + 1)
        }
        Some(_) => match letters.next() {
            Some((index, '\'')) => index + 1,
            _ => 1,
        },
        None => 1,
    }
}

struct TestItems {
    lines: Vec<RangeInclusive<usize>>,
    modules: Vec<String>,
}

fn test_items(tokens: &[Token<'_>], total: usize) -> TestItems {
    let mut found = TestItems { lines: Vec::new(), modules: Vec::new() };
    for (index, token) in tokens.iter().enumerate() {
        let rest = &tokens[index..];
        if !token.is('#') {
            continue;
        }
        if is_cfg_test(rest, 1) {
            let item = &rest[7..];
            let end = item_end(item).unwrap_or(item.len().saturating_sub(1));
            found.lines.push(token.line..=item.get(end).map_or(total, |last| last.line));
            found.modules.extend(declared_module(item, end));
        } else if rest.get(1).is_some_and(|mark| mark.is('!')) && is_cfg_test(rest, 2) {
            found.lines.push(1..=total);
        }
    }
    found
}

fn is_cfg_test(tokens: &[Token<'_>], skip: usize) -> bool {
    let wanted = [
        Kind::Mark('['),
        Kind::Word("cfg"),
        Kind::Mark('('),
        Kind::Word("test"),
        Kind::Mark(')'),
        Kind::Mark(']'),
    ];
    tokens.len() >= skip + wanted.len() && tokens[skip..].iter().zip(wanted).all(|(t, kind)| t.kind == kind)
}

/// Index of the token that ends an item: its `;`, or the brace that closes its first block.
fn item_end(tokens: &[Token<'_>]) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Mark('(' | '[' | '{') => depth += 1,
            Kind::Mark(close @ (')' | ']' | '}')) => {
                depth = depth.saturating_sub(1);
                if depth == 0 && close == '}' {
                    return Some(index);
                }
            }
            Kind::Mark(';') if depth == 0 => return Some(index),
            _ => {}
        }
    }
    None
}

fn declared_module(item: &[Token<'_>], end: usize) -> Option<String> {
    let at = item[..end].iter().rposition(|token| token.is_word("mod"))?;
    let declared = item.get(end).is_some_and(|token| token.is(';')) && at + 2 == end;
    match item.get(at + 1)?.kind {
        Kind::Word(name) if declared => Some(name.to_owned()),
        _ => None,
    }
}

fn functions(tokens: &[Token<'_>]) -> Vec<Function> {
    let mut found = Vec::new();
    for (index, pair) in tokens.windows(2).enumerate() {
        let [keyword, Token { kind: Kind::Word(name), .. }] = pair else { continue };
        if !keyword.is_word("fn") {
            continue;
        }
        let item = &tokens[index..];
        if let Some(end) = item_end(item).filter(|end| item[*end].is('}')) {
            let lines = item[end].line - keyword.line + 1;
            found.push(Function { name: (*name).to_owned(), line: keyword.line, lines });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn braces_in_strings_characters_and_comments_do_not_count() {
        let text = r###"fn a() {
    let s = "}\"}"; // }
    let c = '}'; let q = '\''; let b = b'{';
    /* } /* } */ } */
    let r = r#"}"}"#;
    let l: &'static str = "x";
    let r#fn = 1;
}
fn b() {}
"###;
        let outline = Outline::of(text);
        let lengths: Vec<_> = outline.functions.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(lengths, [("a", 1, 8), ("b", 9, 1)]);
    }

    #[test]
    fn test_items_are_stripped_and_test_files_named() {
        let text = "//! Doc.\nfn a() {}\n#[cfg(test)]\nmod tests {\n    fn long() {\n    }\n}\n\
                    #[cfg(test)]\nmod contract_tests;\n#[cfg(test)]\nuse x::{y, z};\nfn c() {}\n";
        let outline = Outline::of(text);
        assert_eq!(outline.lines, 3);
        assert_eq!(outline.doc_lines, 1);
        assert_eq!(outline.test_modules, ["contract_tests"]);
        assert_eq!(outline.functions.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["a", "c"]);
    }

    #[test]
    fn declarations_and_function_pointers_are_no_functions() {
        let text = "trait T {\n    fn declared(&self) -> [u8; 4];\n    fn given(&self) {\n    }\n}\n\
                    type P = fn(u8) -> u8;\n";
        let outline = Outline::of(text);
        assert_eq!(outline.functions.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), ["given"]);
    }

    #[test]
    fn a_file_that_is_all_test_has_no_lines() {
        assert_eq!(Outline::of("#![cfg(test)]\nfn a() {}\n").lines, 0);
    }

    #[test]
    fn text_that_is_no_rust_is_read_without_harm() {
        for text in ["\"", "'", "r#\"", "/*", "fn", "fn f(", "#[cfg(test)]", "b'", "'\\", "}}}", "é'é'"] {
            let _ = Outline::of(text);
        }
    }
}
