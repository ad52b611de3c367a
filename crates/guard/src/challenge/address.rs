//! The addresses of challenges, and the cookie.

use super::Round;
use memchr::memmem;
use shield::Request;
use shield::rules::ChallengeKind;
use std::fmt;

/// What stands under this path belongs to the shield, on every site that has it on.
pub const PREFIX: &str = "/.wardmote/";
/// The cookie of whoever has passed.
pub const COOKIE: &str = "wm_clearance";
/// The same over TLS: browsers take a cookie of this name from the host itself alone, so that no host beside it can
/// put another one in its way (RFC 6265bis §4.1.3.2).
pub const COOKIE_OVER_TLS: &str = "__Host-wm_clearance";
/// Cookies of these names that are looked at in one request: one that somebody else has set hides no other.
const COOKIES_MAX: usize = 4;

/// A path of a site as one value of a query.
pub fn as_value(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                text.push(char::from(byte));
            }
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Whether a path is one of the shield's own.
pub(crate) fn is_errand(request: &Request<'_>) -> bool {
    request.target.starts_with(PREFIX)
}

/// Shows the first few clearances that a request carries, whatever they are worth.
pub(crate) fn clearances_in(request: &Request<'_>, show: &mut dyn FnMut(&[u8])) {
    let mut left = COOKIES_MAX;
    request.fields.each_of("cookie", &mut |line| {
        if memmem::find(line, COOKIE.as_bytes()).is_some() {
            for value in line.split(|byte| *byte == b';').filter_map(clearance_of).take(left) {
                left -= 1;
                show(value);
            }
        }
        left > 0
    });
}

fn clearance_of(pair: &[u8]) -> Option<&[u8]> {
    let pair = pair.trim_ascii();
    [COOKIE, COOKIE_OVER_TLS]
        .into_iter()
        .find_map(|name| pair.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
}

/// An address that a challenge leads to.
pub(super) struct Link<'a> {
    verb: &'static str,
    token: &'a str,
    cause: u64,
    wanted: ChallengeKind,
    to: &'a str,
}

impl<'a> Link<'a> {
    pub(super) fn new(verb: &'static str, token: &'a str, round: &Round<'_>, to: &'a str) -> Self {
        Self { verb, token, cause: round.cause, wanted: round.wanted, to }
    }
}

impl fmt::Display for Link<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verb, token, cause, wanted, to } = self;
        let to = as_value(to);
        write!(f, "{PREFIX}{verb}?t={token}&c={cause:x}&w={}&to={to}", *wanted as u8)
    }
}

/// What an address of a challenge says. Everything in it is the visitor's word, but for what the token seals.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Said<'a> {
    pub(super) verb: &'a str,
    pub(super) token: &'a str,
    pub(super) cause: u64,
    pub(super) wanted: u8,
    pub(super) answer: u64,
    /// Always a path of this site.
    pub(super) to: String,
}

impl<'a> Said<'a> {
    pub(super) fn read(target: &'a str) -> Option<Self> {
        let (verb, query) = target.strip_prefix(PREFIX)?.split_once('?').unwrap_or((target, ""));
        let verb = verb.strip_prefix(PREFIX).unwrap_or(verb);
        let mut said = Self { verb, to: "/".to_owned(), ..Self::default() };
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=')? {
                ("t", token) => said.token = token,
                ("c", cause) => said.cause = u64::from_str_radix(cause, 16).ok()?,
                ("w", wanted) => said.wanted = wanted.parse().ok()?,
                ("a", answer) => said.answer = answer.parse().ok()?,
                ("to", to) => said.to = site_path(to)?,
                _ => return None,
            }
        }
        Some(said)
    }

    pub(super) fn wanted(&self) -> ChallengeKind {
        match self.wanted {
            0 => ChallengeKind::Silent,
            1 => ChallengeKind::Wait,
            _ => ChallengeKind::Work,
        }
    }
}

/// A path of this site, decoded once. `//host`, `/\host` and what is no visible ASCII would lead elsewhere or break
/// a header, and are no path.
pub fn site_path(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    let path = String::from_utf8(bytes).ok()?;
    let is_own = path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && !path.starts_with(PREFIX)
        && path.bytes().all(|byte| byte.is_ascii_graphic());
    is_own.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_again_what_was_put_into_it() {
        let link =
            Link { verb: "pass", token: "abc", cause: 0x1f, wanted: ChallengeKind::Wait, to: "/a?b=c&d=%20" };
        let said = format!("{link}&a=7");
        let said = Said::read(&said).expect("an address");
        assert_eq!((said.verb, said.token, said.cause, said.answer), ("pass", "abc", 0x1f, 7));
        assert_eq!((said.wanted(), said.to.as_str()), (ChallengeKind::Wait, "/a?b=c&d=%20"));
        assert_eq!(Said::read("/.wardmote/work.js").map(|said| said.verb), Some("work.js"));
    }

    #[test]
    fn no_address_leads_to_another_host_or_round_in_a_circle() {
        for to in [
            "//evil.test/",
            "%2F%2Fevil.test",
            "/%5Cevil.test",
            "https://evil.test/",
            "",
            "/a%0D%0AX: y",
            "/.wardmote/check",
            "/%",
            "/%zz",
            "/%ff",
        ] {
            assert_eq!(Said::read(&format!("/.wardmote/check?t=x&to={to}")), None, "{to}");
        }
    }
}
