// SPDX-License-Identifier: Apache-2.0
// The limits that the protocol's comments, docs/search-space.md and the example
// task state are those that the code holds requests to.
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "common/data/dataset_format.h"
#include "common/model/commitment.h"
#include "common/model/limits.h"
#include "common/nas/search_space.h"
#include "common/nas/template_limits.h"
#include "common/wire/request_limits.h"
#include "gtest/gtest.h"

namespace archpool {
namespace {

// Tests run in the root of the repository.
std::string ReadText(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  EXPECT_FALSE(text.str().empty()) << path;
  return text.str();
}

// "4096", "1'000" or "10^15"; nothing for a word.
std::optional<int64_t> ParseNumber(std::string text) {
  text = absl::StrReplaceAll(text, {{"'", ""}, {",", ""}});
  const std::vector<std::string> parts = absl::StrSplit(text, '^');
  int64_t number = 0;
  int64_t exponent = 1;
  if (!absl::SimpleAtoi(parts[0], &number)) return std::nullopt;
  if (parts.size() == 1) return number;
  if (!absl::SimpleAtoi(parts[1], &exponent)) return std::nullopt;
  int64_t power = 1;
  for (int64_t i = 0; i < exponent; ++i) power *= number;
  return power;
}

// The first "in [A, B]" or "A to B" with two numbers.
std::optional<Range<int64_t>> StatedRange(const std::string& comment) {
  static const std::regex kPattern(R"(\b[Ii]n \[([0-9'^]+), ([0-9'^]+)\])");
  static const std::regex kWords(R"(\b([0-9]+) to ([0-9]+)\b)");
  std::smatch match;
  if (!std::regex_search(comment, match, kPattern) &&
      !std::regex_search(comment, match, kWords)) {
    return std::nullopt;
  }
  const std::optional<int64_t> min = ParseNumber(match[1]);
  const std::optional<int64_t> max = ParseNumber(match[2]);
  if (!min.has_value() || !max.has_value()) return std::nullopt;
  return Range<int64_t>{*min, *max,
                        comment.find("Odd, in [") != std::string::npos};
}

// The first "at most N", of seconds where it is "at most N s", and of bytes
// where it is "at most N MiB".
std::optional<int64_t> StatedMost(const std::string& comment) {
  static const std::regex kPattern(
      R"(\b[Aa]t most ([0-9]+(?:[',][0-9]{3})*)(?: (s|MiB)\b)?)");
  std::smatch match;
  if (!std::regex_search(comment, match, kPattern)) return std::nullopt;
  const std::optional<int64_t> number = ParseNumber(match[1]);
  if (!number.has_value() || match[2] != "MiB") return number;
  return *number << 20;
}

// "Recipe.epochs" to the comment above the field, and "Recipe" to that above
// the message or service; nested messages by their own name alone.
std::map<std::string, std::string> FieldComments(const std::string& proto) {
  static const std::regex kMessage(R"(^\s*(?:message|service) (\w+) \{)");
  static const std::regex kField(
      R"(^\s*(?:optional |repeated )?[\w.]+ (\w+) = \d+;)");
  std::map<std::string, std::string> comments;
  std::vector<std::string> open;
  std::string comment;
  for (const std::string& line :
       std::vector<std::string>(absl::StrSplit(proto, '\n'))) {
    std::smatch match;
    const std::string stripped(absl::StripAsciiWhitespace(line));
    if (stripped.rfind("//", 0) == 0) {
      absl::StrAppend(&comment, stripped.substr(2));
      continue;
    }
    if (std::regex_search(line, match, kMessage)) {
      open.push_back(match[1]);
      comments[open.back()] = comment;
    } else if (!stripped.empty() && stripped.back() == '{') {
      // A oneof's fields belong to its message.
      open.push_back(open.empty() ? "" : open.back());
    } else if (stripped == "}" && !open.empty()) {
      open.pop_back();
    } else if (!open.empty() && std::regex_search(line, match, kField)) {
      comments[absl::StrCat(open.back(), ".", match[1].str())] = comment;
    }
    comment.clear();
  }
  return comments;
}

// Pages: 0 asks for the default, and the comment says the rest of the range.
constexpr Range<int64_t> kAskedPage{1, limits::kPageSize.max};

const std::map<std::string, Range<int64_t>>& LimitsByField() {
  static const std::map<std::string, Range<int64_t>> kLimits = {
      {"Account.name", limits::kNameLength},
      {"CreateAccountRequest.name", limits::kNameLength},
      {"SetQuotasRequest.group", limits::kNameLength},
      {"JoinRequest.name", limits::kNameLength},
      {"Token.name", limits::kNameLength},
      {"CreateTokenRequest.name", limits::kNameLength},
      {"RotateTokenRequest.name", limits::kNameLength},
      {"CreateInvitationRequest.uses_max", limits::kInvitationUses},
      {"OpenSessionRequest.worker_name", limits::kNameLength},
      {"AcquireAuditRequest.verifier_name", limits::kNameLength},
      {"DepositRequest.request_id", {1, limits::kRequestIdLengthMax}},
      {"RequestPayoutRequest.request_id", {1, limits::kRequestIdLengthMax}},
      {"SubmitTaskRequest.request_id", {1, limits::kRequestIdLengthMax}},
      {"SetPayoutTermsRequest.address", {1, limits::kAddressLengthMax}},
      {"OpenSessionRequest.arithmetic", {1, limits::kArithmeticLengthMax}},
      {"AcquireAuditRequest.arithmetics", limits::kArithmetics},
      {"Dimension.name", limits::kWordLength},
      {"Dimension.choices", {1, SearchSpace::kMaxChoices}},
      {"Block.kernel", limits::kKernel},
      {"Block.width", limits::kWidth},
      {"Block.expansion", limits::kExpansion},
      {"Block.repeat", limits::kRepeat},
      {"Cell.nodes", limits::kCellNodes},
      {"ChainTemplate.stem_kernel", limits::kKernel},
      {"ChainTemplate.stages", limits::kStages},
      {"RegisterDatasetRequest.classes", limits::kClasses},
      {"RegisterDatasetRequest.validation_count", limits::kImages},
      {"Recipe.batch_size", limits::kNewBatchSize},
      {"Recipe.epochs", limits::kEpochs},
      {"Recipe.further_epochs", limits::kEpochs},
      {"Recipe.learning_rate_ppm", limits::kLearningRatePpm},
      {"Recipe.momentum_ppm", limits::kMomentumPpm},
      {"Recipe.weight_decay_ppm", limits::kWeightDecayPpm},
      {"Recipe.label_smoothing_ppm", limits::kLabelSmoothingPpm},
      {"Recipe.warmup_ppm", limits::kWarmupPpm},
      {"Recipe.shift_pixels_max", limits::kShiftPixels},
      {"Recipe.segments", limits::kSegments},
      {"Recipe.promoted_one_in", limits::kPromotedOneIn},
      {"TaskSpec.parameters_max", limits::kParametersMax},
      {"TaskSpec.macs_max", limits::kMacsMax},
      {"TaskSpec.budget_work_units", limits::kWorkUnits},
      {"TaskSpec.trials_max", limits::kTrials},
      {"TaskSpec.target_accuracy_ppm", limits::kTargetAccuracyPpm},
      {"TaskSpec.reward_micros", limits::kReward},
      {"TaskSpec.finders_bonus_ppm", limits::kFindersBonusPpm},
      {"TaskSpec.bonus_accuracy_min_ppm", limits::kBonusAccuracyPpm},
      {"TaskSpec.bonus_macs_max", limits::kBonusMacs},
      {"TaskSpec.subspaces", limits::kSubspaces},
      {"TaskSpec.trials_per_lease", limits::kTrialsPerLease},
      {"TaskSpec.halved_macs_ppm", limits::kHalvedPpm},
      {"TaskSpec.halved_parameters_ppm", limits::kHalvedPpm},
      {"DepositRequest.amount_micros", limits::kDeposit},
      {"OpenSessionRequest.threads", limits::kThreads},
      {"ReportTrialsRequest.reports", limits::kReports},
      {"ListAccountsRequest.page_size", kAskedPage},
      {"ListBalancesRequest.page_size", kAskedPage},
      {"ListInvitationsRequest.page_size", kAskedPage},
      {"ListLeasesRequest.page_size", kAskedPage},
      {"ListPayoutsRequest.page_size", kAskedPage},
      {"ListReceiptsRequest.page_size", kAskedPage},
      {"ListSealsRequest.page_size", kAskedPage},
      {"ListTasksRequest.page_size", kAskedPage},
      {"ListTokensRequest.page_size", kAskedPage},
      {"ListTransfersRequest.page_size", kAskedPage},
      {"ListTrialsRequest.page_size", kAskedPage},
      {"ListVerifiersRequest.page_size", kAskedPage},
      {"ListWorkersRequest.page_size", kAskedPage},
  };
  return kLimits;
}

// What "at most" says of fields, messages and services; durations in seconds.
const std::map<std::string, int64_t>& MostByField() {
  static const std::map<std::string, int64_t> kMost = {
      {"AcquireAuditRequest.protocol_features", limits::kFeaturesMax},
      {"AcquireAuditRequest.wait", absl::ToInt64Seconds(limits::kWait.max)},
      {"AcquireLeaseRequest.holding_lease_ids", limits::kLeasesNamedMax},
      {"AcquireLeaseRequest.wait", absl::ToInt64Seconds(limits::kWait.max)},
      {"BlobService", limits::kChunkSizeBytesMax},
      {"ChainTemplate.cells", limits::kCellsMax},
      {"ChainTemplate.variants", limits::kVariantsMax},
      {"Cifar10Files.held_out_batches_digests", kDatasetFilesMax},
      {"Cifar10Files.train_batches_digests", kDatasetFilesMax},
      {"CreateInvitationRequest", limits::kInvitationsOpenMax},
      {"CreateInvitationRequest.term",
       absl::ToInt64Seconds(limits::kInvitationTerm.max)},
      {"CreateTokenRequest.term", absl::ToInt64Seconds(limits::kTokenTerm.max)},
      {"DownloadResponse.data", limits::kChunkSizeBytesMax},
      {"HeartbeatRequest.lease_ids", limits::kLeasesNamedMax},
      {"JoinRequest.code", limits::kInvitationCodeLengthMax},
      {"HeartbeatResponse.asked", limits::kAskedMax},
      {"Kept.trial_ids", limits::kTrialsKeptMax},
      {"OpenSessionRequest.protocol_features", limits::kFeaturesMax},
      {"Opening", kProofLengthMax},
      {"Recipe.further_epochs", limits::kFurtherRungs.max},
      {"ReleaseLeaseRequest.impossible_trial_ids", limits::kReports.max},
      {"RotateTokenRequest.overlap",
       absl::ToInt64Seconds(limits::kTokenOverlap.max)},
      {"SetQuotasRequest.leases", limits::kLeasesAllowed.max},
      {"SetQuotasRequest.open_tasks", limits::kOpenTasksAllowed.max},
      {"SetQuotasRequest.sessions", limits::kSessionsAllowed.max},
      {"SetQuotasRequest.stored_bytes", limits::kStoredBytesAllowed.max},
      {"SetRevenueSplitRequest.parts", limits::kSplitPartsMax},
      {"Task.backups", limits::kBackupsShownMax},
      {"UploadRequest.data", limits::kChunkSizeBytesMax},
  };
  return kMost;
}

// All comments of the protocol, by field.
std::map<std::string, std::string> CommentsOfProtocol() {
  std::map<std::string, std::string> comments;
  for (const std::string name :
       {"account", "blob", "dataset", "error", "invitation", "ledger", "lease",
        "payout", "pool", "proof", "receipt", "roles", "search_space", "task",
        "token", "trial", "verification", "work"}) {
    comments.merge(FieldComments(
        ReadText(absl::StrCat("proto/archpool/v1/", name, ".proto"))));
  }
  return comments;
}

TEST(DocumentedLimitsTest, CommentsOfTheProtocolStateTheRangesThatHold) {
  const std::map<std::string, std::string> comments = CommentsOfProtocol();
  int stated_count = 0;
  for (const auto& [field, comment] : comments) {
    const std::optional<Range<int64_t>> stated = StatedRange(comment);
    if (!stated.has_value()) continue;
    ++stated_count;
    const auto limit = LimitsByField().find(field);
    ASSERT_NE(limit, LimitsByField().end())
        << field << " states a range; name its constant in LimitsByField() of "
        << "this test";
    EXPECT_EQ(*stated, limit->second)
        << "the comment of " << field << " should say "
        << (limit->second.is_odd ? "\"Odd, in " : "\"In ")
        << ToString(limit->second) << "\"";
  }
  // The parser has not gone blind, and no row is of a field that went.
  EXPECT_GT(stated_count, 20);
  for (const auto& [field, limit] : LimitsByField()) {
    EXPECT_TRUE(comments.contains(field)) << field << " is no field";
  }
}

TEST(DocumentedLimitsTest, CommentsOfTheProtocolStateWhatIsAllowedAtMost) {
  std::map<std::string, int64_t> stated;
  for (const auto& [field, comment] : CommentsOfProtocol()) {
    const std::optional<int64_t> most = StatedMost(comment);
    if (most.has_value()) stated[field] = *most;
  }
  for (const auto& [field, most] : stated) {
    const auto limit = MostByField().find(field);
    ASSERT_NE(limit, MostByField().end())
        << field << " says \"at most\"; name its constant in MostByField() of "
        << "this test";
    EXPECT_EQ(most, limit->second) << "the comment of " << field;
  }
  for (const auto& [field, limit] : MostByField()) {
    EXPECT_TRUE(stated.contains(field))
        << field << " should say \"At most " << limit << "\"";
  }
}

// `row` of a table or a sentence, word for word.
void ExpectSays(const std::string& path, const std::string& text,
                const std::string& sentence) {
  const std::string flat = std::regex_replace(text, std::regex(R"(\s+)"), " ");
  EXPECT_NE(flat.find(sentence), std::string::npos)
      << path << " should say: " << sentence;
}

std::string To(const Range<int64_t>& range) {
  return absl::StrCat(range.min, " to ", range.max);
}

TEST(DocumentedLimitsTest, TheSearchSpacePageStatesTheRangesThatHold) {
  const std::string path = "docs/search-space.md";
  const std::string text = ReadText(path);
  for (const std::string& sentence : {
           absl::StrCat("up to ", SearchSpace::kMaxDimensions,
                        " dimensions of up to ", SearchSpace::kMaxChoices,
                        " choices each"),
           absl::StrCat(To(limits::kStages), " stages with ",
                        limits::kBlocksMax, " blocks at most in all"),
           absl::StrCat("| kernel | odd, ", To(limits::kKernel), " |"),
           absl::StrCat("| width | ", To(limits::kWidth),
                        "; `head_width` also ", limits::kHeadWidth.min, " |"),
           absl::StrCat("| expansion | ", To(limits::kExpansion), " |"),
           absl::StrCat("copies of the block, ", To(limits::kRepeat), ";"),
           absl::StrCat("A template has up to ", limits::kVariantsMax, "."),
           absl::StrCat("a graph of ", To(limits::kCellNodes), " nodes"),
       }) {
    ExpectSays(path, text, sentence);
  }
}

TEST(DocumentedLimitsTest, TheExampleTaskStatesTheRangesThatHold) {
  const std::string path = "deploy/examples/fashion-mnist.yaml";
  const std::string text = ReadText(path);
  ExpectSays(
      path, text,
      absl::StrCat("At most ", limits::kTaskNameLength.max, " characters."));
  static_assert(limits::kFindersBonusPpm.max == 500'000,
                "the example and its comment say 0.5");
  ExpectSays(path, text, "At most 0.5; default 0.1.");
}

TEST(DocumentedLimitsTest, TheParserReadsCommentsAsTheyAreWritten) {
  const auto comments = FieldComments(
      "// Of a person.\nmessage Outer {\n  // In a\n  // box.\n"
      "  message Inner {\n    oneof one {\n      // Odd, in [1, 10^2].\n"
      "      int64 field = 1;\n    }\n  }\n"
      "  // In [1, x].\n  repeated Inner other = 2;\n}\n");
  ASSERT_TRUE(comments.contains("Inner.field"));
  EXPECT_EQ(StatedRange(comments.at("Inner.field")),
            (Range<int64_t>{1, 100, true}));
  ASSERT_TRUE(comments.contains("Outer.other"));
  EXPECT_EQ(StatedRange(comments.at("Outer.other")), std::nullopt);
  EXPECT_EQ(comments.at("Outer"), " Of a person.");
  EXPECT_EQ(StatedRange(" Required. 1 to 64 characters; all different."),
            (Range<int64_t>{1, 64}));
  EXPECT_EQ(StatedMost(" As page_size, at most page_size."), std::nullopt);
  EXPECT_EQ(StatedMost(" At most 1,000."), 1'000);
  EXPECT_EQ(StatedMost(" At most 16, adding up to 1'000'000."), 16);
  EXPECT_EQ(StatedMost(" How long. At most 30 s."), 30);
  EXPECT_EQ(StatedMost(" Chunks carry at most 1 MiB of data."), 1 << 20);
}

}  // namespace
}  // namespace archpool
