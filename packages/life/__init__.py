"""The life of a project: verbs that each, in one short transaction, check who may, change rows, journal and publish.

What changes a page is signed in the publication after it. `rules` says who may do what, once.
"""
