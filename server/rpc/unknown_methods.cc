// SPDX-License-Identifier: Apache-2.0
#include "server/rpc/unknown_methods.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "common/base/status.h"
#include "common/wire/api_version.h"
#include "common/wire/status_wire.h"
#include "server/rpc/call.h"

namespace archpool::rpc {
namespace {

class Refusal : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refusal(const absl::Status& why) { Finish(wire::ToGrpc(why)); }
  void OnDone() override { delete this; }
};

absl::Status Unknown(const std::string& method) {
  constexpr size_t kShownMax = 100;
  return MakeError(
      absl::StatusCode::kUnimplemented, "METHOD_UNKNOWN",
      absl::StrCat("the server, of version ", wire::kOwnVersion, ", has no ",
                   method.substr(0, kShownMax),
                   ": the program is of a later version, or calls what there "
                   "never was"));
}

}  // namespace

grpc::ServerGenericBidiReactor* UnknownMethods::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  const absl::Status version = CheckVersion(*context);
  return new Refusal(version.ok() ? Unknown(context->method()) : version);
}

}  // namespace archpool::rpc
