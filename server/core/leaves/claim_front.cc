// SPDX-License-Identifier: Apache-2.0
#include "server/core/leaves/claim_front.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/base/check.h"

namespace archpool {
namespace {

// A larger block becomes two.
constexpr std::ptrdiff_t kPointsMax = 512;

}  // namespace

bool ClaimFront::IsTop(int64_t correct, int64_t macs) const {
  for (const Block& block : blocks_) {
    if (block.last.macs > macs) {
      return std::none_of(
          block.points.begin(), block.points.end(), [&](const Point& point) {
            return point.macs <= macs && point.correct >= correct;
          });
    }
    if (block.best_correct >= correct) return false;
  }
  return true;
}

void ClaimFront::Insert(int64_t correct, int64_t macs) {
  const Point point{macs, correct};
  if (blocks_.empty()) blocks_.push_back({.last = point});
  const size_t place = std::min(PlaceOf(point), blocks_.size() - 1);
  Block& block = blocks_[place];
  block.points.insert(
      std::upper_bound(block.points.begin(), block.points.end(), point), point);
  if (std::ssize(block.points) <= kPointsMax) return Summarise(block);
  Block rest;
  const auto middle = block.points.begin() + kPointsMax / 2;
  rest.points.assign(middle, block.points.end());
  block.points.erase(middle, block.points.end());
  Summarise(block);
  Summarise(rest);
  blocks_.insert(blocks_.begin() + static_cast<std::ptrdiff_t>(place) + 1,
                 std::move(rest));
}

void ClaimFront::Erase(int64_t correct, int64_t macs) {
  const Point point{macs, correct};
  const size_t place = PlaceOf(point);
  ARCHPOOL_CHECK(place < blocks_.size());
  Block& block = blocks_[place];
  const auto found =
      std::lower_bound(block.points.begin(), block.points.end(), point);
  ARCHPOOL_CHECK(found != block.points.end() && *found == point);
  block.points.erase(found);
  if (!block.points.empty()) return Summarise(block);
  blocks_.erase(blocks_.begin() + static_cast<std::ptrdiff_t>(place));
}

size_t ClaimFront::PlaceOf(const Point& point) const {
  return static_cast<size_t>(
      std::lower_bound(
          blocks_.begin(), blocks_.end(), point,
          [](const Block& block, const Point& p) { return block.last < p; }) -
      blocks_.begin());
}

void ClaimFront::Summarise(Block& block) {
  block.last = block.points.back();
  block.best_correct =
      std::max_element(
          block.points.begin(), block.points.end(),
          [](const Point& a, const Point& b) { return a.correct < b.correct; })
          ->correct;
}

}  // namespace archpool
