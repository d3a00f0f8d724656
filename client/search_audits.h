// SPDX-License-Identifier: Apache-2.0
// What was examined of a search's trainings, for its report and for programs.
// Pure; called by the command at the search's end.
#ifndef ARCHPOOL_CLIENT_SEARCH_AUDITS_H_
#define ARCHPOOL_CLIENT_SEARCH_AUDITS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "archpool/v1/task.pb.h"
#include "client/json.h"

namespace archpool {

// By trial, in the order of their ids; results of earlier tasks are left out.
struct SearchAudits {
  int64_t trained = 0;             // accepted trainings
  std::vector<int64_t> segments;   // a segment was replayed
  std::vector<int64_t> replayed;   // the whole was
  std::vector<int64_t> evaluated;  // measured on the held-out split
  std::vector<int64_t> left_out;   // on the front by their claims alone
  Json trials = Json::array();     // each of the accepted ones
  int64_t found_false = 0;         // rejected trainings
};

// `trials`: all of the task's.
SearchAudits AuditsOf(const std::vector<v1::Trial>& trials);

// A paragraph, not wrapped. `task`: the one that they are of.
std::string DescribeAudits(const SearchAudits& audits, const v1::Task& task);

// audits.json: trials with what was examined of them and the work that they
// took, and the times.
Json ToJson(const SearchAudits& audits, const v1::Task& task);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_SEARCH_AUDITS_H_
