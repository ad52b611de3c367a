//! The error codes of HTTP/3 (RFC 9114 §8.1) and QPACK (RFC 9204 §6) that the edge says.

use quinn::VarInt;

/// What a connection or a stream ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Code {
    NoError = 0x100,
    InternalError = 0x102,
    StreamCreation = 0x103,
    ClosedCriticalStream = 0x104,
    FrameUnexpected = 0x105,
    FrameMalformed = 0x106,
    ExcessiveLoad = 0x107,
    Settings = 0x109,
    MissingSettings = 0x10a,
    RequestRejected = 0x10b,
    RequestIncomplete = 0x10d,
    Decompression = 0x200,
    EncoderStream = 0x201,
}

impl From<Code> for VarInt {
    fn from(code: Code) -> Self {
        Self::from_u32(code as u32)
    }
}

/// Ends a connection for its visitor's error; what is still under way on it learns that its visitor is gone.
pub(super) fn close(connection: &quinn::Connection, code: Code) {
    connection.close(code.into(), b"");
}
