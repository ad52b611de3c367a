//! Signatures given under duress: the record they stand under is held, and whoever gave them is answered as always.

use crate::plane::Plane;
use policy::Approval;

/// The alarm for a record that is signed and held. It says less than it knows: others may look on.
const HELD: &str = "record-held";

/// Whether a record with these signatures is held. It stays so until its time to be signed is over; whoever wants it
/// signs another.
pub(super) fn holds(plane: &Plane, what: impl ToString, approvals: &[Approval]) -> bool {
    if !plane.founded.duress.hold(approvals) {
        return false;
    }
    let text = "signed, and held: call each of those who signed, over a line you know, before anything else";
    plane.alarms.raise(HELD, what, text, plane.clock.now());
    true
}
