//! Scripts over real sockets: the test plays visitor and origin, the edge stands between.

#![allow(unreachable_pub, reason = "modules of one test binary")]
#![allow(clippy::panic, reason = "a test says what went wrong by failing")]

mod admission;
mod attacks;
mod balancing;
mod blocks;
mod browsers;
mod caching;
mod calls;
mod client_certificates;
mod collapsing;
mod compression;
mod crawlers;
mod error_pages;
mod explaining;
mod fingerprints;
mod frames;
mod framing;
mod front;
mod front_guards;
mod graduated;
mod handover;
mod http2_conformance;
mod http2_origin;
mod http2_origins;
mod http3;
mod http3_frames;
mod measures;
mod operation;
mod origin_names;
mod origin_tls;
mod origins;
mod outage;
mod prewarming;
mod protocols;
mod proxied;
mod proxying;
mod purging;
mod quic;
mod ranges;
mod restart;
mod revalidation;
mod shield;
mod simulation;
mod strictness;
mod support;
mod tiers;
mod tls;
mod websocket;
