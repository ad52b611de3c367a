mod accepted;
mod bounds;
mod refused;

use super::*;
use crate::lists::{List, ListKind, ListName};
use crate::request::{BotClass, Fields, Response, Source};
use http::{HeaderMap, HeaderName, HeaderValue};
use std::sync::Arc;
use vocabulary::Timestamp;

fn lists() -> Lists {
    let mut lists = Lists::none();
    for (name, kind, text) in [
        ("office", ListKind::Address, "203.0.113.0/24\n2001:db8::/32"),
        ("elsewhere", ListKind::Address, "198.51.100.0/24"),
        ("carriers", ListKind::Asn, "AS64500\nAS64501"),
        ("neighbours", ListKind::Country, "DE\nFR"),
        ("our_hosts", ListKind::Host, "*.example.org\nexample.net"),
    ] {
        let list = Arc::new(List::parse(kind, text, false).expect("list"));
        lists.put(ListName::parse(name).expect("name"), list).expect("room");
    }
    lists
}

fn fields(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in lines {
        map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    map
}

fn usual_fields() -> HeaderMap {
    fields(&[
        ("user-agent", "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"),
        ("accept", "text/html"),
        ("accept", "application/json"),
        ("cookie", "session=A12345; theme=light; empty"),
        ("referer", "https://search.example/?q=%E2%98%81"),
        ("x-token", "abc"),
    ])
}

fn request<'a>(fields: &'a dyn Fields, target: &'a str) -> Request<'a> {
    Request {
        method: "GET",
        host: "www.example.org",
        target,
        secure: true,
        version: "HTTP/2",
        fields,
        source: Source {
            address: "203.0.113.7".parse().expect("address"),
            country: Some(*b"DE"),
            continent: Some(*b"EU"),
            asn: Some(64_500),
        },
        tls_fingerprint: Some("t13d1516h2_8daaf6152771_e5627efa2ab1"),
        http2_fingerprint: None,
        bot: BotClass::Unknown,
        at: Timestamp::from_secs(1_795_000_000),
        response: None,
    }
}

const TARGET: &str = "/Shop/art%69cles/a\"b.html?filter=waf&filter=botm&filter=cdn&page=2&flag";

fn holds(source: &str) -> Result<bool, ExpressionError> {
    let (lists, map, answer) = (lists(), usual_fields(), fields(&[("content-type", "text/html")]));
    let mut request = request(&map, TARGET);
    let phase = if source.contains("http.response") { Phase::Response } else { Phase::Request };
    request.response = Some(Response { status: 404, fields: &answer });
    let condition = Condition::parse(source, phase, &lists)?;
    Ok(condition.holds(&request, &lists, &mut Scratch::default()).expect("within the budget"))
}

fn written(source: &str, target: &str) -> Option<String> {
    let (lists, map) = (lists(), usual_fields());
    let value =
        Value::parse(source, Phase::Request, &lists).unwrap_or_else(|error| panic!("{source}: {error}"));
    let mut out = Vec::new();
    let there =
        value.write(&request(&map, target), &lists, &mut Scratch::default(), &mut out).expect("budget");
    there.then(|| String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn values_are_made_as_documented() {
    for (source, target, wanted) in [
        (r#""/fixed""#, "/", "/fixed"),
        (
            r#"concat("https://", http.host, "/new", http.request.uri.path)"#,
            "/a?b",
            "https://www.example.org/new/a",
        ),
        (r#"regex_replace(http.request.uri.path, "/bar$", "/baz")"#, "/foo/bar", "/foo/baz"),
        (r#"regex_replace("/x", "^/y$", "/mumble")"#, "/", "/x"),
        (r#"regex_replace("/foo", "^/FOO$", "/x")"#, "/", "/foo"),
        (r#"regex_replace("/a/a", "/a", "/b")"#, "/", "/b/a"),
        (r#"regex_replace("/b", "^/b$", "/b$$")"#, "/", "/b$"),
        (
            r#"regex_replace(http.request.uri.path, "^/foo/([^/]*)/(.*)$", "/bar/${2}/${1}")"#,
            "/foo/a/path",
            "/bar/path/a",
        ),
        (r#"regex_replace(http.request.uri.path, "\\\\", "a")"#, "/x\\y", "/xay"),
        (r#"regex_replace(lower(http.request.uri.path), r"\.PHP|\.php", "")"#, "/Index.PHP", "/index"),
        (r#"to_string(ip.src)"#, "/", "203.0.113.7"),
        (r#"to_string(ip.src.asnum)"#, "/", "64500"),
        (r#"to_string(ssl)"#, "/", "true"),
        (r#"to_string(cidr(ip.src, 8, 32))"#, "/", "203.0.0.0"),
        (r#"concat("x", http.request.headers["absent"][0], "y")"#, "/", "xy"),
        (r#"url_decode(http.request.uri.path)"#, "/a%20b+c", "/a b c"),
        (r#"url_decode(http.request.uri.path)"#, "/%2520", "/%20"),
        (r#"url_decode(http.request.uri.path, "r")"#, "/%2520", "/ "),
        (r#"url_decode(http.request.uri.path, "u")"#, "/%u2601%U0041", "/☁A"),
        (r#"url_decode(http.request.uri.path)"#, "/%u2601%zz%", "/%u2601%zz%"),
        (r#"substring(http.request.uri.path, 2, 5)"#, "asdfghjk", "dfg"),
        (r#"substring(http.request.uri.path, 2)"#, "asdfghjk", "dfghjk"),
        (r#"substring(http.request.uri.path, -2)"#, "asdfghjk", "jk"),
        (r#"substring(http.request.uri.path, 0, -2)"#, "asdfghjk", "asdfgh"),
        (r#"substring(http.request.uri.path, 5, 2)"#, "asdfghjk", ""),
        (r#"substring(http.request.uri.path, 50, 99)"#, "asdfghjk", ""),
        (r#"substring(upper(http.request.uri.path), -3, -1)"#, "asdfghjk", "HJ"),
        (r#"remove_bytes(http.host, "\x2e\x77")"#, "/", "exampleorg"),
        (r#"concat(upper(http.host), "-", lower(http.request.method))"#, "/", "WWW.EXAMPLE.ORG-get"),
        (r#"http.request.full_uri"#, "/a?b=c", "https://www.example.org/a?b=c"),
    ] {
        assert_eq!(written(source, target).as_deref(), Some(wanted), "{source}");
    }
    assert_eq!(written(r#"lower(http.request.headers["absent"][0])"#, "/"), None, "a missing value");
}

#[test]
fn addresses_of_both_families_are_cut_to_networks() {
    let (lists, map) = (lists(), usual_fields());
    for (address, source, wanted) in [
        ("113.10.0.2", "cidr(ip.src, 24, 24) eq 113.10.0.0", true),
        ("2001:0:130F::9C0:876A:130B", "cidr(ip.src, 24, 24) eq 2001::", true),
        ("2001:0:130F::9C0:876A:130B", "cidr6(ip.src, 24) eq 2001::", true),
        ("113.10.0.2", "cidr6(ip.src, 24) eq 113.10.0.2", true),
        ("2001:db8::1", "ip.src in {2001:db8::/32}", true),
        ("2001:db8::1", "ip.src in {2001:db8::2..2001:db8::9}", false),
        ("2001:db8::1", "ip.src in $office", true),
        ("::ffff:203.0.113.9", "ip.src in {203.0.113.0/24}", true),
    ] {
        let condition = Condition::parse(source, Phase::Request, &lists).expect(source);
        let mut request = request(&map, "/");
        request.source = Source::at(address.parse().expect("address"));
        assert_eq!(condition.holds(&request, &lists, &mut Scratch::default()), Ok(wanted), "{source}");
    }
}

#[test]
fn a_list_that_is_refreshed_is_seen_by_compiled_rules() {
    let (mut lists, map) = (lists(), usual_fields());
    let condition = Condition::parse("ip.src in $elsewhere", Phase::Request, &lists).expect("condition");
    let request = request(&map, "/");
    assert_eq!(condition.holds(&request, &lists, &mut Scratch::default()), Ok(false));
    let name = ListName::parse("elsewhere").expect("name");
    let list = List::parse(ListKind::Address, "203.0.113.7", true).expect("list");
    lists.refresh(&name, Arc::new(list)).expect("taken");
    assert_eq!(condition.holds(&request, &lists, &mut Scratch::default()), Ok(true));
}
