// SPDX-License-Identifier: Apache-2.0
// A real PostgreSQL for tests: one cluster per test program, started when first
// asked for, stopped and removed when the program ends; a fresh database per
// call.
#ifndef ARCHPOOL_TESTS_SUPPORT_THROWAWAY_POSTGRES_H_
#define ARCHPOOL_TESTS_SUPPORT_THROWAWAY_POSTGRES_H_

#include <string>
#include <utility>
#include <vector>

namespace archpool {

// Not thread-safe.
class ThrowawayPostgres {
 public:
  // `settings`: as PrivateClusterOptions::settings; those of the first call
  // count. Aborts where PostgreSQL cannot be started: there is nothing to test.
  static std::string EmptyDatabase(
      const std::vector<std::pair<std::string, std::string>>& settings = {
          {"fsync", "off"}});
  // With the schema of this program.
  static std::string MigratedDatabase(
      const std::vector<std::pair<std::string, std::string>>& settings = {
          {"fsync", "off"}});
};

}  // namespace archpool

#endif  // ARCHPOOL_TESTS_SUPPORT_THROWAWAY_POSTGRES_H_
