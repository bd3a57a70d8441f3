"""Keyround: the watchman's round of the keys. Who can get in with a password alone?"""

__version__ = "0.1.0"
