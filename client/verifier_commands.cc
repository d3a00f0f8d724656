// SPDX-License-Identifier: Apache-2.0
// archpool verifier ..., archpool trial ...
#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/context.h"
#include "client/json.h"
#include "client/render_pool.h"
#include "client/render_verifiers.h"
#include "common/base/durable_file.h"
#include "common/base/status.h"
#include "common/tls/verifier_certificate.h"

namespace archpool {
namespace {

absl::Status ListVerifiers(Context& context) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  ARCHPOOL_ASSIGN_OR_RETURN(
      const v1::ListVerifiersResponse response,
      client->ListAll(client->verification(), &VerificationStub::ListVerifiers,
                      v1::ListVerifiersRequest(),
                      &v1::ListVerifiersResponse::mutable_verifiers));
  ARCHPOOL_ASSIGN_OR_RETURN(const v1::Maintenance maintenance,
                            client->GetMaintenance());
  Json json = ToJson(response);
  json["maintenance"] = ToJson(maintenance);
  context.Show(
      json, absl::StrCat(
                RenderMaintenance(maintenance, absl::Now(), context.terminal()),
                RenderVerifiers(response, context.terminal())));
  return absl::OkStatus();
}

absl::Status VoidTrial(Context& context, int64_t trial_id) {
  ARCHPOOL_ASSIGN_OR_RETURN(PoolClient* const client, context.Client());
  v1::VoidTrialRequest request;
  request.set_trial_id(trial_id);
  ARCHPOOL_RETURN_IF_ERROR(
      client
          ->Call(client->verification(), &VerificationStub::VoidTrial, request)
          .status());
  context.Show(Json({{"trial_id", trial_id}, {"is_void", true}}),
               absl::StrCat("trial-", trial_id,
                            " is void: unpaid, and held against nobody.\n"));
  return absl::OkStatus();
}

struct VerifierRequestFlags {
  std::string key_out;
  std::string request_out;
};

absl::Status MakeKeyAndRequest(Context& context,
                               const VerifierRequestFlags& flags) {
  const CertificateRequest made = MakeCertificateRequest();
  ARCHPOOL_ASSIGN_OR_RETURN(NewFile key,
                            NewFile::Create(flags.key_out, made.key));
  ARCHPOOL_RETURN_IF_ERROR(WriteNewFile(flags.request_out, made.request));
  key.Keep();
  context.Show(
      Json({{"key_file", flags.key_out}, {"request_file", flags.request_out}}),
      absl::StrCat(
          "The key is in ", flags.key_out, " and stays here. Send ",
          flags.request_out,
          " to the pool's operator, who answers with a certificate.\n"));
  return absl::OkStatus();
}

void AddVerifierRequest(CLI::App& verifier, Action& action) {
  const auto flags = std::make_shared<VerifierRequestFlags>();
  CLI::App* request = verifier.add_subcommand(
      "request",
      "Make a key for a verifier, and the request for a certificate of it, "
      "where the pool asks for one (docs/verifiers.md)");
  request
      ->add_option(
          "--key-out", flags->key_out,
          "The file to write the key to: for `archpool-verifier --key`")
      ->required()
      ->type_name("FILE");
  request
      ->add_option("--request-out", flags->request_out,
                   "The file to write the request to")
      ->required()
      ->type_name("FILE");
  request->callback([&action, flags] {
    action = [flags](Context& c) { return MakeKeyAndRequest(c, *flags); };
  });
}

}  // namespace

void AddVerifierCommands(CLI::App& app, Action& action) {
  CLI::App* verifier = app.add_subcommand(
      "verifier", "Verifiers, and the audits that wait for them (operators)");
  verifier->require_subcommand(1);
  verifier
      ->add_subcommand("list",
                       "Verifiers, which of them fail or are set aside, and "
                       "what waits for them. \"alone\": of the times that one "
                       "said that the pool's own two evaluations differ, how "
                       "often another came to a finding there")
      ->callback([&action] { action = ListVerifiers; });
  AddVerifierRequest(*verifier, action);
  CLI::App* trial = app.add_subcommand("trial", "Single trials (operators)");
  trial->require_subcommand(1);
  const auto id = std::make_shared<int64_t>(0);
  CLI::App* to_void = trial->add_subcommand(
      "void",
      "Takes a committed trial out of an open task: unpaid, held against "
      "nobody");
  to_void->add_option("TRIAL", *id, "The trial's number")
      ->required()
      ->check(CLI::Range(int64_t{1}, INT64_MAX));
  to_void->callback([&action, id] {
    action = [id](Context& c) { return VoidTrial(c, *id); };
  });
}

}  // namespace archpool
