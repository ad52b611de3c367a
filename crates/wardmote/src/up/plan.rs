//! What this start is to do: one configuration, and the sites to put behind the edge.

use super::choice::{self, Pair};
use super::ports::{self, Wanted};
use super::report::Report;
use crate::command_line::Up;
use crate::config::Config;
use crate::exit::Failure;
use crate::verbs;
use crate::verbs::apply::Request;
use control::sites_toml::{self, Document};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// Arguments, file and environment lowered into one plan; nothing was opened for it.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) config: Config,
    pub(super) sites: Sites,
    /// Hosts of the command line that people elsewhere look up.
    pub(super) public: Vec<vocabulary::Hostname>,
}

/// What to apply at start.
#[derive(Debug)]
pub(super) enum Sites {
    /// A sites.toml, checked.
    Given { request: Request, document: Document },
    /// Nothing was said: what the records hold, or the demonstration site if they hold nothing.
    AsKept,
}

impl Plan {
    /// Reads and checks everything that was said.
    pub(super) fn of(arguments: &Up, report: Report) -> Result<Self, Failure> {
        let local = &arguments.local;
        let mut config = verbs::configuration(local.config.as_deref(), local.data_dir.as_deref())?;
        let pairs = choice::pairs(&arguments.site, &arguments.to)?;
        let sites = match (&arguments.apply, pairs.as_slice()) {
            (Some(_), [_, ..]) => {
                return Err(Failure::bad_use(
                    "--apply and --site do not go together; put the sites in one file",
                ));
            }
            (Some(path), []) => from_file(path)?,
            (None, []) => Sites::AsKept,
            (None, pairs) => from_pairs(pairs)?,
        };
        if choice::is_public(&pairs) && !config.edge.addresses_given {
            (config.edge.http, config.edge.https) = public_addresses(report);
        }
        let public = pairs.iter().map(|pair| pair.host.base().clone()).filter(|host| !host.is_reserved());
        Ok(Self { config, sites, public: public.collect() })
    }

    /// Everything that will be listened on.
    pub(super) fn wanted(&self) -> Vec<Wanted> {
        let Config { edge, control, .. } = &self.config;
        let one = |key, address: &SocketAddr| Wanted { key, address: *address };
        let mut wanted = vec![one("control.listen", &control.listen), one("control.public", &control.public)];
        wanted.extend(edge.http.iter().map(|address| one("edge.http", address)));
        wanted.extend(edge.https.iter().map(|address| one("edge.https", address)));
        wanted.extend(edge.admin.iter().map(|address| one("edge.admin", address)));
        wanted
    }
}

fn from_file(path: &Path) -> Result<Sites, Failure> {
    let document = verbs::check::sites(path).map_err(Failure::bad_use)?;
    Ok(Sites::Given { request: Request::of_file(path)?, document })
}

fn from_pairs(pairs: &[Pair]) -> Result<Sites, Failure> {
    let text = choice::as_sites_toml(pairs);
    let document = sites_toml::parse(&text, Path::new("/"))
        .map_err(|error| Failure::bad_use(format!("--site, --to: {error}; give each host once")))?;
    // Who names a site and its origin at the command line is that site's customer.
    let asked = "given as --site and --to at the start".to_owned();
    Ok(Sites::Given { request: Request { customer_request: Some(asked), ..Request::of(text) }, document })
}

/// Ports 80 and 443 if they can be had, else the reason and 8080 and 8443; over IPv4, and over IPv6 where the
/// machine has it.
fn public_addresses(report: Report) -> (Vec<SocketAddr>, Vec<SocketAddr>) {
    let on_all = |port| {
        let ipv6 = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
        let has_ipv6 = ports::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0))).is_ok();
        let ipv4 = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        std::iter::once(ipv4).chain(has_ipv6.then_some(ipv6)).collect::<Vec<_>>()
    };
    for port in [80, 443] {
        if let Some(error) = on_all(port).into_iter().find_map(|address| ports::bind(address).err()) {
            report.warn(
                format!("port {port} cannot be had: {error}; using 8080 and 8443 instead"),
                "visitors find the site on its usual ports only when 80 and 443 are free for this user",
            );
            return (on_all(8080), on_all(8443));
        }
    }
    (on_all(80), on_all(443))
}
