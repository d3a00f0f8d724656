// SPDX-License-Identifier: Apache-2.0
// What a lease may begin with. For the search room's own files.
#ifndef ARCHPOOL_SERVER_CORE_SEARCH_STARTS_H_
#define ARCHPOOL_SERVER_CORE_SEARCH_STARTS_H_

#include "server/core/search/search.h"

namespace archpool::search {

// What advances to the next rung, in one box.
LeaseStart StartFromPromotions(Step& step, const Task& task, Seeker& seeker);
// What the account left undone in an open box, in that box.
LeaseStart StartFromAbandoned(const Step& step, const Task& task,
                              Seeker& seeker);
// The best candidate of the ranking that can be had, and what follows it in its
// box; splits that box off one that is leased.
LeaseStart StartFromRanking(Step& step, const Task& task, Seeker& seeker,
                            Looks& looks);

}  // namespace archpool::search

#endif  // ARCHPOOL_SERVER_CORE_SEARCH_STARTS_H_
