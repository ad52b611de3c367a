//! The data plane: accept, TLS, framing, the exchange and its answers.

mod access_log;
mod admin;
mod authority;
mod compress;
mod crew;
mod date;
mod enforce;
mod exchange;
mod fields;
mod figures;
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
mod ports;
mod ray;
mod reasons;
mod request;
mod server;
mod site_figures;
mod stages;
mod tier;
mod top_misses;
mod trail;
mod vigil;
mod visitor;
mod worker;

pub use compress::EncodingFigures;
pub use figures::Figures;
pub use histogram::Latency;
pub use insight::Insight;
pub use options::{Inputs, Options, StartError, WorkerModel};
pub use reasons::{Outcome, Reason};
pub use server::{Edge, start};
pub use site_figures::SiteFigures;
pub use tier::ParentFigures;
pub use top_misses::TopMiss;
