//! The typed tree an expression is compiled to.
//!
//! Invariant: every node is well typed by construction; a searcher in a node is ready to use.

use super::fields::{BoolField, IntegerField, TextField};
use crate::lists::{AddressSet, ListIndex};
use memchr::memmem::Finder;
use regex::bytes::Regex;
use std::cmp::Ordering;

/// What is true or false.
#[derive(Debug)]
pub(super) enum Test {
    Literal(bool),
    Field(BoolField),
    Not(Box<Test>),
    And(Vec<Test>),
    Or(Vec<Test>),
    Xor(Vec<Test>),
    Text(Text, TextTest),
    Integer(Integer, IntegerTest),
    Address(Address, AddressTest),
    Any(Array, Box<Test>),
    All(Array, Box<Test>),
    /// Whether a map has a key or an array an element of this value.
    Has(Array),
    HasValue(Array, Box<[u8]>),
}

/// Comparing by order, equality among it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Order {
    pub(super) fn holds(self, ordering: Ordering) -> bool {
        match self {
            Self::Eq => ordering.is_eq(),
            Self::Ne => ordering.is_ne(),
            Self::Lt => ordering.is_lt(),
            Self::Le => ordering.is_le(),
            Self::Gt => ordering.is_gt(),
            Self::Ge => ordering.is_ge(),
        }
    }
}

/// What a text is compared with.
#[derive(Debug)]
pub(super) enum TextTest {
    Order(Order, Box<[u8]>),
    Contains(Box<Finder<'static>>),
    StartsWith(Box<[u8]>),
    EndsWith(Box<[u8]>),
    /// `matches`, and both wildcards, which become anchored regular expressions.
    Matches(Box<Regex>),
    /// Sorted.
    OneOf(Box<[Box<[u8]>]>),
    Listed(ListIndex),
}

/// What a number is compared with.
#[derive(Debug)]
pub(super) enum IntegerTest {
    Order(Order, i64),
    /// Sorted and disjoint.
    Within(Box<[(i64, i64)]>),
    Listed(ListIndex),
}

/// What an address is compared with.
#[derive(Debug)]
pub(super) enum AddressTest {
    Eq(std::net::IpAddr),
    Ne(std::net::IpAddr),
    Within(AddressSet),
    Listed(ListIndex),
}

/// What is a string of bytes.
#[derive(Debug)]
pub(super) enum Text {
    Literal(Box<[u8]>),
    Field(TextField),
    /// The element of the array around it that is being looked at.
    Element,
    Indexed(Array, usize),
    Lower(Box<Text>),
    Upper(Box<Text>),
    UrlDecode(Box<Text>, UrlDecoding),
    Concat(Vec<Text>),
    Substring(Box<Text>, i64, Option<i64>),
    RemoveBytes(Box<Text>, Box<[bool; 256]>),
    OfInteger(Box<Integer>),
    OfAddress(Box<Address>),
    OfBool(Box<Test>),
    RegexReplace(Box<Text>, Box<Regex>, Replacement),
}

/// How percent-encoding is undone.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct UrlDecoding {
    /// Until nothing changes any more.
    pub recursive: bool,
    /// `%uXXXX` too.
    pub unicode: bool,
}

/// A replacement with references to groups.
#[derive(Debug)]
pub(super) struct Replacement(pub Vec<ReplacementPart>);

#[derive(Debug)]
pub(super) enum ReplacementPart {
    Literal(Box<[u8]>),
    Group(usize),
}

/// What is a number.
#[derive(Debug)]
pub(super) enum Integer {
    Field(IntegerField),
    Length(Text),
    Count(Array),
}

/// What is an address.
#[derive(Debug)]
pub(super) enum Address {
    Source,
    /// With all but so many leading bits cleared, by family.
    Network(Box<Address>, u8, u8),
}

/// What has several elements, each a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Array {
    HeaderNames,
    HeaderValues,
    Header(Box<str>),
    Cookie(Box<str>),
    ArgNames,
    ArgValues,
    Arg(Box<str>),
    ResponseHeaderNames,
    ResponseHeaderValues,
    ResponseHeader(Box<str>),
}
