// SPDX-License-Identifier: Apache-2.0
#include "common/nas/subspace.h"

#include <algorithm>
#include <bit>
#include <deque>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/check.h"
#include "common/base/status.h"

namespace archpool {
namespace {

uint64_t AllChoices(const Dimension& dimension) {
  // A shift by 64 is undefined, so the mask comes from the top.
  return ~uint64_t{0} >> (64 - dimension.choices.size());
}

// The position of the `index`-th set bit. REQUIRES: there are that many.
int SetBit(uint64_t bits, int64_t index) {
  for (; index > 0; --index) bits &= bits - 1;
  return std::countr_zero(bits);
}

std::string ChoicesText(const Dimension& dimension, uint64_t allowed) {
  std::vector<std::string> words;
  for (size_t c = 0; c < dimension.choices.size(); ++c) {
    if ((allowed >> c & 1) != 0)
      words.push_back(ToString(dimension.choices[c]));
  }
  return absl::StrCat(dimension.name, "∈{", absl::StrJoin(words, ","), "}");
}

}  // namespace

Subspace Subspace::Whole(const SearchSpace& space) {
  std::vector<uint64_t> allowed;
  for (const Dimension& dimension : space.dimensions()) {
    allowed.push_back(AllChoices(dimension));
  }
  return Subspace(std::move(allowed));
}

absl::StatusOr<Subspace> Subspace::Create(const SearchSpace& space,
                                          std::vector<uint64_t> allowed) {
  const auto& dimensions = space.dimensions();
  if (allowed.size() != dimensions.size()) {
    return InvalidArgument(
        "SUBSPACE_MALFORMED",
        absl::StrCat("the box has ", allowed.size(),
                     " dimensions; its space has ", dimensions.size()));
  }
  for (size_t d = 0; d < allowed.size(); ++d) {
    if (allowed[d] != 0 && (allowed[d] & ~AllChoices(dimensions[d])) == 0) {
      continue;
    }
    return InvalidArgument(
        "SUBSPACE_MALFORMED",
        absl::StrCat("the box must allow at least one of the ",
                     dimensions[d].choices.size(), " choices of dimension \"",
                     dimensions[d].name, "\", and no other; its bits are ",
                     absl::Hex(allowed[d])));
  }
  return Subspace(std::move(allowed));
}

int64_t Subspace::size() const {
  if (allowed_.empty()) return 0;
  int64_t size = 1;
  // Never more than the space's own size, which fits.
  for (const uint64_t bits : allowed_) size *= std::popcount(bits);
  return size;
}

bool Subspace::Contains(const Architecture& architecture) const {
  if (allowed_.empty() || architecture.choices.size() != allowed_.size()) {
    return false;
  }
  for (size_t d = 0; d < allowed_.size(); ++d) {
    const uint8_t choice = architecture.choices[d];
    if (choice >= 64 || (allowed_[d] >> choice & 1) == 0) return false;
  }
  return true;
}

Architecture Subspace::ArchitectureAt(int64_t index) const {
  ARCHPOOL_CHECK(index >= 0 && index < size());
  Architecture architecture;
  architecture.choices.resize(allowed_.size());
  for (size_t d = allowed_.size(); d-- > 0;) {
    const int64_t count = std::popcount(allowed_[d]);
    architecture.choices[d] =
        static_cast<uint8_t>(SetBit(allowed_[d], index % count));
    index /= count;
  }
  return architecture;
}

std::vector<Subspace> Subspace::SplitOn(int dimension) const {
  ARCHPOOL_CHECK(dimension >= 0 &&
                 dimension < static_cast<int>(allowed_.size()));
  const auto d = static_cast<size_t>(dimension);
  std::vector<Subspace> parts;
  for (uint64_t rest = allowed_[d]; rest != 0; rest &= rest - 1) {
    Subspace part = *this;
    part.allowed_[d] = rest & (~rest + 1);
    parts.push_back(std::move(part));
  }
  return parts;
}

std::string Subspace::Describe(const SearchSpace& space) const {
  const auto& dimensions = space.dimensions();
  ARCHPOOL_CHECK(allowed_.size() == dimensions.size());
  std::vector<std::string> words;
  for (size_t d = 0; d < allowed_.size(); ++d) {
    if (allowed_[d] == AllChoices(dimensions[d])) continue;
    words.push_back(ChoicesText(dimensions[d], allowed_[d]));
  }
  return words.empty() ? "the whole space" : absl::StrJoin(words, " ");
}

std::vector<Subspace> Partition(const SearchSpace& space, int64_t boxes_min,
                                int64_t boxes_max) {
  // `size` ranks, from `first_rank` on.
  struct Part {
    Subspace box;
    int next_dimension;
    int64_t first_rank;
    int64_t size;
  };
  // Boxes split on fewer dimensions stand in front: the largest go first.
  std::deque<Part> open = {{Subspace::Whole(space), 0, 0, space.size()}};
  std::vector<Part> closed;
  const int dimensions = static_cast<int>(space.dimensions().size());
  const auto count = [&] {
    return static_cast<int64_t>(open.size() + closed.size());
  };
  while (!open.empty() && count() < boxes_min) {
    Part front = std::move(open.front());
    open.pop_front();
    if (front.next_dimension == dimensions) {
      closed.push_back(std::move(front));
      continue;
    }
    std::vector<Subspace> boxes = front.box.SplitOn(front.next_dimension);
    const auto parts = static_cast<int64_t>(boxes.size());
    if (count() + parts > std::max(boxes_max, int64_t{1})) {
      closed.push_back(std::move(front));
      continue;
    }
    const int64_t size = front.size / parts;
    for (int64_t i = 0; i < parts; ++i) {
      open.push_back({std::move(boxes[static_cast<size_t>(i)]),
                      front.next_dimension + 1, front.first_rank + i * size,
                      size});
    }
  }
  std::move(open.begin(), open.end(), std::back_inserter(closed));
  std::sort(closed.begin(), closed.end(), [](const Part& a, const Part& b) {
    return a.first_rank < b.first_rank;
  });
  std::vector<Subspace> boxes;
  boxes.reserve(closed.size());
  for (Part& part : closed) boxes.push_back(std::move(part.box));
  return boxes;
}

}  // namespace archpool
