// SPDX-License-Identifier: Apache-2.0
// A pool of people who have business with each other and of others who have
// none, and what each method of the protocol is to answer each of them. For
// tests.
#ifndef ARCHPOOL_TESTS_SUPPORT_SIGHT_ROWS_H_
#define ARCHPOOL_TESTS_SUPPORT_SIGHT_ROWS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/support/rpc_fixture.h"

namespace archpool::rpc {

// A task of carol's, at which alice works: one trial is accepted, and victor
// examines another. The others have no business with it.
class Scene {
 public:
  Scene();

  static constexpr char kFirst[] = "the weights of the first trial";
  static constexpr char kSecond[] = "the weights of the second trial";

  RpcFixture fixture;
  std::map<std::string, v1::Role> roles;
  std::map<std::string, std::unique_ptr<Party>> parties;
  std::string dataset;
  v1::TaskSpec spec;
  int64_t task = 0;
  int64_t session = 0;
  v1::LeaseGrant lease;
  int64_t accepted = 0;
  int64_t examined = 0;
  v1::Audit audit;
};

inline constexpr char kAnything[] = "*";  // of the outcome another test tells
inline constexpr char kRefused[] = "!";   // for one reason or another

struct Row {
  std::string method;  // without "/archpool.v1."
  // About carol's and alice's things.
  std::function<std::string(Scene&)> request;
  // The reason of the refusal, by who calls; others succeed.
  std::map<std::string, std::string> outcomes;
  // Those that are not called: it would change what the other rows are about.
  std::set<std::string> left_out = {};
};

// Methods for operators alone, who see everything: the roles say so.
const std::set<std::string>& OperatorsMethods();
// At least one for each of the other methods.
std::vector<Row> AllRows();

}  // namespace archpool::rpc

#endif  // ARCHPOOL_TESTS_SUPPORT_SIGHT_ROWS_H_
