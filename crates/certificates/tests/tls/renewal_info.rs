//! Renewal when the authority says so (RFC 9773), against a small authority of our own: pebble's packaged
//! version says nothing of it.

use crate::pebble::{Front, listener, until};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use certificates::acme::Proof;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair,
    date_time_ymd,
};
use rustls::pki_types::CertificateSigningRequestDer;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vocabulary::{Clock, Timestamp};

/// An authority that trusts everybody. It checks no signature: that is what pebble is for.
struct Authority {
    base: String,
    issuer: Issuer<'static, KeyPair>,
    root_pem: String,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    chains: Vec<String>,
    replaced: Vec<Option<String>>,
    asked: Vec<String>,
    /// Between when and when to renew, as it says itself.
    window: Option<(Timestamp, Timestamp)>,
    from: Begin,
}

/// When certificates begin.
#[derive(Default)]
struct Begin(i64);

impl Authority {
    async fn start(now: Timestamp) -> Arc<Self> {
        let listener = listener().await;
        let key = KeyPair::generate().expect("key");
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root_pem = params.self_signed(&key).expect("root").pem();
        let authority = Arc::new(Self {
            base: format!("http://{}", listener.local_addr().expect("address")),
            issuer: Issuer::new(params, key),
            root_pem,
            seen: Mutex::new(Seen { from: Begin(now.as_secs()), ..Seen::default() }),
        });
        tokio::spawn(serve(listener, Arc::clone(&authority)));
        authority
    }

    fn answer(&self, method: &str, path: &str, payload: &Value) -> (u16, String, String) {
        let base = &self.base;
        let mut seen = self.seen.lock().expect("seen");
        let order = |number: usize, status: &str| {
            json!({
                "status": status, "authorizations": [format!("{base}/authz")],
                "finalize": format!("{base}/finalize/{number}"), "certificate": format!("{base}/cert/{number}"),
                "replaces": seen.replaced.get(number).cloned().flatten(),
            })
            .to_string()
        };
        let number = path.rsplit('/').next().and_then(|last| last.parse::<usize>().ok()).unwrap_or(0);
        match (method, path.split('/').nth(1).unwrap_or_default()) {
            (_, "dir") => {
                let directory = json!({
                    "newNonce": format!("{base}/nonce"), "newAccount": format!("{base}/account"),
                    "newOrder": format!("{base}/order"), "renewalInfo": format!("{base}/ari"),
                    "revokeCert": format!("{base}/revoke"), "keyChange": format!("{base}/key"),
                });
                (200, String::new(), directory.to_string())
            }
            (_, "nonce") => (200, String::new(), String::new()),
            (_, "account") => (201, format!("Location: {base}/account/1\r\n"), "{}".to_owned()),
            (_, "order") if path == "/order" => {
                let replaces = payload["replaces"].as_str().map(str::to_owned);
                seen.replaced.push(replaces.clone());
                seen.chains.push(String::new());
                let number = seen.replaced.len() - 1;
                let body = json!({
                    "status": "ready", "authorizations": [format!("{base}/authz")],
                    "finalize": format!("{base}/finalize/{number}"), "replaces": replaces,
                });
                (201, format!("Location: {base}/order/{number}\r\n"), body.to_string())
            }
            (_, "order") => {
                let status = if seen.chains[number].is_empty() { "ready" } else { "valid" };
                (200, String::new(), order(number, status))
            }
            (_, "authz") => {
                let body = json!({
                    "status": "valid", "challenges": [],
                    "identifier": {"type": "dns", "value": "shop.example.org"},
                });
                (200, String::new(), body.to_string())
            }
            (_, "finalize") => {
                let chain = self.sign(payload["csr"].as_str().expect("a request"), seen.from.0);
                let body = order(number, "valid");
                seen.chains[number] = chain;
                (200, String::new(), body)
            }
            (_, "cert") => (200, String::new(), seen.chains[number].clone()),
            (_, "ari") => {
                seen.asked.push(path.to_owned());
                let (start, end) = seen.window.expect("nobody asks before the test is ready");
                let body = json!({"suggestedWindow": {"start": start.to_string(), "end": end.to_string()}});
                (200, "Retry-After: 21600\r\n".to_owned(), body.to_string())
            }
            other => panic!("nobody should ask for {other:?}"),
        }
    }

