//! Connections that the target still holds, as the kernel sees them: a client cannot know it of a connection that it
//! hardly reads.

use std::collections::HashSet;
use std::net::SocketAddr;

/// How many of our connections to this port are established on the target's side. None where there is no
/// `/proc/net/tcp`.
pub(super) fn held(port: u16, ours: &HashSet<SocketAddr>) -> Option<usize> {
    let text = std::fs::read_to_string("/proc/net/tcp").ok()?;
    let count = text.lines().skip(1).filter(|line| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        let (own, other, state) = (columns.next(), columns.next(), columns.next());
        let is_target = own.and_then(endpoint).is_some_and(|own| own.port() == port);
        is_target
            && state == Some("01")
            && other.and_then(endpoint).is_some_and(|other| ours.contains(&other))
    });
    Some(count.count())
}

/// `0100007F:1F90`: the address as the machine keeps it, and the port.
fn endpoint(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let address = u32::from_str_radix(address, 16).ok()?.to_ne_bytes();
    Some((address, u16::from_str_radix(port, 16).ok()?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_addresses_are_read() {
        let text = format!("{:08X}:1F90", u32::from_ne_bytes([127, 16, 0, 9]));
        assert_eq!(endpoint(&text), Some(([127, 16, 0, 9], 8080).into()));
        assert_eq!(endpoint("x"), None);
    }
}
