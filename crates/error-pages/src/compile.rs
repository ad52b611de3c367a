//! From a customer's HTML to a [`Page`]: read, checked, everything outside put inside, written anew.

use crate::element::{self, Attribute};
use crate::inliner::{Inliner, Use};
use crate::tokens::{self, Token as PageToken};
use crate::{BYTES_MAX, Page, PageClass, TOKENS_MAX, css};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use html5gum::Tokenizer;
use html5gum::emitters::default::{DefaultEmitter, StartTag, Token};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use url::Url;
use vocabulary::Digest;

/// Most assets of one page.
pub const ASSETS_MAX: usize = 32;
/// Most scripts of one page: each has its digest in the policy.
pub(crate) const SCRIPTS_MAX: usize = 16;
/// Most mistakes told at once.
const MISTAKES_MAX: usize = 10;

/// Something that was fetched for a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its media type without parameters, in lower case.
    pub media_type: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// What was fetched, by the address that was asked for.
pub type Assets = BTreeMap<Url, Asset>;

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compiled {
    /// The page.
    Whole(Page),
    /// These are to be fetched first.
    Wants(BTreeSet<Url>),
}

/// One thing that is wrong with a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Counted from 1, in the source.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the page: {}", self.line, self.message)
    }
}

/// Why a source is no page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CompileError {
    /// It is longer than [`BYTES_MAX`], as it came or with everything inside.
    TooLarge,
    /// At least one mistake, in the order of the lines.
    Mistakes(Vec<Mistake>),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "the page is larger than {BYTES_MAX} bytes with everything inside"),
            Self::Mistakes(mistakes) => {
                let lines: Vec<_> = mistakes.iter().map(ToString::to_string).collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

impl std::error::Error for CompileError {}

/// Compiles a page. Call again with what it wants, until it is whole: each call names all that can be known by
/// then. `class`: what it is for; a challenge must have its box, and no other page may.
pub fn compile(source: &str, class: PageClass, assets: &Assets) -> Result<Compiled, CompileError> {
    if source.len() > BYTES_MAX {
        return Err(CompileError::TooLarge);
    }
    // As a browser reads it, and as the digests of scripts are made.
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    let mut writer = Writer::new(&source, assets);
    let mut emitter = DefaultEmitter::<usize>::new_with_span();
    emitter.naively_switch_states(true);
    for token in Tokenizer::new_with_emitter(&source, emitter) {
        let Ok(token) = token;
        writer.take(token);
        if writer.out.len() > BYTES_MAX {
            return Err(CompileError::TooLarge);
        }
    }
    writer.finish(class)
}

/// Writes what is read.
struct Writer<'a> {
    source: &'a str,
    out: String,
    inliner: Inliner<'a>,
    /// The script or style sheet that is under way.
    raw: Option<Raw>,
    /// Elements under way within which a script or a style sheet is read differently by different readers.
    foreign: Vec<&'static str>,
    scripts: Vec<String>,
    tokens: Vec<PageToken>,
    mistakes: Vec<Mistake>,
}

struct Raw {
    name: &'static str,
    attributes: String,
    /// What came in place of its content, from elsewhere.
    fetched: Option<String>,
    content: String,
    at: usize,
}

impl<'a> Writer<'a> {
    fn new(source: &'a str, assets: &'a Assets) -> Self {
        Self {
            source,
            out: "<!doctype html>".to_owned(),
            inliner: Inliner::new(assets),
            raw: None,
            foreign: Vec::new(),
            scripts: Vec::new(),
            tokens: Vec::new(),
            mistakes: Vec::new(),
        }
    }

    fn complain(&mut self, at: usize, message: impl Into<String>) {
        if self.mistakes.len() < MISTAKES_MAX {
            let before = self.source.as_bytes().get(..at).unwrap_or(self.source.as_bytes());
            let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
            self.mistakes.push(Mistake { line, message: message.into() });
        }
    }

    fn take(&mut self, token: Token<usize>) {
        match token {
            Token::StartTag(tag) => self.start(&tag),
            Token::EndTag(tag) => {
                let name = String::from_utf8_lossy(&tag.name).into_owned();
                match self.raw.take_if(|raw| raw.name == name) {
                    Some(raw) => self.end_raw(raw),
                    None if !element::is_void(&name) && element::is_name(&name) => {
                        if let Some(place) = self.foreign.iter().rposition(|open| *open == name) {
                            self.foreign.truncate(place);
                        }
                        self.out.push_str(&format!("</{name}>"));
                    }
                    None => {}
                }
            }
            Token::String(text) => {
                let at = text.span.start;
                let text = String::from_utf8_lossy(&text.value).into_owned();
                match &mut self.raw {
                    Some(raw) => raw.content.push_str(&text),
                    None => self.text(at, &text),
                }
            }
            Token::Error(error) => {
                if let Some(message) = element::fatal(error.value) {
                    self.complain(error.span.start, message);
                }
            }
            // Comments say nothing to a visitor; there is one document type.
            Token::Comment(_) | Token::Doctype(_) => {}
        }
    }

