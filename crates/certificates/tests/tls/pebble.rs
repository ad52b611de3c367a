//! Orders at a real authority: Debian's `pebble`, with `pebble-challtestsrv` for the DNS, both on free ports.

use crate::hosts;
use crate::store::wanted;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
use certificates::acme::{Binding, Directory, Keeper, Limits, Proof, Settings, Webhook};
use certificates::{CertificateStore, LocalAuthority, Provenance, Resolver, Source, Vault, server_config};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;
use vocabulary::{Clock, ManualClock, SeededRandom, Timestamp};
use zeroize::Zeroizing;

/// Everything waits this long at most: machines may be busy.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long it takes to listen at most, on a machine with much else to do.
const LISTENING: Duration = Duration::from_secs(20);

/// The key of an account that the authority knows already.
const BINDING_KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";

/// A process that ends with its test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The authority, its DNS, and where it looks for proofs.
struct Authority {
    directory: String,
    /// What its own HTTPS is signed by.
    roots: PathBuf,
    management: SocketAddr,
    dns_management: SocketAddr,
    _processes: [Process; 2],
}

/// Free a moment ago.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

fn run(command: &mut Command) -> Process {
    let started = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    Process(started.expect("pebble and pebble-challtestsrv are there; script/bootstrap installs them"))
}

impl Authority {
    /// A port that was free a moment ago may be another test's by now; then with others.
    async fn start(folder: &Path, front: &Front, bound: bool) -> Self {
        for _ in 0..5 {
            if let Some(started) = Self::start_on_free_ports(folder, front, bound).await {
                return started;
            }
        }
        panic!("pebble does not listen");
    }

    async fn start_on_free_ports(folder: &Path, front: &Front, bound: bool) -> Option<Self> {
        let (http, tls) = (front.http.port(), front.https.port());
        let (roots, chain, key) = own_chain(folder);
        let [port, management, dns, dns_management] = [(); 4].map(|()| free_port());
        let config = format!(
            r#"{{"pebble": {{"listenAddress": "127.0.0.1:{port}", "managementListenAddress": "127.0.0.1:{management}",
            "certificate": {chain:?}, "privateKey": {key:?}, "httpPort": {http}, "tlsPort": {tls},
            "externalAccountBindingRequired": {bound},
            "externalAccountMACKeys": {{"kid-1": "{BINDING_KEY}"}}}}}}"#
        );
        let path = folder.join("pebble.json");
        std::fs::write(&path, config).expect("written");
        let names = run(Command::new("pebble-challtestsrv")
            .args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-defaultIPv6", ""])
            .args([
                "-dns01",
                &format!("127.0.0.1:{dns}"),
                "-management",
                &format!("127.0.0.1:{dns_management}"),
            ]));
        let authority = run(Command::new("pebble")
            .args(["-config".as_ref(), path.as_os_str()])
            .args(["-dnsserver", &format!("127.0.0.1:{dns}")])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_AUTHZREUSE", "0"));
        let listening = async {
            for port in [port, management, dns_management] {
                while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        };
        tokio::time::timeout(LISTENING, listening).await.ok()?;
        Some(Self {
            directory: format!("https://127.0.0.1:{port}/dir"),
            roots,
            management: SocketAddr::from(([127, 0, 0, 1], management)),
            dns_management: SocketAddr::from(([127, 0, 0, 1], dns_management)),
            _processes: [names, authority],
        })
    }

    /// The root that what it issues goes back to.
    async fn issuing_root(&self) -> CertificateDer<'static> {
        let pem = CertificateDer::from_pem_file(&self.roots).expect("root");
        let stream = TcpStream::connect(self.management).await.expect("management");
        let mut stream = connector(pem).connect(name("127.0.0.1"), stream).await.expect("management");
        stream.write_all(b"GET /roots/0 HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n").await.expect("asked");
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        CertificateDer::from_pem_slice(&answer).expect("a root in PEM")
    }
}

fn own_chain(folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    let key = KeyPair::generate().expect("key");
    let mut params = CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let root = params.self_signed(&key).expect("root");
    let issuer = Issuer::new(params, key);
    let leaf_key = KeyPair::generate().expect("key");
    let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).expect("names");
    let leaf = leaf.signed_by(&leaf_key, &issuer).expect("leaf");
    let write = |name: &str, text: String| {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("written");
        path
    };
    (write("roots.pem", root.pem()), write("own.pem", leaf.pem()), write("own.key", leaf_key.serialize_pem()))
}

