//! The control plane in one process: real listeners, records in memory, an edge that only verifies.

mod applying;
mod authorities;
mod cache_page;
mod certificates;
mod defending;
mod edges;
mod entering;
mod error_pages;
mod following;
mod host_names;
mod interrupted;
mod mailing;
mod officers;
mod ordering;
mod purging;
mod repeating;
mod reporting;
mod restarting;
mod rig;
mod scoping;
mod sealing;
mod session;
mod story;
mod suspending;
mod ways_in;
mod web;
