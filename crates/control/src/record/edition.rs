//! Which language a request for a page of the record is answered in.
//!
//! A language that stands in the address was chosen, and counts before what the browser wishes.

use crate::pages::languages::Lang;
use crate::pages::record::Edition;
use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use std::convert::Infallible;

impl<S: Sync> FromRequestParts<S> for Edition {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let wished = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        let place = parts.uri.path_and_query().map_or("", |place| place.as_str());
        Ok(edition(place, wished.unwrap_or_default()))
    }
}

/// The edition of a page, by its path with its query.
fn edition(place: &str, wished: &str) -> Edition {
    let page = place.strip_prefix("/record/").unwrap_or_default();
    let chosen = page.split_once('/').and_then(|(code, page)| Some((chosen(code)?, page)));
    match chosen {
        Some((lang, page)) => Edition { lang, chosen: true, page: page.to_owned() },
        None => Edition { lang: Lang::choose(None, wished), chosen: false, page: page.to_owned() },
    }
}

/// The language of a part of a path: addresses are written in one way only.
fn chosen(code: &str) -> Option<Lang> {
    Lang::of(code).filter(|lang| lang.code() == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_in_the_address_counts_before_the_browsers_and_the_page_stays_the_same() {
        for (place, wished, lang, chosen, page) in [
            ("/record/", "", Lang::English, false, ""),
            ("/record/", "fr-CH, fr;q=0.9", Lang::French, false, ""),
            ("/record/de/", "fr", Lang::German, true, ""),
            ("/record/en/search?q=a%20b", "fr", Lang::English, true, "search?q=a%20b"),
            ("/record/search?q=de/", "es", Lang::Spanish, false, "search?q=de/"),
            ("/record/decisions/dec_1", "xx", Lang::English, false, "decisions/dec_1"),
            ("/record/DE/", "fr", Lang::French, false, "DE/"),
            ("/elsewhere", "de", Lang::German, false, ""),
        ] {
            let wanted = Edition { lang, chosen, page: page.to_owned() };
            assert_eq!(edition(place, wished), wanted, "{place} {wished}");
        }
    }
}
