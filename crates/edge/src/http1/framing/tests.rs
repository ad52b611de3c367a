use super::*;

fn read(text: &[u8]) -> Result<Option<RequestHead>, Reason> {
    HeadReader::default().read(&mut BytesMut::from(text), &mut HeadMemory::default(), Scheme::Http)
}

fn accepted(text: &str) -> RequestHead {
    match read(text.as_bytes()) {
        Ok(Some(head)) => head,
        other => panic!("{text:?} gave {other:?}"),
    }
}

#[test]
fn a_plain_request_is_read_with_all_it_says() {
    let head =
        accepted("GET /a?b=%20c HTTP/1.1\r\nHost: A.test:80\r\nX-Y:  z \t\r\nConnection: close\r\n\r\n");
    let request = head.request;
    assert_eq!(request.method, Method::GET);
    assert_eq!(request.target.as_str(), "/a?b=%20c");
    assert_eq!(request.authority.host().as_str(), "a.test");
    assert_eq!(request.authority.port(), None);
    assert_eq!(request.length, Length::None);
    assert_eq!(request.fields.get("x-y").map(HeaderValue::as_bytes), Some(b"z".as_slice()));
    assert!(!request.fields.contains_key("host"));
    assert!(!head.keep_alive);
}

#[test]
fn lengths_and_persistence_follow_the_fields() {
    for (text, length, keep_alive) in [
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", Length::Known(5), true),
        ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", Length::None, true),
        ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n", Length::Unknown, true),
        ("GET / HTTP/1.0\r\nHost: a\r\n\r\n", Length::None, false),
        ("GET / HTTP/1.0\r\nHost: a\r\nConnection: x, Keep-Alive\r\n\r\n", Length::None, true),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nConnection: keep-alive\r\n\r\n",
            Length::None,
            false,
        ),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Length::None, true),
    ] {
        let head = accepted(text);
        assert_eq!((head.request.length, head.keep_alive), (length, keep_alive), "{text:?}");
    }
}

#[test]
fn every_form_of_target_that_is_clear_is_taken() {
    for (text, host, path) in [
        ("GET http://b.test/x?y HTTP/1.1\r\nHost: b.test\r\n\r\n", "b.test", "/x?y"),
        ("GET HTTP://b.test:80 HTTP/1.1\r\nHost: b.test\r\n\r\n", "b.test", "/"),
        ("GET http://b.test?q HTTP/1.1\r\nHost: b.test:80\r\n\r\n", "b.test", "/?q"),
        ("OPTIONS * HTTP/1.1\r\nHost: b.test\r\n\r\n", "b.test", "*"),
        ("GET //x/../%2f HTTP/1.1\r\nHost: b.test\r\n\r\n", "b.test", "//x/../%2f"),
    ] {
        let request = accepted(text).request;
        assert_eq!((request.authority.host().as_str(), request.target.as_str()), (host, path), "{text:?}");
    }
}

/// Every malformed class, each with the reason a person would give.
const REFUSED: &[(&str, Reason)] = &[
    // Request line.
    ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", Reason::LineMalformed),
    ("GET /\r\nHost: a\r\n\r\n", Reason::LineMalformed),
    ("GET / x HTTP/1.1\r\nHost: a\r\n\r\n", Reason::LineMalformed),
    ("GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", Reason::LineMalformed),
    (" GET / HTTP/1.1\r\nHost: a\r\n\r\n", Reason::LineMalformed),
    ("(GET / HTTP/1.1\r\nHost: a\r\n\r\n", Reason::LineMalformed),
    ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Reason::LineMalformed),
    ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", Reason::LineMalformed),
    ("GET / http/1.1\r\nHost: a\r\n\r\n", Reason::LineMalformed),
    ("\u{16}\u{3}\u{1}", Reason::LineMalformed),
    ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Reason::VersionUnsupported),
    ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", Reason::VersionUnsupported),
    ("GET / HTTP/3\r\nHost: a\r\n\r\n", Reason::VersionUnsupported),
    ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", Reason::MethodRefused),
    ("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", Reason::MethodRefused),
    ("AVERYLONGMETHODNAMETHATNOBODYUSESREALLY / HTTP/1.1\r\nHost: a\r\n\r\n", Reason::MethodTooLong),
    // Line ends.
    ("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", Reason::BareLineFeed),
    ("GET / HTTP/1.1\nHost: a\r\n\r\n", Reason::BareLineFeed),
    ("GET / HTTP/1.1\r\nHost: a\n\r\n", Reason::BareLineFeed),
    ("GET / HTTP/1.1\r\nHost: a\r\n\n", Reason::BareLineFeed),
    ("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", Reason::BareCarriageReturn),
    ("GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", Reason::BareCarriageReturn),
    ("GET /\r HTTP/1.1\r\nHost: a\r\n\r\n", Reason::BareCarriageReturn),
    ("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", Reason::BareCarriageReturn),
    // Fields.
    ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", Reason::SpaceBeforeColon),
    ("GET / HTTP/1.1\r\nHost\t: a\r\n\r\n", Reason::SpaceBeforeColon),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", Reason::FieldFolded),
    ("GET / HTTP/1.1\r\n Host: a\r\n\r\n", Reason::FieldFolded),
    ("GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n", Reason::FieldMalformed),
    ("GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n", Reason::FieldMalformed),
    ("GET / HTTP/1.1\r\nHost: a\r\nX(y): z\r\n\r\n", Reason::FieldMalformed),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: \u{0}\r\n\r\n", Reason::FieldMalformed),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{b}b\r\n\r\n", Reason::FieldMalformed),
    ("GET / HTTP/1.1\r\nHost: a\r\nX: a\u{7f}b\r\n\r\n", Reason::FieldMalformed),
    ("GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding\u{b}: chunked\r\n\r\n", Reason::FieldMalformed),
    // Host and target.
    ("GET / HTTP/1.1\r\n\r\n", Reason::HostMissing),
    ("GET / HTTP/1.0\r\n\r\n", Reason::HostMissing),
    ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", Reason::HostRepeated),
    ("GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n", Reason::HostRepeated),
    ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Reason::HostMalformed),
    ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", Reason::HostMalformed),
    ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Reason::HostMalformed),
    ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", Reason::HostMalformed),
    ("GET x HTTP/1.1\r\nHost: a\r\n\r\n", Reason::TargetMalformed),
    ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", Reason::TargetMalformed),
    ("GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n", Reason::TargetMalformed),
    ("GET /#x HTTP/1.1\r\nHost: a\r\n\r\n", Reason::TargetMalformed),
    ("GET /é HTTP/1.1\r\nHost: a\r\n\r\n", Reason::TargetMalformed),
    ("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", Reason::TargetMalformed),
    ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", Reason::TargetMalformed),
    ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", Reason::TargetMismatch),
    ("GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", Reason::TargetMismatch),
    ("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n", Reason::TargetMismatch),
    ("GET http://a/ HTTP/1.1\r\n\r\n", Reason::HostMissing),
    // Length.
    (
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        Reason::LengthAndCoding,
    ),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n",
        Reason::LengthAndCoding,
    ),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", Reason::LengthRepeated),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n", Reason::LengthMalformed),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n", Reason::LengthMalformed),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", Reason::LengthMalformed),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0x1\r\n\r\n", Reason::LengthMalformed),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1 1\r\n\r\n", Reason::LengthMalformed),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n", Reason::LengthMalformed),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999999999999\r\n\r\n", Reason::LengthMalformed),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n", Reason::CodingUnsupported),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", Reason::CodingUnsupported),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n", Reason::CodingUnsupported),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n", Reason::CodingUnsupported),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked;q=1\r\n\r\n", Reason::CodingUnsupported),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \"chunked\"\r\n\r\n", Reason::CodingUnsupported),
    ("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding:\r\n\r\n", Reason::CodingUnsupported),
    (
        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
        Reason::CodingRepeated,
    ),
    ("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", Reason::CodingBeforeHttp11),
    ("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 200-ok\r\n\r\n", Reason::ExpectationUnknown),
];

