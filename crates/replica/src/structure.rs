//! LMDB's own pages, checked before LMDB maps them.
//!
//! LMDB trusts its page headers and offsets: a damaged one makes it read outside the map and kills the
//! process, at each start again. Values have digests of their own (`sealed`); this looks only at what leads to
//! them. Layout: `MDB_meta`, `MDB_page`, `MDB_node` and `MDB_db` of LMDB's mdb.c, data version 1, in the
//! machine's own byte order; LMDB files do not travel between machines.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

const MAGIC: u64 = 0xBEEF_C0DE;
const META_LENGTH: usize = 152;
const PAGE_HEADER: usize = 16;
const NODE_HEADER: usize = 8;
/// A tree without pages.
const NO_ROOT: u64 = u64::MAX;
const BRANCH: u64 = 0x01;
const LEAF: u64 = 0x02;
const OVERFLOW: u64 = 0x04;
/// On a node: its value lies on overflow pages.
const ELSEWHERE: u64 = 0x01;
/// The trees of a replica have one or two levels; more pages than this are no replica's.
const PAGES_MAX: u32 = 10_000;

/// Why a file must not be mapped.
#[derive(Debug)]
pub(crate) enum Fault {
    /// It cannot be read.
    Io(io::Error),
    /// Its structure is damaged.
    Damaged(String),
}

/// How long the file must be for every page its header counts.
pub(crate) fn stated_length(file: &File, length_max: u64) -> Result<u64, Fault> {
    let metas = Metas::read(file)?;
    let pages = metas.0.last_page.max(metas.1.last_page).checked_add(1);
    let length = pages.and_then(|pages| pages.checked_mul(metas.0.page_size));
    length
        .filter(|length| *length <= length_max)
        .ok_or_else(|| damaged("its header counts more pages than it may have"))
}

/// Checks all that leads to the values whose keys are `known`; the file is as long as it states.
pub(crate) fn check(file: &File, known: &[&str]) -> Result<(), Fault> {
    let meta = Metas::read(file)?.live();
    let mut walk = Walk { file, page_size: meta.page_size, last_page: meta.last_page, pages: 0, entries: 0 };
    walk.tree(&meta.free, &|walk, node| walk.free_list(node))?;
    walk.tree(&meta.main, &|_, node| {
        let named = known.iter().any(|name| name.as_bytes() == node.key);
        if named { Ok(()) } else { Err(damaged("it has a key that no replica has")) }
    })
}

fn damaged(reason: &str) -> Fault {
    Fault::Damaged(reason.to_owned())
}

/// A number in the machine's own byte order.
fn number(bytes: &[u8]) -> u64 {
    let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
    if cfg!(target_endian = "little") { bytes.iter().rev().fold(0, add) } else { bytes.iter().fold(0, add) }
}

/// The two meta pages; the one of the later transaction is live.
struct Metas(Meta, Meta);

struct Meta {
    page_size: u64,
    last_page: u64,
    transaction: u64,
    free: Tree,
    main: Tree,
}

struct Tree {
    depth: u64,
    entries: u64,
    root: u64,
}

impl Metas {
    fn read(file: &File) -> Result<Self, Fault> {
        let first = Meta::read(file, 0)?;
        let second = Meta::read(file, first.page_size)?;
        if first.page_size == second.page_size {
            return Ok(Self(first, second));
        }
        Err(damaged("its two headers disagree"))
    }

    fn live(self) -> Meta {
        if self.0.transaction < self.1.transaction { self.1 } else { self.0 }
    }
}

impl Meta {
    fn read(file: &File, at: u64) -> Result<Self, Fault> {
        let mut bytes = [0; META_LENGTH];
        read_at(file, &mut bytes, at)?;
        let page_size = number(&bytes[40..44]);
        let plausible = page_size.is_power_of_two() && (512..=65_536).contains(&page_size);
        if number(&bytes[16..20]) != MAGIC || !plausible {
            return Err(damaged("its header is not one of LMDB's"));
        }
        Ok(Self {
            page_size,
            last_page: number(&bytes[136..144]),
            transaction: number(&bytes[144..152]),
            free: Tree::parse(&bytes[40..88]),
            main: Tree::parse(&bytes[88..136]),
        })
    }
}

impl Tree {
    fn parse(bytes: &[u8]) -> Self {
        Self { depth: number(&bytes[6..8]), entries: number(&bytes[32..40]), root: number(&bytes[40..48]) }
    }
}

fn read_at(file: &File, into: &mut [u8], at: u64) -> Result<(), Fault> {
    file.read_exact_at(into, at).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => damaged("it ends too early"),
        _ => Fault::Io(error),
    })
}

/// One entry of a leaf page.
struct Node<'p> {
    key: &'p [u8],
    /// The value, or what of it lies at the beginning of its overflow pages.
    value: Value<'p>,
}

enum Value<'p> {
    Here(&'p [u8]),
    Overflow { page: u64, length: u64 },
}

struct Walk<'f> {
    file: &'f File,
    page_size: u64,
    last_page: u64,
    pages: u32,
    entries: u64,
}

type Visit<'v> = &'v dyn Fn(&Walk<'_>, &Node<'_>) -> Result<(), Fault>;

