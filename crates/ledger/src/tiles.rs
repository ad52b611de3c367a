//! Paths and contents of C2SP tlog-tiles: tiles are 256 hashes wide, and no path names a height.
//!
//! Knows only what a tree of some size holds; serving, caching and compressing are the caller's.

use crate::base64_text::decimal;
use crate::entry::ENTRY_BYTES_MAX;
use crate::merkle::Tree;
use std::fmt;
use std::str::FromStr;

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// Levels above this hold nothing: 256^8 leaves are more than a size can say.
const LEVEL_MAX: u8 = 7;

/// What a path under `tile/` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes at one level of tiles.
    Hashes(u8),
    /// The entries themselves.
    Entries,
}

/// One tile or entry bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tile {
    /// Hashes or entries.
    pub kind: TileKind,
    /// Its place within the level, from 0.
    pub index: u64,
    /// 1 to 256; less than 256 only at the right edge.
    pub width: u16,
}

/// The path names no tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the path of a tile: tile/<level>/<index>[.p/<width>] is needed")]
pub struct TilePathError;

/// An entry does not fit a bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an entry of {0} bytes does not fit an entry bundle; at most {ENTRY_BYTES_MAX} do")]
pub struct EntryTooLong(pub usize);

impl Tile {
    /// Number of this tile's first leaf, and of the leaf after its last; none if beyond any tree.
    pub fn leaves(&self) -> Option<std::ops::Range<u64>> {
        let span = match self.kind {
            TileKind::Entries => 1,
            TileKind::Hashes(level) => 256u64.checked_pow(u32::from(level))?,
        };
        let start = self.index.checked_mul(u64::from(TILE_WIDTH))?.checked_mul(span)?;
        Some(start..start.checked_add(span.checked_mul(u64::from(self.width))?)?)
    }

    /// Whether a tree of `size` leaves has this tile. Narrower tiles of earlier sizes count too.
    pub fn exists_at(&self, size: u64) -> bool {
        self.width > 0 && self.leaves().is_some_and(|leaves| leaves.end <= size)
    }

    /// The hashes of this tile; none if the tree does not have it, or if it is an entry bundle.
    pub fn hashes(&self, tree: &Tree) -> Option<Vec<u8>> {
        let TileKind::Hashes(level) = self.kind else { return None };
        if !self.exists_at(tree.size()) {
            return None;
        }
        let first = self.index * u64::from(TILE_WIDTH);
        let places = first..first + u64::from(self.width);
        let hashes = places.map(|place| tree.complete(8 * level, place));
        hashes
            .collect::<Option<Vec<_>>>()
            .map(|hashes| hashes.iter().flat_map(|hash| *hash.as_bytes()).collect())
    }

    /// Every tile and bundle that a tree of `size` leaves has but one of `before` leaves had not.
    pub fn new_at(before: u64, size: u64) -> Vec<Self> {
        let mut tiles = Vec::new();
        for kind in (0..=LEVEL_MAX).map(TileKind::Hashes).chain([TileKind::Entries]) {
            let shift = match kind {
                TileKind::Hashes(level) => 8 * u32::from(level),
                TileKind::Entries => 0,
            };
            let (had, has) = (before >> shift, size >> shift);
            let mut index = had / u64::from(TILE_WIDTH);
            while has > had && index * u64::from(TILE_WIDTH) < has {
                let width = (has - index * u64::from(TILE_WIDTH)).min(u64::from(TILE_WIDTH)) as u16;
                tiles.push(Self { kind, index, width });
                index += 1;
            }
        }
        tiles
    }
}

/// Everything that a static folder of this log holds beside its checkpoint: every tile and bundle, each
/// with its bytes. `entries` are the leaves of `tree`, in order.
pub fn files<E: AsRef<[u8]>>(
    tree: &Tree,
    entries: &[E],
) -> impl Iterator<Item = Result<(Tile, Vec<u8>), EntryTooLong>> {
    Tile::new_at(0, tree.size().min(entries.len() as u64)).into_iter().map(|tile| {
        let bytes = match (tile.kind, tile.leaves()) {
            (TileKind::Entries, Some(leaves)) => {
                // Within `entries`, whose length is a usize.
                let place = leaves.start as usize..leaves.end as usize;
                entry_bundle(entries[place].iter().map(E::as_ref))?
            }
            _ => tile.hashes(tree).unwrap_or_default(),
        };
        Ok((tile, bytes))
    })
}

