//! TLS to origins, and what shows them that a request comes by way of the edge.

use crate::http2_origin::Http2Origin;
use crate::support::{HOST, Stage, get};
use h2::server::Builder;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use snapshot::{CertificateFiles, OriginProtocol, OriginSecret, Scheme, Site, Trusted};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use testkit::{Origin, Peer, Responder};
use tokio_rustls::TlsAcceptor;
use vocabulary::{Digest, Hostname};

const WELL: &str = "HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n\r\nhi";

/// An authority of a test's own, with a folder for its files.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: tempfile::TempDir,
}

/// A certificate with its key.
pub struct Signed {
    pub certificate: rcgen::Certificate,
    pub key: KeyPair,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer =
            CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("ca.pem"), issuer.pem()).expect("written");
        Self { issuer, folder }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for a name, valid from one year to another.
    pub fn sign(&self, name: &str, years: (i32, i32)) -> Signed {
        self.sign_for(&[name], years)
    }

    /// The same for several names.
    pub fn sign_for(&self, names: &[&str], years: (i32, i32)) -> Signed {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        (params.not_before, params.not_after) = (date_time_ymd(years.0, 1, 1), date_time_ymd(years.1, 1, 1));
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().expect("a key");
        Signed { certificate: params.signed_by(&key, &self.issuer).expect("signed"), key }
    }
}

impl Signed {
    /// Files as a site names them.
    pub fn files(&self, folder: &Path) -> CertificateFiles {
        let (chain, key) = (folder.join("edge.pem"), folder.join("edge.key"));
        std::fs::write(&chain, self.certificate.pem()).expect("written");
        std::fs::write(&key, self.key.serialize_pem()).expect("written");
        CertificateFiles { chain, key }
    }

    /// An origin that shows it; `clients`: who is let in.
    pub fn server(&self, clients: Option<&Authority>) -> Arc<ServerConfig> {
        let builder =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions");
        let builder = match clients {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.issuer.der().clone()).expect("a root");
                let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
                builder.with_client_cert_verifier(verifier.expect("a verifier"))
            }
        };
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).expect("a key");
        let config = builder.with_single_cert(vec![self.certificate.der().clone()], key);
        Arc::new(config.expect("settings"))
    }
}

async fn stage(origin: &Responder, set: impl FnOnce(&mut Site)) -> Stage {
    let port = origin.address().port();
    let site = |site: &mut Site| {
        (site.origins[0].scheme, site.origins[0].port) = (Scheme::Https, port);
        set(site);
    };
    Stage::set_with(|_| {}, site).await
}

fn name(text: &str) -> Option<Hostname> {
    Some(Hostname::parse(text).expect("a name"))
}

