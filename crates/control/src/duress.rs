//! The list of duress keys, held against what the records remember of it.
//!
//! Without the list every duress key would be an ordinary deciding one, in silence. So a start with another list than
//! the first start saw is refused; changing it is not built, as little as changing the roster that it belongs to.

use crate::StartError;
use records::{PutError, Records};
use vocabulary::Digest;

/// The register that remembers the list's mark.
const REGISTER: &str = "duress-keys";

/// Remembers the list at the first start, and holds it against that at each later one.
pub(crate) async fn check_list(records: &dyn Records, mark: Digest) -> Result<(), StartError> {
    let mark = mark.to_string();
    match records.register(REGISTER).await.map_err(StartError::Records)? {
        Some(kept) if kept.value == mark.as_bytes() => Ok(()),
        Some(_) => Err(StartError::DuressKeys),
        None => match records.put_register(REGISTER, mark.as_bytes(), 0).await {
            Ok(_) => Ok(()),
            Err(PutError::Store(error)) => Err(StartError::Records(error)),
            Err(error) => Err(StartError::Broken(error.to_string())),
        },
    }
}
