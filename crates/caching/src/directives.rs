//! `Cache-Control`, read strictly (RFC 9111 §5.2).
//!
//! Directives that restrict count even when their spelling is off; directives that allow count only when
//! well formed. Where a value is given twice and differs, or a quoted string does not end, the response
//! is treated as stale (RFC 9111 §4.2.1).

use crate::delta::DeltaSeconds;
use crate::dictionary::{self, Value};
use crate::fields::{elements, is_token_byte, quotes_end, trim};

/// The seconds a directive gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Argument {
    /// The directive is not there.
    #[default]
    Absent,
    /// It is there and its value is no number of seconds, or two values differ.
    Invalid,
    /// So many seconds.
    Seconds(DeltaSeconds),
}

impl Argument {
    fn take(&mut self, directive: &Directive<'_>) {
        let read = directive.seconds().map_or(Self::Invalid, Self::Seconds);
        *self = if *self == Self::Absent || *self == read { read } else { Self::Invalid };
    }

    /// The seconds, when well formed.
    pub fn seconds(self) -> Option<DeltaSeconds> {
        match self {
            Self::Seconds(seconds) => Some(seconds),
            Self::Absent | Self::Invalid => None,
        }
    }
}

/// One element of the list: `name` or `name=value`.
struct Directive<'a> {
    name: &'a [u8],
    value: Option<&'a [u8]>,
    /// No white space around `=`, the name a token.
    well_formed: bool,
}

impl<'a> Directive<'a> {
    fn read(element: &'a [u8]) -> Self {
        let (name, value) = match element.iter().position(|byte| *byte == b'=') {
            Some(at) => (&element[..at], Some(&element[at + 1..])),
            None => (element, None),
        };
        let bare = trim(name);
        let well_formed = bare.len() == name.len()
            && !bare.is_empty()
            && bare.iter().all(|byte| is_token_byte(*byte))
            && value.is_none_or(|value| trim(value).len() == value.len() && !value.is_empty());
        Self { name: bare, value, well_formed }
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Both the token and the quoted form (RFC 9111 §5.2).
    fn seconds(&self) -> Option<DeltaSeconds> {
        let value = self.value.filter(|_| self.well_formed)?;
        let inner = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
        DeltaSeconds::parse(inner.unwrap_or(value))
    }
}

/// The directives of a response that a shared cache acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResponseDirectives {
    /// A `Cache-Control` line is there.
    pub present: bool,
    /// A quoted string does not end: what the rest says is unknown.
    pub malformed: bool,
    /// §5.2.2.5.
    pub no_store: bool,
    /// §5.2.2.4; the form with field names counts as the one without.
    pub no_cache: bool,
    /// §5.2.2.7; the form with field names counts as the one without.
    pub private: bool,
    /// §5.2.2.9.
    pub public: bool,
    /// §5.2.2.2.
    pub must_revalidate: bool,
    /// §5.2.2.8.
    pub proxy_revalidate: bool,
    /// §5.2.2.3.
    pub must_understand: bool,
    /// §5.2.2.6.
    pub no_transform: bool,
    /// §5.2.2.1.
    pub max_age: Argument,
    /// §5.2.2.10.
    pub s_maxage: Argument,
    /// RFC 5861 §3.
    pub stale_while_revalidate: Argument,
    /// RFC 5861 §4.
    pub stale_if_error: Argument,
}

impl ResponseDirectives {
    /// Takes one `Cache-Control` line; several lines add up.
    pub fn line(&mut self, line: &[u8]) {
        self.present = true;
        self.malformed |= !quotes_end(line);
        for element in elements(line) {
            self.directive(&Directive::read(element));
        }
    }

