//! What a site demands of its visitors' TLS: a version, a certificate of their own; in every protocol, and for every
//! request of a connection.

use crate::origin_tls::{Authority, Signed};
use crate::quic::{self, patient};
use crate::support::{HOST, Stage, get};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Request, Version};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion, version};
use snapshot::{Authorities, ClientCertificates, TlsMin};
use std::sync::Arc;
use testkit::{Peer, Responder};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const OTHER: &str = "b.test";
const WELL: &str = "HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nhi";
const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];

/// An edge whose two sites have one certificate for both names, an origin that answers, and two authorities of
/// visitors: the site on stage believes the first.
struct Scene {
    stage: Stage,
    origin: Responder,
    servers: Authority,
    clients: Authority,
    strangers: Authority,
}

impl Scene {
    async fn set(set: impl FnOnce(&mut snapshot::Front, ClientCertificates)) -> Self {
        let (servers, clients, strangers) = (Authority::new(), Authority::new(), Authority::new());
        let files = servers.sign_for(&[HOST, OTHER], (2020, 2040)).files(servers.path("").as_path());
        let origin = Responder::saying(WELL).await;
        let mut stage = Stage::set().await;
        for site in &mut stage.sites {
            site.certificate = Some(files.clone());
            site.origins[0].port = origin.address().port();
        }
        let demanded = ClientCertificates { authorities: Authorities::File(clients.file()), required: true };
        set(&mut stage.sites[0].front, demanded);
        stage.publish().await;
        let scene = Self { stage, origin, servers, clients, strangers };
        // The certificate comes into use after its site.
        patient(async { while scene.connect(OTHER, BOTH, None, "http/1.1").await.is_err() {} }).await;
        scene
    }

