# SPDX-License-Identifier: MIT
"""The numbers of an outbox: they tell a start what was stored, sent and dropped before it."""


class Tally:
    """The numbers of a box, and how far flash knows them."""

    def __init__(self):
        self.known = False  # whether they go on from what lies on flash
        self.first = 0  # of the first report that waits there
        self.following = 0  # of the next report to come
        self.settled = 0  # reports with numbers below it come together
        self.dropped = 0  # reports that were lost
        self.dropped_there = 0  # as the cursor on flash has it
        self.behind = False  # whether that cursor says less than is known
        self.unsettled = False  # whether it does not say what is settled

    def new_number(self):
        """Return a number for the next report to come."""
        self.following += 1
        return self.following - 1

    def drop(self, count=1):
        """Count reports that are lost."""
        self.dropped += count
        self.behind = True

    def go_on_from(self, first, dropped, settled, following):
        """Take over what flash has: the three numbers of the cursor, and the next to come."""
        uncounted = self.dropped - self.dropped_there
        self.first = max(first, self.first)
        self.following = max(following, self.following)
        self.settled = max(settled, self.settled) if self.known else settled
        self.dropped = max(dropped + uncounted, self.dropped)
        self.dropped_there = dropped
        self.behind = self.behind or (self.first, self.dropped) != (first, dropped)
        self.known = True

    def forget(self, number):
        """Forget the reports up to this number."""
        self.first = max(self.first, number + 1)
        self.behind = True

    def settle(self, most):
        """Settle that the reports waiting now, up to number `most`, come together next.

        It is written with the next change, so that the same ones do after a restart.
        """
        self.settled = min(most, self.following)
        self.unsettled = True
