// SPDX-License-Identifier: Apache-2.0
#include "common/kernels/inner/team.h"

#include <cfenv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <exception>

namespace archpool::kernels {
namespace {

// Some libraries switch denormal numbers off for the thread that loads them.
void CheckRounding() {
  volatile float denormal = 0x1p-140f;
  volatile float one = 1.0f;
  volatile float kept = denormal * one;
  if (kept != 0x1p-140f || std::fegetround() != FE_TONEAREST) {
    std::fprintf(stderr,
                 "This thread rounds or flushes numbers in a way of its own; "
                 "what it computes would be wrong.\n");
    std::abort();
  }
}

// The next work comes within microseconds, most of the time, and to be woken
// takes longer than that. Some ten microseconds, then the core goes to others.
template <typename IsDone>
void SpinUntil(const IsDone& is_done) {
  constexpr int kSpins = 20'000;
  for (int i = 0; i < kSpins && !is_done(); ++i) {
  }
}

}  // namespace

Team::Team(int threads) {
  CheckRounding();
  // Where the machine or a limit has no room for all of them, fewer compute the
  // same.
  try {
    helpers_.reserve(static_cast<size_t>(threads - 1));
    for (int i = 1; i < threads; ++i) {
      helpers_.emplace_back([this] { Help(); });
    }
  } catch (const std::exception&) {
  }
}

Team::~Team() {
  ends_ = true;
  ++round_;
  round_.notify_all();
  for (std::thread& helper : helpers_) helper.join();
}

void Team::Run(int64_t parts, const std::function<void(int64_t)>& work) {
  if (helpers_.empty() || parts < 2) {
    for (int64_t part = 0; part < parts; ++part) work(part);
    return;
  }
  work_ = &work;
  parts_ = parts;
  next_part_ = 0;
  helping_ = static_cast<uint32_t>(helpers_.size());
  ++round_;
  round_.notify_all();
  TakeParts();
  SpinUntil([this] { return helping_ == 0; });
  for (uint32_t left = helping_; left > 0; left = helping_) {
    helping_.wait(left);
  }
}

void Team::RunRanges(int64_t count,
                     const std::function<void(int64_t, int64_t)>& work) {
  const int64_t parts = count < threads() ? count : threads();
  Run(parts, [&](int64_t part) {
    work(count * part / parts, count * (part + 1) / parts);
  });
}

void Team::TakeParts() {
  for (int64_t part = next_part_++; part < parts_; part = next_part_++) {
    (*work_)(part);
  }
}

void Team::Help() {
  CheckRounding();
  uint32_t seen = 0;
  while (true) {
    SpinUntil([&] { return round_ != seen; });
    round_.wait(seen);
    seen = round_;
    if (ends_) return;
    TakeParts();
    if (--helping_ == 0) helping_.notify_one();
  }
}

}  // namespace archpool::kernels
