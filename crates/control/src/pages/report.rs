//! Pages for people who report: no script, no cookie, nothing from elsewhere, in their language.

use super::languages::Lang;
use super::render;
use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reports::{Category, Outcome, ReportState};
use serde::Deserialize;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::LazyLock;
use vocabulary::{Digest, Timestamp};

pub(super) const STYLE: &str =
    concat!(include_str!("../../assets/base.css"), include_str!("../../assets/report.css"));

/// The `Content-Security-Policy` of every page here: the page's own style sheet, and forms to this server.
pub static CONTENT_SECURITY_POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = STANDARD.encode(Digest::of(STYLE.as_bytes()).as_bytes());
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src data:; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
});

/// The languages in the order in which they are offered, with their texts. Another one is another file here.
static LANGUAGES: LazyLock<Vec<(&'static str, Texts)>> = LazyLock::new(|| {
    let file = |lang| match lang {
        Lang::English => include_str!("../../assets/report/en.toml"),
        Lang::German => include_str!("../../assets/report/de.toml"),
        Lang::French => include_str!("../../assets/report/fr.toml"),
        Lang::Spanish => include_str!("../../assets/report/es.toml"),
    };
    // Embedded, and read whole by a test.
    Lang::ALL.into_iter().filter_map(|lang| Some((lang.code(), toml::from_str(file(lang)).ok()?))).collect()
});

/// An emergency number.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Emergency {
    place: String,
    number: String,
}

macro_rules! texts {
    ($($name:ident)*) => {
        /// All texts of one language; a file that lacks one, or has one too many, is refused.
        #[derive(Debug, Clone, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Texts {
            emergency: Vec<Emergency>,
            safety: Vec<String>,
            keep: Vec<String>,
            next: Vec<String>,
            categories: BTreeMap<String, String>,
            $($name: String,)*
        }

        #[cfg(test)]
        impl Texts {
            /// Every text with its name.
            fn all(&self) -> Vec<(&'static str, &str)> {
                vec![$((stringify!($name), self.$name.as_str()),)*]
            }
        }
    };
}

texts! {
    name title lead skip danger_title danger_call danger_yes other_yes follow safety_title form_danger_title
    form_title where_label where_hint what_label what_hint who_label who_hint category_label contact_label
    contact_hint forward_label forward_hint send keep_title child_title child_text receipt_title receipt_lead
    receipt_code receipt_keep next_title again status_title status_label status_hint status_go status_wrong
    status_slow state_received state_needs_info state_clustered state_assessed state_actioned state_referred
    state_unfounded state_duplicate received_on messages messages_none from_you from_desk write_label write_send
    written erased err_where err_what err_large err_expired err_busy err_slowed err_other warned footer languages back
}

/// What all pages share.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The language.
    pub lang: String,
    /// The host of the public record.
    pub host: String,
    /// The page's own path.
    pub path: &'static str,
}

impl Frame {
    fn texts(&self) -> &'static Texts {
        let found = LANGUAGES.iter().find(|(code, _)| *code == self.lang).or(LANGUAGES.first());
        &found.expect("the languages are embedded and read by a test").1
    }

    /// The other languages.
    fn others(&self) -> Vec<(&'static str, &'static str)> {
        let others = LANGUAGES.iter().filter(|(code, _)| *code != self.lang);
        others.map(|(code, texts)| (*code, texts.name.as_str())).collect()
    }
}

/// `/report`: danger first.
#[derive(Debug, Clone, Template)]
#[template(path = "report/front.html")]
pub struct Front {
    /// What all pages share.
    pub frame: Frame,
}

/// What is wrong with a form that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormError {
    /// It does not say where.
    Where,
    /// It does not say what.
    What,
    /// It is too large.
    Large,
    /// It lay open too long.
    Expired,
    /// It could not be kept.
    Busy,
    /// Earlier reports had no basis; the next one waits.
    Slowed,
    /// It cannot be read.
    Other,
}

