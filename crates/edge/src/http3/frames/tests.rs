//! Frames as tables: each rule with its section of RFC 9114.

use super::*;

fn frame(kind: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = front(kind, content.len());
    bytes.extend_from_slice(content);
    bytes.to_vec()
}

/// Everything a stream says that comes in pieces of this size, content put together again.
fn read(mut frames: Frames, stream: &[u8], piece: usize) -> (Vec<Frame>, Result<(), Fault>) {
    let mut all: Vec<Frame> = Vec::new();
    for piece in stream.chunks(piece) {
        let mut bytes = Bytes::copy_from_slice(piece);
        loop {
            match (frames.take(&mut bytes), all.last_mut()) {
                (Ok(Some(Frame::Content(more))), Some(Frame::Content(content))) => {
                    *content = [&content[..], &more[..]].concat().into();
                }
                (Ok(Some(frame)), _) => all.push(frame),
                (Ok(None), _) => break,
                (Err(fault), _) => return (all, Err(fault)),
            }
        }
    }
    let ended = frames.end();
    (all, ended)
}

const PIECES: [usize; 4] = [1, 2, 7, 100_000];

#[test]
fn a_request_is_read_whatever_pieces_it_comes_in() {
    let stream = [
        frame(0x21, b"nobody knows this"),
        frame(HEADERS, b"head"),
        frame(DATA, b"con"),
        frame(0x40, b""),
        frame(DATA, b""),
        frame(DATA, b"tent"),
        frame(HEADERS, b"trailer"),
        frame(0x1f * 7 + 0x21, b"x"),
    ]
    .concat();
    for piece in PIECES {
        let (all, ended) = read(Frames::of_request(), &stream, piece);
        let head = Frame::Head(Bytes::from_static(b"head"));
        let content = Frame::Content(Bytes::from_static(b"content"));
        assert_eq!(all, [head, content, Frame::Trailer(Bytes::from_static(b"trailer"))], "{piece}");
        assert_eq!(ended, Ok(()));
    }
}

#[test]
fn frames_out_of_place_end_the_connection() {
    let unexpected = Fault::Connection(Code::FrameUnexpected);
    let head = frame(HEADERS, b"h");
    let behind = |kind: u64| [head.clone(), frame(kind, b"\0")].concat();
    let trailed = |kind: u64| [head.clone(), head.clone(), frame(kind, b"\0")].concat();
    let mut streams = vec![frame(DATA, b"x"), trailed(DATA), trailed(HEADERS)];
    for kind in [SETTINGS, GOAWAY, CANCEL_PUSH, PUSH_PROMISE, MAX_PUSH_ID, 0x2, 0x6, 0x8, 0x9] {
        streams.extend([frame(kind, b"\0"), behind(kind), trailed(kind)]);
    }
    for stream in streams {
        for piece in PIECES {
            assert_eq!(read(Frames::of_request(), &stream, piece).1, Err(unexpected), "{stream:?}");
        }
    }
}

#[test]
fn a_control_stream_begins_with_its_settings_and_never_ends() {
    let settings = frame(SETTINGS, b"\x06\x40\x80");
    let with = |kind: u64, content: &[u8]| [settings.clone(), frame(kind, content)].concat();
    for (stream, fault) in [
        (settings.clone(), Fault::Connection(Code::ClosedCriticalStream)),
        (frame(GOAWAY, b"\0"), Fault::Connection(Code::MissingSettings)),
        (frame(0x21, b"x"), Fault::Connection(Code::MissingSettings)),
        (frame(HEADERS, b"x"), Fault::Connection(Code::MissingSettings)),
        (with(SETTINGS, b""), Fault::Connection(Code::FrameUnexpected)),
        (with(DATA, b"x"), Fault::Connection(Code::FrameUnexpected)),
        (with(HEADERS, b"x"), Fault::Connection(Code::FrameUnexpected)),
        (with(PUSH_PROMISE, b"\0"), Fault::Connection(Code::FrameUnexpected)),
        (with(0x2, b"x"), Fault::Connection(Code::FrameUnexpected)),
        (with(GOAWAY, b"\0\0"), Fault::Connection(Code::FrameMalformed)),
        (with(GOAWAY, b""), Fault::Connection(Code::FrameMalformed)),
        (with(MAX_PUSH_ID, b"\x40"), Fault::Connection(Code::FrameMalformed)),
        (with(GOAWAY, &[0; 9]), Fault::Connection(Code::FrameMalformed)),
        (frame(SETTINGS, &[0; CONTROL_FRAME_BYTES_MAX + 1]), Fault::Connection(Code::ExcessiveLoad)),
    ] {
        for piece in PIECES {
            assert_eq!(read(Frames::of_control(), &stream, piece).1, Err(fault), "{stream:?}");
        }
    }
    let (all, _) =
        read(Frames::of_control(), &[with(0xf0700, b"u=1"), frame(MAX_PUSH_ID, b"\x07")].concat(), 3);
    assert_eq!(all, [Frame::Settings(Bytes::from_static(b"\x06\x40\x80")), Frame::Number(7)]);
}

