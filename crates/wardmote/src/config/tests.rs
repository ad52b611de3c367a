//! Configuration from fixtures: each good file is read, each bad one refused with the words beside it.

use super::*;
use ledger::key::SignerKey;
use std::fs;
use vocabulary::SeededRandom;

fn fixtures(kind: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/fixtures").join(kind);
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn read(path: &Path) -> Result<Config, ConfigError> {
    Config::read(Some(path), std::iter::empty(), None)
}

fn from_variables(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let variables = variables.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    Config::read(None, variables, None)
}

#[test]
fn every_good_file_is_read() {
    for path in fixtures("good") {
        assert!(read(&path).is_ok(), "{}: {:?}", path.display(), read(&path));
    }
}

#[test]
fn every_bad_file_is_refused_with_its_line_and_what_to_write() {
    for path in fixtures("bad") {
        let says = fs::read_to_string(path.with_extension("says")).unwrap();
        let error = read(&path).expect_err(&path.display().to_string()).to_string();
        let expected = format!("{}{}", path.display(), says.trim_end_matches('\n'));
        assert!(error.starts_with(&expected), "\nsaid   {error}\nwanted {expected}");
    }
}

#[test]
fn the_documented_file_is_the_default() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/config/fixtures/good");
    let mut written = read(&folder.join("everything.toml")).unwrap();
    assert_eq!(written.access_log(), Config::default().access_log());
    written.edge.access_log = AccessLog::InDataDir;
    assert!(written.edge.addresses_given);
    written.edge.addresses_given = false;
    assert_eq!(written, Config::default());
    assert_eq!(read(&folder.join("empty.toml")).unwrap(), Config::default());
}

#[test]
fn every_key_can_be_set_by_a_variable() {
    let key = SignerKey::for_witness(&SeededRandom::new(1), "w.test").unwrap().verifier();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), format!("witness w {key} http://w.test\nquorum w\n")).unwrap();
    let crawlers = tempfile::NamedTempFile::new().unwrap();
    fs::write(crawlers.path(), "own OwnBot .crawl.test\n").unwrap();
    let set = from_variables(&[
        ("WARDMOTE_DATA_DIR", "/srv/a"),
        ("WARDMOTE_EDGE_HTTP", "127.0.0.1:81, [::1]:81"),
        ("WARDMOTE_EDGE_HTTPS", ""),
        ("WARDMOTE_EDGE_HTTP3", "false"),
        ("WARDMOTE_EDGE_WORKERS", "3"),
        ("WARDMOTE_EDGE_TRUSTED_PROXIES", "10.0.0.0/8"),
        ("WARDMOTE_EDGE_CHILDREN", "10.1.0.0/16"),
        ("WARDMOTE_EDGE_PROXY_PROTOCOL", "[::1]:81"),
        ("WARDMOTE_EDGE_DRAIN_SECONDS", "5"),
        ("WARDMOTE_EDGE_ACCESS_LOG", ""),
        ("WARDMOTE_EDGE_ADMIN", "127.0.0.1:82"),
        ("WARDMOTE_EDGE_PARENT", "http://10.0.0.5:8080"),
        ("WARDMOTE_EDGE_NAME_SERVERS", "127.0.0.1:53"),
        ("WARDMOTE_EDGE_GEOIP", "/srv/country.mmdb,/srv/asn.mmdb"),
        ("WARDMOTE_EDGE_CRAWLERS", crawlers.path().to_str().unwrap()),
        ("WARDMOTE_MAIL_SMTP", "smtps://mail.test"),
        ("WARDMOTE_MAIL_FROM", "desk@edge.test"),
        ("WARDMOTE_MAIL_USER", "edge"),
        ("WARDMOTE_MAIL_PASSWORD", ""),
        ("WARDMOTE_MAIL_ROOTS", "/srv/roots.pem"),
        ("WARDMOTE_ACME_ACCEPT_TERMS", "false"),
        ("WARDMOTE_ACME_DIRECTORIES", "https://authority.test/directory"),
        ("WARDMOTE_ACME_CONTACT", "mailto:ops@example.test"),
        ("WARDMOTE_ACME_BINDINGS", ""),
        ("WARDMOTE_ACME_ROOTS", ""),
        ("WARDMOTE_ACME_PROOFS", "http-01"),
        ("WARDMOTE_ACME_DNS_WEBHOOK", ""),
        ("WARDMOTE_ACME_DNS_TOKEN", ""),
        ("WARDMOTE_ACME_DNS_WAIT", "31"),
        ("WARDMOTE_CACHE_MEMORY", "1GiB"),
        ("WARDMOTE_CACHE_DISK", "0"),
        ("WARDMOTE_CONTROL_LISTEN", "127.0.0.1:83"),
        ("WARDMOTE_CONTROL_PUBLIC", "127.0.0.1:84"),
        ("WARDMOTE_CONTROL_PUBLIC_URL", "https://record.example"),
        ("WARDMOTE_CONTROL_WITNESSES", file.path().to_str().unwrap()),
        ("WARDMOTE_CONTROL_RESOLVERS", "127.0.0.1:53,[::1]:53"),
        ("WARDMOTE_RECORDS_URL", "sqlite"),
        ("WARDMOTE_FEED_NATS", ""),
        ("WARDMOTE_SEED", "no key"),
        ("HOME", "no key"),
    ])
    .unwrap();
    assert_eq!(set.edge.http.len(), 2);
    assert_eq!(set.edge.https, []);
    assert!(!set.edge.http3);
    assert_eq!(set.edge.proxy_protocol, set.edge.http[1..]);
    assert_eq!(set.edge.children, ["10.1.0.0/16".parse().unwrap()]);
    assert_eq!((set.edge.workers, set.edge.drain.as_secs()), (3, 5));
    assert_eq!(set.access_log(), None);
    assert_eq!(set.edge.parent.map(|parent| parent.port), Some(8080));
    assert_eq!(set.cache.memory.bytes(), 1 << 30);
    assert_eq!(set.control.public_url.to_string(), "https://record.example");
    assert_eq!(set.control.witnesses.unwrap().witnesses()[0].key, key);
    assert_eq!(set.edge.geoip, [Path::new("/srv/country.mmdb"), Path::new("/srv/asn.mmdb")]);
    assert_eq!(set.edge.crawlers.len(), Crawlers::known().len() + 1);
    assert_eq!(set.control.resolvers.len(), 2);
    assert_eq!(set.edge.name_servers, ["127.0.0.1:53".parse().unwrap()]);
    assert!(set.acme.settings().is_none(), "nobody agreed to an authority's terms");
    assert_eq!(set.mail.smtp.as_deref(), Some("smtps://mail.test"));
    assert_eq!(set.mail.from.map(|from| from.to_string()).as_deref(), Some("desk@edge.test"));
    assert_eq!((set.mail.user.as_str(), set.mail.password), ("edge", None));
    assert_eq!(set.mail.roots.as_deref(), Some(Path::new("/srv/roots.pem")));
    assert_eq!(KEYS.len(), 38, "a new key belongs in this test");
}

