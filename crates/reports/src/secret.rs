//! Text that must not leave the vault.

use std::fmt;
use zeroize::Zeroizing;

/// A text from a reporter or about a person at risk. It cannot be printed, formatted or serialised by accident, and
/// its memory is wiped when it goes.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for sealing it or for showing it to an officer whose reading was noted.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it but white space.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_in_debug_text() {
        let shown = format!("{:?}", Some(Secret::new("jane.doe@example.org")));
        assert_eq!(shown, "Some(Secret(…))");
    }
}
