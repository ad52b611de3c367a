//! Looking for decisions by the words that were published about them, and the feed of the newest.

use super::statements::public;
use super::view::listed;
use super::{frame, page, revalidated};
use crate::pages::Listed;
use crate::pages::reading::{Feed, FeedEntry, SearchPage};
use crate::pages::record::Edition;
use crate::plane::Plane;
use crate::rim::Problem;
use crate::rim::extract::Query;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use casework::Decision;
use records::Page;
use serde::Deserialize;
use std::sync::Arc;
use vocabulary::Timestamp;

/// Decisions in the feed.
const FEED_ENTRIES: u32 = 50;
/// Decisions shown of those found.
const FOUND_MAX: usize = 50;
/// Decisions looked through, newest first, in so many pages of the records.
const PAGES_MAX: usize = 20;
const PAGE: u32 = 100;
/// Characters of what is looked for.
const SOUGHT_CHARS_MAX: usize = 200;

/// What is looked for.
#[derive(Debug, Deserialize)]
pub(super) struct Sought {
    q: Option<String>,
}

/// The search page, with or without an answer.
pub(super) async fn search(
    State(plane): State<Arc<Plane>>,
    Query(sought): Query<Sought>,
    edition: Edition,
) -> Result<Response, Problem> {
    let sought: String = sought.q.unwrap_or_default().trim().chars().take(SOUGHT_CHARS_MAX).collect();
    let frame = frame(&plane, edition.clone());
    let (found, more) = match sought.is_empty() {
        true => (Vec::new(), false),
        false => {
            let _turn = plane.turns.take().await?;
            find(&plane, &sought, frame.now).await?
        }
    };
    Ok(page(StatusCode::OK, &edition, SearchPage { frame, sought, found, more }.page()))
}

async fn find(plane: &Plane, sought: &str, now: Timestamp) -> Result<(Vec<Listed>, bool), Problem> {
    let words: Vec<String> = sought.split_whitespace().map(str::to_lowercase).collect();
    let (mut found, mut after) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let listing = plane.records.list_decisions(&public(), Page { after, limit: PAGE }).await?;
        for held in &listing.items {
            let Some(line) = listed(&held.value, now).filter(|_| speaks_of(&held.value, &words)) else {
                continue;
            };
            if found.len() == FOUND_MAX {
                return Ok((found, true));
            }
            found.push(line);
        }
        after = listing.next;
        if after.is_none() {
            return Ok((found, false));
        }
    }
    Ok((found, true))
}

/// Whether each of the words stands somewhere in what is published of a decision. Host names count only as long
/// as the statement shows them.
fn speaks_of(decision: &Decision, words: &[String]) -> bool {
    let statement = &decision.statement;
    let texts = [&statement.title, &statement.summary, &statement.ground_text, &statement.meaning];
    let mut published: Vec<String> = texts.into_iter().chain(&statement.facts).cloned().collect();
    published.push(decision.id.to_string());
    published.extend(decision.scope.hosts().map(ToString::to_string));
    let published: Vec<_> = published.iter().map(|text| text.to_lowercase()).collect();
    words.iter().all(|word| published.iter().any(|text| text.contains(word.as_str())))
}

/// The feed.
pub(super) async fn feed(State(plane): State<Arc<Plane>>, fields: HeaderMap) -> Result<Response, Problem> {
    let listing = plane.records.list_decisions(&public(), Page { after: None, limit: FEED_ENTRIES }).await?;
    // One feed for all: its addresses lead to pages in the language of whoever follows them.
    let frame = frame(&plane, Edition::default());
    let entries = listing.items.iter().filter_map(|held| feed_entry(&held.value, frame.now)).collect();
    let feed = Feed { frame, entries }.document();
    Ok(revalidated(&fields, "application/atom+xml; charset=utf-8", feed.into_bytes()))
}

fn feed_entry(decision: &Decision, now: Timestamp) -> Option<FeedEntry> {
    let mut listed = listed(decision, now)?;
    listed.title = xml_text(&listed.title);
    let published = decision.state.logged()?.at;
    Some(FeedEntry { listed, published, summary: xml_text(&decision.statement.summary) })
}

/// The characters that XML knows at all (XML 1.0 §2.2); escaping the rest would not help.
fn xml_text(text: &str) -> String {
    let known =
        |c: &char| matches!(c, '\t' | '\n' | '\r') || (*c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    text.chars().filter(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feed_holds_no_character_that_xml_does_not_know() {
        assert_eq!(xml_text("a\u{0}b\u{b}c\u{1f}d\u{fffe}e\tf\u{1f600}"), "abcde\tf\u{1f600}");
    }
}
