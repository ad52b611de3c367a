//! From bytes to one well-framed request head, or a reason to refuse it (RFC 9112 §§2–7).
//!
//! Pure: bytes in, a head out. Owns every rule by which a request is ambiguous.
//!
//! Invariant: a head that comes out has exactly one host, one target and one length, and no field that
//! frames the message on this connection is left among its fields.

use super::scan::Scan;
use crate::authority::{Authority, LastAuthority, Scheme};
use crate::reasons::Reason;
use crate::request::{Length, Request};
use bytes::{Buf, Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version, header};
use std::mem::MaybeUninit;

/// The longest request head, in bytes, with its request line and the empty line at its end.
pub(crate) const HEAD_BYTES_MAX: usize = 32 * 1024;
/// The most header fields of a request.
pub(crate) const FIELDS_MAX: usize = 100;
/// The longest method name.
pub(crate) const METHOD_BYTES_MAX: usize = 32;

/// A request head and what it says about its connection.
#[derive(Debug)]
pub(crate) struct RequestHead {
    /// The request itself.
    pub request: Request,
    /// Whether the connection may carry another request after this one (RFC 9112 §9.3).
    pub keep_alive: bool,
}

/// Memory that a reader uses again and again.
#[derive(Debug, Default)]
pub(crate) struct HeadMemory {
    /// An empty map with room.
    pub fields: HeaderMap,
    /// The host that was parsed last.
    pub authority: LastAuthority,
}

/// Reads heads off one connection's bytes; keeps its place in a head that is not whole yet.
#[derive(Debug, Default)]
pub(crate) struct HeadReader {
    scan: Scan,
    skipped_line: bool,
}

impl HeadReader {
    /// Takes one whole head off the front of `buffer`, or `None` while more bytes are needed.
    ///
    /// The fields travel inside the request that is returned; give the emptied map back to `memory` after
    /// the exchange.
    pub(crate) fn read(
        &mut self,
        buffer: &mut BytesMut,
        memory: &mut HeadMemory,
        scheme: Scheme,
    ) -> Result<Option<RequestHead>, Reason> {
        self.skip_empty_line(buffer)?;
        match buffer.first() {
            None => return Ok(None),
            Some(b'\r') if !self.skipped_line => return Ok(None),
            Some(first) if !is_token(*first) => return Err(misread_first_byte(*first)),
            Some(_) => {}
        }
        let Some(end) = self.scan.section_end(buffer)? else {
            return if buffer.len() < HEAD_BYTES_MAX { Ok(None) } else { Err(self.too_large()) };
        };
        if end > HEAD_BYTES_MAX {
            return Err(self.too_large());
        }
        *self = Self::default();
        let head = buffer.split_to(end).freeze();
        let head = parse(&head, memory, scheme)?;
        // An origin that switches would take for the new protocol what one that does not takes for a request.
        if head.request.upgrade && !buffer.is_empty() { Err(Reason::EarlyBytes) } else { Ok(Some(head)) }
    }

    /// One empty line before a request is skipped (RFC 9112 §2.2), a second is not.
    fn skip_empty_line(&mut self, buffer: &mut BytesMut) -> Result<(), Reason> {
        match **buffer {
            [b'\r', ..] if self.skipped_line => Err(Reason::LineMalformed),
            [b'\r', b'\n', ..] => {
                buffer.advance(2);
                self.skipped_line = true;
                Ok(())
            }
            [b'\r', _, ..] => Err(Reason::BareCarriageReturn),
            _ => Ok(()),
        }
    }

    fn too_large(&self) -> Reason {
        match self.scan.first_line() {
            1..=HEAD_BYTES_MAX => Reason::HeadTooLarge,
            _ => Reason::TargetTooLong,
        }
    }
}

fn misread_first_byte(byte: u8) -> Reason {
    match byte {
        b'\n' => Reason::BareLineFeed,
        _ => Reason::LineMalformed,
    }
}

