// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <bit>
#include <utility>

#include "absl/strings/numbers.h"
#include "server/storage/postgres/column_types.h"

namespace archpool::postgres {
namespace {

constexpr size_t kDigestSizeBytes = sizeof(Digest().bytes);

// One byte for the length, then the digests.
void AddProof(const std::vector<Digest>& proof, std::string& bytes) {
  bytes.push_back(static_cast<char>(proof.size()));
  for (const Digest& digest : proof) bytes += digest.AsBytes();
}

// Little-endian.
void AddInt(int64_t value, std::string& bytes) {
  const auto bits = std::bit_cast<uint64_t>(value);
  for (size_t i = 0; i < sizeof(bits); ++i) {
    bytes.push_back(static_cast<char>(bits >> (8 * i) & 0xff));
  }
}

// Takes from the front of `bytes`; false where there is too little.
bool TakeDigest(absl::string_view& bytes, Digest& digest) {
  const auto taken = Digest::FromBytes(bytes.substr(0, kDigestSizeBytes));
  if (!taken.ok()) return false;
  digest = *taken;
  bytes.remove_prefix(kDigestSizeBytes);
  return true;
}

bool TakeInt(absl::string_view& bytes, int64_t& value) {
  if (bytes.size() < sizeof(value)) return false;
  uint64_t bits = 0;
  for (size_t i = 0; i < sizeof(bits); ++i) {
    bits |= uint64_t{static_cast<uint8_t>(bytes[i])} << (8 * i);
  }
  value = std::bit_cast<int64_t>(bits);
  bytes.remove_prefix(sizeof(value));
  return true;
}

bool TakeProof(absl::string_view& bytes, std::vector<Digest>& proof) {
  if (bytes.empty()) return false;
  proof.resize(static_cast<uint8_t>(bytes[0]));
  bytes.remove_prefix(1);
  for (Digest& digest : proof) {
    if (!TakeDigest(bytes, digest)) return false;
  }
  return true;
}

// Its length, then the text.
void AddText(const std::string& text, std::string& bytes) {
  AddInt(static_cast<int64_t>(text.size()), bytes);
  bytes += text;
}

bool TakeText(absl::string_view& bytes, std::string& text) {
  int64_t size = 0;
  if (!TakeInt(bytes, size) || size < 0 ||
      size > static_cast<int64_t>(bytes.size())) {
    return false;
  }
  text = std::string(bytes.substr(0, static_cast<size_t>(size)));
  bytes.remove_prefix(static_cast<size_t>(size));
  return true;
}

bool TakeTime(absl::string_view& bytes, absl::Time& time) {
  int64_t micros = 0;
  if (!TakeInt(bytes, micros)) return false;
  time = absl::FromUnixMicros(micros);
  return true;
}

// What a look's flags say, as bits. Its bytes have no version: a further bit is
// unset in all that was written before.
constexpr int64_t kLookIsWhole = 1;
constexpr int64_t kLookHasFailedAgain = 2;

bool TakeLook(absl::string_view& bytes, AuditLook& look) {
  int64_t kind = 0;
  int64_t flags = 0;
  if (!TakeInt(bytes, look.verifier.value) ||
      !TakeText(bytes, look.verifier_name) || !TakeInt(bytes, kind) ||
      !TakeInt(bytes, flags) || !TakeInt(bytes, look.count) ||
      !TakeText(bytes, look.reason) || !TakeTime(bytes, look.first_time) ||
      !TakeTime(bytes, look.time)) {
    return false;
  }
  look.kind = static_cast<LookKind>(kind);
  look.is_whole = (flags & kLookIsWhole) != 0;
  look.has_failed_again = (flags & kLookHasFailedAgain) != 0;
  return flags >= 0 && flags <= (kLookIsWhole | kLookHasFailedAgain) &&
         kind >= 0 && kind < static_cast<int64_t>(kCountOf<LookKind>);
}

}  // namespace

absl::Status Read(absl::string_view text, int64_t& value) {
  if (!absl::SimpleAtoi(text, &value)) {
    return Internal("STORE_CORRUPT",
                    absl::StrCat("'", text, "' where a number belongs"));
  }
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, bool& value) {
  if (text != "t" && text != "f") {
    return Internal("STORE_CORRUPT",
                    absl::StrCat("'", text, "' where true or false belongs"));
  }
  value = text == "t";
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, std::string& value) {
  value = std::string(text);
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, Digest& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes, ParseBytes(text));
  ARCHPOOL_ASSIGN_OR_RETURN(value, Digest::FromBytes(bytes));
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, PublicKey& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes, ParseBytes(text));
  ARCHPOOL_ASSIGN_OR_RETURN(value, PublicKey::FromBytes(bytes));
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, Signature& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes, ParseBytes(text));
  ARCHPOOL_ASSIGN_OR_RETURN(value, Signature::FromBytes(bytes));
  return absl::OkStatus();
}

