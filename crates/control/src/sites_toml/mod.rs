//! `sites.toml`: the customers and sites that `apply` puts behind the edge.
//!
//! Owns the file's grammar: every key, its meaning, its default and what is said about a mistake,
//! with line number and the nearest known key. Must not know what is stored already; comparing with
//! that is [`crate::sites`]' work.
//!
//! Invariants: a [`Document`] is bounded, no host appears twice in it, and each site has an origin.

mod defence;
mod front;
mod nearest;
mod origins;
mod pages;
mod reader;
mod rules;
mod site;

#[cfg(test)]
mod tests;

pub(crate) use defence::feed_address;
pub(crate) use front::WaysIn;
pub use nearest::nearest;
pub use pages::{PageEntries, PageSource};
pub use site::{SiteEntry, origin};

use post::{MailAddress, MailAddressError};
use reader::{Complaints, Fields};
use snapshot::{OperatorShield, ShieldSettings};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use toml::Spanned;
use toml::de::DeTable;
use vocabulary::SitePattern;

/// Longest file read, in bytes.
pub const BYTES_MAX: usize = 4 << 20;
/// Most sites in one file.
pub const SITES_MAX: usize = 10_000;
/// Most mistakes reported at once.
const MISTAKES_MAX: usize = 20;

/// Everything one `sites.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Customers in the file's order.
    pub accounts: Vec<AccountEntry>,
}

/// One `[[account]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEntry {
    /// The customer's name, unique in the file; what `apply` finds the stored account by.
    pub name: String,
    /// Where the customer is told of decisions on its sites.
    pub mail: Option<MailAddress>,
    /// Its sites in the file's order.
    pub sites: Vec<SiteEntry>,
}

/// One mistake, with its place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What is wrong and what to write instead.
    pub message: String,
}

/// Why a text is no `sites.toml`: at least one mistake, in the order of the lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SitesError {
    /// At most 20.
    pub mistakes: Vec<Mistake>,
}

impl fmt::Display for SitesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, mistake) in self.mistakes.iter().enumerate() {
            if place > 0 {
                f.write_str("\n")?;
            }
            write!(f, "line {}: {}", mistake.line, mistake.message)?;
        }
        Ok(())
    }
}

impl std::error::Error for SitesError {}

/// Reads a `sites.toml`. Relative paths of certificates are taken from `base`, the file's folder. Rules may name
/// the site's own lists alone.
pub fn parse(text: &str, base: &Path) -> Result<Document, SitesError> {
    parse_with(text, base, &OperatorShield::default())
}

/// The same where rules may name the operator's lists too.
pub fn parse_with(text: &str, base: &Path, operator: &OperatorShield) -> Result<Document, SitesError> {
    let mut complaints = Complaints::new(text, operator);
    if text.len() > BYTES_MAX {
        complaints.add(0..0, format!("the file is longer than {} MiB", BYTES_MAX >> 20));
        return Err(complaints.into_error());
    }
    let root = match DeTable::parse(text) {
        Ok(root) => root,
        Err(error) => {
            complaints.add(error.span().unwrap_or(0..0), error.message().to_owned());
            return Err(complaints.into_error());
        }
    };
    let span = root.span();
    let mut fields = Fields::new(root.get_ref(), span, &["account"], &mut complaints);
    let accounts = fields.tables("account");
    let accounts =
        accounts.iter().filter_map(|(table, span)| account(table, span.clone(), base, &mut complaints));
    let document = Document { accounts: accounts.collect() };
    complaints.finish(document)
}

/// Reads the defence of one site by itself: what stands under `[account.site.shield]`, as a whole text.
pub fn parse_shield(
    text: &str,
    base: &Path,
    origins: usize,
    operator: &OperatorShield,
) -> Result<ShieldSettings, SitesError> {
    parse_part(text, operator, |root, complaints| {
        defence::settings(root.get_ref(), root.span(), base, origins, complaints)
    })
}

/// Reads the ways into one site by themselves: what stands under `[[account.site]]` about them, as a whole text.
pub(crate) fn parse_ways_in(text: &str, base: &Path) -> Result<WaysIn, SitesError> {
    let keys = [&front::KEYS[..], &["origin_host"]].concat();
    parse_part(text, &OperatorShield::default(), |root, complaints| {
        front::ways_in(&mut Fields::new(root.get_ref(), root.span(), &keys, complaints), base)
    })
}

fn parse_part<T>(
    text: &str,
    operator: &OperatorShield,
    read: impl FnOnce(&Spanned<DeTable<'_>>, &mut Complaints<'_>) -> T,
) -> Result<T, SitesError> {
    let mut complaints = Complaints::new(text, operator);
    match DeTable::parse(text) {
        Ok(root) => {
            let value = read(&root, &mut complaints);
            complaints.finish(value)
        }
        Err(error) => {
            complaints.add(error.span().unwrap_or(0..0), error.message().to_owned());
            Err(complaints.into_error())
        }
    }
}

fn account(
    table: &DeTable<'_>,
    span: std::ops::Range<usize>,
    base: &Path,
    complaints: &mut Complaints<'_>,
) -> Option<AccountEntry> {
    let mut fields = Fields::new(table, span.clone(), &["name", "mail", "site", "pages"], complaints);
    let pages = pages::read(&mut fields, base);
    let name = fields.required_text("name");
    let mail = fields.text("mail");
    let sites = fields.tables("site");
    let name = match name {
        Some((name, place)) => {
            let fits = !name.trim().is_empty()
                && name.chars().count() <= 100
                && !name.contains(|letter: char| letter.is_control() || casework::is_hidden(letter));
            if !fits {
                complaints.add(
                    place.clone(),
                    "an account's name has 1 to 100 characters, all printable and visible".into(),
                );
            }
            if !complaints.first_use_of_account(&name) {
                complaints.add(
                    place,
                    format!("account {name:?} stands twice; put all its sites under one [[account]]"),
                );
            }
            name
        }
        None => String::new(),
    };
    let mail = mail.and_then(|(text, place)| mail_address(&text, place, complaints));
    let sites = sites.iter().filter_map(|(table, span)| site::read(table, span.clone(), base, complaints));
    let mut sites: Vec<_> = sites.collect();
    sites.iter_mut().for_each(|site| site.pages.inherit(&pages));
    Some(AccountEntry { name, mail, sites })
}

fn mail_address(
    text: &str,
    place: std::ops::Range<usize>,
    complaints: &mut Complaints<'_>,
) -> Option<MailAddress> {
    match text.parse() {
        Ok(mail) => Some(mail),
        Err(error) => {
            complaints.add(place, MailAddressError::to_string(&error));
            None
        }
    }
}

/// Hosts seen so far, with the byte place of their first use.
type HostsSeen = BTreeMap<SitePattern, usize>;