pub(crate) async fn until<F: Future<Output = bool>>(what: &str, is_so: impl Fn() -> F) {
    let waiting = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("in time: {what}"));
}

fn name(text: &str) -> ServerName<'static> {
    ServerName::try_from(text.to_owned()).expect("name")
}

fn connector(root: CertificateDer<'static>) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(root).expect("a root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    TlsConnector::from(Arc::new(
        config.expect("versions").with_root_certificates(roots).with_no_client_auth(),
    ))
}

#[allow(clippy::disallowed_methods, reason = "pebble's certificates begin now")]
pub(crate) fn today() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    // What is issued while the test goes on has begun by this clock, which stands still.
    Timestamp::from_secs(since.as_secs() as i64 + 3_600)
}

/// Sites with a front door that answers as an edge does.
pub(crate) struct Front {
    pub(crate) store: Arc<CertificateStore>,
    pub(crate) clock: Arc<ManualClock>,
    http: SocketAddr,
    https: SocketAddr,
    /// Whether proofs over HTTP are found.
    answers: Arc<AtomicBool>,
    stopping: CancellationToken,
    pub(crate) folder: tempfile::TempDir,
}

impl Front {
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().expect("folder");
        let clock = Arc::new(ManualClock::at(today()));
        let authority = LocalAuthority::open(&folder.path().join("ca"), clock.now()).expect("authority");
        let vault = Vault::open(&folder.path().join("vault")).expect("vault");
        let store =
            CertificateStore::with_vault(authority, Arc::new(Resolver::new()), vault).asking_authorities();
        let store = Arc::new(store);
        let (http, https) = (listener().await, listener().await);
        let front = Self {
            store: Arc::clone(&store),
            clock: Arc::clone(&clock),
            http: http.local_addr().expect("address"),
            https: https.local_addr().expect("address"),
            answers: Arc::new(AtomicBool::new(true)),
            stopping: CancellationToken::new(),
            folder,
        };
        tokio::spawn(plain(http, Arc::clone(&store), Arc::clone(&front.answers)));
        tokio::spawn(secured(https, store, clock));
        front
    }

    pub(crate) fn settings(&self, directories: &[&str], roots: &Path, proofs: &[Proof]) -> Settings {
        let directory = |url: &&str| Directory { url: (*url).to_owned(), binding: None };
        Settings {
            directories: directories.iter().map(directory).collect(),
            contact: vec!["mailto:ops@example.org".to_owned()],
            roots: Some(roots.to_owned()),
            proofs: proofs.to_vec(),
            webhook: None,
            limits: Limits::default(),
        }
    }

    /// Orders until the test ends.
    pub(crate) fn keep(&self, settings: Settings) -> CancellationToken {
        let stop = self.stopping.child_token();
        let memory = self.folder.path().join("acme.json");
        let random = Arc::new(SeededRandom::new(7));
        let keeper = Keeper::new(settings, Arc::clone(&self.store), self.clock.clone(), random, memory);
        tokio::spawn(keeper.expect("a keeper").run(stop.clone()));
        stop
    }

    pub(crate) fn want(&self, names: &[&str]) {
        let sites: Vec<_> =
            names.iter().zip(1..).map(|(name, id)| wanted(id, &[name], Source::Managed)).collect();
        self.store.refresh(&sites, self.clock.now());
    }

    pub(crate) fn end_of(&self, host: &str) -> Option<Timestamp> {
        let all = self.store.standings(self.clock.now());
        let one = all.into_iter().find(|one| one.host == hosts(&[host])[0])?;
        assert!(matches!(one.from, Provenance::Issued | Provenance::Missing), "{one:?}");
        one.not_after
    }

    /// The certificate that a visitor is shown, if it is one that it trusts.
    async fn shown(&self, root: &CertificateDer<'static>, host: &str) -> Option<CertificateDer<'static>> {
        let stream = TcpStream::connect(self.https).await.ok()?;
        let stream = connector(root.clone()).connect(name(host), stream).await.ok()?;
        stream.get_ref().1.peer_certificates()?.first().map(|first| first.clone().into_owned())
    }

    /// The clock jumps, and whoever waits for it looks.
    pub(crate) fn advance(&self, by: Duration) {
        self.clock.advance(by);
        self.store.refresh_again(self.clock.now());
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

pub(crate) async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.expect("a port")
}

async fn plain(listener: TcpListener, store: Arc<CertificateStore>, answers: Arc<AtomicBool>) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        let (store, answers) = (Arc::clone(&store), Arc::clone(&answers));
        tokio::spawn(async move {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") && stream.read_buf(&mut head).await.is_ok_and(|read| read > 0)
            {
            }
            let head = String::from_utf8(head).expect("text");
            let path = head.split(' ').nth(1).expect("a path");
            let host = head.lines().find_map(|line| line.strip_prefix("Host: ")).expect("a host");
            let host = host.split(':').next().expect("a name");
            let token = path.strip_prefix("/.well-known/acme-challenge/").expect("a proof is asked for");
            let text = store.resolver().board().response(host, token);
            let answer = match text.filter(|_| answers.load(Ordering::Relaxed)) {
                Some(text) => format!("HTTP/1.0 200 OK\r\n\r\n{text}"),
                None => "HTTP/1.0 404 Not Found\r\n\r\n".to_owned(),
            };
            let _ = stream.write_all(answer.as_bytes()).await;
        });
    }
}

