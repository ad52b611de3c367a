//! The steps of an exchange, one file each. No stage knows another: `exchange.rs` alone leads from one to
//! the next.

pub(crate) mod admit;
pub(crate) mod approach;
pub(crate) mod board;
pub(crate) mod challenged;
pub(crate) mod close;
pub(crate) mod defend;
pub(crate) mod fetch;
pub(crate) mod follow;
pub(crate) mod identify;
pub(crate) mod keep;
pub(crate) mod learn;
pub(crate) mod look_up;
pub(crate) mod prove;
pub(crate) mod ranged;
pub(crate) mod record;
pub(crate) mod relay;
pub(crate) mod reply;
pub(crate) mod route;
pub(crate) mod slices;
pub(crate) mod stored;
pub(crate) mod tunnel;
pub(crate) mod warn;

/// The proof that later steps demand.
pub(crate) use admit::Admitted;
