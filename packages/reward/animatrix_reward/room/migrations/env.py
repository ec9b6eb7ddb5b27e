"""Alembic's entry: the connection is handed in by `store.upgrade`; there is no ini file and no command line."""

from alembic import context
from animatrix_reward.room.store import metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata(), transactional_ddl=True
)
with context.begin_transaction():
    context.run_migrations()
