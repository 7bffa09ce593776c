"""Attackers who hold the release: what they find out about people it was made from, beyond what they
find out about people held out.

What an attack finds is a leak; that it finds none is no evidence of privacy.
"""
