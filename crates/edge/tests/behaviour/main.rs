//! Scripts over real sockets: the test plays visitor and origin, the edge stands between.

#![allow(unreachable_pub, reason = "modules of one test binary")]

mod attacks;
mod balancing;
mod caching;
mod collapsing;
mod compression;
mod error_pages;
mod explaining;
mod frames;
mod framing;
mod front;
mod http2_conformance;
mod measures;
mod operation;
mod origin_names;
mod origin_tls;
mod origins;
mod outage;
mod prewarming;
mod proxied;
mod proxying;
mod purging;
mod ranges;
mod restart;
mod revalidation;
mod simulation;
mod strictness;
mod support;
mod tiers;
mod tls;
