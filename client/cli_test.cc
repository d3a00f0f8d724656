// SPDX-License-Identifier: Apache-2.0
// The whole command against a real gRPC server in this process, which answers
// what a test's script says.
#include "client/cli.h"

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "client/sample_task_test_util.h"
#include "common/base/status.h"
#include "common/channel/program.h"
#include "common/crypto/token.h"
#include "common/data/dataset_format.h"
#include "common/nas/layer_plan.h"
#include "common/nas/search/search_policy.h"
#include "common/wire/search_space_wire.h"
#include "common/wire/status_wire.h"
#include "common/wire/task_spec_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/work_samples.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

class FakeAccountService : public v1::AccountService::Service {
 public:
  grpc::Status WhoAmI(grpc::ServerContext*, const v1::WhoAmIRequest*,
                      v1::WhoAmIResponse* response) override {
    if (!refusal.ok()) return wire::ToGrpc(refusal);
    response->mutable_account()->set_name("alice");
    response->mutable_account()->set_role(v1::ROLE_MINER);
    response->mutable_account()->set_state(v1::Account::STATE_ACTIVE);
    response->mutable_account()->set_account_id(7);
    response->set_server_version("0.2.7");
    return grpc::Status::OK;
  }
  grpc::Status CreateAccount(grpc::ServerContext*,
                             const v1::CreateAccountRequest* request,
                             v1::CreateAccountResponse* response) override {
    ++requests;
    token_hash = request->token_hash();
    if (!creation.ok()) return wire::ToGrpc(creation);
    response->mutable_account()->set_name(request->name());
    response->mutable_account()->set_role(request->role());
    return grpc::Status::OK;
  }
  absl::Status refusal;
  absl::Status creation;
  int requests = 0;
  std::string token_hash;  // of the last account asked for
};

class FakePoolService : public v1::PoolService::Service {
 public:
  grpc::Status ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest*,
                           v1::ListWorkersResponse* response) override {
    *response = testing::SampleWorkers();
    return grpc::Status::OK;
  }
};

class FakeTaskService : public v1::TaskService::Service {
 public:
  grpc::Status GetTask(grpc::ServerContext*, const v1::GetTaskRequest* request,
                       v1::GetTaskResponse* response) override {
    if (request->task_id() != 1) {
      return wire::ToGrpc(NotFound("TASK_UNKNOWN", "there is no task-2"));
    }
    *response->mutable_task() = task;
    return grpc::Status::OK;
  }
  // Two pages, of one trial each.
  grpc::Status ListTrials(grpc::ServerContext*,
                          const v1::ListTrialsRequest* request,
                          v1::ListTrialsResponse* response) override {
    const bool is_first = request->page_token().empty();
    *response->add_trials() = testing::SampleTrial(is_first ? 1 : 2, "alice",
                                                   v1::TRIAL_STATE_ACCEPTED);
    if (is_first) response->set_next_page_token("second");
    return grpc::Status::OK;
  }
  grpc::Status WatchTask(
      grpc::ServerContext*, const v1::WatchTaskRequest*,
      grpc::ServerWriter<v1::WatchTaskResponse>* writer) override {
    v1::WatchTaskResponse response;
    *response.mutable_task() = testing::RunningTask();
    writer->Write(response);
    // The first stream breaks, as when the server restarts.
    if (++streams == 1) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarting");
    }
    *response.mutable_task() = testing::EndedTask();
    if (has_failed) response.mutable_task()->set_state(v1::TASK_STATE_FAILED);
    writer->Write(response);
    return grpc::Status::OK;
  }

  v1::Task task = testing::RunningTask();
  int streams = 0;
  bool has_failed = false;
};

class FakeLedgerService : public v1::LedgerService::Service {
 public:
  grpc::Status Deposit(grpc::ServerContext*, const v1::DepositRequest* request,
                       v1::DepositResponse* response) override {
    deposited = request->amount_micros();
    request_id = request->request_id();
    response->set_transfer_id(7);
    return answer;
  }
  grpc::Status CheckLedger(grpc::ServerContext*, const v1::CheckLedgerRequest*,
                           v1::CheckLedgerResponse* response) override {
    if (is_unsound) response->add_violations("escrow:task-1 is negative");
    return grpc::Status::OK;
  }

