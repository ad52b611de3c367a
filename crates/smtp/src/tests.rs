//! Against a small mail server: what goes over the wire, and what a failure means.

use crate::{Carrier, Login, Relay, RelayError, Security};
use post::{Failure, Letter, Mail, MailAddress, Purpose};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use tempfile::NamedTempFile;
use testkit::{MailRules, MailSink};
use vocabulary::Timestamp;

fn from() -> MailAddress {
    "wardmote@edge.test".parse().expect("an address")
}

fn mail(body: &str) -> (Mail, Letter) {
    let letter = Letter::new("owner@shop.test".parse().expect("an address"), "Größe: dec_1", body);
    let letter =
        letter.and_then(|letter| letter.with_unsubscribe("https://edge.test/u/1")).expect("a letter");
    (Mail::queued(Purpose::CustomerNotice, "dec_1", letter.clone(), now()), letter)
}

fn now() -> Timestamp {
    Timestamp::from_secs(1_790_000_000)
}

async fn carried(relay: &Relay, body: &str) -> Result<String, Failure> {
    let (mail, letter) = mail(body);
    relay.carry(&mail, &letter, now()).await
}

/// An authority of its own, and a server of the name `127.0.0.1` under it.
fn identity() -> (Arc<ServerConfig>, NamedTempFile) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a server");
    let roots = NamedTempFile::new().expect("a file");
    std::fs::write(roots.path(), cert.pem()).expect("written");
    (Arc::new(config), roots)
}

#[tokio::test]
async fn a_letter_arrives_as_plain_text_with_the_fields_that_a_programs_mail_bears() {
    let sink = MailSink::start(MailRules::default()).await;
    let relay = Relay::new(&format!("smtp://{}", sink.address()), from(), None, None).expect("a relay");
    assert_eq!(relay.security(), Security::Plain);
    let said = carried(&relay, "One line.\n.A dot first.\n").await.expect("taken");
    assert_eq!(said, "250 taken");
    let taken = sink.taken().remove(0);
    assert_eq!((taken.from.as_str(), taken.to), ("wardmote@edge.test", vec!["owner@shop.test".to_owned()]));
    let (mail, _) = mail("x");
    for wanted in [
        "From: Wardmote <wardmote@edge.test>\r\n",
        "To: owner@shop.test\r\n",
        "Subject: =?utf-8?",
        "Date: Mon, 21 Sep 2026 14:13:20 +0000\r\n",
        &format!("Message-ID: <{}@edge.test>\r\n", mail.id),
        "Auto-Submitted: auto-generated\r\n",
        "List-Unsubscribe: <https://edge.test/u/1>\r\n",
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "\r\n\r\nOne line.\r\n.A dot first.\r\n",
    ] {
        assert!(taken.message.contains(wanted), "{wanted:?} is not in\n{}", taken.message);
    }
}

#[tokio::test]
async fn letter_and_password_go_over_tls_however_it_begins() {
    let (config, roots) = identity();
    let login = Login { user: "w".to_owned(), password: "p".to_owned().into() };
    let wanted = Some("AHcAcA==".to_owned());
    for (scheme, rules) in [
        ("smtps", MailRules { tls: Some(config.clone()), login: wanted.clone(), ..MailRules::default() }),
        ("smtp", MailRules { starttls: Some(config.clone()), login: wanted, ..MailRules::default() }),
    ] {
        let sink = MailSink::start(rules).await;
        let url = format!("{scheme}://{}", sink.address());
        let mut relay = Relay::new(&url, from(), Some(login.clone()), Some(roots.path())).expect("a relay");
        relay.demand_tls();
        carried(&relay, "text").await.expect("taken");
        assert!(sink.taken()[0].secured, "{scheme}");
        // A stranger's certificate is no reason to go on.
        let mut wary = Relay::new(&url, from(), Some(login.clone()), None).expect("a relay");
        wary.demand_tls();
        let refused = carried(&wary, "text").await.expect_err("a stranger");
        assert!(
            matches!(&refused, Failure::Later(said) if said.starts_with("TLS with 127.0.0.1")),
            "{refused:?}"
        );
        assert_eq!(sink.taken().len(), 1);
    }
}

#[tokio::test]
async fn nothing_is_sent_without_tls_and_nothing_slipped_in_before_it_is_heard() {
    let (config, roots) = identity();
    let without = MailSink::start(MailRules::default()).await;
    let slips_in = "\r\n250 everything is fine";
    let between = MailRules { starttls: Some(config), slips_in, ..MailRules::default() };
    let between = MailSink::start(between).await;
    for (sink, words) in [(&without, "offers no STARTTLS"), (&between, "said more before TLS began")] {
        let url = format!("smtp://{}", sink.address());
        let mut relay = Relay::new(&url, from(), None, Some(roots.path())).expect("a relay");
        relay.demand_tls();
        let refused = carried(&relay, "text").await.expect_err("no TLS");
        assert!(matches!(&refused, Failure::Later(said) if said.contains(words)), "{refused:?}");
        assert!(sink.taken().is_empty());
    }
}

#[tokio::test]
async fn only_what_is_said_about_the_addressee_is_final() {
    let unknown = vec!["owner@shop.test".to_owned()];
    for (rules, is_final) in [
        (MailRules { unknown, ..MailRules::default() }, true),
        (MailRules { greylisted: 1, ..MailRules::default() }, false),
        (MailRules { login: Some("x".to_owned()), ..MailRules::default() }, false),
        (MailRules { hangs_up: true, ..MailRules::default() }, false),
    ] {
        let sink = MailSink::start(rules).await;
        let relay = Relay::new(&format!("smtp://{}", sink.address()), from(), None, None).expect("a relay");
        let failure = carried(&relay, "text").await.expect_err("a failure");
        assert_eq!(matches!(failure, Failure::Never(_)), is_final, "{failure:?}");
    }
    let gone = Relay::new("smtp://127.0.0.1:1", from(), None, None).expect("a relay");
    assert!(matches!(carried(&gone, "text").await, Err(Failure::Later(_))));
}

#[test]
fn an_address_says_how_the_connection_is_kept_secret() {
    for (url, place, security) in [
        ("smtps://mail.example.org", "mail.example.org:465", Security::Tls),
        ("smtp://mail.example.org", "mail.example.org:587", Security::StartTls),
        ("smtp://192.0.2.1:25", "192.0.2.1:25", Security::StartTls),
        ("smtp://localhost:25", "localhost:25", Security::Plain),
        ("smtp://[::1]:25", "::1:25", Security::Plain),
    ] {
        let relay = Relay::new(url, from(), None, None).expect(url);
        assert_eq!((relay.place().as_str(), relay.security()), (place, security));
    }
    for url in ["", "mail.example.org", "http://a.test", "smtp://u:p@a.test", "smtp://a.test/x", "smtp://"] {
        assert!(matches!(Relay::new(url, from(), None, None), Err(RelayError::Address(_))), "{url}");
    }
}
