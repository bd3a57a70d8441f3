"""The provider's part: which clients are due, each run alone in a process of its own, who is told, what is kept.

The process that runs them holds no client's data and no client's secret; what it knows of a client is how it ended.
"""
