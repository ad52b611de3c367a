//! Sockets that a service manager has opened (socket activation, `sd_listen_fds(3)`): `LISTEN_PID`, `LISTEN_FDS`.
//!
//! The descriptors are taken by `pidfd_getfd` from the process itself: a number from the environment is no proof that
//! nobody else in this process owns it, and a copy does no harm where somebody does.

use edge::{Datagrams, Inherited};
use rustix::net::SocketType;
use rustix::net::sockopt::socket_type;
use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};
use std::io;
use std::net::{TcpListener, UdpSocket};

/// The first descriptor.
const FIRST: i32 = 3;
/// Descriptors that are looked at.
const SOCKETS_MAX: i32 = 256;

/// The sockets that were opened for this process; none where it was started otherwise.
pub(super) fn sockets() -> io::Result<Inherited> {
    let number = |name: &str| std::env::var_os(name)?.to_str()?.parse::<i32>().ok();
    let own = getpid();
    let count = match (number("LISTEN_PID"), number("LISTEN_FDS")) {
        (Some(pid), Some(count)) if pid == own.as_raw_nonzero().get() => count.clamp(0, SOCKETS_MAX),
        _ => return Ok(Inherited::default()),
    };
    let process = pidfd_open(own, PidfdFlags::empty())?;
    let (mut listeners, mut datagrams) = (Vec::new(), Vec::new());
    for descriptor in FIRST..FIRST + count {
        let socket = pidfd_getfd(&process, descriptor, PidfdGetfdFlags::empty())?;
        match socket_type(&socket)? {
            SocketType::STREAM => listeners.push(TcpListener::from(socket)),
            SocketType::DGRAM => {
                datagrams.push(Datagrams { socket: UdpSocket::from(socket), before: None });
            }
            // Nothing here speaks over another kind.
            _ => {}
        }
    }
    Ok(Inherited::new(listeners, datagrams))
}
