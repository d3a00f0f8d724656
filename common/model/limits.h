// SPDX-License-Identifier: Apache-2.0
// What a task, a dataset and an account may hold: the one place that says so.
// The client checks a task's file against it, the wire, TaskSpec::Validate and
// the core a request, and a test compares the comments of the protocol with it.
// Compile-time constants.
#ifndef ARCHPOOL_COMMON_MODEL_LIMITS_H_
#define ARCHPOOL_COMMON_MODEL_LIMITS_H_

#include <cstdint>

#include "absl/time/time.h"
#include "common/base/range.h"
#include "common/model/ids.h"
#include "common/nas/layer_plan.h"

namespace archpool {

// 30,000 core-years; products with prices are taken in 128 bits.
inline constexpr WorkUnits kWorkUnitsMax = 1'000'000'000'000'000'000;

}  // namespace archpool

namespace archpool::limits {

// A share or an accuracy, in millionths.
inline constexpr Range<int64_t> kPpm{0, 1'000'000};

// A task's name: bytes of printable ASCII.
inline constexpr Range<int64_t> kTaskNameLength{1, 100};

// The recipe.
inline constexpr Range<int64_t> kBatchSize{1, 4096};
// The range for tasks submitted today: what smaller batches cost a machine is
// not what the cost table says. Tasks from before may have them.
inline constexpr Range<int64_t> kNewBatchSize{16, kBatchSize.max};
inline constexpr Range<int64_t> kEpochs{1, 1000};  // of each rung
inline constexpr Range<int64_t> kFurtherRungs{0, 8};
inline constexpr Range<int64_t> kPromotedOneIn{2, 64};
inline constexpr Range<int64_t> kLearningRatePpm{1, 10'000'000};
inline constexpr Range<int64_t> kMomentumPpm{0, 999'999};
inline constexpr Range<int64_t> kWeightDecayPpm = kPpm;
inline constexpr Range<int64_t> kLabelSmoothingPpm{0, 900'000};
inline constexpr Range<int64_t> kWarmupPpm = kPpm;
inline constexpr Range<int64_t> kShiftPixels{0, 8};
inline constexpr Range<int64_t> kSegments{1, 1024};

// The largest network. 0: as large as any plan.
inline constexpr Range<int64_t> kParametersMax{0, kPlanParametersMax};
inline constexpr Range<int64_t> kMacsMax{0, kPlanMacsMax};

// The budget.
inline constexpr Range<int64_t> kWorkUnits{1, kWorkUnitsMax};
inline constexpr Range<int64_t> kTrials{0, 1'000'000'000};  // 0: no limit
inline constexpr Range<absl::Duration> kTimeLimit{absl::Seconds(1),
                                                  absl::Hours(366 * 24)};
inline constexpr Range<int64_t> kTargetAccuracyPpm = kPpm;  // 0: no target

// The reward.
inline constexpr Range<int64_t> kReward{1, kAmountMax};
inline constexpr Range<int64_t> kFindersBonusPpm{0, 500'000};
inline constexpr Range<int64_t> kBonusAccuracyPpm = kPpm;
inline constexpr Range<int64_t> kBonusMacs{0, kPlanMacsMax};

// The search.
inline constexpr Range<int64_t> kHalvedPpm = kPpm;
inline constexpr Range<int64_t> kSubspaces{1, 16'384};
inline constexpr Range<int64_t> kTrialsPerLease{1, 64};

// A dataset.
inline constexpr Range<int64_t> kImageChannels{1, 64};
inline constexpr Range<int64_t> kImageSide{1, 4096};  // height, width; pixels
inline constexpr Range<int64_t> kClasses{2, 256};     // a label is one byte
inline constexpr Range<int64_t> kImages{1, 100'000'000};  // of one split
inline constexpr Range<int64_t> kPixelMeanPpm = kPpm;
// It is divided by: images without contrast have 1.
inline constexpr Range<int64_t> kPixelDeviationPpm{1, kPpm.max};

// An account.
inline constexpr Range<int64_t> kNameLength{1, 64};  // a worker's too
inline constexpr int64_t kSplitPartsMax = 16;
// Those whose pay it shares in.
inline constexpr int64_t kConsentsMax = 256;
// Its open invitations, together with those of the others of its group.
inline constexpr int64_t kInvitationsOpenMax = 16;
inline constexpr Range<int64_t> kInvitationUses{1, 1'000};
inline constexpr Range<absl::Duration> kInvitationTerm{absl::Minutes(1),
                                                       absl::Hours(90 * 24)};
inline constexpr int64_t kInvitationCodeLengthMax = 100;
// Accounts of one group that may come to it by invitations: what they may have
// is added up over all of them, again and again.
inline constexpr int64_t kInvitedPerGroupMax = 256;
// Its tokens that are in force; and of all that it makes within an hour.
inline constexpr int64_t kTokensMax = 32;
inline constexpr Range<absl::Duration> kTokenTerm{absl::Minutes(1),
                                                  absl::Hours(3'660 * 24)};
// How long a token that is replaced is in force beside the new one.
inline constexpr Range<absl::Duration> kTokenOverlap{absl::ZeroDuration(),
                                                     absl::Hours(90 * 24)};
// Openings that the answer to one heartbeat asks for: a worker sends these, and
// asks again.
inline constexpr int64_t kAskedMax = 16;

}  // namespace archpool::limits

#endif  // ARCHPOOL_COMMON_MODEL_LIMITS_H_
