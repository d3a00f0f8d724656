// SPDX-License-Identifier: Apache-2.0
// archpool task submit and check against services that keep what they are told.
#include "client/submit.h"

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "client/cli.h"
#include "client/import/picture.h"
#include "common/base/status.h"
#include "common/channel/program.h"
#include "common/crypto/sha256.h"
#include "common/wire/status_wire.h"
#include "common/wire/task_spec_wire.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_directory.h"

namespace archpool {
namespace {

using ::testing::HasSubstr;

constexpr char kTask[] = R"(name: one
dataset:
  format: idx
  train_images: images
  train_labels: labels
  classes: 2
  validation_count: 100
  held_out_count: 100
space:
  dimensions: [{name: width, choices: [4, 8]}]
  template:
    kind: chain
    stages: [{blocks: [{operation: conv, kernel: 3, width: $width}]}]
recipe: {epochs: 1, batch_size: 32}
budget: {core_seconds: 10}
reward: {amount: 5}
)";

class FakeTasks : public v1::TaskService::Service {
 public:
  grpc::Status RegisterDataset(grpc::ServerContext*,
                               const v1::RegisterDatasetRequest* request,
                               v1::RegisterDatasetResponse* response) override {
    registered = *request;
    response->set_dataset_id(Sha256("dataset").AsBytes());
    return grpc::Status::OK;
  }
  grpc::Status SubmitTask(grpc::ServerContext*,
                          const v1::SubmitTaskRequest* request,
                          v1::SubmitTaskResponse* response) override {
    const auto [at, is_new] = ids.try_emplace(
        request->request_id(), static_cast<int64_t>(ids.size()) + 1);
    if (is_new) states.push_back(v1::TASK_STATE_ACTIVE);
    response->set_task_id(at->second);
    if (on_submit) on_submit();
    return answer;
  }
  grpc::Status CheckTask(grpc::ServerContext*,
                         const v1::CheckTaskRequest* asked,
                         v1::CheckTaskResponse*) override {
    EXPECT_TRUE(wire::TaskSpecFromProto(asked->spec()).ok());
    EXPECT_TRUE(wire::ManifestFromProto("manifest", asked->manifest()).ok());
    train_count = asked->manifest().train_count();
    return refusal.ok() ? grpc::Status::OK : wire::ToGrpc(refusal);
  }
  grpc::Status ListTasks(grpc::ServerContext*, const v1::ListTasksRequest*,
                         v1::ListTasksResponse* response) override {
    for (size_t i = states.size(); i > 0; --i) {
      v1::TaskSummary& task = *response->add_tasks();
      task.set_task_id(static_cast<int64_t>(i));
      task.set_state(states[i - 1]);
      task.set_name("one");
    }
    return grpc::Status::OK;
  }
  grpc::Status GetTask(grpc::ServerContext*, const v1::GetTaskRequest* request,
                       v1::GetTaskResponse* response) override {
    Fill(static_cast<size_t>(request->task_id()), *response->mutable_task());
    return grpc::Status::OK;
  }

  v1::RegisterDatasetRequest registered;
  std::map<std::string, int64_t> ids;  // by request id
  std::vector<v1::TaskState> states;
  grpc::Status answer;
  absl::Status refusal;  // of a task that is not open yet
  int64_t train_count = 0;
  std::function<void()> on_submit;

