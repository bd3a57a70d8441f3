"""A client from being added until it is forgotten: what is known of its access, and what follows from that."""
