//! HTTP/1.1 framing: a stream is framed alike however it arrives, and a framed message stays one.

#![no_main]

use edge::framing::{read_stream, spelled};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let (messages, ending) = read_stream([input]);
    let (parted, end) = read_stream(input.chunks(1));
    assert_eq!(parted, messages, "arrival changed the messages");
    assert!(end.is_like(ending), "arrival changed the verdict: {end:?} {ending:?}");
    for message in messages {
        let (again, _) = read_stream([spelled(&message).as_slice()]);
        assert_eq!(again, [message], "one message became another");
    }
});
