//! What `up` says while it starts: one line per thing that is well or not, or one JSON document.

use crate::output;
use serde_json::Value;

/// Where the report goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Report {
    /// Lines for people, marked `ok` or `!!`.
    Lines,
    /// Only the document at the end; warnings go to standard error.
    Json,
}

impl Report {
    /// Something is well.
    pub(super) fn ok(self, text: impl AsRef<str>) {
        if self == Self::Lines {
            println!(" ok  {}", text.as_ref());
        }
    }

    /// Something is not well, though the start goes on; `mend` says what to do.
    pub(super) fn warn(self, text: impl AsRef<str>, mend: impl AsRef<str>) {
        let lines = format!(" !!  {}\n     {}", text.as_ref(), mend.as_ref());
        match self {
            Self::Lines => println!("{lines}"),
            Self::Json => eprintln!("{lines}"),
        }
    }

    /// A line with a name, for addresses to open.
    pub(super) fn line(self, name: &str, text: impl AsRef<str>) {
        if self == Self::Lines {
            println!(" {name:<8} {}", text.as_ref());
        }
    }

    /// An empty line.
    pub(super) fn gap(self) {
        if self == Self::Lines {
            println!();
        }
    }

    /// The document at the end of a start.
    pub(super) fn document(self, value: &Value) {
        if self == Self::Json {
            output::json(value);
        }
    }
}
