//! What the terms of a decision mean, in plain English words, for the console; and what pages may link to.
//!
//! The record says the same in other languages too: both have their words from one file. Called from templates, which
//! pass fields by reference and results by value; hence `impl Borrow`.

use super::languages::Lang;
use super::record::texts::texts;
use policy::Measure;
use std::borrow::Borrow;
use vocabulary::{Timestamp, moment};

pub(super) fn measure(measure: impl Borrow<Measure>) -> &'static str {
    texts(Lang::English).measure(measure)
}

/// An instant as a date and a time.
pub(super) fn when(instant: impl Borrow<Timestamp>) -> String {
    moment::date_and_time(*instant.borrow())
}

/// `1 site`, `3 sites`.
pub(super) fn sites(count: impl Borrow<u32>) -> String {
    texts(Lang::English).sites(count)
}

/// Whether a text is an address that a page may link to; `javascript:` and its like are not.
pub(super) fn is_web_address(text: &str) -> bool {
    let scheme = text.starts_with("https://") || text.starts_with("http://");
    scheme && text.chars().all(|c| c.is_ascii_graphic())
}
