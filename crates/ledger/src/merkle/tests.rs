use super::*;
use crate::base64_text;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Leaves and roots from the reference implementation behind RFC 6962
/// (certificate-transparency `merkletree` tests): the first n of these inputs give the n-th root.
const INPUTS: [&str; 8] =
    ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
const ROOTS: [&str; 8] = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];

fn published() -> Tree {
    INPUTS.iter().map(|input| leaf_hash(&hex_bytes(input))).collect()
}

fn hex_bytes(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn numbered(size: u64) -> Tree {
    (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect()
}

#[test]
fn roots_match_the_published_vectors() {
    let tree = published();
    assert_eq!(Tree::default().root(), empty_root());
    assert_eq!(empty_root().to_string(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (n, root) in (1u64..).zip(ROOTS) {
        assert_eq!(tree.root_at(n).expect("size").to_string(), root, "{n} leaves");
    }
}

#[test]
fn every_leaf_is_proved_at_every_size_and_nowhere_else() {
    let tree = numbered(40);
    for size in 1..=40 {
        let root = tree.root_at(size).expect("size");
        for index in 0..size {
            let proof = tree.inclusion(index, size).expect("proof");
            assert!(proof.len() <= PROOF_HASHES_MAX);
            for claimed in 0..size + 2 {
                let leaf = tree.leaf(index).expect("leaf");
                let held = verify_inclusion(leaf, claimed, size, &proof, &root).is_ok();
                assert_eq!(held, claimed == index, "leaf {index} of {size} claimed at {claimed}");
            }
        }
    }
}

#[test]
fn every_tree_extends_its_past_and_no_other() {
    let tree = numbered(40);
    for new in 0..=40 {
        let new_root = tree.root_at(new).expect("size");
        for old in 0..=new {
            let old_root = tree.root_at(old).expect("size");
            let proof = tree.consistency(old, new).expect("proof");
            let provable = old > 0;
            assert_eq!(
                verify_consistency(old, &old_root, new, &new_root, &proof).is_ok(),
                provable,
                "{old} {new}"
            );
            let wrong = Digest::of(b"another tree");
            assert!(verify_consistency(old, &wrong, new, &new_root, &proof).is_err(), "{old} {new}");
            assert!(verify_consistency(old, &old_root, new, &wrong, &proof).is_err(), "{old} {new}");
            let mut longer = proof.clone();
            longer.push(wrong);
            assert!(verify_consistency(old, &old_root, new, &new_root, &longer).is_err(), "{old} {new}");
        }
    }
}

#[test]
fn what_the_tree_does_not_hold_is_refused() {
    let tree = numbered(3);
    assert_eq!(tree.root_at(4), Err(TreeRangeError { size: 3, asked: 4 }));
    assert!(tree.inclusion(3, 3).is_err());
    assert!(tree.inclusion(0, 4).is_err());
    assert!(tree.consistency(3, 2).is_err());
    assert!(verify_consistency(u64::MAX, &empty_root(), u64::MAX, &Digest::of(b"x"), &[]).is_err());
    assert!(
        verify_inclusion(&empty_root(), u64::MAX - 1, u64::MAX, &[empty_root(); 70], &empty_root()).is_err()
    );
}

#[test]
fn proofs_agree_with_another_implementation() {
    use tlog_tiles::tlog;
    let tree = numbered(33);
    let foreign = |digest: &Digest| tlog::Hash(*digest.as_bytes());
    for size in 1..=33 {
        let root = foreign(&tree.root_at(size).expect("size"));
        for index in 0..size {
            let proof: Vec<_> = tree.inclusion(index, size).expect("proof").iter().map(foreign).collect();
            let leaf = foreign(tree.leaf(index).expect("leaf"));
            tlog::check_record(&proof, size, root, index, leaf).expect("inclusion");
        }
        for old in 1..=size {
            let proof: Vec<_> = tree.consistency(old, size).expect("proof").iter().map(foreign).collect();
            let old_root = foreign(&tree.root_at(old).expect("size"));
            tlog::check_tree(&proof, size, root, old, old_root).expect("consistency");
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InclusionVector {
    leaf_idx: u64,
    tree_size: u64,
    root: String,
    leaf_hash: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConsistencyVector {
    size1: u64,
    size2: u64,
    root1: String,
    root2: String,
    proof: Option<Vec<String>>,
    want_err: bool,
}

/// A vector's hash; none for nothing. Some vectors hold words that nobody should look at in place of
/// hashes; their digest stands for them.
fn hash(text: &str) -> Option<Digest> {
    let bytes = base64_text::decode(text).filter(|bytes| !bytes.is_empty())?;
    Some(bytes.as_slice().try_into().map_or_else(|_| Digest::of(&bytes), Digest::from_bytes))
}

fn hashes(proof: Option<Vec<String>>) -> Option<Vec<Digest>> {
    proof.unwrap_or_default().iter().map(|text| hash(text)).collect()
}

fn inclusion_holds(text: &[u8]) -> (bool, bool) {
    let vector: InclusionVector = serde_json::from_slice(text).expect("vector");
    let held = || {
        let leaf = hash(&vector.leaf_hash)?;
        let root = hash(&vector.root)?;
        let proof = hashes(vector.proof)?;
        verify_inclusion(&leaf, vector.leaf_idx, vector.tree_size, &proof, &root).ok()
    };
    (!vector.want_err, held().is_some())
}

fn consistency_holds(text: &[u8]) -> (bool, bool) {
    let vector: ConsistencyVector = serde_json::from_slice(text).expect("vector");
    let held = || {
        let old = hash(&vector.root1)?;
        let new = hash(&vector.root2)?;
        verify_consistency(vector.size1, &old, vector.size2, &new, &hashes(vector.proof)?).ok()
    };
    (!vector.want_err, held().is_some())
}

#[allow(clippy::disallowed_methods, reason = "a test may be told where the shared vectors lie")]
fn shared_data() -> Option<PathBuf> {
    let named = std::env::var("WARDMOTE_SHARED").ok().map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let folder = named.unwrap_or(beside).join("data/merkle/testdata");
    folder.is_dir().then_some(folder)
}

fn each_vector(folder: &Path, check: &mut dyn FnMut(&Path, &[u8])) {
    for item in std::fs::read_dir(folder).expect("folder") {
        let path = item.expect("item").path();
        if path.is_dir() {
            each_vector(&path, check);
        } else {
            check(&path, &std::fs::read(&path).expect("file"));
        }
    }
}

#[test]
fn the_shared_proof_vectors_hold_or_fail_as_they_should() {
    let Some(folder) = shared_data() else {
        println!("skipped: no shared data");
        return;
    };
    let mut seen = 0;
    for (kind, holds) in
        [("inclusion", inclusion_holds as fn(&[u8]) -> (bool, bool)), ("consistency", consistency_holds)]
    {
        each_vector(&folder.join(kind), &mut |path, text| {
            let (wanted, held) = holds(text);
            assert_eq!(wanted, held, "{}", path.display());
            seen += 1;
        });
    }
    assert!(seen > 100, "only {seen} vectors");
}

#[test]
fn the_root_of_a_grown_tree_is_foretold() {
    let leaves: Vec<_> = (0u8..40).map(|n| leaf_hash(&[n])).collect();
    for size in 0..=leaves.len() {
        let tree: Tree = leaves[..size].iter().copied().collect();
        for grown in size..=leaves.len() {
            let whole: Tree = leaves[..grown].iter().copied().collect();
            assert_eq!(tree.root_after(&leaves[size..grown]), whole.root(), "{size} to {grown}");
        }
    }
}