void Write(const Opening& value, ArrayText& array) {
  std::string bytes;
  if (value != Opening()) {
    bytes += value.begin.weights.AsBytes();
    AddInt(value.begin.weights_size_bytes, bytes);
    bytes += value.begin.optimizer.AsBytes();
    AddInt(value.begin.optimizer_size_bytes, bytes);
    AddProof(value.begin_proof, bytes);
    bytes += value.end.AsBytes();
    AddProof(value.end_proof, bytes);
    AddProof(value.start_proof, bytes);
  }
  array.AddBytes(bytes);
}

absl::Status Read(absl::string_view text, Opening& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string held, ParseBytes(text));
  value = Opening();
  absl::string_view bytes = held;
  const bool is_whole =
      held.empty() ||
      (TakeDigest(bytes, value.begin.weights) &&
       TakeInt(bytes, value.begin.weights_size_bytes) &&
       TakeDigest(bytes, value.begin.optimizer) &&
       TakeInt(bytes, value.begin.optimizer_size_bytes) &&
       TakeProof(bytes, value.begin_proof) && TakeDigest(bytes, value.end) &&
       TakeProof(bytes, value.end_proof) &&
       TakeProof(bytes, value.start_proof));
  if (is_whole && bytes.empty()) return absl::OkStatus();
  return Internal("STORE_CORRUPT", "an opening of an audit is cut off");
}

void Write(const std::vector<AuditLook>& value, ArrayText& array) {
  std::string bytes;
  for (const AuditLook& look : value) {
    AddInt(look.verifier.value, bytes);
    AddText(look.verifier_name, bytes);
    AddInt(static_cast<int64_t>(look.kind), bytes);
    AddInt((look.is_whole ? kLookIsWhole : 0) |
               (look.has_failed_again ? kLookHasFailedAgain : 0),
           bytes);
    AddInt(look.count, bytes);
    AddText(look.reason, bytes);
    AddInt(absl::ToUnixMicros(look.first_time), bytes);
    AddInt(absl::ToUnixMicros(look.time), bytes);
  }
  array.AddBytes(bytes);
}

absl::Status Read(absl::string_view text, std::vector<AuditLook>& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string held, ParseBytes(text));
  value.clear();
  for (absl::string_view bytes = held; !bytes.empty();) {
    if (!TakeLook(bytes, value.emplace_back())) {
      return Internal("STORE_CORRUPT",
                      "what verifiers found of an audit is cut off");
    }
  }
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, absl::Time& value) {
  int64_t micros = 0;
  ARCHPOOL_RETURN_IF_ERROR(Read(text, micros));
  value = absl::FromUnixMicros(micros);
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, absl::Duration& value) {
  int64_t nanoseconds = 0;
  ARCHPOOL_RETURN_IF_ERROR(Read(text, nanoseconds));
  value = absl::Nanoseconds(nanoseconds);
  return absl::OkStatus();
}

absl::Status Read(absl::string_view text, Architecture& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::string bytes, ParseBytes(text));
  value.choices.assign(bytes.begin(), bytes.end());
  return absl::OkStatus();
}

