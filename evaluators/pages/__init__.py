"""Pages a person reads: the internal report of a release, several beside each other, what the card shares.

Privacy claim: none; a page is as public as what is put on it.
"""
