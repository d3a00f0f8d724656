// SPDX-License-Identifier: Apache-2.0
#include "worker/agent/attempt_log.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/durable_file.h"
#include "common/data/read_file.h"

namespace archpool {
namespace {

using nlohmann::json;

constexpr int64_t kFileBytesMax = 1 << 20;
// Those that killed a worker are remembered, the oldest forgotten first.
constexpr size_t kRememberedMax = 200;

}  // namespace

std::unique_ptr<AttemptLog> AttemptLog::Load(std::string path) {
  std::unique_ptr<AttemptLog> log(new AttemptLog(std::move(path)));
  const absl::MutexLock lock(&log->mutex_);
  const auto text = ReadFile(log->path_, kFileBytesMax);
  if (!text.ok()) return log;
  const json entries = json::parse(*text, nullptr, /*allow_exceptions=*/false);
  try {
    for (const auto& [name, entry] : entries.items()) {
      const auto key = Digest::Parse(name);
      if (!key.ok()) continue;
      Attempts attempts{.boundary = entry.at("boundary").get<int64_t>(),
                        .deaths = entry.at("deaths").get<int64_t>(),
                        .order = entry.at("order").get<int64_t>()};
      // It was under way, and this is another process.
      if (entry.at("is_under_way").get<bool>()) ++attempts.deaths;
      log->attempts_[*key] = attempts;
    }
  } catch (const json::exception&) {
    log->attempts_.clear();
  }
  return log;
}

int64_t AttemptLog::DeathsOf(const Digest& key) const {
  const absl::MutexLock lock(&mutex_);
  const auto found = attempts_.find(key);
  return found == attempts_.end() ? 0 : found->second.deaths;
}

absl::Status AttemptLog::Begin(const Digest& key, int64_t boundary) {
  const absl::MutexLock lock(&mutex_);
  int64_t last = 0;
  for (const auto& [other, attempts] : attempts_) {
    last = std::max(last, attempts.order);
  }
  Attempts& attempts = attempts_[key];
  if (boundary > attempts.boundary) attempts.deaths = 0;
  attempts.boundary = boundary;
  attempts.is_under_way = true;
  attempts.order = last + 1;
  if (attempts_.size() > kRememberedMax) {
    attempts_.erase(std::min_element(attempts_.begin(), attempts_.end(),
                                     [](const auto& a, const auto& b) {
                                       return a.second.order < b.second.order;
                                     }));
  }
  return Write();
}

absl::Status AttemptLog::End(const Digest& key) {
  const absl::MutexLock lock(&mutex_);
  if (attempts_.erase(key) == 0) return absl::OkStatus();
  return Write();
}

absl::Status AttemptLog::Write() const {
  json entries = json::object();
  for (const auto& [key, attempts] : attempts_) {
    entries[key.ToString()] = {{"boundary", attempts.boundary},
                               {"deaths", attempts.deaths},
                               {"is_under_way", attempts.is_under_way},
                               {"order", attempts.order}};
  }
  return WriteFileDurably(path_, entries.dump());
}

}  // namespace archpool
