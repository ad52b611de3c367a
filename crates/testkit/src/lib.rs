//! Fakes, scripts and recording peers for tests.