impl Tile {
    /// The full tile that takes this one's place once the log has grown; itself if it is full.
    pub fn full(self) -> Self {
        Self { width: TILE_WIDTH, ..self }
    }

    /// This tile's bytes out of those of a wider one at the same place; none if they are too few.
    pub fn cut(self, wider: &[u8]) -> Option<Vec<u8>> {
        let width = usize::from(self.width);
        match self.kind {
            TileKind::Hashes(_) => wider.get(..32 * width).map(<[u8]>::to_vec),
            TileKind::Entries => entry_bundle(split_bundle(wider)?.get(..width)?.iter().copied()).ok(),
        }
    }

    /// Most bytes that a server may send for it.
    pub fn bytes_max(self) -> usize {
        let each = match self.kind {
            TileKind::Hashes(_) => 32,
            TileKind::Entries => 2 + ENTRY_BYTES_MAX,
        };
        each * usize::from(TILE_WIDTH)
    }
}

/// The bytes of an entry bundle: each entry after its length, 16 bits, big end first.
pub fn entry_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, EntryTooLong> {
    let mut bundle = Vec::new();
    for entry in entries {
        let length = u16::try_from(entry.len()).map_err(|_| EntryTooLong(entry.len()))?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// The entries of a bundle; none if its lengths do not add up.
pub fn split_bundle(mut bundle: &[u8]) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    while !bundle.is_empty() {
        let (length, rest) = bundle.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bundle = rest;
    }
    Some(entries)
}

impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
            TileKind::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for group in groups[1..].iter().rev() {
            write!(f, "x{group:03}/")?;
        }
        write!(f, "{:03}", groups[0])?;
        if self.width < TILE_WIDTH { write!(f, ".p/{}", self.width) } else { Ok(()) }
    }
}

impl FromStr for Tile {
    type Err = TilePathError;

