//! Fakes, scripts and recording peers for tests.
//!
//! A [`Peer`] is one end of a connection that a test holds in its hand: it sends exact bytes and reads exact
//! bytes, so that a test of HTTP behaviour is a script with a visitor's side and an origin's side, in one
//! sequence. Waiting for bytes is the only barrier; nothing sleeps.
//!
//! Everything here panics when something other than the script happens: it serves tests only.

#![allow(clippy::panic, clippy::missing_panics_doc, reason = "a test that leaves its script fails there")]

mod heard;
mod mail_sink;
mod name_server;
mod origin;
mod patience;
mod peer;
mod recording;
mod recording_http2;
mod responder;

pub use heard::{Heard, Reading};
pub use mail_sink::{MailRules, MailSink, TakenMail};
pub use name_server::{NameServer, Named};
pub use origin::Origin;
pub use peer::{Head, Peer};
pub use recording::RecordingOrigin;
pub use recording_http2::RecordingHttp2Origin;
pub use responder::Responder;