  int64_t deposited = 0;
  std::string request_id;
  grpc::Status answer;
  bool is_unsound = false;
};

class FakeBlobService : public v1::BlobService::Service {
 public:
  grpc::Status Download(
      grpc::ServerContext*, const v1::DownloadRequest* request,
      grpc::ServerWriter<v1::DownloadResponse>* writer) override {
    const size_t offset = static_cast<size_t>(request->offset_bytes());
    v1::DownloadResponse chunk;
    chunk.set_size_bytes(static_cast<int64_t>(weights.size()));
    chunk.set_data(weights.substr(offset, 4));
    writer->Write(chunk);
    // The line is cut after four bytes, once.
    if (offset == 0) {
      return grpc::Status(grpc::StatusCode::UNAVAILABLE, "restarting");
    }
    chunk.set_data(weights.substr(offset + 4));
    writer->Write(chunk);
    return grpc::Status::OK;
  }

  std::string weights = "the weights";
};

// A task whose networks are those that its space makes.
v1::Task ConsistentTask(const std::string& weights) {
  v1::Task task = testing::RunningTask();
  const DatasetManifest manifest = testing::SampleDataset().manifest;
  *task.mutable_manifest() = wire::ToProto(manifest);
  const auto space = wire::SearchSpaceFromProto("space", task.spec().space());
  const auto architecture =
      wire::ArchitectureFromProto("choices", *space, task.best().choices());
  const auto plan = MakeLayerPlan(*space, *architecture, manifest.shape,
                                  manifest.classes, PlanLimits{});
  for (v1::Trial* trial :
       {task.mutable_best(), task.mutable_front(0), task.mutable_front(1)}) {
    trial->set_architecture_id(ArchitectureIdOf(*plan).AsBytes());
    trial->set_weights_digest(Sha256(weights).AsBytes());
  }
  return task;
}

class CliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = testing::MakeTempDirectory();
    address_ = absl::StrCat("unix:", directory_, "/socket");
    std::ofstream(directory_ + "/token") << "the-token\n";
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(&accounts_);
    builder.RegisterService(&pool_);
    builder.RegisterService(&tasks_);
    builder.RegisterService(&ledger_);
    builder.RegisterService(&blobs_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void TearDown() override {
    server_->Shutdown();
    std::filesystem::remove_all(directory_);
  }

  // Runs `words` with the server and the token; keeps what was said.
  int Run(const std::vector<std::string>& words) {
    std::ostringstream out;
    const int code = RunInto(words, out);
    out_ = out.str();
    return code;
  }
  // The same with an output that takes nothing.
  int RunIntoFull(const std::vector<std::string>& words) {
    std::ofstream out("/dev/full");
    return RunInto(words, out);
  }
  int RunInto(std::vector<std::string> words, std::ostream& out) {
    std::ostringstream err;
    words.insert(words.begin(),
                 {"--server", address_, "--plaintext", "--token-file",
                  directory_ + "/token", "--patience", "5"});
    const int code = RunCli(words, {out, err, Terminal()}, {});
    err_ = err.str();
    return code;
  }
  static std::string FirstLineOf(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
  }

  std::string directory_;
  std::string address_;
  FakeAccountService accounts_;
  FakePoolService pool_;
  FakeTaskService tasks_;
  FakeLedgerService ledger_;
  FakeBlobService blobs_;
  std::unique_ptr<grpc::Server> server_;
  std::string out_;
  std::string err_;
};

TEST_F(CliTest, ShowsAPageOrJson) {
  EXPECT_EQ(Run({"account", "whoami"}), kExitDone);
  EXPECT_EQ(out_,
            "alice, miner, active\n  trials  0 accepted, 0 rejected, 0 "
            "abandoned\n  shown   to clients as account-7\n"
            "  server  of version 0.2.7\n");
  EXPECT_EQ(Run({"account", "whoami", "--json"}), kExitDone);
  EXPECT_EQ(Json::parse(out_)["server_version"], "0.2.7");
}

