//! The console's page about a site under attack, and about a quiet one.

use super::frame;
use crate::pages::cache::SiteHead;
use crate::pages::defence::{
    COLUMNS, Column, DefencePage, EventRow, RuleFormView, SignatureRow, SwitchView, TopList, TopRow,
};
use std::time::Duration;

fn timeline(attacked: bool) -> Vec<Column> {
    let column = |place: u32| {
        let since = frame().now.minus(Duration::from_secs(600));
        let busy = attacked && (20..34).contains(&place);
        Column {
            at: since.plus(Duration::from_secs(15) * place),
            refused: if busy { u64::from(place) * 400 } else { 0 },
            challenged: if busy { 1_200 } else { 0 },
            noted: if attacked { u64::from(place % 3) * 40 } else { 0 },
        }
    };
    (0..COLUMNS as u32).map(column).collect()
}

/// A site that is attacked.
pub(in crate::pages) fn defence() -> DefencePage {
    DefencePage {
        csrf: "c5rf".to_owned(),
        now: frame().now,
        public_url: "http://localhost:9091".to_owned(),
        version: "0.1.0".to_owned(),
        site: SiteHead { id: "site_1".to_owned(), hosts: vec!["shop.test".to_owned()] },
        profile: "balanced",
        owner_switch: "automatic",
        rules: vec![("office".to_owned(), "allow", "ip.src in $office".to_owned())],
        timeline: Some(timeline(true)),
        tops: vec![TopList {
            title: "User agent",
            rows: vec![TopRow { value: "python-requests/2.31".to_owned(), count: 9_120, share: 0.93 }],
        }],
        signatures: vec![SignatureRow {
            id: "00ff00ff00ff00ff".to_owned(),
            what: vec!["user agent: python-requests/2.31".to_owned(), "path: /search".to_owned()],
            stage: "challenged",
            since: frame().now.minus(Duration::from_secs(70)),
            evidence: "900 requests a second where 30 are usual; the origin was in distress.".to_owned(),
        }],
        events: vec![EventRow {
            number: 4_711,
            at: frame().now.minus(Duration::from_secs(2)),
            what: "challenged",
            stands_for: 100,
            noted: false,
            why: "It matches a signature.".to_owned(),
            undo: "The signature ends a minute after its last match.".to_owned(),
            ray: "00112233445566aa".to_owned(),
            client: "192.0.2.7".to_owned(),
            asked: "GET shop.test/search?q=1".to_owned(),
        }],
        switch: SwitchView { until: None, left_minutes: 150, error: None },
        form: RuleFormView {
            name: "from-event-4711".to_owned(),
            when: "ip.src eq 192.0.2.7".to_owned(),
            suggestions: vec![("address", "ip.src eq 192.0.2.7".to_owned())],
            ..RuleFormView::default()
        },
        outcome: None,
    }
}

/// One of which nothing is to be told.
pub(in crate::pages) fn quiet_defence() -> DefencePage {
    DefencePage {
        timeline: Some(timeline(false)),
        rules: Vec::new(),
        tops: Vec::new(),
        signatures: Vec::new(),
        events: Vec::new(),
        form: RuleFormView::default(),
        ..defence()
    }
}
