//! Heads to and from an origin that speaks HTTP/2 (RFC 9113 §8).
//!
//! Pure. A request is written once, as for HTTP/1.1, and read off that: both versions then say the same by
//! construction. Of an answer everything is refused that a strict reader would call malformed and the h2 crate lets
//! pass.

use crate::fields::is_hop_by_hop;
use crate::origin::answer::{AnswerHead, Asked, Framing};
use crate::origin::section::ORIGIN_FIELDS_MAX;
use crate::request::Length;
use crate::streams::call::is_call;
use bytes::Bytes;
use http::response;
use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, Version, header, uri};
use snapshot::Scheme;
use std::mem::MaybeUninit;

/// The visitor's fields and those that the edge adds.
const REQUEST_FIELDS_MAX: usize = crate::http1::framing::FIELDS_MAX + 32;

/// The request that a head of HTTP/1.1 makes. None: it cannot be said in HTTP/2.
pub(super) fn request(text: &Bytes, scheme: Scheme) -> Option<Request<()>> {
    let mut slots = [const { MaybeUninit::uninit() }; REQUEST_FIELDS_MAX];
    let mut tokens = httparse::Request::new(&mut []);
    match tokens.parse_with_uninit_headers(text, &mut slots) {
        Ok(httparse::Status::Complete(length)) if length == text.len() => {}
        _ => return None,
    }
    let mut fields = HeaderMap::with_capacity(tokens.headers.len());
    let mut authority = None;
    for field in tokens.headers.iter() {
        let name = HeaderName::from_bytes(field.name.as_bytes()).ok()?;
        let value = text.slice_ref(field.value);
        match name {
            header::HOST => authority = Some(Authority::from_maybe_shared(value).ok()?),
            // "trailers" is the one thing that may be wished for (RFC 9113 §8.2.2), and all that is ever written.
            header::TE => _ = fields.append(name, HeaderValue::from_static("trailers")),
            _ if is_hop_by_hop(&name) => {}
            _ => {
                let mut value = HeaderValue::from_maybe_shared(value).ok()?;
                // Many visitors share the connection's compression; secrets stay out of it (RFC 7541 §7.1.3).
                value.set_sensitive(matches!(name, header::AUTHORIZATION | header::COOKIE));
                fields.append(name, value);
            }
        }
    }
    let mut parts = uri::Parts::default();
    parts.scheme = Some(if scheme == Scheme::Https { uri::Scheme::HTTPS } else { uri::Scheme::HTTP });
    parts.authority = Some(authority?);
    parts.path_and_query =
        Some(PathAndQuery::from_maybe_shared(text.slice_ref(tokens.path?.as_bytes())).ok()?);
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(tokens.method?.as_bytes()).ok()?;
    *request.uri_mut() = Uri::from_parts(parts).ok()?;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = fields;
    Some(request)
}

/// An interim head. None: it is malformed.
pub(super) fn interim(parts: response::Parts) -> Option<AnswerHead> {
    // RFC 9113 §8.6: there is nothing to switch to.
    let switches = parts.status == StatusCode::SWITCHING_PROTOCOLS;
    let fields = plain(parts.headers)?;
    (!switches).then_some(AnswerHead {
        status: parts.status,
        fields,
        framing: Framing::Interim,
        keep_alive: true,
    })
}

/// The final head. None: it is malformed. `ended`: nothing follows.
pub(super) fn answer(parts: response::Parts, ended: bool, asked: Asked) -> Option<AnswerHead> {
    let (status, fields) = (parts.status, plain(parts.headers)?);
    let length = length(&fields)?;
    let bodiless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    if status.is_informational() {
        return None;
    }
    let framing = match length {
        _ if bodiless => Framing::Bodiless(Length::None),
        length if asked.is_head => Framing::Bodiless(length.map_or(Length::Unknown, Length::Known)),
        _ if ended => Framing::Sized(0),
        // What a call came to stands in its trailers: its end has to be waited for.
        Some(length) if length > 0 && !is_call(&fields) => Framing::Sized(length),
        _ => Framing::Chunked,
    };
    Some(AnswerHead { status, fields, framing, keep_alive: true })
}

/// Trailers. None: they are malformed.
pub(super) fn trailers(fields: HeaderMap) -> Option<HeaderMap> {
    plain(fields)
}

