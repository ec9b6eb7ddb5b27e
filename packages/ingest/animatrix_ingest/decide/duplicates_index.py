"""Pairs of like hashes among very many, without comparing all with all: locality-sensitive tables and their join.

A table takes the same few bits of every hash as its key. Two hashes that differ in few bits share a key in some table;
strangers rarely do. Keys are sorted once, and neighbours of equal key are pairs: n log n, however many hashes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

NEIGHBOURS = 12
"""A hash is paired with this many of equal key at most, so a key that thousands share costs no more than any other;
what thousands share is joined all the same, by chains."""


def keys(hashes: np.ndarray, n_bits: int, n_tables: int, width: int = 64) -> Iterator[np.ndarray]:
    """One uint32 (N,) of keys per table: `n_bits` of the hashes' `width` bits, others in every table."""
    rng = np.random.default_rng(20_02)  # fixed: the same hashes give the same pairs everywhere
    hashes = hashes.astype(np.uint64)
    for _ in range(n_tables):
        key = np.zeros(len(hashes), np.uint32)
        for at in rng.choice(width, n_bits, replace=False):
            key = (key << np.uint32(1)) | ((hashes >> np.uint64(at)) & np.uint64(1)).astype(np.uint32)
        yield key


def pairs(key: np.ndarray, owner: np.ndarray, most: int = NEIGHBOURS) -> tuple[np.ndarray, np.ndarray]:
    """Indices (i, j) of entries with one key and different owners; of one owner's entries only the first counts."""
    order = np.lexsort((np.arange(len(key)), owner, key))
    first = np.ones(len(order), bool)
    first[1:] = (key[order[1:]] != key[order[:-1]]) | (owner[order[1:]] != owner[order[:-1]])
    order = order[first]
    lefts, rights = [], []
    for step in range(1, most + 1):
        left, right = order[:-step], order[step:]
        same = key[left] == key[right]
        if not same.any():
            break
        lefts.append(left[same])
        rights.append(right[same])
    if not lefts:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(lefts), np.concatenate(rights)


class Joined:
    """Union-find: things that were joined, directly or through others, have one root."""

    def __init__(self, n: int) -> None:
        self._parent = list(range(n))

    def root(self, i: int) -> int:
        while self._parent[i] != i:
            self._parent[i] = self._parent[self._parent[i]]
            i = self._parent[i]
        return i

    def join(self, i: int, j: int) -> None:
        """The smaller index becomes the root, so the result does not depend on the order of joins."""
        i, j = self.root(i), self.root(j)
        if i != j:
            self._parent[max(i, j)] = min(i, j)

    def roots(self) -> list[int]:
        return [self.root(i) for i in range(len(self._parent))]
