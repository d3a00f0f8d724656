// SPDX-License-Identifier: Apache-2.0
// What downloads of which nobody reads anything cost a server in memory: 1,024
// of one account, then as many of 64 accounts as the server allows. Server and
// clients share this process, so that it is less than what is measured.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "archpool/v1/blob.grpc.pb.h"
#include "common/base/check.h"
#include "common/channel/remote.h"
#include "common/crypto/sha256.h"
#include "grpcpp/grpcpp.h"
#include "tests/bench/bench_util.h"
#include "tests/bench/json_line.h"
#include "tests/support/rpc_fixture.h"

namespace archpool {
namespace {

constexpr double kGoalMb = 64;
constexpr int kOfOne = 1'024;
constexpr int kAccounts = 64;
constexpr int kImages = 40'000;  // 2.5 MB
// Until nothing moves any more.
constexpr absl::Duration kSettles = absl::Seconds(3);

double ResidentMb() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0;
  int64_t resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / 1e6;
}

// An account with a connection of its own.
struct Reader {
  Reader(const RpcFixture& fixture, const Party& party,
         v1::DownloadRequest download)
      : request(std::move(download)),
        remote(ServerSite::Plaintext(fixture.address()), party.token,
               Line::kSeparate),
        blob(remote.channel()) {}

  v1::DownloadRequest request;
  Remote remote;
  v1::BlobService::Stub blob;
};

// A download that is begun and not read. Lives until it is over.
class Unread : public grpc::ClientReadReactor<v1::DownloadResponse> {
 public:
  explicit Unread(Reader& reader) : request_(reader.request) {
    reader.remote.Prepare(context_, absl::Minutes(5));
    reader.blob.async()->Download(&context_, &request_, this);
    AddHold();  // Until Cancel: it may be refused before.
    StartCall();
  }
  void Cancel() {
    context_.TryCancel();
    RemoveHold();
  }
  void OnDone(const grpc::Status& /*status*/) override { delete this; }

 private:
  const v1::DownloadRequest request_;
  grpc::ClientContext context_;
};

// Asks for a dataset of the client's own, which no other may read.
v1::DownloadRequest RegisterLarge(Party& client, int count) {
  const std::string images = IdxImages(count);
  const std::string labels = IdxLabels(count);
  AbortUnlessOk(client.Upload(FileUpload(images), images).status());
  AbortUnlessOk(client.Upload(FileUpload(labels), labels).status());
  v1::RegisterDatasetRequest request;
  request.mutable_idx()->set_train_images_digest(Sha256(images).AsBytes());
  request.mutable_idx()->set_train_labels_digest(Sha256(labels).AsBytes());
  request.set_classes(10);
  request.set_validation_count(10);
  request.set_held_out_count(10);
  const auto registered = client.remote.Call(
      client.task, &v1::TaskService::Stub::RegisterDataset, request);
  AbortUnlessOk(registered.status());
  v1::DownloadRequest download;
  download.mutable_dataset_split()->set_dataset_id(registered->dataset_id());
  download.mutable_dataset_split()->set_split(v1::SPLIT_TRAIN);
  return download;
}

// How much memory so many downloads of each account take, in MB.
double Measure(const std::vector<std::unique_ptr<Reader>>& readers,
               int of_each) {
  const double before = ResidentMb();
  std::vector<Unread*> unread;
  for (const auto& reader : readers) {
    for (int i = 0; i < of_each; ++i) {
      unread.push_back(new Unread(*reader));
    }
  }
  absl::SleepFor(kSettles);
  const double took = ResidentMb() - before;
  for (Unread* const one : unread) one->Cancel();
  absl::SleepFor(kSettles);
  return took;
}

int Run() {
  rlimit limit{};
  ARCHPOOL_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  ARCHPOOL_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  RpcFixture fixture;
  const auto honest = fixture.Make("honest", v1::ROLE_CLIENT);
  const v1::DownloadRequest request = RegisterLarge(*honest, kImages);
  AbortUnlessOk(honest->Download(request).status());
  auto make = [&fixture, count = kImages](const std::string& name) mutable {
    const auto client = fixture.Make(name, v1::ROLE_CLIENT);
    return std::make_unique<Reader>(fixture, *client,
                                    RegisterLarge(*client, ++count));
  };
  std::vector<std::unique_ptr<Reader>> one;
  one.push_back(make("m0"));
  const double of_one = Measure(one, kOfOne);
  PrintJsonLine("unread/1024_of_one_account", of_one, "MB", kGoalMb);
  std::vector<std::unique_ptr<Reader>> many;
  for (int i = 1; i <= kAccounts; ++i) {
    many.push_back(make(absl::StrCat("m", i)));
  }
  const double of_many = Measure(many, kOfOne / 8);
  PrintJsonLine("unread/64_accounts", of_many, "MB", kGoalMb);
  // Those who read are served as before.
  AbortUnlessOk(honest->Download(request).status());
  // Twice, since the clients' half lies here as well.
  if (std::max(of_one, of_many) <= 2 * kGoalMb) return 0;
  std::fprintf(stderr, "more than %.0f MB\n", 2 * kGoalMb);
  return 1;
}

}  // namespace
}  // namespace archpool

int main() { return archpool::Run(); }