/// RFC 9114 §7.1: a frame that breaks off says nothing, and what came before it was not the end.
#[test]
fn a_stream_that_ends_within_a_frame_is_not_whole() {
    let head = frame(HEADERS, b"head");
    let whole = [head.clone(), frame(DATA, b"content")].concat();
    for (length, fault) in (0..whole.len()).map(|length| match length {
        0 => (length, Some(Fault::Incomplete)),
        6 => (length, None),
        _ => (length, Some(Fault::Connection(Code::FrameMalformed))),
    }) {
        assert_eq!(read(Frames::of_request(), &whole[..length], 100).1.err(), fault, "{length}");
    }
    // Content that is announced and of which nothing comes.
    let announced = [head, vec![0, 10]].concat();
    assert_eq!(read(Frames::of_request(), &announced, 100).1, Err(Fault::Connection(Code::FrameMalformed)));
}

#[test]
fn a_length_is_refused_before_anything_is_kept_for_it() {
    let mut announced = BytesMut::new();
    put_varint(&mut announced, HEADERS);
    put_varint(&mut announced, 1 << 61);
    assert_eq!(read(Frames::of_request(), &announced, 1).1, Err(Fault::TooLarge));
    for (length, fits) in [(HEAD_FRAME_BYTES_MAX, true), (HEAD_FRAME_BYTES_MAX + 1, false)] {
        let (_, ended) = read(Frames::of_request(), &frame(HEADERS, &vec![0; length]), 4096);
        assert_eq!(ended, if fits { Ok(()) } else { Err(Fault::TooLarge) });
    }
    for (length, fits) in [(TRAILER_FRAME_BYTES_MAX, true), (TRAILER_FRAME_BYTES_MAX + 1, false)] {
        let stream = [frame(HEADERS, b"h"), frame(HEADERS, &vec![0; length])].concat();
        assert_eq!(read(Frames::of_request(), &stream, 4096).1.is_ok(), fits);
    }
    // What is announced and has not come takes no memory.
    let (mut frames, mut begun) =
        (Frames::of_request(), Bytes::from(frame(HEADERS, &[0; 16_000])).slice(..10));
    assert_eq!(frames.take(&mut begun), Ok(None));
    assert!(frames.held() < 100, "{}", frames.held());
}

#[test]
fn frames_that_say_nothing_are_counted() {
    let head = frame(HEADERS, b"h");
    let most = IDLE_FRAMES_MAX as usize;
    for idle in [frame(DATA, b""), frame(0x21, b""), frame(0x21, b"x")] {
        for (count, fits) in [(most, true), (most + 1, false)] {
            let stream = [head.clone(), idle.repeat(count)].concat();
            let expected = if fits { Ok(()) } else { Err(Fault::Connection(Code::ExcessiveLoad)) };
            assert_eq!(read(Frames::of_request(), &stream, 5000).1, expected, "{idle:?}");
        }
    }
    let control = [frame(SETTINGS, b""), frame(MAX_PUSH_ID, b"\0").repeat(most + 1)].concat();
    assert_eq!(read(Frames::of_control(), &control, 64).1, Err(Fault::Connection(Code::ExcessiveLoad)));
    let mut large = BytesMut::from(&head[..]);
    put_varint(&mut large, 0x21);
    put_varint(&mut large, UNKNOWN_BYTES_MAX + 1);
    assert_eq!(read(Frames::of_request(), &large, 64).1, Err(Fault::Connection(Code::ExcessiveLoad)));
}

#[test]
fn numbers_of_every_length_are_written_as_they_are_read() {
    for value in
        [0, 37, 63, 64, 15_293, 16_383, 16_384, 494_878_333, 1 << 30, 151_288_809_941_952_652, (1 << 62) - 1]
    {
        let mut bytes = BytesMut::new();
        put_varint(&mut bytes, value);
        let mut bytes = bytes.freeze();
        assert_eq!((varint(&mut bytes), bytes.len()), (Some(value), 0), "{value}");
    }
}

#[test]
fn a_stream_may_be_told_of_priorities_for_days_and_not_all_at_once() {
    const PRIORITY_UPDATE: u64 = 0xf0700;
    let mut frames = Frames::of_control();
    let mut take = |bytes: Vec<u8>, now| {
        frames.at(now);
        let mut bytes = Bytes::from(bytes);
        while frames.take(&mut bytes)?.is_some() {}
        Ok::<_, Fault>(())
    };
    let begin = Instant::now();
    take(frame(SETTINGS, b""), begin).expect("settings");
    for hour in 0..2 {
        for minute in 0..60 {
            let now = begin + COUNT_TIME * (hour * 60 + minute);
            for _ in 0..IDLE_FRAMES_MAX {
                take(frame(PRIORITY_UPDATE, b"\0u=1"), now).expect("few");
            }
        }
    }
    let now = begin + COUNT_TIME * 2000;
    let all = (0..=IDLE_FRAMES_MAX).try_for_each(|_| take(frame(PRIORITY_UPDATE, b"\0u=1"), now));
    assert_eq!(all, Err(Fault::Connection(Code::ExcessiveLoad)));
}
