//! Walking the tree for one request.
//!
//! Missing values: a comparison with one is false, whatever the operator; a function of one is
//! missing, except `concat`, which takes it for empty.

use super::ast::{Address, AddressTest, Array, Integer, IntegerTest, Test, Text, TextTest};
use super::fields::{BoolField, IntegerField, TextField};
use super::scratch::{Overrun, Scratch};
use crate::lists::{Lists, network, within};
use crate::request::{BotClass, Fields, Request};
use std::net::IpAddr;
use std::ops::Range;

/// A text during evaluation: borrowed from the request or the tree, or built in the scratch memory.
#[derive(Debug, Clone, Copy)]
pub(super) enum Piece<'a> {
    Held(&'a [u8]),
    Built(usize, usize),
}

/// One evaluation.
pub(super) struct Run<'a, 's> {
    pub(super) request: &'a Request<'a>,
    lists: &'a Lists,
    pub(super) scratch: &'s mut Scratch,
    element: Option<&'a [u8]>,
}

impl<'a, 's> Run<'a, 's> {
    pub(super) fn new(request: &'a Request<'a>, lists: &'a Lists, scratch: &'s mut Scratch) -> Self {
        Self { request, lists, scratch, element: None }
    }

    pub(super) fn test(&mut self, test: &'a Test) -> Result<bool, Overrun> {
        self.scratch.step()?;
        match test {
            Test::Literal(value) => Ok(*value),
            Test::Field(field) => Ok(self.truth(*field)),
            Test::Not(inner) => self.test(inner).map(|value| !value),
            Test::And(all) => self.fold(all, false),
            Test::Or(all) => self.fold(all, true),
            Test::Xor(all) => {
                all.iter().try_fold(false, |value, inner| self.test(inner).map(|next| value ^ next))
            }
            Test::Text(text, against) => {
                let mark = self.scratch.mark();
                let piece = self.text(text)?;
                let holds = piece.is_some_and(|piece| text_holds(self.bytes(piece), against, self.lists));
                self.scratch.forget(mark);
                Ok(holds)
            }
            Test::Integer(integer, against) => self.integer_test(integer, against),
            Test::Address(address, against) => Ok(self.address_test(address, against)),
            Test::Any(array, inner) => self.some_element(array, inner, true),
            Test::All(array, inner) => self.some_element(array, inner, false).map(|found| !found),
            Test::Has(array) => self.element_at(array, 0).map(|element| element.is_some()),
            Test::HasValue(array, value) => {
                let mut found = false;
                self.walk(array, &mut |_, element| {
                    found = element == &**value;
                    Ok(!found)
                })?;
                Ok(found)
            }
        }
    }

    /// Stops at the first `end` and answers it; else the opposite.
    fn fold(&mut self, all: &'a [Test], end: bool) -> Result<bool, Overrun> {
        for test in all {
            if self.test(test)? == end {
                return Ok(end);
            }
        }
        Ok(!end)
    }

    /// Whether an element answers `wanted`.
    fn some_element(&mut self, array: &'a Array, inner: &'a Test, wanted: bool) -> Result<bool, Overrun> {
        let mut found = false;
        self.walk(array, &mut |run, element| {
            run.element = Some(element);
            found = run.test(inner)? == wanted;
            Ok(!found)
        })?;
        self.element = None;
        Ok(found)
    }

    fn integer_test(&mut self, integer: &'a Integer, against: &IntegerTest) -> Result<bool, Overrun> {
        let Some(value) = self.integer(integer)? else { return Ok(false) };
        Ok(match against {
            IntegerTest::Order(order, literal) => order.holds(value.cmp(literal)),
            IntegerTest::Within(ranges) => within(ranges, value),
            IntegerTest::Listed(list) => self.lists.at(*list).is_some_and(|list| list.has_number(value)),
        })
    }

    fn address_test(&self, address: &Address, against: &AddressTest) -> bool {
        let value = self.address(address);
        match against {
            AddressTest::Eq(literal) => value == *literal,
            AddressTest::Ne(literal) => value != *literal,
            AddressTest::Within(set) => set.contains(value),
            AddressTest::Listed(list) => self.lists.at(*list).is_some_and(|list| list.has_address(value)),
        }
    }

