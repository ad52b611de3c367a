use super::*;
use crate::fixture::{Draft, Mote};
use crate::{Outcome, POLICY_NOTICE};
use ledger::tiles::{TileKind, entry_bundle};
use ledger::{DecisionLapsed, Kind, StatementPublished};
use policy::Measure;
use serde_json::json;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

/// A log with one decision, stated, lapsed in time.
fn stage() -> (Mote, Draft) {
    let mut mote = Mote::found(1, now().minus(24 * HOUR));
    let site = mote.site(&["a.test"], 1);
    let draft = mote.draft(&[site], now(), 2 * HOUR);
    mote.decide(&draft, now());
    let (decision, subject) = (draft.terms.decision, draft.terms.decision.to_string());
    let url = "http://localhost:9091/".to_owned();
    let stated = StatementPublished { decision, statement: draft.terms.statement, url };
    let entry = mote.entry(Kind::StatementPublished, &subject, &stated, now());
    mote.log(entry);
    lapse(&mut mote, &draft, draft.terms.expires, draft.terms.expires);
    (mote, draft)
}

fn lapse(mote: &mut Mote, draft: &Draft, expires: Timestamp, at: Timestamp) {
    let decision = draft.terms.decision;
    let entry =
        mote.entry(Kind::DecisionLapsed, &decision.to_string(), &DecisionLapsed { decision, expires }, at);
    mote.log(entry);
}

fn pinned(mote: &Mote) -> LogKeys {
    LogKeys { tlog_policy: Some(mote.tlog_policy().clone()), rosters: vec![mote.roster().clone()] }
}

/// Audits the log as it would be read from its tiles, under a checkpoint cosigned at `at`.
fn audited(mote: &mut Mote, keys: LogKeys, at: Timestamp) -> LogReport {
    let note = mote.checkpoint(at);
    read(mote, LogAudit::begin(note, keys, at).expect("checkpoint"))
}

fn read(mote: &Mote, mut audit: LogAudit) -> LogReport {
    let entries: Vec<_> = mote.entries().iter().map(|entry| entry.to_bytes().expect("bytes")).collect();
    for bundle in entries.chunks(256) {
        audit.bundle(&entry_bundle(bundle.iter().map(Vec::as_slice)).expect("fits"));
    }
    for tile in Tile::new_at(0, audit.size()).into_iter().filter(|tile| tile.kind != TileKind::Entries) {
        let bytes = tile.hashes(mote.tree()).expect("held");
        audit.tile(tile, &bytes);
    }
    audit.finish()
}

fn failed(report: &LogReport) -> Vec<&'static str> {
    let of = |check: &crate::Check| matches!(check.outcome, Outcome::Failed(_)).then_some(check.name);
    report.checks.iter().filter_map(of).collect()
}

fn text<'a>(report: &'a LogReport, name: &str) -> &'a str {
    &report.checks.iter().find(|check| check.name == name).expect("a check of this name").text
}

#[test]
fn a_whole_log_holds_in_every_check() {
    let (mut mote, _) = stage();
    let keys = pinned(&mote);
    let report = audited(&mut mote, keys, now().plus(3 * HOUR));
    assert_eq!(failed(&report), [""; 0], "{report:?}");
    assert!(report.proves());
    for name in ["root", "tiles", "keys", "log-signature", "witnesses", "entries", "sequences", "dates"] {
        assert!(report.checks.iter().any(|check| check.name == name && check.outcome == Outcome::Held));
    }
    for (name, count) in [("policies", "1 "), ("rosters", "1 "), ("decisions", "2 "), ("approvals", "1 ")] {
        assert!(text(&report, name).starts_with(count), "{name}: {}", text(&report, name));
    }
}

/// The report over the first entries of a log.
fn report_over(mote: &Mote, size: usize) -> TransparencyReport {
    let (mut fold, mut tree) = (Transparency::default(), Tree::default());
    for entry in &mote.entries()[..size] {
        fold.count(entry);
        tree.push(entry.leaf_hash().expect("logged"));
    }
    fold.report(crate::fixture::ORIGIN, tree.root())
}

