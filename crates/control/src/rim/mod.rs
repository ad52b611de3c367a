//! The rim of both listeners: what every request passes before a handler sees it, and what every
//! answer carries.
//!
//! Owns problem documents with the one table of reasons, who is asking, the checks against foreign
//! sites, bounds of bodies and connections, repeated requests, versions and pages. Must not know
//! cases, decisions or the log.
//!
//! Invariants: an unsafe request is answered only for a principal, and for a session only with its
//! CSRF token; a body is read to its bound and no further; no secret is stored or compared in clear.

pub(crate) mod body;
pub(crate) mod extract;
pub(crate) mod guard;
pub(crate) mod headers;
pub(crate) mod idempotency;
pub(crate) mod listener;
pub(crate) mod page;
pub(crate) mod principal;
pub(crate) mod problem;
pub(crate) mod reasons;
pub(crate) mod secret;
pub(crate) mod version;

pub(crate) use problem::Problem;
pub(crate) use reasons::Reason;
