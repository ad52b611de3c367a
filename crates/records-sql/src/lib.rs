//! The repositories in SQLite; the only door to sqlx.