    fn directive(&mut self, d: &Directive<'_>) {
        match () {
            () if d.is("no-store") => self.no_store = true,
            () if d.is("no-cache") => self.no_cache = true,
            () if d.is("private") => self.private = true,
            () if d.is("must-revalidate") => self.must_revalidate = true,
            () if d.is("proxy-revalidate") => self.proxy_revalidate = true,
            () if d.is("no-transform") => self.no_transform = true,
            () if d.is("public") => self.public |= d.well_formed,
            () if d.is("must-understand") => self.must_understand |= d.well_formed,
            () if d.is("max-age") => self.max_age.take(d),
            () if d.is("s-maxage") => self.s_maxage.take(d),
            () if d.is("stale-while-revalidate") => self.stale_while_revalidate.take(d),
            () if d.is("stale-if-error") => self.stale_if_error.take(d),
            () => {}
        }
    }
}

impl ResponseDirectives {
    /// The directives of a targeted field (RFC 9213 §2.1): a dictionary. `None` if it is empty, malformed,
    /// or gives a known directive a value of another type: then it is as if it were not there.
    pub(crate) fn targeted(lines: &[&[u8]]) -> Option<Self> {
        let members = dictionary::parse(lines)?;
        let mut read = Self { present: true, ..Self::default() };
        for (key, value) in &members {
            read.member(key, *value)?;
        }
        (!members.is_empty()).then_some(read)
    }

    fn member(&mut self, key: &[u8], value: Value) -> Option<()> {
        let seconds = |value| match value {
            Value::Integer(number) => {
                u64::try_from(number).ok().map(|number| Argument::Seconds(DeltaSeconds::new(number)))
            }
            _ => None,
        };
        let flag = |value| match value {
            Value::Boolean(on) => Some(on),
            _ => None,
        };
        // The form with field names counts as the one without.
        let flag_or_names = |value| if value == Value::Text { Some(true) } else { flag(value) };
        match key {
            b"no-store" => self.no_store = flag(value)?,
            b"no-cache" => self.no_cache = flag_or_names(value)?,
            b"private" => self.private = flag_or_names(value)?,
            b"must-revalidate" => self.must_revalidate = flag(value)?,
            b"proxy-revalidate" => self.proxy_revalidate = flag(value)?,
            b"no-transform" => self.no_transform = flag(value)?,
            b"public" => self.public = flag(value)?,
            b"must-understand" => self.must_understand = flag(value)?,
            b"max-age" => self.max_age = seconds(value)?,
            b"s-maxage" => self.s_maxage = seconds(value)?,
            b"stale-while-revalidate" => self.stale_while_revalidate = seconds(value)?,
            b"stale-if-error" => self.stale_if_error = seconds(value)?,
            _ => {}
        }
        Some(())
    }
}

/// The directives of a request (RFC 9111 §5.2.1), all of them advice to the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestDirectives {
    /// A `Cache-Control` line is there, so `Pragma` is ignored.
    pub present: bool,
    /// §5.2.1.5.
    pub no_store: bool,
    /// §5.2.1.4.
    pub no_cache: bool,
    /// §5.2.1.7.
    pub only_if_cached: bool,
    /// §5.2.1.1; an invalid value is ignored.
    pub max_age: Argument,
    /// §5.2.1.3; an invalid value is ignored.
    pub min_fresh: Argument,
    /// §5.2.1.2; an invalid value is ignored.
    pub max_stale: Argument,
    /// §5.2.1.2 without a value: however stale.
    pub any_stale: bool,
}

impl RequestDirectives {
    /// Takes one `Cache-Control` line; several lines add up.
    pub fn line(&mut self, line: &[u8]) {
        self.present = true;
        for element in elements(line) {
            self.directive(&Directive::read(element));
        }
    }

    fn directive(&mut self, d: &Directive<'_>) {
        match () {
            () if d.is("no-store") => self.no_store = true,
            () if d.is("no-cache") => self.no_cache = true,
            () if d.is("only-if-cached") => self.only_if_cached |= d.well_formed,
            () if d.is("max-age") => self.max_age.take(d),
            () if d.is("min-fresh") => self.min_fresh.take(d),
            () if d.is("max-stale") && d.value.is_none() => self.any_stale |= d.well_formed,
            () if d.is("max-stale") => self.max_stale.take(d),
            () => {}
        }
    }
}
