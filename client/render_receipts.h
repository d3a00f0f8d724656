// SPDX-License-Identifier: Apache-2.0
// Receipts as pages and JSON. Pure functions.
#ifndef ARCHPOOL_CLIENT_RENDER_RECEIPTS_H_
#define ARCHPOOL_CLIENT_RENDER_RECEIPTS_H_

#include <string>

#include "client/json.h"
#include "client/text.h"
#include "common/model/receipt_check.h"

namespace archpool {

std::string RenderReceiptReport(const ReceiptReport& report,
                                const Terminal& terminal);
Json ToJson(const ReceiptReport& report);
// One receipt on one line, and as JSON.
std::string DescribeReceipt(const ReceiptContent& receipt);
Json ToJson(const ReceiptContent& receipt);

}  // namespace archpool

#endif  // ARCHPOOL_CLIENT_RENDER_RECEIPTS_H_
