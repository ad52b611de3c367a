//! The control plane: API, console, reconcilers, sequencer and the public record.
//!
//! Owns what happens between a report and a published snapshot, and the way of purges: it keeps cases, takes officers'
//! signatures, appends to the log, has it cosigned, publishes statements and plans what edges serve.
//! Must not know the edge: it sees only the feed it publishes to and the [`Telemetry`] it is handed.
//!
//! Invariants: nothing reaches the feed without a logged, cosigned record; officers' keys are written
//! once at founding and never opened again; every change is made by one reconciler or one handler,
//! and killing the process between any two steps loses nothing that was answered.

mod alarms;
mod api;
mod appeals;
mod bundles;
mod console;
mod defence;
mod desk;
mod docket;
mod duress;
mod erasing;
mod error_pages;
mod founding;
mod host_names;
mod intake;
mod live;
mod mail;
mod options;
pub mod pages;
mod plane;
mod policies;
mod purges;
mod questions;
mod reconcile;
mod record;
mod rim;
mod sealing;
mod sequencer;
mod sites;
pub mod sites_toml;
mod start;
mod subscriptions;
mod suspension;
mod telemetry;
#[cfg(test)]
mod tests;

pub use defence::{Defence, EventsWanted};
pub use founding::{DataDir, FoundError, Foundation, found};
pub use options::{Inputs, Options, PublicUrl, PublicUrlError};
pub use questions::{Questions, Unanswered};
pub use start::{Control, Sockets, StartError, start, start_on};
pub use telemetry::{Figures, SiteFigures, Telemetry, TopMiss};
