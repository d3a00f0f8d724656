// SPDX-License-Identifier: Apache-2.0
// archpool pool, miner status, task cancel, account visibility and account
// quota, against services that keep what they are told.
#include <grpcpp/grpcpp.h>

#include <fstream>
#include <memory>
#include <sstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "archpool/v1/account.grpc.pb.h"
#include "archpool/v1/ledger.grpc.pb.h"
#include "archpool/v1/pool.grpc.pb.h"
#include "archpool/v1/task.grpc.pb.h"
#include "client/cli.h"
#include "common/channel/program.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class FakeAccountService : public v1::AccountService::Service {
 public:
  grpc::Status WhoAmI(grpc::ServerContext*, const v1::WhoAmIRequest*,
                      v1::WhoAmIResponse* response) override {
    response->mutable_account()->set_name("alice");
    response->mutable_account()->set_role(v1::ROLE_MINER);
    return grpc::Status::OK;
  }
  grpc::Status SetVisibility(grpc::ServerContext*,
                             const v1::SetVisibilityRequest* request,
                             v1::SetVisibilityResponse* response) override {
    response->mutable_account()->set_role(v1::ROLE_MINER);
    response->mutable_account()->set_is_public(request->is_public());
    return grpc::Status::OK;
  }
  grpc::Status GetQuotas(grpc::ServerContext*, const v1::GetQuotasRequest*,
                         v1::GetQuotasResponse* response) override {
    *response->mutable_quotas() = quotas;
    return grpc::Status::OK;
  }

  v1::Quotas quotas;
};

class FakePoolService : public v1::PoolService::Service {
 public:
  grpc::Status ListWorkers(grpc::ServerContext*, const v1::ListWorkersRequest*,
                           v1::ListWorkersResponse*) override {
    return grpc::Status::OK;
  }
  grpc::Status GetMaintenance(grpc::ServerContext*,
                              const v1::GetMaintenanceRequest*,
                              v1::GetMaintenanceResponse* response) override {
    *response->mutable_maintenance() = maintenance;
    return grpc::Status::OK;
  }
  grpc::Status BeginMaintenance(
      grpc::ServerContext*, const v1::BeginMaintenanceRequest*,
      v1::BeginMaintenanceResponse* response) override {
    maintenance.set_is_on(true);
    *response->mutable_maintenance() = maintenance;
    return grpc::Status::OK;
  }
  grpc::Status EndMaintenance(grpc::ServerContext*,
                              const v1::EndMaintenanceRequest*,
                              v1::EndMaintenanceResponse* response) override {
    maintenance.set_is_on(false);
    *response->mutable_maintenance() = maintenance;
    return grpc::Status::OK;
  }

  v1::Maintenance maintenance;
};

class FakeLedgerService : public v1::LedgerService::Service {
 public:
  grpc::Status ListBalances(grpc::ServerContext*,
                            const v1::ListBalancesRequest*,
                            v1::ListBalancesResponse*) override {
    return grpc::Status::OK;
  }
};

class FakeTaskService : public v1::TaskService::Service {
 public:
  grpc::Status ListTasks(grpc::ServerContext*, const v1::ListTasksRequest*,
                         v1::ListTasksResponse*) override {
    return grpc::Status::OK;
  }
  grpc::Status CancelTask(grpc::ServerContext*, const v1::CancelTaskRequest*,
                          v1::CancelTaskResponse* response) override {
    response->set_state(state);
    return grpc::Status::OK;
  }

  v1::TaskState state = v1::TASK_STATE_CANCELLED;
};

class PoolCliTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::ofstream(directory_.path() + "/token") << "the-token\n";
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(&accounts_);
    builder.RegisterService(&pool_);
    builder.RegisterService(&tasks_);
    builder.RegisterService(&ledger_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  int Run(std::vector<std::string> words) {
    std::ostringstream out;
    std::ostringstream err;
    words.insert(words.begin(),
                 {"--server", address_, "--plaintext", "--token-file",
                  directory_.path() + "/token", "--patience", "5"});
    const int code = RunCli(words, {out, err, Terminal()}, {});
    out_ = out.str();
    return code;
  }

  const TemporaryDirectory directory_;
  const std::string address_ = "unix:" + directory_.path() + "/socket";
  FakeAccountService accounts_;
  FakePoolService pool_;
  FakeTaskService tasks_;
  FakeLedgerService ledger_;
  std::unique_ptr<grpc::Server> server_;
  std::string out_;
};

TEST_F(PoolCliTest, BeginsShowsAndEndsMaintenance) {
  EXPECT_EQ(Run({"pool", "maintenance"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("not in maintenance"));
  EXPECT_EQ(Run({"pool", "maintenance", "on"}), kExitDone);
  EXPECT_TRUE(pool_.maintenance.is_on());
  EXPECT_THAT(out_, HasSubstr("nothing is leased, and no deadline runs"));
  EXPECT_EQ(Run({"miner", "status"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("The pool is in maintenance"));
  EXPECT_EQ(Run({"pool", "maintenance", "--json"}), kExitDone);
  EXPECT_EQ(Json::parse(out_)["is_on"], true);
  EXPECT_EQ(Run({"pool", "maintenance", "off"}), kExitDone);
  EXPECT_FALSE(pool_.maintenance.is_on());
  EXPECT_EQ(Run({"miner", "status"}), kExitDone);
  EXPECT_THAT(out_, Not(HasSubstr("maintenance")));
  EXPECT_EQ(Run({"pool", "maintenance", "of"}), kExitBadInput);
}

TEST_F(PoolCliTest, SaysWhetherClientsSeeTheName) {
  EXPECT_EQ(Run({"account", "visibility", "public"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("clients by its name"));
  EXPECT_EQ(Run({"account", "visibility", "private"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("clients as account-"));
  EXPECT_EQ(Run({"account", "visibility"}), kExitBadInput);
}

TEST_F(PoolCliTest, SaysWhetherATaskHadEndedBeforeItWasCancelled) {
  EXPECT_EQ(Run({"task", "cancel", "7"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("task-7 is cancelled. What was reported is"));
  for (const auto& [state, word] :
       {std::pair(v1::TASK_STATE_SUCCEEDED, "succeeded"),
        std::pair(v1::TASK_STATE_FAILED, "failed")}) {
    tasks_.state = state;
    EXPECT_EQ(Run({"task", "cancel", "7"}), kExitDone);
    EXPECT_EQ(out_, absl::StrCat("task-7 had ", word,
                                 " before; nothing was changed.\n"));
  }
}

TEST_F(PoolCliTest, ShowsWhatAGroupLeavesToAnAccount) {
  v1::Quotas& quotas = accounts_.quotas;
  quotas.set_account_name("bob");
  quotas.mutable_sessions_opened()->set_held(3);
  quotas.mutable_sessions_opened()->set_max(7);
  quotas.mutable_watches()->set_max(64);
  quotas.mutable_pause_left()->set_seconds(8);
  EXPECT_EQ(Run({"account", "quota"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("sessions opened within the hour: 3 of 7"));
  EXPECT_THAT(out_,
              HasSubstr("\n  gave up too many leases: gets the next in 8"));
  quotas.set_group("smith");
  EXPECT_EQ(Run({"account", "quota"}), kExitDone);
  EXPECT_THAT(out_, HasSubstr("of the group smith"));
  EXPECT_THAT(out_, HasSubstr("\n  its group gave up too many leases: gets"));
}

}  // namespace
}  // namespace archpool