    fn settings(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        shown: Option<&Signed>,
    ) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        let pem = std::fs::read(self.servers.file()).expect("a file");
        let authority = rustls::pki_types::pem::PemObject::from_pem_slice(&pem);
        roots.add(authority.expect("a certificate")).expect("a root");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions);
        let config = config.expect("versions").with_root_certificates(roots);
        match shown {
            None => config.with_no_client_auth(),
            Some(Signed { certificate, key }) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a key");
                config.with_client_auth_cert(vec![certificate.der().clone()], key).expect("a certificate")
            }
        }
    }

    async fn connect_with(
        &self,
        name: &str,
        config: &Arc<ClientConfig>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.stage.edge.https()[0]).await?;
        let name = ServerName::try_from(name.to_owned()).expect("a name");
        TlsConnector::from(Arc::clone(config)).connect(name, stream).await
    }

    async fn connect(
        &self,
        name: &str,
        versions: &[&'static SupportedProtocolVersion],
        shown: Option<&Signed>,
        protocol: &str,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = self.settings(versions, shown);
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        self.connect_with(name, &Arc::new(config)).await
    }

    /// The status of a GET by HTTP/1.1; none where the handshake, or what TLS 1.3 says after it, lets nobody in.
    async fn status(
        &self,
        versions: &[&'static SupportedProtocolVersion],
        shown: Option<&Signed>,
    ) -> Option<u16> {
        let mut visitor = Peer::over(self.connect(HOST, versions, shown, "http/1.1").await.ok()?);
        visitor.try_send(get("/")).await;
        let head = visitor.bytes_or_end(12).await?;
        String::from_utf8_lossy(&head)[9..].parse().ok()
    }

    fn good(&self) -> Signed {
        self.clients.sign("visitor.test", (2020, 2040))
    }

    /// The last request that the origin had.
    fn heard(&self) -> String {
        self.origin.heads().pop().expect("a request")
    }
}

fn line(certificate: &CertificateDer<'_>) -> String {
    format!("client-cert: :{}:", STANDARD.encode(certificate))
}

#[tokio::test]
async fn a_site_that_wants_tls_1_3_turns_older_versions_away_and_no_other_site_does() {
    let scene = Scene::set(|front, _| front.tls_min = TlsMin::Tls13).await;
    assert_eq!(scene.status(&[&version::TLS13], None).await, Some(200));
    assert_eq!(scene.status(&[&version::TLS12], None).await, None);
    assert!(scene.connect(OTHER, &[&version::TLS12], None, "http/1.1").await.is_ok());
}

#[tokio::test]
async fn a_site_that_wants_certificates_lets_in_who_shows_a_good_one_and_tells_the_origin_which() {
    let scene = Scene::set(|front, clients| front.client_certificates = Some(clients)).await;
    let good = scene.good();
    for versions in [&[&version::TLS13][..], &[&version::TLS12][..]] {
        assert_eq!(scene.status(versions, Some(&good)).await, Some(200));
        assert!(scene.heard().contains(&line(good.certificate.der())), "{}", scene.heard());
        let asked = scene.origin.count();
        for (what, shown) in [
            ("none", None),
            ("a stranger's", Some(scene.strangers.sign("visitor.test", (2020, 2040)))),
            ("an old one", Some(scene.clients.sign("visitor.test", (2020, 2021)))),
        ] {
            assert_eq!(scene.status(versions, shown.as_ref()).await, None, "{what}");
        }
        assert_eq!(scene.origin.count(), asked, "nobody else is let through");
    }
    // Without TLS there is no certificate, whatever anybody says.
    let text = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{}\r\n\r\n", line(good.certificate.der()));
    let (head, page) = scene.stage.ask(&text.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n")).await;
    assert_eq!(head.status(), 403);
    assert!(String::from_utf8_lossy(&page).contains("client-certificate-required"));
}

#[tokio::test]
async fn nobody_can_say_which_certificate_they_have_shown() {
    let scene = Scene::set(|front, clients| {
        front.client_certificates = Some(ClientCertificates { required: false, ..clients });
    })
    .await;
    let (good, forged) = (scene.good(), scene.good());
    let lies = ["client-cert", "Client_Cert", "client-cert-chain"]
        .map(|name| format!("{name}: :{}:\r\n", STANDARD.encode(forged.certificate.der())))
        .concat();
    for (shown, lines) in [(None, vec![]), (Some(&good), vec![line(good.certificate.der())])] {
        let stream = scene.connect(HOST, BOTH, shown, "http/1.1").await.expect("a handshake");
        let mut visitor = Peer::over(stream);
        visitor.send(format!("GET /{} HTTP/1.1\r\nHost: {HOST}\r\n{lies}\r\n", lines.len())).await;
        assert_eq!(visitor.head().await.status(), 200);
        let (heard, is_told) =
            (scene.heard(), |line: &&str| line.replace('_', "-").starts_with("client-cert"));
        assert_eq!(heard.lines().filter(is_told).collect::<Vec<_>>(), lines);
    }
    // Where one is asked for, it must be good.
    let stranger = scene.strangers.sign("visitor.test", (2020, 2040));
    assert_eq!(scene.status(BOTH, Some(&stranger)).await, None);
}

#[tokio::test]
async fn what_a_visitor_with_a_certificate_is_answered_is_for_nobody_else() {
    let scene = Scene::set(|front, clients| {
        front.client_certificates = Some(ClientCertificates { required: false, ..clients });
    })
    .await;
    let good = scene.good();
    for asked in 1..=2 {
        assert_eq!(scene.status(BOTH, Some(&good)).await, Some(200));
        assert_eq!(scene.origin.count(), asked, "nothing was kept");
    }
    // Others have copies of their own.
    for _ in 0..2 {
        assert_eq!(scene.status(BOTH, None).await, Some(200));
        assert_eq!(scene.origin.count(), 3);
    }
    // The answer to a POST may stand for a GET's (RFC 9110 §9.3.3), but not this one.
    scene.origin.say(WELL.replace("Content-Length", "Content-Location: /told\r\nContent-Length"));
    for (shown, method) in [(Some(&good), "POST"), (None, "GET")] {
        let mut visitor =
            Peer::over(scene.connect(HOST, BOTH, shown, "http/1.1").await.expect("a handshake"));
        visitor.send(format!("{method} /told HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 0\r\n\r\n")).await;
        assert_eq!(visitor.head().await.status(), 200);
    }
    assert_eq!(scene.origin.count(), 5);
}

/// A ticket would let in whom the authorities of another day had signed.
#[tokio::test]
async fn a_certificate_is_shown_in_every_handshake() {
    let scene = Scene::set(|front, clients| front.client_certificates = Some(clients)).await;
    let good = scene.good();
    for versions in [&[&version::TLS13][..], &[&version::TLS12][..]] {
        for (name, resumed) in [(HOST, false), (OTHER, true)] {
            let config = Arc::new(scene.settings(versions, Some(&good)));
            let mut kind = None;
            for _ in 0..2 {
                let mut visitor = scene.connect_with(name, &config).await.expect("a handshake");
                kind = visitor.get_ref().1.handshake_kind();
                // Tickets come with what is read.
                use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
                let text = format!("GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
                visitor.write_all(text.as_bytes()).await.expect("sent");
                let _ = visitor.read_to_end(&mut Vec::new()).await;
            }
            assert_eq!(kind == Some(HandshakeKind::Resumed), resumed, "{name} {versions:?}");
        }
    }
}

/// RFC 9110 §7.4, RFC 9113 §9.1.1: by HTTP/1.1 on a connection that was made for the other site, or for this one.
#[tokio::test]
async fn a_connection_carries_nothing_for_a_site_of_other_demands() {
    let scene = Scene::set(|front, clients| {
        (front.tls_min, front.client_certificates) = (TlsMin::Tls13, Some(clients));
    })
    .await;
    let good = scene.good();
    for (made_for, shown, statuses) in
        [(OTHER, None, [421, 200]), (OTHER, Some(&good), [421, 200]), (HOST, Some(&good), [200, 421])]
    {
        let mut visitor =
            Peer::over(scene.connect(made_for, BOTH, shown, "http/1.1").await.expect("a handshake"));
        for (host, status) in [HOST, OTHER].into_iter().zip(statuses) {
            visitor.send(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
            let head = visitor.head().await;
            assert_eq!(head.status(), status, "{host} by {made_for}");
            visitor.bytes(head.length()).await;
        }
    }
}

#[tokio::test]
async fn a_version_too_old_for_one_site_is_no_way_round_by_another() {
    let scene = Scene::set(|front, _| front.tls_min = TlsMin::Tls13).await;
    for (versions, status) in [(&[&version::TLS12][..], 421), (&[&version::TLS13][..], 200)] {
        let mut visitor =
            Peer::over(scene.connect(OTHER, versions, None, "http/1.1").await.expect("a handshake"));
        visitor.send(get("/")).await;
        assert_eq!(visitor.head().await.status(), status);
    }
}

#[tokio::test]
async fn http_2_streams_are_held_to_their_own_sites_one_by_one() {
    let scene = Scene::set(|front, clients| front.client_certificates = Some(clients)).await;
    let good = scene.good();
    for (made_for, statuses) in [(OTHER, [421, 200]), (HOST, [200, 421])] {
        let stream = scene.connect(made_for, BOTH, Some(&good), "h2").await.expect("a handshake");
        let (sender, connection) = h2::client::handshake(stream).await.expect("a greeting");
        tokio::spawn(connection);
        let mut sender = sender.ready().await.expect("a connection");
        for (host, status) in [HOST, OTHER].into_iter().zip(statuses) {
            let request = Request::builder().version(Version::HTTP_2).uri(format!("https://{host}/"));
            let (answer, _) = sender.send_request(request.body(()).expect("a request"), true).expect("sent");
            assert_eq!(
                patient(answer).await.expect("an answer").status().as_u16(),
                status,
                "{host} by {made_for}"
            );
        }
    }
    assert!(scene.origin.heads().iter().any(|head| head.contains(&line(good.certificate.der()))));
}

#[tokio::test]
async fn http_3_asks_for_certificates_as_well_and_holds_requests_to_their_own_sites() {
    let scene = Scene::set(|front, clients| front.client_certificates = Some(clients)).await;
    let good = scene.good();
    let address = scene.stage.edge.https()[0];
    for (made_for, shown, statuses) in [
        (OTHER, None, Some([421, 200])),
        (HOST, Some(&good), Some([200, 421])),
        (HOST, None, None),
        (HOST, Some(&scene.strangers.sign("visitor.test", (2020, 2040))), None),
    ] {
        let client = quic::client_with(scene.settings(&[&version::TLS13], shown));
        let connection = patient(client.connect(address, made_for).expect("settings")).await;
        let Some(statuses) = statuses else {
            // The visitor's own part of the handshake may be over before it is judged.
            if let Ok(connection) = connection {
                let ended = patient(connection.closed()).await;
                assert!(matches!(ended, quinn::ConnectionError::ConnectionClosed(_)), "{ended:?}");
            }
            continue;
        };
        let over = h3_quinn::Connection::new(connection.expect("a handshake"));
        let (mut driver, mut sender) = h3::client::new(over).await.expect("settings");
        tokio::spawn(async move { std::future::poll_fn(|cx| driver.poll_close(cx)).await });
        for (host, status) in [HOST, OTHER].into_iter().zip(statuses) {
            let request = Request::builder().uri(format!("https://{host}/h3")).body(()).expect("a request");
            let mut stream = quic::ask(&mut sender, request).await;
            assert_eq!(quic::read(&mut stream).await.0.status().as_u16(), status, "{host} by {made_for}");
        }
    }
    let heard = scene.origin.heads();
    let certified = heard.iter().filter(|head| head.contains(&line(good.certificate.der()))).count();
    assert_eq!(certified, 1, "{heard:?}");
}

#[tokio::test]
async fn what_is_demanded_later_holds_for_connections_that_are_there() {
    let mut scene = Scene::set(|_, _| {}).await;
    let mut visitor = Peer::over(scene.connect(HOST, BOTH, None, "http/1.1").await.expect("a handshake"));
    visitor.send(get("/")).await;
    let head = visitor.head().await;
    assert_eq!(head.status(), 200);
    visitor.bytes(head.length()).await;
    let authorities = Authorities::File(scene.clients.file());
    let demanded = ClientCertificates { authorities, required: true };
    scene.stage.sites[0].front.client_certificates = Some(demanded);
    scene.stage.publish().await;
    visitor.send(get("/")).await;
    assert_eq!(visitor.head().await.status(), 421);
}

#[tokio::test]
async fn a_site_whose_authorities_cannot_be_read_lets_nobody_in() {
    let scene = Scene::set(|front, clients| {
        let authorities = Authorities::File("/none.pem".into());
        front.client_certificates = Some(ClientCertificates { authorities, ..clients });
    })
    .await;
    assert_eq!(scene.status(BOTH, Some(&scene.good())).await, None);
    assert!(scene.connect(OTHER, BOTH, None, "http/1.1").await.is_ok(), "the other site is served");
}

#[tokio::test]
async fn authorities_may_be_kept_with_the_site_itself() {
    let scene = Scene::set(|front, clients| {
        let Authorities::File(path) = &clients.authorities else { panic!("a file") };
        let text = std::fs::read_to_string(path).expect("a file");
        let authorities = Authorities::Pem(snapshot::AuthoritiesPem::parse(&text).expect("a certificate"));
        front.client_certificates = Some(ClientCertificates { authorities, required: true });
    })
    .await;
    assert_eq!(scene.status(BOTH, Some(&scene.good())).await, Some(200));
    let stranger = scene.strangers.sign("visitor.test", (2020, 2040));
    assert_eq!(scene.status(BOTH, Some(&stranger)).await, None, "another authority's");
    assert_eq!(scene.status(BOTH, None).await, None);
}