impl Walk<'_> {
    fn tree(&mut self, tree: &Tree, visit: Visit<'_>) -> Result<(), Fault> {
        self.entries = 0;
        if tree.root != NO_ROOT {
            self.subtree(tree.root, tree.depth, visit)?;
        }
        if self.entries == tree.entries { Ok(()) } else { Err(damaged("it has lost entries")) }
    }

    fn subtree(&mut self, number_of_page: u64, levels: u64, visit: Visit<'_>) -> Result<(), Fault> {
        self.pages += 1;
        if self.pages > PAGES_MAX {
            return Err(damaged("it has too many pages"));
        }
        let page = self.page(number_of_page)?;
        match (number(&page[10..12]), levels) {
            (LEAF, 1) => {
                for at in slots(&page)? {
                    visit(self, &self.leaf_node(&page, at)?)?;
                    self.entries += 1;
                }
                Ok(())
            }
            (BRANCH, 2..=8) => {
                for at in slots(&page)? {
                    self.subtree(number(bytes(&page, at, 6)?), levels - 1, visit)?;
                }
                Ok(())
            }
            _ => Err(damaged("a page is not of the kind its place asks for")),
        }
    }

    /// A page, which must be one in use and know its own number.
    fn page(&self, wanted: u64) -> Result<Vec<u8>, Fault> {
        self.extent(wanted, 1)?;
        let mut page = vec![0; usize::try_from(self.page_size).unwrap_or(0)];
        read_at(self.file, &mut page, wanted * self.page_size)?;
        if number(&page[..8]) == wanted { Ok(page) } else { Err(damaged("a page is not where it should be")) }
    }

    /// Whether `count` pages from `first` on may hold entries and values.
    fn extent(&self, first: u64, count: u64) -> Result<(), Fault> {
        let end = first.checked_add(count);
        if first >= 2 && end.is_some_and(|end| end <= self.last_page + 1) {
            return Ok(());
        }
        Err(damaged("it names a page that it does not have"))
    }

    fn leaf_node<'p>(&self, page: &'p [u8], at: usize) -> Result<Node<'p>, Fault> {
        let header = bytes(page, at, NODE_HEADER)?;
        let length = number(&header[..4]);
        let key_length = usize::try_from(number(&header[6..8])).unwrap_or(usize::MAX);
        let key = bytes(page, at + NODE_HEADER, key_length)?;
        let rest = at + NODE_HEADER + key_length;
        let value = match number(&header[4..6]) {
            0 => Value::Here(bytes(page, rest, usize::try_from(length).unwrap_or(usize::MAX))?),
            ELSEWHERE => {
                let first = number(bytes(page, rest, 8)?);
                self.overflow(first, length)?;
                Value::Overflow { page: first, length }
            }
            _ => return Err(damaged("an entry is of a kind that no replica has")),
        };
        Ok(Node { key, value })
    }

    fn overflow(&self, first: u64, length: u64) -> Result<(), Fault> {
        let count = (length + PAGE_HEADER as u64 - 1) / self.page_size + 1;
        self.extent(first, count)?;
        let header = self.page(first)?;
        let fits = number(&header[10..12]) == OVERFLOW && number(&header[12..16]) == count;
        if fits { Ok(()) } else { Err(damaged("a value is not where its entry says")) }
    }

    /// A list of free pages: its count, then their numbers. LMDB will write to them.
    fn free_list(&self, node: &Node<'_>) -> Result<(), Fault> {
        let mut read = Vec::new();
        let list: &[u8] = match node.value {
            Value::Here(list) => list,
            Value::Overflow { page, length } => {
                read.resize(usize::try_from(length).unwrap_or(0), 0);
                read_at(self.file, &mut read, page * self.page_size + PAGE_HEADER as u64)?;
                &read
            }
        };
        let (numbers, rest) = list.as_chunks::<8>();
        let [count, free @ ..] = numbers else { return Err(damaged("a list of free pages is empty")) };
        if !rest.is_empty() || number(count) != free.len() as u64 || node.key.len() != 8 {
            return Err(damaged("a list of free pages has another length than it says"));
        }
        free.iter().try_for_each(|page| self.extent(number(page), 1))
    }
}

/// Where a page's entries lie.
fn slots(page: &[u8]) -> Result<Vec<usize>, Fault> {
    let (lower, upper) = (number(&page[12..14]) as usize, number(&page[14..16]) as usize);
    if lower < PAGE_HEADER || lower % 2 != 0 || lower > upper || upper > page.len() {
        return Err(damaged("a page's bounds cross each other"));
    }
    let slots = page[PAGE_HEADER..lower].chunks_exact(2).map(|slot| number(slot) as usize);
    slots
        .map(|at| {
            let inside = at >= upper && at % 2 == 0 && at + NODE_HEADER <= page.len();
            if inside { Ok(at) } else { Err(damaged("an entry lies outside its page")) }
        })
        .collect()
}

/// Some bytes of a page, if it has them.
fn bytes(page: &[u8], at: usize, length: usize) -> Result<&[u8], Fault> {
    at.checked_add(length)
        .and_then(|end| page.get(at..end))
        .ok_or_else(|| damaged("an entry reaches beyond its page"))
}
