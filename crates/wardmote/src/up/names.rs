//! Does a public host name lead here? A name that points elsewhere is a warning with what to mend.

use super::report::Report;
use crate::config::Acme;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use vocabulary::Hostname;

/// Says where the certificate of a public name comes from.
pub(super) fn tell_of_certificate(host: &Hostname, acme: &Acme, report: Report) {
    if acme.accept_terms {
        let from = acme.directories.join(", then ");
        return report.ok(format!("a certificate for {host} is ordered from {from}, where it has none yet"));
    }
    report.warn(
        format!("no certificate for {host} is ordered, and the local CA signs for test names only"),
        "HTTP works; for HTTPS agree to an authority's terms ([acme] accept_terms = true), upload a certificate, or name its files in a sites.toml",
    );
}

/// Compares where the name points with this machine's own address.
pub(super) async fn check(host: &Hostname, report: Report) {
    let found = match tokio::net::lookup_host((host.as_str(), 443)).await {
        Ok(found) => found.map(|address| address.ip()).collect::<Vec<_>>(),
        Err(error) => {
            return report.warn(
                format!("{host} is not found in the DNS: {error}"),
                format!("create its A record; until then try: curl -H 'Host: {host}' http://127.0.0.1/"),
            );
        }
    };
    let own: Vec<IpAddr> = own_addresses();
    match found.first() {
        Some(_) if found.iter().any(|ip| own.contains(ip)) => {
            report.ok(format!("{host} points to this machine"))
        }
        Some(there) => {
            let here = own.first().map_or("unknown".into(), ToString::to_string);
            report.warn(
                format!("{host} points to {there}, this machine is {here}"),
                format!("mend its A record: {here}; until then visitors go elsewhere"),
            );
        }
        None => report.warn(format!("{host} has no address in the DNS"), "create its A record"),
    }
}

/// The addresses this machine speaks from, asked of the routing table; nothing is sent.
fn own_addresses() -> Vec<IpAddr> {
    // Addresses for documentation (RFC 5737, RFC 3849): any route will do.
    let targets: [(&str, &str); 2] = [("0.0.0.0:0", "192.0.2.1:9"), ("[::]:0", "[2001:db8::1]:9")];
    let route = |(from, to): (&str, &str)| {
        let socket = UdpSocket::bind(from).ok()?;
        socket.connect(to).ok()?;
        socket.local_addr().ok().map(|address: SocketAddr| address.ip())
    };
    targets.into_iter().filter_map(route).collect()
}
