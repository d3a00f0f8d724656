// SPDX-License-Identifier: Apache-2.0
// How much a client may store, over real gRPC.
#include <memory>
#include <string>

#include "common/crypto/sha256.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/rpc_fixture.h"
#include "tests/support/status_matchers.h"

namespace archpool {
namespace {

// A pool whose clients may store little.
class StoredBytesTest : public ::testing::Test {
 protected:
  static rpc::RpcOptions Little() {
    rpc::RpcOptions options;
    options.policy.stored_bytes_max = int64_t{5} << 20;
    return options;
  }
  static std::string File(char of, size_t bytes = 3 << 20) {
    return std::string(bytes, of);
  }

  RpcFixture fixture_{Little()};
  std::unique_ptr<Party> client_ = fixture_.Make("carol", v1::ROLE_CLIENT);
};

TEST_F(StoredBytesTest, AClientMayStoreSoMuch) {
  const std::string first = File('a');
  const std::string second = File('b');
  ASSERT_THAT(client_->Send(FileUpload(first), first), IsOk());
  EXPECT_THAT(client_->BeginUpload(FileUpload(second)),
              FailsWith("STORAGE_QUOTA"));
  EXPECT_THAT(client_->Send(FileUpload(second), second),
              FailsWith("STORAGE_QUOTA"));
  EXPECT_THAT(fixture_.blobs.Size(Sha256(second)), FailsWith("BLOB_UNKNOWN"));
  EXPECT_EQ(*client_->BeginUpload(FileUpload(first)), 3 << 20)
      << "what it has costs nothing";

  v1::SetQuotasRequest more;
  more.set_account_name("carol");
  more.set_stored_bytes(int64_t{6} << 20);
  Party& boss = fixture_.operator_party();
  const auto raised = boss.remote.Call(
      boss.account, &v1::AccountService::Stub::SetQuotas, more);
  ASSERT_THAT(raised, IsOk());
  EXPECT_EQ(raised->quotas().stored_bytes().held(), 3 << 20);
  EXPECT_EQ(raised->quotas().stored_bytes().max(), 6 << 20);
  EXPECT_EQ(raised->quotas().stored_bytes().allowed(), 6 << 20);
  EXPECT_THAT(client_->Send(FileUpload(second), second), IsOk());
  more.set_stored_bytes(-1);
  EXPECT_THAT(boss.remote.Call(boss.account,
                               &v1::AccountService::Stub::SetQuotas, more),
              FailsWith("FIELD_RANGE"));
}

// Parts take room, and so does what another sent first.
TEST_F(StoredBytesTest, NoPartAndNoOthersFileIsFree) {
  const std::string first = File('a');
  const std::string second = File('b');
  ASSERT_THAT(client_->Send(FileUpload(first), first.substr(0, 1'000)), IsOk());
  EXPECT_THAT(client_->BeginUpload(FileUpload(second)),
              FailsWith("STORAGE_QUOTA"));
  const auto dave = fixture_.Make("dave", v1::ROLE_CLIENT);
  ASSERT_THAT(dave->Send(FileUpload(first), first), IsOk());
  EXPECT_EQ(*client_->BeginUpload(FileUpload(first)), 1'000)
      << "what dave has sent is not its own";
  ASSERT_THAT(client_->Send(FileUpload(first), first, 1'000), IsOk());
  EXPECT_THAT(client_->BeginUpload(FileUpload(second)),
              FailsWith("STORAGE_QUOTA"));
  fixture_.Restart();
  Party again(fixture_.address(), client_->token);
  EXPECT_THAT(again.BeginUpload(FileUpload(second)),
              FailsWith("STORAGE_QUOTA"));
}

TEST_F(StoredBytesTest, SplitsTakeRoomOnce) {
  const std::string dataset = fixture_.RegisterDataset(*client_);
  EXPECT_EQ(fixture_.RegisterDataset(*client_), dataset);
  const std::string other = File('a', 1);
  EXPECT_THAT(client_->BeginUpload(FileUpload(other)),
              FailsWith("STORAGE_QUOTA"))
      << "two files and three splits";
  v1::RegisterDatasetRequest request;
  request.mutable_idx()->set_train_images_digest(
      Sha256(IdxImages(60)).AsBytes());
  request.mutable_idx()->set_train_labels_digest(
      Sha256(IdxLabels(60)).AsBytes());
  request.set_classes(10);
  request.set_validation_count(11);
  request.set_held_out_count(10);
  EXPECT_THAT(
      client_->remote.Call(client_->task,
                           &v1::TaskService::Stub::RegisterDataset, request),
      FailsWith("STORAGE_QUOTA"));
}

}  // namespace
}  // namespace archpool
