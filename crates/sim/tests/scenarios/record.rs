//! Rows about what the public log can show: sealed fields, erased people, counts.

use super::edge::{Stage, after, now};
use ledger::commitment::{Field, Sealed};
use ledger::merkle::verify_inclusion;
use ledger::tiles::entry_bundle;
use ledger::{Entry, Kind, SealOpened};
use serde_json::{Value, json};
use snapshot::fixture::Mote;
use snapshot::{LogAudit, LogKeys, LogReport, Transparency, Watch, WatchAlarm};
use std::time::Duration;
use vault::{RecordKey, Slot, Vault, WrappedKey};
use vocabulary::{Digest, ReportId, SeededRandom, Timestamp};

const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Logs an order whose fields are sealed; its leaf and its place.
fn order(mote: &mut Mote, sealed: &Sealed, public: &Value) -> (Digest, u64) {
    let mut entry = mote.entry(Kind::OrderReceived, "order-1", public, now());
    entry.body.commitments = Some(sealed.root().expect("root"));
    (entry.leaf_hash().expect("leaf"), mote.log(entry))
}

fn fields() -> Sealed {
    let fields = [("person", json!("somebody")), ("country", json!("somewhere")), ("law", json!("a law"))];
    let named = fields.map(|(name, value)| (name.to_owned(), value));
    Sealed::new(&SeededRandom::new(8), named).expect("sealed")
}

/// The whole log, audited at an instant, with a transparency report beside it.
fn audited(mote: &mut Mote, report: Option<&[u8]>, at: Timestamp) -> LogReport {
    let note = mote.checkpoint(at);
    let keys =
        LogKeys { tlog_policy: Some(mote.tlog_policy().clone()), rosters: vec![mote.roster().clone()] };
    let mut audit = LogAudit::begin(note, keys, at).expect("a checkpoint");
    if let Some(bytes) = report {
        audit.expect_report(bytes);
    }
    let leaves: Vec<Vec<u8>> = mote.entries().iter().map(|entry| entry.to_bytes().expect("bytes")).collect();
    audit.bundle(&entry_bundle(leaves.iter().map(Vec::as_slice)).expect("one bundle"));
    audit.finish()
}

fn failed(report: &LogReport) -> Vec<&'static str> {
    let failed = |check: &&snapshot::Check| matches!(check.outcome, snapshot::Outcome::Failed(_));
    report.checks.iter().filter(failed).map(|check| check.name).collect()
}

pub(crate) fn t31() {
    let mut mote = Stage::new().mote;
    let vault = Vault::open(&Vault::fresh_key(&SeededRandom::new(1)).expect("a key")).expect("a vault");
    let (sealed, id) = (fields(), ReportId::from_bytes([3; 16]));
    let (key, wrapped) = vault.new_record(id).expect("a record");
    let key = RecordKey::of(id, &key.public());
    let kept = key.seal(Slot::Contents, &serde_json::to_vec(sealed.fields()).expect("json")).expect("sealed");
    let (leaf, place) = order(&mut mote, &sealed, &json!({}));
    // While the key is there, fields can be told one by one.
    let opened = |wrapped: Option<&WrappedKey>| -> Option<Vec<Field>> {
        let secret = vault.open_record(id, wrapped?).ok()?;
        serde_json::from_slice(&secret.open(Slot::Contents, &kept).ok()?).ok()
    };
    let before = Sealed::from_fields(opened(Some(&wrapped)).expect("opened")).expect("the fields");
    assert_eq!(before.root().expect("root"), sealed.root().expect("root"));
    // The person is erased: the key is destroyed, and the log says so. `kept` is what any backup still has.
    let tombstone = mote.tombstone(leaf, &["legal-1", "assessor-1"], after(DAY));
    let entry = mote.entry(Kind::Tombstone, "order-1", &tombstone, after(DAY));
    mote.log(entry);
    assert!(opened(None).is_none(), "nothing opens what an old backup holds");
    let stranger = vault.new_record(ReportId::from_bytes([4; 16])).expect("another record").1;
    assert!(opened(Some(&stranger)).is_none());
    // All proofs still hold, that of the very entry and that of the whole log.
    let (tree, size) = (mote.tree(), mote.tree().size());
    let path = tree.inclusion(place, size).expect("a path");
    verify_inclusion(&leaf, place, size, &path, &tree.root()).expect("it still stands in the tree");
    assert_eq!(failed(&audited(&mut mote, None, after(DAY))), [""; 0]);
}

pub(crate) fn t33() {
    let (mut mote, sealed) = (Stage::new().mote, fields());
    let (leaf, _) = order(&mut mote, &sealed, &json!({"sealed_until": after(30 * DAY)}));
    let text = mote.entries().last().map(|entry| entry.to_bytes().expect("bytes")).expect("an entry");
    assert!(!String::from_utf8_lossy(&text).contains("somewhere"));
    assert_eq!(failed(&audited(&mut mote, None, after(29 * DAY))), [""; 0]);
    // The date passes: an auditor and a monitor miss the opening.
    let late = after(30 * DAY + 2 * HOUR);
    assert_eq!(failed(&audited(&mut mote, None, late)), ["seals"]);
    let mut watch = Watch::default();
    let leaves: Vec<Vec<u8>> = mote.entries().iter().map(|entry| entry.to_bytes().expect("bytes")).collect();
    watch.bundle(&entry_bundle(leaves.iter().map(Vec::as_slice)).expect("one bundle"));
    let told: Vec<_> = watch.overdue(late).iter().map(WatchAlarm::name).collect();
    assert_eq!(told, ["missed-unsealing"]);
    // It opens, in full, and everybody can compare it with what was sealed.
    let disclosure = sealed.disclose(&["person", "country", "law"]).expect("a disclosure");
    let entry = mote.entry(Kind::SealOpened, "order-1", &SealOpened { entry: leaf, disclosure }, late);
    mote.log(entry);
    assert_eq!(failed(&audited(&mut mote, None, late)), [""; 0]);
}

pub(crate) fn t48() {
    let mut stage = Stage::new();
    stage.block(HOUR);
    let fold = |entries: &[Entry]| {
        let mut fold = Transparency::default();
        entries.iter().for_each(|entry| fold.count(entry));
        fold
    };
    let (tree, mote) = (stage.mote.tree().clone(), &mut stage.mote);
    let report = fold(mote.entries()).report(snapshot::fixture::ORIGIN, tree.root());
    let bytes = report.to_json();
    assert_eq!(failed(&audited(mote, Some(&bytes), now())), [""; 0]);
    // One count more, or one row less, is another report than the entries give.
    let text = String::from_utf8(bytes.clone()).expect("text");
    for (from, to) in [("\"count\":1", "\"count\":2"), ("decision.made", "decision.mode")] {
        let other = text.replacen(from, to, 1);
        assert_ne!(other, text);
        assert_eq!(failed(&audited(mote, Some(other.as_bytes()), now())), ["transparency"], "{from}");
    }
    let again = fold(mote.entries()).report(snapshot::fixture::ORIGIN, tree.root());
    assert_eq!((again.to_json(), again.to_csv()), (bytes, report.to_csv()), "byte for byte");
}