    pub(super) fn integer(&mut self, integer: &'a Integer) -> Result<Option<i64>, Overrun> {
        self.scratch.step()?;
        match integer {
            Integer::Field(IntegerField::Asn) => Ok(self.request.source.asn.map(i64::from)),
            Integer::Field(IntegerField::Second) => Ok(Some(self.request.at.as_secs())),
            Integer::Field(IntegerField::ResponseCode) => {
                Ok(self.request.response.map(|response| i64::from(response.status)))
            }
            Integer::Length(text) => {
                let mark = self.scratch.mark();
                let length = self.text(text)?.map(|piece| self.bytes(piece).len());
                self.scratch.forget(mark);
                Ok(length.and_then(|length| i64::try_from(length).ok()))
            }
            Integer::Count(array) => {
                let mut count = 0;
                self.walk(array, &mut |_, _| {
                    count += 1;
                    Ok(true)
                })?;
                // A key that is absent has no array; a field that is an array always has one.
                let keyed = !matches!(
                    array,
                    Array::HeaderNames
                        | Array::HeaderValues
                        | Array::ArgNames
                        | Array::ArgValues
                        | Array::ResponseHeaderNames
                        | Array::ResponseHeaderValues
                );
                Ok((count > 0 || !keyed).then_some(count))
            }
        }
    }

    pub(super) fn address(&self, address: &Address) -> IpAddr {
        match address {
            Address::Source => self.request.source.address,
            Address::Network(inner, v4, v6) => {
                let inner = self.address(inner);
                network(inner, if inner.is_ipv4() { *v4 } else { *v6 })
            }
        }
    }

    fn truth(&self, field: BoolField) -> bool {
        match field {
            BoolField::Secure => self.request.secure,
            BoolField::VerifiedBot => self.request.bot == BotClass::Verified,
        }
    }

    pub(super) fn text(&mut self, text: &'a Text) -> Result<Option<Piece<'a>>, Overrun> {
        self.scratch.step()?;
        match text {
            Text::Literal(bytes) => Ok(Some(Piece::Held(bytes))),
            Text::Field(field) => self.field(*field),
            Text::Element => Ok(self.element.map(Piece::Held)),
            Text::Indexed(array, index) => Ok(self.element_at(array, *index)?.map(Piece::Held)),
            Text::Lower(inner) => self.recased(inner, |bytes| bytes.make_ascii_lowercase()),
            Text::Upper(inner) => self.recased(inner, |bytes| bytes.make_ascii_uppercase()),
            Text::UrlDecode(inner, how) => self.url_decoded(inner, *how),
            Text::Concat(all) => self.concat(all),
            Text::Substring(inner, start, end) => self.substring(inner, *start, *end),
            Text::RemoveBytes(inner, without) => self.without(inner, without),
            Text::OfInteger(integer) => self.integer_text(integer),
            Text::OfAddress(address) => self.address_text(address),
            Text::OfBool(test) => {
                let value = self.test(test)?;
                Ok(Some(Piece::Held(if value { b"true" } else { b"false" })))
            }
            Text::RegexReplace(inner, regex, with) => self.replaced(inner, regex, with),
        }
    }

    /// The bytes a piece stands for.
    pub(super) fn bytes<'b>(&'b self, piece: Piece<'b>) -> &'b [u8] {
        match piece {
            Piece::Held(bytes) => bytes,
            Piece::Built(start, end) => self.scratch.at(start..end),
        }
    }

    /// Copies a piece to the end of the scratch memory and says where.
    pub(super) fn copied(&mut self, piece: Piece<'_>) -> Result<Range<usize>, Overrun> {
        let start = self.scratch.mark();
        match piece {
            Piece::Held(bytes) => self.scratch.extend(bytes)?,
            Piece::Built(from, to) => self.scratch.repeat(from..to)?,
        }
        Ok(start..self.scratch.mark())
    }

    fn field(&mut self, field: TextField) -> Result<Option<Piece<'a>>, Overrun> {
        let request = self.request;
        let header = |name| request.fields.first(name);
        let held = match field {
            TextField::Host => Some(request.host.as_bytes()),
            TextField::Method => Some(request.method.as_bytes()),
            TextField::Uri => Some(request.target.as_bytes()),
            TextField::Path => Some(request.path().as_bytes()),
            TextField::Extension => request.extension().map(str::as_bytes),
            TextField::Query => Some(request.query().as_bytes()),
            TextField::FullUri => return self.full_uri().map(Some),
            TextField::UserAgent => header("user-agent"),
            TextField::Referer => header("referer"),
            TextField::Cookie => header("cookie"),
            TextField::ForwardedFor => header("x-forwarded-for"),
            TextField::Version => Some(request.version.as_bytes()),
            TextField::Country => request.source.country.as_ref().map(<[u8; 2]>::as_slice),
            TextField::Continent => request.source.continent.as_ref().map(<[u8; 2]>::as_slice),
            TextField::TlsFingerprint => request.tls_fingerprint.map(str::as_bytes),
            TextField::Http2Fingerprint => request.http2_fingerprint.map(str::as_bytes),
            TextField::BotClass => Some(request.bot.name().as_bytes()),
        };
        Ok(held.map(Piece::Held))
    }

