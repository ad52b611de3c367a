//! `/record/subscribe` and what its letters say.

use super::Frame;
use super::texts;
use super::texts::filled;
use crate::pages::render;
use askama::Template;

/// The pages around a subscription by mail: one form, and what its links lead to.
#[derive(Debug, Clone, Template)]
#[template(path = "record/subscribe.html")]
pub struct SubscribePage {
    /// What all pages share.
    pub frame: Frame,
    /// Which of them it is.
    pub shown: Subscribing,
}

/// How far somebody is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subscribing {
    /// The form.
    Form {
        /// Its one-time token.
        token: String,
        /// What was typed, where it comes back.
        typed: String,
        /// What is wrong with it.
        wrong: Option<Wrong>,
    },
    /// This record has no mail server.
    Off,
    /// Taken; the same whether the address is known or not.
    Asked,
    /// The link of the letter was opened; a button confirms.
    MayConfirm {
        /// The link's last part.
        token: String,
    },
    /// It stands.
    Confirmed,
    /// The link to end it was opened; a button ends it.
    MayEnd {
        /// The link's last part.
        token: String,
    },
    /// It is ended.
    Ended,
    /// A link that leads to nothing, or no longer.
    Gone,
    /// There is no room for another subscriber.
    Full,
}

/// Why a form comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It holds no mail address.
    Address,
    /// It lay open for too long.
    Expired,
    /// Too many ask.
    Busy,
}

impl SubscribePage {
    /// The whole page, to be sent with [`super::CONTENT_SECURITY_POLICY`].
    pub fn page(&self) -> String {
        render(self)
    }

    fn heading(&self) -> &'static str {
        let t = self.frame.texts();
        match &self.shown {
            Subscribing::Form { .. } | Subscribing::Off => &t.subscribe_title,
            Subscribing::Asked => &t.subscribe_sent_title,
            Subscribing::MayConfirm { .. } => &t.confirm_title,
            Subscribing::Confirmed => &t.confirmed_title,
            Subscribing::MayEnd { .. } => &t.end_title,
            Subscribing::Ended => &t.ended_title_mail,
            Subscribing::Gone => &t.link_gone_title,
            Subscribing::Full => &t.subscribe_title,
        }
    }

    fn lead(&self) -> &'static str {
        let t = self.frame.texts();
        match &self.shown {
            Subscribing::Form { .. } => &t.subscribe_lead,
            Subscribing::Off => &t.subscribe_off,
            Subscribing::Asked => &t.subscribe_sent,
            Subscribing::MayConfirm { .. } => &t.confirm_lead,
            Subscribing::Confirmed => &t.confirmed_lead,
            Subscribing::MayEnd { .. } => &t.end_lead,
            Subscribing::Ended => &t.ended_lead_mail,
            Subscribing::Gone => &t.link_gone_lead,
            Subscribing::Full => &t.subscribe_full,
        }
    }

    /// What the form says of itself when it comes back.
    fn wrong(&self) -> Option<&'static str> {
        let t = self.frame.texts();
        let Subscribing::Form { wrong: Some(wrong), .. } = &self.shown else { return None };
        Some(match wrong {
            Wrong::Address => &t.subscribe_wrong,
            Wrong::Expired => &t.subscribe_expired,
            Wrong::Busy => &t.subscribe_busy,
        })
    }
}

/// What letters to subscribers say, in one language, the record's host filled in.
#[derive(Debug, Clone)]
pub struct LetterTexts {
    /// Subject of the letter with the link.
    pub asks_back_subject: String,
    /// Its text before the link.
    pub asks_back: &'static str,
    /// Its text after the link.
    pub asks_back_end: &'static str,
    /// Subject of the letter to who is subscribed already.
    pub still_stands_subject: String,
    /// Its text.
    pub still_stands: &'static str,
    /// Subject of the news.
    pub news_subject: String,
    /// What stands before the list.
    pub news: &'static str,
    /// What stands after a list that was cut.
    pub more: &'static str,
    /// How to end it, before the link.
    pub ends: &'static str,
}

impl LetterTexts {
    /// In the language of a frame.
    pub fn of(frame: &Frame) -> Self {
        let t = frame.texts();
        Self {
            asks_back_subject: filled(&t.letter_ask_subject, frame.host()),
            asks_back: &t.letter_ask,
            asks_back_end: &t.letter_ask_end,
            still_stands_subject: filled(&t.letter_still_subject, frame.host()),
            still_stands: &t.letter_still,
            news_subject: filled(&t.letter_news_subject, frame.host()),
            news: &t.letter_news,
            more: &t.letter_more,
            ends: &t.letter_end,
        }
    }
}
