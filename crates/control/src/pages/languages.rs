//! The languages that public pages speak, and how a reader's is found.

/// A language that the pages speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Lang {
    /// What is shown to whoever reads none of the others.
    #[default]
    English,
    /// German.
    German,
    /// French.
    French,
    /// Spanish.
    Spanish,
}

impl Lang {
    /// All, in the order in which they are offered.
    pub const ALL: [Self; 4] = [Self::English, Self::German, Self::French, Self::Spanish];

    /// Its two letters (ISO 639-1).
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
        }
    }

    /// The language of these two letters, in whatever case.
    pub fn of(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lang| lang.code().eq_ignore_ascii_case(code))
    }

    /// The language asked for by its two letters, else the first of `Accept-Language` (RFC 9110 §12.5.4) that is
    /// spoken here, else English.
    pub fn choose(asked: Option<&str>, accepted: &str) -> Self {
        if let Some(lang) = asked.and_then(Self::of) {
            return lang;
        }
        let mut wanted: Vec<(u32, Self)> = Vec::new();
        for range in accepted.split(',').take(20) {
            let mut parts = range.split(';');
            let code = parts.next().unwrap_or_default().trim().split('-').next().unwrap_or_default();
            let weight = parts.find_map(|part| part.trim().strip_prefix("q=")?.parse::<f32>().ok());
            let weight = (weight.unwrap_or(1.0).clamp(0.0, 1.0) * 1000.0) as u32;
            wanted.extend(Self::of(code).filter(|_| weight > 0).map(|lang| (weight, lang)));
        }
        // The first of the heaviest.
        let best = wanted.iter().map(|(weight, _)| *weight).max();
        wanted.iter().find(|(weight, _)| Some(*weight) == best).map_or(Self::default(), |(_, lang)| *lang)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_asked_for_or_the_first_accepted() {
        for (asked, accepted, chosen) in [
            (Some("fr"), "de", "fr"),
            (Some("xx"), "de-AT,de;q=0.9,en;q=0.8", "de"),
            (None, "pt,es;q=0.5,en;q=0.4", "es"),
            (None, "en;q=0.1, fr;q=0.9", "fr"),
            (None, "de;q=0", "en"),
            (None, "", "en"),
            (None, "\u{fffd};;q=x", "en"),
        ] {
            assert_eq!(Lang::choose(asked, accepted).code(), chosen, "{asked:?} {accepted}");
        }
    }
}