#[test]
fn a_transparency_report_must_be_what_the_entries_give() {
    let (mut mote, _) = stage();
    let whole = mote.entries().len();
    let mut judged = |bytes: &[u8]| {
        let (note, keys) = (mote.checkpoint(now().plus(3 * HOUR)), pinned(&mote));
        let mut audit = LogAudit::begin(note, keys, now().plus(3 * HOUR)).expect("checkpoint");
        audit.expect_report(bytes);
        failed(&read(&mote, audit))
    };
    let (mote, _) = stage();
    // One over fewer entries is an earlier one, and as good.
    for size in [whole, whole - 1, 0] {
        assert_eq!(judged(&report_over(&mote, size).to_json()), [""; 0], "over {size}");
    }
    let altered = |alter: fn(&mut TransparencyReport)| {
        let mut report = report_over(&mote, whole);
        alter(&mut report);
        report.to_json()
    };
    for (what, bytes) in [
        ("one more", altered(|report| report.rows[0].count += 1)),
        ("a month less", altered(|report| drop(report.rows.pop()))),
        ("another root", altered(|report| report.root = Digest::of(b"other"))),
        ("another log", altered(|report| report.origin = "other.test/log".to_owned())),
        ("fewer entries", altered(|report| report.size -= 1)),
        ("entries that are not there", altered(|report| report.size += 1)),
        ("not canonical", [report_over(&mote, whole).to_json(), b"\n".to_vec()].concat()),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(judged(&bytes), ["transparency"], "{what}");
    }
}

#[test]
fn without_keys_or_without_a_roster_the_log_holds_and_proves_nothing() {
    let (mut mote, _) = stage();
    let own = audited(&mut mote, LogKeys::default(), now().plus(3 * HOUR));
    assert!(own.holds() && !own.proves() && !own.pinned, "{own:?}");
    assert!(text(&own, "keys").contains("proves nothing"));

    let keys = LogKeys { rosters: Vec::new(), ..pinned(&mote) };
    let report = audited(&mut mote, keys, now().plus(3 * HOUR));
    assert!(report.holds() && report.pinned && !report.approvals_judged && !report.proves());
}

#[test]
fn foreign_keys_and_foreign_rosters_fail() {
    let (mut mote, _) = stage();
    let keys = pinned(&Mote::found(2, now()));
    let report = audited(&mut mote, keys, now().plus(3 * HOUR));
    assert_eq!(failed(&report), ["log-signature", "rosters"]);
}

#[test]
fn a_lease_without_a_lapse_is_missed_after_an_hour() {
    let mut mote = Mote::found(1, now().minus(24 * HOUR));
    let site = mote.site(&["a.test"], 1);
    let draft = mote.draft(&[site], now(), 2 * HOUR);
    mote.decide(&draft, now());
    let keys = pinned(&mote);
    let early = audited(&mut mote, keys.clone(), now().plus(3 * HOUR));
    assert!(early.holds(), "{early:?}");
    let late = audited(&mut mote, keys.clone(), now().plus(3 * HOUR + Duration::from_secs(1)));
    assert_eq!(failed(&late), ["lapses"]);
    lapse(&mut mote, &draft, draft.terms.expires, now().plus(5 * HOUR));
    let after = audited(&mut mote, keys, now().plus(5 * HOUR));
    assert!(after.holds() && after.checks.iter().any(|check| check.text.contains("over an hour after")));
}

#[test]
fn ends_that_contradict_the_decision_are_told() {
    for (expires, at) in [(2 * HOUR, HOUR), (3 * HOUR, 3 * HOUR)] {
        let mut mote = Mote::found(1, now().minus(24 * HOUR));
        let site = mote.site(&["a.test"], 1);
        let draft = mote.draft(&[site], now(), 2 * HOUR);
        mote.decide(&draft, now());
        lapse(&mut mote, &draft, now().plus(expires), now().plus(at));
        let keys = pinned(&mote);
        assert_eq!(failed(&audited(&mut mote, keys, now().plus(3 * HOUR))), ["lapses"], "{expires:?}");
    }
}

#[test]
fn decisions_against_floor_policy_roster_or_approvals_are_told() {
    type Change = fn(&mut Draft);
    let cases: [(&str, Change); 5] = [
        ("decisions", |draft| draft.terms.expires = draft.terms.not_before.plus(49 * HOUR)),
        ("decisions", |draft| draft.terms.class = policy::ServiceClass::C),
        ("decisions", |draft| draft.terms.measure = Measure::M7),
        ("approvals", |draft| drop(draft.approvers.pop())),
        ("approvals", |draft| draft.approvers[1] = "reviewer-1".to_owned()),
    ];
    for (name, change) in cases {
        // Longer ago than a termination's notice.
        let mut mote = Mote::found(1, now().minus(31 * 24 * HOUR));
        let site = mote.site(&["a.test"], 1);
        let mut draft = mote.draft(&[site], now(), 2 * HOUR);
        change(&mut draft);
        mote.decide(&draft, now());
        let keys = pinned(&mote);
        assert_eq!(failed(&audited(&mut mote, keys, now())), [name]);
    }
}

