//! The begin of a TLS handshake: the ClientHello is read and kept for its fingerprint, then handed to the library.
//!
//! The library tells what it needs of a hello, and not which extensions stand in it.

use rustls::server::Acceptor;
use shield::fingerprint::{Carrier, HELLO_BYTES_MAX, of_records};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::StartHandshake;

/// Room for a hello as browsers send it.
const READ_BYTES: usize = 2048;

/// Reads a visitor's hello: the handshake that goes on from there, and the hello's fingerprint. None where it is no hello;
/// the visitor has been told then.
pub(crate) async fn read(mut stream: TcpStream) -> Option<(StartHandshake<TcpStream>, Option<String>)> {
    let mut acceptor = Acceptor::default();
    let mut kept = Vec::with_capacity(READ_BYTES);
    loop {
        let before = kept.len();
        kept.reserve(READ_BYTES);
        if stream.read_buf(&mut kept).await.ok()? == 0 || kept.len() > HELLO_BYTES_MAX {
            return None;
        }
        let mut fresh = &kept[before..];
        while !fresh.is_empty() {
            // Nothing taken: no room in the library for what is more than any hello.
            if acceptor.read_tls(&mut fresh).ok()? == 0 {
                return None;
            }
        }
        match acceptor.accept() {
            Ok(None) => {}
            Ok(Some(accepted)) => {
                let fingerprint = of_records(&kept, Carrier::Tcp);
                return Some((StartHandshake::from_parts(accepted, stream), fingerprint));
            }
            Err((_, mut alert)) => {
                let mut bytes = Vec::new();
                alert.write_all(&mut bytes).ok()?;
                // Whether it arrives or not, the connection ends here.
                let _ = stream.write_all(&bytes).await;
                return None;
            }
        }
    }
}
