use super::*;
use ledger::commitment::Sealed;
use ledger::{Body, EntryFormat};
use serde_json::{Value, json};
use vocabulary::SeededRandom;

const DAY: Duration = Duration::from_secs(86_400);

fn at(days: u32) -> Timestamp {
    Timestamp::from_secs(1_790_000_000).plus(DAY * days)
}

fn entry(kind: Kind, subject: &str, days: u32, commitments: Option<Digest>, public: Value) -> Entry {
    Entry::unapproved(Body {
        format: EntryFormat::V1,
        kind,
        time: at(days),
        actors: vec!["sequencer".to_owned()],
        subject: subject.to_owned(),
        sequence: 1,
        previous: None,
        policy: None,
        commitments,
        public,
    })
}

fn fields() -> Sealed {
    let fields = [("country", json!("somewhere")), ("law", json!("a law"))];
    let named = fields.map(|(name, value)| (name.to_owned(), value));
    Sealed::new(&SeededRandom::new(4), named).expect("sealed")
}

/// An order received on day 0, sealed until a day; its leaf, and the fold that has seen it.
fn received(until: u32) -> (Digest, Result<Seals, SealError>) {
    let root = fields().root().expect("root");
    let order = entry(Kind::OrderReceived, "order", 0, Some(root), json!({SEALED_UNTIL: at(until)}));
    let leaf = order.leaf_hash().expect("leaf");
    let mut seals = Seals::default();
    (leaf, seals.place(leaf, &order).map(|()| seals))
}

fn placed(seals: &mut Seals, entry: &Entry) -> Result<(), SealError> {
    seals.place(entry.leaf_hash().expect("leaf"), entry)
}

#[test]
fn what_is_sealed_opens_in_full_at_its_date() {
    let (leaf, seals) = received(30);
    let mut seals = seals.expect("sealed");
    assert_eq!((seals.due(at(29)).count(), seals.due(at(30)).count()), (0, 1));
    let open = |names: &[&str]| {
        let disclosure = fields().disclose(names).expect("a disclosure");
        let said = serde_json::to_value(SealOpened { entry: leaf, disclosure }).expect("json");
        entry(Kind::SealOpened, "order", 30, None, said)
    };
    assert!(matches!(placed(&mut seals, &open(&["law"])), Err(SealError::InPart { opened: 1, sealed: 2 })));
    let mut forged = open(&["country", "law"]);
    forged.body.public["disclosure"]["fields"][0][2] = json!("elsewhere");
    assert!(matches!(placed(&mut seals, &forged), Err(SealError::Opened(_))));
    let other = Entry::unapproved(Body { subject: "another".to_owned(), ..open(&["country", "law"]).body });
    assert!(matches!(placed(&mut seals, &other), Err(SealError::Subject)));
    placed(&mut seals, &open(&["country", "law"])).expect("opened");
    assert_eq!(seals.due(at(40)).count(), 0);
}

#[test]
fn nothing_is_sealed_for_more_than_90_days_at_once() {
    assert!(received(90).1.is_ok());
    assert!(matches!(received(91).1, Err(SealError::TooLong { .. })));
    let (leaf, seals) = received(90);
    let mut seals = seals.expect("sealed");
    let renew = |until: u32| {
        let said = serde_json::to_value(SealRenewed { entry: leaf, until: at(until) }).expect("json");
        entry(Kind::SealRenewed, "order", 80, None, said)
    };
    assert!(matches!(placed(&mut seals, &renew(171)), Err(SealError::TooLong { .. })));
    placed(&mut seals, &renew(170)).expect("renewed");
    assert_eq!((seals.due(at(90)).count(), seals.due(at(170)).count()), (0, 1));
}

#[test]
fn a_missed_opening_is_told_once_and_an_erased_seal_is_due_no_more() {
    let (leaf, seals) = received(30);
    let mut seals = seals.expect("sealed");
    assert!(seals.overdue(at(30)).is_empty());
    assert_eq!(seals.overdue(at(31)), [("order".to_owned(), at(30))]);
    assert!(seals.overdue(at(32)).is_empty());
    let said =
        serde_json::to_value(Tombstone { entry: leaf, until: at(33), approvals: Vec::new() }).expect("json");
    placed(&mut seals, &entry(Kind::Tombstone, "order", 32, None, said.clone())).expect("erased");
    assert_eq!(seals.due(at(40)).count(), 0);
    let twice = entry(Kind::Tombstone, "order", 33, None, said);
    assert!(matches!(placed(&mut seals, &twice), Err(SealError::Unknown)));
}

#[test]
fn a_date_without_anything_sealed_is_a_fault() {
    let empty = entry(Kind::OrderReceived, "order", 0, None, json!({SEALED_UNTIL: at(1)}));
    assert!(matches!(placed(&mut Seals::default(), &empty), Err(SealError::NothingSealed)));
}
