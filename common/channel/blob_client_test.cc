// SPDX-License-Identifier: Apache-2.0
// BlobClient and Remote against a real gRPC server in this process.
#include "common/channel/blob_client.h"

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "common/base/status.h"
#include "common/channel/retry.h"
#include "common/wire/api_version.h"
#include "common/wire/status_wire.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

// Holds one blob that grows, and one that can be read. Calls come one by one.
class FakeBlobService : public v1::BlobService::Service {
 public:
  grpc::Status BeginUpload(grpc::ServerContext* context,
                           const v1::BeginUploadRequest* /*request*/,
                           v1::BeginUploadResponse* response) override {
    const auto& metadata = context->client_metadata();
    const auto found = metadata.find("authorization");
    if (found != metadata.end()) {
      authorization.assign(found->second.data(), found->second.size());
    }
    const auto said = metadata.find(wire::kClientVersionKey);
    if (said != metadata.end()) {
      version.assign(said->second.data(), said->second.size());
    }
    response->set_offset_bytes(static_cast<int64_t>(held.size()));
    return grpc::Status::OK;
  }

  grpc::Status Upload(grpc::ServerContext* /*context*/,
                      grpc::ServerReader<v1::UploadRequest>* reader,
                      v1::UploadResponse* response) override {
    v1::UploadRequest request;
    bool is_first = true;
    while (reader->Read(&request)) {
      EXPECT_EQ(request.has_begin(), is_first);
      if (is_first) {
        offsets.push_back(request.begin().offset_bytes());
        held += std::exchange(late, "");
        if (offsets.back() != static_cast<int64_t>(held.size())) {
          return wire::ToGrpc(FailedPrecondition("BLOB_OFFSET", "elsewhere"));
        }
      }
      is_first = false;
      EXPECT_LE(request.data().size(), size_t{1} << 20);
      held += request.data();
      if (static_cast<int64_t>(held.size()) >= break_at_bytes) {
        break_at_bytes = INT64_MAX;
        return grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarting");
      }
    }
    response->set_size_bytes(static_cast<int64_t>(held.size()));
    return grpc::Status::OK;
  }

  grpc::Status Download(
      grpc::ServerContext* /*context*/, const v1::DownloadRequest* request,
      grpc::ServerWriter<v1::DownloadResponse>* writer) override {
    for (size_t at = static_cast<size_t>(request->offset_bytes());
         at < held.size(); at += 100) {
      v1::DownloadResponse chunk;
      chunk.set_size_bytes(static_cast<int64_t>(held.size()));
      chunk.set_data(held.substr(at, 100));
      writer->Write(chunk);
    }
    return grpc::Status::OK;
  }

  std::string held;
  std::string authorization;
  std::string version;
  std::vector<int64_t> offsets;
  int64_t break_at_bytes = INT64_MAX;
  // Of an earlier stream, which arrives when the next one begins.
  std::string late;
};

class BlobClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "blob-client-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    const std::string address = absl::StrCat("unix:", directory_, "/socket");
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, grpc::InsecureServerCredentials());
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
    remote_ =
        std::make_unique<Remote>(ServerSite::Plaintext(address), "the-token");
  }
  void TearDown() override {
    server_->Shutdown();
    std::filesystem::remove_all(directory_);
  }

  UploadSource MakeFile(int64_t size_bytes) {
    std::string bytes(static_cast<size_t>(size_bytes), '\0');
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<char>(i % 251);
    }
    const std::string path = directory_ + "/file";
    std::ofstream(path, std::ios::binary) << bytes;
    return {path, Sha256(bytes), size_bytes};
  }

  std::string directory_;
  FakeBlobService service_;
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<Remote> remote_;
};

TEST_F(BlobClientTest, SendsAFileWithTheTokenAndTheVersion) {
  const UploadSource source = MakeFile(3'000'000);
  int64_t progress_bytes = 0;
  const absl::Status status = BlobClient(*remote_).Upload(
      source, v1::UploadPurpose(),
      [&](int64_t sent_bytes) { progress_bytes = sent_bytes; }, {});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Sha256(service_.held), source.digest);
  EXPECT_EQ(progress_bytes, source.size_bytes);
  EXPECT_EQ(service_.authorization, "Bearer the-token");
  EXPECT_EQ(service_.version, wire::kOwnVersion);
}

TEST_F(BlobClientTest, GoesOnWhereTheServerWentAway) {
  const UploadSource source = MakeFile(3'000'000);
  service_.break_at_bytes = 1'000'000;
  const BlobClient client(*remote_);
  const absl::Status cut =
      client.Upload(source, v1::UploadPurpose(), nullptr, {});
  EXPECT_TRUE(absl::IsUnavailable(cut)) << cut;
  const absl::Status status =
      client.Upload(source, v1::UploadPurpose(), nullptr, {});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Sha256(service_.held), source.digest);
  ASSERT_EQ(service_.offsets.size(), 2u);
  EXPECT_GE(service_.offsets[1], 1'000'000);
}

// A line that breaks leaves bytes behind that the server takes a moment later.
TEST_F(BlobClientTest, BytesThatArriveLateAreNoFaultOfTheFile) {
  const UploadSource source = MakeFile(3'000'000);
  service_.break_at_bytes = 1'000'000;
  const BlobClient client(*remote_);
  const auto upload = [&] {
    return client.Upload(source, v1::UploadPurpose(), nullptr, {});
  };
  ASSERT_FALSE(upload().ok());
  for (int64_t at = std::ssize(service_.held); at < 1'500'000; ++at) {
    service_.late.push_back(static_cast<char>(at % 251));
  }
  const absl::Status overtaken = upload();
  EXPECT_EQ(GetReason(overtaken), "BLOB_OFFSET");
  EXPECT_TRUE(IsTransient(overtaken)) << overtaken;
  const absl::Status status = upload();
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(Sha256(service_.held), source.digest);
}

TEST_F(BlobClientTest, SendsNothingThatTheServerHolds) {
  const UploadSource source = MakeFile(1'000);
  service_.held.assign(1'000, 'x');
  ASSERT_TRUE(BlobClient(*remote_)
                  .Upload(source, v1::UploadPurpose(), nullptr, {})
                  .ok());
  EXPECT_TRUE(service_.offsets.empty());
}

TEST_F(BlobClientTest, ReadsFromAnOffset) {
  service_.held = std::string(250, 'a') + std::string(250, 'b');
  std::string read;
  const absl::Status status = BlobClient(*remote_).ReadWeights(
      1, 250,
      [&](absl::string_view data, int64_t size_bytes) {
        EXPECT_EQ(size_bytes, 500);
        read.append(data.data(), data.size());
        return absl::OkStatus();
      },
      {});
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(read, std::string(250, 'b'));
}

// The sink's error is what the caller hears, not the cancelled stream's.
TEST_F(BlobClientTest, EndsWhereTheSinkRefuses) {
  service_.held = std::string(100'000, 'a');
  const absl::Status status = BlobClient(*remote_).ReadWeights(
      1, 0,
      [](absl::string_view, int64_t) {
        return InvalidArgument("BLOB_TOO_LARGE", "too much");
      },
      {});
  EXPECT_EQ(GetReason(status), "BLOB_TOO_LARGE");
}

TEST_F(BlobClientTest, SaysThatNobodyListens) {
  server_->Shutdown();
  const absl::Status status = BlobClient(*remote_).Upload(
      MakeFile(10), v1::UploadPurpose(), nullptr, {});
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(GetReason(status), "SERVER_UNREACHABLE");
}

}  // namespace
}  // namespace archpool