fn parse(head: &Bytes, memory: &mut HeadMemory, scheme: Scheme) -> Result<RequestHead, Reason> {
    let mut slots = [const { MaybeUninit::uninit() }; FIELDS_MAX];
    let mut tokens = httparse::Request::new(&mut []);
    match tokens.parse_with_uninit_headers(head, &mut slots) {
        Ok(httparse::Status::Complete(length)) if length == head.len() => {}
        Ok(_) => return Err(Reason::LineMalformed),
        Err(error) => return Err(diagnose(error, head)),
    }
    let (Some(method), Some(target), Some(minor)) = (tokens.method, tokens.path, tokens.version) else {
        return Err(Reason::LineMalformed);
    };
    let version = if minor == 1 { Version::HTTP_11 } else { Version::HTTP_10 };
    let mut section = Section::new(version, std::mem::take(&mut memory.fields));
    for field in tokens.headers.iter() {
        section.take(field, head)?;
    }
    if !crate::fields::remove_named(&mut section.fields) {
        return Err(Reason::TooManyFields);
    }
    let method = parse_method(method)?;
    let target = Target::parse(&head.slice_ref(target.as_bytes()), &method, scheme)?;
    let authority = section.authority(&target, &mut memory.authority, scheme)?;
    let length = section.length(version)?;
    let upgrade = section.wants_websocket(&method, length, version);
    let request = Request {
        method,
        scheme,
        authority,
        target: target.path,
        version,
        length,
        expects_continue: section.expects_continue && version == Version::HTTP_11 && length != Length::None,
        upgrade,
        fields: section.fields,
        client_certificate: None,
        fingerprints: None,
        child: None,
        ruled: None,
    };
    Ok(RequestHead { request, keep_alive: section.keep_alive })
}

/// What the fields say, gathered in one pass.
struct Section {
    fields: HeaderMap,
    host: Option<Bytes>,
    content_length: Option<u64>,
    chunked: bool,
    keep_alive: bool,
    close: bool,
    upgrade_named: bool,
    websocket: bool,
    expects_continue: bool,
}

impl Section {
    fn new(version: Version, fields: HeaderMap) -> Self {
        Self {
            fields,
            host: None,
            content_length: None,
            chunked: false,
            keep_alive: version == Version::HTTP_11,
            close: false,
            upgrade_named: false,
            websocket: false,
            expects_continue: false,
        }
    }

    fn take(&mut self, field: &httparse::Header<'_>, head: &Bytes) -> Result<(), Reason> {
        let name = HeaderName::from_bytes(field.name.as_bytes()).map_err(|_| Reason::FieldMalformed)?;
        let raw = head.slice_ref(field.value);
        match name {
            header::HOST => {
                return if self.host.replace(raw).is_some() { Err(Reason::HostRepeated) } else { Ok(()) };
            }
            header::CONTENT_LENGTH => return self.take_length(&raw),
            header::TRANSFER_ENCODING => return self.take_coding(&raw),
            header::CONNECTION => self.take_connection(&raw),
            header::UPGRADE => self.websocket |= raw.eq_ignore_ascii_case(b"websocket"),
            header::EXPECT => return self.take_expectation(&raw),
            _ => {}
        }
        let value = HeaderValue::from_maybe_shared(raw).map_err(|_| Reason::FieldMalformed)?;
        self.fields.try_append(name, value).map_err(|_| Reason::TooManyFields)?;
        Ok(())
    }

    fn take_length(&mut self, value: &[u8]) -> Result<(), Reason> {
        if self.content_length.is_some() {
            return Err(Reason::LengthRepeated);
        }
        self.content_length = Some(plain_number(value).ok_or(Reason::LengthMalformed)?);
        Ok(())
    }

    fn take_coding(&mut self, value: &[u8]) -> Result<(), Reason> {
        if self.chunked {
            return Err(Reason::CodingRepeated);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(Reason::CodingUnsupported);
        }
        self.chunked = true;
        Ok(())
    }

    fn take_connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',') {
            let option = option.trim_ascii();
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade_named |= option.eq_ignore_ascii_case(b"upgrade");
        }
        // Once any line asks to close, no other undoes it.
        self.keep_alive &= !self.close;
    }

    fn take_expectation(&mut self, value: &[u8]) -> Result<(), Reason> {
        self.expects_continue = value.eq_ignore_ascii_case(b"100-continue");
        if self.expects_continue { Ok(()) } else { Err(Reason::ExpectationUnknown) }
    }

    /// One Host field, which an absolute target must repeat (RFC 9112 §3.2, stricter than its §3.2.2).
    fn authority(
        &mut self,
        target: &Target,
        last: &mut LastAuthority,
        scheme: Scheme,
    ) -> Result<Authority, Reason> {
        let field = self.host.take().map(|host| last.parse(&host, scheme)).transpose()?;
        match (field, &target.authority) {
            (Some(field), Some(target)) if field != *target => Err(Reason::TargetMismatch),
            (Some(field), _) => Ok(field),
            (None, _) => Err(Reason::HostMissing),
        }
    }

    /// The length of the content (RFC 9112 §6.3), refused wherever two readings exist.
    fn length(&self, version: Version) -> Result<Length, Reason> {
        match (self.chunked, self.content_length) {
            (true, _) if version == Version::HTTP_10 => Err(Reason::CodingBeforeHttp11),
            (true, Some(_)) => Err(Reason::LengthAndCoding),
            (true, None) => Ok(Length::Unknown),
            (false, Some(length)) if length > 0 => Ok(Length::Known(length)),
            (false, Some(_) | None) => Ok(Length::None),
        }
    }

    fn wants_websocket(&self, method: &Method, length: Length, version: Version) -> bool {
        self.upgrade_named
            && self.websocket
            && *method == Method::GET
            && length == Length::None
            && version == Version::HTTP_11
    }
}

