//! What a check has to say: what is wrong, where, and how to mend it.

/// One thing that must be mended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// A path with a line, or a manifest and a dependency.
    pub(crate) place: String,
    /// What is wrong, with the figure and the limit.
    pub(crate) problem: String,
    /// What to do about it.
    pub(crate) mend: String,
}

impl Finding {
    pub(crate) fn new(place: impl Into<String>, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into(), mend: mend.into() }
    }
}

/// The result of one check.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// One word, shown in the first column.
    pub(crate) name: &'static str,
    /// What was looked at, in figures.
    pub(crate) summary: String,
    /// What must be mended.
    pub(crate) findings: Vec<Finding>,
    /// What may stay but should be known.
    pub(crate) notes: Vec<String>,
}

impl Outcome {
    pub(crate) fn new(name: &'static str, summary: String, findings: Vec<Finding>) -> Self {
        Self { name, summary, findings, notes: Vec::new() }
    }
}
