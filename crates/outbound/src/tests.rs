use super::*;
use async_trait::async_trait;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use url::Url;

const LIMITS: Limits = Limits { bytes: 100, time: Duration::from_secs(20), redirects: true };

/// Every name means this machine the first time, and something private later.
struct Rebinding(AtomicUsize);

#[async_trait]
impl Names for Rebinding {
    async fn addresses(&self, name: &str) -> Vec<IpAddr> {
        let address = match (name, self.0.fetch_add(1, Ordering::SeqCst)) {
            ("nowhere.test", _) => return Vec::new(),
            ("private.test", _) => "10.0.0.1",
            ("mixed.test", _) => {
                return ["93.184.215.14", "169.254.169.254"].map(|ip| ip.parse().expect("ip")).into();
            }
            (_, 0) => "127.0.0.1",
            _ => "10.0.0.2",
        };
        vec![address.parse().expect("an address")]
    }
}

fn names() -> Box<Rebinding> {
    Box::new(Rebinding(AtomicUsize::new(0)))
}

/// A server that gives each connection this answer; how many it has had.
async fn server(answer: &'static str) -> (u16, std::sync::Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let asked = std::sync::Arc::new(AtomicUsize::new(0));
    let counter = std::sync::Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            counter.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 2048];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, asked)
}

fn url(text: &str) -> Url {
    Url::parse(text).expect(text)
}

#[tokio::test]
async fn what_is_there_comes_with_its_type() {
    let (port, _) =
        server("HTTP/1.1 200 OK\r\nContent-Type: Image/PNG; q=1\r\nContent-Length: 3\r\n\r\nPNG").await;
    let web = PublicWeb::to_loopback(names());
    let fetched = web.get(&url(&format!("http://a.test:{port}/x")), &LIMITS).await.expect("fetched");
    assert_eq!(
        (fetched.status, fetched.media_type.as_str(), fetched.bytes.as_slice()),
        (200, "image/png", b"PNG".as_slice())
    );
}

#[tokio::test]
async fn nothing_private_is_asked_however_it_is_named() {
    let (port, asked) = server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let web = PublicWeb::with(names());
    for address in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost.test:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        "http://private.test/".to_owned(),
        "http://mixed.test/".to_owned(),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://nowhere.test/".to_owned(),
        "http://93.184.215.14:22/".to_owned(),
        "http://u:p@93.184.215.14/".to_owned(),
        "ftp://93.184.215.14/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let refused = web.get(&url(&address), &LIMITS).await.expect_err(&address);
        assert!(!matches!(refused, Unfetched::Wire(_) | Unfetched::TooSlow(_)), "{address}: {refused}");
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_redirect_is_checked_as_an_address_of_its_own() {
    // The name of the redirect is looked up a second time, and then means something private.
    let (port, asked) = server("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n").await;
    let web = PublicWeb::to_loopback(names());
    let refused = web.get(&url(&format!("http://a.test:{port}/")), &LIMITS).await.expect_err("a redirect");
    assert_eq!(refused, Unfetched::Private("a.test".to_owned(), "10.0.0.2".parse().expect("ip")));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    // Round and round ends, and so does a redirect where none is followed.
    for (redirects, times) in [(true, 4), (false, 1)] {
        let before = asked.load(Ordering::SeqCst);
        let refused =
            web.get(&url(&format!("http://127.0.0.1:{port}/")), &Limits { redirects, ..LIMITS }).await;
        assert_eq!(refused, Err(Unfetched::Redirect));
        assert_eq!(asked.load(Ordering::SeqCst) - before, times);
    }
}

#[tokio::test]
async fn what_is_too_long_or_too_slow_is_let_go_of() {
    let (port, _) = server("HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n").await;
    let web = PublicWeb::to_loopback(names());
    let slow = Limits { time: Duration::from_millis(200), ..LIMITS };
    let refused = web.get(&url(&format!("http://127.0.0.1:{port}/")), &slow).await.expect_err("slow");
    assert!(matches!(refused, Unfetched::TooSlow(_) | Unfetched::Wire(_)), "{refused}");
    let long: &'static str =
        Box::leak(format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(101)).into_boxed_str());
    let (port, _) = server(long).await;
    let refused = web.get(&url(&format!("http://127.0.0.1:{port}/")), &LIMITS).await.expect_err("long");
    assert_eq!(refused, Unfetched::TooLarge(100));
}

#[test]
fn no_redirect_leads_from_a_secure_address_to_one_that_others_may_change() {
    for (from, target, led) in [
        ("https://a.test/x", "/y", Some("https://a.test/y")),
        ("https://a.test/x", "https://b.test/", Some("https://b.test/")),
        ("http://a.test/x", "https://a.test/x", Some("https://a.test/x")),
        ("http://a.test/x", "/y", Some("http://a.test/y")),
        ("https://a.test/x", "http://a.test/x", None),
        ("https://a.test/x", "HTTP://b.test/", None),
    ] {
        let next = crate::fetch::led_on(&url(from), target).map(String::from);
        assert_eq!(next, led.map(str::to_owned).ok_or(Unfetched::Insecure), "{from} {target}");
    }
}
