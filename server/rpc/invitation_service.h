// SPDX-License-Identifier: Apache-2.0
// Invitations, and those who join by them. Thread-safe.
#ifndef ARCHPOOL_SERVER_RPC_INVITATION_SERVICE_H_
#define ARCHPOOL_SERVER_RPC_INVITATION_SERVICE_H_

#include "archpool/v1/invitation.grpc.pb.h"
#include "common/base/clock.h"
#include "server/engine/engine.h"
#include "server/rpc/account_directory.h"
#include "server/rpc/call.h"
#include "server/rpc/invitation_directory.h"
#include "server/rpc/join_limits.h"

namespace archpool::rpc {

class InvitationService : public v1::InvitationService::CallbackService {
 public:
  // All outlive the service.
  struct Parts {
    const Gate& gate;
    const Clock& clock;
    Engine& engine;
    const AccountDirectory& accounts;
    const InvitationDirectory& invitations;
    JoinLimits& limits;
  };
  explicit InvitationService(const Parts& parts) : parts_(parts) {}

  grpc::ServerUnaryReactor* CreateInvitation(
      grpc::CallbackServerContext* context,
      const v1::CreateInvitationRequest* request,
      v1::CreateInvitationResponse* response) override;
  grpc::ServerUnaryReactor* ListInvitations(
      grpc::CallbackServerContext* context,
      const v1::ListInvitationsRequest* request,
      v1::ListInvitationsResponse* response) override;
  grpc::ServerUnaryReactor* RevokeInvitation(
      grpc::CallbackServerContext* context,
      const v1::RevokeInvitationRequest* request,
      v1::RevokeInvitationResponse* response) override;
  grpc::ServerUnaryReactor* Join(grpc::CallbackServerContext* context,
                                 const v1::JoinRequest* request,
                                 v1::JoinResponse* response) override;

 private:
  // NOT_FOUND (INVITATION_UNKNOWN): of an account that is not the caller's, or
  // of none.
  absl::StatusOr<archpool::RevokeInvitation> ReadRevoke(
      const Account& caller, const v1::RevokeInvitationRequest& request) const;
  v1::Invitation ToProto(const Invitation& invitation) const;

  const Parts parts_;
};

}  // namespace archpool::rpc

#endif  // ARCHPOOL_SERVER_RPC_INVITATION_SERVICE_H_
