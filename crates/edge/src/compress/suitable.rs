//! Which responses other codings make sense for, and the `Vary` that says so.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use object_cache::StoredResponse;

/// Shorter bodies fit one packet with their head either way.
pub(crate) const BODY_BYTES_MIN: u64 = 860;

/// Media types that coding makes smaller, besides `text/*` and the suffixes `+json` and `+xml`. Whatever is
/// not known here is left as it is: most of it is coded in itself.
const TYPES: [&str; 17] = [
    "application/javascript",
    "application/x-javascript",
    "application/ecmascript",
    "application/json",
    "application/ld+json",
    "application/manifest+json",
    "application/xml",
    "application/wasm",
    "application/vnd.ms-fontobject",
    "application/x-font-ttf",
    "font/ttf",
    "font/otf",
    "image/svg+xml",
    "image/bmp",
    "image/x-icon",
    "image/vnd.microsoft.icon",
    "model/gltf+json",
];

/// What decides, gathered in one pass over the fields.
#[derive(Default)]
struct Signs {
    typed: bool,
    /// Coded already, part of something, or not to be transformed.
    hindered: bool,
    varies: bool,
}

impl Signs {
    fn of<'a>(fields: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) -> Self {
        let mut signs = Self::default();
        for (name, value) in fields {
            match *name {
                header::CONTENT_TYPE => signs.typed = is_compressible_type(value.as_bytes()),
                header::CONTENT_ENCODING => {
                    signs.hindered |= !value.as_bytes().trim_ascii().eq_ignore_ascii_case(b"identity");
                }
                header::CONTENT_RANGE => signs.hindered = true,
                header::CACHE_CONTROL => signs.hindered |= says_no_transform([value]),
                header::VARY => signs.varies |= names_accept_encoding(value.as_bytes()),
                _ => {}
            }
        }
        signs
    }

    fn allow(&self, status: StatusCode, length: Option<u64>) -> bool {
        let sized = length.is_none_or(|length| length >= BODY_BYTES_MIN);
        status == StatusCode::OK && self.typed && !self.hindered && sized
    }
}

/// Whether a whole stored response may have other codings.
pub(super) fn is_suitable_stored(stored: &StoredResponse) -> bool {
    let signs = Signs::of(stored.fields().iter().map(|(name, value)| (name, value)));
    // A body in slices is longer than anyone should code at once.
    stored.body().whole().is_some() && signs.allow(stored.status(), Some(stored.stored().length()))
}

/// Tells caches behind this one that the answer may come in other codings, whichever form goes out now
/// (RFC 9110 §12.5.5). `length` is none where it is not known yet.
pub(crate) fn announce(fields: &mut HeaderMap, status: StatusCode, length: Option<u64>) {
    let signs = Signs::of(fields.iter());
    if signs.allow(status, length) && !signs.varies {
        fields.append(header::VARY, ACCEPT_ENCODING);
    }
}

/// The same for the fields of a response that is being stored.
pub(crate) fn announce_stored(
    fields: &mut Vec<(HeaderName, HeaderValue)>,
    status: StatusCode,
    length: Option<u64>,
) {
    let signs = Signs::of(fields.iter().map(|(name, value)| (name, value)));
    if signs.allow(status, length) && !signs.varies {
        fields.push((header::VARY, ACCEPT_ENCODING));
    }
}

/// The fields of a stored response as its origin sent them: without the announcement.
pub(crate) fn unannounced(stored: &StoredResponse) -> Vec<(HeaderName, HeaderValue)> {
    let theirs = stored.stored().variant().is_by(&header::ACCEPT_ENCODING);
    let ours = |(name, value): &&(HeaderName, HeaderValue)| {
        !theirs && *name == header::VARY && *value == ACCEPT_ENCODING
    };
    stored.fields().iter().filter(|field| !ours(field)).cloned().collect()
}

