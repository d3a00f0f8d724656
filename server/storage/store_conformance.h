// SPDX-License-Identifier: Apache-2.0
// What every Store and Reader has to do, as one suite of tests. A test program
// compiles {store,constraint,reader,receipt}_conformance_test.cc in and
// instantiates StoreConformanceTest with the factory of its backend.
#ifndef ARCHPOOL_SERVER_STORAGE_STORE_CONFORMANCE_H_
#define ARCHPOOL_SERVER_STORAGE_STORE_CONFORMANCE_H_

#include <functional>
#include <memory>

#include "gtest/gtest.h"
#include "server/storage/receipt_store.h"
#include "server/storage/store.h"

namespace archpool {

// One fresh, empty set of records, and handles to it.
class StoreBackend {
 public:
  virtual ~StoreBackend() = default;

  // A further writer on the same records. Lives as long as the backend.
  virtual Store& NewWriter() = 0;
  // Always the same one.
  virtual Reader& reader() = 0;
  // Likewise.
  virtual ReceiptStore& receipts() = 0;
  // Changes a balance behind the store's back.
  virtual void Tamper(const Balance& balance) = 0;
};

using StoreBackendFactory = std::function<std::unique_ptr<StoreBackend>()>;

class StoreConformanceTest
    : public ::testing::TestWithParam<StoreBackendFactory> {
 protected:
  std::unique_ptr<StoreBackend> backend_ = GetParam()();
};

}  // namespace archpool

#endif  // ARCHPOOL_SERVER_STORAGE_STORE_CONFORMANCE_H_