TEST_F(CliTest, SaysWhyItWasRefusedAndWhatToDo) {
  accounts_.refusal = MakeError(absl::StatusCode::kUnauthenticated,
                                "TOKEN_UNKNOWN", "no account has this token");
  EXPECT_EQ(Run({"account", "whoami"}), kExitRefused);
  EXPECT_EQ(err_,
            "archpool: no account has this token (TOKEN_UNKNOWN)\n"
            "  check --token-file: the operator shows a token once, when the "
            "account is made\n");
  EXPECT_EQ(Run({"task", "show", "2"}), kExitRefused);
  EXPECT_THAT(err_, HasSubstr("(TASK_UNKNOWN)"));
}

TEST_F(CliTest, TellsBadInputFromRefusals) {
  EXPECT_EQ(Run({"task", "show", "0"}), kExitBadInput);
  EXPECT_EQ(Run({"task", "shwo", "1"}), kExitBadInput);
  EXPECT_EQ(Run({"task"}), kExitBadInput);
  EXPECT_EQ(Run({"task", "submit", directory_ + "/none.yaml"}), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("FILE_NOT_FOUND"));
  std::ofstream(directory_ + "/bad.yaml") << "name: x\n";
  EXPECT_EQ(Run({"task", "submit", directory_ + "/bad.yaml"}), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("TASK_FILE_INVALID"));
  EXPECT_EQ(Run({"ledger", "deposit", "--account", "a", "--amount", "1e3"}),
            kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("AMOUNT_MALFORMED"));
}

TEST_F(CliTest, SaysWhereTheTokenIsMissing) {
  std::ostringstream out;
  std::ostringstream err;
  const Output output{out, err, Terminal()};
  EXPECT_EQ(RunCli({"account", "whoami", "--token-file", "/none"}, output, {}),
            kExitBadInput);
  EXPECT_THAT(err.str(), HasSubstr("TOKEN_FILE_MISSING"));
}

TEST_F(CliTest, SaysThatNobodyAnswers) {
  server_->Shutdown();
  EXPECT_EQ(Run({"account", "whoami", "--patience", "0"}), kExitUnreachable);
  EXPECT_THAT(err_, HasSubstr("SERVER_UNREACHABLE"));
  EXPECT_THAT(err_, HasSubstr("archpool-server"));
}

