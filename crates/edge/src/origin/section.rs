//! The fields of an origin's answer, and what they say about its connection and its content.

use super::answer::{Asked, Framing};
use crate::fields::{is_hop_by_hop, is_usual};
use crate::request::Length;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

/// The most fields of an answer.
pub(crate) const ORIGIN_FIELDS_MAX: usize = 100;

/// Room for as many fields as most answers have.
const USUAL_FIELDS: usize = 12;

/// A field, and what it is to the exchange.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    role: Role,
}

/// What a field means to who reads the answer off its connection.
#[derive(Debug, Clone, Copy)]
enum Role {
    ContentLength,
    TransferEncoding,
    Connection,
    /// Another one of this connection alone.
    HopByHop,
    PassedOn,
}

impl Field {
    pub(super) fn new(name: HeaderName, value: HeaderValue) -> Self {
        let role = match name {
            header::CONTENT_LENGTH => Role::ContentLength,
            header::TRANSFER_ENCODING => Role::TransferEncoding,
            header::CONNECTION => Role::Connection,
            _ if is_hop_by_hop(&name) => Role::HopByHop,
            _ => Role::PassedOn,
        };
        Self { name, value, role }
    }

    /// The same in memory of its own.
    pub(super) fn copied(&self) -> Option<Self> {
        let value = HeaderValue::from_bytes(self.value.as_bytes()).ok()?;
        Some(Self { name: self.name.clone(), value, role: self.role })
    }
}

/// What the fields say, gathered in one pass.
pub(super) struct Section {
    fields: HeaderMap,
    content_length: Option<u64>,
    chunked: bool,
    http_11: bool,
    keep_alive: bool,
    close: bool,
    /// Fields that the Connection field names (RFC 9110 §7.6.1).
    named: Vec<HeaderName>,
    /// Fields so far, those of the connection among them.
    count: usize,
}

impl Section {
    pub(super) fn new(http_11: bool) -> Self {
        let fields = HeaderMap::with_capacity(USUAL_FIELDS);
        let (content_length, named) = (None, Vec::new());
        Self {
            fields,
            content_length,
            chunked: false,
            http_11,
            keep_alive: http_11,
            close: false,
            named,
            count: 0,
        }
    }

    /// None: it is one too many, or nobody can say what it means for the framing.
    pub(super) fn take(&mut self, Field { name, value, role }: Field) -> Option<()> {
        self.count += 1;
        (self.count <= ORIGIN_FIELDS_MAX).then_some(())?;
        let text = value.as_bytes();
        match role {
            Role::ContentLength => {
                let length = crate::http1::framing::plain_number(text)?;
                self.content_length.replace(length).is_none().then_some(())?;
                self.fields.try_append(name, value).ok().map(drop)
            }
            Role::TransferEncoding => {
                let is_alone = text.eq_ignore_ascii_case(b"chunked") && !self.chunked;
                self.chunked = true;
                is_alone.then_some(())
            }
            Role::Connection => {
                self.take_options(text);
                Some(())
            }
            Role::HopByHop => Some(()),
            Role::PassedOn => self.fields.try_append(name, value).ok().map(drop),
        }
    }

    fn take_options(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            if !is_usual(option) {
                // A name that is none cannot be among the fields.
                let name = HeaderName::from_bytes(option).ok();
                self.named.extend(name.filter(|name| !is_for_everyone(name)));
            }
        }
        self.keep_alive &= !self.close;
    }

    /// How content is delimited; none: nobody can say.
    pub(super) fn framing(&self, status: StatusCode, asked: Asked) -> Option<Framing> {
        // Both, or a coding in HTTP/1.0, is how answers are smuggled (RFC 9112 §6.1).
        if self.chunked && (self.content_length.is_some() || !self.http_11) {
            return None;
        }
        if status.is_informational() {
            let switches = status == StatusCode::SWITCHING_PROTOCOLS;
            return match (switches, asked.upgrade) {
                (true, true) => Some(Framing::Tunnel),
                (true, false) => None,
                (false, _) => Some(Framing::Interim),
            };
        }
        Some(match (self.chunked, self.content_length) {
            _ if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => {
                Framing::Bodiless(Length::None)
            }
            (_, length) if asked.is_head => Framing::Bodiless(length.map_or(Length::Unknown, Length::Known)),
            (true, _) => Framing::Chunked,
            (false, Some(length)) => Framing::Sized(length),
            (false, None) => Framing::UntilClose,
        })
    }

    /// Fields so far, those of the connection among them.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Whether another exchange may follow, as far as the fields say.
    pub(super) fn keeps_alive(&self, status: StatusCode) -> bool {
        self.keep_alive && !self.contradicts(status)
    }

    /// What is not of the connection alone.
    pub(super) fn into_fields(self) -> HeaderMap {
        let Self { mut fields, named, .. } = self;
        for name in named {
            fields.remove(name);
        }
        fields
    }

    /// Announces content where there must be none (RFC 9112 §6.1): whatever comes next may be that content.
    fn contradicts(&self, status: StatusCode) -> bool {
        let announced = self.chunked || self.content_length.is_some_and(|length| length > 0);
        announced && status == StatusCode::NO_CONTENT
    }
}

/// Fields that are never of one connection alone, whatever an origin's Connection field says (RFC 9110 §7.6.1):
/// without them its answer would be kept and read as another one.
fn is_for_everyone(name: &HeaderName) -> bool {
    const FIELDS: [HeaderName; 18] = [
        header::AGE,
        header::CACHE_CONTROL,
        header::CONTENT_DISPOSITION,
        header::CONTENT_ENCODING,
        header::CONTENT_LOCATION,
        header::CONTENT_RANGE,
        header::CONTENT_SECURITY_POLICY,
        header::CONTENT_TYPE,
        header::DATE,
        header::ETAG,
        header::EXPIRES,
        header::LAST_MODIFIED,
        header::LOCATION,
        header::PRAGMA,
        header::SET_COOKIE,
        header::VARY,
        header::WWW_AUTHENTICATE,
        header::X_CONTENT_TYPE_OPTIONS,
    ];
    FIELDS.contains(name) || name.as_str().ends_with("cache-control") || name.as_str() == "cache-tag"
}
