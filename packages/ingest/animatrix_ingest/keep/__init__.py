"""What stays on disk: atomic files, the ledger of finished work, clips, shards and the manifest."""
