// SPDX-License-Identifier: Apache-2.0
// Who sees what: every method of the protocol, called by everybody about
// somebody else's things. docs/protocol.md has the same table in words.
#include <grpcpp/generic/generic_stub.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/base/status.h"
#include "common/data/read_file.h"
#include "common/wire/api_version.h"
#include "common/wire/status_wire.h"
#include "common/wire/words.h"
#include "gmock/gmock.h"
#include "google/protobuf/descriptor.h"
#include "gtest/gtest.h"
#include "server/rpc/authorization.h"
#include "tests/support/sight_rows.h"
#include "tests/support/status_matchers.h"

namespace archpool::rpc {
namespace {

// What nobody else may find in any answer, errors included.
std::map<std::string, std::string> SecretsFrom(Scene& scene,
                                               const std::string& viewer) {
  const Trial trial = *scene.fixture.store.GetTrial(TrialId{scene.accepted});
  const Trial second = *scene.fixture.store.GetTrial(TrialId{scene.examined});
  const DatasetRecord dataset =
      *scene.fixture.store.GetDataset(*Digest::FromBytes(scene.dataset));
  const auto bytes = [](const Digest& digest) {
    return std::string(digest.AsBytes());
  };
  std::map<std::string, std::string> secrets = {
      {"the held-out digest", bytes(dataset.held_out)},
      {"the train digest", bytes(dataset.manifest.train)},
      {"the validation digest", bytes(dataset.manifest.validation)},
      {"the dataset's id", scene.dataset},
      {"a network", bytes(trial.architecture_id)},
      {"another network", bytes(second.architecture_id)},
      {"weights", bytes(trial.commitment->weights_digest)},
      {"other weights", bytes(second.commitment->weights_digest)},
      {"a root", bytes(trial.commitment->checkpoint_root)},
      {"weights' bytes", Scene::kFirst},
      {"other weights' bytes", Scene::kSecond},
      {"an address", "address-of-alice"},
      {"a worker's name", "alices-machine"}};
  for (const auto& [name, party] : scene.parties) {
    if (name != viewer) secrets[name] = name;
  }
  const auto knows = [&secrets](const std::vector<std::string>& known) {
    for (const std::string& one : known) secrets.erase(one);
  };
  if (viewer == "alice-miner") {
    knows({"the train digest", "the validation digest", "the dataset's id",
           "a network", "another network", "weights", "other weights", "a root",
           "weights' bytes", "other weights' bytes", "an address",
           "a worker's name", "carol-client"});
  } else if (viewer == "carol-client") {
    knows({"the train digest", "the validation digest", "the dataset's id",
           "a network", "another network", "weights", "other weights", "a root",
           "weights' bytes"});
  } else if (viewer == "victor-verifier") {
    knows({"the held-out digest", "the train digest", "the validation digest",
           "the dataset's id", "another network", "other weights",
           "other weights' bytes"});
  } else if (viewer == "eve-miner") {
    knows({"carol-client"});  // whose work it might do
  }
  return secrets;
}

// How a call ended: its status, and all bytes that came.
struct Answer {
  absl::Status status;
  std::string bytes;
};

// Calls `method`, unary or streaming, with one message, and reads at most 100.
Answer Call(Party& party, const std::string& method,
            const std::string& request) {
  grpc::GenericStub stub(party.remote.channel());
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
  context.AddMetadata("authorization", absl::StrCat("Bearer ", party.token));
  context.AddMetadata(wire::kClientVersionKey, wire::kOwnVersion);
  grpc::CompletionQueue queue;
  const auto next = [&queue] {
    void* tag = nullptr;
    bool ok = false;
    return queue.Next(&tag, &ok) && ok;
  };
  const auto call = stub.PrepareCall(&context, method, &queue);
  call->StartCall(nullptr);
  next();
  grpc::Slice slice(request);
  call->WriteLast(grpc::ByteBuffer(&slice, 1), grpc::WriteOptions(), nullptr);
  next();
  Answer answer;
  const bool is_watch = absl::EndsWith(method, "/WatchTask");
  for (int i = 0; i < (is_watch ? 1 : 100); ++i) {
    grpc::ByteBuffer reply;
    call->Read(&reply, nullptr);
    if (!next()) break;
    std::vector<grpc::Slice> slices;
    EXPECT_TRUE(reply.Dump(&slices).ok());
    for (const grpc::Slice& one : slices) {
      answer.bytes.append(reinterpret_cast<const char*>(one.begin()),
                          one.size());
    }
    if (is_watch) context.TryCancel();
  }
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
  answer.status = wire::FromGrpc(status);
  if (is_watch && !answer.bytes.empty()) answer.status = absl::OkStatus();
  absl::StrAppend(&answer.bytes, status.error_message(),
                  status.error_details());
  return answer;
}

std::string ShortOf(const MethodRule& rule) {
  return rule.method.substr(std::string("/archpool.v1.").size());
}

// A new method needs a row: what each party sees of what is not its own.
TEST(SightTest, EveryMethodHasARow) {
  std::set<std::string> described = OperatorsMethods();
  for (const Row& row : AllRows()) described.insert(row.method);
  std::set<std::string> served;
  for (const MethodRule& rule : MethodRules()) {
    served.insert(ShortOf(rule));
    if (!OperatorsMethods().contains(ShortOf(rule))) continue;
    for (const Role role : {Role::kClient, Role::kMiner, Role::kVerifier}) {
      EXPECT_FALSE(rule.roles.Contains(role)) << rule.method;
    }
  }
  EXPECT_EQ(described, served);
}

TEST(SightTest, EveryMethodIsInTheDocument) {
  const auto page = ReadFile("docs/protocol.md", 1 << 20);
  ASSERT_THAT(page, IsOk());
  for (const MethodRule& rule : MethodRules()) {
    const std::string name = rule.method.substr(rule.method.rfind('/') + 1);
    EXPECT_TRUE(absl::StrContains(*page, absl::StrCat("\n| `", name, "` |")))
        << name << " has no row in the table 'Who sees what'";
  }
}

void ExpectOutcome(const Row& row, const std::string& name,
                   const absl::Status& status) {
  const auto expected = row.outcomes.find(name);
  const std::string outcome =
      expected == row.outcomes.end() ? "" : expected->second;
  if (outcome == kAnything) return;
  if (outcome == kRefused) {
    EXPECT_FALSE(status.ok()) << row.method << " as " << name;
    return;
  }
  EXPECT_EQ(GetReason(status), outcome)
      << row.method << " as " << name << ": " << status;
  EXPECT_EQ(status.ok(), outcome.empty()) << row.method << " as " << name;
}

TEST(SightTest, EachSeesWhatIsItsBusinessAndNoMore) {
  Scene scene;
  ASSERT_FALSE(::testing::Test::HasFailure());
  for (const Row& row : AllRows()) {
    const std::string method = absl::StrCat("/archpool.v1.", row.method);
    const std::string request = row.request(scene);
    for (const auto& [name, party] : scene.parties) {
      if (row.left_out.contains(name)) continue;
      const Role role = *wire::FromProto<Role>(scene.roles.at(name));
      const Answer answer = Call(*party, method, request);
      if (Authorize(method, role).ok()) {
        ExpectOutcome(row, name, answer.status);
      } else {
        EXPECT_EQ(GetReason(answer.status), "ROLE_NOT_ALLOWED")
            << method << " as " << name;
      }
      for (const auto& [what, secret] : SecretsFrom(scene, name)) {
        // What the caller said itself may be repeated.
        if (absl::StrContains(request, secret)) continue;
        EXPECT_FALSE(absl::StrContains(answer.bytes, secret))
            << method << " shows " << what << " to " << name;
      }
    }
  }
}

// What a miner sees of a task, field by field: a new one is put on a side.
TEST(SightTest, EveryFieldOfATaskIsShownToMinersOrNot) {
  const std::set<std::string> shown = {"task_id",
                                       "spec",
                                       "state",
                                       "end_reason",
                                       "client_name",
                                       "space_size",
                                       "trials_assigned",
                                       "trials_pending",
                                       "trials_accepted",
                                       "trials_rejected",
                                       "trials_abandoned",
                                       "work_units_accepted",
                                       "subspaces",
                                       "shares",
                                       "fee_micros",
                                       "create_time",
                                       "deadline_time",
                                       "end_time",
                                       "manifest",
                                       "backups",
                                       "above_chance_ppm",
                                       "bonus_accuracy_min_ppm",
                                       "bonus_macs_max",
                                       "is_partial"};
  const std::set<std::string> hidden = {
      "best",           "front",        "rejected_by_reason",
      "refund_micros",  "trials_known", "subspaces_explored",
      "training_time",  "audit_time",   "trials_at_chance",
      "trials_diverged"};
  Scene scene;
  const auto seen = scene.parties["eve-miner"]->GetTask(scene.task);
  ASSERT_THAT(seen, IsOk());
  const auto* const descriptor = v1::Task::descriptor();
  for (int i = 0; i < descriptor->field_count(); ++i) {
    const auto* const field = descriptor->field(i);
    EXPECT_NE(shown.contains(field->name()), hidden.contains(field->name()))
        << field->name() << " is on one of the two lists";
    if (!hidden.contains(field->name())) continue;
    const bool is_set = field->is_repeated()
                            ? seen->GetReflection()->FieldSize(*seen, field) > 0
                            : seen->GetReflection()->HasField(*seen, field);
    EXPECT_FALSE(is_set) << field->name();
  }
  const auto whole = scene.parties["carol-client"]->GetTask(scene.task);
  ASSERT_THAT(whole, IsOk());
  EXPECT_TRUE(whole->has_best());
}

}  // namespace
}  // namespace archpool::rpc
