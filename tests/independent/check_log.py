#!/usr/bin/env python3
"""Checks a log folder (C2SP tlog-tiles) with nothing but Python's standard library.

    check_log.py FOLDER TLOG_POLICY [INDEX...]

Shares no code with the project: written from RFC 6962, RFC 8032 and the C2SP documents. Rebuilds the root
from the entry bundles, compares every hash tile, verifies the log's Ed25519 signature and every cosignature
by a witness of the policy, and proves each INDEX (default: a spread) under the root with hashes that
come from the tiles alone. Exit 0 when all of it holds.
"""

import base64
import hashlib
import pathlib
import sys


# Ed25519 verification (RFC 8032, section 5.1.7), affine and slow.
P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P


def add(a, b):
    (x1, y1), (x2, y2) = a, b
    k = D * x1 * x2 * y1 * y2 % P
    return (x1 * y2 + x2 * y1) * pow(1 + k, -1, P) % P, (y1 * y2 + x1 * x2) * pow(1 - k, -1, P) % P


def times(n, point):
    out = (0, 1)
    while n:
        if n & 1:
            out = add(out, point)
        point, n = add(point, point), n >> 1
    return out


def decompress(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    xx = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(xx, (P + 3) // 8, P)
    if x * x % P != xx:
        x = x * pow(2, (P - 1) // 4, P) % P
    assert y < P and x * x % P == xx, "no point of the curve"
    return (P - x if x & 1 != sign else x), y


BASE = decompress((4 * pow(5, -1, P) % P).to_bytes(32, "little"))


def verified(public, message, signature):
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    h = int.from_bytes(hashlib.sha512(r + public + message).digest(), "little") % L
    return s < L and times(s, BASE) == add(decompress(r), times(h, decompress(public)))


def leaf(data):
    return hashlib.sha256(b"\0" + data).digest()


def node(left, right):
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(hashes):
    """RFC 6962, section 2.1, level by level: an odd one out moves up as it is."""
    while len(hashes) > 1:
        pairs = [node(a, b) for a, b in zip(hashes[::2], hashes[1::2])]
        hashes = pairs + hashes[len(pairs) * 2 :]
    return hashes[0] if hashes else hashlib.sha256(b"").digest()


def path_of(kind, index, width):
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    return f"tile/{kind}/" + "/".join(groups) + (f".p/{width}" if width < 256 else "")


def tiles(folder, kind, count):
    for start in range(0, count, 256):
        yield (folder / path_of(kind, start // 256, min(256, count - start))).read_bytes()


def entries(folder, size):
    for bundle in tiles(folder, "entries", size):
        while bundle:
            end = 2 + int.from_bytes(bundle[:2], "big")
            yield bundle[2:end]
            bundle = bundle[end:]


def inclusion(folder, index, size):
    """The path of RFC 6962, section 2.1.1, from level-0 tiles: each sibling is the root of its range."""
    hashes = [t[i : i + 32] for t in tiles(folder, 0, size) for i in range(0, len(t), 32)]
    low, high, path = 0, size, []
    while high - low > 1:
        middle = low + (1 << ((high - low - 1).bit_length() - 1))
        if index < middle:
            path.append((False, root_of(hashes[middle:high])))
            high = middle
        else:
            path.append((True, root_of(hashes[low:middle])))
            low = middle
    return path[::-1]


def main(folder, policy, indexes):
    text, _, lines = (folder / "checkpoint").read_text().rpartition("\n\n")
    text += "\n"
    origin, size, root = text.split("\n")[:3]
    size, root = int(size), base64.b64decode(root)

    hashes = [leaf(entry) for entry in entries(folder, size)]
    assert len(hashes) == size and root_of(hashes) == root, "the entries do not give the root"
    level, row = 0, hashes
    while row:
        assert b"".join(tiles(folder, level, len(row))) == b"".join(row), f"tiles of level {level} differ"
        row = [root_of(row[i : i + 256]) for i in range(0, len(row) - 255, 256)]
        level += 1

    keys = {}
    for words in (line.split() for line in policy.read_text().splitlines()):
        if words[:1] in (["log"], ["witness"]):
            name, id, key = words[1 if words[0] == "log" else 2].split("+", 2)
            keys[name, bytes.fromhex(id)] = base64.b64decode(key)
    seen = set()
    for line in lines.splitlines():
        _, name, data = line.split(" ")
        data = base64.b64decode(data)
        kind, public = (key := keys[name, data[:4]])[0], key[1:]
        assert data[:4] == hashlib.sha256(name.encode() + b"\n" + key).digest()[:4], "key id"
        stamp = int.from_bytes(data[4:12], "big")
        message = text if kind == 1 else f"cosignature/v1\ntime {stamp}\n{text}"
        assert verified(public, message.encode(), data[-64:]), f"the signature of {name} does not hold"
        seen.add((kind, name))
    assert (1, origin) in seen and any(kind == 4 for kind, _ in seen), "no log signature, or no witness"

    for index in indexes or {0, size // 3, size - 1}:
        hash = hashes[index]
        for left, sibling in inclusion(folder, index, size):
            hash = node(sibling, hash) if left else node(hash, sibling)
        assert hash == root, f"entry {index} is not under the root"
    print(f"ok: {origin}, {size} entries, {level} levels of tiles, {len(seen)} signatures")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), [int(i) for i in sys.argv[3:]])