async fn secured(listener: TcpListener, store: Arc<CertificateStore>, clock: Arc<ManualClock>) {
    let mut config = server_config(Arc::clone(store.resolver()), clock).expect("settings");
    config.alpn_protocols.push(certificates::ACME_TLS.to_vec());
    let acceptor = TlsAcceptor::from(Arc::new(config));
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.shutdown().await;
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_issued_used_and_renewed_while_the_one_before_serves() {
    let front = Front::open().await;
    let authority = Authority::start(front.folder.path(), &front, false).await;
    let root = authority.issuing_root().await;
    front.want(&["shop.example.org", "www.example.org"]);
    front.keep(front.settings(&[&authority.directory], &authority.roots, &[Proof::Http]));
    until("both are issued", || async {
        front.end_of("shop.example.org").is_some() && front.end_of("www.example.org").is_some()
    })
    .await;
    let first = front.shown(&root, "shop.example.org").await.expect("it is in use");
    assert!(front.shown(&root, "www.example.org").await.is_some());
    assert!(front.shown(&root, "other.example.org").await.is_none());

    // Two thirds of its life are over, and the proof is not found: the one that is there serves on.
    front.answers.store(false, Ordering::Relaxed);
    let life = front.end_of("shop.example.org").expect("an end").since(today());
    front.advance(life * 3 / 4);
    until("the renewal has failed", || async { trouble(&front, "shop.example.org").is_some() }).await;
    let told = trouble(&front, "shop.example.org").expect("a failure");
    assert!(told.contains("404") || told.contains("unauthorized"), "{told}");
    assert_eq!(front.shown(&root, "shop.example.org").await, Some(first.clone()), "the last good one");
    let expected = front.store.outlook().iter().find_map(|line| line.expected).expect("a time");
    assert!(expected > front.clock.now(), "it waits before it tries again");

    front.answers.store(true, Ordering::Relaxed);
    until("it is renewed", || async {
        front.advance(Duration::from_secs(60));
        front.shown(&root, "shop.example.org").await.is_some_and(|shown| shown != first)
    })
    .await;
    until("the trouble is over", || async { trouble(&front, "shop.example.org").is_none() }).await;
}

fn trouble(front: &Front, host: &str) -> Option<String> {
    let outlook = front.store.outlook();
    outlook.iter().find(|line| line.name == hosts(&[host])[0])?.trouble.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn where_one_authority_is_away_the_next_one_issues_and_a_handshake_is_the_proof() {
    let front = Front::open().await;
    let authority = Authority::start(front.folder.path(), &front, false).await;
    let away = format!("https://127.0.0.1:{}/dir", free_port());
    front.want(&["shop.example.org"]);
    front.keep(front.settings(&[&away, &authority.directory], &authority.roots, &[Proof::Tls]));
    until("it is issued", || async { front.end_of("shop.example.org").is_some() }).await;
    let root = authority.issuing_root().await;
    assert!(front.shown(&root, "shop.example.org").await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wildcard_is_proved_by_a_record_that_the_webhook_sets_on_a_bound_account() {
    let front = Front::open().await;
    let authority = Authority::start(front.folder.path(), &front, true).await;
    let hook = listener().await;
    let url = format!("http://{}/dns", hook.local_addr().expect("address"));
    let changes = Arc::new(AtomicUsize::new(0));
    tokio::spawn(webhook(hook, authority.dns_management, Arc::clone(&changes)));
    let mut settings = front.settings(&[&authority.directory], &authority.roots, &[Proof::Http, Proof::Dns]);
    let token = Some(Zeroizing::new("open sesame".to_owned()));
    settings.webhook = Some(Webhook { url, token, wait: Duration::ZERO });
    let key = URL_SAFE_NO_PAD.decode(BINDING_KEY).expect("base64");
    settings.directories[0].binding = Some(Binding { id: "kid-1".to_owned(), key: Zeroizing::new(key) });
    front.want(&["*.example.org"]);
    front.keep(settings);
    until("it is issued", || async { front.end_of("*.example.org").is_some() }).await;
    let root = authority.issuing_root().await;
    assert!(front.shown(&root, "any.example.org").await.is_some());
    assert_eq!(changes.load(Ordering::Relaxed), 2, "set, and taken away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_taken_away_even_where_setting_it_failed() {
    let front = Front::open().await;
    let authority = Authority::start(front.folder.path(), &front, false).await;
    let hook = listener().await;
    let url = format!("http://{}/dns", hook.local_addr().expect("address"));
    let cleanups = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&cleanups);
    tokio::spawn(async move {
        loop {
            let Ok((mut stream, _)) = hook.accept().await else { continue };
            let mut request = Vec::new();
            while !request.ends_with(b"}") && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {
            }
            let is_cleanup = String::from_utf8_lossy(&request).contains("cleanup");
            counted.fetch_add(usize::from(is_cleanup), Ordering::Relaxed);
            let status = if is_cleanup { "204 No Content" } else { "500 Internal Server Error" };
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    let mut settings = front.settings(&[&authority.directory], &authority.roots, &[Proof::Dns]);
    settings.webhook = Some(Webhook { url, token: None, wait: Duration::ZERO });
    front.want(&["shop.example.org"]);
    front.keep(settings);
    until("it is taken away", || async { cleanups.load(Ordering::Relaxed) > 0 }).await;
}

/// Sets TXT records in the authority's DNS, as an operator's program would.
async fn webhook(listener: TcpListener, dns: SocketAddr, changes: Arc<AtomicUsize>) {
    loop {
        let Ok((mut stream, _)) = listener.accept().await else { continue };
        let mut request = Vec::new();
        while !request.ends_with(b"}") && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0) {}
        let text = String::from_utf8(request).expect("text");
        assert!(text.to_ascii_lowercase().contains("authorization: bearer open sesame"), "{text}");
        let (_, body) = text.split_once("\r\n\r\n").expect("a body");
        let field = |name: &str| {
            let (_, rest) = body.split_once(&format!("\"{name}\":\"")).expect("a field");
            rest.split('"').next().expect("a value").to_owned()
        };
        let path = if field("action") == "present" { "set-txt" } else { "clear-txt" };
        let record = format!("{{\"host\":\"{}.\",\"value\":\"{}\"}}", field("name"), field("value"));
        let mut names = TcpStream::connect(dns).await.expect("the DNS");
        let asked = format!("POST /{path} HTTP/1.0\r\nContent-Length: {}\r\n\r\n{record}", record.len());
        names.write_all(asked.as_bytes()).await.expect("asked");
        let mut answer = Vec::new();
        let _ = names.read_to_end(&mut answer).await;
        assert!(String::from_utf8_lossy(&answer).contains("200 OK"));
        changes.fetch_add(1, Ordering::Relaxed);
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_and_its_certificates_outlive_the_process() {
    let front = Front::open().await;
    let authority = Authority::start(front.folder.path(), &front, false).await;
    front.want(&["shop.example.org"]);
    let settings = front.settings(&[&authority.directory], &authority.roots, &[Proof::Http]);
    let stop = front.keep(settings.clone());
    until("it is issued", || async { front.end_of("shop.example.org").is_some() }).await;
    stop.cancel();
    let end = front.end_of("shop.example.org");
    front.keep(settings);
    front.want(&["shop.example.org", "more.example.org"]);
    until("the next one is issued", || async { front.end_of("more.example.org").is_some() }).await;
    assert_eq!(front.end_of("shop.example.org"), end, "it was not ordered again");
}
