// SPDX-License-Identifier: Apache-2.0
// What downloads of which nobody reads anything cost a server in memory: 1,024
// of one account, then as many of 64 accounts as the server allows. The clients
// are a process of their own: what their windows take is not the server's.
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
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
  Reader(const std::string& address, const std::string& token,
         v1::DownloadRequest download)
      : request(std::move(download)),
        remote(ServerSite::Plaintext(address), token, Line::kSeparate),
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

// The clients' process. It is told by lines: "reader ADDRESS TOKEN DATASET",
// and "begin COUNT", upon which each of these readers begins as many downloads;
// "end" ends them and forgets the readers. It answers both with a line.
void ServeReaders(std::FILE* from, std::FILE* to) {
  std::vector<std::unique_ptr<Reader>> readers;
  std::vector<Unread*> unread;
  char line[1'024];
  while (std::fgets(line, sizeof line, from) != nullptr) {
    std::istringstream words(line);
    std::string word, address, token, dataset;
    words >> word;
    if (word == "reader") {
      words >> address >> token >> dataset;
      v1::DownloadRequest request;
      request.mutable_dataset_split()->set_dataset_id(
          Digest::Parse(dataset)->AsBytes());
      request.mutable_dataset_split()->set_split(v1::SPLIT_TRAIN);
      readers.push_back(std::make_unique<Reader>(address, token, request));
      continue;
    }
    int of_each = 0;
    words >> of_each;
    for (const auto& reader : readers) {
      for (int i = 0; i < of_each; ++i) unread.push_back(new Unread(*reader));
    }
    if (word == "end") {
      for (Unread* const one : unread) one->Cancel();
      unread.clear();
    }
    absl::SleepFor(kSettles);
    if (word == "end") readers.clear();
    std::fputs("done\n", to);
    std::fflush(to);
  }
}

// That process, as this one has it. Made before gRPC is used.
class Readers {
 public:
  Readers() {
    int down[2];
    int up[2];
    ARCHPOOL_CHECK(pipe(down) == 0 && pipe(up) == 0);
    const pid_t child = fork();
    ARCHPOOL_CHECK(child >= 0);
    if (child == 0) {
      close(down[1]);
      close(up[0]);
      ServeReaders(fdopen(down[0], "r"), fdopen(up[1], "w"));
      _exit(0);
    }
    close(down[0]);
    close(up[1]);
    to_ = fdopen(down[1], "w");
    from_ = fdopen(up[0], "r");
  }
  void Tell(const std::string& line) {
    std::fputs((line + "\n").c_str(), to_);
    std::fflush(to_);
  }
  void Ask(const std::string& line) {
    Tell(line);
    char answer[16];
    ARCHPOOL_CHECK(std::fgets(answer, sizeof answer, from_) != nullptr);
  }

 private:
  std::FILE* to_ = nullptr;
  std::FILE* from_ = nullptr;
};

// How much memory so many downloads of each account take, in MB.
double Measure(Readers& readers, int of_each) {
  const double before = ResidentMb();
  readers.Ask(absl::StrCat("begin ", of_each));
  const double took = ResidentMb() - before;
  readers.Ask("end");
  return took;
}

int Run() {
  rlimit limit{};
  ARCHPOOL_CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  ARCHPOOL_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  Readers readers;
  RpcFixture fixture;
  const auto honest = fixture.Make("honest", v1::ROLE_CLIENT);
  const v1::DownloadRequest request = RegisterLarge(*honest, kImages);
  AbortUnlessOk(honest->Download(request).status());
  const auto make = [&](int number) {
    const auto client =
        fixture.Make(absl::StrCat("m", number), v1::ROLE_CLIENT);
    const auto download = RegisterLarge(*client, kImages + 1 + number);
    const auto dataset =
        Digest::FromBytes(download.dataset_split().dataset_id());
    readers.Tell(absl::StrCat("reader ", fixture.address(), " ", client->token,
                              " ", dataset->ToString()));
  };
  make(0);
  const double of_one = Measure(readers, kOfOne);
  PrintJsonLine("unread/1024_of_one_account", of_one, "MB", kGoalMb);
  for (int i = 1; i <= kAccounts; ++i) make(i);
  const double of_many = Measure(readers, kOfOne / 8);
  PrintJsonLine("unread/64_accounts", of_many, "MB", kGoalMb);
  // Those who read are served as before.
  AbortUnlessOk(honest->Download(request).status());
  if (std::max(of_one, of_many) <= kGoalMb) return 0;
  std::fprintf(stderr, "more than %.0f MB\n", kGoalMb);
  return 1;
}

}  // namespace
}  // namespace archpool

int main() { return archpool::Run(); }
