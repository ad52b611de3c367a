//! Expressions that are refused; the mark stands where the error must point.

use super::*;

const MARK: char = '‸';

const TABLE: &[(&str, &str)] = &[
    ("‸", "expected a field"),
    ("   ‸", "expected a field"),
    ("(‸", "expected a field"),
    ("(‸)", "expected a field"),
    // Names.
    (r#"‸http.hots eq "x""#, "did you mean http.host?"),
    (r#"‸http.request.uri.pat eq "x""#, "did you mean http.request.uri.path?"),
    (r#"‸http.useragent eq "x""#, "did you mean http.user_agent?"),
    (r#"‸ip.src.contry eq "x""#, "did you mean ip.src.country?"),
    ("‸sssl", "did you mean ssl?"),
    ("‸cf.threat_score gt 10", "unknown field"),
    ("‸tcp.dstport in {80}", "unknown field"),
    ("‸True", "unknown field"),
    ("‸NOT ssl", "unknown field"),
    (r#"‸lowr(http.host) eq "x""#, "did you mean lower?"),
    (r#"‸start_with(http.host, "x")"#, "did you mean starts_with?"),
    (r#"‸uuidv4(http.host) eq "x""#, "unknown function"),
    (r#"‸sha256(http.host) eq "x""#, "unknown function"),
    ("‸http.response.code eq 404", "counting"),
    // What stands alone.
    ("http.host‸", "expected a comparison operator"),
    ("ip.src‸", "expected a comparison operator"),
    ("ip.src.asnum‸", "expected a comparison operator"),
    ("lower(http.host)‸", "expected a comparison operator"),
    ("http.request.headers‸", "expected a comparison operator"),
    (r#"http.request.uri.path ‸ends_with ".html""#, "expected a comparison operator"),
    (r#"http.host ‸EQ "x""#, "did you mean eq?"),
    (r#"http.host ‸like "x""#, "expected a comparison operator"),
    (r#"http.host ‸contain "x""#, "did you mean contains?"),
    (r#"http.host ‸= "x""#, "expected a comparison operator"),
    (r#"http.host ‸=~ "x""#, "expected a comparison operator"),
    (r#"http.host ‸strict "x""#, "expected a comparison operator"),
    (r#"http.host ‸strict wildcards "x""#, "expected a comparison operator"),
    (r#"‸"x" eq http.host"#, "expected a field"),
    ("‸80 eq 80", "expected a field"),
    ("‸$office", "expected a field"),
    // Joining.
    ("ssl ‸AND ssl", "did you mean and?"),
    ("ssl ‸ssl", "expected and, or, xor"),
    ("ssl and‸", "expected a field"),
    ("ssl or ‸or ssl", "unknown field"),
    ("ssl ‸& ssl", "expected and"),
    ("ssl ‸| ssl", "expected and"),
    ("ssl ‸^ ssl", "expected and"),
    ("ssl &&‸", "expected a field"),
    ("not‸", "expected a field"),
    ("(ssl‸", "or )"),
    ("(ssl and (ssl)‸", "or )"),
    ("ssl‸)", "expected and"),
    ("ssl‸;", "expected and"),
    ("ssl ‸# remark", "expected and"),
    // Strings.
    ("http.host eq ‸www", "string in double quotes"),
    ("http.host eq ‸'www'", "string in double quotes"),
    ("http.host eq ‸5", "string in double quotes"),
    (r#"http.host eq ‸"www"#, "no end"),
    (r#"http.host eq ‸"www\""#, "no end"),
    ("http.host eq ‸r#\"www\"", "no end"),
    (r#"http.host eq "w‸\d""#, "unknown escape"),
    (r#"http.host eq "w‸\n""#, "unknown escape"),
    (r#"http.host eq "‸\x4""#, "hexadecimal"),
    (r#"http.host eq "‸\xzz""#, "hexadecimal"),
    ("http.host eq‸", "string in double quotes"),
    ("http.host eq ‸http.referer", "string in double quotes"),
    // Patterns.
    (r#"http.host matches ‸"(""#, "unclosed group"),
    (r#"http.host matches ‸"[a""#, "unclosed character class"),
    (r#"http.host matches ‸"a**{""#, "this pattern cannot be used"),
    (r#"http.host matches ‸"(?=x)""#, "look-around"),
    (r#"http.host matches ‸"(a)\1""#, "backreference"),
    (r#"http.host matches ‸"[0-9a-f]{1000}{1000}""#, "this pattern cannot be used"),
    (r#"http.host matches ‸r"\p{Nothing}""#, "this pattern cannot be used"),
    ("http.host matches ‸^www", "string in double quotes"),
    (r#"http.host wildcard ‸"a**b""#, "two *"),
    (r#"http.host wildcard ‸"a\b""#, "only before"),
    (r#"http.host wildcard ‸"a\\\""#, "no end"),
    ("http.host strict wildcard ‸5", "string in double quotes"),
    // Numbers.
    (r#"ip.src.asnum eq ‸"64500""#, "expected a number"),
    ("ip.src.asnum eq ‸AS64500", "expected a number"),
    ("ip.src.asnum eq 64500‸.5", "expected and"),
    ("ip.src.asnum eq ‸99999999999999999999", "too large"),
    ("ip.src.asnum eq ‸-", "expected a number"),
    ("ip.src.asnum ‸contains 5", "a number is compared"),
    (r#"ip.src.asnum ‸matches "5""#, "a number is compared"),
    ("ip.src.asnum in {‸9..3}", "ends before"),
    ("ip.src.asnum in {1..‸}", "expected a number"),
    // Addresses.
    (r#"ip.src eq ‸"203.0.113.7""#, "without quotes"),
    ("ip.src eq ‸203.0.113.0/24", "cannot be compared for equality"),
    ("ip.src eq ‸203.0.113", "is no address"),
    ("ip.src eq ‸203.0.113.256", "is no address"),
    ("ip.src ‸lt 203.0.113.7", "an address is compared"),
    (r#"ip.src ‸contains "203""#, "an address is compared"),
    ("ip.src in {‸203.0.113.0/33}", "is no address"),
    ("ip.src in {‸2001:db8::/129}", "is no address"),
    ("ip.src in {‸203.0.113.9..203.0.113.1}", "is no address"),
    ("ip.src in {‸203.0.113.9..2001:db8::1}", "is no address"),
    (r#"ip.src in {‸"203.0.113.9"}"#, "expected an address"),
    // Sets and lists.
    ("ip.src in ‸203.0.113.0/24", "expected {"),
    (r#"http.host in ‸("a" "b")"#, "expected {"),
    (r#"http.host in {"a"‸, "b"}"#, "not by commas"),
    (r#"http.host in {"a"‸"b"}"#, "expected a blank"),
    (r#"http.host in {"a" ‸5}"#, "string in double quotes"),
    (r#"http.host in {"a"‸"#, "expected a blank or }"),
    (r#"http.host in {"a" ‸"#, "at the end of the set"),
    ("http.host in {‸}", "empty"),
    ("ip.src in ‸$absent", "there are office"),
    ("ip.src in ‸$carriers", "a list of autonomous systems"),
    ("ip.src.asnum in ‸$office", "a list of addresses"),
    ("http.host in ‸$office", "a list of addresses"),
    ("ip.src eq ‸$office", "expected an address"),
    ("ip.src in ‸$", "no list is called"),
    // Truth values.
    ("ssl ‸eq true", "leave the comparison out"),
    ("ssl ‸== 1", "leave the comparison out"),
    (r#"starts_with(http.host, "x") ‸eq true"#, "leave the comparison out"),
    // Functions.
    ("lower(‸) eq \"x\"", "expected a field"),
    (r#"lower(‸"X") eq "x""#, "not a literal"),
    (r#"lower(‸ip.src) eq "x""#, "takes a string"),
    (r#"lower(‸http.request.headers["a"]) eq "x""#, "this is an array"),
    (r#"lower(http.host ‸eq "x""#, ") after the arguments"),
    (r#"lower(http.host‸, "a") eq "x""#, ") after the arguments"),
    ("starts_with(http.host‸)", ", and a string"),
    ("starts_with(http.host, ‸http.referer)", "string in double quotes"),
    (r#"len(‸ip.src) eq 3"#, "takes a string"),
    (r#"url_decode(http.host, ‸"x") eq "a""#, "options"),
    (r#"substring(http.host‸) eq "x""#, ", and where to begin"),
    (r#"substring(http.host, ‸"1") eq "x""#, "expected a number"),
    ("cidr(ip.src, 24‸) eq 1.2.3.4", ", and a number of bits"),
    ("cidr(ip.src, ‸33, 48) eq 1.2.3.4", "from 1 to 32"),
    ("cidr6(ip.src, ‸0) eq 1.2.3.4", "from 1 to 128"),
    ("cidr(‸http.host, 24, 48) eq 1.2.3.4", "takes an address"),
    ("to_string(‸http.host) eq \"x\"", "to_string takes"),
    (r#"‸regex_replace(http.host, "a", "b") eq "x""#, "only in the value"),
    (r#"has_key(‸http.host, "a")"#, "takes a map"),
    (r#"has_value(‸http.request.headers, "a")"#, "takes an array"),
    // Arrays and maps.
    (r#"‸http.request.headers eq "x""#, "this is a map"),
    (r#"‸http.request.headers["a"] eq "x""#, "this is an array"),
    (r#"http.request.headers[‸0] eq "x""#, "an index belongs to an array"),
    (r#"http.request.headers.names[‸"a"] eq "x""#, "a key belongs to a map"),
    (r#"http.request.headers["a"][‸-1] eq "x""#, "not negative"),
    (r#"http.request.headers["a" ‸eq "x""#, "expected ]"),
    (r#"http.request.headers[‸a] eq "x""#, "expected a number"),
    (r#"http.request.headers.names[‸*] == "x""#, "only inside any"),
    (r#"http.host[‸0] eq "x""#, "an index belongs to an array"),
    (r#"any(http.host[‸*] eq "x")"#, "belongs to an array"),
    (r#"‸any(http.host eq "x")"#, "expected an array with [*]"),
    (r#"any(lower(http.request.headers.names[*]) ‸eq "x")"#, "write [*] before the operator"),
    (r#"any(lower(‸lower(http.request.headers.names[*])) eq "x")"#, "write [*] after it"),
    (
        r#"any(http.request.headers.names[*] eq "a" or http.request.headers.values[‸*] eq "b")"#,
        "the same array",
    ),
    (r#"any(‸any(http.request.headers.names[*] eq "x"))"#, "inside each other"),
    (r#"any(concat("x", ‸http.request.headers.names[*])[*] eq "x")"#, "only in the first argument"),
    (r#"any(‸"x")"#, "expected a field"),
];

#[test]
fn mistakes_are_refused_at_their_character() {
    let lists = lists();
    assert!(TABLE.len() >= 100, "{}", TABLE.len());
    let mut wrong = Vec::new();
    for (marked, words) in TABLE {
        let source: String = marked.chars().filter(|letter| *letter != MARK).collect();
        let error = match Condition::parse(&source, Phase::Request, &lists) {
            Err(error) => error,
            Ok(condition) => panic!("{source} was accepted: {condition:?}"),
        };
        let at = marked.find(MARK).expect("a mark");
        if error.at() != at || !error.to_string().contains(words) {
            wrong.push(format!("{error}; expected {words:?} at {at}\n{}", error.pointer(&source)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_error_points_at_its_line_and_character() {
    let source = "ssl and\n  http.hots eq \"☁\"\n  and ssl";
    let error = Condition::parse(source, Phase::Request, &Lists::none()).expect_err("a mistake");
    assert_eq!(error.pointer(source), "  http.hots eq \"☁\"\n  ^");
    assert_eq!(error.column(), 11);
    assert_eq!(error.nearest(), Some("http.host"));
    assert_eq!(error.to_string(), "character 11: unknown field \"http.hots\"; did you mean http.host?");
    let after = "http.host eq \"☁\" nad ssl";
    let error = Condition::parse(after, Phase::Request, &Lists::none()).expect_err("a mistake");
    assert_eq!(error.column(), 18, "counted in characters");
}

#[test]
fn mistakes_in_values_are_refused() {
    for (source, words) in [
        ("ip.src", "must be a string"),
        ("ssl", "must be a string"),
        ("http.request.headers.names", "must be a string"),
        ("\"a\" \"b\"", "expected and"),
        (r#"regex_replace(http.host, "(a", "b")"#, "unclosed"),
        (r#"regex_replace(http.host, "a", "${1}")"#, "no group 1"),
        (r#"regex_replace(http.host, "a", "$1")"#, "after $"),
        (r#"regex_replace(http.host, "(a)", "${0}${1}${1}${1}${1}${1}${1}${1}${1}")"#, "more than 8"),
        (r#"regex_replace(http.host, "a")"#, ", and a replacement"),
        ("", "expected a field"),
    ] {
        let error = Value::parse(source, Phase::Request, &Lists::none()).expect_err(source);
        assert!(error.to_string().contains(words), "{source}: {error}");
    }
}
