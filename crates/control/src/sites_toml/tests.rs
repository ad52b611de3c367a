use super::*;
use snapshot::{CacheMode, Scheme, Service};

fn read(text: &str) -> Result<Document, SitesError> {
    parse(text, Path::new("/etc/wardmote"))
}

const GOOD: &str = r#"
[[account]]
name = "bench"
  [[account.site]]
  hosts       = ["bench.test", "*.bench.test"]
  origins     = ["http://127.0.0.1:9000", "https://[::1]", "origin.test:81"]
  certificate = { chain = "cert.pem", key = "/keys/key.pem" }
  services    = ["cache", "errors"]
  cache       = "origin"
  error_page  = "<h1>{status}</h1>"
  [[account.site]]
  hosts   = ["b.test"]
  origins = ["127.0.0.1"]
[[account]]
name = "empty"
"#;

#[test]
fn a_whole_file_is_read_with_its_defaults() {
    let document = read(GOOD).expect("good file");
    assert_eq!(document.accounts.len(), 2);
    let [first, second] = document.accounts[0].sites.as_slice() else { panic!("two sites") };
    assert_eq!(
        first.hosts.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["bench.test", "*.bench.test"]
    );
    let origins: Vec<_> = first.origins.iter().map(|o| (o.scheme, o.host.to_string(), o.port)).collect();
    assert_eq!(
        origins,
        [
            (Scheme::Http, "127.0.0.1".to_owned(), 9000),
            (Scheme::Https, "::1".to_owned(), 443),
            (Scheme::Http, "origin.test".to_owned(), 81)
        ]
    );
    let files = first.certificate.as_ref().expect("files");
    assert_eq!(files.chain, Path::new("/etc/wardmote/cert.pem"));
    assert_eq!(files.key, Path::new("/keys/key.pem"));
    assert_eq!(first.services.iter().copied().collect::<Vec<_>>(), [Service::Cache, Service::Errors]);
    assert_eq!(first.cache, CacheMode::Origin);
    assert_eq!(second.cache, CacheMode::Guarded);
    assert_eq!(second.services.len(), 3);
    assert_eq!(second.origins[0].port, 80);
}

#[test]
fn every_mistake_is_placed_and_says_what_to_do() {
    let cases = [
        ("[[acount]]\nname = \"a\"", 1, "did you mean \"account\"?"),
        ("[[account]]\nname = \"a\"\n[[account.site]]\nhost = [\"a.test\"]", 4, "did you mean \"hosts\"?"),
        ("[[account]]\nnmae = \"a\"", 2, "did you mean \"name\"?"),
        ("[[account]]\n", 1, "\"name\" is missing"),
        ("[[account]]\nname = \"\"", 2, "1 to 100 characters"),
        ("[[account]]\nname = \"a\"\n[[account]]\nname = \"a\"", 4, "stands twice"),
        ("[[account]]\nname = 7", 2, "in quotation marks"),
        ("[account]\nname = \"a\"", 1, "double brackets"),
        ("a = ", 1, ""),
        ("[[account]]\nname = \"a\"\n[[account.site]]\norigins = [\"http://o.test\"]", 3, "write hosts = ["),
        ("[[account]]\nname = \"a\"\n[[account.site]]\nhosts = []\norigins = [\"o.test\"]", 4, "is empty"),
        (
            "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a b\"]\norigins = [\"o.test\"]",
            4,
            "not a host name",
        ),
        (
            "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a.test\"]\norigins = [\"ftp://o.test\"]",
            5,
            "only http",
        ),
        (
            "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a.test\"]\norigins = [\"http://o.test/x\"]",
            5,
            "alone",
        ),
        (
            "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a.test\"]\norigins = [\"o.test:0\"]",
            5,
            "port",
        ),
        (
            "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a.test\"]\norigins = [\"o.test\"]\ncache = \"orign\"",
            6,
            "did you mean \"origin\"?",
        ),
        (
            "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a.test\"]\norigins = [\"o.test\"]\nservices = [\"waf\"]",
            6,
            "unknown service",
        ),
        (
            "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a.test\"]\norigins = [\"o.test\"]\ncertificate = { chain = \"c\" }",
            6,
            "\"key\" is missing",
        ),
        (
            "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a.test\",\n \"A.test\"]\norigins = [\"o.test\"]",
            5,
            "already on line 4",
        ),
    ];
    for (text, line, says) in cases {
        let error = read(text).expect_err(text);
        let told =
            error.mistakes.iter().any(|mistake| mistake.line == line && mistake.message.contains(says));
        assert!(told, "{text}\n{error}");
    }
}