 private:
  void Fill(size_t id, v1::Task& task) const {
    task.set_task_id(static_cast<int64_t>(id));
    task.set_state(states[id - 1]);
    task.mutable_spec()->set_name("one");
  }
};

class FakeBlobs : public v1::BlobService::Service {
 public:
  grpc::Status BeginUpload(grpc::ServerContext*,
                           const v1::BeginUploadRequest* request,
                           v1::BeginUploadResponse* response) override {
    ++uploads;
    response->set_offset_bytes(request->size_bytes());
    return grpc::Status::OK;
  }
  int uploads = 0;
};

class SubmitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write("token", "the-token\n");
    Write("task.yaml", kTask);
    std::string images("\0\0\x08\x03\0\0\x01\x2c\0\0\0\x04\0\0\0\x04", 16);
    std::string labels("\0\0\x08\x01\0\0\x01\x2c", 8);
    for (int i = 0; i < 300 * 16; ++i) images += static_cast<char>(i % 251);
    for (int i = 0; i < 300; ++i) labels += static_cast<char>(i % 2);
    Write("images", images);
    Write("labels", labels);
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address_, grpc::InsecureServerCredentials());
    builder.RegisterService(&tasks_);
    builder.RegisterService(&blobs_);
    server_ = builder.BuildAndStart();
    ASSERT_NE(server_, nullptr);
  }
  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(directory_.path() + "/" + name, std::ios::binary) << bytes;
  }
  int Run(std::vector<std::string> words, const std::stop_token& stop = {}) {
    std::ostringstream out;
    std::ostringstream err;
    words.insert(words.begin(),
                 {"--server", address_, "--plaintext", "--token-file",
                  directory_.path() + "/token", "--patience", "0"});
    const int code = RunCli(words, {out, err, Terminal()}, stop);
    out_ = out.str();
    err_ = err.str();
    return code;
  }
  int Submit(const std::stop_token& stop = {}) {
    return Run({"task", "submit", directory_.path() + "/task.yaml"}, stop);
  }

  const TemporaryDirectory directory_;
  const std::string address_ = "unix:" + directory_.path() + "/socket";
  FakeTasks tasks_;
  FakeBlobs blobs_;
  std::unique_ptr<grpc::Server> server_;
  std::string out_;
  std::string err_;
};

// Whoever runs it twice, after Ctrl-C or out of doubt, pays once.
TEST_F(SubmitTest, TheSameFileOpensNoSecondTaskWhileTheFirstIsActive) {
  ASSERT_EQ(Submit(), kExitDone) << err_;
  EXPECT_THAT(out_, HasSubstr("task-1 is submitted"));
  EXPECT_THAT(err_, HasSubstr("300 images of 1x4x4, 2 classes"));
  ASSERT_EQ(Submit(), kExitDone);
  EXPECT_THAT(out_, HasSubstr("task-1 was opened from this file before"));
  EXPECT_EQ(tasks_.ids.size(), 1u);

  tasks_.states[0] = v1::TASK_STATE_SUCCEEDED;
  ASSERT_EQ(Submit(), kExitDone);
  EXPECT_THAT(out_, HasSubstr("task-2 is submitted"));
  std::string other = kTask;
  other.replace(other.find("amount: 5"), 9, "amount: 6");
  Write("task.yaml", other);
  ASSERT_EQ(Submit(), kExitDone);
  EXPECT_THAT(out_, HasSubstr("task-3 is submitted"));
}

TEST_F(SubmitTest, ALostAnswerIsSaidAndAskingAgainFindsTheTask) {
  tasks_.answer = grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut");
  EXPECT_EQ(Submit(), kExitUnreachable);
  EXPECT_THAT(err_, HasSubstr("the task may be open"));
  EXPECT_THAT(err_, HasSubstr("OUTCOME_UNKNOWN"));
  tasks_.answer = grpc::Status::OK;
  ASSERT_EQ(Submit(), kExitDone);
  EXPECT_THAT(out_, HasSubstr("task-1"));
  EXPECT_EQ(tasks_.ids.size(), 1u);
}

TEST_F(SubmitTest, StoppingInTheMiddleSaysWhatMayHaveHappened) {
  std::stop_source stop;
  tasks_.on_submit = [&] {
    stop.request_stop();
    tasks_.answer = grpc::Status(grpc::StatusCode::UNAVAILABLE, "cut");
  };
  EXPECT_EQ(Submit(stop.get_token()), 130);
  EXPECT_THAT(err_, HasSubstr("the task may be open"));
}

TEST_F(SubmitTest, WhatThePoolRefusesIsFoundBeforeAnythingIsSent) {
  tasks_.refusal = FailedPrecondition("PRICE_TOO_LOW", "the pool takes more");
  EXPECT_EQ(Submit(), kExitRefused);
  EXPECT_THAT(err_, HasSubstr("the pool takes more; nothing was sent"));
  EXPECT_THAT(err_, HasSubstr("PRICE_TOO_LOW"));
  EXPECT_EQ(tasks_.train_count, 100);
  EXPECT_EQ(blobs_.uploads, 0);
  tasks_.refusal = absl::OkStatus();
  ASSERT_EQ(Submit(), kExitDone);
  tasks_.refusal = FailedPrecondition("BALANCE_TOO_LOW", "it is set aside");
  ASSERT_EQ(Submit(), kExitDone)
      << "the reward is set aside for this very task";
  EXPECT_THAT(out_, HasSubstr("was opened from this file before"));
  tasks_.refusal = ResourceExhausted("TASKS_TOO_OFTEN", "in 5m");
  ASSERT_EQ(Submit(), kExitDone) << "nor is this one opened a second time";
  EXPECT_THAT(out_, HasSubstr("was opened from this file before"));
}