TEST_F(CliTest, HelpsANewcomer) {
  EXPECT_EQ(Run({"--help"}), kExitDone);
  for (const char* word :
       {"task", "miner", "ledger", "account", "Clients:", "Exit codes"}) {
    EXPECT_THAT(out_, HasSubstr(word));
  }
  EXPECT_EQ(Run({"task", "submit", "--help"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("Example"));
  // Where the example task sends whoever looks for them.
  EXPECT_THAT(out_, HasSubstr(SearchPolicyNames()));
  EXPECT_THAT(out_, HasSubstr(DescribeDatasetFormats()));
  std::ostringstream task;
  task << std::ifstream("deploy/examples/fashion-mnist.yaml").rdbuf();
  EXPECT_THAT(task.str(), HasSubstr("submit --help` lists the formats"));
  EXPECT_THAT(task.str(), HasSubstr("submit --help` lists the policies"));
}

TEST_F(CliTest, ReadsAmountsInCoins) {
  EXPECT_EQ(Run({"ledger", "deposit", "--account", "acme", "--amount", "12.5"}),
            kExitDone);
  EXPECT_EQ(ledger_.deposited, 12'500'000);
}

TEST_F(CliTest, SaysHowToAskAgainForADepositInDoubt) {
  ledger_.answer = grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut");
  EXPECT_EQ(Run({"ledger", "deposit", "--account", "acme", "--amount", "1",
                 "--patience", "0"}),
            kExitUnreachable);
  EXPECT_THAT(err_, HasSubstr("may have been booked"));
  EXPECT_THAT(err_, HasSubstr("--request-id " + ledger_.request_id));
}

TEST_F(CliTest, FailsWhereTheLedgerIsUnsound) {
  EXPECT_EQ(Run({"ledger", "check"}), kExitDone);
  ledger_.is_unsound = true;
  EXPECT_EQ(Run({"ledger", "check"}), kExitFailed);
  EXPECT_THAT(out_, HasSubstr("escrow:task-1 is negative"));
  EXPECT_THAT(err_, HasSubstr("LEDGER_UNSOUND"));
}

// The file of an account that was made, or may have been, has its token; no
// other file is touched.
TEST_F(CliTest, WritesATokenForItsOwnerAlone) {
  const std::string path = directory_ + "/alice.token";
  const std::vector<std::string> words = {"account",     "create", "--name",
                                          "alice",       "--role", "miner",
                                          "--token-out", path};
  ASSERT_EQ(Run(words), kExitDone) << err_;
  const std::string token = FirstLineOf(path);
  EXPECT_EQ(HashToken(token).AsBytes(), accounts_.token_hash);
  EXPECT_EQ(out_.find(token), std::string::npos);
  EXPECT_EQ(
      std::filesystem::status(path).permissions(),
      std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);

  EXPECT_EQ(Run(words), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("FILE_EXISTS"));
  EXPECT_EQ(accounts_.requests, 1) << "nothing was asked of the pool";
  EXPECT_EQ(FirstLineOf(path), token);
}

TEST_F(CliTest, ARefusedAccountLeavesNoTokenAndOneInDoubtItsOwn) {
  const std::string path = directory_ + "/alice.token";
  const std::vector<std::string> words = {
      "account", "create",      "--name", "alice",      "--role",
      "miner",   "--token-out", path,     "--patience", "0"};
  accounts_.creation = AlreadyExists("ACCOUNT_NAME_TAKEN", "taken");
  EXPECT_EQ(Run(words), kExitRefused);
  EXPECT_FALSE(std::filesystem::exists(path));

  accounts_.creation = Unavailable("COMMIT_FAILED", "in doubt");
  EXPECT_EQ(Run(words), kExitUnreachable);
  EXPECT_THAT(err_, HasSubstr("may have been made"));
  EXPECT_EQ(HashToken(FirstLineOf(path)).AsBytes(), accounts_.token_hash);
}

TEST_F(CliTest, ShowsATokenThatHasNoFile) {
  ASSERT_EQ(Run({"account", "create", "--name", "alice", "--role", "miner"}),
            kExitDone);
  const size_t at = out_.find("ap_");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(HashToken(out_.substr(at, out_.find('\n', at) - at)).AsBytes(),
            accounts_.token_hash);
  EXPECT_EQ(Run({"account", "create", "--name", "alice", "--role", "miner",
                 "--json"}),
            kExitDone);
  EXPECT_EQ(HashToken(std::string(Json::parse(out_)["token"])).AsBytes(),
            accounts_.token_hash);
  EXPECT_EQ(Json::parse(out_)["name"], "alice");
  accounts_.creation = AlreadyExists("ACCOUNT_NAME_TAKEN", "taken");
  EXPECT_EQ(Run({"account", "create", "--name", "alice", "--role", "miner",
                 "--json"}),
            kExitRefused);
  EXPECT_TRUE(Json::parse(out_)["account_id"].is_null());
}

// A secret that nobody sees must not be the only one to an account.
TEST_F(CliTest, MakesNoAccountWhoseTokenCannotBeShown) {
  for (const bool is_json : {false, true}) {
    std::vector<std::string> words = {"account", "create", "--name",
                                      "alice",   "--role", "miner"};
    if (is_json) words.emplace_back("--json");
    EXPECT_EQ(RunIntoFull(words), kExitFailed);
    EXPECT_THAT(err_, HasSubstr("OUTPUT_LOST"));
    EXPECT_EQ(accounts_.requests, 0);
  }
}

TEST_F(CliTest, FailsWhereItsOutputGoesNowhere) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"account", "whoami"},
                                             {"--json", "account", "whoami"},
                                             {"task", "show", "1"},
                                             {"task", "watch", "1"},
                                             {"ledger", "check"},
                                             {"--help"}}) {
    EXPECT_EQ(RunIntoFull(words), kExitFailed) << words[0];
    EXPECT_THAT(err_, HasSubstr("OUTPUT_LOST"));
  }
}

TEST_F(CliTest, LooksAtTheAddressBeforeItTriesIt) {
  EXPECT_EQ(Run({"task", "list", "--server", "http://a:1"}), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("ADDRESS_MALFORMED"));
}

TEST_F(CliTest, ATokenFileOfAnotherEncodingIsBadInput) {
  std::ofstream(directory_ + "/token", std::ios::binary) << "ap_\xc3\xa9\n";
  EXPECT_EQ(Run({"account", "whoami"}), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("TOKEN_FILE_MALFORMED"));
}

