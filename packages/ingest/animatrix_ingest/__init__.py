"""AniMatrix ingest: raw anime in, WebDataset shards of single shots with their production variables out.

watch/     looks at a source: find it, probe it, decode it once, find its shots, measure them
decide/    no pixels: which frames make a clip, what is dropped and why
keep/      what stays: atomic files, the ledger, clip encoding, shards, the manifest
rows.py    one frozen row type per boundary between them
pipeline.py is the only file that knows Ray; recipes.py holds the settings, report.py the page people look at.
"""
