//! HTTP/2 over TLS with nothing behind it: what the two libraries cost by themselves, for measurements
//! (docs/benchmarks.md). Whatever is asked, the answer is the same 1 KiB.
//!
//! `bare_h2 ADDRESS CHAIN KEY`

#![expect(clippy::print_stdout, reason = "a tool for measuring")]

use bytes::Bytes;
use http::{HeaderValue, Response};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::error::Error;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "bare_h2 ADDRESS CHAIN KEY";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or(USAGE);
    let (address, chain, key) = (next()?, next()?, next()?);
    let chain = CertificateDer::pem_file_iter(chain)?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(key)?;
    let mut config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?);
    let page = Bytes::from(vec![b'x'; 1024]);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let (acceptor, page) = (acceptor.clone(), page.clone());
        tokio::spawn(async move {
            // A client that leaves ends its own connection and nothing else.
            let _ = serve(acceptor, stream, page).await;
        });
    }
}

async fn serve(acceptor: TlsAcceptor, stream: TcpStream, page: Bytes) -> Result<(), Box<dyn Error>> {
    let mut connection = h2::server::handshake(acceptor.accept(stream).await?).await?;
    while let Some(exchange) = connection.accept().await {
        let (_, mut answer) = exchange?;
        answer.send_response(head(page.len()), false)?.send_data(page.clone(), true)?;
    }
    Ok(())
}

/// As many fields as a cached page has.
fn head(length: usize) -> Response<()> {
    let mut head = Response::new(());
    let fields = [
        ("content-type", "text/html"),
        ("cache-control", "max-age=3600"),
        ("etag", "\"0123456789abcdef\""),
        ("last-modified", "Sat, 01 Aug 2026 00:00:00 GMT"),
        ("date", "Sat, 01 Aug 2026 00:00:00 GMT"),
    ];
    for (name, value) in fields {
        head.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    head.headers_mut().insert("content-length", HeaderValue::from(length));
    head
}
