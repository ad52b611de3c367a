//! Format tags: the first member of each signed document, fixed by its type.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! format_tags {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        pub struct $name;

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str($text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                if text == $text { Ok(Self) } else {
                    Err(de::Error::custom(concat!("this document's format must be ", $text)))
                }
            }
        }
    )*};
}

format_tags! {
    /// Marks a scope list.
    ScopeFormat = "wardmote-scope/1";
    /// Marks a statement of reasons.
    StatementFormat = "wardmote-statement/1";
    /// Marks a roster.
    RosterFormat = "wardmote-roster/1";
}
