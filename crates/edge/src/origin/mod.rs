//! Origins: chosen, connected to, pooled and driven by whoever uses them; requests written and answers read.

mod answer;
mod attempts;
mod checks;
mod condition;
mod connect;
mod connection;
mod entrance;
pub(crate) mod figures;
mod http2;
mod link;
mod ourselves;
mod pool;
mod repeats;
mod replay;
mod section;
mod senders;
mod stalls;
mod stream;
mod transfer;
mod upstream;

pub(crate) use answer::{AnswerHead, Asked, Framing};
pub(crate) use attempts::Attempts;
pub(crate) use checks::Checks;
pub(crate) use connect::{Connector, Versions};
pub(crate) use pool::{Lease, Origins, Sought};
pub(crate) use replay::Replay;
pub(crate) use stream::OriginStream;
pub(crate) use transfer::{Deadlines, Transfer, Waits, is_conversation};
pub(crate) use upstream::{Member, Upstream, UpstreamTable};
