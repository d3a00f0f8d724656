// SPDX-License-Identifier: Apache-2.0
#include "common/channel/program.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <iostream>
#include <map>
#include <memory>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/base/standard_streams.h"
#include "common/base/status.h"
#include "common/channel/log_label.h"

namespace archpool {
namespace {

// What to do about the errors that the server's sentence does not settle.
std::string AdviceFor(const absl::Status& status) {
  static const auto& advice = *new std::map<std::string, std::string>{
      {"SERVER_UNREACHABLE",
       "Check --server and the network, and that archpool-server runs there."},
      {"CALL_TIMED_OUT", "The server is overloaded or hangs: try again later."},
      {"TOKEN_UNKNOWN",
       "Check --token-file: the operator shows a token once, when the account "
       "is made."},
      {"BALANCE_TOO_LOW",
       "Ask the pool's operator for a deposit, or offer a smaller reward."},
      {"ACCOUNT_SUSPENDED",
       "`archpool miner status` and `archpool miner trials` say which trials "
       "were rejected and why; the operator can lift it."}};
  const auto found = advice.find(GetReason(status));
  if (found != advice.end()) return found->second;
  if (absl::IsUnauthenticated(status)) {
    return "Check --token-file: the pool does not know this token.";
  }
  if (absl::IsPermissionDenied(status)) {
    return "Use the token of an account with the role that this needs.";
  }
  return "";
}

// The log is written by the thread that says it.
class LabelFlag : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& /*message*/,
              const std::tm& /*time*/, spdlog::memory_buf_t& line) override {
    const std::string& label = LogLabel::Current();
    line.append(label.data(), label.data() + label.size());
  }
  std::unique_ptr<spdlog::custom_flag_formatter> clone() const override {
    return std::make_unique<LabelFlag>();
  }
};

}  // namespace

int ExitCodeOf(const absl::Status& status) {
  // A file of the caller's that is missing is no refusal of the pool's.
  const std::string reason = GetReason(status);
  if (absl::StartsWith(reason, "FILE_") ||
      absl::StartsWith(reason, "TOKEN_FILE_")) {
    return kExitBadInput;
  }
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitDone;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return kExitBadInput;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kResourceExhausted:
      return kExitRefused;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return kExitUnreachable;
    default:
      return kExitFailed;
  }
}

std::string DescribeError(absl::string_view program,
                          const absl::Status& status) {
  const std::string reason = GetReason(status);
  const std::string advice = AdviceFor(status);
  return absl::StrCat(
      program, ": ", std::string(status.message()), " (",
      reason.empty() ? absl::StatusCodeToString(status.code()) : reason, ")\n",
      advice.empty() ? "" : absl::StrCat("  ", advice, "\n"));
}

std::optional<int> ParseFlags(CLI::App& app, int argc, char** argv) {
  ReserveStandardStreams();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error) != 0) return kExitBadInput;
    return Finish(app.get_name(), FlushOutput(std::cout));
  }
  return std::nullopt;
}

void SetUpLogging() {
  auto logger = spdlog::stderr_color_mt("archpool");
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<LabelFlag>('*').set_pattern(
      "%Y-%m-%dT%H:%M:%S.%e %^%l%$ %*%v");
  logger->set_formatter(std::move(formatter));
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(std::move(logger));
}

int Finish(absl::string_view program, const absl::Status& status) {
  if (!status.ok()) {
    const std::string text = DescribeError(program, status);
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  return ExitCodeOf(status);
}

}  // namespace archpool