#[test]
fn a_misspelt_key_is_not_missing_as_well() {
    let text = "[[account]]\nname = \"a\"\n[[account.site]]\nhost = [\"a.test\"]\norigins = [\"o.test\"]";
    assert_eq!(read(text).expect_err("misspelt").mistakes.len(), 1);
}

#[test]
fn several_mistakes_are_told_at_once_and_bounded() {
    let text = "[[account]]\nname = \"a\"\n".to_owned() + &"[[account.site]]\n".repeat(30);
    let error = read(&text).expect_err("thirty empty sites");
    assert_eq!(error.mistakes.len(), 20);
    assert!(error.mistakes.is_sorted_by_key(|mistake| mistake.line));
}

#[test]
fn a_file_over_the_bound_is_refused_unread() {
    assert!(read(&"#".repeat(BYTES_MAX + 1)).is_err());
}

/// A file with one site whose table of cache rules holds this text, from line 6 on.
fn with_rules(rules: &str) -> Result<Document, SitesError> {
    read(&format!(
        "[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a.test\"]\norigins = [\"o.test\"]\n{rules}"
    ))
}

#[test]
fn cache_rules_are_read_whole_and_default_to_none() {
    let rules = |text| with_rules(text).expect(text).accounts[0].sites[0].cache_rules.clone();
    assert_eq!(rules(""), caching::Rules::default());
    assert_eq!(rules("[account.site.cache_rules]"), caching::Rules::default());
    let read = rules(
        "[account.site.cache_rules]
        ttl = [{ path = \"/a/\", seconds = 60 }, { path = \"*.css\", status = 404, seconds = 0 }]
        bypass_cookies = [\"session\", \"wp_*\"]
        languages = [\"en\", \"pt-BR\"]
        query = { ignore = [\"utm_*\"], sort = true }
        agree_content_type = true",
    );
    assert_eq!((read.ttl[0].path.as_str(), read.ttl[0].status, read.ttl[0].ttl_seconds), ("/a/", None, 60));
    assert_eq!(read.ttl[1].status, Some(caching::StatusRange { from: 404, to: 404 }));
    assert_eq!(read.bypass_cookies, ["session", "wp_*"]);
    assert_eq!(read.languages, ["en", "pt-BR"]);
    assert_eq!(read.query, caching::QueryRule { ignore: vec!["utm_*".to_owned()], sort: true });
    assert_eq!(read.agree_content_type, Some(true));
}

#[test]
fn mistakes_in_cache_rules_are_placed_too() {
    for (text, line, says) in [
        ("cache_rule = {}", 6, "did you mean \"cache_rules\"?"),
        ("cache_rules = true", 6, "[account.site.cache_rules]"),
        ("[account.site.cache_rules]\nbypass_cookie = []", 7, "did you mean \"bypass_cookies\"?"),
        ("[account.site.cache_rules]\nbypass_cookies = [\"a b\"]", 7, "not a cookie's name"),
        ("[account.site.cache_rules]\nbypass_cookies = \"a\"", 7, "a list of texts"),
        ("[account.site.cache_rules]\nlanguages = [\"en, de\"]", 7, "not a language"),
        ("[account.site.cache_rules]\nlanguages = [\"en--gb\"]", 7, "not a language"),
        ("[account.site.cache_rules]\nagree_content_type = 1", 7, "true or false"),
        ("[account.site.cache_rules]\nquery = { sorted = true }", 7, "did you mean \"sort\"?"),
        ("[account.site.cache_rules]\nquery = { ignore = [\"a=b\"] }", 7, "not a parameter's name"),
        ("[account.site.cache_rules]\nquery = \"sort\"", 7, "written query ="),
        ("[account.site.cache_rules]\nttl = [{ path = \"/a\" }]", 7, "write seconds = 3600"),
        ("[account.site.cache_rules]\nttl = [{ seconds = 1 }]", 7, "\"path\" is missing"),
        ("[account.site.cache_rules]\nttl = [{ path = \"a\", seconds = 1 }]", 7, "begins with /"),
        ("[account.site.cache_rules]\nttl = [{ path = \"/a?b\", seconds = 1 }]", 7, "begins with /"),
        ("[account.site.cache_rules]\nttl = [{ path = \"/a\", seconds = -1 }]", 7, "0 to 31536000"),
        ("[account.site.cache_rules]\nttl = [{ path = \"/a\", seconds = 1.5 }]", 7, "whole number"),
        ("[account.site.cache_rules]\nttl = [{ path = \"/a\", seconds = 1, status = 99 }]", 7, "200 to 599"),
        (
            "[account.site.cache_rules]\nttl = [{ path = \"/a\", seconds = 1, status = \"500-400\" }]",
            7,
            "200 to 599",
        ),
        (
            "[account.site.cache_rules]\nttl = [{ path = \"/a\", seconds = 1, stauts = 404 }]",
            7,
            "did you mean \"status\"?",
        ),
        ("[[account.site.cache_rules.ttl]]\npath = \"/a\"\nsecond = 1", 8, "did you mean \"seconds\"?"),
    ] {
        let error = with_rules(text).expect_err(text);
        assert_eq!(error.mistakes.len(), 1, "{text}: {error}");
        assert_eq!(error.mistakes[0].line, line, "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
}

/// A file with one site whose own text follows its hosts, from line 5 on.
fn with_origins(text: &str) -> Result<Document, SitesError> {
    read(&format!("[[account]]\nname = \"a\"\n[[account.site]]\nhosts = [\"a.test\"]\n{text}"))
}

#[test]
fn origins_are_read_with_their_weights_and_how_they_are_used() {
    use snapshot::{
        Balance, Ejection, HealthCheck, OriginPolicy, OriginSecret, OriginTls, Probe, Retries, Timeouts,
        Trusted,
    };
    let site = |text: &str| with_origins(text).expect(text).accounts[0].sites[0].clone();
    assert_eq!(site("origins = [\"o.test\"]").origin_policy, OriginPolicy::default());
    let read = site(
        "balance = \"hash:cookie:session\"
        health = { path = \"/up?x\", host = \"a.test:81\", status = \"200-299\", interval = 2, fall = 1 }
        ejection = { after = 0, base = \"1s\", max = \"1m\", slow_return = 0, panic_percent = 50 }
        retries = { attempts = 2, budget_percent = 10, statuses = [502, 503] }
        timeouts = { connect = \"300ms\", first_byte = 5, between_bytes = \"5m\", total = \"1h\" }
        origin_tls = { ca = \"ca.pem\", server_name = \"inner.test\", certificate = { chain = \"e.pem\", key = \"/e.key\" } }
        origin_host = \"inner.test:8443\"
        origin_secret = { name = \"X-Origin-Secret\", file = \"secret.txt\" }
        [[account.site.origin]]
        url = \"http://10.0.0.1:8080\"
        weight = 3
        [[account.site.origin]]
        url = \"o.test\"",
    );
    let origins: Vec<_> = read.origins.iter().map(|o| (o.host.to_string(), o.port, o.weight)).collect();
    assert_eq!(origins, [("10.0.0.1".to_owned(), 8080, 3), ("o.test".to_owned(), 80, 1)]);
    let path = "/up?x".to_owned();
    let probe = Probe::Http { path, host: Some("a.test:81".to_owned()), status_min: 200, status_max: 299 };
    let policy = OriginPolicy {
        balance: Balance::HashCookie("session".to_owned()),
        health: Some(HealthCheck { interval_ms: 2000, fall: 1, ..HealthCheck::with(probe) }),
        ejection: Ejection { after: 0, base_ms: 1000, max_ms: 60_000, slow_return_ms: 0, panic_percent: 50 },
        retries: Retries { attempts: 2, budget_percent: 10, statuses: vec![502, 503] },
        timeouts: Timeouts {
            connect_ms: 300,
            first_byte_ms: 5000,
            between_bytes_ms: 300_000,
            total_ms: Some(3_600_000),
        },
        tls: OriginTls {
            trust: Trusted::Authorities("/etc/wardmote/ca.pem".into()),
            server_name: Some(vocabulary::Hostname::parse("inner.test").expect("a name")),
            client: Some(snapshot::CertificateFiles {
                chain: "/etc/wardmote/e.pem".into(),
                key: "/e.key".into(),
            }),
        },
        host: Some("inner.test:8443".to_owned()),
        secret: Some(OriginSecret {
            name: "x-origin-secret".to_owned(),
            file: "/etc/wardmote/secret.txt".into(),
        }),
    };
    assert_eq!(read.origin_policy, policy);
    let pin = "AB:".repeat(31) + "cd";
    let text = format!("origins = [\"o.test\"]\norigin_tls = {{ pin = [{pin:?}] }}");
    let pinned = site(&text).origin_policy.tls.trust;
    let digest = ("ab".repeat(31) + "cd").parse().expect("a digest");
    assert_eq!(pinned, Trusted::Pinned(vec![digest]));
    let tcp = site("origins = [\"o.test\"]\nhealth = { check = \"tcp\" }").origin_policy.health;
    assert_eq!(tcp, Some(HealthCheck::with(Probe::Tcp)));
}

#[test]
fn mistakes_about_origins_are_placed_and_say_what_to_do() {
    for (text, line, says) in [
        ("", 3, "write origins = ["),
        ("origins = [\"o.test\"]\n[[account.site.origin]]\nurl = \"p.test\"", 5, "not both"),
        ("[[account.site.origin]]\nweight = 3", 5, "\"url\" is missing"),
        ("[[account.site.origin]]\nurl = \"o.test\"\nweight = 0", 7, "from 1 to 100"),
        ("[[account.site.origin]]\nurl = \"o.test\"\nwieght = 1", 7, "did you mean \"weight\"?"),
        ("[[account.site.origin]]\nurl = \"ftp://o.test\"", 6, "only http"),
        ("origins = [\"o.test\"]\nbalance = \"round_robin\"", 6, "did you mean \"round-robin\"?"),
        ("origins = [\"o.test\"]\nbalance = \"hash:cookie:\"", 6, "the cookie's name"),
        ("origins = [\"o.test\"]\nhealth = { check = \"ping\" }", 6, "unknown check"),
        ("origins = [\"o.test\"]\nhealth = { check = \"tcp\", path = \"/\" }", 6, "has no path"),
        ("origins = [\"o.test\"]\nhealth = { path = \"up\" }", 6, "begins with /"),
        ("origins = [\"o.test\"]\nhealth = { host = \"a b\" }", 6, "no host name"),
        ("origins = [\"o.test\"]\nhealth = { status = \"299-200\" }", 6, "200 to 599"),
        ("origins = [\"o.test\"]\nhealth = { interval = \"10ms\" }", 6, "from 1s"),
        ("origins = [\"o.test\"]\nhealth = { fall = 0 }", 6, "from 1 to 100"),
        ("origins = [\"o.test\"]\nejection = { afer = 1 }", 6, "did you mean \"after\"?"),
        ("origins = [\"o.test\"]\nejection = { panic_percent = 101 }", 6, "from 0 to 100"),
        ("origins = [\"o.test\"]\nretries = { attempts = 0 }", 6, "from 1 to 16"),
        ("origins = [\"o.test\"]\nretries = { statuses = [404] }", 6, "from 500 to 599"),
        ("origins = [\"o.test\"]\ntimeouts = { connect = \"fast\" }", 6, "\"500ms\""),
        ("origins = [\"o.test\"]\norigin_tls = { pin = [\"ab\"] }", 6, "openssl x509"),
        ("origins = [\"o.test\"]\norigin_tls = { ca = \"a\", verify = false }", 6, "one of ca, pin"),
        ("origins = [\"o.test\"]\norigin_tls = { certificate = { chain = \"a\" } }", 6, "\"key\" is missing"),
        ("origins = [\"o.test\"]\norigin_tls = { sni = \"a\" }", 6, "unknown key"),
        ("origins = [\"o.test\"]\norigin_host = \"http://a\"", 6, "no host name"),
        ("origins = [\"o.test\"]\norigin_secret = \"hush\"", 6, "write origin_secret = {"),
        (
            "origins = [\"o.test\"]\norigin_secret = { name = \"Host\", file = \"a\" }",
            6,
            "cannot be the name",
        ),
        ("origins = [\"o.test\"]\norigin_secret = { name = \"a b\", file = \"a\" }", 6, "cannot be the name"),
        ("[[account.site.origin]]\nurl = \"o.test\"\nserver_name = \"a b\"", 7, "no host name"),
        ("[[account.site.origin]]\nurl = \"o.test\"\nprotocol = \"h2\"", 7, "http2"),
        ("origins = [\"o.test\"]\ntimeouts = { first_bite = 1 }", 6, "did you mean \"first_byte\"?"),
    ] {
        let error = with_origins(text).expect_err(text);
        assert_eq!(error.mistakes.len(), 1, "{text}: {error}");
        assert_eq!(error.mistakes[0].line, line, "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
}

#[test]
fn the_ways_in_are_read_whole_and_default_to_what_the_origin_does() {
    let front = |text| with_rules(text).expect(text).accounts[0].sites[0].front.clone();
    assert!(front("").is_default());
    let read = front(
        "redirect_https = true\nbypass = true\ntrace = true\n\
         hsts = { max_age = 31536000, include_subdomains = true, preload = true }\n\
         maintenance = { retry_after = 60, allow = [\"192.0.2.7\", \"2001:db8::/32\"] }",
    );
    assert!(read.redirect_https && read.bypass && read.trace);
    let hsts = read.hsts.expect("set").to_string();
    assert_eq!(hsts, "max-age=31536000; includeSubDomains; preload");
    let guarded =
        front("tls_min = \"1.3\"\nclient_certificates = { ca = \"clients.pem\", mode = \"optional\" }");
    let clients = guarded.client_certificates.expect("set");
    assert_eq!((guarded.tls_min, clients.required), (snapshot::TlsMin::Tls13, false));
    assert!(
        matches!(clients.authorities, snapshot::Authorities::File(path) if path.ends_with("clients.pem"))
    );
    let plain = front("client_certificates = { ca = \"clients.pem\" }");
    assert!(plain.client_certificates.expect("set").required, "who asks for certificates means it");
    let maintenance = read.maintenance.expect("set");
    assert_eq!((maintenance.retry_after_seconds, maintenance.allow.len()), (60, 2));
    assert_eq!(front("maintenance = {}").maintenance.expect("set").retry_after_seconds, 600);
}

#[test]
fn mistakes_in_the_ways_in_are_placed_too() {
    for (text, says) in [
        ("redirect_http = true", "did you mean \"redirect_https\"?"),
        ("redirect_https = 1", "true or false"),
        ("tls_min = \"1.1\"", "1.2"),
        ("client_certificates = {}", "\"ca\" is missing"),
        ("client_certificates = { ca = \"-----BEGIN PRIVATE KEY-----\" }", "a private key above all"),
        ("client_certificates = { ca = \"a.pem\", mode = \"requird\" }", "did you mean \"required\""),
        ("hsts = true", "written hsts = {"),
        ("hsts = {}", "\"max_age\" is missing"),
        ("hsts = { max_age = -1 }", "0 to 315360000"),
        ("hsts = { max_age = 60, preload = true }", "preload goes with"),
        ("hsts = { max_age = 31536000, preload = true }", "preload goes with"),
        ("hsts = { max_age = 60, subdomains = true }", "did you mean \"include_subdomains\"?"),
        ("maintenance = true", "written maintenance = {"),
        ("maintenance = { retry_after = 604801 }", "0 to 604800"),
        ("maintenance = { allow = [\"192.0.2.0/33\"] }", "no address"),
        ("maintenance = { allow = [\"example.test\"] }", "no address"),
        ("maintenance = { alow = [] }", "did you mean \"allow\"?"),
    ] {
        let error = with_rules(text).expect_err(text);
        assert_eq!(error.mistakes.len(), 1, "{text}: {error}");
        assert_eq!(error.mistakes[0].line, 6, "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
    let networks = vec!["\"192.0.2.1\""; 65].join(",");
    assert!(with_rules(&format!("maintenance = {{ allow = [{networks}] }}")).is_err());
}

#[test]
fn pages_are_files_or_held_and_a_site_takes_those_of_its_account() {
    let digest = "ab".repeat(32);
    let text = format!(
        "[[account]]\nname = \"a\"\npages = {{ origin = \"all.html\", challenge = \"/c.html\", contact = \"all\" }}\n\
         [[account.site]]\nhosts = [\"a.test\"]\norigins = [\"o.test\"]\n\
         pages = {{ origin = \"sha256:{digest}\", contact = \"own\" }}\n\
         [[account.site]]\nhosts = [\"b.test\"]\norigins = [\"o.test\"]\n"
    );
    let document = read(&text).expect("good");
    let [own, inherits] = document.accounts[0].sites.as_slice() else { panic!("two sites") };
    let file = |path: &str| PageSource::File(path.into());
    assert_eq!(
        own.pages.by_class[&error_pages::PageClass::Origin],
        PageSource::Held(digest.parse().expect("a digest"))
    );
    assert_eq!(own.pages.by_class[&error_pages::PageClass::Challenge], file("/c.html"));
    assert_eq!(inherits.pages.by_class[&error_pages::PageClass::Origin], file("/etc/wardmote/all.html"));
    let contacts = [own, inherits].map(|site| site.pages.contact.clone().expect("a contact"));
    assert_eq!(contacts, ["own", "all"]);
    for (text, says) in [
        ("pages = { orign = \"x\" }", "did you mean \"origin\"?"),
        ("pages = true", "written pages = {"),
        ("pages = { origin = 1 }", "in quotation marks"),
        ("pages = { origin = \"\" }", "path of an HTML file"),
        ("pages = { origin = \"sha256:12\" }", "is no digest"),
        ("pages = { contact = \"a\\nb\" }", "one line of plain text"),
        ("pages = { contact = \"\u{202e}\" }", "one line of plain text"),
    ] {
        let error = with_rules(text).expect_err(text);
        assert_eq!((error.mistakes.len(), error.mistakes[0].line), (1, 6), "{text}: {error}");
        assert!(error.to_string().contains(says), "{text}: {error}");
    }
}
