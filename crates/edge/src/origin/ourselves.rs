//! Whether an address is one that this edge listens on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// Any port will do: nothing is sent.
const DISCARD: u16 = 9;

/// Where this edge listens for visitors, and what else of its process is no origin.
pub(crate) struct Ourselves {
    listening: Vec<SocketAddr>,
}

impl Ourselves {
    pub(crate) fn at(listening: Vec<SocketAddr>) -> Self {
        Self { listening }
    }

    /// Whether a connection to this address would come in here. An edge that listens on all addresses is asked
    /// for by any of the machine's own.
    pub(crate) fn is(&self, address: SocketAddr) -> bool {
        let ip = address.ip().to_canonical();
        let mut at_port = self.listening.iter().filter(|own| own.port() == address.port());
        at_port.any(|own| {
            let own = own.ip().to_canonical();
            own == ip || ip.is_unspecified() || (own.is_unspecified() && is_this_machine(ip))
        })
    }
}

/// What goes to an address of the machine's own comes from that very address; nothing is sent to find that out. That
/// an address can be bound says less: some machines are set up to bind any (`ip_nonlocal_bind`).
fn is_this_machine(ip: IpAddr) -> bool {
    let any = match ip {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let source = || {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((ip, DISCARD)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    };
    ip.is_loopback() || source() == Some(ip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_knows_its_own_addresses() {
        let at = |text: &str| -> SocketAddr { text.parse().expect("an address") };
        for (listening, address, is) in [
            ("192.0.2.1:80", "192.0.2.1:80", true),
            ("192.0.2.1:80", "192.0.2.1:81", false),
            ("192.0.2.1:80", "192.0.2.2:80", false),
            ("192.0.2.1:80", "[::ffff:192.0.2.1]:80", true),
            ("0.0.0.0:80", "127.0.0.1:80", true),
            ("0.0.0.0:80", "127.9.9.9:80", true),
            ("[::]:80", "127.0.0.1:80", true),
            ("[::]:80", "203.0.113.77:80", false),
            ("127.0.0.1:80", "0.0.0.0:80", true),
        ] {
            assert_eq!(Ourselves::at(vec![at(listening)]).is(at(address)), is, "{listening} {address}");
        }
    }
}