namespace {

template <typename Id>
void WriteIds(const std::vector<Id>& value, ArrayText& array) {
  std::vector<int64_t> values;
  values.reserve(value.size());
  for (const Id id : value) values.push_back(id.value);
  array.AddText(IntListText(values));
}

template <typename Id>
absl::Status ReadIds(absl::string_view text, std::vector<Id>& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<int64_t> values,
                            ParseIntList(text));
  value.clear();
  for (const int64_t id : values) value.push_back(Id{id});
  return absl::OkStatus();
}

}  // namespace

void Write(const std::vector<TrialId>& value, ArrayText& array) {
  WriteIds(value, array);
}

absl::Status Read(absl::string_view text, std::vector<TrialId>& value) {
  return ReadIds(text, value);
}

void Write(const std::vector<AccountId>& value, ArrayText& array) {
  WriteIds(value, array);
}

absl::Status Read(absl::string_view text, std::vector<AccountId>& value) {
  return ReadIds(text, value);
}

void Write(const std::vector<RevenuePart>& value, ArrayText& array) {
  std::vector<int64_t> values;
  for (const RevenuePart& part : value) {
    values.push_back(part.account.value);
    values.push_back(part.share_ppm);
  }
  array.AddText(IntListText(values));
}

absl::Status Read(absl::string_view text, std::vector<RevenuePart>& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<int64_t> values,
                            ParseIntList(text));
  if (values.size() % 2 != 0) {
    return Internal("STORE_CORRUPT", "a revenue split is cut off");
  }
  value.clear();
  for (size_t i = 0; i < values.size(); i += 2) {
    value.push_back({AccountId{values[i]}, values[i + 1]});
  }
  return absl::OkStatus();
}

namespace {

// Every field of a share, in the order of its row. `Share`: const or not.
template <typename Share>
auto FieldsOf(Share& share) {
  return std::array{
      &share.account.value,      &share.trials_accepted, &share.trials_rejected,
      &share.work_units,         &share.payout,          &share.trials_audited,
      &share.work_units_matured, &share.detection_ppm};
}

}  // namespace

void Write(const std::vector<MinerShare>& value, ArrayText& array) {
  std::vector<int64_t> values;
  for (const MinerShare& share : value) {
    for (const int64_t* const field : FieldsOf(share)) {
      values.push_back(*field);
    }
  }
  array.AddText(IntListText(values));
}

absl::Status Read(absl::string_view text, std::vector<MinerShare>& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<int64_t> values,
                            ParseIntList(text));
  value.clear();
  for (auto next = values.begin(); next != values.end();) {
    for (int64_t* const field : FieldsOf(value.emplace_back())) {
      if (next == values.end()) {
        return Internal("STORE_CORRUPT", "a task's shares are cut off");
      }
      *field = *next++;
    }
  }
  return absl::OkStatus();
}

void Write(const std::map<std::string, int64_t>& value, ArrayText& array) {
  ArrayText list;
  for (const auto& [reason, count] : value) {
    list.AddText(reason);
    list.AddInt(count);
  }
  array.AddText(std::move(list).Take());
}

absl::Status Read(absl::string_view text,
                  std::map<std::string, int64_t>& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<std::string> list,
                            ParseTextList(text));
  value.clear();
  if (list.size() % 2 != 0) {
    return Internal("STORE_CORRUPT", "counts of reasons are cut off");
  }
  for (size_t i = 0; i < list.size(); i += 2) {
    ARCHPOOL_RETURN_IF_ERROR(Read(list[i + 1], value[list[i]]));
  }
  return absl::OkStatus();
}

void Write(const std::vector<uint64_t>& value, ArrayText& array) {
  std::vector<int64_t> values;
  values.reserve(value.size());
  for (const uint64_t bits : value) {
    values.push_back(std::bit_cast<int64_t>(bits));
  }
  array.AddText(IntListText(values));
}

absl::Status Read(absl::string_view text, std::vector<uint64_t>& value) {
  ARCHPOOL_ASSIGN_OR_RETURN(const std::vector<int64_t> values,
                            ParseIntList(text));
  value.clear();
  for (const int64_t bits : values) {
    value.push_back(std::bit_cast<uint64_t>(bits));
  }
  return absl::OkStatus();
}

}  // namespace archpool::postgres
