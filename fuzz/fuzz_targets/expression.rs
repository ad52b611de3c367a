//! Expressions: parsing never panics, an error points into the source, what is accepted can be evaluated.

#![no_main]

use libfuzzer_sys::fuzz_target;
use shield::expression::Phase;
use shield::{BotClass, Condition, Lists, NoFields, Request, Scratch, Source, Value};
use vocabulary::Timestamp;

fuzz_target!(|input: &[u8]| {
    // What stands before the first NUL is the expression, the rest the target of a request.
    let mut parts = input.splitn(2, |byte| *byte == 0);
    let source = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let target = String::from_utf8_lossy(parts.next().unwrap_or(b"/a?b=c"));
    let (lists, mut scratch) = (Lists::none(), Scratch::default());
    let request = Request {
        method: "GET",
        host: "www.example.org",
        target: &target,
        secure: true,
        version: "HTTP/2",
        fields: &NoFields,
        source: Source::at([203, 0, 113, 7].into()),
        tls_fingerprint: None,
        http2_fingerprint: None,
        bot: BotClass::Unknown,
        at: Timestamp::from_secs(1_795_000_000),
        response: None,
    };
    match Condition::parse(&source, Phase::Response, &lists) {
        Ok(condition) => drop(condition.holds(&request, &lists, &mut scratch)),
        Err(error) => {
            assert!(error.at() <= source.len());
            let _ = (error.to_string(), error.pointer(&source));
        }
    }
    if let Ok(value) = Value::parse(&source, Phase::Request, &lists) {
        let _ = value.write(&request, &lists, &mut scratch, &mut Vec::new());
    }
});
