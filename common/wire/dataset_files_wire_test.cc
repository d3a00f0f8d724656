// SPDX-License-Identifier: Apache-2.0
#include "common/wire/dataset_files_wire.h"

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"

namespace archpool::wire {
namespace {

DatasetDigests DigestsOf(const DatasetFormat& format) {
  DatasetDigests digests;
  for (const FormatKey& key : format.keys) {
    for (int i = 0; i < (key.is_list ? 3 : 1); ++i) {
      digests[key.key].push_back(Sha256(absl::StrCat(key.key, i)));
    }
  }
  return digests;
}

// Every format of the table has its field, every key its own, and none is more.
TEST(DatasetFilesWireTest, TheTableAndTheMessagesHaveTheSameNames) {
  const auto* const oneof =
      v1::RegisterDatasetRequest::descriptor()->FindOneofByName("files");
  ASSERT_NE(oneof, nullptr);
  EXPECT_EQ(static_cast<size_t>(oneof->field_count()), DatasetFormats().size());
  for (const DatasetFormat& format : DatasetFormats()) {
    v1::RegisterDatasetRequest request;
    SetDatasetFiles(format, DigestsOf(format), &request);
    const auto read = DatasetFilesFromProto(request);
    ASSERT_TRUE(read.ok()) << read.status();
    EXPECT_EQ(read->format, &format);
    EXPECT_EQ(read->digests, DigestsOf(format));
    const auto* const field =
        v1::RegisterDatasetRequest::descriptor()->FindFieldByName(format.word);
    EXPECT_EQ(static_cast<size_t>(field->message_type()->field_count()),
              format.keys.size());
  }
}

TEST(DatasetFilesWireTest, HeldOutFilesComeTogetherOrNotAtAll) {
  v1::RegisterDatasetRequest request;
  EXPECT_EQ(GetReason(DatasetFilesFromProto(request).status()),
            "FIELD_REQUIRED");
  v1::IdxFiles& files = *request.mutable_idx();
  files.set_train_images_digest(Sha256("images").AsBytes());
  EXPECT_EQ(GetReason(DatasetFilesFromProto(request).status()),
            "FIELD_REQUIRED");
  files.set_train_labels_digest(Sha256("labels").AsBytes());
  const auto read = DatasetFilesFromProto(request);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_FALSE(HasHeldOutFiles(*read->format, read->digests));
  files.set_held_out_images_digest(Sha256("held-out images").AsBytes());
  EXPECT_FALSE(DatasetFilesFromProto(request).ok());
  files.set_held_out_labels_digest("short");
  EXPECT_EQ(GetReason(DatasetFilesFromProto(request).status()),
            "FIELD_MALFORMED");
  files.set_held_out_labels_digest(Sha256("held-out labels").AsBytes());
  EXPECT_TRUE(DatasetFilesFromProto(request).ok());
}

}  // namespace
}  // namespace archpool::wire