    fn text(&mut self, at: usize, text: &str) {
        match tokens::find(text) {
            Ok(found) => self.tokens.extend(found),
            Err(name) => self.complain(at, unknown_token(&name)),
        }
        escape(&mut self.out, text);
    }

    fn start(&mut self, tag: &StartTag<usize>) {
        let (name, at) = (String::from_utf8_lossy(&tag.name).into_owned(), tag.span.start);
        if let Some(why) = element::refused(&name) {
            return self.complain(at, format!("<{name}> has no place here: {why}"));
        }
        if !element::is_name(&name) {
            return self.complain(at, "the name of an element has odd letters");
        }
        let value = |key: &[u8]| tag.attributes.get(key).map(|value| String::from_utf8_lossy(&value.value));
        if let Some(outer) = self.foreign.last().filter(|_| element::is_raw(&name)) {
            let why =
                format!("<{name}> has no place within <{outer}>, where readers differ on it; put it outside");
            return self.complain(at, why);
        }
        if let Some(foreign) =
            element::foreign(&name).filter(|foreign| !tag.self_closing || *foreign == "noscript")
        {
            self.foreign.push(foreign);
        }
        match name.as_str() {
            "link" => return self.link(at, value(b"rel"), value(b"href"), value(b"media")),
            "meta" => {
                if let Some(what) = value(b"http-equiv").map(|what| what.to_ascii_lowercase()) {
                    if !matches!(what.as_str(), "x-ua-compatible" | "content-type" | "content-language") {
                        self.complain(at, format!("<meta http-equiv={what:?}> has no place here"));
                    }
                    return;
                }
            }
            _ => {}
        }
        let attributes = self.attributes(tag, &name, at);
        let raw = ["script", "style"].into_iter().find(|raw| *raw == name);
        match raw {
            Some(raw) => {
                let fetched = value(b"src").filter(|_| raw == "script").map(|src| {
                    self.inliner.script(&src).unwrap_or_else(|why| {
                        self.complain(at, why);
                        Some(String::new())
                    })
                });
                let fetched = fetched.map(Option::unwrap_or_default);
                self.raw = Some(Raw { name: raw, attributes, fetched, content: String::new(), at });
            }
            None => {
                let close = if tag.self_closing && !element::is_void(&name) { " /" } else { "" };
                self.out.push_str(&format!("<{name}{attributes}{close}>"));
            }
        }
    }

