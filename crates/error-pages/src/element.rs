//! Which elements and attributes a page may have, as one table.

use html5gum::Error;

/// Why an element has no place on an error page; none: it may stand.
pub(crate) fn refused(name: &str) -> Option<&'static str> {
    match name {
        "base" => Some("addresses are whole on an error page"),
        "iframe" | "frame" | "frameset" | "object" | "embed" | "applet" | "portal" | "fencedframe" => {
            Some("an error page embeds no other page")
        }
        "video" | "audio" | "track" => Some("an error page plays nothing"),
        "plaintext" | "xmp" | "noembed" | "noframes" => Some("it is read differently by different readers"),
        _ => None,
    }
}

/// Elements whose content is no markup in HTML, and `link`, which becomes one.
pub(crate) fn is_raw(name: &str) -> bool {
    matches!(name, "script" | "style" | "link")
}

/// Elements of other languages, within which those are markup after all (HTML Living Standard §13.2.6.5).
pub(crate) fn foreign(name: &str) -> Option<&'static str> {
    ["svg", "math"].into_iter().find(|foreign| *foreign == name)
}

/// Elements without an end.
pub(crate) fn is_void(name: &str) -> bool {
    matches!(name, "area" | "br" | "col" | "hr" | "img" | "input" | "link" | "meta" | "source" | "wbr")
}

/// What an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    /// Text.
    Plain,
    /// A style.
    Style,
    /// A picture that is inlined.
    Picture,
    /// A place to go to when somebody follows it.
    Link,
    /// It has no place here.
    Refused(&'static str),
}

/// What an attribute of an element is.
pub(crate) fn attribute(element: &str, name: &str) -> Attribute {
    match (element, name) {
        (_, "style") => Attribute::Style,
        (_, name) if name.starts_with("on") => Attribute::Refused("write it as a script element"),
        ("img", "src") | ("input", "src") | ("image" | "feimage", "href" | "xlink:href") => {
            Attribute::Picture
        }
        ("script" | "link", "src" | "href") => Attribute::Plain,
        ("a" | "area", "href" | "xlink:href") | ("form", "action") => Attribute::Link,
        ("use", "href" | "xlink:href") => Attribute::Link,
        (_, "srcset" | "imagesrcset") => Attribute::Refused("name one picture with src"),
        (_, "src" | "background" | "poster" | "data" | "manifest" | "ping" | "formaction" | "srcdoc") => {
            Attribute::Refused("an error page loads nothing")
        }
        (_, "http-equiv") => Attribute::Refused("this network sets the fields of the answer"),
        (_, "nonce" | "integrity" | "crossorigin") => {
            Attribute::Refused("everything stands in the page itself")
        }
        _ => Attribute::Plain,
    }
}

/// Whether a name of an element or attribute is plain.
pub(crate) fn is_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b':' | b'.');
    (1..=100).contains(&name.len()) && name.bytes().all(letter)
}

/// Where a link may lead.
pub(crate) fn link_target(target: &str) -> Result<String, String> {
    let plain: String =
        target.chars().filter(|letter| !letter.is_whitespace() && !letter.is_control()).collect();
    let scheme = plain.split_once(':').map(|(scheme, _)| scheme.to_ascii_lowercase());
    let runs = matches!(scheme.as_deref(), Some("javascript" | "data" | "vbscript" | "blob" | "filesystem"));
    if runs { Err("a link leads to a place, not to a program".to_owned()) } else { Ok(target.to_owned()) }
}

/// What of the reader's complaints makes a page another than its writer meant.
pub(crate) fn fatal(error: Error) -> Option<&'static str> {
    match error {
        Error::EofBeforeTagName | Error::EofInTag => Some("the page ends within a tag"),
        Error::EofInComment | Error::EofInCdata => Some("the page ends within a comment"),
        Error::EofInDoctype => Some("the page ends within its document type"),
        Error::EofInScriptHtmlCommentLikeText => Some("the page ends within a script"),
        Error::DuplicateAttribute => Some("an attribute stands twice in one tag"),
        Error::UnexpectedNullCharacter => Some("the page has a null character"),
        Error::UnexpectedCharacterInAttributeName => {
            Some("the name of an attribute has odd letters; is a quotation mark missing?")
        }
        _ => None,
    }
}
