// SPDX-License-Identifier: Apache-2.0
// Which claims would enter a task's front of measured accuracy against
// multiply-accumulates: its top candidates, which are always audited. All
// points are kept, the hidden ones too: one that is rejected shows what it hid
// without a look at the others. Value type; thread-compatible.
#ifndef ARCHPOOL_SERVER_CORE_LEAVES_CLAIM_FRONT_H_
#define ARCHPOOL_SERVER_CORE_LEAVES_CLAIM_FRONT_H_

#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace archpool {

// A question and a change look at one block and pass the others: of n points,
// about n / 512 steps.
class ClaimFront {
 public:
  // Whether nothing as cheap is as accurate.
  bool IsTop(int64_t correct, int64_t macs) const;
  // Equal points count as often as they were inserted.
  void Insert(int64_t correct, int64_t macs);
  // REQUIRES: it was inserted, and not erased since.
  void Erase(int64_t correct, int64_t macs);

 private:
  struct Point {
    int64_t macs = 0;
    int64_t correct = 0;
    friend auto operator<=>(const Point&, const Point&) = default;
  };
  // Some of the points that follow each other; never empty.
  struct Block {
    Point last;
    int64_t best_correct = 0;
    std::vector<Point> points;  // sorted
  };

  // The place of the first block that does not end before the point.
  size_t PlaceOf(const Point& point) const;
  static void Summarise(Block& block);

  std::vector<Block> blocks_;  // in the order of their points
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_CORE_LEAVES_CLAIM_FRONT_H_
