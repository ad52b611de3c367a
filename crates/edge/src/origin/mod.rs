//! Origins: connections made, pooled and driven through hyper's client, and content sent to them.

mod body;
mod connect;
mod connection;
mod pool;
mod stream;
mod transfer;

pub(crate) use body::OriginBody;
pub(crate) use connect::Connector;
pub(crate) use connection::Unanswered;
pub(crate) use pool::{Lease, Origins};
pub(crate) use stream::OriginStream;
pub(crate) use transfer::{ORIGIN_TIME_MAX, Transfer};