    fn sign(&self, csr: &str, from: i64) -> String {
        let der = BASE64_URL_SAFE_NO_PAD.decode(csr).expect("base64");
        let mut request = CertificateSigningRequestParams::from_der(&CertificateSigningRequestDer::from(der))
            .expect("a request");
        let from = date_time_ymd(1970, 1, 1) + Duration::from_secs(from as u64);
        request.params.not_before = from;
        request.params.not_after = from + Duration::from_secs(90 * 86_400);
        request.params.use_authority_key_identifier_extension = true;
        let leaf = request.signed_by(&self.issuer).expect("a leaf");
        format!("{}{}", leaf.pem(), self.root_pem)
    }
}

async fn serve(listener: TcpListener, authority: Arc<Authority>) {
    let nonces = Arc::new(std::sync::atomic::AtomicU64::new(0));
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        tokio::spawn(exchange(stream, Arc::clone(&authority), Arc::clone(&nonces)));
    }
}

async fn exchange(
    mut stream: TcpStream,
    authority: Arc<Authority>,
    nonces: Arc<std::sync::atomic::AtomicU64>,
) {
    let mut request = Vec::new();
    let (head, length) = loop {
        if stream.read_buf(&mut request).await.is_ok_and(|read| read == 0) {
            return;
        }
        let text = String::from_utf8_lossy(&request).into_owned();
        let Some((head, _)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-length")
                .then(|| value.trim().parse::<usize>().expect("a length"))
        });
        break (head.to_owned(), length.unwrap_or(0));
    };
    while request.len() < head.len() + 4 + length {
        stream.read_buf(&mut request).await.expect("a body");
    }
    let payload = serde_json::from_slice::<Value>(&request[head.len() + 4..]).unwrap_or_default();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(payload["payload"].as_str().unwrap_or_default());
    let payload = serde_json::from_slice(&payload.expect("base64")).unwrap_or_default();
    let mut words = head.split(' ');
    let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
    let (status, fields, body) = authority.answer(method, path, &payload);
    let nonce = nonces.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} OK\r\nReplay-Nonce: nonce{nonce}\r\nContent-Length: {length}\r\nConnection: close\r\n{fields}\r\n"
    );
    let body = if method == "HEAD" { String::new() } else { body };
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_is_renewed_early_when_its_authority_says_so() {
    let front = Front::open().await;
    let authority = Authority::start(front.clock.now()).await;
    let later = front.clock.now().plus(Duration::from_secs(40 * 86_400));
    authority.seen.lock().expect("seen").window = Some((later, later.plus(Duration::from_secs(86_400))));
    front.want(&["shop.example.org"]);
    let directory = format!("{}/dir", authority.base);
    let roots = front.folder.path().join("roots.pem");
    std::fs::write(&roots, &authority.root_pem).expect("written");
    front.keep(front.settings(&[&directory], &roots, &[Proof::Http]));
    until("it is issued", || async { front.end_of("shop.example.org").is_some() }).await;
    let end = front.end_of("shop.example.org").expect("an end");

    until("the authority is asked", || async {
        front.advance(Duration::from_secs(60));
        !authority.seen.lock().expect("seen").asked.is_empty()
    })
    .await;
    // Long before two thirds of its life: the authority has to revoke it, say.
    let soon = front.clock.now();
    {
        let mut seen = authority.seen.lock().expect("seen");
        seen.window = Some((soon, soon.plus(Duration::from_secs(60))));
        seen.from = Begin(soon.as_secs());
    }
    until("it is renewed", || async {
        front.advance(Duration::from_secs(600));
        front.end_of("shop.example.org").is_some_and(|now| now > end)
    })
    .await;
    let seen = authority.seen.lock().expect("seen");
    assert_eq!(seen.replaced.len(), 2, "{:?}", seen.replaced);
    let replaced = seen.replaced[1].as_ref().expect("it says what it replaces");
    assert!(seen.asked[0].ends_with(replaced.as_str()), "{replaced} {:?}", seen.asked);
    assert_eq!(replaced.matches('.').count(), 1, "key identifier and serial number");
}
