//! `[account.pages]` and `[account.site.pages]`: a customer's own error pages.

use super::reader::{Fields, Place, short};
use error_pages::{CONTACT_BYTES_MAX, PageClass, Pages};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vocabulary::Digest;

const SAMPLE: &str = "pages = { origin = \"origin.html\", contact = \"help@shop.example\" }";
/// How a page that is held already is named.
pub(crate) const HELD: &str = "sha256:";

/// Where a page is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PageSource {
    /// An HTML file, to be compiled.
    File(PathBuf),
    /// Held already, under this digest.
    Held(Digest),
}

/// The pages as the file names them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PageEntries {
    /// By class.
    pub by_class: BTreeMap<PageClass, PageSource>,
    /// How the site's people can be reached.
    pub contact: Option<String>,
}

impl PageEntries {
    /// Takes from the account what the site does not say itself.
    pub(super) fn inherit(&mut self, account: &Self) {
        for (class, source) in &account.by_class {
            self.by_class.entry(*class).or_insert_with(|| source.clone());
        }
        if self.contact.is_none() {
            self.contact.clone_from(&account.contact);
        }
    }

    /// As a site has them: those that are held.
    pub(crate) fn held(&self) -> Pages {
        let held = self.by_class.iter().filter_map(|(class, source)| match source {
            PageSource::Held(digest) => Some((*class, *digest)),
            PageSource::File(_) => None,
        });
        Pages { by_class: held.collect(), contact: self.contact.clone() }
    }
}

pub(super) fn read(fields: &mut Fields<'_, '_, '_, '_>, base: &Path) -> PageEntries {
    let Some((table, place)) = fields.table("pages", SAMPLE) else { return PageEntries::default() };
    let keys: Vec<_> = PageClass::ALL.iter().map(|class| class.name()).chain(["contact"]).collect();
    let mut fields = Fields::new(table, place, &keys, fields.complaints());
    let mut entries = PageEntries { by_class: BTreeMap::new(), contact: contact(&mut fields) };
    for class in PageClass::ALL {
        if let Some((text, place)) = fields.text(class.name())
            && let Some(source) = source(&mut fields, &text, place, base)
        {
            entries.by_class.insert(class, source);
        }
    }
    entries
}

fn source(fields: &mut Fields<'_, '_, '_, '_>, text: &str, place: Place, base: &Path) -> Option<PageSource> {
    let Some(digest) = text.strip_prefix(HELD) else {
        if text.is_empty() {
            fields.complain(
                place,
                "a page is the path of an HTML file, or sha256:… of one that is held".into(),
            );
            return None;
        }
        return Some(PageSource::File(base.join(text)));
    };
    let digest = digest.parse().ok();
    if digest.is_none() {
        fields.complain(place, format!("{:?} is no digest: 64 digits from 0 to f", short(text)));
    }
    digest.map(PageSource::Held)
}

fn contact(fields: &mut Fields<'_, '_, '_, '_>) -> Option<String> {
    let (contact, place) = fields.text("contact")?;
    let visible = |letter: char| !letter.is_control() && !casework::is_hidden(letter);
    let fits =
        !contact.trim().is_empty() && contact.len() <= CONTACT_BYTES_MAX && contact.chars().all(visible);
    if !fits {
        let message = format!("contact is one line of plain text of at most {CONTACT_BYTES_MAX} bytes");
        fields.complain(place, message);
    }
    Some(contact)
}
