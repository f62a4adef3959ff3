# SPDX-License-Identifier: MIT
"""How much of a board's flash files take: counted in blocks, as littlefs does."""

_POINTER = 4  # bytes; littlefs, DESIGN.md, "CTZ skip-lists"
_PAIR = 2  # blocks: littlefs keeps each folder in a pair of them

# Blocks that littlefs must find free while it moves things: it writes a folder's pair anew before
# it lets go of the old one.
_SLACK = 2


def blocks(size, block_size):
    """Return how many blocks of `block_size` bytes a file of `size` bytes takes.

    The n-th block of a file begins with one pointer more than n has trailing zero bits; block 0
    has none. Small files can live inside their folder, and count as one block here all the same.
    How many pointers n blocks hold together follows from the bits of n, so that no size takes
    long (littlefs, lfs_ctz_index). Raises `ValueError` for blocks that are no longer than two
    pointers.
    """
    room = block_size - 2 * _POINTER  # of a block, on average
    if room <= 0:
        raise ValueError(f"no file system has blocks of {block_size} bytes")
    last = max(0, size - 1)
    index = last // room
    if index:
        index = (last - _POINTER * ((index - 1).bit_count() + 2)) // room
    return index + 1


def blocks_of_folders(new, touched):
    """Return the blocks for `new` folders to be made, and for `touched` ones that may grow."""
    return _PAIR * (new + touched) + _SLACK
