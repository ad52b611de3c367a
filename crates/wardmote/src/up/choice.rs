//! `--site HOST --to URL`: sites given on the command line, as the sites.toml they stand for.

use crate::exit::Failure;
use std::fmt::Write as _;
use vocabulary::SitePattern;

/// The account that holds the sites of the command line.
const ACCOUNT: &str = "command-line";

/// A host and its origin, as given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) host: SitePattern,
    /// With its scheme.
    pub(super) origin: String,
}

/// Pairs each `--site` with the `--to` at its place.
pub(super) fn pairs(sites: &[String], origins: &[String]) -> Result<Vec<Pair>, Failure> {
    if sites.len() != origins.len() {
        return Err(Failure::bad_use(format!(
            "{} --site and {} --to; give each --site HOST its --to URL",
            sites.len(),
            origins.len()
        )));
    }
    sites.iter().zip(origins).map(|(site, origin)| pair(site, origin)).collect()
}

fn pair(site: &str, origin: &str) -> Result<Pair, Failure> {
    let host = site.parse::<SitePattern>().map_err(|error| {
        Failure::bad_use(format!("--site {site}: {error}; give a host name such as shop.localhost"))
    })?;
    let with_scheme = if origin.contains("://") { origin.to_owned() } else { format!("http://{origin}") };
    let pair = Pair { host, origin: with_scheme };
    let text = as_sites_toml(std::slice::from_ref(&pair));
    match control::sites_toml::parse(&text, std::path::Path::new(".")) {
        Ok(_) => Ok(pair),
        Err(error) => {
            let why = error.mistakes.first().map_or("", |mistake| mistake.message.as_str());
            Err(Failure::bad_use(format!("--site {site} --to {origin}: {why}")))
        }
    }
}

/// The pairs as a sites.toml.
pub(super) fn as_sites_toml(pairs: &[Pair]) -> String {
    let mut text = format!("[[account]]\nname = {ACCOUNT:?}\n");
    for Pair { host, origin } in pairs {
        // Writing to a String cannot fail. Both texts are printable ASCII, so Rust's quoting is TOML's.
        let _ = write!(text, "[[account.site]]\nhosts = [{:?}]\norigins = [{origin:?}]\n", host.to_string());
    }
    text
}

/// Whether any of the hosts is one that people elsewhere may look up.
pub(super) fn is_public(pairs: &[Pair]) -> bool {
    pairs.iter().any(|pair| !pair.host.base().is_reserved())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn pairs_become_a_sites_file() {
        let pairs =
            pairs(&texts(&["shop.localhost", "*.b.test"]), &texts(&["127.0.0.1:3000", "https://o.test"]));
        let pairs = pairs.unwrap();
        let text = as_sites_toml(&pairs);
        let document = control::sites_toml::parse(&text, std::path::Path::new(".")).expect(&text);
        assert_eq!(document.accounts[0].sites.len(), 2);
        assert!(!is_public(&pairs));
    }

    #[test]
    fn a_real_name_is_public() {
        let pairs = pairs(&texts(&["shop.example.org"]), &texts(&["127.0.0.1:3000"])).unwrap();
        assert!(is_public(&pairs));
    }

    #[test]
    fn what_does_not_pair_is_refused() {
        assert!(pairs(&texts(&["a.test"]), &[]).is_err());
        assert!(pairs(&texts(&["a b"]), &texts(&["127.0.0.1:1"])).is_err());
        let said = pairs(&texts(&["a.test"]), &texts(&["ftp://b.test"])).unwrap_err().to_string();
        assert!(said.starts_with("--site a.test --to ftp://b.test: "), "{said}");
    }
}
