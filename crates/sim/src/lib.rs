//! The operator on a simulated clock.
//!
//! Owns the scenario table of due process: `tests/scenarios` names each row and shows which hold. Must
//! not know any service: no sockets, no files, no tasks.
