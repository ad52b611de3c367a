//! What `up` says while it starts: one line per thing that is well or not.

/// Lines on the terminal, marked `ok` or `!!`.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Report;

impl Report {
    /// Something is well.
    pub(super) fn ok(self, text: impl AsRef<str>) {
        println!(" ok  {}", text.as_ref());
    }

    /// Something is not well, though the start goes on; `mend` says what to do.
    pub(super) fn warn(self, text: impl AsRef<str>, mend: impl AsRef<str>) {
        println!(" !!  {}\n     {}", text.as_ref(), mend.as_ref());
    }

    /// A line with a name, for addresses to open.
    pub(super) fn line(self, name: &str, text: impl AsRef<str>) {
        println!(" {name:<8} {}", text.as_ref());
    }

    /// An empty line.
    pub(super) fn gap(self) {
        println!();
    }
}
