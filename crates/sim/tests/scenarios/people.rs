//! Who signs in the rows: the trial's officers.

use casework::fixtures::Trial;
use policy::Approval;

/// An officer's signature under these bytes.
pub(crate) fn approval(pseudonym: &str, body: &str) -> Approval {
    Trial::new().key(pseudonym).approve(body.as_bytes())
}
