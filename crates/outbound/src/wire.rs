//! One GET on a connection of its own, to an address that was checked.

use crate::fetch::{Fetched, Unfetched};
use bytes::Bytes;
use http::{HeaderMap, Request, header};
use http_body_util::{BodyExt as _, Empty, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

/// For one address of a name; the next is tried after it.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(3);
/// Where systems keep the certificates of public authorities.
const ROOT_FILES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// An answer.
pub(crate) enum Answer {
    Here(Fetched),
    /// A redirect's target, as it stands.
    Elsewhere(String),
}

/// Asks one address for what an URL names.
pub(crate) async fn ask(address: SocketAddr, url: &Url, bytes_max: usize) -> Result<Answer, Unfetched> {
    let stream = timeout(CONNECT_TIME_MAX, TcpStream::connect(address)).await;
    let stream = stream.map_err(|_| wire("it cannot be reached"))?.map_err(wire)?;
    if url.scheme() == "http" {
        return exchange(stream, url, bytes_max).await;
    }
    let config = config().ok_or_else(|| wire("this machine has no certificates of public authorities"))?;
    let name = match url.host() {
        Some(Host::Domain(name)) => ServerName::try_from(name.to_owned()).map_err(wire)?,
        Some(Host::Ipv4(ip)) => ServerName::IpAddress(std::net::IpAddr::V4(ip).into()),
        Some(Host::Ipv6(ip)) => ServerName::IpAddress(std::net::IpAddr::V6(ip).into()),
        None => return Err(Unfetched::Address),
    };
    let stream = TlsConnector::from(config).connect(name, stream).await.map_err(wire)?;
    exchange(stream, url, bytes_max).await
}

fn wire(why: impl ToString) -> Unfetched {
    Unfetched::Wire(why.to_string())
}

async fn exchange<S>(stream: S, url: &Url, bytes_max: usize) -> Result<Answer, Unfetched>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(wire)?;
    let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
    let authority = &url[url::Position::BeforeHost..url::Position::AfterPort];
    let request = Request::get(target)
        .header(header::HOST, authority)
        .header(header::USER_AGENT, "wardmote")
        .header(header::ACCEPT, "*/*")
        .body(Empty::<Bytes>::new())
        .map_err(wire)?;
    let answer = async {
        let answer = sender.send_request(request).await.map_err(wire)?;
        let (head, body) = answer.into_parts();
        if head.status.is_redirection()
            && let Some(target) = head.headers.get(header::LOCATION)
        {
            return Ok(Answer::Elsewhere(target.to_str().map_err(wire)?.to_owned()));
        }
        let body = Limited::new(body, bytes_max).collect().await.map_err(|error| {
            if error.is::<LengthLimitError>() { Unfetched::TooLarge(bytes_max) } else { wire(error) }
        })?;
        let bytes = body.to_bytes().to_vec();
        Ok(Answer::Here(Fetched {
            status: head.status.as_u16(),
            media_type: media_type(&head.headers),
            bytes,
        }))
    };
    // The connection is driven here and ends with the answer; nothing is left running.
    let mut connection = std::pin::pin!(connection);
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        ended = &mut connection => {
            ended.map_err(wire)?;
            answer.await
        }
    }
}

fn media_type(fields: &HeaderMap) -> String {
    let text = fields.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Trusts what the system trusts; none where it trusts nobody.
fn config() -> Option<Arc<ClientConfig>> {
    static CONFIG: OnceLock<Option<Arc<ClientConfig>>> = OnceLock::new();
    let read = || {
        let mut roots = RootCertStore::empty();
        for file in ROOT_FILES {
            let Ok(certificates) = CertificateDer::pem_file_iter(file) else { continue };
            roots.add_parsable_certificates(certificates.flatten());
            break;
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().ok()?;
        let config = builder.with_root_certificates(Arc::new(roots)).with_no_client_auth();
        Some(Arc::new(config))
    };
    CONFIG.get_or_init(read).clone()
}
