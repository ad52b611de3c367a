//! Text that officers write: never empty, never endless, and nothing in it that readers cannot see.
//!
//! What is signed must be what is read. A character that is invisible, or that turns the direction of
//! the text around, makes two readers see two texts, so both kinds of text refuse it.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

/// Longest text, in bytes.
pub const TEXT_MAX: usize = 4_000;

/// A reason, a name or a mark written by an officer: trimmed, one line of 1 to [`TEXT_MAX`] bytes, no
/// hidden characters. That a reason is *recorded* is thereby a matter of type.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(String);

/// The same over several lines, for fields that are meant to have paragraphs.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Paragraphs(String);

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TextError {
    /// Nothing but white space.
    #[error("a text is needed here, not white space")]
    Empty,
    /// Over the bound.
    #[error("at most {TEXT_MAX} bytes are allowed here")]
    TooLong,
    /// A line feed in a text of one line.
    #[error("this is a text of one line; write it without line feeds")]
    LineFeed,
    /// Control characters.
    #[error("control characters are not allowed; write the text without U+{:04X}", u32::from(*.0))]
    Control(char),
    /// A character that is not seen, or that turns the text around.
    #[error(
        "invisible characters and those that change the direction of the text are not allowed; write it without U+{:04X}",
        u32::from(*.0)
    )]
    Hidden(char),
}

impl Text {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether two marks are apparently the same, upper and lower case aside.
    pub fn resembles(&self, other: &Self) -> bool {
        self.0.to_lowercase() == other.0.to_lowercase()
    }
}

impl Paragraphs {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Text {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        let text = seen(text)?;
        if text.contains('\n') { Err(TextError::LineFeed) } else { Ok(Self(text.to_owned())) }
    }
}

impl FromStr for Paragraphs {
    type Err = TextError;

    fn from_str(text: &str) -> Result<Self, TextError> {
        Ok(Self(seen(text)?.to_owned()))
    }
}

/// The text without white space around it, if it is there, within the bound and all visible.
fn seen(text: &str) -> Result<&str, TextError> {
    let text = text.trim();
    if text.is_empty() {
        return Err(TextError::Empty);
    }
    if text.len() > TEXT_MAX {
        return Err(TextError::TooLong);
    }
    match text.chars().find(|letter| (letter.is_control() && *letter != '\n') || is_hidden(*letter)) {
        Some(letter) if letter.is_control() => Err(TextError::Control(letter)),
        Some(letter) => Err(TextError::Hidden(letter)),
        None => Ok(text),
    }
}

/// Whether a character is of the general categories Cf (format), Zl or Zp (line and paragraph
/// separators) of Unicode 16, with the unassigned rest of the block of tags.
pub fn is_hidden(letter: char) -> bool {
    matches!(u32::from(letter),
        0x00AD | 0x0600..=0x0605 | 0x061C | 0x06DD | 0x070F | 0x0890..=0x0891 | 0x08E2 | 0x180E
        | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFF9..=0xFFFB
        | 0x110BD | 0x110CD | 0x13430..=0x1343F | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE007F)
}

macro_rules! as_text {
    ($($name:ident)*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
                out.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                String::deserialize(from)?.parse().map_err(de::Error::custom)
            }
        }
    )*};
}

as_text!(Text Paragraphs);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_and_turning_characters_are_refused_in_every_text() {
        let hidden = [
            '\u{00AD}',
            '\u{061C}',
            '\u{180E}',
            '\u{200B}',
            '\u{200D}',
            '\u{200F}',
            '\u{2028}',
            '\u{2029}',
            '\u{202A}',
            '\u{202E}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{FEFF}',
            '\u{E0000}',
            '\u{E0041}',
            '\u{E007F}',
        ];
        for letter in hidden {
            let written = format!("pay{letter}pal");
            assert_eq!(written.parse::<Text>(), Err(TextError::Hidden(letter)));
            assert_eq!(written.parse::<Paragraphs>(), Err(TextError::Hidden(letter)));
            let json = serde_json::to_string(&written).expect("JSON");
            let refused = serde_json::from_str::<Text>(&json).expect_err("hidden").to_string();
            assert!(refused.contains(&format!("U+{:04X}", u32::from(letter))), "{refused}");
        }
        for letter in ['\0', '\t', '\r', '\u{1B}', '\u{7F}', '\u{85}', '\u{9B}'] {
            let written = format!("pay{letter}pal");
            assert_eq!(written.parse::<Text>(), Err(TextError::Control(letter)));
            assert_eq!(written.parse::<Paragraphs>(), Err(TextError::Control(letter)));
        }
        for plain in ["Größe – “quoted” 東京 עברית عربي 🙂", "a\u{301}"] {
            assert_eq!(plain.parse::<Text>().expect("plain").as_str(), plain);
        }
    }

    #[test]
    fn line_feeds_stand_only_in_paragraphs() {
        assert_eq!("one\ntwo".parse::<Text>(), Err(TextError::LineFeed));
        assert_eq!("one\n\ntwo\n".parse::<Paragraphs>().expect("two").as_str(), "one\n\ntwo");
        assert_eq!(" \n".parse::<Paragraphs>(), Err(TextError::Empty));
    }
}
