//! Real handshakes in memory.

use crate::{hosts, make, now};
use certificates::{Certificate, LocalAuthority, Resolver, Table, server_config};
use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject};
use rustls::time_provider::TimeProvider;
use rustls::{
    AlertDescription, ClientConfig, ClientConnection, Error, HandshakeKind, NamedGroup, ProtocolVersion,
    RootCertStore, ServerConfig, ServerConnection, SupportedProtocolVersion,
};
use std::sync::Arc;
use std::time::Duration;
use vocabulary::ManualClock;

#[derive(Debug)]
struct Now;

impl TimeProvider for Now {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(now().as_secs() as u64)))
    }
}

fn client(
    roots: &[CertificateDer<'static>],
    versions: &[&'static SupportedProtocolVersion],
    alpn: &[&str],
) -> ClientConfig {
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(roots.iter().cloned());
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_details(provider, Arc::new(Now));
    let builder = builder.with_protocol_versions(versions).expect("versions");
    let mut config = builder.with_root_certificates(store).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}

fn server(table: Table) -> (Arc<Resolver>, Arc<ServerConfig>) {
    let resolver = Arc::new(Resolver::new());
    resolver.replace(table);
    let clock = Arc::new(ManualClock::at(now()));
    (resolver.clone(), Arc::new(server_config(resolver, clock).expect("settings")))
}

/// Carries bytes both ways until both are done, or says what the client complained of.
fn shake(
    client: &Arc<ClientConfig>,
    server: &Arc<ServerConfig>,
    name: &str,
) -> Result<(ClientConnection, ServerConnection), Option<Error>> {
    let name = ServerName::try_from(name.to_owned()).expect("name");
    let mut client = ClientConnection::new(client.clone(), name).expect("client");
    let mut server = ServerConnection::new(server.clone()).expect("server");
    let (mut refused, mut complained) = (None, None);
    for _ in 0..8 {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).expect("write");
        }
        let mut from = bytes.as_slice();
        while !from.is_empty() {
            server.read_tls(&mut from).expect("read");
            refused = server.process_new_packets().err().or(refused);
        }
        let mut bytes = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut bytes).expect("write");
        }
        let mut from = bytes.as_slice();
        while !from.is_empty() {
            client.read_tls(&mut from).expect("read");
            complained = client.process_new_packets().err().or(complained);
        }
    }
    match (refused, complained) {
        (None, None) if !client.is_handshaking() && !server.is_handshaking() => Ok((client, server)),
        (_, complained) => Err(complained),
    }
}

const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// A table of the local authority's, and its root.
fn local(names: &[&str]) -> (Table, CertificateDer<'static>) {
    let folder = tempfile::tempdir().expect("folder");
    let authority = LocalAuthority::open(folder.path(), now()).expect("made");
    let mut table = Table::default();
    for host in hosts(names) {
        let certificate = authority.issue(std::slice::from_ref(&host), now()).expect("issued");
        table.set(&host, &certificate);
    }
    (table, authority.certificate().clone())
}

#[test]
fn clients_that_trust_the_local_authority_are_served_by_name() {
    let (table, root) = local(&["a.test", "*.b.test", "localhost", "127.0.0.1"]);
    let (_, server) = server(table);
    let client = Arc::new(client(&[root], BOTH, &["h2", "http/1.1"]));
    for name in ["a.test", "A.TEST", "x.b.test", "localhost", "127.0.0.1"] {
        let (client, _) = shake(&client, &server, name).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_3));
        assert_eq!(client.alpn_protocol(), Some(&b"h2"[..]));
        let group = client.negotiated_key_exchange_group().map(|group| group.name());
        assert_eq!(group, Some(NamedGroup::X25519MLKEM768));
    }
    assert!(shake(&client, &server, "y.x.b.test").is_err(), "a wildcard stands for one label");
}