/// `/report/danger` and `/report/other`: the form, filled in again when something was wrong with it.
#[derive(Debug, Clone, Template)]
#[template(path = "report/form.html")]
pub struct FormPage {
    /// What all pages share.
    pub frame: Frame,
    /// Whether it is the short one.
    pub danger: bool,
    /// The one-time token.
    pub token: String,
    /// What is wrong with it.
    pub error: Option<FormError>,
    /// The chosen category.
    pub category: String,
    /// What was filled in.
    pub places: String,
    /// What was filled in.
    pub what: String,
    /// What was filled in.
    pub who: String,
    /// What was filled in.
    pub contact: String,
    /// What was ticked.
    pub forward: bool,
}

impl FormPage {
    fn heading(&self) -> &'static str {
        let texts = self.frame.texts();
        if self.danger { &texts.form_danger_title } else { &texts.form_title }
    }

    fn error_text(&self) -> Option<&'static str> {
        let texts = self.frame.texts();
        Some(match self.error? {
            FormError::Where => &texts.err_where,
            FormError::What => &texts.err_what,
            FormError::Large => &texts.err_large,
            FormError::Expired => &texts.err_expired,
            FormError::Busy => &texts.err_busy,
            FormError::Slowed => &texts.err_slowed,
            FormError::Other => &texts.err_other,
        })
    }

    /// Name, text, and the attribute of the chosen one.
    fn categories(&self) -> Vec<(&'static str, &'static str, &'static str)> {
        let texts = self.frame.texts();
        let text = |category: Category| texts.categories.get(category.name()).map_or("", String::as_str);
        let chosen = |category: Category| if category.name() == self.category { " selected" } else { "" };
        let line = |category: Category| (category.name(), text(category), chosen(category));
        Category::ALL.into_iter().map(line).collect()
    }
}

/// The answer to a report: its code, to be printed or written down.
#[derive(Debug, Clone, Template)]
#[template(path = "report/receipt.html")]
pub struct ReceiptPage {
    /// What all pages share.
    pub frame: Frame,
    /// The words.
    pub words: Vec<&'static str>,
    /// Whether it was sent before.
    pub again: bool,
    /// Whether many earlier reports of the same reporter had no basis.
    pub warned: bool,
    /// Whether somebody is in danger.
    pub danger: bool,
}

/// One message.
#[derive(Debug, Clone)]
pub struct MessageLine {
    /// Whether the desk wrote it.
    pub from_desk: bool,
    /// When.
    pub at: Timestamp,
    /// What.
    pub text: String,
}

/// What `/report/status` shows.
#[derive(Debug, Clone)]
pub enum Shown {
    /// The question for the code.
    Ask {
        /// Whether the last one was wrong.
        wrong: bool,
        /// How many seconds to wait, when there were too many.
        wait: Option<u64>,
    },
    /// The report.
    Report {
        /// When it came in.
        received_at: Timestamp,
        /// How far it is.
        state: ReportState,
        /// The thread.
        messages: Vec<MessageLine>,
        /// Whether its text was erased.
        erased: bool,
        /// The code as it was typed: the next message carries it, so that no cookie has to.
        code: String,
        /// Whether a message was added just now.
        written: bool,
    },
}

/// `/report/status`: one report, by its code.
#[derive(Debug, Clone, Template)]
#[template(path = "report/status.html")]
pub struct StatusPage {
    /// What all pages share.
    pub frame: Frame,
    /// What is shown.
    pub shown: Shown,
}

impl StatusPage {
    fn state_text(&self, state: &ReportState) -> &'static str {
        let texts = self.frame.texts();
        match state {
            ReportState::Received => &texts.state_received,
            ReportState::NeedsInfo => &texts.state_needs_info,
            ReportState::Clustered => &texts.state_clustered,
            ReportState::Assessed => &texts.state_assessed,
            ReportState::Closed { outcome, .. } => match outcome {
                Outcome::Actioned => &texts.state_actioned,
                Outcome::Referred => &texts.state_referred,
                Outcome::Unfounded => &texts.state_unfounded,
                Outcome::Duplicate => &texts.state_duplicate,
            },
        }
    }
}