/// `1*DIGIT` below 2^63: no sign, no list, no space.
pub(crate) fn plain_number(value: &[u8]) -> Option<u64> {
    let plain = (1..=18).contains(&value.len()) && value.iter().all(u8::is_ascii_digit);
    plain.then(|| value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

fn parse_method(text: &str) -> Result<Method, Reason> {
    if text.len() > METHOD_BYTES_MAX {
        return Err(Reason::MethodTooLong);
    }
    let method = Method::from_bytes(text.as_bytes()).map_err(|_| Reason::LineMalformed)?;
    if matches!(method, Method::CONNECT | Method::TRACE) { Err(Reason::MethodRefused) } else { Ok(method) }
}

/// The request target (RFC 9112 §3.2): origin form, absolute form, or `*` for OPTIONS.
struct Target {
    authority: Option<Authority>,
    path: PathAndQuery,
}

impl Target {
    fn parse(text: &Bytes, method: &Method, scheme: Scheme) -> Result<Self, Reason> {
        // RFC 3986 has neither fragments here nor bytes beyond ASCII; both are read differently by origins.
        if text.iter().any(|byte| *byte == b'#' || *byte >= 0x7f) {
            return Err(Reason::TargetMalformed);
        }
        match text.first() {
            Some(b'/') => Ok(Self { authority: None, path: path_of(text.clone())? }),
            Some(b'*') if text.len() == 1 && *method == Method::OPTIONS => {
                Ok(Self { authority: None, path: PathAndQuery::from_static("*") })
            }
            _ => Self::parse_absolute(text, scheme),
        }
    }

    fn parse_absolute(text: &Bytes, scheme: Scheme) -> Result<Self, Reason> {
        let colon = memchr::memchr(b':', text).ok_or(Reason::TargetMalformed)?;
        if !text[colon..].starts_with(b"://") {
            return Err(Reason::TargetMalformed);
        }
        if !text[..colon].eq_ignore_ascii_case(scheme.as_str().as_bytes()) {
            return Err(Reason::TargetMismatch);
        }
        let rest = text.slice(colon + 3..);
        let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
        let authority = Authority::parse(&rest.slice(..end), scheme).map_err(|_| Reason::TargetMalformed)?;
        let path = match rest.get(end) {
            Some(b'/') => path_of(rest.slice(end..))?,
            Some(_) => path_of([b"/", &rest[end..]].concat().into())?,
            None => PathAndQuery::from_static("/"),
        };
        Ok(Self { authority: Some(authority), path })
    }
}

fn path_of(text: Bytes) -> Result<PathAndQuery, Reason> {
    PathAndQuery::from_maybe_shared(text).map_err(|_| Reason::TargetMalformed)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Finds the plainest name for what httparse refused; looks at the head a second time, which only
/// refused requests pay for.
fn diagnose(error: httparse::Error, head: &[u8]) -> Reason {
    if error == httparse::Error::TooManyHeaders {
        return Reason::TooManyFields;
    }
    let bare_return = |at: usize| head[at] == b'\r' && head.get(at + 1) != Some(&b'\n');
    if (0..head.len()).any(bare_return) {
        return Reason::BareCarriageReturn;
    }
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    if error == httparse::Error::Version {
        let line = lines.next().unwrap_or_default();
        let mut words = line.split(|byte| *byte == b' ').skip(2);
        let named = words.next().is_some_and(|word| word.starts_with(b"HTTP/")) && words.next().is_none();
        return if named { Reason::VersionUnsupported } else { Reason::LineMalformed };
    }
    if error == httparse::Error::Token || error == httparse::Error::Status {
        return Reason::LineMalformed;
    }
    for line in lines.skip(1) {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if matches!(line.first(), Some(b' ' | b'\t')) {
            return Reason::FieldFolded;
        }
        if name.len() < line.len() && matches!(name.last(), Some(b' ' | b'\t')) {
            return Reason::SpaceBeforeColon;
        }
    }
    if error == httparse::Error::NewLine { Reason::LineMalformed } else { Reason::FieldMalformed }
}

#[cfg(test)]
mod tests;
