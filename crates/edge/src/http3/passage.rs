//! The way from the process that reads a socket to the one that has it no longer and whose connections go on.
//!
//! A pair of Unix sockets that keep messages apart (`SOCK_SEQPACKET`, unix(7)). A message is what one read of the UDP
//! socket gave, behind who sent it to where: all that an endpoint wants to know of it.

use super::connection_ids::Owner;
use super::listen::SYSTEM_BYTES;
use super::socket::Elsewhere;
use quinn::udp::{EcnCodepoint, RecvMeta};
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{self, ErrorKind, IoSlice, IoSliceMut, Read as _};
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::task::{Context, Poll, ready};
use tokio::io::Interest;
use tokio::net::UnixDatagram;

/// What stands in front of the datagrams: ECN, sender (family, address, port, scope), own address (family, address) and
/// the length of each.
const FRONT_BYTES: usize = 45;

/// One end of the way.
#[derive(Debug)]
pub(crate) struct Passage(Socket);

impl Passage {
    /// Both ends of a new one.
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let (near, far) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None)?;
        for end in [&near, &far] {
            end.set_nonblocking(true)?;
            // More room is better, and less serves too.
            let _ = end.set_send_buffer_size(SYSTEM_BYTES);
        }
        Ok((Self(near), Self(far)))
    }
}

impl From<OwnedFd> for Passage {
    fn from(descriptor: OwnedFd) -> Self {
        Self(Socket::from(descriptor))
    }
}

impl From<Passage> for OwnedFd {
    fn from(passage: Passage) -> Self {
        passage.0.into()
    }
}

impl Elsewhere for Passage {
    fn forward(&self, _: Owner, datagrams: &[u8], meta: &RecvMeta) -> bool {
        let front = front_of(meta);
        match self.0.send_vectored(&[IoSlice::new(&front), IoSlice::new(datagrams)]) {
            // One that there is no room for is lost, as on any network.
            Ok(_) => true,
            Err(error) => !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset),
        }
    }

    fn is_there(&self) -> bool {
        // Nothing is ever sent this way, so what there is to read is the end.
        match self.0.peek(&mut [MaybeUninit::uninit()]) {
            Ok(length) => length > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}

/// The end that datagrams come out of. Made on the runtime that reads it.
///
/// tokio has no type of its own for these sockets; its readiness and the calls are those of one that keeps datagrams apart.
#[derive(Debug)]
pub(super) struct Inflow(UnixDatagram);

impl Inflow {
    pub(super) fn new(passage: Passage) -> io::Result<Self> {
        UnixDatagram::from_std(OwnedFd::from(passage).into()).map(Self)
    }

    /// One message; `false` once the other end is gone.
    pub(super) fn poll_recv(
        &self,
        cx: &mut Context<'_>,
        buffer: &mut IoSliceMut<'_>,
        meta: &mut RecvMeta,
    ) -> Poll<io::Result<bool>> {
        loop {
            ready!(self.0.poll_recv_ready(cx))?;
            let mut front = [0; FRONT_BYTES];
            let received = self.0.try_io(Interest::READABLE, || {
                let mut slices = [IoSliceMut::new(&mut front), IoSliceMut::new(buffer)];
                (&*SockRef::from(&self.0)).read_vectored(&mut slices)
            });
            let length = match received {
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
                length => length?,
            };
            if length == 0 {
                return Poll::Ready(Ok(false));
            }
            // The other end is the same program's; what it did not write is passed over all the same.
            *meta = match length.checked_sub(FRONT_BYTES).and_then(|length| meta_of(&front, length)) {
                Some(meta) => meta,
                None => continue,
            };
            return Poll::Ready(Ok(true));
        }
    }
}

fn front_of(meta: &RecvMeta) -> [u8; FRONT_BYTES] {
    let mut front = [0; FRONT_BYTES];
    front[0] = meta.ecn.map_or(0, |ecn| ecn as u8);
    [front[1], front[24]] = [family(Some(meta.addr.ip())), family(meta.dst_ip)];
    front[2..18].copy_from_slice(&octets(Some(meta.addr.ip())));
    front[18..20].copy_from_slice(&meta.addr.port().to_be_bytes());
    let scope = if let SocketAddr::V6(address) = meta.addr { address.scope_id() } else { 0 };
    front[20..24].copy_from_slice(&scope.to_be_bytes());
    front[25..41].copy_from_slice(&octets(meta.dst_ip));
    front[41..].copy_from_slice(&u32::try_from(meta.stride).unwrap_or(u32::MAX).to_be_bytes());
    front
}

fn meta_of(front: &[u8; FRONT_BYTES], len: usize) -> Option<RecvMeta> {
    let ip = |at: usize| {
        let octets: [u8; 16] = front[at + 1..at + 17].try_into().ok()?;
        let [a, b, c, d, ..] = octets;
        match front[at] {
            4 => Some(IpAddr::from(Ipv4Addr::new(a, b, c, d))),
            6 => Some(IpAddr::from(Ipv6Addr::from(octets))),
            _ => None,
        }
    };
    let number = |at: usize| Some(u32::from_be_bytes(front[at..at + 4].try_into().ok()?));
    let port = u16::from_be_bytes([front[18], front[19]]);
    let addr = match ip(1)? {
        IpAddr::V4(ip) => SocketAddr::from((ip, port)),
        IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, number(20)?).into(),
    };
    let stride = usize::try_from(number(41)?).ok()?;
    let mut meta = RecvMeta::default();
    (meta.addr, meta.len, meta.stride, meta.dst_ip) = (addr, len, stride, ip(24));
    meta.ecn = EcnCodepoint::from_bits(front[0]);
    Some(meta)
}

