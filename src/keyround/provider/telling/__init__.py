"""Telling people: what goes to whom is laid into a queue on disk first, and leaves it at most once.

    queue(config, client, scan, handed, now)    after a scheduled report was written: the client's messages, and what of
                                                it the provider has to know at once; calling it again adds nothing
    failed(config, client, failure, slot, now)  to the provider: once for each slot and kind of failure
    recovered(config, client, now)              to the provider: once, after a failure that was told
    expiring(config, client, notices, now)      to the provider: 30, 7 and 1 days before an order ends, and what a
                                                connector says must be done soon
    portfolio(config, clients, path, now)       to the provider: where it lies, and a line for each client
    mail(config, client, to, subject, text, about, now)      one ready mail, such as an invitation
    pending(root, now)                          there is something that `deliver` would try now
    unclear(root)                               what a person has to decide on: failed, or unknown whether it arrived
    deliver(config, client, now)                tries everything that is due; `keyround send --queued` is this

A queue is `STORE/<client>/outbox`, and `STORE/.provider/outbox` for the provider's own people (`client` None). One
file is one message to one recipient; its name is made of client, scan, kind and recipient, so that laying it down twice
is laying it down once. A body names nobody of the client's people. Addresses of channels and passwords are never in it.
"""

from __future__ import annotations

from .deliver import Sent, deliver, pending, unclear
from .outbox import Message, Outbox, folder_of
from .queueing import expiring, failed, mail, portfolio, queue, recovered, test

__all__ = ["Message", "Outbox", "Sent", "deliver", "expiring", "failed", "folder_of", "mail", "pending", "portfolio",
           "queue", "recovered", "test", "unclear"]  # fmt: skip
