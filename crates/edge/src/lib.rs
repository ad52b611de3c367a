//! The data plane: accept, TLS, framing, the exchange and its answers.

mod access_log;
mod admin;
mod authority;
mod compress;
mod copy;
mod crew;
mod date;
mod enforce;
mod exchange;
mod explain;
mod fields;
mod figures;
mod fill;
mod flights;
#[cfg(any(test, feature = "testing"))]
pub mod framing;
mod histogram;
mod http1;
mod http2;
mod insight;
mod listen;
mod options;
mod origin;
mod origin_request;
mod pace;
pub mod pages;
#[cfg(any(test, feature = "testing"))]
pub mod parsing;
mod passage;
mod ports;
mod prewarm;
mod ray;
mod reasons;
mod request;
mod server;
mod site_figures;
mod stages;
mod store_metrics;
mod tier;
mod top_misses;
mod trail;
mod vigil;
mod visitor;
mod worker;

pub use compress::EncodingFigures;
pub use explain::{Explanation, Step, StoredFacts, Unexplained};
pub use figures::Figures;
pub use histogram::Latency;
pub use insight::Insight;
pub use options::{CacheDisk, Inputs, Options, StartError, WorkerModel};
pub use prewarm::{BATCH_MAX, NotWarmed, Warmed};
pub use reasons::{Outcome, Reason};
pub use server::{Edge, start};
pub use site_figures::SiteFigures;
pub use tier::ParentFigures;
pub use top_misses::TopMiss;