#[test]
fn every_ambiguous_or_malformed_head_is_refused_with_its_reason() {
    for (text, reason) in REFUSED {
        assert_eq!(read(text.as_bytes()).map(|_| ()), Err(*reason), "{text:?}");
    }
}

#[test]
fn the_verdict_does_not_depend_on_how_the_bytes_arrive() {
    for (text, reason) in REFUSED {
        let (mut reader, mut buffer) = (HeadReader::default(), BytesMut::new());
        let mut memory = HeadMemory::default();
        let verdict = text.bytes().find_map(|byte| {
            buffer.extend_from_slice(&[byte]);
            reader.read(&mut buffer, &mut memory, Scheme::Http).map(|head| head.map(|_| ())).transpose()
        });
        assert_eq!(verdict, Some(Err(*reason)), "{text:?}");
    }
}

#[test]
fn heads_over_the_bounds_are_refused_even_before_they_end() {
    let long_field = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}", "x".repeat(HEAD_BYTES_MAX));
    assert_eq!(read(long_field.as_bytes()).map(|_| ()), Err(Reason::HeadTooLarge));
    let long_line = format!("GET /{}", "x".repeat(HEAD_BYTES_MAX));
    assert_eq!(read(long_line.as_bytes()).map(|_| ()), Err(Reason::TargetTooLong));
    let with_fields = |count: usize| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count));
    assert!(matches!(read(with_fields(FIELDS_MAX - 1).as_bytes()), Ok(Some(_))));
    assert_eq!(read(with_fields(FIELDS_MAX).as_bytes()).map(|_| ()), Err(Reason::TooManyFields));
    let full = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(HEAD_BYTES_MAX - 32));
    assert_eq!(full.len(), HEAD_BYTES_MAX);
    assert!(matches!(read(full.as_bytes()), Ok(Some(_))));
}

#[test]
fn what_follows_a_head_stays_in_the_buffer() {
    let mut buffer = BytesMut::from("GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    let (mut reader, mut memory) = (HeadReader::default(), HeadMemory::default());
    for path in ["/", "/2"] {
        let head = reader.read(&mut buffer, &mut memory, Scheme::Http).expect("well-formed").expect("whole");
        assert_eq!(head.request.target.as_str(), path);
    }
    assert!(buffer.is_empty());
}

#[test]
fn only_a_plain_get_switches_to_websocket() {
    let upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    for (text, wanted) in [
        (format!("GET / HTTP/1.1\r\nHost: a\r\n{upgrade}\r\n"), true),
        (format!("POST / HTTP/1.1\r\nHost: a\r\n{upgrade}\r\n"), false),
        (format!("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n{upgrade}\r\n"), false),
        (format!("GET / HTTP/1.0\r\nHost: a\r\n{upgrade}\r\n"), false),
        ("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n".to_owned(), false),
        ("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n".to_owned(), false),
    ] {
        assert_eq!(accepted(&text).request.upgrade, wanted, "{text:?}");
    }
}
