//! One form for addresses and texts that mean the same, so that equals are found by comparing bytes.
//!
//! Addresses follow the syntax-based normalisation of RFC 3986 §6.2.2, with the defanged spellings that reporters
//! use (`hxxp`, `[.]`) undone, parameters that only track a reader left out, and the others sorted.

use std::fmt;
use vocabulary::Hostname;

/// A reported address in canonical form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportedUrl {
    host: Hostname,
    text: String,
}

impl fmt::Debug for ReportedUrl {
    /// The path and the query may hold a person's name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ReportedUrl({}/…)", self.host)
    }
}

/// Parameters that say who followed a link, not what it shows.
const TRACKING: &[&str] = &["fbclid", "gclid", "dclid", "msclkid", "mc_cid", "mc_eid", "igshid", "ref_src"];

impl ReportedUrl {
    /// Reads an address as people and machines write it; `None` when it names no host.
    pub fn parse(text: &str) -> Option<Self> {
        let text = refanged(text.trim());
        let (scheme, rest) = match text.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            // Without a scheme, a sign that hosts do not have makes it something else: a mailbox, a script.
            None if text.split('/').next().is_some_and(is_no_authority) => return None,
            None => ("http".to_owned(), text.as_str()),
        };
        let scheme = match scheme.as_str() {
            "http" | "https" | "ftp" | "ws" | "wss" => scheme,
            _ => return None,
        };
        let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = split_port(authority);
        let host = Hostname::parse(host).ok()?;
        // A word alone is no address; people write whole sentences into the field.
        if host.ip().is_none() && host.parent().is_none() && host.as_str() != "localhost" {
            return None;
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
        let mut canonical = format!("{}://{host}", if scheme == "https" { "http" } else { &scheme });
        if let Some(port) = port.filter(|port| *port != 80 && *port != 443) {
            canonical.push_str(&format!(":{port}"));
        }
        canonical.push_str(&canonical_path(path));
        canonical.push_str(&canonical_query(query));
        Some(Self { host, text: canonical })
    }

    /// The host.
    pub fn host(&self) -> &Hostname {
        &self.host
    }

    /// The canonical text; `https` and `http` are one, because the content is.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// Undoes the spellings that keep an address from being followed by accident.
fn refanged(text: &str) -> String {
    let text = text.trim_matches(['<', '>', '"', '\'']);
    let mut plain = text.replace("[.]", ".").replace("(.)", ".").replace("[:]", ":").replace("[://]", "://");
    for (defanged, scheme) in [("hxxps", "https"), ("hxxp", "http"), ("fxp", "ftp")] {
        let begins = plain.get(..defanged.len()).is_some_and(|head| head.eq_ignore_ascii_case(defanged));
        if begins {
            plain = format!("{scheme}{}", &plain[defanged.len()..]);
        }
    }
    plain
}

fn is_no_authority(text: &str) -> bool {
    let port = text.split_once(':').map(|(_, port)| port.split(['?', '#']).next().unwrap_or_default());
    text.contains('@') || port.is_some_and(|port| !port.bytes().all(|byte| byte.is_ascii_digit()))
}

fn split_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && !port.ends_with(']') => (host, port.parse().ok()),
        _ => (authority, None),
    }
}

fn canonical_path(path: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    let path = path.replace('\\', "/");
    let trailing = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        match unescaped(segment).as_str() {
            "." => {}
            ".." => drop(kept.pop()),
            plain => kept.push(plain.to_owned()),
        }
    }
    let end = if trailing && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

fn canonical_query(query: Option<&str>) -> String {
    let wanted = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
        !name.is_empty() && !name.starts_with("utm_") && !TRACKING.contains(&name.as_str())
    };
    let mut pairs: Vec<String> = query.unwrap_or_default().split('&').filter(wanted).map(unescaped).collect();
    pairs.sort_unstable();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

/// Percent-escapes of unreserved characters undone, others in capitals (RFC 3986 §6.2.2.1 and .2).
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut place = 0;
    while let Some(byte) = bytes.get(place) {
        let digits = bytes.get(place + 1..place + 3).and_then(|two| std::str::from_utf8(two).ok());
        match (byte, digits.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(code)) => {
                if code.is_ascii_alphanumeric() || b"-._~".contains(&code) {
                    out.push(char::from(code));
                } else {
                    out.push_str(&format!("%{code:02X}"));
                }
                place += 3;
            }
            (byte, _) if byte.is_ascii() => {
                out.push(char::from(*byte));
                place += 1;
            }
            (byte, _) => {
                out.push_str(&format!("%{byte:02X}"));
                place += 1;
            }
        }
    }
    out
}

/// A text in lower case, letters and digits alone, words one space apart. Invisible characters and signs, with
/// which copies of one text are made to look different, are gone.
pub fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars().flat_map(char::to_lowercase) {
        if letter.is_alphanumeric() {
            out.push(letter);
        } else if is_joined(letter) {
            // Soft hyphens, joiners and combining marks stand within a word.
        } else if !out.ends_with(' ') && !out.is_empty() {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

fn is_joined(letter: char) -> bool {
    matches!(u32::from(letter), 0x00AD | 0x0300..=0x036F | 0x200B..=0x200F | 0x2060 | 0xFE00..=0xFE0F | 0xFEFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_show_the_same_have_one_form() {
        let form = "http://board.example.test/a/b~c?id=7&p=%C3%A4";
        for text in [
            "http://board.example.test/a/b~c?id=7&p=%C3%A4",
            "HTTPS://Board.Example.TEST:443/a/./x/../b%7Ec?p=%c3%a4&id=7#top",
            "hxxps://board[.]example[.]test/a/b~c?id=7&utm_source=mail&p=ä&fbclid=1",
            "  <http://user:pw@board.example.test:80//a//b~c?&p=%c3%a4&id=7>  ",
            "board.example.test./a/b~c?id=7&p=ä",
        ] {
            let read = ReportedUrl::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(read.as_str(), form, "{text}");
        }
    }

    #[test]
    fn different_pages_stay_different() {
        let texts =
            ["a.test/1", "a.test/2", "a.test/1?x=1", "a.test/1?x=2", "b.test/1", "a.test:8080/1", "a.test/A"];
        let forms: std::collections::BTreeSet<_> =
            texts.iter().filter_map(|text| ReportedUrl::parse(text)).collect();
        assert_eq!(forms.len(), texts.len());
    }

    #[test]
    fn what_names_no_host_is_no_address() {
        for text in
            ["", "they posted it", "javascript:alert(1)", "mailto:a@b.test", "http://", "word", "a b.test"]
        {
            assert_eq!(ReportedUrl::parse(text), None, "{text}");
        }
    }

    #[test]
    fn texts_that_read_the_same_have_one_form() {
        let form = "they will come tonight to 5 elm street";
        for written in [
            "They will come TONIGHT, to 5 Elm Street!",
            "they\u{200B} will\n\ncome to\u{AD}night \u{2013} to 5 \"Elm\" Street\u{FE0F}",
        ] {
            assert_eq!(text(written), form);
        }
    }
}