#[test]
fn older_clients_get_tls_1_2_and_http_1_1() {
    let (table, root) = local(&["a.test"]);
    let (_, server) = server(table);
    let client = Arc::new(client(&[root], &[&rustls::version::TLS12], &["http/1.1"]));
    let (client, _) = shake(&client, &server, "a.test").expect("served");
    assert_eq!(client.protocol_version(), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(client.alpn_protocol(), Some(&b"http/1.1"[..]));
}

#[test]
fn a_name_without_a_certificate_ends_the_handshake() {
    let (table, root) = local(&["a.test", "*.b.test"]);
    let (resolver, server) = server(table);
    let client = Arc::new(client(&[root], BOTH, &[]));
    for name in ["c.test", "b.test", "xa.test", "127.0.0.1"] {
        let complained = shake(&client, &server, name).expect_err(name);
        assert_eq!(complained, Some(Error::AlertReceived(AlertDescription::AccessDenied)), "{name}");
    }
    assert!(resolver.knows(Some("a.test")) && resolver.knows(Some("x.b.test")));
    assert!(!resolver.knows(Some("b.test")) && !resolver.knows(None) && !resolver.knows(Some("")));
}

/// The name constraints bind: a stranger's certificate signed with a stolen key is refused for other names.
#[test]
fn nobody_who_trusts_the_local_authority_can_be_fooled_about_other_names() {
    let folder = tempfile::tempdir().expect("folder");
    let authority = LocalAuthority::open(folder.path(), now()).expect("made");
    let stolen = std::fs::read_to_string(folder.path().join("ca.key")).expect("key");
    let stolen = rcgen::KeyPair::from_pem(&stolen).expect("key");
    let issuer = rcgen::Issuer::from_ca_cert_der(authority.certificate(), stolen).expect("issuer");
    let key = rcgen::KeyPair::generate().expect("key");
    let client = Arc::new(client(&[authority.certificate().clone()], BOTH, &[]));
    for (name, fooled) in [("bank.example.org", false), ("192.0.2.1", false), ("bank.test", true)] {
        let params = rcgen::CertificateParams::new([name.to_owned()]).expect("params");
        let leaf = params.signed_by(&key, &issuer).expect("leaf");
        let pem = folder.path().join("leaf.pem");
        std::fs::write(&pem, leaf.pem()).expect("write");
        let key_path = folder.path().join("leaf.key");
        std::fs::write(&key_path, key.serialize_pem()).expect("write");
        let forged = Certificate::load(&pem, &key_path, &hosts(&[name]), now()).expect("loaded");
        let mut table = Table::default();
        table.set(&name.parse().expect("pattern"), &forged);
        let (_, server) = server(table);
        assert_eq!(shake(&client, &server, name).is_ok(), fooled, "{name}");
    }
}

#[test]
fn a_new_table_is_used_from_the_next_handshake_on() {
    let folder = tempfile::tempdir().expect("folder");
    let one = make(folder.path(), "one", &["a.test"], 10);
    let two = make(folder.path(), "two", &["a.test"], 10);
    let load = |made: &crate::Made| {
        Certificate::load(&made.chain, &made.key, &hosts(&["a.test"]), now()).expect("loaded")
    };
    let roots =
        [&one, &two].map(|made| CertificateDer::from_pem_slice(made.authority_pem.as_bytes()).expect("root"));
    let mut table = Table::default();
    table.set(&hosts(&["a.test"])[0], &load(&one));
    let (resolver, server) = server(table);
    let mut config = client(&roots, BOTH, &[]);
    config.resumption = Resumption::disabled();
    let client = Arc::new(config);
    let shown = || {
        let (client, _) = shake(&client, &server, "a.test").expect("served");
        client.peer_certificates().and_then(|chain| chain.first().cloned()).expect("shown")
    };
    let leaf = |made: &crate::Made| CertificateDer::from_pem_slice(made.leaf_pem.as_bytes()).expect("leaf");
    assert_eq!(shown(), leaf(&one));
    let mut table = Table::default();
    table.set(&hosts(&["a.test"])[0], &load(&two));
    resolver.replace(table);
    assert_eq!(shown(), leaf(&two));
    resolver.replace(Table::default());
    assert!(resolver.is_empty() && shake(&client, &server, "a.test").is_err());
}

#[test]
fn sessions_are_resumed_by_ticket_and_without_early_data() {
    let (table, root) = local(&["a.test", "b.test"]);
    let (_, server) = server(table);
    assert_eq!(server.max_early_data_size, 0);
    let mut config = client(&[root], BOTH, &[]);
    config.enable_early_data = true;
    let client = Arc::new(config);
    let (first, _) = shake(&client, &server, "a.test").expect("served");
    assert_eq!(first.handshake_kind(), Some(HandshakeKind::Full));
    let (second, _) = shake(&client, &server, "a.test").expect("served");
    assert_eq!(second.handshake_kind(), Some(HandshakeKind::Resumed));
    assert!(!second.is_early_data_accepted());
    let (other, _) = shake(&client, &server, "b.test").expect("served");
    assert_eq!(other.handshake_kind(), Some(HandshakeKind::Full), "a ticket is for one name");
}
