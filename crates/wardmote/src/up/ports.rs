//! Are the addresses free? Asked before anything else is opened, so that the answer names them all.

use std::io;
use std::net::{SocketAddr, TcpListener};

/// One address that something wants to listen on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted {
    /// The setting that says so.
    pub(super) key: &'static str,
    pub(super) address: SocketAddr,
}

/// Checks every address, and says for each that cannot be had why, and what to do.
pub(super) fn check(wanted: &[Wanted]) -> Result<(), String> {
    let problems: Vec<String> =
        wanted.iter().filter_map(|one| bind(one.address).err().map(|error| problem(one, &error))).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}

/// Binds and lets go. Without SO_REUSEPORT, so that a second Wardmote is noticed too.
pub(super) fn bind(address: SocketAddr) -> io::Result<()> {
    TcpListener::bind(address).map(drop)
}

fn problem(wanted: &Wanted, error: &io::Error) -> String {
    let Wanted { key, address } = wanted;
    let port = address.port();
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "{address} is in use by another program (`ss -ltnp 'sport = :{port}'` names it); \
             stop that one, or set {key} to another port"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "{address} may not be bound by this user; set {key} to a port from 1024 up, \
             or allow it: setcap cap_net_bind_service=+ep on the wardmote binary"
        ),
        io::ErrorKind::AddrNotAvailable => {
            format!("{address} is no address of this machine; `ip address` lists them; mend {key}")
        }
        _ => format!("{address} cannot be bound: {error}; mend {key}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_address_that_cannot_be_had_is_named_with_its_key() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let taken = Wanted { key: "edge.http", address: taken.local_addr().unwrap() }.hold(taken);
        let foreign = Wanted { key: "edge.https", address: "192.0.2.1:8443".parse().unwrap() };
        let free = Wanted { key: "control.listen", address: "127.0.0.1:0".parse().unwrap() };
        let said = check(&[taken.0, foreign, free]).unwrap_err();
        assert_eq!(said.lines().count(), 2, "{said}");
        assert!(said.contains("set edge.http to another port"), "{said}");
        assert!(said.contains("192.0.2.1:8443 is no address of this machine"), "{said}");
        assert_eq!(check(&[free]), Ok(()));
    }

    impl Wanted {
        fn hold(self, listener: TcpListener) -> (Self, TcpListener) {
            (self, listener)
        }
    }
}