TEST_F(SubmitTest, AnOlderPoolIsSentNothing) {
  tasks_.refusal = absl::UnimplementedError("");
  EXPECT_EQ(Submit(), kExitFailed);
  EXPECT_THAT(err_, HasSubstr("SERVER_TOO_OLD"));
  EXPECT_EQ(blobs_.uploads, 0);
}

TEST_F(SubmitTest, BrokenFilesAreFoundBeforeAnythingIsSent) {
  Write("labels", "<!DOCTYPE html>");
  for (const char* command : {"check", "submit"}) {
    EXPECT_EQ(Run({"task", command, directory_.path() + "/task.yaml"}),
              kExitBadInput);
    EXPECT_THAT(err_, HasSubstr("/labels: is a web page"));
  }
  EXPECT_EQ(blobs_.uploads, 0);
}

// What the pool gets of pictures are files that it always took.
TEST_F(SubmitTest, PicturesAreSentAsIdx) {
  for (const char* name : {"cat", "dog"}) {
    const std::string folder = absl::StrCat(directory_.path(), "/set/", name);
    std::filesystem::create_directories(folder);
    for (int i = 0; i < 150; ++i) {
      Picture picture{.width = 4, .height = 4, .channels = 3};
      for (int at = 0; at < 48; ++at) {
        picture.pixels.push_back(static_cast<uint8_t>(at * i + name[0]));
      }
      Write(absl::StrCat("set/", name, "/", i, ".png"), EncodePng(picture));
    }
  }
  std::string text = kTask;
  const size_t begin = text.find("  format");
  text.replace(begin, text.find("space:") - begin,
               "  images: set\n  colors: gray\n  validation_count: 100\n"
               "  held_out_fraction: 0.2\n");
  Write("task.yaml", text);
  ASSERT_EQ(Submit(), kExitDone) << err_;
  EXPECT_EQ(blobs_.uploads, 4);
  EXPECT_EQ(tasks_.registered.classes(), 2);
  EXPECT_EQ(tasks_.registered.held_out_count(), 0);
  ASSERT_TRUE(tasks_.registered.has_idx());
  EXPECT_EQ(tasks_.registered.idx().held_out_images_digest().size(), 32u);
  EXPECT_EQ(tasks_.train_count, 140);
  EXPECT_THAT(err_, HasSubstr("0 cat 120 + 30 held out, 1 dog 120 + 30"));
  EXPECT_THAT(err_, HasSubstr("/set (images to train on): "));
  // The same pictures are the same task.
  ASSERT_EQ(Submit(), kExitDone);
  EXPECT_THAT(out_, HasSubstr("was opened from this file before"));
  // What is broken is found before anything is sent.
  blobs_.uploads = 0;
  Write("set/cat/7.png", "");
  EXPECT_EQ(Submit(), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("/set/cat/7.png: is empty"));
  EXPECT_EQ(blobs_.uploads, 0);
}

TEST_F(SubmitTest, CheckShowsTheDataset) {
  ASSERT_EQ(Run({"--json", "task", "check", directory_.path() + "/task.yaml"}),
            kExitDone)
      << err_;
  EXPECT_THAT(std::string(Json::parse(out_)["dataset"]),
              HasSubstr("300 images of 1x4x4"));
  EXPECT_THAT(err_, HasSubstr("A training takes "));
}

TEST_F(SubmitTest, WhatCanNeverBeTrainedIsFoundBeforeAnythingIsSent) {
  std::string text = kTask;
  text.replace(text.find("core_seconds: 10"), 16, "core_seconds: 0.000001");
  Write("task.yaml", text);
  EXPECT_EQ(Submit(), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("budget.core_seconds is 0.000001, and the "
                              "cheapest of 2 architectures drawn takes 0."));
  Write("task.yaml", absl::StrCat(kTask, "limits: {parameters: 10}\n"));
  EXPECT_EQ(Submit(), kExitBadInput);
  EXPECT_THAT(err_, HasSubstr("NO_POSSIBLE_ARCHITECTURE"));
  EXPECT_EQ(blobs_.uploads, 0);
}

}  // namespace
}  // namespace archpool
