//! Origins: connections made, pooled and driven by whoever uses them, requests written and answers read.

mod answer;
mod connect;
mod connection;
mod pool;
mod stream;
mod transfer;

pub(crate) use answer::{AnswerHead, Asked, Framing};
pub(crate) use connect::Connector;
pub(crate) use pool::{Lease, Origins};
pub(crate) use stream::OriginStream;
pub(crate) use transfer::{ORIGIN_TIME_MAX, Transfer};
