//! Who comes to a site in the simulation: visitors with browsers, and crowds that are described, not
//! programmed: each attribute is drawn from values of the crowd's own, or from those of visitors.

use crate::adaptive::attributes::{Attribute, Attributes, CacheStatus, NO_COOKIES, OWN_REFERRER};
use crate::adaptive::reference::mixed;
use vocabulary::SeededRandom;

/// Where a crowd's value of an attribute comes from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Draw {
    /// As visitors' do.
    Usual,
    /// From so many values of its own, evenly.
    Own(u64),
    /// The value that visitors have at this rank.
    Rank(u64),
}

/// A crowd: what each of its requests looks like, and a salt for its own values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Crowd(pub [Draw; 16], pub u64);

impl Crowd {
    /// Like visitors in everything.
    pub(super) fn usual(salt: u64) -> Self {
        Self([Draw::Usual; 16], salt)
    }

    pub(super) fn with(mut self, attribute: Attribute, draw: Draw) -> Self {
        self.0[attribute as usize] = draw;
        self
    }

    pub(super) fn request(&self, visitors: &Visitors, random: &SeededRandom) -> Attributes {
        let mut hashes = visitors.hashes(random);
        for (place, draw) in self.0.iter().enumerate() {
            match draw {
                Draw::Usual => {}
                Draw::Own(count) => {
                    hashes[place] = hash(place, (1 << 40) | (self.1 << 24) | random.below(*count));
                }
                Draw::Rank(rank) => hashes[place] = hash(place, *rank),
            }
        }
        Attributes::from_hashes(hashes)
    }
}

/// Who asks a site usually.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Site {
    /// People.
    Visitors,
    /// A few monitors, and nobody else.
    Monitored,
    /// People, and as often an app, which has no pages that it could come from.
    Apps,
    /// People, most of them by links of their own.
    PersonalLinks,
    /// People who carry a cookie from their second page on.
    Sessions,
}

impl Site {
    /// The app of a site.
    pub(super) fn app() -> Crowd {
        let app =
            Crowd::usual(4_000).with(Attribute::UserAgent, Draw::Own(2)).with(Attribute::Tls, Draw::Own(1));
        let app = app.with(Attribute::HeaderOrder, Draw::Own(2)).with(Attribute::Http2, Draw::Own(1));
        app.with(Attribute::Referer, Draw::Rank(0)).with(Attribute::Cookies, Draw::Rank(0))
    }

    pub(super) fn request(self, visitors: &Visitors, random: &SeededRandom) -> Attributes {
        let few = |crowd: Crowd, attributes: &[Attribute], count| {
            attributes.iter().fold(crowd, |crowd, attribute| crowd.with(*attribute, Draw::Own(count)))
        };
        let kind = match self {
            Self::Monitored => {
                use Attribute::{
                    Address, Asn, HeaderOrder, Http2, Path, PathTemplate, Prefix, Tls, UserAgent,
                };
                let all = [Address, Asn, HeaderOrder, Http2, Path, PathTemplate, Prefix, Tls, UserAgent];
                let monitors = few(Crowd::usual(4_001), &all, 4);
                monitors.with(Attribute::Referer, Draw::Rank(0)).with(Attribute::Cookies, Draw::Rank(0))
            }
            Self::Apps if random.below(2) == 0 => Self::app(),
            Self::PersonalLinks if random.below(3) > 0 => {
                let linked = few(Crowd::usual(4_002), &[Attribute::Address, Attribute::Path], 1 << 20);
                let linked = linked.with(Attribute::PathTemplate, Draw::Own(1));
                linked.with(Attribute::Referer, Draw::Rank(0)).with(Attribute::Cookies, Draw::Rank(0))
            }
            Self::Visitors | Self::Sessions | Self::Apps | Self::PersonalLinks => Crowd::usual(0),
        };
        let row = kind.request(visitors, random);
        if self == Self::Sessions { Self::with_cookie(row) } else { row }
    }

    /// As somebody who comes from within carries it.
    pub(super) fn with_cookie(row: Attributes) -> Attributes {
        let mut hashes = Attribute::ALL.map(|attribute| row.hash(attribute));
        let cookies = &mut hashes[Attribute::Cookies as usize];
        if row.hash(Attribute::Referer) == OWN_REFERRER && *cookies == NO_COOKIES {
            *cookies = 1;
        }
        Attributes::from_hashes(hashes)
    }
}

/// Usual visitors of one site: how many values each attribute has, drawn by Zipf's law.
#[derive(Debug)]
pub(super) struct Visitors([u64; 16]);

/// The least and the most values of each attribute, in the order of `Attribute::ALL`.
const SIZES: [(u64, u64); 16] = [
    (2_000, 20_000),
    (40, 400),
    (5, 60),
    (15, 40),
    (6, 12),
    (15, 40),
    (60, 300),
    (200, 3_000),
    (10, 40),
    (5, 20),
    (3, 3),
    (4, 4),
    (3, 3),
    (5, 30),
    (3, 3),
    (300, 4_000),
];

impl Visitors {
    pub(super) fn new(random: &SeededRandom) -> Self {
        Self(SIZES.map(|(least, most)| least + random.below(most - least + 1)))
    }

    /// A request: what belongs to a browser hangs together.
    fn hashes(&self, random: &SeededRandom) -> [u32; 16] {
        let browser = zipf(self.0[Attribute::UserAgent as usize], random);
        let mut hashes = std::array::from_fn(|place| {
            let rank = match Attribute::ALL[place] {
                Attribute::UserAgent => browser,
                Attribute::Tls | Attribute::Http2 | Attribute::HeaderOrder => browser % self.0[place],
                _ => zipf(self.0[place], random),
            };
            hash(place, rank)
        });
        // What a page sends says which page it was.
        if hashes[Attribute::Cache as usize] == CacheStatus::Bypass as u32 && browser % 16 != 15 {
            hashes[Attribute::Referer as usize] = OWN_REFERRER;
        }
        hashes
    }
}

fn hash(place: usize, value: u64) -> u32 {
    // Classes are themselves: the most usual one has the number 0.
    if matches!(Attribute::ALL[place], Attribute::Referer | Attribute::Cookies | Attribute::Cache)
        && value < 8
    {
        return value as u32;
    }
    (mixed((place as u64) << 56 ^ value) >> 16) as u32
}

/// A rank below `size`, the first ones most often: the inverse of 1/x.
fn zipf(size: u64, random: &SeededRandom) -> u64 {
    let unit = random.below(1 << 30) as f64 / f64::from(1 << 30);
    (((size as f64 + 1.0).powf(unit) - 1.0) as u64).min(size - 1)
}
