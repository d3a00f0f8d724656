// SPDX-License-Identifier: Apache-2.0
// migrations/schema.sql is what the migrations come to, as PostgreSQL itself
// spells it: one place where every table can be read as it is now.
#include <string>

#include "gtest/gtest.h"
#include "server/storage/postgres/migrations.h"
#include "server/storage/postgres/query.h"
#include "tests/support/golden.h"
#include "tests/support/throwaway_postgres.h"

namespace archpool {
namespace {

constexpr char kHead[] =
    "-- Every table as it is after all migrations and the checks that follow "
    "from the\n"
    "-- tables of words. Written by schema_test: UPDATE_GOLDEN=1 writes it "
    "anew. Nothing\n"
    "-- runs it. How to read it: README.md.\n";

// From the catalog and not by pg_dump, whose form is its release's own.
constexpr char kSchemaSql[] = R"sql(
WITH item (oid, place, line) AS (
  SELECT attrelid, attnum::int, format('  %s %s%s%s', attname,
      format_type(atttypid, atttypmod),
      ' DEFAULT ' || pg_get_expr(adbin, adrelid),
      CASE WHEN attnotnull THEN ' NOT NULL' END)
  FROM pg_attribute LEFT JOIN pg_attrdef
    ON adrelid = attrelid AND adnum = attnum
  WHERE attnum > 0 AND NOT attisdropped
  UNION ALL
  SELECT conrelid, 10000 + position(contype::text IN 'pufc'),
    format('  CONSTRAINT %s %s', conname, pg_get_constraintdef(oid))
  FROM pg_constraint WHERE contype IN ('p', 'u', 'f', 'c')
), made (oid, place, line) AS (
  SELECT indexrelid, 1, replace(pg_get_indexdef(indexrelid), ' ON public.',
    ' ON ') || ';'
  FROM pg_index
  WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
  UNION ALL
  SELECT oid, 2, replace(pg_get_triggerdef(oid), ' ON public.', ' ON ') || ';'
  FROM pg_trigger WHERE NOT tgisinternal
), of_table (oid, place, line) AS (
  SELECT coalesce(indrelid, tgrelid), place, line
  FROM made LEFT JOIN pg_index ON indexrelid = made.oid
    LEFT JOIN pg_trigger ON pg_trigger.oid = made.oid
  UNION ALL
  SELECT objoid, 1000 + objsubid, format('COMMENT ON COLUMN %s.%s IS %L;',
    objoid::regclass, attname, description)
  FROM pg_description JOIN pg_attribute
    ON attrelid = objoid AND attnum = objsubid
  WHERE classoid = 'pg_class'::regclass
)
SELECT format(E'\nCREATE TABLE %s (\n%s\n)%s;\n%s', relname,
  (SELECT string_agg(line, E',\n' ORDER BY place, line COLLATE "C") FROM item
   WHERE item.oid = pg_class.oid),
  ' WITH (' || array_to_string(reloptions, ', ') || ')',
  (SELECT string_agg(line || E'\n', '' ORDER BY place, line COLLATE "C")
   FROM of_table WHERE of_table.oid = pg_class.oid))
FROM pg_class
WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace
ORDER BY relname COLLATE "C")sql";

constexpr char kFunctionsSql[] =
    "SELECT E'\\n' || replace(pg_get_functiondef(oid), ' FUNCTION public.',"
    " ' FUNCTION ') || E';\\n' FROM pg_proc"
    " WHERE pronamespace = 'public'::regnamespace"
    " ORDER BY proname COLLATE \"C\"";

TEST(SchemaTest, TheFileSaysWhatTheMigrationsComeTo) {
  const std::string database = ThrowawayPostgres::MigratedDatabase();
  const auto connection = postgres::Connect(database);
  pqxx::nontransaction transaction(*connection);
  std::string schema = kHead;
  for (const char* sql : {kSchemaSql, kFunctionsSql}) {
    for (const auto& row : transaction.exec(sql)) schema += row[0].c_str();
  }
  testing::ExpectFile("migrations/schema.sql", schema);
}

}  // namespace
}  // namespace archpool
