# SPDX-License-Identifier: MIT
"""The numbers of an outbox. From them a start knows what was stored, sent and dropped before."""


class Tally:
    """The numbers of an outbox, and which of them flash has."""

    def __init__(self):
        self.known = False  # whether the numbers on flash were read
        self.first = 0  # number of the first report that waits on flash
        self.following = 0  # number of the next new report
        self.group_end = 0  # reports with numbers below it are sent in one message
        self.dropped = 0  # how many reports were dropped
        self.dropped_saved = 0  # `dropped`, as the cursor on flash has it
        self.unsaved = False  # whether the cursor has an older `first` or `dropped`
        self.new_group = False  # whether the cursor has another `group_end`

    def new_number(self):
        """Return a number for a new report."""
        self.following += 1
        return self.following - 1

    def drop(self, count=1):
        """Count dropped reports."""
        self.dropped += count
        self.unsaved = True

    def go_on_from(self, first, dropped, group_end, following):
        """Go on from the numbers on flash: three of the cursor, and that of the next report."""
        uncounted = self.dropped - self.dropped_saved
        self.first = max(first, self.first)
        self.following = max(following, self.following)
        self.group_end = max(group_end, self.group_end) if self.known else group_end
        self.dropped = max(dropped + uncounted, self.dropped)
        self.dropped_saved = dropped
        self.unsaved = self.unsaved or (self.first, self.dropped) != (first, dropped)
        self.known = True

    def forget(self, number):
        """Note that the reports up to this number do not wait any more."""
        self.first = max(self.first, number + 1)
        self.unsaved = True

    def set_group(self, most):
        """Make a group of the reports that wait now and have numbers below `most`.

        The next change writes this to flash, so the group is the same after a restart.
        """
        self.group_end = min(most, self.following)
        self.new_group = True
