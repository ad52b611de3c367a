//! Measures the vault with many certificates: how long a start takes, what it holds in memory, and how long a
//! first handshake waits for its certificate.
//!
//! `cargo run -p certificates --example vault -- fill FOLDER N` writes N certificates (each waited for: on a
//! disk this takes long, so fill a folder in memory and copy it), `… measure FOLDER N` opens them.

use certificates::{CertificateStore, LocalAuthority, Resolver, Source, Vault, Wanted, server_config};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConnection};
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use vocabulary::{AccountId, ManualClock, SeededRandom, SiteId, SitePattern, Timestamp};

/// As the binary's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// First handshakes measured.
const HANDSHAKES: u64 = 2_000;

#[allow(clippy::print_stderr, reason = "a measuring tool speaks to people")]
fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [verb, folder, count] = &arguments[..] else {
        eprintln!("usage: vault fill|measure FOLDER N");
        return Ok(());
    };
    let (folder, count) = (Path::new(folder), count.parse()?);
    if verb == "fill" { fill(folder, count) } else { measure(folder, count) }
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_795_348_800)
}

fn site(number: u64) -> SiteId {
    SiteId::from_bytes(u128::from(number).to_be_bytes())
}

fn host(number: u64) -> Result<SitePattern, Box<dyn Error>> {
    Ok(format!("customer-{number}.shop.test").parse()?)
}

fn fill(folder: &Path, count: u64) -> Result<(), Box<dyn Error>> {
    let authority = LocalAuthority::open(&folder.join("ca"), now())?;
    let made = (0..count).map(|number| {
        let hosts = [host(number)?];
        Ok((number, authority.issue_chain(&hosts, now())?.0, hosts))
    });
    let made = made.collect::<Result<Vec<_>, Box<dyn Error>>>()?;
    let vault = Vault::open(&folder.join("vault"))?;
    let store = CertificateStore::with_vault(authority, Arc::new(Resolver::new()), vault);
    for (number, chain, hosts) in made {
        store.upload(site(number), &hosts, &chain, now())?;
    }
    Ok(())
}

#[allow(clippy::disallowed_methods, clippy::print_stdout, reason = "a measuring tool")]
fn measure(folder: &Path, count: u64) -> Result<(), Box<dyn Error>> {
    let account = AccountId::from_bytes([1; 16]);
    let wanted = |number| -> Result<Wanted, Box<dyn Error>> {
        Ok(Wanted { site: site(number), account, hosts: vec![host(number)?], source: Source::Managed })
    };
    let sites = (0..count).map(wanted).collect::<Result<Vec<_>, _>>()?;
    let authority = LocalAuthority::open(&folder.join("ca"), now())?;
    let root = authority.certificate().clone();
    let (empty, began) = (resident()?, Instant::now());
    let vault = Vault::open(&folder.join("vault"))?;
    let opened = began.elapsed();
    let store = CertificateStore::with_vault(authority, Arc::new(Resolver::new()), vault);
    let failures = store.refresh(&sites, now()).failures.len();
    let started = began.elapsed();
    let held = resident()?.saturating_sub(empty);
    println!(
        "{count} certificates: vault opened in {opened:?}, names in force after {started:?} ({failures} failures)"
    );
    println!("memory: {held} KiB more than without, {} bytes for each", held * 1_024 / count.max(1));

    let config = Arc::new(server_config(Arc::clone(store.resolver()), Arc::new(ManualClock::at(now())))?);
    let random = SeededRandom::new(1);
    let (mut waits, mut shakes) = (Vec::new(), Vec::new());
    for _ in 0..HANDSHAKES {
        let name = host(random.below(count))?.to_string();
        let began = Instant::now();
        let found = store.resolver().knows(Some(&name));
        waits.push(began.elapsed());
        assert!(found, "{name}");
        let name = host(random.below(count))?.to_string();
        shakes.push(shake(&root, &config, &name)?);
    }
    println!("a certificate from disk: {}", spread(&mut waits));
    println!("a first handshake, both sides on one thread: {}", spread(&mut shakes));
    println!(
        "memory after {} of them: {} KiB more than without",
        2 * HANDSHAKES,
        resident()?.saturating_sub(empty)
    );
    Ok(())
}

fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |share: usize| times.get(times.len() * share / 1_000).copied().unwrap_or_default();
    format!("p50 {:?}, p99 {:?}, p99.9 {:?}", at(500), at(990), at(999))
}

/// KiB in memory.
fn resident() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.split_whitespace().next().ok_or("no number")?.parse()?)
}

#[allow(clippy::disallowed_methods, reason = "a measuring tool")]
fn shake(
    root: &rustls::pki_types::CertificateDer<'static>,
    config: &Arc<rustls::ServerConfig>,
    name: &str,
) -> Result<Duration, Box<dyn Error>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_details(provider, Arc::new(Then));
    let client =
        client.with_safe_default_protocol_versions()?.with_root_certificates(roots).with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from(name.to_owned())?)?;
    let mut server = ServerConnection::new(Arc::clone(config))?;
    let began = Instant::now();
    while client.is_handshaking() || server.is_handshaking() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes)?;
        }
        let mut from = bytes.as_slice();
        while !from.is_empty() {
            server.read_tls(&mut from)?;
            server.process_new_packets()?;
        }
        bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes)?;
        }
        let mut from = bytes.as_slice();
        while !from.is_empty() {
            client.read_tls(&mut from)?;
            client.process_new_packets()?;
        }
    }
    Ok(began.elapsed())
}

/// The instant that everything here is made for.
#[derive(Debug)]
struct Then;

impl rustls::time_provider::TimeProvider for Then {
    fn current_time(&self) -> Option<rustls::pki_types::UnixTime> {
        u64::try_from(now().as_secs())
            .ok()
            .map(|seconds| rustls::pki_types::UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}
