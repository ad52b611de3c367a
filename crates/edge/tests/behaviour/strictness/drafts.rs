//! Plain requests of every kind of framing, and what is edited in them.

use super::{Meaning, Verdict};

/// The bytes that a text with one character for each byte stands for.
pub fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("one byte a character")).collect()
}

/// A request before it is edited.
#[derive(Debug, Clone)]
pub struct Draft {
    pub name: &'static str,
    pub method: &'static str,
    pub framing: &'static str,
    pub body: String,
    pub content: String,
}

impl Draft {
    /// The request with its mark, and behind it another.
    pub fn text(&self, mark: &str) -> String {
        let Self { method, framing, body, .. } = self;
        format!("{method} {mark} HTTP/1.1\r\nHost: a.test\r\nX-Kept: 1\r\n{framing}\r\n{body}")
    }

    pub fn meaning(&self, mark: &str) -> Meaning {
        Meaning {
            method: self.method.into(),
            target: mark.into(),
            host: "a.test".into(),
            body: self.content.clone().into_bytes(),
            field: Some(("x-kept", "1")),
        }
    }
}

/// What comes behind every request.
pub fn tail(mark: &str) -> String {
    format!("GET {mark}/tail HTTP/1.1\r\nHost: a.test\r\n\r\n")
}

const SMUGGLED: &str = "GET /smuggling HTTP/1.1\r\nHost: a.test\r\n\r\n";

/// No content, content by length, by chunks, and content that is a request itself.
pub fn drafts() -> Vec<Draft> {
    let sized = "Content-Length: 41\r\n";
    assert_eq!(SMUGGLED.len(), 41);
    let draft = |name, method, framing, body: &str, content: &str| Draft {
        name,
        method,
        framing,
        body: body.into(),
        content: content.into(),
    };
    vec![
        draft("get", "GET", "", "", ""),
        draft("sized", "POST", sized, SMUGGLED, SMUGGLED),
        draft(
            "chunked",
            "PUT",
            "Transfer-Encoding: chunked\r\n",
            &format!("29\r\n{SMUGGLED}\r\n0\r\n\r\n"),
            SMUGGLED,
        ),
        draft("get-with-content", "GET", sized, SMUGGLED, SMUGGLED),
        draft("options-zero", "OPTIONS", "Content-Length: 0\r\n", "", ""),
    ]
}

/// One edit of a request's text, first place only. `{m}` stands for the method, `{t}` for the target.
pub struct Edit {
    pub name: &'static str,
    pub from: &'static str,
    pub to: &'static str,
    /// Drafts it is tried on; all where none is named.
    pub only: &'static [&'static str],
    pub fate: Fate,
}

#[derive(Clone, Copy)]
pub enum Fate {
    /// Refused with this status.
    Refused(u16),
    /// Breaks off behind its head.
    Broken,
    /// Means what it meant, and the connection goes on.
    Same,
    /// Means what it meant, and the connection ends.
    Last,
    /// Means the same, but for the target, which is this behind the mark.
    Target(&'static str),
    /// Has no content; what stood for it is none.
    Empty,
}

impl Edit {
    pub fn suits(&self, draft: &Draft) -> bool {
        self.only.is_empty() || self.only.contains(&draft.name)
    }

    /// The edited request, and what is to become of it.
    pub fn of(&self, draft: &Draft, mark: &str) -> (Vec<u8>, Verdict) {
        let fill = |text: &str| text.replace("{m}", draft.method).replace("{t}", mark);
        let (text, from) = (draft.text(mark), fill(self.from));
        assert!(text.contains(&from), "{}: no {from:?} in {text:?}", self.name);
        let edited = text.replacen(&from, &fill(self.to), 1);
        let mut meaning = draft.meaning(mark);
        let verdict = match self.fate {
            Fate::Refused(status) => Verdict::Refused(status),
            Fate::Broken => Verdict::Broken,
            Fate::Same => Verdict::Heard { meaning, tail: true },
            Fate::Last => Verdict::Heard { meaning, tail: false },
            Fate::Target(target) => {
                meaning.target = fill(target);
                Verdict::Heard { meaning, tail: true }
            }
            Fate::Empty => {
                meaning.body.clear();
                Verdict::Heard { meaning, tail: true }
            }
        };
        (latin1(&edited), verdict)
    }
}