/// Fields without those of the connection; none where there are too many or a value has edges that the next reader
/// would cut off (RFC 9113 §8.2.1).
fn plain(mut fields: HeaderMap) -> Option<HeaderMap> {
    let edged = |value: &HeaderValue| value.as_bytes().trim_ascii().len() < value.as_bytes().len();
    if fields.len() > ORIGIN_FIELDS_MAX || fields.values().any(edged) {
        return None;
    }
    let ending: Vec<_> = fields.keys().filter(|name| is_hop_by_hop(name)).cloned().collect();
    for name in ending {
        fields.remove(name);
    }
    Some(fields)
}

/// The length that is announced. None: it is not one plain number.
fn length(fields: &HeaderMap) -> Option<Option<u64>> {
    let mut lengths = fields.get_all(header::CONTENT_LENGTH).iter();
    match (lengths.next(), lengths.next()) {
        (None, _) => Some(None),
        (Some(length), None) => crate::http1::framing::plain_number(length.as_bytes()).map(Some),
        (Some(_), Some(_)) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Response;

    const PLAIN: Asked = Asked { is_head: false, upgrade: false };

    fn parts(status: u16, fields: &[(&'static str, &'static str)]) -> response::Parts {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::from_u16(status).expect("a status");
        for (name, value) in fields {
            response.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        response.into_parts().0
    }

    #[test]
    fn a_request_says_the_same_as_its_text() {
        let text = "PUT /a%20b?c=%23 HTTP/1.1\r\nhost: a.test:81\r\nte: trailers\r\ncookie: a=1; b=2\r\n\
                    connection: upgrade\r\nupgrade: websocket\r\ntransfer-encoding: chunked\r\nx-a: 1\r\nx-a: 2\r\n\r\n";
        let request = request(&Bytes::from_static(text.as_bytes()), Scheme::Https).expect("can be said");
        assert_eq!(
            (request.method(), request.uri()),
            (&Method::PUT, &Uri::from_static("https://a.test:81/a%20b?c=%23"))
        );
        let fields: Vec<_> =
            request.headers().iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect();
        let expected: [(&str, &[u8]); 4] =
            [("te", b"trailers"), ("cookie", b"a=1; b=2"), ("x-a", b"1"), ("x-a", b"2")];
        assert_eq!(fields, expected);
        assert!(request.headers()[header::COOKIE].is_sensitive());
    }

    #[test]
    fn the_asterisk_of_options_is_a_target() {
        let text = Bytes::from_static(b"OPTIONS * HTTP/1.1\r\nhost: [::1]\r\n\r\n");
        let request = request(&text, Scheme::Http).expect("can be said");
        assert_eq!(request.uri().path(), "*");
        assert_eq!(request.uri().scheme_str(), Some("http"));
    }

    #[test]
    fn answers_are_framed_by_their_streams_and_held_to_their_lengths() {
        let head = Asked { is_head: true, upgrade: false };
        for (status, fields, ended, asked, framing) in [
            (200, vec![], false, PLAIN, Framing::Chunked),
            (200, vec![("content-length", "5")], false, PLAIN, Framing::Sized(5)),
            (200, vec![("content-length", "0")], false, PLAIN, Framing::Chunked),
            (200, vec![], true, PLAIN, Framing::Sized(0)),
            (204, vec![], true, PLAIN, Framing::Bodiless(Length::None)),
            (304, vec![("content-length", "5")], true, PLAIN, Framing::Bodiless(Length::None)),
            (200, vec![("content-length", "5")], true, head, Framing::Bodiless(Length::Known(5))),
            (200, vec![], true, head, Framing::Bodiless(Length::Unknown)),
            (
                200,
                vec![("content-type", "application/grpc"), ("content-length", "5")],
                false,
                PLAIN,
                Framing::Chunked,
            ),
        ] {
            let head = answer(parts(status, &fields), ended, asked).expect("well-formed");
            assert_eq!(head.framing, framing, "{status} {fields:?}");
        }
    }

    #[test]
    fn what_two_readers_could_take_differently_is_no_answer() {
        for fields in [
            vec![("content-length", "5"), ("content-length", "5")],
            vec![("content-length", "5, 5")],
            vec![("content-length", "+5")],
            vec![("content-length", "")],
            vec![("content-length", "9999999999999999999")],
            vec![("x", " y")],
            vec![("x", "y\t")],
            vec![("x", "y"); ORIGIN_FIELDS_MAX + 1],
        ] {
            assert!(answer(parts(200, &fields), false, PLAIN).is_none(), "{fields:?}");
        }
        assert!(interim(parts(101, &[])).is_none());
        assert!(interim(parts(103, &[("link", "</a>")])).is_some());
    }
}
