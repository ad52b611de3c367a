//! The web form, the JSON form, and codes as people type them.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = reports::form::Form::parse(bytes).and_then(|form| form.submission());
    let _ = reports::form::from_json(bytes);
    if let Ok(code) = reports::Code::parse(&String::from_utf8_lossy(bytes)) {
        assert_eq!(reports::Code::parse(code.to_secret().expose()).as_ref(), Ok(&code));
    }
});
