//! `::TOKENS::` of a page and what stands in their place.

/// Most tokens of one page: each may grow into a few hundred bytes.
pub const TOKENS_MAX: usize = 128;

/// Most bytes of one value, escaped.
const VALUE_BYTES_MAX: usize = 600;

/// What a page may say about one answer. Text may come from anywhere: it is escaped and bounded.
#[derive(Debug, Clone, Copy)]
pub struct Values<'a> {
    /// `::RAY_ID::`: the request's id.
    pub ray: &'a str,
    /// `::CLIENT_IP::`: the visitor's address.
    pub client: &'a str,
    /// `::GEO::`: the visitor's country as two letters; `unknown` where no one can tell.
    pub geo: &'a str,
    /// `::STATUS::`: the status.
    pub status: u16,
    /// The headline in `::ERROR_BOX::`.
    pub title: &'a str,
    /// The sentence in `::ERROR_BOX::`.
    pub text: &'a str,
    /// The stable name of the reason, in `::ERROR_BOX::`.
    pub reason: &'a str,
    /// `::CHALLENGE_BOX::`: this network's own markup.
    pub challenge: &'static str,
}

/// One token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    Ray,
    Client,
    Geo,
    Status,
    ErrorBox,
    ChallengeBox,
}

const NAMES: [(&str, Token); 6] = [
    ("::RAY_ID::", Token::Ray),
    ("::CLIENT_IP::", Token::Client),
    ("::GEO::", Token::Geo),
    ("::STATUS::", Token::Status),
    ("::ERROR_BOX::", Token::ErrorBox),
    ("::CHALLENGE_BOX::", Token::ChallengeBox),
];

impl Token {
    /// Whether it stands for elements: then an attribute cannot hold it.
    pub(crate) fn is_markup(self) -> bool {
        matches!(self, Self::ErrorBox | Self::ChallengeBox)
    }
}

/// The tokens of a text, in order; the error is what looks like a token and is none.
pub(crate) fn find(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("::") {
        rest = &rest[at..];
        match first(rest) {
            Some((name, token)) => {
                found.push(token);
                rest = &rest[name.len()..];
            }
            None => {
                let name = rest[2..].split("::").next().unwrap_or_default();
                let letters = name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
                if letters && (3..=40).contains(&name.len()) && rest[2 + name.len()..].starts_with("::") {
                    return Err(format!("::{name}::"));
                }
                rest = &rest[1..];
            }
        }
    }
    Ok(found)
}

fn first(text: &str) -> Option<(&'static str, Token)> {
    NAMES.into_iter().find(|(name, _)| text.starts_with(name))
}

/// Fills a page. A value that looks like a token is not filled again.
pub(crate) fn fill(html: &str, values: &Values<'_>) -> String {
    let mut page = String::with_capacity(html.len() + 1024);
    let mut rest = html;
    while let Some(at) = rest.find("::") {
        page.push_str(&rest[..at]);
        rest = &rest[at..];
        match first(rest) {
            Some((name, token)) => {
                put(&mut page, token, values);
                rest = &rest[name.len()..];
            }
            None => {
                page.push(':');
                rest = &rest[1..];
            }
        }
    }
    page.push_str(rest);
    page
}

fn put(page: &mut String, token: Token, values: &Values<'_>) {
    match token {
        Token::Ray => escape(page, values.ray),
        Token::Client => escape(page, values.client),
        Token::Geo => escape(page, values.geo),
        Token::Status => page.push_str(&values.status.to_string()),
        Token::ErrorBox => error_box(page, values),
        Token::ChallengeBox => page.push_str(values.challenge),
    }
}

/// What happened, in elements whose look is the page's own.
fn error_box(page: &mut String, values: &Values<'_>) {
    page.push_str("<div class=\"wardmote-error\"><p class=\"wardmote-title\"><strong>");
    escape(page, values.title);
    page.push_str("</strong></p><p class=\"wardmote-text\">");
    escape(page, values.text);
    page.push_str("</p><p class=\"wardmote-facts\">Status ");
    page.push_str(&values.status.to_string());
    page.push_str(" · Reason ");
    escape(page, values.reason);
    page.push_str(" · Ray ");
    escape(page, values.ray);
    page.push_str("</p></div>");
}

/// For element content and quoted attributes alike; what turns the direction of writing is dropped.
pub(crate) fn escape(page: &mut String, text: &str) {
    let budget = page.len() + VALUE_BYTES_MAX;
    for letter in text.chars() {
        match letter {
            '&' => page.push_str("&amp;"),
            '<' => page.push_str("&lt;"),
            '>' => page.push_str("&gt;"),
            '"' => page.push_str("&#34;"),
            '\'' => page.push_str("&#39;"),
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            letter if letter.is_control() => page.push(' '),
            letter => page.push(letter),
        }
        if page.len() > budget {
            page.push('…');
            break;
        }
    }
}