fn family(ip: Option<IpAddr>) -> u8 {
    match ip {
        None => 0,
        Some(IpAddr::V4(_)) => 4,
        Some(IpAddr::V6(_)) => 6,
    }
}

fn octets(ip: Option<IpAddr>) -> [u8; 16] {
    match ip {
        None => [0; 16],
        Some(IpAddr::V4(ip)) => {
            let [a, b, c, d] = ip.octets();
            [a, b, c, d, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        }
        Some(IpAddr::V6(ip)) => ip.octets(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;

    fn meta(addr: &str, dst_ip: Option<&str>, ecn: u8, stride: usize) -> RecvMeta {
        let mut meta = RecvMeta::default();
        (meta.addr, meta.stride) = (addr.parse().expect("an address"), stride);
        meta.dst_ip = dst_ip.map(|ip| ip.parse().expect("an address"));
        meta.ecn = EcnCodepoint::from_bits(ecn);
        meta
    }

    #[tokio::test]
    async fn what_goes_in_comes_out_with_all_that_was_known_of_it() {
        let (near, far) = Passage::pair().expect("a pair");
        let inflow = Inflow::new(near).expect("a runtime");
        let (mut memory, mut got) = (vec![0; 65_536], RecvMeta::default());
        let owner = Owner { generation: 1, worker: 0 };
        let rows = [
            (meta("192.0.2.1:443", Some("198.51.100.7"), 0b11, 1200), vec![1; 3000]),
            (meta("[fe80::1%7]:9", Some("2001:db8::1"), 0b10, 1452), vec![2; 65_000]),
            (meta("[2001:db8::2]:65535", None, 0, 30), vec![3; 30]),
        ];
        for (meta, bytes) in rows {
            assert!(far.forward(owner, &bytes, &meta));
            let mut buffer = IoSliceMut::new(&mut memory);
            assert!(poll_fn(|cx| inflow.poll_recv(cx, &mut buffer, &mut got)).await.expect("received"));
            let told = |meta: &RecvMeta| (meta.addr, meta.stride, meta.ecn, meta.dst_ip);
            assert_eq!((told(&got), &memory[..got.len]), (told(&meta), &bytes[..]));
        }
        drop(far);
        let mut buffer = IoSliceMut::new(&mut memory);
        assert!(!poll_fn(|cx| inflow.poll_recv(cx, &mut buffer, &mut got)).await.expect("an end"));
    }

    #[test]
    fn what_nobody_takes_is_lost_and_an_end_without_another_says_so() {
        let (near, far) = Passage::pair().expect("a pair");
        let meta = meta("192.0.2.1:443", None, 0, 1200);
        let owner = Owner { generation: 1, worker: 0 };
        assert!((0..10_000).all(|_| far.forward(owner, &[0; 1200], &meta)), "it never waits");
        assert!(far.is_there());
        drop(near);
        assert!(!far.forward(owner, &[0; 1200], &meta) && !far.is_there());
    }
}
