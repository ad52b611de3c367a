//! What a state-changing request makes unusable (RFC 9111 §4.4).

use crate::fields::Fields;
use crate::fields::trim;
use crate::key::Scheme;
use http::{Method, StatusCode, Uri};

/// Targets whose stored responses, all variants, are to be dropped.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Invalidation {
    /// The request's own target, then those of Location and Content-Location on the same origin.
    pub targets: Vec<Vec<u8>>,
}

/// The target of a request, for resolving references against it.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The visitor's scheme.
    pub scheme: Scheme,
    /// Host without port, lower case.
    pub host: &'a str,
    /// The port, where it is not the scheme's own.
    pub port: Option<u16>,
    /// Path and query as received.
    pub path_and_query: &'a [u8],
}

/// Methods registered as safe; any other, known or not, changes state (RFC 9110 §9.2.1, RFC 9111 §4.4).
pub fn is_safe(method: &Method) -> bool {
    const SAFE: [&str; 9] =
        ["GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY", "PRI"];
    SAFE.contains(&method.as_str())
}

/// What to drop after a response to `method`: nothing for a safe method or an error response.
pub fn invalidation(
    method: &Method,
    status: StatusCode,
    target: Target<'_>,
    response: &dyn Fields,
) -> Invalidation {
    if is_safe(method) || !(status.is_success() || status.is_redirection()) {
        return Invalidation::default();
    }
    let mut targets = vec![target.path_and_query.to_vec()];
    response.each(&mut |name, value| {
        let names_target =
            name.eq_ignore_ascii_case("location") || name.eq_ignore_ascii_case("content-location");
        let found = names_target.then(|| same_origin(target, trim(value))).flatten();
        if let Some(found) = found.filter(|found| !targets.contains(found)) {
            targets.push(found);
        }
    });
    Invalidation { targets }
}

/// Whether a response says by Content-Location that it is what a GET of the target would bring (RFC 9110
/// §8.7).
pub(crate) fn is_content_of(target: Target<'_>, response: &dyn Fields) -> bool {
    let (mut count, mut same) = (0, true);
    response.each(&mut |name, value| {
        if name.eq_ignore_ascii_case("content-location") {
            count += 1;
            same &= same_origin(target, trim(value)).is_some_and(|found| found == target.path_and_query);
        }
    });
    count == 1 && same
}

/// The path and query a reference leads to, if it stays on the origin of `base` (RFC 3986 §5.2; another
/// origin must not be able to drop stored responses, RFC 9111 §7.1 and §4.4).
fn same_origin(base: Target<'_>, reference: &[u8]) -> Option<Vec<u8>> {
    let reference = reference.split(|byte| *byte == b'#').next()?;
    if let Some(rest) = reference.strip_prefix(b"//") {
        let absolute = [base.scheme.as_str().as_bytes(), b"://", rest].concat();
        return absolute_on_origin(base, &absolute);
    }
    if has_scheme(reference) {
        return absolute_on_origin(base, reference);
    }
    let (base_path, _) = split_query(base.path_and_query);
    let (path, query) = split_query(reference);
    let path = match path.first() {
        None if query.is_none() => return Some(base.path_and_query.to_vec()),
        None => base_path.to_vec(),
        Some(b'/') => without_dots(path),
        Some(_) => {
            let folder = base_path.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
            without_dots(&[&base_path[..folder], path].concat())
        }
    };
    Some(joined(path, query))
}

fn absolute_on_origin(base: Target<'_>, reference: &[u8]) -> Option<Vec<u8>> {
    let uri = Uri::try_from(reference).ok()?;
    let scheme = uri.scheme_str()?;
    let default_port = match base.scheme {
        Scheme::Http => 80,
        Scheme::Https => 443,
    };
    let same = scheme.eq_ignore_ascii_case(base.scheme.as_str())
        && uri.host()?.eq_ignore_ascii_case(base.host)
        && uri.port_u16().unwrap_or(default_port) == base.port.unwrap_or(default_port)
        && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    let path = without_dots(uri.path().as_bytes());
    same.then(|| joined(path, uri.query().map(str::as_bytes)))
}

/// `scheme ":"` before any `/`, `?` (RFC 3986 §3.1).
fn has_scheme(reference: &[u8]) -> bool {
    let end = reference.iter().position(|byte| matches!(byte, b':' | b'/' | b'?'));
    end.is_some_and(|end| reference[end] == b':')
}

fn split_query(target: &[u8]) -> (&[u8], Option<&[u8]>) {
    match target.iter().position(|byte| *byte == b'?') {
        Some(at) => (&target[..at], Some(&target[at + 1..])),
        None => (target, None),
    }
}

fn joined(mut path: Vec<u8>, query: Option<&[u8]>) -> Vec<u8> {
    if let Some(query) = query {
        path.push(b'?');
        path.extend_from_slice(query);
    }
    path
}

/// `remove_dot_segments` (RFC 3986 §5.2.4) of a path that begins with `/`.
fn without_dots(path: &[u8]) -> Vec<u8> {
    let mut kept: Vec<&[u8]> = Vec::new();
    let mut segments = path.split(|byte| *byte == b'/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            b"." | b".." => {
                if segment == b".." {
                    kept.pop();
                }
                if last {
                    kept.push(b"");
                }
            }
            _ => kept.push(segment),
        }
    }
    let mut out = Vec::with_capacity(path.len());
    for segment in kept {
        out.push(b'/');
        out.extend_from_slice(segment);
    }
    if out.is_empty() { b"/".to_vec() } else { out }
}
