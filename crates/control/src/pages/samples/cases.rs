//! The console's pages of cases, and those of the desk.

use super::frame;
use crate::pages::act::{ActPage, Choice, Field, Input, Note, Step};
use crate::pages::authorities::{AuthoritiesPage, AuthorityRow};
use crate::pages::cases::{
    ActLink, AppealRow, CasePage, CaseRow, CasesPage, Clock, ConditionRow, DecisionLine, EvidenceRow,
    FindingRow, Moment, OrderRow, ReferralRow, SectionActs,
};
use crate::pages::desk::{DeskAppeal, DeskAsk, DeskReferral, DeskSaid};
use casework::{Addressee, Packet, PacketItem, PostedAt, SourceGrade, Text};
use policy::{Ground, Measure};
use std::time::Duration;
use vocabulary::{CaseId, Digest, ReferralId};

const HOUR: Duration = Duration::from_secs(3_600);

fn acts() -> Vec<ActLink> {
    vec![ActLink { href: "/acts/rate?case=case_01j&of=fnd_1".to_owned(), label: "Rate it" }]
}

fn clock(hours: u32, what: &str) -> Clock {
    Clock { at: frame().now.plus(HOUR * hours), what: what.to_owned() }
}

/// Three cases: one late, one without a clock, one closed.
pub(in crate::pages) fn cases() -> CasesPage {
    let row = |number: u32, open, clock| CaseRow {
        id: format!("case_{number}"),
        allegation: "Calls to kill people at a named place".to_owned(),
        open,
        opened_at: frame().now.minus(HOUR * number),
        clock,
        findings: 3,
        rated: open,
    };
    let late = Clock { at: frame().now.minus(HOUR), what: "send the first referral".to_owned() };
    CasesPage {
        now: frame().now,
        public_url: "http://localhost:9091".to_owned(),
        first: true,
        lines: vec![row(5, true, Some(late)), row(9, true, None), row(90, false, None)],
        next: Some("c1".to_owned()),
    }
}

/// A case in the middle of its work.
pub(in crate::pages) fn case() -> CasePage {
    let condition = |name: &str, reasons: &[&str]| ConditionRow {
        name: name.to_owned(),
        asks: "Two independent credible items of the last 48 hours",
        reasons: reasons.iter().map(|&reason| reason.to_owned()).collect(),
        acts: acts(),
    };
    CasePage {
        now: frame().now,
        public_url: "http://localhost:9091".to_owned(),
        id: "case_01j".to_owned(),
        allegation: "Calls to kill people at a named place".to_owned(),
        open: true,
        clocks: vec![clock(1, "sign dec_1"), clock(4, "try a second channel to Police of AA")],
        live: false,
        acts: SectionActs {
            case: acts(),
            evidence: acts(),
            findings: acts(),
            referrals: acts(),
            decisions: acts(),
            appeals: acts(),
        },
        measure: Measure::M5,
        ground: Ground::Emergency,
        gate_open: false,
        conditions: vec![
            condition("E1", &[]),
            condition("E4", &["no referral went to BB", "CC has not answered"]),
        ],
        findings: vec![FindingRow {
            item: "https://board.test/thread/9".to_owned(),
            grade: "A".to_owned(),
            posted: "Tuesday 24 November 2026, 01:00 UTC".to_owned(),
            ratings: "sealed: assessor-1 has rated it; the second rating is awaited".to_owned(),
            acts: acts(),
        }],
        evidence: vec![EvidenceRow {
            id: "evd_1".to_owned(),
            media_type: "image/png".to_owned(),
            sha256: Digest::of(b"capture").to_string(),
            at: frame().now.minus(HOUR),
            acts: Vec::new(),
        }],
        referrals: vec![ReferralRow {
            id: "ref_1".to_owned(),
            authority: "Police of AA".to_owned(),
            verified: false,
            state: "delivered",
            channels: "desk, mail".to_owned(),
            answer: None,
            acts: acts(),
        }],
        orders: vec![OrderRow {
            id: "ord_1".to_owned(),
            authority: "Police of AA".to_owned(),
            state: "received",
            faults: vec!["no address of it is served here".to_owned()],
            acts: acts(),
        }],
        decisions: vec![DecisionLine {
            id: "dec_1".to_owned(),
            title: "Provisional block of a message board".to_owned(),
            measure: Measure::M5,
            state: "approving",
            signed: vec!["assessor".to_owned()],
            needed: 2,
            ends: frame().now.plus(HOUR * 48),
            sites: vec!["board.test, *.board.test: both items stand here".to_owned()],
            public: false,
            waits: Some("lift put up by duty-officer-1: one signature is missing".to_owned()),
            acts: acts(),
        }],
        appeals: vec![AppealRow {
            id: "app_1".to_owned(),
            state: "filed",
            due: frame().now.plus(HOUR * 24),
            acts: acts(),
        }],
        moments: vec![Moment {
            at: frame().now,
            what: "assessor-1 rated https://board.test/thread/9".to_owned(),
        }],
    }
}

fn text(text: &str) -> Text {
    text.parse().expect("a text")
}

