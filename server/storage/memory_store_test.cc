// SPDX-License-Identifier: Apache-2.0
#include "server/storage/memory_store.h"

#include "server/storage/store_conformance.h"
#include "tests/support/faulty_store.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

class MemoryBackend : public StoreBackend {
 public:
  Store& NewWriter() override { return store_; }
  Reader& reader() override { return store_; }
  ReceiptStore& receipts() override { return store_; }
  void Tamper(const Balance& balance) override { store_.Tamper(balance); }

 private:
  MemoryStore store_;
};

INSTANTIATE_TEST_SUITE_P(Memory, StoreConformanceTest, ::testing::Values([] {
                           return std::make_unique<MemoryBackend>();
                         }));

// Each injected failure does to the store behind it what it says.
TEST(FaultyStoreTest, FailsAsToldAndWritesAsTold) {
  struct Case {
    Fault fault;
    const char* reason;
    int64_t sequence;  // afterwards
  };
  for (const Case& c : {Case{Fault::kNone, "", 1},
                        Case{Fault::kUnreachable, "STORE_UNREACHABLE", 0},
                        Case{Fault::kDoubtWritten, "COMMIT_IN_DOUBT", 1},
                        Case{Fault::kDoubtNotWritten, "COMMIT_IN_DOUBT", 0},
                        Case{Fault::kConstraint, "CONSTRAINT", 0},
                        Case{Fault::kFencedByAnother, "FENCED", 0}}) {
    MemoryStore store;
    FaultyStore faulty(store, [&](FaultyStore::Call call) {
      return call == FaultyStore::Call::kCommit ? c.fault : Fault::kNone;
    });
    const auto loaded = faulty.TakeOver();
    ASSERT_THAT(loaded, IsOk());
    EXPECT_EQ(
        GetReason(faulty.Commit(loaded->generation, loaded->sequence, {})),
        c.reason);
    EXPECT_EQ(store.TakeOver()->sequence, c.sequence) << c.reason;
  }
}

}  // namespace
}  // namespace archpool
