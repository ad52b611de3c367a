//! Putting inside what a page refers to.

use crate::BYTES_MAX;
use crate::compile::{Asset, Assets};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::collections::BTreeSet;
use url::Url;

/// What something outside is used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Use {
    /// In an element.
    Picture,
    /// In a style sheet: a picture or a font.
    Style,
}

/// Puts things inside, or notes that they are wanted.
pub(crate) struct Inliner<'a> {
    assets: &'a Assets,
    wants: BTreeSet<Url>,
    /// Bytes that were put inside: one asset may be named often.
    spent: usize,
}

impl<'a> Inliner<'a> {
    pub(crate) fn new(assets: &'a Assets) -> Self {
        Self { assets, wants: BTreeSet::new(), spent: 0 }
    }

    /// What is to be fetched first.
    pub(crate) fn into_wants(self) -> BTreeSet<Url> {
        self.wants
    }

    /// How many things outside the page refers to.
    pub(crate) fn references(&self) -> usize {
        self.assets.len() + self.wants.len()
    }
}

impl Inliner<'_> {
    /// The whole address of a reference.
    pub(crate) fn resolve(&self, reference: &str, base: Option<&Url>) -> Result<Url, String> {
        let shown: String = reference.chars().take(120).collect();
        let url = match base {
            Some(base) => base.join(reference.trim()),
            None => Url::parse(reference.trim()),
        };
        let url =
            url.map_err(|_| format!("{shown:?} is no whole address, such as https://example.test/a.png"))?;
        let plain =
            matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
        if plain { Ok(url) } else { Err(format!("{shown:?} is no address of the web")) }
    }

    fn asset(&mut self, reference: &str, base: Option<&Url>) -> Result<Option<(Url, &Asset)>, String> {
        let mut url = self.resolve(reference, base)?;
        url.set_fragment(None);
        let Some(asset) = self.assets.get(&url) else {
            self.wants.insert(url);
            return Ok(None);
        };
        self.spent += asset.bytes.len();
        if self.spent > BYTES_MAX {
            return Err(format!("with {url} the page has more than {BYTES_MAX} bytes inside"));
        }
        Ok(Some((url, asset)))
    }

    /// A picture or font as a `data:` address.
    pub(crate) fn data(&mut self, reference: &str, base: Option<&Url>, used: Use) -> Result<String, String> {
        let reference = reference.trim();
        if reference.is_empty() || reference.starts_with('#') {
            return Ok(reference.to_owned());
        }
        if reference.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:")) {
            let fits = !reference.contains(['"', '\\', '\n', '<', '>']);
            return if fits {
                Ok(reference.to_owned())
            } else {
                Err("a data: address has odd letters".to_owned())
            };
        }
        let Some((url, Asset { media_type, bytes })) = self.asset(reference, base)? else {
            return Ok(String::new());
        };
        if !is_shown(media_type, used) {
            return Err(format!("{url} is {media_type:?}, which cannot be shown there"));
        }
        Ok(format!("data:{media_type};base64,{}", STANDARD.encode(bytes)))
    }

    /// A style sheet's text; none while it is wanted.
    pub(crate) fn sheet(&mut self, reference: &str, base: Option<&Url>) -> Result<Option<String>, String> {
        self.words(reference, base, |media_type| media_type == "text/css", "a style sheet")
    }

    /// A script's text; none while it is wanted.
    pub(crate) fn script(&mut self, reference: &str) -> Result<Option<String>, String> {
        let fits = |media_type: &str| {
            matches!(
                media_type,
                "text/javascript" | "application/javascript" | "application/x-javascript" | "text/ecmascript"
            )
        };
        let url = self.resolve(reference, None)?;
        if url.scheme() != "https" {
            return Err(format!(
                "{url} is a script, which comes over https:// alone: anybody on the way could write it"
            ));
        }
        self.words(reference, None, fits, "a script")
    }

    fn words(
        &mut self,
        reference: &str,
        base: Option<&Url>,
        fits: impl Fn(&str) -> bool,
        what: &str,
    ) -> Result<Option<String>, String> {
        let Some((url, Asset { media_type, bytes })) = self.asset(reference, base)? else { return Ok(None) };
        if !fits(media_type) {
            return Err(format!("{url} is {media_type:?} and not {what}"));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Some(text.trim_start_matches('\u{feff}').to_owned())),
            Err(_) => Err(format!("{url} is not UTF-8 text")),
        }
    }
}

fn is_shown(media_type: &str, used: Use) -> bool {
    let plain = media_type.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.+-".contains(&b));
    let font = media_type.starts_with("font/")
        || media_type.starts_with("application/font-")
        || media_type.starts_with("application/x-font-")
        || media_type == "application/vnd.ms-fontobject";
    plain && (media_type.starts_with("image/") || (used == Use::Style && font))
}