/// The desk: asking for the code, a referral, an appeal.
pub(in crate::pages) fn desk() -> [(&'static str, String); 4] {
    let host = "record.test".to_owned();
    let item = PacketItem {
        address: text("https://board.test/thread/9"),
        author: Some(text("somebody")),
        posted_at: PostedAt::without_zone(frame().now),
        captured_at: frame().now,
        grade: SourceGrade::A,
        sha256: vec![Digest::of(b"capture")],
        why: vec![text("names place and time"), text("<b>not markup</b>")],
    };
    let packet = Packet {
        format: Packet::FORMAT.to_owned(),
        case: CaseId::from_bytes([1; 16]),
        referral: ReferralId::from_bytes([1; 16]),
        addressee: Addressee::Fallback,
        authority: text("Police of AA"),
        made_at: frame().now,
        allegation: text("Calls to kill people at a named place"),
        suspicion: "Suspicion of a threat to life; it is going on.".to_owned(),
        items: vec![item],
        locating: vec!["The addresses above are reachable through our network.".to_owned()],
        contact: "abuse@record.test".to_owned(),
    };
    let ask =
        DeskAsk { host: host.clone(), contact: "abuse@record.test".to_owned(), wrong: true, wait: None };
    let slow = DeskAsk { wrong: false, wait: Some(8), ..ask.clone() };
    let said = Some(DeskSaid { refused: true, text: "An objection needs reasons.".to_owned() });
    let referral = DeskReferral {
        host: host.clone(),
        said: said.clone(),
        authority: "Police of AA".to_owned(),
        packet_id: "ref_1".to_owned(),
        standing: "You have it. Nobody has said yet that you look into it.",
        digest: Digest::of(b"packet"),
        packet: Some(packet),
        code: "able acid".to_owned(),
    };
    let appeal = DeskAppeal {
        host,
        said,
        appeal: "app_1".to_owned(),
        standing: "It waits for your ruling.",
        due: frame().now.plus(HOUR * 24),
        grounds: "We removed the items within the hour.".to_owned(),
        statement: None,
        open: true,
        code: "able acid".to_owned(),
    };
    [
        ("desk-ask", ask.page()),
        ("desk-slow", slow.page()),
        ("desk-referral", referral.page()),
        ("desk-appeal", appeal.page()),
    ]
}

/// The directory: one entry verified, one retired.
pub(in crate::pages) fn authorities() -> AuthoritiesPage {
    let row = |number: u8, retired: Option<&str>| AuthorityRow {
        id: format!("aut_{number}"),
        name: "Police of AA <b>not markup</b>".to_owned(),
        stands_for: "AA".to_owned(),
        duty_line: Some(("+999 1".to_owned(), "the state's handbook".to_owned())),
        mail: Some("duty@police.test".to_owned()),
        verified: retired.is_none().then(|| frame().now.minus(HOUR)),
        keys: vec![("ed25519:abc".to_owned(), "confirmed")],
        retired: retired.map(str::to_owned),
        acts: acts(),
    };
    let public_url = "http://localhost:9091".to_owned();
    AuthoritiesPage { public_url, rows: vec![row(1, None), row(2, Some("merged with another"))] }
}

/// A form with each kind of field, refused once.
pub(in crate::pages) fn act() -> ActPage {
    let choices = |chosen: &str| {
        let choice = |value: &str| Choice {
            value: value.to_owned(),
            label: format!("{value} <i>not markup</i>"),
            chosen: value == chosen,
        };
        vec![choice("one"), choice("two")]
    };
    let field = |name: &str, input| Field {
        name: name.to_owned(),
        label: format!("The {name}"),
        hint: "As 2026-11-23T14:05:00.000Z.",
        input,
    };
    ActPage {
        csrf: "csrf".to_owned(),
        public_url: "http://localhost:9091".to_owned(),
        title: "Propose a measure".to_owned(),
        about: "Look first: the preview names each host that would be hit.".to_owned(),
        api: "POST /api/v1/cases/CASE/proposals",
        action: "/acts/propose?case=case_01j".to_owned(),
        back: ("/cases/case_01j".to_owned(), "Back to the case".to_owned()),
        error: Some("The gate is closed.".to_owned()),
        reasons: vec!["E4: no referral went to BB".to_owned()],
        notes: vec![
            Note {
                heading: "What it would hit".to_owned(),
                lines: vec!["Hit: board.test".to_owned()],
                exact: false,
            },
            Note { heading: "The exact bytes".to_owned(), lines: vec!["{\"a\":1}".to_owned()], exact: true },
        ],
        fields: vec![
            field("line", Input::Line("a \"line\"".to_owned())),
            field("words", Input::Words("<b>not markup</b>".to_owned())),
            field("choice", Input::Choice(choices("two"))),
            field("ticks", Input::Ticks(choices("one"))),
            field("none", Input::Ticks(Vec::new())),
            field("file", Input::File),
        ],
        steps: vec![Step { value: "look", label: "Show" }, Step { value: "do", label: "Propose" }],
    }
}