/// A time that reads the same in every language: `2026-11-24, 03:26 UTC`.
pub(super) fn plain_time(instant: impl Borrow<Timestamp>) -> String {
    let text = instant.borrow().to_string();
    format!("{}, {} UTC", text.get(..10).unwrap_or_default(), text.get(11..16).unwrap_or_default())
}

macro_rules! pages {
    ($($page:ident),*) => {$(
        impl $page {
            /// The whole page, to be sent with [`CONTENT_SECURITY_POLICY`].
            pub fn page(&self) -> String {
                render(self)
            }
        }
    )*};
}

pages!(Front, FormPage, ReceiptPage, StatusPage);

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(lang: &str, path: &'static str) -> Frame {
        Frame { lang: lang.to_owned(), host: "record.test".to_owned(), path }
    }

    fn every_page(lang: &str) -> Vec<String> {
        let form = |danger, error| FormPage {
            frame: frame(lang, "/report/danger"),
            danger,
            token: "token".to_owned(),
            error,
            category: "threat".to_owned(),
            places: "<b>where</b>".to_owned(),
            what: "\"what\"".to_owned(),
            who: String::new(),
            contact: String::new(),
            forward: true,
        };
        let words = vec!["able", "acid", "acorn", "actor", "agent", "able", "acid", "acorn"];
        let at = Timestamp::from_secs(1_795_305_600);
        let shown = Shown::Report {
            received_at: at,
            state: ReportState::NeedsInfo,
            messages: vec![MessageLine { from_desk: true, at, text: "Where?".to_owned() }],
            erased: false,
            code: "able acid".to_owned(),
            written: true,
        };
        let ask = Shown::Ask { wrong: true, wait: Some(4) };
        let status = |shown| StatusPage { frame: frame(lang, "/report/status"), shown };
        let receipt =
            ReceiptPage { frame: frame(lang, "/report"), words, again: true, warned: true, danger: true };
        vec![
            Front { frame: frame(lang, "/report") }.page(),
            form(true, Some(FormError::Busy)).page(),
            form(false, None).page(),
            receipt.page(),
            status(shown).page(),
            status(ask).page(),
        ]
    }

    #[test]
    fn every_language_has_every_text_and_every_category() {
        assert_eq!(LANGUAGES.iter().map(|(code, _)| *code).collect::<Vec<_>>(), ["en", "de", "fr", "es"]);
        let english = &LANGUAGES[0].1;
        for (code, texts) in LANGUAGES.iter() {
            for (name, text) in texts.all() {
                assert!(!text.trim().is_empty(), "{code}: {name}");
            }
            assert_eq!(texts.safety.len(), english.safety.len(), "{code}");
            assert_eq!(
                (texts.keep.len(), texts.next.len()),
                (english.keep.len(), english.next.len()),
                "{code}"
            );
            for category in Category::ALL {
                assert!(texts.categories.contains_key(category.name()), "{code}: {}", category.name());
            }
            assert_eq!(texts.categories.len(), Category::ALL.len(), "{code}");
            assert!(texts.emergency.iter().all(|line| line.number.bytes().all(|byte| byte.is_ascii_digit())));
        }
    }

    #[test]
    fn every_page_stands_alone_without_script_and_is_light() {
        for (lang, _) in LANGUAGES.iter() {
            for page in every_page(lang) {
                assert!(page.len() < 100 << 10, "{} bytes", page.len());
                for never in [
                    "<script",
                    "javascript:",
                    "http://",
                    "https://",
                    "@import",
                    "url(",
                    "onclick",
                    "<b>where",
                ] {
                    assert!(!page.contains(never), "{lang}: {never}");
                }
                assert!(page.contains(&format!("<html lang=\"{lang}\">")));
                assert_eq!(page.matches("<h1>").count(), 1);
                assert!(!page.to_lowercase().contains("organisation\""), "no field for an organisation");
            }
        }
    }

    #[test]
    fn danger_comes_before_everything_else() {
        let page = every_page("en").remove(0);
        let place = |text: &str| page.find(text).expect(text);
        assert!(
            place("right now?") < place("/report/danger") && place("/report/danger") < place("/report/other")
        );
    }
}