    /// Reads a path relative to the log's prefix, as `tile/0/x001/234.p/7`.
    fn from_str(path: &str) -> Result<Self, TilePathError> {
        let rest = path.strip_prefix("tile/").ok_or(TilePathError)?;
        let (level, rest) = rest.split_once('/').ok_or(TilePathError)?;
        let kind = match level {
            "entries" => TileKind::Entries,
            level => {
                let level = decimal(level).and_then(|level| u8::try_from(level).ok()).ok_or(TilePathError)?;
                TileKind::Hashes(level)
            }
        };
        let (place, width) = match rest.split_once(".p/") {
            Some((place, width)) => (place, decimal(width).and_then(|width| u16::try_from(width).ok())),
            None => (rest, Some(TILE_WIDTH)),
        };
        let mut index = 0u64;
        for group in place.split('/') {
            let digits: u64 = group.strip_prefix('x').unwrap_or(group).parse().map_err(|_| TilePathError)?;
            index =
                index.checked_mul(1000).and_then(|index| index.checked_add(digits)).ok_or(TilePathError)?;
        }
        let tile = Self { kind, index, width: width.ok_or(TilePathError)? };
        // Printing is the one spelling: it settles digits, leading zeroes, widths and the x marks.
        let known_level = !matches!(kind, TileKind::Hashes(level) if level > LEVEL_MAX);
        if known_level && tile.width > 0 && tile.to_string() == path { Ok(tile) } else { Err(TilePathError) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::leaf_hash;

    #[test]
    fn paths_match_the_document() {
        let tile = Tile { kind: TileKind::Hashes(0), index: 1_234_067, width: 256 };
        assert_eq!(tile.to_string(), "tile/0/x001/x234/067");
        for text in [
            "tile/0/000",
            "tile/7/x001/000",
            "tile/3/x999/999.p/255",
            "tile/entries/000.p/1",
            "tile/0/000.p/1",
        ] {
            assert_eq!(text.parse::<Tile>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn other_paths_are_refused() {
        for text in [
            "",
            "tile/0/0",
            "tile/0/0000",
            "tile/0/1000",
            "tile/00/000",
            "tile/8/000",
            "tile/-1/000",
            "tile/0/x000/001",
            "tile/0/001/002",
            "tile/0/x001",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/01",
            "tile/0/+01",
            "tile/8/0/000",
            "tile/entries",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert!(text.parse::<Tile>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_tree_of_seventy_thousand_has_the_documents_tiles() {
        let tiles = Tile::new_at(0, 70_000);
        let at = |kind| tiles.iter().filter(move |tile| tile.kind == kind);
        assert_eq!(at(TileKind::Hashes(0)).count(), 274);
        assert_eq!(at(TileKind::Hashes(0)).next_back().map(|tile| tile.width), Some(112));
        let second: Vec<_> = at(TileKind::Hashes(1)).map(|tile| tile.width).collect();
        assert_eq!(second, [256, 17]);
        assert_eq!(at(TileKind::Hashes(2)).map(|tile| tile.width).collect::<Vec<_>>(), [1]);
        assert_eq!(at(TileKind::Entries).count(), 274);
        assert!(tiles.iter().all(|tile| tile.exists_at(70_000)));

        let grown: Vec<_> = Tile::new_at(256, 257).iter().map(Tile::to_string).collect();
        assert_eq!(grown, ["tile/0/001.p/1", "tile/entries/001.p/1"]);
        assert!(Tile::new_at(5, 5).is_empty());
    }

    #[test]
    fn tiles_hold_the_hashes_that_rebuild_the_root() {
        let tree: Tree = (0..600u32).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let tile = |path: &str| path.parse::<Tile>().expect(path).hashes(&tree);
        let leaves: Vec<u8> = ["tile/0/000", "tile/0/001", "tile/0/002.p/88"]
            .iter()
            .flat_map(|path| tile(path).expect("held"))
            .collect();
        let digest = |bytes: &[u8]| vocabulary::Digest::from_bytes(bytes.try_into().expect("32 bytes"));
        let again: Tree = leaves.chunks(32).map(digest).collect();
        assert_eq!(again.root(), tree.root());
        let upper = tile("tile/1/000.p/2").expect("held");
        assert_eq!(digest(&upper[32..]), *tree.complete(8, 1).expect("subtree"));
        for absent in
            ["tile/0/002", "tile/0/002.p/89", "tile/1/000.p/3", "tile/2/000.p/1", "tile/entries/000"]
        {
            assert_eq!(tile(absent), None, "{absent}");
        }
        let huge = Tile { kind: TileKind::Hashes(7), index: u64::MAX, width: 256 };
        assert_eq!(huge.hashes(&tree), None);
    }

    #[test]
    fn a_folder_holds_every_tile_and_a_narrow_tile_is_cut_out_of_a_full_one() {
        let entries: Vec<Vec<u8>> = (0..600u32).map(|n| n.to_be_bytes().to_vec()).collect();
        let tree: Tree = entries.iter().map(|entry| leaf_hash(entry)).collect();
        let files: Vec<_> = files(&tree, &entries).collect::<Result<_, _>>().expect("fits");
        assert_eq!(files.len(), 3 + 1 + 3);
        for (tile, bytes) in &files {
            let narrow = Tile { width: 1, ..*tile };
            let cut = narrow.cut(bytes).expect("at least one");
            match tile.kind {
                TileKind::Hashes(_) => assert_eq!(Some(cut), narrow.hashes(&tree)),
                TileKind::Entries => assert_eq!(cut, bytes[..6]),
            }
            assert_eq!(tile.full().cut(bytes).is_some(), tile.width == TILE_WIDTH);
            assert!(bytes.len() <= tile.bytes_max());
        }
    }

    #[test]
    fn bundles_are_split_as_they_were_joined() {
        let bundle = entry_bundle([b"one".as_slice(), b"", b"three"]).expect("fits");
        assert_eq!(split_bundle(&bundle).expect("whole"), [b"one".as_slice(), b"", b"three"]);
        assert_eq!(split_bundle(&bundle[..bundle.len() - 1]), None);
        assert_eq!(entry_bundle([vec![0; 65_536].as_slice()]), Err(EntryTooLong(65_536)));
    }
}
