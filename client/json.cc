// SPDX-License-Identifier: Apache-2.0
#include "client/json.h"

#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "client/text.h"
#include "client/times.h"
#include "common/base/millionths.h"
#include "common/wire/words.h"

namespace archpool {
namespace {

Json Accuracy(bool is_known, int64_t ppm) {
  return is_known ? Json(static_cast<double>(ppm) / 1e6) : Json();
}

Json TextOrNull(const std::string& text) {
  return text.empty() ? Json() : Json(text);
}

Json IdOrNull(int64_t id) { return id == 0 ? Json() : Json(id); }

Json TimeJson(const google::protobuf::Timestamp& time) {
  if (time.seconds() == 0) return Json();
  return absl::FormatTime(absl::RFC3339_full, ToTime(time),
                          absl::UTCTimeZone());
}

Json Seconds(const google::protobuf::Duration& duration) {
  return absl::ToDoubleSeconds(ToDuration(duration));
}

Json Fraction(int64_t ppm) { return static_cast<double>(ppm) / 1e6; }

Json RecipeJson(const v1::Recipe& recipe) {
  return {{"batch_size", recipe.batch_size()},
          {"epochs", recipe.epochs()},
          {"learning_rate", Fraction(recipe.learning_rate_ppm())},
          {"momentum", Fraction(recipe.momentum_ppm())},
          {"weight_decay", Fraction(recipe.weight_decay_ppm())},
          {"label_smoothing", Fraction(recipe.label_smoothing_ppm())},
          {"warmup", Fraction(recipe.warmup_ppm())},
          {"shift_pixels_max", recipe.shift_pixels_max()},
          {"horizontal_flip", recipe.horizontal_flip()},
          {"segments", recipe.segments()},
          {"further_epochs", recipe.further_epochs()},
          {"promoted_one_in", recipe.promoted_one_in()}};
}

Json FieldJson(const v1::IntField& field) {
  if (field.field_case() == v1::IntField::kDimension) {
    return absl::StrCat("$", field.dimension());
  }
  return field.constant();
}

Json FieldJson(const v1::WordField& field) {
  if (field.field_case() == v1::WordField::kDimension) {
    return absl::StrCat("$", field.dimension());
  }
  return field.constant();
}

Json VariantJson(const v1::ChainTemplate::Variant& variant) {
  Json json = {{"name", variant.name()}, {"operation", variant.operation()}};
  if (variant.has_kernel()) json["kernel"] = variant.kernel();
  if (variant.has_width()) json["width"] = variant.width();
  if (variant.has_expansion()) json["expansion"] = variant.expansion();
  if (variant.has_activation()) json["activation"] = variant.activation();
  return json;
}

Json CellJson(const v1::ChainTemplate::Cell& cell) {
  Json edges = Json::array();
  for (const v1::ChainTemplate::Cell::Edge& edge : cell.edges()) {
    edges.push_back({{"from", edge.from()},
                     {"to", edge.to()},
                     {"operation", FieldJson(edge.operation())}});
  }
  return {{"name", cell.name()}, {"nodes", cell.nodes()}, {"edges", edges}};
}

Json TemplateJson(const v1::ChainTemplate& chain) {
  Json stages = Json::array();
  for (const v1::ChainTemplate::Stage& stage : chain.stages()) {
    Json blocks = Json::array();
    for (const v1::ChainTemplate::Block& block : stage.blocks()) {
      blocks.push_back({{"operation", FieldJson(block.operation())},
                        {"kernel", FieldJson(block.kernel())},
                        {"width", FieldJson(block.width())},
                        {"expansion", FieldJson(block.expansion())},
                        {"repeat", FieldJson(block.repeat())},
                        {"activation", FieldJson(block.activation())}});
    }
    stages.push_back({{"stride", stage.stride()}, {"blocks", blocks}});
  }
  Json variants = Json::array();
  for (const auto& variant : chain.variants()) {
    variants.push_back(VariantJson(variant));
  }
  Json cells = Json::array();
  for (const auto& cell : chain.cells()) cells.push_back(CellJson(cell));
  return {{"kind", "chain"},
          {"variants", variants},
          {"cells", cells},
          {"stem",
           {{"width", FieldJson(chain.stem_width())},
            {"kernel", chain.stem_kernel()},
            {"stride", chain.stem_stride()},
            {"activation", FieldJson(chain.stem_activation())}}},
          {"stages", stages},
          {"head",
           {{"width", FieldJson(chain.head_width())},
            {"activation", FieldJson(chain.head_activation())}}}};
}

Json SearchJson(const v1::TaskSpec& spec) {
  return {{"policy", TextOrNull(spec.search_policy())},
          {"halved_macs", Fraction(spec.halved_macs_ppm())},
          {"halved_parameters", Fraction(spec.halved_parameters_ppm())}};
}

Json RejectedJson(const v1::Task& task) {
  Json rejected = Json::object();
  for (const v1::ReasonCount& count : task.rejected_by_reason()) {
    rejected[count.reason()] = count.count();
  }
  return rejected;
}

}  // namespace

std::string TextOf(const v1::Place& place) {
  const std::string kind = wire::WordOf(place.kind());
  if (place.has_task_id()) return absl::StrCat(kind, ":task-", place.task_id());
  return place.account_name().empty()
             ? kind
             : absl::StrCat(kind, ":", place.account_name());
}

Json ToJson(const v1::Account& account) {
  return {{"account_id", account.account_id()},
          {"name", account.name()},
          {"role", wire::WordOf(account.role())},
          {"state", wire::WordOf(account.state())},
          {"trials_accepted", account.trials_accepted()},
          {"trials_rejected", account.trials_rejected()},
          {"trials_abandoned", account.trials_abandoned()},
          {"is_public", account.is_public()},
          {"inviter_account_id", IdOrNull(account.inviter_account_id())}};
}

Json ToJson(const v1::Token& token) {
  return {{"number", token.number()},
          {"name", Clean(token.name())},
          {"scope", wire::WordOf(token.scope())},
          {"create_time", TimeJson(token.create_time())},
          {"expire_time", TimeJson(token.expire_time())},
          {"revoke_time", TimeJson(token.revoke_time())},
          {"last_use_time", TimeJson(token.last_use_time())},
          {"is_in_force", token.is_in_force()}};
}

Json ToJson(const v1::Invitation& invitation) {
  return {{"number", invitation.number()},
          {"account", invitation.account_name()},
          {"role", wire::WordOf(invitation.role())},
          {"uses_max", invitation.uses_max()},
          {"uses", invitation.uses()},
          {"create_time", TimeJson(invitation.create_time())},
          {"expire_time", TimeJson(invitation.expire_time())},
          {"is_open", invitation.is_open()}};
}

Json ToJson(const v1::ReplaceOwnerTokensResponse& replaced) {
  Json json = ToJson(replaced.token());
  json["revoked_count"] = replaced.revoked_count();
  json["payout_address_time"] = TimeJson(replaced.payout_address_time());
  return json;
}

Json ToJson(const v1::WorkerStatus& worker) {
  return {{"session_id", worker.session_id()},
          {"account", worker.account_name()},
          {"worker", worker.worker_name()},
          {"activity", wire::WordOf(worker.activity())},
          {"trial_id", IdOrNull(worker.trial_id())},
          {"step", worker.step()},
          {"steps", worker.steps()},
          {"last_seen_time", TimeJson(worker.last_seen_time())}};
}

Json ToJson(const v1::Lease& lease) {
  return {{"lease_id", lease.lease_id()},
          {"task_id", lease.task_id()},
          {"subspace_id", lease.subspace_id()},
          {"account", lease.account_name()},
          {"role", wire::WordOf(lease.role())},
          {"state", wire::WordOf(lease.state())},
          {"trials", lease.trials()},
          {"trials_target", lease.trials_target()},
          {"high_reward", lease.is_high_reward()},
          {"primary_lease_id", IdOrNull(lease.primary_lease_id())},
          {"backups_wanted", lease.backups_wanted()},
          {"backup_reason", TextOrNull(wire::WordOf(lease.backup_reason()))},
          {"miss_probability",
           lease.has_miss_ppm() ? Fraction(lease.miss_ppm()) : Json()},
          {"create_time", TimeJson(lease.create_time())},
          {"expire_time", TimeJson(lease.expire_time())},
          {"deadline_time", TimeJson(lease.deadline_time())}};
}

Json ToJson(const v1::Trial& trial) {
  return {{"trial_id", trial.trial_id()},
          {"task_id", trial.task_id()},
          {"account", trial.account_name()},
          {"state", wire::WordOf(trial.state())},
          {"reason", TextOrNull(trial.reason())},
          {"basis", TextOrNull(wire::WordOf(trial.basis()))},
          {"is_matured", trial.is_matured()},
          {"is_at_chance", trial.is_at_chance()},
          {"draw_chance", Fraction(trial.draw_ppm())},
          {"checkpoint_root",
           TextOrNull(absl::BytesToHexString(trial.checkpoint_root()))},
          {"architecture_id",
           TextOrNull(absl::BytesToHexString(trial.architecture_id()))},
          {"choices", trial.choices()},
          {"description", TextOrNull(trial.description())},
          {"parameters", trial.parameters()},
          {"macs", trial.macs()},
          {"work_units", absl::StrCat(trial.work_units())},
          {"rung", trial.rung()},
          {"known_from_trial_id", IdOrNull(trial.known_from_trial_id())},
          {"resumes_trial_id", IdOrNull(trial.resumes_trial_id())},
          {"claimed_accuracy", Accuracy(trial.has_claimed_accuracy_ppm(),
                                        trial.claimed_accuracy_ppm())},
          {"measured_accuracy", Accuracy(trial.has_measured_accuracy_ppm(),
                                         trial.measured_accuracy_ppm())},
          {"verified_accuracy", Accuracy(trial.has_verified_accuracy_ppm(),
                                         trial.verified_accuracy_ppm())},
          {"weights_digest",
           TextOrNull(absl::BytesToHexString(trial.weights_digest()))},
          {"subspace_id", trial.subspace_id()},
          {"pay", FormatCoins(trial.pay_micros())},
          {"finders_bonus", FormatCoins(trial.finders_bonus_micros())},
          {"create_time", TimeJson(trial.create_time())}};
}

Json ToJson(const v1::SearchSpace& space) {
  Json dimensions = Json::array();
  for (const v1::Dimension& dimension : space.dimensions()) {
    Json choices = Json::array();
    for (const v1::Dimension::Choice& choice : dimension.choices()) {
      if (choice.value_case() == v1::Dimension::Choice::kNumber) {
        choices.push_back(choice.number());
      } else {
        choices.push_back(choice.word());
      }
    }
    dimensions.push_back({{"name", dimension.name()}, {"choices", choices}});
  }
  return {{"dimensions", dimensions},
          {"template", TemplateJson(space.chain_template())}};
}

Json ToJson(const v1::TaskSpec& spec) {
  return {{"name", spec.name()},
          {"dataset_id", absl::BytesToHexString(spec.dataset_id())},
          {"space", ToJson(spec.space())},
          {"parameters_max", spec.parameters_max()},
          {"macs_max", spec.macs_max()},
          {"recipe", RecipeJson(spec.recipe())},
          {"budget_work_units", absl::StrCat(spec.budget_work_units())},
          {"trials_max", spec.trials_max()},
          {"time_limit_s", spec.time_limit().seconds()},
          {"target_accuracy", spec.has_target_accuracy_ppm()
                                  ? Fraction(spec.target_accuracy_ppm())
                                  : Json()},
          {"reward", FormatCoins(spec.reward_micros())},
          {"finders_bonus", Fraction(spec.finders_bonus_ppm())},
          {"search", SearchJson(spec)},
          {"subspaces", spec.subspaces()},
          {"trials_per_lease", spec.trials_per_lease()},
          {"results_visible_to_miners",
           spec.results_visible_to_miners() == v1::RESULT_SIGHT_AFTER_END
               ? "after the end"
               : "never"}};
}

Json ToJson(const v1::Task& task) {
  Json shares = Json::array();
  for (const v1::MinerShare& share : task.shares()) {
    shares.push_back(
        {{"account", share.account_name()},
         {"trials_accepted", share.trials_accepted()},
         {"trials_rejected", share.trials_rejected()},
         {"trials_audited", share.trials_audited()},
         {"detection_chance", Fraction(share.detection_ppm())},
         {"work_units", absl::StrCat(share.work_units())},
         {"work_units_matured", absl::StrCat(share.work_units_matured())},
         {"payout", FormatCoins(share.paid_micros())}});
  }
  return {{"task_id", task.task_id()},
          {"name", task.spec().name()},
          {"state", wire::WordOf(task.state())},
          {"end_reason", TextOrNull(wire::WordOf(task.end_reason()))},
          {"client", task.client_name()},
          {"space_size", task.space_size()},
          {"subspaces", task.subspaces()},
          {"subspaces_explored", task.subspaces_explored()},
          {"trials_assigned", task.trials_assigned()},
          {"trials_pending", task.trials_pending()},
          {"trials_accepted", task.trials_accepted()},
          {"trials_at_chance", task.trials_at_chance()},
          {"trials_diverged", task.trials_diverged()},
          {"trials_rejected", task.trials_rejected()},
          {"trials_abandoned", task.trials_abandoned()},
          {"rejected_by_reason", RejectedJson(task)},
          {"is_partial", task.is_partial()},
          {"backups", ListToJson(task.backups())},
          {"trials_known", task.trials_known()},
          {"work_units_accepted", absl::StrCat(task.work_units_accepted())},
          {"training_time_s", Seconds(task.training_time())},
          {"audit_time_s", Seconds(task.audit_time())},
          {"best", task.has_best() ? ToJson(task.best()) : Json()},
          {"front", ListToJson(task.front())},
          {"shares", shares},
          {"reward", FormatCoins(task.spec().reward_micros())},
          {"fee", FormatCoins(task.fee_micros())},
          {"refund", FormatCoins(task.refund_micros())},
          {"create_time", TimeJson(task.create_time())},
          {"deadline_time", TimeJson(task.deadline_time())},
          {"end_time", TimeJson(task.end_time())},
          {"spec", ToJson(task.spec())}};
}

Json ToJson(const v1::TaskSummary& task) {
  return {
      {"task_id", task.task_id()},
      {"name", task.name()},
      {"state", wire::WordOf(task.state())},
      {"end_reason", TextOrNull(wire::WordOf(task.end_reason()))},
      {"client", task.client_name()},
      {"trials_accepted", task.trials_accepted()},
      {"trials_rejected", task.trials_rejected()},
      {"work_units_accepted", absl::StrCat(task.work_units_accepted())},
      {"budget_work_units", absl::StrCat(task.budget_work_units())},
      {"best_trial_id", IdOrNull(task.best_trial_id())},
      {"best_verified_accuracy", Accuracy(task.has_best_verified_accuracy_ppm(),
                                          task.best_verified_accuracy_ppm())},
      {"reward", FormatCoins(task.reward_micros())},
      {"create_time", TimeJson(task.create_time())},
      {"deadline_time", TimeJson(task.deadline_time())},
      {"end_time", TimeJson(task.end_time())}};
}

Json SummaryJson(const v1::Task& task) {
  Json payouts = Json::object();
  Json work = Json::object();
  for (const v1::MinerShare& share : task.shares()) {
    payouts[share.account_name()] = FormatCoins(share.paid_micros());
    work[share.account_name()] = absl::StrCat(share.work_units());
  }
  Json best;
  if (task.has_best()) {
    best = {
        {"architecture", TextOrNull(task.best().description())},
        {"claimed_accuracy", Accuracy(task.best().has_claimed_accuracy_ppm(),
                                      task.best().claimed_accuracy_ppm())},
        {"verified_accuracy", Accuracy(task.best().has_verified_accuracy_ppm(),
                                       task.best().verified_accuracy_ppm())},
        {"parameters", task.best().parameters()},
        {"macs", task.best().macs()}};
  }
  Json elapsed_s;
  if (task.has_end_time()) {
    elapsed_s = absl::ToDoubleSeconds(ToTime(task.end_time()) -
                                      ToTime(task.create_time()));
  }
  return {{"task_id", task.task_id()},
          {"task_state", wire::WordOf(task.state())},
          {"space_size", task.space_size()},
          {"trials_accepted", task.trials_accepted()},
          {"trials_at_chance", task.trials_at_chance()},
          {"trials_diverged", task.trials_diverged()},
          {"trials_rejected", task.trials_rejected()},
          {"rejected_by_reason", RejectedJson(task)},
          {"best", best},
          {"reward", FormatCoins(task.spec().reward_micros())},
          {"fee", FormatCoins(task.fee_micros())},
          {"refund", FormatCoins(task.refund_micros())},
          {"payouts", payouts},
          {"validated_work", work},
          {"training_time_s", Seconds(task.training_time())},
          {"audit_time_s", Seconds(task.audit_time())},
          {"elapsed_s", elapsed_s}};
}

Json ToJson(const v1::Balance& balance) {
  return {{"place", TextOf(balance.place())},
          {"amount", FormatCoins(balance.amount_micros())}};
}

Json ToJson(const v1::Maintenance& maintenance) {
  return {{"is_on", maintenance.is_on()},
          {"since_time", maintenance.has_since_time()
                             ? TimeJson(maintenance.since_time())
                             : Json()}};
}

Json ToJson(const v1::RevenuePart& part) {
  return {{"account", Clean(part.account_name())},
          {"percent", FormatMillionths(part.share_ppm() * 100)},
          {"is_accepted", part.is_accepted()}};
}

Json ToJson(const v1::Payout& payout) {
  return {{"payout_id", payout.payout_id()},
          {"account", payout.account_name()},
          {"amount", FormatCoins(payout.amount_micros())},
          {"address", payout.address()},
          {"state", wire::WordOf(payout.state())},
          {"reference", payout.reference()},
          {"reason", payout.reason()},
          {"key", payout.key()},
          {"create_time", TimeJson(payout.create_time())},
          {"end_time",
           payout.has_end_time() ? TimeJson(payout.end_time()) : Json()}};
}

Json ToJson(const v1::Explanation& one) {
  return {{"reason", one.reason()},
          {"message", one.message()},
          {"advice", one.advice()},
          {"count", one.count()},
          {"trial_id", IdOrNull(one.trial_id())}};
}

Json ToJson(const v1::Transfer& transfer) {
  return {{"transfer_id", transfer.transfer_id()},
          {"debit_place", TextOf(transfer.debit_place())},
          {"credit_place", TextOf(transfer.credit_place())},
          {"amount", FormatCoins(transfer.amount_micros())},
          {"kind", wire::WordOf(transfer.kind())},
          {"task_id", IdOrNull(transfer.task_id())},
          {"create_time", TimeJson(transfer.create_time())}};
}

Json ToJson(const v1::CheckLedgerResponse& response) {
  return {{"is_sound", response.violations().empty()},
          {"violations", response.violations()},
          {"transfers", response.transfers()},
          {"debits", FormatCoins(response.debits_micros())},
          {"credits", FormatCoins(response.credits_micros())}};
}

Json ToJson(const v1::ListVerifiersResponse& response) {
  Json verifiers = Json::array();
  for (const auto& one : response.verifiers()) {
    verifiers.push_back({{"account", one.account_name()},
                         {"name", one.verifier_name()},
                         {"state", wire::WordOf(one.state())},
                         {"silent_for_seconds", Seconds(one.silent_for())},
                         {"failures_in_a_row", one.failures_in_a_row()},
                         {"agreed", one.agreed()},
                         {"outvoted", one.outvoted()},
                         {"planted_failed", one.planted_failed()},
                         {"alarms", one.alarms()},
                         {"alarms_alone", one.alarms_alone()},
                         {"audit_id", IdOrNull(one.audit_id())}});
  }
  return {{"verifiers", std::move(verifiers)},
          {"working", response.working()},
          {"audits_waiting", response.audits_waiting()},
          {"oldest_wait_seconds", Seconds(response.oldest_wait())},
          {"backlog_seconds",
           response.has_backlog() ? Seconds(response.backlog()) : Json()}};
}

}  // namespace archpool
