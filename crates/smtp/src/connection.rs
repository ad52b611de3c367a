//! From a name to a secured connection.

use crate::relay::Security;
use crate::wire::Wire;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Where systems keep the authorities they trust.
const ROOT_FILES: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];
/// Longest line of an answer, in bytes (RFC 5321 §4.5.3.1.5 says 512).
const LINE_BYTES_MAX: u64 = 1_024;
/// Most lines of one answer.
const LINES_MAX: usize = 100;

/// Whom to trust.
pub(crate) enum Roots<'a> {
    /// Whom the system trusts.
    System,
    /// The authorities in a file.
    File(&'a Path),
}

/// The settings of TLS; an error where there is nobody to trust.
pub(crate) fn tls(roots: Roots<'_>) -> Result<Arc<ClientConfig>, String> {
    let mut store = RootCertStore::empty();
    let files: Vec<&Path> = match roots {
        Roots::System => ROOT_FILES.iter().map(Path::new).collect(),
        Roots::File(path) => vec![path],
    };
    for file in &files {
        if let Ok(certificates) = CertificateDer::pem_file_iter(file) {
            store.add_parsable_certificates(certificates.flatten());
            break;
        }
    }
    if let ([file], true) = (files.as_slice(), store.is_empty()) {
        return Err(format!("{}: no certificate of an authority in it", file.display()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    Ok(Arc::new(builder.with_root_certificates(store).with_no_client_auth()))
}

/// Opens a connection over which letters may go. `own` is the name we greet with.
pub(crate) async fn open(
    host: &str,
    port: u16,
    security: Security,
    tls: &Arc<ClientConfig>,
    own: &str,
) -> Result<Wire, String> {
    let stream = TcpStream::connect((host, port)).await;
    let stream = stream.map_err(|error| format!("no connection to {host}:{port}: {error}"))?;
    let peer = stream.peer_addr().map_err(|error| error.to_string())?;
    match security {
        Security::Plain => Ok(Wire::fresh(stream, peer)),
        Security::Tls => Ok(Wire::fresh(secured(stream, host, tls).await?, peer)),
        Security::StartTls => {
            let stream = ask_for_tls(stream, own).await?;
            Ok(Wire::greeted(secured(stream, host, tls).await?, peer))
        }
    }
}

async fn secured(
    stream: TcpStream,
    host: &str,
    tls: &Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, String> {
    let name = ServerName::try_from(host.to_owned()).map_err(|error| error.to_string())?;
    let connected = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await;
    connected.map_err(|error| format!("TLS with {host}: {error}"))
}

/// The plain part of a conversation with STARTTLS (RFC 3207). Nothing may follow the server's consent before the
/// handshake: it would have been written by anybody on the way.
async fn ask_for_tls(stream: TcpStream, own: &str) -> Result<TcpStream, String> {
    let mut stream = BufReader::new(stream);
    expect(&mut stream, 220, "greeting").await?;
    say(&mut stream, &format!("EHLO {own}\r\n")).await?;
    let offers = expect(&mut stream, 250, "EHLO").await?;
    if !offers.iter().any(|line| line.trim().eq_ignore_ascii_case("STARTTLS")) {
        return Err("the mail server offers no STARTTLS, and nothing is sent without TLS".to_owned());
    }
    say(&mut stream, "STARTTLS\r\n").await?;
    expect(&mut stream, 220, "STARTTLS").await?;
    if !stream.buffer().is_empty() {
        return Err("the mail server said more before TLS began; somebody may be in between".to_owned());
    }
    Ok(stream.into_inner())
}

async fn say(stream: &mut BufReader<TcpStream>, line: &str) -> Result<(), String> {
    let written = stream.get_mut().write_all(line.as_bytes()).await;
    written.map_err(|error| format!("the connection broke: {error}"))
}

/// The lines of an answer without their code, if it has this one.
async fn expect(
    stream: &mut (impl AsyncBufReadExt + AsyncRead + Unpin),
    code: u16,
    to: &str,
) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    while lines.len() < LINES_MAX {
        let mut line = Vec::new();
        let mut bounded = (&mut *stream).take(LINE_BYTES_MAX);
        let read = bounded.read_until(b'\n', &mut line).await;
        read.map_err(|error| format!("the connection broke: {error}"))?;
        let text = String::from_utf8_lossy(&line);
        let (digits, rest) = match text.trim_end().split_at_checked(3) {
            Some(parts) if line.ends_with(b"\n") => parts,
            _ => return Err(format!("no answer of a mail server to {to}")),
        };
        if digits.parse() != Ok(code) {
            let said: String = text.trim_end().chars().take(200).collect();
            return Err(format!("{to}: {said}"));
        }
        let goes_on = rest.starts_with('-');
        lines.push(rest.get(1..).unwrap_or_default().to_owned());
        if !goes_on {
            return Ok(lines);
        }
    }
    Err(format!("too long an answer to {to}"))
}
