# SPDX-License-Identifier: Apache-2.0
"""A database as an older release left it: that release's tables, made by its own
migrations, with rows that today's programs made."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

MIGRATIONS = Path(__file__).resolve().parent.parent.parent / "migrations"
# Rows come table by table, so references and triggers look at none of them; each
# row's own conditions are looked at.
BY_TABLE = {"PGOPTIONS": "-c session_replication_role=replica"}


class Sql:
    """Asks one database of a TcpPostgres through psql."""

    def __init__(self, postgres, database="postgres"):
        self.program = shutil.which(
            "psql", path=f"{postgres.programs}:{os.environ['PATH']}")
        if self.program is None:
            raise AssertionError("psql is not installed")
        self.url = postgres.url().replace("/postgres?", f"/{database}?")

    def run(self, *statements, data=None, env=None):
        """What they print. Each is a transaction of its own; `data`: for COPY."""
        commands = [word for one in statements for word in ("-c", one)]
        done = subprocess.run(
            [self.program, "-XqtA", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-d",
             self.url, *commands],
            input=data or b"", capture_output=True, timeout=60,
            env={**os.environ, **(env or {})})
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode(errors="replace"))
        return done.stdout

    def rows(self, statement):
        return [line.split("\t") for line in
                self.run(statement).decode().splitlines()]

    def columns(self):
        """Of each table, in order."""
        tables = {}
        for table, column in self.rows(
                "SELECT table_name, column_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND table_name <>"
                " 'schema_migration' ORDER BY table_name, ordinal_position"):
            tables.setdefault(table, []).append(column)
        return tables


# What stood for "no reason" where no column could be NULL: the others had '' or 0.
UNSET = {("task", "end_reason"): "'none'"}


def today(newer, older):
    """How an older release's column is read of a row of today's, by table and column:
    from the column that has its value now, and what is unset as it was written."""
    reads = {}
    for table, column, present, kind in newer.rows(
            r"""SELECT c.relname, a.attname, n.attname, n.atttypid::regtype
            FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
            JOIN pg_attribute n ON n.attrelid = c.oid AND n.attname = substring(
                col_description(c.oid, a.attnum) FROM '^retired: see (\w+)$')"""):
        cast = "::int" if kind == "boolean" else ""
        reads[table, column] = f"coalesce({column}, {present}{cast})"
    nullable = {(table, column) for table, column in newer.rows(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND is_nullable = 'YES'")}
    for table, column, default in older.rows(
            """SELECT table_name, column_name, coalesce(column_default,
                CASE data_type WHEN 'bigint' THEN '0' ELSE $$''$$ END)
            FROM information_schema.columns
            WHERE table_schema = 'public' AND is_nullable = 'NO'"""):
        if (table, column) in nullable:
            unset = UNSET.get((table, column), default)
            read = reads.get((table, column), column)
            reads[table, column] = f"coalesce({read}, {unset})"
    return reads


def make_older(postgres, version, values):
    """The database "older": what "postgres" holds, as of that version of the schema.
    `values`: what to write instead of what a column holds, by table and column, as
    SQL over today's row."""
    newer, older = Sql(postgres), Sql(postgres, "older")
    newer.run("CREATE DATABASE older")
    older.run(
        "CREATE TABLE schema_migration (version bigint CONSTRAINT"
        " schema_migration_pkey PRIMARY KEY, file_name text NOT NULL, checksum"
        " text NOT NULL, apply_time timestamptz NOT NULL DEFAULT now())")
    for number, path in enumerate(sorted(MIGRATIONS.glob("V*.sql"))[:version], 1):
        sql = path.read_text()
        checksum = hashlib.sha256(sql.encode()).hexdigest()
        older.run(sql, "INSERT INTO schema_migration (version, file_name, checksum)"
                  f" VALUES ({number}, '{path.name}', '{checksum}')")
    reads = today(newer, older)
    for table, columns in older.columns().items():
        instead = values.get(table, {})
        read = ", ".join(instead.get(one, reads.get((table, one), one))
                         for one in columns)
        rows = newer.run(f"COPY (SELECT {read} FROM {table}) TO STDOUT")
        older.run(f"DELETE FROM {table}",
                  f"COPY {table} ({', '.join(columns)}) FROM STDIN",
                  data=rows, env=BY_TABLE)
    return older