    fn full_uri(&mut self) -> Result<Piece<'a>, Overrun> {
        let start = self.scratch.mark();
        self.scratch.extend(if self.request.secure { b"https://" } else { b"http://" })?;
        self.scratch.extend(self.request.host.as_bytes())?;
        self.scratch.extend(self.request.target.as_bytes())?;
        Ok(Piece::Built(start, self.scratch.mark()))
    }

    fn element_at(&mut self, array: &Array, index: usize) -> Result<Option<&'a [u8]>, Overrun> {
        let (mut left, mut found) = (index, None);
        self.walk(array, &mut |_, element| {
            if left == 0 {
                found = Some(element);
                return Ok(false);
            }
            left -= 1;
            Ok(true)
        })?;
        Ok(found)
    }

    /// Shows each element in order until `seen` answers false; each costs a step.
    fn walk(&mut self, array: &Array, seen: &mut Seen<'_, 'a, 's>) -> Result<(), Overrun> {
        let request = self.request;
        let mut overrun = None;
        let mut show = |element: &'a [u8]| -> bool {
            match self.scratch.step().and_then(|()| seen(self, element)) {
                Ok(on) => on,
                Err(error) => {
                    overrun = Some(error);
                    false
                }
            }
        };
        let fields = request.fields;
        let answer = request.response.map(|response| response.fields);
        match array {
            Array::HeaderNames => fields.each(&mut |name, _| show(name)),
            Array::HeaderValues => fields.each(&mut |_, value| show(value)),
            Array::Header(name) => fields.each_of(name, &mut show),
            Array::Cookie(name) => each_cookie(fields, name, &mut show),
            Array::ArgNames => each_arg(request.query(), &mut |name, _| show(name)),
            Array::ArgValues => each_arg(request.query(), &mut |_, value| show(value)),
            Array::Arg(wanted) => {
                each_arg(request.query(), &mut |name, value| name != wanted.as_bytes() || show(value));
            }
            Array::ResponseHeaderNames => {
                answer.into_iter().for_each(|fields| fields.each(&mut |name, _| show(name)));
            }
            Array::ResponseHeaderValues => {
                answer.into_iter().for_each(|fields| fields.each(&mut |_, value| show(value)));
            }
            Array::ResponseHeader(name) => {
                answer.into_iter().for_each(|fields| fields.each_of(name, &mut show));
            }
        }
        overrun.map_or(Ok(()), Err)
    }
}

type Seen<'f, 'a, 's> = dyn FnMut(&mut Run<'a, 's>, &'a [u8]) -> Result<bool, Overrun> + 'f;

fn text_holds(bytes: &[u8], against: &TextTest, lists: &Lists) -> bool {
    match against {
        TextTest::Order(order, literal) => order.holds(bytes.cmp(literal)),
        TextTest::Contains(finder) => finder.find(bytes).is_some(),
        TextTest::StartsWith(literal) => bytes.starts_with(literal),
        TextTest::EndsWith(literal) => bytes.ends_with(literal),
        TextTest::Matches(regex) => regex.is_match(bytes),
        TextTest::OneOf(all) => all.binary_search_by(|own| (**own).cmp(bytes)).is_ok(),
        TextTest::Listed(list) => lists.at(*list).is_some_and(|list| list.has_text(bytes)),
    }
}

/// The values of one cookie, as sent (RFC 6265 §4.2.1).
fn each_cookie<'a>(fields: &'a dyn Fields, name: &str, show: &mut dyn FnMut(&'a [u8]) -> bool) {
    fields.each_of("cookie", &mut |line| {
        line.split(|byte| *byte == b';').all(|pair| {
            let pair = pair.trim_ascii();
            let (own, value) = split_once(pair, b'=').unwrap_or((pair, b""));
            own != name.as_bytes() || show(value)
        })
    });
}

/// The arguments of a query, as sent.
fn each_arg<'a>(query: &'a str, show: &mut dyn FnMut(&'a [u8], &'a [u8]) -> bool) {
    query.as_bytes().split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).all(|pair| {
        let (name, value) = split_once(pair, b'=').unwrap_or((pair, b""));
        show(name, value)
    });
}

fn split_once(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let index = memchr::memchr(at, bytes)?;
    Some((&bytes[..index], &bytes[index + 1..]))
}