TEST_F(CliTest, ShowsEveryTrialInJson) {
  EXPECT_EQ(Run({"task", "show", "1", "--json"}), kExitDone);
  EXPECT_EQ(Json::parse(out_)["trials"].at(1)["trial_id"], 2);
  EXPECT_EQ(Run({"task", "show", "1"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("Best network"));
}

TEST_F(CliTest, SavesTheResultAsFiles) {
  tasks_.task = ConsistentTask(blobs_.weights);
  const std::string output = directory_ + "/output";
  ASSERT_EQ(Run({"task", "result", "1", "--output", output}), kExitDone)
      << err_;
  const auto read = [&output](const std::string& name) {
    std::ifstream file(output + "/" + name);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  EXPECT_EQ(read("weights.safetensors"), blobs_.weights);
  EXPECT_EQ(read("front/trial-17/weights.safetensors"), blobs_.weights);
  const Json architecture = Json::parse(read("architecture.json"));
  EXPECT_EQ(architecture["choices"], Json({{"stem_width", 16}, {"width", 8}}));
  EXPECT_EQ(architecture["layers"][0]["output_shape"], Json({16, 8, 8}));
  EXPECT_EQ(architecture["input_shape"], Json({1, 8, 8}));
  EXPECT_EQ(Json::parse(read("summary.json"))["trials_accepted"], 57);
  EXPECT_EQ(Json::parse(read("result.json"))["front"].size(), 2u);
}

TEST_F(CliTest, SavesAResultOverNobodysFiles) {
  tasks_.task = ConsistentTask(blobs_.weights);
  const std::string output = directory_ + "/output";
  const auto save = [&] {
    return Run({"task", "result", "1", "--output", output});
  };
  ASSERT_EQ(save(), kExitDone) << err_;
  EXPECT_EQ(save(), kExitDone) << "the same again";
  std::ofstream(output + "/summary.json") << "my own";
  EXPECT_EQ(save(), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("FILE_EXISTS"));
  EXPECT_EQ(FirstLineOf(output + "/summary.json"), "my own");
  std::filesystem::remove_all(output);
  std::filesystem::create_directory(output);
  std::ofstream(output + "/weights.safetensors") << "of a model";
  EXPECT_EQ(save(), kExitBadInput);
  EXPECT_EQ(FirstLineOf(output + "/weights.safetensors"), "of a model");
  EXPECT_FALSE(std::filesystem::exists(output + "/architecture.json"));
}

// What was verified is what is saved, or nothing is.
TEST_F(CliTest, SavesNoOtherWeightsThanTheVerifiedOnes) {
  tasks_.task = ConsistentTask("other weights");
  const std::string output = directory_ + "/output";
  EXPECT_EQ(Run({"task", "result", "1", "--output", output}), kExitFailed);
  EXPECT_THAT(err_, HasSubstr("BLOB_DIGEST_MISMATCH"));
  EXPECT_FALSE(std::filesystem::exists(output + "/weights.safetensors"));
}

TEST_F(CliTest, HasNoResultBeforeATrialIsAccepted) {
  tasks_.task.clear_best();
  EXPECT_EQ(Run({"task", "result", "1", "--output", directory_}), kExitRefused);
  EXPECT_THAT(err_, HasSubstr("NO_RESULT"));
}

// A watch outlives a restart of the server, and prints lines where no terminal
// is there to draw on.
TEST_F(CliTest, WatchesUntilTheTaskEnds) {
  EXPECT_EQ(Run({"task", "watch", "1"}), kExitDone);
  EXPECT_EQ(tasks_.streams, 2);
  EXPECT_THAT(out_, HasSubstr("task-1 succeeded (target): 57 accepted"));
  EXPECT_EQ(out_.find('\x1b'), std::string::npos);
}

TEST_F(CliTest, WatchingATaskThatFailsIsAFailure) {
  tasks_.has_failed = true;
  EXPECT_EQ(Run({"task", "watch", "1"}), kExitFailed);
  EXPECT_THAT(err_, HasSubstr("TASK_FAILED"));
}

TEST_F(CliTest, WatchesInJson) {
  EXPECT_EQ(Run({"--json", "task", "watch", "1"}), kExitDone);
  EXPECT_EQ(Json::parse(out_)["state"], "succeeded");
}

}  // namespace
}  // namespace archpool
