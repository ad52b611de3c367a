//! Rows about setting all measures aside, and about officers who are forced to.

use super::edge::{Stage, after, blocked, now};
use policy::{DuressKeys, Roster};
use snapshot::{Applied, Parcel};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::{SeededRandom, Timestamp};

const MINUTE: Duration = Duration::from_secs(60);
const TWO: &[&str] = &["assessor-1", "duty-officer-1"];
const THREE: &[&str] = &["assessor-1", "duty-officer-1", "legal-1"];

/// The edge takes a suspension in beside the block it runs.
fn suspended(stage: &mut Stage, block: &Arc<[u8]>, suspension: Arc<[u8]>, at: Timestamp) -> Applied {
    let parcel = stage.mote.parcel(2, stage.sites.clone(), vec![Arc::clone(block)]);
    stage.edge.apply(&Parcel { suspensions: vec![suspension], ..parcel }, at)
}

fn at_minutes<const N: usize>(applied: &Applied, minutes: [u32; N]) -> [bool; N] {
    minutes.map(|minute| blocked(applied, "board.test", after(MINUTE * minute)))
}

pub(crate) fn t28() {
    let mut stage = Stage::new();
    let block = stage.block(MINUTE * 60 * 48);
    stage.apply(std::slice::from_ref(&block), now());
    let (signed, there) = (after(MINUTE), after(MINUTE * 2));
    let suspension = stage.mote.suspend(TWO, signed);
    let applied = suspended(&mut stage, &block, suspension, there);
    assert_eq!(at_minutes(&applied, [2, 60, 61, 62]), [false, false, true, true], "it returns by itself");
    let confirmed = stage.mote.confirm(signed, THREE, after(MINUTE * 60));
    let applied = suspended(&mut stage, &block, confirmed, after(MINUTE * 60));
    assert_eq!(at_minutes(&applied, [61, 48 * 60 - 1]), [false, false], "three had it stay");
}

pub(crate) fn t59() {
    // Two officers are forced to set everything aside. It returns, and they cannot be made to repeat it.
    let mut stage = Stage::new();
    let block = stage.block(MINUTE * 60 * 48);
    stage.apply(std::slice::from_ref(&block), now());
    let forced = stage.mote.suspend(TWO, after(MINUTE));
    suspended(&mut stage, &block, forced, after(MINUTE));
    let again = stage.mote.suspend(TWO, after(MINUTE * 61));
    let applied = suspended(&mut stage, &block, again, after(MINUTE * 61));
    assert_eq!(applied.refused.iter().map(|(_, why)| why.name()).collect::<Vec<_>>(), ["suspension-refused"]);
    assert_eq!(at_minutes(&applied, [61, 62]), [true, true]);
    // One of them signs with the other key: a valid signature to whoever looks, and the record is held.
    let founding = Roster::found_trial(&SeededRandom::new(3), now());
    let duress = DuressKeys::new(founding.duress.iter().map(policy::OfficerKey::public));
    let sign = |keys: &[policy::OfficerKey], name: &str| {
        let key = keys.iter().find(|key| key.pseudonym().as_str() == name).expect("a key");
        key.approve(b"the record")
    };
    let free = sign(&founding.keys, "assessor-1");
    let under_duress = sign(&founding.duress, "duty-officer-1");
    let approvals = [free.clone(), under_duress];
    let record = policy::Signed { body: b"the record", approvals: &approvals, proposer: None };
    assert!(policy::may_suspend(record, &founding.roster).is_ok(), "nobody can tell from the signatures");
    assert!(duress.hold(&approvals) && !duress.hold(&[free]));
}
