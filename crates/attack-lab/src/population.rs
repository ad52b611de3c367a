//! Who asks: browsers as people have them, tools as attackers have them, and addresses for both.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use vocabulary::SeededRandom;

/// A browser's user agent, and the fields it sends besides, in its order.
const BROWSERS: [(&str, &[(&str, &str)]); 4] = [
    (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
        &[
            ("Sec-CH-UA-Mobile", "?0"),
            ("Upgrade-Insecure-Requests", "1"),
            ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
            ("Sec-Fetch-Site", "none"),
            ("Sec-Fetch-Mode", "navigate"),
            ("Accept-Encoding", "identity"),
            ("Accept-Language", "en-US,en;q=0.9"),
        ],
    ),
    (
        "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
        &[
            ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
            ("Accept-Language", "de,en-US;q=0.7"),
            ("Accept-Encoding", "identity"),
            ("Upgrade-Insecure-Requests", "1"),
            ("Sec-Fetch-Mode", "navigate"),
        ],
    ),
    (
        "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
        &[
            ("Sec-Fetch-Mode", "navigate"),
            ("Accept", "text/html,*/*;q=0.8"),
            ("Accept-Language", "fr-FR,fr;q=0.9"),
        ],
    ),
    (
        "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
        &[
            ("Sec-CH-UA-Mobile", "?1"),
            ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
            ("Sec-Fetch-Site", "cross-site"),
            ("Accept-Language", "es-ES,es;q=0.9"),
        ],
    ),
];

/// A page as people come to it: three times in four from another one of the site.
pub(crate) fn visit(dice: &SeededRandom, which: usize, host: &str) -> Vec<u8> {
    let own = format!("http://{host}{}", page(dice));
    browser(which, host, &page(dice), Some(own.as_str()).filter(|_| dice.below(4) > 0))
}

/// A request as the browser number `which` sends it.
pub(crate) fn browser(which: usize, host: &str, path: &str, referrer: Option<&str>) -> Vec<u8> {
    let (agent, fields) = BROWSERS[which % BROWSERS.len()];
    let mut text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\n");
    // Writing to a String cannot fail.
    for (name, value) in fields {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    if let Some(referrer) = referrer {
        let _ = write!(text, "Referer: {referrer}\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// A form as the browser number `which` sends it, from a page or from none.
pub(crate) fn posting(
    which: usize,
    (host, path): (&str, &str),
    page: Option<&str>,
    content: &str,
) -> Vec<u8> {
    let mut text = String::from_utf8(browser(which, host, path, page)).unwrap_or_default();
    text.replace_range(..3, "POST");
    text.truncate(text.len() - 2);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{content}",
        content.len()
    );
    text.into_bytes()
}

/// A request as a tool sends it that hides: another name, other fields and another order of them each time.
pub(crate) fn shuffled(dice: &SeededRandom, host: &str, path: &str) -> Vec<u8> {
    let mut fields = vec![
        format!("User-Agent: Mozilla/5.0 (X11; {:x})", dice.next_u64()),
        "Accept: text/html,*/*;q=0.8".to_owned(),
        "Accept-Encoding: identity".to_owned(),
        "Accept-Language: en".to_owned(),
        "Cache-Control: no-cache".to_owned(),
        format!("X-{:x}: 1", dice.below(1 << 20)),
    ];
    let mut text = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n");
    while !fields.is_empty() {
        let next = usize::try_from(dice.below(fields.len() as u64)).unwrap_or(0);
        text.push_str(&fields.swap_remove(next));
        text.push_str("\r\n");
    }
    text.push_str("\r\n");
    text.into_bytes()
}

/// A request as a simple tool sends it.
pub(crate) fn tool(agent: &str, method: &str, host: &str, path: &str) -> Vec<u8> {
    let length = if method == "POST" { "Content-Length: 0\r\n" } else { "" };
    format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {agent}\r\nAccept: */*\r\n{length}\r\n")
        .into_bytes()
}

/// A page as visitors choose them: few are asked for often, many seldom.
pub(crate) fn page(dice: &SeededRandom) -> String {
    let rank = dice.below(40).min(dice.below(40));
    if dice.below(4) == 0 { format!("/news/{rank}") } else { format!("/cached/{rank}") }
}

/// Addresses of people: anywhere in 127.16.0.0 to 127.127.255.255, a few to a network.
pub(crate) fn homes(dice: &SeededRandom, count: usize) -> Vec<Ipv4Addr> {
    spread(dice, count, 16, 112)
}

/// Addresses of machines taken over: as widely spread as homes, and in between them.
pub(crate) fn bots(dice: &SeededRandom, count: usize) -> Vec<Ipv4Addr> {
    spread(dice, count, 16, 112)
}

/// Addresses of one rented network.
pub(crate) fn rented(dice: &SeededRandom, count: usize) -> Vec<Ipv4Addr> {
    let network = 200 + byte(dice, 40);
    (0..count).map(|_| Ipv4Addr::new(127, network, 7, 1 + byte(dice, 250))).collect()
}

fn spread(dice: &SeededRandom, count: usize, from: u8, networks: u64) -> Vec<Ipv4Addr> {
    (0..count)
        .map(|_| Ipv4Addr::new(127, from + byte(dice, networks), byte(dice, 256), 1 + byte(dice, 250)))
        .collect()
}

fn byte(dice: &SeededRandom, below: u64) -> u8 {
    u8::try_from(dice.below(below)).unwrap_or(0)
}
