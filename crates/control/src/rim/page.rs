//! Pages of lists: `?limit=` and an opaque `?after=`.

use super::{Problem, Reason};
use records::bounds::PAGE_MAX;
use records::{Cursor, Listing, Page};
use serde::{Deserialize, Serialize};

/// What part of a list is asked for.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Items wanted, 1 to 200; 50 when left out.
    pub(crate) limit: Option<u32>,
    /// The `next` of the page before.
    pub(crate) after: Option<String>,
}

impl PageQuery {
    pub(crate) fn page(&self) -> Result<Page, Problem> {
        let limit = self.limit.unwrap_or(50);
        if limit == 0 || limit > PAGE_MAX {
            return Err(Problem::new(Reason::Malformed).detail(format!("limit is 1 to {PAGE_MAX}")));
        }
        let after = self.after.as_deref().map(read_cursor).transpose()?;
        Ok(Page { after, limit })
    }
}

fn read_cursor(text: &str) -> Result<Cursor, Problem> {
    let digits = text.strip_prefix('c').filter(|digits| !digits.starts_with('+'));
    let number = digits.and_then(|digits| u64::from_str_radix(digits, 36).ok());
    let refused =
        || Problem::new(Reason::Malformed).detail("after is the `next` of the page before, unchanged");
    number.map(Cursor).ok_or_else(refused)
}

fn write_cursor(cursor: Cursor) -> String {
    let mut digits = Vec::new();
    let mut rest = cursor.0;
    loop {
        // The remainder is below 36, so it is a digit of that base.
        digits.push(char::from_digit((rest % 36) as u32, 36).unwrap_or('0'));
        rest /= 36;
        if rest == 0 {
            break;
        }
    }
    digits.push('c');
    digits.iter().rev().collect()
}

/// One page as it is answered, newest first.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(crate) struct PageOf<T> {
    /// The items.
    pub(crate) items: Vec<T>,
    /// What to send as `after` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<String>,
}

impl<T> PageOf<T> {
    pub(crate) fn of<S>(listing: Listing<S>, each: impl FnMut(S) -> T) -> Self {
        Self { items: listing.items.into_iter().map(each).collect(), next: listing.next.map(write_cursor) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_round_trip_and_others_are_refused() {
        for number in [0, 1, 35, 36, 12_345, u64::MAX] {
            assert_eq!(read_cursor(&write_cursor(Cursor(number))), Ok(Cursor(number)));
        }
        for text in ["", "c", "7", "c+1", "c zz", "czzzzzzzzzzzzzzzzzzzzzz"] {
            assert!(read_cursor(text).is_err(), "{text}");
        }
    }
}