/// The same for the fields of a form that is coded.
pub(super) fn announce_coded(fields: &mut Vec<(HeaderName, HeaderValue)>) {
    let varies = |(name, value): &(HeaderName, HeaderValue)| {
        *name == header::VARY && names_accept_encoding(value.as_bytes())
    };
    if !fields.iter().any(varies) {
        fields.push((header::VARY, ACCEPT_ENCODING));
    }
}

const ACCEPT_ENCODING: HeaderValue = HeaderValue::from_static("Accept-Encoding");

fn is_compressible_type(value: &[u8]) -> bool {
    let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
    let media = value[..end].trim_ascii();
    let ends = |suffix: &[u8]| {
        media.len() >= suffix.len() && media[media.len() - suffix.len()..].eq_ignore_ascii_case(suffix)
    };
    let is_text = media.len() > 5 && media[..5].eq_ignore_ascii_case(b"text/");
    // An event stream is made to arrive piece by piece.
    (is_text && !media.eq_ignore_ascii_case(b"text/event-stream"))
        || ends(b"+json")
        || ends(b"+xml")
        || TYPES.iter().any(|known| media.eq_ignore_ascii_case(known.as_bytes()))
}

/// Whether `Cache-Control` lines hold `no-transform` (RFC 9111 §5.2.2.6, §5.2.1.6). A word within a quoted
/// string counts too: in doubt nothing is transformed.
pub(super) fn says_no_transform<'a>(lines: impl IntoIterator<Item = &'a HeaderValue>) -> bool {
    let mut words = lines.into_iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
    words.any(|word| {
        let end = word.iter().position(|byte| *byte == b'=').unwrap_or(word.len());
        word[..end].trim_ascii().eq_ignore_ascii_case(b"no-transform")
    })
}

fn names_accept_encoding(vary: &[u8]) -> bool {
    let mut names = vary.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    names.any(|name| name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(lines: &[(&'static str, &'static str)], status: u16, length: Option<u64>) -> Vec<String> {
        let mut fields = HeaderMap::new();
        for (name, value) in lines {
            fields.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        announce(&mut fields, StatusCode::from_u16(status).expect("status"), length);
        fields.get_all("vary").iter().map(|value| value.to_str().expect("text").to_owned()).collect()
    }

    #[test]
    fn only_what_coding_helps_is_announced() {
        let html = ("content-type", "text/html; charset=utf-8");
        let yes = vec!["Accept-Encoding".to_owned()];
        for (lines, status, length, expected) in [
            (vec![html], 200, Some(860), yes.clone()),
            (vec![html], 200, None, yes.clone()),
            (vec![html], 200, Some(859), vec![]),
            (vec![html], 404, Some(5000), vec![]),
            (vec![html], 206, Some(5000), vec![]),
            (vec![], 200, Some(5000), vec![]),
            (vec![("content-type", "Application/Problem+JSON")], 200, Some(5000), yes.clone()),
            (vec![("content-type", "image/svg+xml")], 200, Some(5000), yes.clone()),
            (vec![("content-type", "image/png")], 200, Some(5000), vec![]),
            (vec![("content-type", "video/mp4")], 200, Some(5000), vec![]),
            (vec![("content-type", "font/woff2")], 200, Some(5000), vec![]),
            (vec![("content-type", "application/zip")], 200, Some(5000), vec![]),
            (vec![("content-type", "text/event-stream")], 200, None, vec![]),
            (vec![html, ("content-encoding", "gzip")], 200, Some(5000), vec![]),
            (vec![html, ("content-encoding", "identity")], 200, Some(5000), yes.clone()),
            (vec![html, ("cache-control", "max-age=5, No-Transform")], 200, Some(5000), vec![]),
        ] {
            assert_eq!(announced(&lines, status, length), expected, "{lines:?} {status} {length:?}");
        }
        for vary in ["accept-encoding", "Accept, Accept-Encoding", "*"] {
            let held = vec![vary.to_owned()];
            assert_eq!(announced(&[html, ("vary", vary)], 200, None), held);
        }
        let both = vec!["Accept".to_owned(), "Accept-Encoding".to_owned()];
        assert_eq!(announced(&[html, ("vary", "Accept")], 200, None), both);
    }
}
