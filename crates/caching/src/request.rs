//! What the cache needs of a request, read once.

use crate::directives::RequestDirectives;
use crate::encoding::{AcceptedEncodings, Reading};
use crate::fields::{Fields, date_of, elements};
use crate::language::Languages;
use crate::range::{Asked, RANGES_MAX, Ranges, asked};
use crate::reason::Reason;
use crate::vary::normal_fields;
use http::{HeaderName, HeaderValue, Method};
use vocabulary::Timestamp;

/// A request as the cache sees it. Borrows everything; [`Request::read`] passes over the lines once.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    pub(crate) method: Kind,
    pub(crate) fields: &'a dyn Fields,
    pub(crate) directives: RequestDirectives,
    pub(crate) encodings: AcceptedEncodings,
    pub(crate) conditions: Conditions<'a>,
    authorization: bool,
    pub(crate) cookie: bool,
    content: bool,
    steering: bool,
    upgrade: bool,
    /// The languages that the site has; none given, all are told apart.
    spoken: &'a [String],
}

/// The methods the cache tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Get,
    Head,
    Post,
    Other,
}

/// The fields that make a request conditional or partial.
#[derive(Clone, Copy, Default)]
pub(crate) struct Conditions<'a> {
    /// If-None-Match lines are there; they are read again when judged.
    pub(crate) none_match: bool,
    pub(crate) modified_since: Single<'a>,
    pub(crate) range: Single<'a>,
    pub(crate) if_range: Single<'a>,
    /// If-Match or If-Unmodified-Since.
    pub(crate) for_origin: bool,
}

/// A field that may stand once; twice it is as good as absent.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) enum Single<'a> {
    #[default]
    Absent,
    Once(&'a [u8]),
    Repeated,
}

impl<'a> Single<'a> {
    fn take(&mut self, value: &'a [u8]) {
        *self = if *self == Single::Absent { Single::Once(value) } else { Single::Repeated };
    }

    pub(crate) fn value(self) -> Option<&'a [u8]> {
        match self {
            Single::Once(value) => Some(value),
            Single::Absent | Single::Repeated => None,
        }
    }
}

/// Whether the cache takes part in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Look up; on a miss fetch and, if `storable`, store.
    Lookup,
    /// Go to the origin and store nothing.
    Bypass(Reason),
}

impl<'a> Request<'a> {
    /// Reads method and fields. Does not allocate.
    pub fn read(method: &Method, fields: &'a dyn Fields) -> Self {
        let mut reader = Reader::default();
        fields.each(&mut |name, value| reader.line(name, value));
        let mut directives = reader.directives;
        // RFC 9111 §5.4: Pragma counts only where Cache-Control is absent.
        directives.no_cache |= reader.pragma_no_cache && !directives.present;
        let method = match *method {
            Method::GET => Kind::Get,
            Method::HEAD => Kind::Head,
            Method::POST => Kind::Post,
            _ => Kind::Other,
        };
        Self {
            method,
            fields,
            directives,
            encodings: reader.encodings.finish(),
            conditions: reader.conditions,
            authorization: reader.authorization,
            cookie: reader.cookie,
            content: reader.content,
            steering: reader.steering,
            upgrade: reader.upgrade,
            spoken: &[],
        }
    }

    /// The same, at a site that has these languages alone: [`Rules::languages`](crate::Rules::languages).
    pub fn spoken(self, languages: &'a [String]) -> Self {
        Self { spoken: languages, ..self }
    }

