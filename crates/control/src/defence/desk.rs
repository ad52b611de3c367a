//! Reading and changing the book in the records.

use super::book::{Book, BookRefusal};
use crate::plane::Plane;
use records::{PutError, Records, StoreError, Versioned};

/// The register that holds the book.
const REGISTER: &str = "defence";
/// How often a change is made anew when others change the book meanwhile.
const ATTEMPTS: usize = 8;

/// Why the book was not changed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeskRefusal {
    #[error("{0}")]
    Book(BookRefusal),
    #[error("{0}")]
    Store(StoreError),
    #[error("others change it at this moment")]
    Contended,
}

impl From<StoreError> for DeskRefusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// The book as it stands; version 0 where nothing was ever set.
pub(crate) async fn book(records: &dyn Records) -> Result<Versioned<Book>, StoreError> {
    let Some(register) = records.register(REGISTER).await? else {
        return Ok(Versioned { version: 0, value: Book::default() });
    };
    let value = serde_json::from_slice(&register.value).map_err(|error| StoreError::Damaged {
        table: "registers",
        id: REGISTER.to_owned(),
        reason: error.to_string(),
    })?;
    Ok(Versioned { version: register.version, value })
}

/// Changes the book, and wakes whoever brings it to the edges.
pub(crate) async fn change<T>(
    plane: &Plane,
    work: impl Fn(&mut Book) -> Result<T, BookRefusal>,
) -> Result<T, DeskRefusal> {
    for _ in 0..ATTEMPTS {
        let Versioned { version, mut value } = book(&*plane.records).await?;
        let done = work(&mut value).map_err(DeskRefusal::Book)?;
        let bytes = serde_json::to_vec(&value).map_err(|_| DeskRefusal::Contended)?;
        match plane.records.put_register(REGISTER, &bytes, version).await {
            Ok(_) => {
                plane.wake.notify_one();
                plane.docket.touch();
                return Ok(done);
            }
            Err(PutError::Store(error)) => return Err(DeskRefusal::Store(error)),
            Err(_) => {}
        }
    }
    Err(DeskRefusal::Contended)
}
