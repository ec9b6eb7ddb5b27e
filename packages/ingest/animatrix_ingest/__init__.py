"""AniMatrix ingest: raw anime in, WebDataset shards of single shots with their production variables out.

watch/     looks at sources: find them, fetch and decode each once, undo telecine, find shots, measure everything
decide/    no pixels: which frames make a clip; cadences, segments, copies, splits, tiers, weights
keep/      what stays: stores with put-if-absent, the ledger, clips, shards, generations of video and of labels
rows.py    one frozen row type per boundary between them

engine.py is the only file that knows Ray; recipes.py holds the settings; stages.py is what happens to one source,
pipeline.py a run, decisions.py what follows without decoding, recaption.py captions anew; report.py and datacard.py
are the pages people look at; commands_*.py the command.
"""
