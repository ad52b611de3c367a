//! A few lines of HTTP to authorities and webhooks: one connection for each request, bounded in every way.

use bytes::Bytes;
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Body;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// From the name to the answer's last byte.
pub(crate) const EXCHANGE_TIME_MAX: Duration = Duration::from_secs(30);
/// Longest answer that is read.
pub(crate) const ANSWER_BYTES_MAX: usize = 1 << 20;
/// Where systems keep the certificates of public authorities.
const ROOT_FILES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Speaks to authorities and webhooks.
#[derive(Clone)]
pub(crate) struct Client {
    tls: TlsConnector,
}

/// The certificates to trust cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RootsError {
    /// No certificate in the file.
    #[error("{path} holds no certificate in PEM form, or cannot be read; name a file of roots to trust", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
    },
    /// The system has none.
    #[error("the system has no trusted certificates; install ca-certificates")]
    System,
    /// TLS cannot be set up.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] rustls::Error),
}

impl Client {
    /// Trusts the roots of a file, or those of the system.
    pub(crate) fn new(roots: Option<&Path>) -> Result<Self, RootsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().map_err(RootsError::Tls)?;
        let mut config = builder.with_root_certificates(trusted(roots)?).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(config)) })
    }

    /// One request and its whole answer.
    pub(crate) async fn ask<B>(&self, request: Request<B>) -> Result<Response<Full<Bytes>>, BoxError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let asked = self.ask_patiently(request);
        tokio::time::timeout(EXCHANGE_TIME_MAX, asked).await.map_err(|_| "no answer in time")?
    }

    async fn ask_patiently<B>(&self, request: Request<B>) -> Result<Response<Full<Bytes>>, BoxError>
    where
        B: Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let target = Target::of(request.uri())?;
        let stream = TcpStream::connect((target.host, target.port)).await?;
        if !target.secure {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(target.host.to_owned())?;
        exchange(self.tls.connect(name, stream).await?, request).await
    }
}

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, instant_acme::Error>> + Send>> {
        let client = self.clone();
        Box::pin(async move {
            let answer = client.ask(request).await.map_err(instant_acme::Error::Other)?;
            Ok(BytesResponse::from(answer))
        })
    }
}

/// Whom to speak to.
#[derive(Debug)]
struct Target<'a> {
    host: &'a str,
    port: u16,
    secure: bool,
}

impl<'a> Target<'a> {
    fn of(uri: &'a Uri) -> Result<Self, BoxError> {
        let host = uri.host().ok_or("the address has no host")?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let secure = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_loopback(host) => false,
            // RFC 8555 §6.1.
            _ => return Err("only https:// is spoken, except to this machine itself".into()),
        };
        Ok(Self { host, port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }), secure })
    }
}

/// Whether an address may be spoken to.
pub fn may_be_asked(url: &str) -> bool {
    url.parse::<Uri>().is_ok_and(|uri| Target::of(&uri).is_ok())
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

async fn exchange<S, B>(stream: S, request: Request<B>) -> Result<Response<Full<Bytes>>, BoxError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = std::pin::pin!(connection);
    let asking = async {
        let answer = sender.send_request(origin_form(request)?).await?;
        let (head, body) = answer.into_parts();
        let bytes = Limited::new(body, ANSWER_BYTES_MAX).collect().await?.to_bytes();
        Ok::<_, BoxError>(Response::from_parts(head, Full::new(bytes)))
    };
    let mut asking = std::pin::pin!(asking);
    tokio::select! {
        answer = &mut asking => answer,
        // The connection may end before the answer's last bytes were taken out of it.
        ended = &mut connection => match ended {
            Ok(()) => asking.await,
            Err(error) => Err(error.into()),
        },
    }
}

/// As HTTP/1.1 wants it: the path in the first line, the host in its own field.
fn origin_form<B>(request: Request<B>) -> Result<Request<B>, BoxError> {
    let (mut head, body) = request.into_parts();
    let authority = head.uri.authority().ok_or("the address has no host")?.as_str().parse()?;
    head.headers.insert(header::HOST, authority);
    head.uri = head.uri.path_and_query().map_or("/", |path| path.as_str()).parse()?;
    Ok(Request::from_parts(head, body))
}

fn trusted(roots: Option<&Path>) -> Result<RootCertStore, RootsError> {
    let mut store = RootCertStore::empty();
    let mut read = |path: &Path| {
        let Ok(certificates) = CertificateDer::pem_file_iter(path) else { return false };
        store.add_parsable_certificates(certificates.flatten()).0 > 0
    };
    let found = match roots {
        Some(path) if read(path) => Ok(()),
        Some(path) => Err(RootsError::File { path: path.to_owned() }),
        None if ROOT_FILES.iter().any(|path| read(Path::new(path))) => Ok(()),
        None => Err(RootsError::System),
    };
    found.map(|()| store)
}
