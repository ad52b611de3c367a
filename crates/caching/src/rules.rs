//! What a site's owner sets beyond what the origin's fields say.

use crate::delta::DeltaSeconds;
use crate::fields::trim;
use crate::reason::Reason;
use crate::request::Request;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// Cache rules of one site. The default changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Lifetimes by path and status; the first that fits counts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ttl: Vec<TtlRule>,
    /// Names of cookies, `*` for any characters: a request that carries one passes the cache by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bypass_cookies: Vec<String>,
    /// The languages that the site has, its usual one first: each request is answered in the one of them that
    /// suits it best. Left out, requests for other languages are told apart.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<String>,
    /// What becomes of the query before it is keyed and sent on.
    #[serde(skip_serializing_if = "QueryRule::is_nothing")]
    pub query: QueryRule,
    /// Whether an address that ends like a static file is stored only with a Content-Type that fits;
    /// left out, that is so in mode guarded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agree_content_type: Option<bool>,
}

/// A lifetime in place of the one the origin gives. Never makes a response storable that the origin forbids
/// to share, or that sets a cookie.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TtlRule {
    /// The path: with `*` a pattern over the whole path, without one what the path begins with.
    pub path: String,
    /// The statuses; left out, 200 to 299.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusRange>,
    /// The lifetime in seconds; 0 has every use revalidated.
    pub ttl_seconds: u32,
}

/// Statuses from one to another, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusRange {
    /// The first.
    pub from: u16,
    /// The last.
    pub to: u16,
}

/// How a query is rewritten, in the key and towards the origin alike.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct QueryRule {
    /// Names of parameters that are taken out, `*` for any characters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<String>,
    /// Whether the parameters are put in the order of their names.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sort: bool,
}

impl Rules {
    /// The lifetime that the first fitting rule sets for a response.
    pub(crate) fn lifetime(&self, path: &[u8], status: StatusCode) -> Option<DeltaSeconds> {
        let fits = |rule: &&TtlRule| rule.covers(status) && matches_path(&rule.path, path);
        self.ttl.iter().find(fits).map(|rule| DeltaSeconds::new(u64::from(rule.ttl_seconds)))
    }

    /// Why a request passes the cache by, if it carries a cookie of the list.
    pub fn bypass(&self, request: &Request<'_>) -> Option<Reason> {
        if self.bypass_cookies.is_empty() || !request.cookie {
            return None;
        }
        let mut found = false;
        request.fields.each(&mut |name, value| {
            if !found && name.len() == 6 && name.eq_ignore_ascii_case("cookie") {
                let names = value.split(|byte| *byte == b';').map(cookie_name);
                found = names.into_iter().any(|name| self.bypasses(name));
            }
        });
        found.then_some(Reason::BypassCookie)
    }

    fn bypasses(&self, cookie: &[u8]) -> bool {
        self.bypass_cookies.iter().any(|pattern| matches_pattern(pattern.as_bytes(), cookie))
    }

    /// A request target in origin form as it is keyed and sent to the origin.
    pub fn rewritten<'a>(&self, target: &'a [u8]) -> Cow<'a, [u8]> {
        self.query.rewritten(target)
    }
}

impl TtlRule {
    fn covers(&self, status: StatusCode) -> bool {
        let StatusRange { from, to } = self.status.unwrap_or(StatusRange { from: 200, to: 299 });
        (from..=to).contains(&status.as_u16())
    }
}

impl QueryRule {
    fn rewritten<'a>(&self, target: &'a [u8]) -> Cow<'a, [u8]> {
        let Some(mark) = target.iter().position(|byte| *byte == b'?').filter(|_| !self.is_nothing()) else {
            return Cow::Borrowed(target);
        };
        let parameters = target[mark + 1..].split(|byte| *byte == b'&');
        let mut kept: Vec<&[u8]> = parameters.filter(|parameter| !self.ignores(parameter)).collect();
        if self.sort {
            // Stable: the order of parameters with one name may mean something.
            kept.sort_by(|a, b| parameter_name(a).cmp(parameter_name(b)));
        }
        let mut out = target[..mark].to_vec();
        for (at, parameter) in kept.into_iter().enumerate() {
            out.push(if at == 0 { b'?' } else { b'&' });
            out.extend_from_slice(parameter);
        }
        Cow::Owned(out)
    }

    fn ignores(&self, parameter: &[u8]) -> bool {
        let name = parameter_name(parameter);
        self.ignore.iter().any(|pattern| matches_pattern(pattern.as_bytes(), name))
    }

    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

fn parameter_name(parameter: &[u8]) -> &[u8] {
    parameter.split(|byte| *byte == b'=').next().unwrap_or_default()
}

fn cookie_name(pair: &[u8]) -> &[u8] {
    trim(pair.split(|byte| *byte == b'=').next().unwrap_or_default())
}

fn matches_path(rule: &str, path: &[u8]) -> bool {
    if rule.contains('*') {
        matches_pattern(rule.as_bytes(), path)
    } else {
        path.starts_with(rule.as_bytes())
    }
}

/// Whether `text` is what `pattern` says, `*` standing for any bytes. Goes back to the last `*` only, so
/// that the time is at most the product of the lengths.
fn matches_pattern(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((after, from)) = retry else { return false };
                retry = Some((after, from + 1));
                p = after;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}
