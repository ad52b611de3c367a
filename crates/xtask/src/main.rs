//! The project's own checks: arrows between crates, size budgets, drift.

fn main() {}
