//! A small DNS server whose answers a test sets (RFC 1035, UDP alone).

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

const A: u16 = 1;
const CNAME: u16 = 5;
const PTR: u16 = 12;
const TXT: u16 = 16;
const AAAA: u16 = 28;
/// A response, authoritative, recursion asked for and available.
const FLAGS: u16 = 0x8580;
const SERVFAIL: u16 = 2;
const NXDOMAIN: u16 = 3;

/// What a name server says of one name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// These addresses, for so many seconds.
    Addresses(Vec<IpAddr>, u32),
    /// These texts, of at most 255 bytes each.
    Texts(Vec<String>),
    /// That it is another name for this one.
    Alias(String),
    /// That the address it stands for has these names.
    Names(Vec<String>),
    /// That it does not exist.
    Absent,
    /// That it cannot tell.
    Failing,
    /// Nothing.
    Mute,
}

/// A running name server; it ends when dropped. What it was not told is absent.
pub struct NameServer {
    address: SocketAddr,
    zone: Arc<Zone>,
    running: JoinHandle<()>,
}

#[derive(Default)]
struct Zone {
    names: Mutex<HashMap<String, Named>>,
    questions: Mutex<Vec<String>>,
}

impl NameServer {
    /// Listens on a free port of loopback.
    pub async fn start() -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let socket = socket.unwrap_or_else(|error| panic!("cannot listen: {error}"));
        let address = socket.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let zone = Arc::<Zone>::default();
        let running = tokio::spawn(serve(socket, Arc::clone(&zone)));
        Self { address, zone, running }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it says of a name from here on.
    pub fn say(&self, name: &str, named: Named) {
        locked(&self.zone.names).insert(name.to_owned(), named);
    }

    /// How often it was asked for addresses of IPv4 of a name.
    pub fn questions(&self, name: &str) -> usize {
        locked(&self.zone.questions).iter().filter(|asked| *asked == name).count()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.running.abort();
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn serve(socket: UdpSocket, zone: Arc<Zone>) {
    let mut buffer = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        if let Some(answer) = zone.answer(&buffer[..length]) {
            let _ = socket.send_to(&answer, from).await;
        }
    }
}

impl Zone {
    fn answer(&self, query: &[u8]) -> Option<Vec<u8>> {
        let (name, end) = question(query)?;
        let kind = u16::from_be_bytes([*query.get(end)?, *query.get(end + 1)?]);
        if kind == A {
            locked(&self.questions).push(name.clone());
        }
        let named = locked(&self.names).get(&name).cloned().unwrap_or(Named::Absent);
        let (code, ttl) = match &named {
            Named::Addresses(_, ttl) => (0, *ttl),
            Named::Texts(_) | Named::Alias(_) | Named::Names(_) => (0, 1),
            Named::Absent => (NXDOMAIN, 0),
            Named::Failing => (SERVFAIL, 0),
            Named::Mute => return None,
        };
        let records = contents(&named, kind);
        let mut answer = query.get(..2)?.to_vec();
        let count = u16::try_from(records.len()).ok()?;
        for number in [FLAGS | code, 1, count, 0, 0] {
            answer.extend_from_slice(&number.to_be_bytes());
        }
        answer.extend_from_slice(query.get(12..end + 4)?);
        for content in records {
            // The question's name, class IN.
            answer.extend_from_slice(&[0xc0, 12]);
            answer.extend_from_slice(&kind.to_be_bytes());
            answer.extend_from_slice(&[0, 1]);
            answer.extend_from_slice(&ttl.to_be_bytes());
            answer.extend_from_slice(&u16::try_from(content.len()).ok()?.to_be_bytes());
            answer.extend_from_slice(&content);
        }
        Some(answer)
    }
}

/// The contents of a name's records of one type.
fn contents(named: &Named, kind: u16) -> Vec<Vec<u8>> {
    let name = |name: &str| -> Vec<u8> {
        let labels = name.split('.').filter(|label| !label.is_empty());
        labels.flat_map(counted).chain([0]).collect()
    };
    match (named, kind) {
        (Named::Addresses(addresses, _), A | AAAA) => {
            let of_kind = addresses.iter().filter(|address| address.is_ipv4() == (kind == A));
            let octets = |address: &IpAddr| match address {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            of_kind.map(octets).collect()
        }
        (Named::Texts(texts), TXT) => texts.iter().map(|text| counted(text)).collect(),
        (Named::Alias(target), CNAME) => vec![name(target)],
        (Named::Names(names), PTR) => names.iter().map(|target| name(target)).collect(),
        _ => Vec::new(),
    }
}

/// A text behind its length.
fn counted(text: &str) -> Vec<u8> {
    let length = u8::try_from(text.len()).unwrap_or(u8::MAX);
    std::iter::once(length).chain(text.bytes().take(length.into())).collect()
}

/// The name that is asked for, without the root's dot, and where its type begins.
fn question(query: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 12);
    loop {
        let length = usize::from(*query.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(query.get(at..at + length)?).to_lowercase());
        at += length;
    }
}
