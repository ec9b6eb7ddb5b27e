"""Migrations lead from nothing and from the first revision to the tables as the code knows them, and lose nothing."""

import json
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from animatrix_reward.room import store
from animatrix_reward.room.settings import Settings
from animatrix_reward.room.store import Store, metadata, upgrade
from sqlalchemy import text


def differences(opened):
    with opened.engine.connect() as connection:
        return compare_metadata(MigrationContext.configure(connection), metadata())


def old_rows(connection):
    """What a room of the first revision held."""
    for statement in (
        "INSERT INTO prompts VALUES ('p', 'words', '{}', NULL)",
        "INSERT INTO clips VALUES ('c', 'p', 'm', 'x', 's', 'general', 'train', 'walk', 8, 24.0, false, 1.0)",
        "INSERT INTO people VALUES ('r', 'Aoi', '[\"rater\"]', 0, true, 1.0)",
        "INSERT INTO tasks VALUES ('t', 'rate:c', 'rate', 'p', 'c', NULL, NULL, '', 'walk', 3, 1, 1.0, 0.5, NULL)",
        "INSERT INTO assignments VALUES ('a', 't', 'r', false, 'L', NULL, 'done', 0, 1.0, 1.0)",
        "INSERT INTO events (id, rater, task, kind, made_at, kept_at_s, body, taxonomy_hash) VALUES "
        "('e', 'r', 't', 'rate', 'now', 1.0, '{\"clip\": \"c\"}', 'h')",
    ):
        connection.exec_driver_sql(statement)


def check_upgrades(make):
    """Both ways to the head; `make` gives a store whose database is empty."""
    fresh = make(migrate=True)
    assert differences(fresh) == []
    fresh.close()


def check_old(opened):
    upgrade(opened.engine, "0001")
    assert differences(opened) != []
    with opened.engine.begin() as connection:
        old_rows(connection)
    upgrade(opened.engine)
    assert differences(opened) == []
    with opened.engine.connect() as connection:
        assert connection.execute(text('SELECT id, asked, "left" FROM tasks')).one() == ("t", False, "c")
        body = connection.execute(text("SELECT body FROM events")).scalar_one()
        assert (json.loads(body) if isinstance(body, str) else body) == {"clip": "c"}
        assert connection.execute(text("SELECT task FROM assignments")).scalar_one() == "t"
    upgrade(opened.engine)  # again: nothing to do


def test_the_code_knows_the_newest_revision():
    config = Config()
    config.set_main_option("script_location", str(Path(store.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == store.HEAD


def test_from_nothing(tmp_path):
    check_upgrades(lambda migrate: Store(Settings(tmp_path), migrate=migrate))


def test_from_the_first_revision(tmp_path):
    opened = Store(Settings(tmp_path), migrate=False)
    check_old(opened)
    with opened.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar_one() == 1
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar_one() == 2  # FULL
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar_one() == "wal"