/// The status a visitor gets, and the page's text.
async fn asked(stage: &Stage) -> (u16, String) {
    let (head, body) = stage.ask(&get("/")).await;
    (head.status(), String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn an_origin_is_believed_only_with_a_certificate_of_the_right_name_authority_and_time() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for (what, signed, trusted, status) in [
        ("a good one", ours.sign("inner.test", (2020, 2040)), ours.file(), 200),
        ("another name", ours.sign("other.test", (2020, 2040)), ours.file(), 502),
        ("another authority", theirs.sign("inner.test", (2020, 2040)), ours.file(), 502),
        ("out of date", ours.sign("inner.test", (2020, 2021)), ours.file(), 502),
        ("not yet", ours.sign("inner.test", (2039, 2040)), ours.file(), 502),
        ("no such file", ours.sign("inner.test", (2020, 2040)), ours.path("none.pem"), 502),
    ] {
        let origin = Responder::secured(signed.server(None), WELL).await;
        let stage = stage(&origin, |site| {
            site.origin_policy.tls.trust = Trusted::Authorities(trusted);
            site.origin_policy.tls.server_name = name("inner.test");
        })
        .await;
        let (got, page) = asked(&stage).await;
        assert_eq!(got, status, "{what}");
        assert!(status == 200 || page.contains("origin-tls"), "{what}: {page}");
        assert_eq!(
            origin.count(),
            usize::from(status == 200),
            "{what}: nothing is sent to who is not believed"
        );
    }
}

/// An origin that speaks these protocols over TLS.
fn speaking(signed: &Signed, protocols: &[&str]) -> TlsAcceptor {
    let mut config = ServerConfig::clone(&signed.server(None));
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn the_handshake_settles_which_version_of_http_is_spoken_within_what_the_site_sets() {
    use OriginProtocol::{Auto, Http1, Http2};
    let ours = Authority::new();
    let signed = ours.sign("inner.test", (2020, 2040));
    for (protocol, spoken, chosen) in [
        (Auto, vec!["h2", "http/1.1"], Some("h2")),
        (Auto, vec!["http/1.1"], Some("http/1.1")),
        (Auto, vec!["h2"], Some("h2")),
        (Auto, vec![], None),
        (Http1, vec!["h2", "http/1.1"], Some("http/1.1")),
        (Http2, vec!["http/1.1", "h2"], Some("h2")),
    ] {
        let stage = Stage::set_with(
            |_| {},
            |site| {
                (site.origins[0].scheme, site.origins[0].protocol) = (Scheme::Https, protocol);
                site.origin_policy.tls.trust = Trusted::Authorities(ours.file());
                site.origin_policy.tls.server_name = name("inner.test");
            },
        )
        .await;
        let mut visitor = stage.visit().await;
        visitor.send(get("/")).await;
        let stream = stage.origin.accept_stream().await;
        let stream = speaking(&signed, &spoken).accept(stream).await.expect("a handshake");
        let settled = stream.get_ref().1.alpn_protocol().map(|it| String::from_utf8_lossy(it).into_owned());
        assert_eq!(settled.as_deref(), chosen, "{protocol:?} {spoken:?}");
        if chosen == Some("h2") {
            let mut origin = Http2Origin::over(stream, &Builder::new()).await;
            let asked = origin.asked().await;
            assert_eq!(asked.head.uri().scheme_str(), Some("https"));
            let head = http::Response::builder().header("content-length", 2).body(()).expect("a head");
            asked.say(head, "hi");
            assert_eq!(visitor.head().await.status(), 200);
        } else {
            let mut origin = Peer::over(stream);
            assert_eq!(origin.head().await.line(), "GET / HTTP/1.1");
            origin.send(WELL).await;
            assert_eq!(visitor.head().await.status(), 200);
        }
    }
}

#[tokio::test]
async fn an_origin_that_must_speak_http_2_and_does_not_is_not_asked() {
    let ours = Authority::new();
    let signed = ours.sign("inner.test", (2020, 2040));
    // The second knows nothing of ALPN.
    for spoken in [vec!["http/1.1"], vec![]] {
        let origin = Origin::listen().await;
        let port = origin.address().port();
        let stage = Stage::set_with(
            |_| {},
            |site| {
                (site.origins[0].scheme, site.origins[0].port) = (Scheme::Https, port);
                site.origins[0].protocol = OriginProtocol::Http2;
                site.origin_policy.tls.trust = Trusted::Authorities(ours.file());
                site.origin_policy.tls.server_name = name("inner.test");
            },
        )
        .await;
        let acceptor = speaking(&signed, &spoken);
        let accepting = async {
            if let Ok(stream) = acceptor.accept(origin.accept_stream().await).await {
                Peer::over(stream).closed().await;
            }
        };
        let ((status, page), ()) = tokio::join!(asked(&stage), accepting);
        assert!(status == 502 && page.contains("origin-tls"), "{status} {page}");
    }
}

#[tokio::test]
async fn visitors_who_come_at_once_wait_for_one_handshake_and_share_its_connection() {
    let ours = Authority::new();
    let acceptor = speaking(&ours.sign("inner.test", (2020, 2040)), &["h2"]);
    let stage = Stage::set_with(
        |_| {},
        |site| {
            site.origins[0].scheme = Scheme::Https;
            site.origin_policy.tls.trust = Trusted::Authorities(ours.file());
            site.origin_policy.tls.server_name = name("inner.test");
        },
    )
    .await;
    let mut visitors = Vec::new();
    for number in 0..20 {
        let mut visitor = stage.visit().await;
        visitor.send(get(&format!("/{number}"))).await;
        visitors.push(visitor);
    }
    let stream = acceptor.accept(stage.origin.accept_stream().await).await.expect("a handshake");
    let mut origin = Http2Origin::over(stream, &Builder::new()).await;
    for _ in 0..visitors.len() {
        let head = http::Response::builder().header("content-length", 2).body(()).expect("a head");
        origin.asked().await.say(head, "hi");
    }
    for visitor in &mut visitors {
        assert_eq!(visitor.head().await.status(), 200);
    }
    assert!(!stage.origin.is_called().await);
}

#[tokio::test]
async fn the_system_knows_no_authority_of_a_test() {
    let ours = Authority::new();
    let origin = Responder::secured(ours.sign("inner.test", (2020, 2040)).server(None), WELL).await;
    let stage = stage(&origin, |site| site.origin_policy.tls.server_name = name("inner.test")).await;
    assert_eq!(asked(&stage).await.0, 502);
    assert_eq!(origin.count(), 0);
}

#[tokio::test]
async fn an_origins_own_server_name_goes_before_the_sites() {
    let ours = Authority::new();
    let origin = Responder::secured(ours.sign("one.test", (2020, 2040)).server(None), WELL).await;
    let stage = stage(&origin, |site| {
        site.origin_policy.tls.trust = Trusted::Authorities(ours.file());
        site.origin_policy.tls.server_name = name("inner.test");
        site.origins[0].server_name = name("one.test");
    })
    .await;
    assert_eq!(asked(&stage).await.0, 200);
    assert_eq!(origin.server_names(), [Some("one.test".to_owned())]);
}

#[tokio::test]
async fn a_pinned_certificate_is_believed_whoever_signed_it_and_no_other_is() {
    let ours = Authority::new();
    let (pinned, other) = (ours.sign("whoever.test", (2020, 2021)), ours.sign("whoever.test", (2020, 2021)));
    let pin = Digest::of(pinned.certificate.der());
    for (signed, status) in [(&pinned, 200), (&other, 502)] {
        let origin = Responder::secured(signed.server(None), WELL).await;
        let stage = stage(&origin, |site| site.origin_policy.tls.trust = Trusted::Pinned(vec![pin])).await;
        assert_eq!(asked(&stage).await.0, status);
    }
}

#[tokio::test]
async fn a_site_may_have_its_origins_certificates_not_looked_at() {
    let ours = Authority::new();
    let origin = Responder::secured(ours.sign("whoever.test", (2020, 2021)).server(None), WELL).await;
    let stage = stage(&origin, |site| site.origin_policy.tls.trust = Trusted::Unverified).await;
    assert_eq!(asked(&stage).await.0, 200);
}

#[tokio::test]
async fn an_origin_that_asks_for_a_certificate_gets_the_sites_and_lets_nobody_in_without() {
    let ours = Authority::new();
    let server = ours.sign("inner.test", (2020, 2040)).server(Some(&ours));
    let edge = ours.sign("edge.test", (2020, 2040));
    for (client, status) in [(Some(edge.files(ours.folder.path())), 200), (None, 502)] {
        let origin = Responder::secured(Arc::clone(&server), WELL).await;
        let stage = stage(&origin, |site| {
            site.origin_policy.tls.trust = Trusted::Authorities(ours.file());
            site.origin_policy.tls.server_name = name("inner.test");
            site.origin_policy.tls.client = client;
        })
        .await;
        assert_eq!(asked(&stage).await.0, status);
        assert_eq!(origin.count(), usize::from(status == 200));
    }
}

#[tokio::test]
async fn connections_made_under_other_settings_of_tls_are_not_used_again() {
    let ours = Authority::new();
    let origin = Responder::secured(ours.sign("whoever.test", (2020, 2021)).server(None), WELL).await;
    let mut stage = stage(&origin, |site| site.origin_policy.tls.trust = Trusted::Unverified).await;
    assert_eq!(asked(&stage).await.0, 200);
    stage.sites[0].origin_policy.tls.trust = Trusted::Authorities(ours.file());
    stage.publish().await;
    assert_eq!(asked(&stage).await.0, 502);
}

#[tokio::test]
async fn origins_get_the_sites_secret_and_host_and_never_what_a_visitor_says_in_their_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret.txt");
    std::fs::write(&file, "hush-7\nsecond line\n").expect("written");
    let origin = Responder::saying(WELL).await;
    let port = origin.address().port();
    let site = |site: &mut Site| {
        site.origins[0].port = port;
        site.origin_policy.host = Some("inner.test:81".to_owned());
        site.origin_policy.secret = Some(OriginSecret { name: "x-pull".to_owned(), file });
    };
    let stage = Stage::set_with(|_| {}, site).await;
    let (head, body) = stage.ask(&get("/").replace("\r\n\r\n", "\r\nX-Pull: mine\r\n\r\n")).await;
    assert_eq!(head.status(), 200);
    assert!(!head.text.contains("hush") && body == b"hi");
    let heard = origin.heads().remove(0);
    let lines = |name: &str| heard.lines().filter(|line| line.starts_with(name)).collect::<Vec<_>>();
    assert_eq!(lines("x-pull"), ["x-pull: hush-7"]);
    assert_eq!(lines("host"), ["host: inner.test:81"]);
    assert_eq!(lines("x-forwarded-host"), [format!("x-forwarded-host: {HOST}")]);
    assert!(!format!("{:?}", stage.sites[0]).contains("hush"));
}

#[tokio::test]
async fn an_origin_is_not_asked_without_the_secret_that_it_should_get() {
    let origin = Responder::saying(WELL).await;
    let port = origin.address().port();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("later.txt");
    let secret = OriginSecret { name: "x-pull".to_owned(), file: file.clone() };
    let site = |site: &mut Site| {
        site.origins[0].port = port;
        site.origin_policy.secret = Some(secret);
    };
    let mut stage = Stage::set_with(|_| {}, site).await;
    let (status, page) = asked(&stage).await;
    assert_eq!(status, 502);
    assert!(page.contains("origin-settings"));
    assert_eq!(origin.count(), 0);
    std::fs::write(&file, "hush").expect("written");
    stage.publish().await;
    assert_eq!(asked(&stage).await.0, 200, "with the next change it is read again");
}
