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
    """
    count = 1
    left = size - block_size
    while left > 0:
        pointers = (count & -count).bit_length()
        left -= block_size - _POINTER * pointers
        count += 1
    return count


def blocks_of_folders(new, touched):
    """Return the blocks for `new` folders to be made, and for `touched` ones that may grow."""
    return _PAIR * (new + touched) + _SLACK