    /// The languages it asks for, in their normal form.
    pub(crate) fn languages(&self) -> Languages<'a> {
        Languages::of(self.fields).within(self.spoken)
    }

    /// Whether the cache takes part (RFC 9111 §4, §5.2.1).
    pub fn plan(&self) -> Plan {
        let bypass = match self.method {
            Kind::Other | Kind::Post => Some(Reason::Method),
            Kind::Get | Kind::Head => self.bypass_but_for_method(),
        };
        bypass.map_or(Plan::Lookup, Plan::Bypass)
    }

    /// Why a request passes the cache by whatever its method. A POST has content by right.
    pub(crate) fn bypass_but_for_method(&self) -> Option<Reason> {
        match () {
            () if self.upgrade => Some(Reason::Upgrade),
            () if self.content && !self.is_post() => Some(Reason::RequestContent),
            () if self.steering => Some(Reason::Steering),
            () if self.directives.no_store => Some(Reason::RequestNoStore),
            () if self.conditions.for_origin => Some(Reason::Precondition),
            () => None,
        }
    }

    pub(crate) fn is_post(&self) -> bool {
        self.method == Kind::Post
    }

    /// The request may be answered only from here; a miss is 504 (RFC 9111 §5.2.1.7).
    pub fn only_if_cached(&self) -> bool {
        self.directives.only_if_cached
    }

    /// What to send to the origin as `Accept-Encoding` in place of the client's own lines, so that what
    /// the origin chose by is what the key holds.
    pub fn accept_encoding(&self) -> &'static str {
        self.encodings.as_str()
    }

    /// The fields to send to the origin in place of the client's own lines of these names, where the answer
    /// may be stored: what the origin chose by is what the key holds.
    pub fn normalised_fields(&self) -> Vec<(HeaderName, HeaderValue)> {
        normal_fields(self)
    }

    /// The ranges asked of a body of `length` bytes; `Several` for what [`crate::reuse`] says to answer with
    /// [`crate::Answer::Ranges`]. If-Range is not looked at here.
    pub fn ranges(&self, length: u64) -> Ranges {
        let Some(field) = self.conditions.range.value() else { return Ranges::Ignored };
        let mut several = Vec::new();
        match asked(field, length, &mut |range| {
            if several.len() < RANGES_MAX {
                several.push(range);
            }
        }) {
            Asked::Ignored => Ranges::Ignored,
            Asked::One(range) => Ranges::One(range),
            Asked::Several => Ranges::Several(several),
            Asked::Unsatisfiable => Ranges::Unsatisfiable,
        }
    }

    /// Whether a Range field asks for less than the whole.
    pub fn has_range(&self) -> bool {
        self.conditions.range != Single::Absent
    }

    /// Whether the method is HEAD: the answer goes out without its body.
    pub fn is_head(&self) -> bool {
        self.method == Kind::Head
    }

    /// Whether the client sent credentials (RFC 9111 §3.5).
    pub fn is_authorized(&self) -> bool {
        self.authorization
    }
}

#[derive(Default)]
struct Reader<'a> {
    directives: RequestDirectives,
    encodings: Reading,
    conditions: Conditions<'a>,
    authorization: bool,
    cookie: bool,
    content: bool,
    steering: bool,
    upgrade: bool,
    pragma_no_cache: bool,
}

impl<'a> Reader<'a> {
    /// Length and first letter sort out nearly all names before any other letter is compared.
    fn line(&mut self, name: &str, value: &'a [u8]) {
        let Some(first) = name.as_bytes().first() else { return };
        let is = |known: &str| name.eq_ignore_ascii_case(known);
        match (name.len(), first.to_ascii_lowercase()) {
            (5, b'r') if is("range") => self.conditions.range.take(value),
            (6, b'c') if is("cookie") => self.cookie = true,
            (6, b'p') if is("pragma") => {
                self.pragma_no_cache |= elements(value).any(|e| e.eq_ignore_ascii_case(b"no-cache"));
            }
            (7, b'u') if is("upgrade") => self.upgrade = true,
            (8, b'i') if is("if-match") => self.conditions.for_origin = true,
            (8, b'i') if is("if-range") => self.conditions.if_range.take(value),
            (13, b'c') if is("cache-control") => self.directives.line(value),
            (13, b'a') if is("authorization") => self.authorization = true,
            (13, b'i') if is("if-none-match") => self.conditions.none_match = true,
            (14, b'c') if is("content-length") => self.content |= value.iter().any(|byte| *byte != b'0'),
            (15, b'a') if is("accept-encoding") => self.encodings.line(value),
            (17, b'i') if is("if-modified-since") => self.conditions.modified_since.take(value),
            (17, b't') if is("transfer-encoding") => self.content = true,
            (19, b'i') if is("if-unmodified-since") => self.conditions.for_origin = true,
            (6 | 13..=22, b'x') => self.steering |= steers(name),
            _ => {}
        }
    }
}

/// Fields by which some frameworks take another method, path or host than the request line says: their
/// answers must not be kept under a key that does not hold them. Some read an underscore as a hyphen.
fn steers(name: &str) -> bool {
    const STEERING: [&str; 10] = [
        "x-host",
        "x-http-method",
        "x-rewrite-url",
        "x-original-url",
        "x-original-host",
        "x-original-path",
        "x-forwarded-path",
        "x-forwarded-prefix",
        "x-method-override",
        "x-http-method-override",
    ];
    let same = |byte: u8| if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    STEERING.iter().any(|known| known.len() == name.len() && name.bytes().map(same).eq(known.bytes()))
}

impl Conditions<'_> {
    pub(crate) fn modified_since_date(&self) -> Option<Timestamp> {
        self.modified_since.value().and_then(date_of)
    }
}

impl std::fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("directives", &self.directives)
            .field("encodings", &self.encodings.as_str())
            .finish_non_exhaustive()
    }
}