#[test]
fn a_policy_acts_fifteen_days_after_its_publication() {
    for (days, expected) in [(14, vec!["decisions"]), (15, vec![])] {
        let mut mote = Mote::found(1, now().minus(30 * 24 * HOUR));
        let text = policy::default_policy_text().replacen("version 1", "version 2", 1);
        assert_ne!(text, policy::default_policy_text());
        mote.publish_policy(&text, now().minus(days * 24 * HOUR));
        let site = mote.site(&["a.test"], 1);
        let draft = mote.draft(&[site], now(), 2 * HOUR);
        mote.decide(&draft, now());
        let keys = pinned(&mote);
        assert_eq!(failed(&audited(&mut mote, keys, now())), expected, "{days} of {POLICY_NOTICE:?}");
    }
}

#[test]
fn a_roster_that_its_predecessor_did_not_sign_is_told() {
    let (mote, _) = stage();
    let public = ledger::RosterChanged {
        serial: 2,
        sha256: Digest::of(b"another roster"),
        tlog_policy: mote.tlog_policy().to_string(),
    };
    let entry = mote.entry(Kind::RosterChanged, ledger::RosterChanged::SUBJECT, &public, now());
    let mut signed = entry.clone();
    let body = entry.body.to_bytes().expect("bytes");
    signed.approvals =
        ["assessor-1", "duty-officer-1"].map(|name| mote.officer(name).approve(&body)).to_vec();
    let keys = pinned(&mote);
    let mut honest = stage_with(signed);
    let mut rogue = stage_with(entry);
    assert_eq!(failed(&audited(&mut honest, keys.clone(), now().plus(3 * HOUR))), [""; 0]);
    assert_eq!(failed(&audited(&mut rogue, keys, now().plus(3 * HOUR))), ["rosters"]);
}

/// The stage, with one more entry.
fn stage_with(entry: Entry) -> Mote {
    let (mut mote, _) = stage();
    mote.log(entry);
    mote
}

#[test]
fn broken_chains_and_dates_are_told() {
    let later = now().plus(3 * HOUR);
    type Change = fn(&mut ledger::Body);
    let cases: [(&str, Change); 4] = [
        ("sequences", |body| body.sequence += 1),
        ("sequences", |body| body.previous = Some(Digest::of(b"another"))),
        ("dates", |body| body.time = body.time.minus(HOUR)),
        ("dates", |body| body.time = body.time.plus(4 * HOUR)),
    ];
    for (name, change) in cases {
        let (mut mote, _) = stage();
        let first = mote.entry(Kind::TenantRequest, "a.test", &json!({}), now());
        mote.log(first);
        let mut second = mote.entry(Kind::TenantRequest, "a.test", &json!({}), now());
        change(&mut second.body);
        mote.log(second);
        let keys = pinned(&mote);
        assert_eq!(failed(&audited(&mut mote, keys, later)), [name]);
    }
}

#[test]
fn an_entry_or_tile_other_than_signed_is_told() {
    let (mut mote, _) = stage();
    let at = now().plus(3 * HOUR);
    let note = mote.checkpoint(at);
    let mut audit = LogAudit::begin(note.clone(), pinned(&mote), at).expect("checkpoint");
    for (place, entry) in mote.entries().iter().enumerate() {
        let mut bytes = entry.to_bytes().expect("bytes");
        if place == 3 {
            let text = String::from_utf8(bytes).expect("text").replace("localhost:9091", "localhost:9092");
            bytes = text.into_bytes();
        }
        audit.entry(&bytes);
    }
    assert_eq!(failed(&audit.finish()), ["root", "sequences"]);

    let mut audit = LogAudit::begin(note, pinned(&mote), at).expect("checkpoint");
    mote.entries().iter().for_each(|entry| audit.entry(&entry.to_bytes().expect("bytes")));
    audit.tile("tile/0/000.p/5".parse().expect("path"), &[0; 160]);
    audit.bundle(b"\x00\x09short");
    assert_eq!(failed(&audit.finish()), ["tiles", "entries"]);
}

#[test]
fn an_erasing_that_two_did_not_sign_is_found() {
    for (by, expected) in
        [(&["legal-1", "assessor-1"][..], &[][..]), (&["legal-1"], &["approvals"]), (&[], &["approvals"])]
    {
        let mut mote = Mote::found(1, now().minus(24 * HOUR));
        let mut request = mote.entry(Kind::TenantRequest, "shop", &json!({}), now());
        request.body.commitments = Some(vocabulary::Digest::of(b"a root"));
        let leaf = request.leaf_hash().expect("leaf");
        mote.log(request);
        let tombstone = mote.tombstone(leaf, by, now().plus(HOUR));
        let entry = mote.entry(Kind::Tombstone, "shop", &tombstone, now());
        mote.log(entry);
        let keys = pinned(&mote);
        assert_eq!(failed(&audited(&mut mote, keys, now())), expected, "{by:?}");
    }
}