    fn attributes(&mut self, tag: &StartTag<usize>, element: &str, at: usize) -> String {
        let mut written = String::new();
        for (name, value) in &tag.attributes {
            let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(&value.value));
            if !element::is_name(&name) {
                self.complain(at, "the name of an attribute has odd letters; is a quotation mark missing?");
                continue;
            }
            if element == "script" && name == "src" {
                continue;
            }
            match self.attribute(element, &name, &value) {
                Ok(value) => {
                    written.push(' ');
                    written.push_str(&name);
                    written.push_str("=\"");
                    escape(&mut written, &value);
                    written.push('"');
                }
                Err(why) => self.complain(at, format!("{name} of <{element}>: {why}")),
            }
        }
        written
    }

    fn attribute(&mut self, element: &str, name: &str, value: &str) -> Result<String, String> {
        let found = tokens::find(value).map_err(|name| unknown_token(&name))?;
        if found.iter().any(|token| token.is_markup()) {
            return Err("a box cannot stand in an attribute; put it between elements".to_owned());
        }
        self.tokens.extend(&found);
        match element::attribute(element, name) {
            Attribute::Plain => Ok(value.to_owned()),
            Attribute::Refused(why) => Err(why.to_owned()),
            Attribute::Style if !found.is_empty() => Err("a style holds no token".to_owned()),
            Attribute::Style => css::inline(value, None, 0, &mut self.inliner),
            Attribute::Picture => self.inliner.data(value, None, Use::Picture),
            Attribute::Link => element::link_target(value),
        }
    }

    fn link(
        &mut self,
        at: usize,
        rel: Option<std::borrow::Cow<'_, str>>,
        href: Option<std::borrow::Cow<'_, str>>,
        media: Option<std::borrow::Cow<'_, str>>,
    ) {
        let (rel, href) = (rel.unwrap_or_default().to_ascii_lowercase(), href.unwrap_or_default());
        let kinds: Vec<_> = rel.split_ascii_whitespace().collect();
        let written = if kinds == ["stylesheet"] {
            let sheet = self.inliner.sheet(&href, None).and_then(|sheet| {
                let base = self.inliner.resolve(&href, None)?;
                css::inline(&sheet.unwrap_or_default(), Some(&base), 1, &mut self.inliner)
            });
            let mut media_text = String::new();
            if let Some(media) = media {
                media_text.push_str(" media=\"");
                escape(&mut media_text, &media);
                media_text.push('"');
            }
            sheet.map(|sheet| format!("<style{media_text}>{sheet}</style>"))
        } else if kinds.iter().any(|kind| matches!(*kind, "icon" | "apple-touch-icon")) {
            let data = self.inliner.data(&href, None, Use::Picture);
            data.map(|data| {
                let mut link = "<link rel=\"icon\" href=\"".to_owned();
                escape(&mut link, &data);
                link.push_str("\">");
                link
            })
        } else {
            Err(format!("<link rel={rel:?}> has no place here: only stylesheet and icon are inlined"))
        };
        match written {
            Ok(written) => self.out.push_str(&written),
            Err(why) => self.complain(at, why),
        }
    }

    fn end_raw(&mut self, raw: Raw) {
        let Raw { name, attributes, fetched, content, at } = raw;
        let has_token = tokens::find(&content).is_ok_and(|found| !found.is_empty());
        if has_token || tokens::find(&content).is_err() {
            let why = "a value there could become part of the program; put it into the page and read it";
            self.complain(at, format!("<{name}> holds a token: {why}"));
        }
        let content = match (name, fetched) {
            ("style", _) => css::inline(&content, None, 0, &mut self.inliner),
            (_, Some(_)) if !content.trim().is_empty() => Err("a script with src has content".to_owned()),
            (_, Some(fetched)) => Ok(fetched),
            (_, None) => Ok(content),
        };
        let content = match content {
            Ok(content) => content.replace("\r\n", "\n").replace('\r', "\n"),
            Err(why) => return self.complain(at, why),
        };
        if name == "script" {
            // Both change how the rest of the element is read (HTML Living Standard §4.12.1.3).
            let lower = content.to_ascii_lowercase();
            if lower.contains("</script") || lower.contains("<!--") {
                return self.complain(at, "a script has \"</script\" or \"<!--\" in it");
            }
            let digest = STANDARD.encode(Digest::of(content.as_bytes()).as_bytes());
            self.scripts.push(format!(" 'sha256-{digest}'"));
        }
        self.out.push_str(&format!("<{name}{attributes}>{content}</{name}>"));
    }

    fn finish(mut self, class: PageClass) -> Result<Compiled, CompileError> {
        if let Some(raw) = self.raw.take() {
            self.complain(raw.at, format!("<{}> is not closed", raw.name));
        }
        let has_box = self.tokens.contains(&PageToken::ChallengeBox);
        let end = self.source.len();
        if class == PageClass::Challenge && !has_box {
            self.complain(end, "the page of class challenge needs ::CHALLENGE_BOX::, or nobody gets past it");
        }
        if class != PageClass::Challenge && has_box {
            self.complain(end, "::CHALLENGE_BOX:: stands on the page of class challenge only");
        }
        if self.tokens.len() > TOKENS_MAX {
            self.complain(end, format!("the page has more than {TOKENS_MAX} tokens"));
        }
        if self.scripts.len() > SCRIPTS_MAX {
            self.complain(end, format!("the page has more than {SCRIPTS_MAX} scripts"));
        }
        if self.inliner.references() > ASSETS_MAX {
            self.complain(end, format!("the page refers to more than {ASSETS_MAX} things outside it"));
        }
        if !self.mistakes.is_empty() {
            self.mistakes.sort_by_key(|mistake| mistake.line);
            return Err(CompileError::Mistakes(self.mistakes));
        }
        let wants = self.inliner.into_wants();
        if !wants.is_empty() {
            return Ok(Compiled::Wants(wants));
        }
        Ok(Compiled::Whole(Page::new(self.out, policy(&self.scripts))))
    }
}

/// Nothing is loaded, nothing runs but the page's own scripts, and no other page frames it.
fn policy(scripts: &[String]) -> String {
    let scripts = if scripts.is_empty() { " 'none'".to_owned() } else { scripts.concat() };
    format!(
        "default-src 'none'; img-src data:; font-src data:; style-src 'unsafe-inline'; script-src{scripts}; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    )
}

fn unknown_token(name: &str) -> String {
    format!(
        "{name} is no token; there are ::RAY_ID::, ::CLIENT_IP::, ::GEO::, ::STATUS::, ::ERROR_BOX:: and \
         ::CHALLENGE_BOX::"
    )
}

/// Text as it stands between elements and in quoted attributes.
fn escape(out: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&#34;"),
            letter => out.push(letter),
        }
    }
}