#[test]
fn a_variable_beats_the_file_and_a_flag_beats_both() {
    let path = fixtures("good").into_iter().find(|path| path.ends_with("bench.toml")).unwrap();
    let variables = || [("WARDMOTE_DATA_DIR".to_owned(), "/srv/variable".to_owned())].into_iter();
    let config = Config::read(Some(&path), variables(), None).unwrap();
    assert_eq!(config.data_dir, Path::new("/srv/variable"));
    assert_eq!(config.edge.workers, 1);
    let config = Config::read(Some(&path), variables(), Some(Path::new("/srv/flag"))).unwrap();
    assert_eq!(config.data_dir, Path::new("/srv/flag"));
}

#[test]
fn a_mistyped_variable_is_refused_with_the_nearest() {
    let error = from_variables(&[("WARDMOTE_EDGE_HTP", "x")]).unwrap_err().to_string();
    assert_eq!(
        error,
        "WARDMOTE_EDGE_HTP: unknown variable WARDMOTE_EDGE_HTP; did you mean WARDMOTE_EDGE_HTTP?"
    );
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let error = read(Path::new("/nowhere/wardmote.toml")).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/wardmote.toml: cannot read it"), "{error}");
}

#[test]
fn mistakes_come_in_the_order_of_the_lines() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("wardmote.toml");
    fs::write(&path, "[edge]\nworkes = 1\nhttp = [\"x\"]\n[cache]\nmemory = \"y\"\n").unwrap();
    let error = read(&path).unwrap_err().to_string();
    let lines: Vec<&str> = error.lines().filter_map(|line| line.split(':').nth(1)).collect();
    assert_eq!(lines, ["2", "3", "5"]);
}
