//! What letters to subscribers say, as far as it is the same for all of a language. Address and links come later.

use crate::pages::Standing;
use crate::pages::languages::Lang;
use crate::pages::record::{Edition, Frame, LetterTexts};
use crate::plane::Plane;
use crate::record::{frame, listed};
use ledger::{Entry, Kind};
use post::{Letter, LetterError, MailAddress};
use records::StoreError;
use std::ops::Range;
use vocabulary::{DecisionId, SubscriptionId};

/// Where aliases of subscribers are: in the domain that never is one (RFC 2606 §2).
const ALIASES: &str = "subscribers.invalid";
/// Most decisions that one letter lists.
const LINES_MAX: usize = 50;
/// What is told. A measure that begins or goes on is told with its statement, which is published when it acts.
const TOLD: [Kind; 5] = [
    Kind::StatementPublished,
    Kind::DecisionModified,
    Kind::DecisionLifted,
    Kind::DecisionLapsed,
    Kind::DecisionReversed,
];

/// By what the queue of mails knows a subscriber.
pub(super) fn alias(id: SubscriptionId) -> Option<MailAddress> {
    format!("{id}@{ALIASES}").parse().ok()
}

/// Whom an alias stands for.
pub(super) fn behind(alias: &MailAddress) -> Option<SubscriptionId> {
    alias.as_str().strip_suffix(ALIASES)?.strip_suffix('@')?.parse().ok()
}

/// The texts and the frame of a language.
pub(super) fn edition(plane: &Plane, lang: Lang) -> Frame {
    frame(plane, Edition { lang, chosen: true, page: String::new() })
}

/// Asks whether the mailbox's owner wants letters.
pub(super) fn asks_back(plane: &Plane, lang: Lang, to: MailAddress) -> Result<Letter, LetterError> {
    let texts = LetterTexts::of(&edition(plane, lang));
    Letter::new(to, texts.asks_back_subject, texts.asks_back)
}

/// Says that the subscription stands, to who asked for it once more.
pub(super) fn still_stands(plane: &Plane, lang: Lang, to: MailAddress) -> Result<Letter, LetterError> {
    let texts = LetterTexts::of(&edition(plane, lang));
    Letter::new(to, texts.still_stands_subject, texts.still_stands)
}

/// What changed in a range of the log; none where nothing is to be told.
pub(super) async fn changed(plane: &Plane, range: Range<u64>) -> Result<Vec<DecisionId>, StoreError> {
    let mut changed: Vec<DecisionId> = Vec::new();
    let mut next = range.start;
    while next < range.end {
        let leaves = plane.records.leaves(next..range.end).await?;
        if leaves.is_empty() {
            break;
        }
        next += leaves.len() as u64;
        for entry in leaves.iter().filter_map(|leaf| Entry::parse(&leaf.bytes).ok()) {
            let told = TOLD.contains(&entry.body.kind);
            if let Some(id) = entry.body.subject.parse().ok().filter(|_| told) {
                changed.retain(|known| *known != id);
                changed.push(id);
            }
        }
    }
    Ok(changed)
}

/// What is new, newest first, as subject and text; none where none of it is public.
pub(super) async fn news(
    plane: &Plane,
    lang: Lang,
    changed: &[DecisionId],
) -> Result<Option<(String, String)>, StoreError> {
    let frame = edition(plane, lang);
    let texts = LetterTexts::of(&frame);
    let mut lines = Vec::new();
    for id in changed.iter().rev().take(LINES_MAX) {
        let Some(held) = plane.docket.get(*id).await? else { continue };
        let Some(mut line) = listed(&held.value, frame.now) else { continue };
        // Edges are some moments behind the statement: by the time it is read this is so.
        if matches!(line.standing, Standing::Coming { from } if from <= frame.now) {
            line.standing = Standing::InForce { until: held.value.terms.expires };
        }
        lines.push(frame.line_of_news(&line));
    }
    if lines.is_empty() {
        return Ok(None);
    }
    let more = if changed.len() > LINES_MAX { format!("\n{}\n", texts.more) } else { String::new() };
    Ok(Some((texts.news_subject, format!("{}\n\n{}{more}", texts.news, lines.join("\n")))))
}
